"""Names of estimators, attacks and defences on the command line."""

from importlib import import_module
from inspect import isclass

from sklearn.base import clone
from sklearn.pipeline import Pipeline

from skpoison.cli._encoding import make_encoder
from skpoison.cli._errors import CommandError, near_misses, reason
from skpoison.cli._tasks import (
    ATTACKS,
    CLASSIFICATION,
    DEFENCES,
    ESTIMATORS,
    TASKS,
    task_of,
)

SHORT_NAMES = {
    "estimator": ESTIMATORS,
    "surrogate": ESTIMATORS,
    "transfer": ESTIMATORS,
    "attack": ATTACKS,
    "defence": DEFENCES,
}


def find_estimator(name, option="estimator", tasks=TASKS):
    """Return the estimator of a name.

    Parameters
    ----------
    name : str
        One of `ESTIMATORS`, or the importable name of an estimator, of its class, or
        of a function that returns one.
    option : {"estimator", "surrogate", "transfer"}, default="estimator"
        The option that names it.
    tasks : sequence of Task, default=TASKS
        The tasks that it can be of.

    Returns
    -------
    estimator : classifier or regressor
    """
    found = ESTIMATORS[name] if name in ESTIMATORS else _made(option, name)
    if task_of(found) not in tasks:
        names = [each for task in tasks for each in task.estimators]
        raise CommandError(
            f"--{option} {name} is not a scikit-learn "
            f"{' or '.join(task.kind for task in tasks)}. Give an importable one, or "
            f"one of {', '.join(names)}."
        )
    return found


def find_attack(name, seed, surrogate=None, task=CLASSIFICATION):
    """Return the attack of a name.

    Parameters
    ----------
    name : str
        One of `ATTACKS`, or the importable name of an attack, of its class, or of a
        function that returns one.
    seed : int
        Its `random_state`, if it has one.
    surrogate : estimator, default=None
        What the attacker believes that the victim learns, for attacks that have a
        surrogate and are given none.
    task : Task, default=CLASSIFICATION
        What is attacked.

    Returns
    -------
    attack : sampler
    """
    found = ATTACKS[name]() if name in ATTACKS else _made("attack", name)
    if not hasattr(found, "fit_resample") or "budget" not in found.get_params():
        raise CommandError(
            f"--attack {name} is not an attack with fit_resample and a budget. Give an "
            f"importable one, or one of {', '.join(task.attacks)}."
        )
    if not task.takes(found):
        raise CommandError(
            f"--attack {name} is for classes, and the target holds {task.target}. Take "
            f"one of {', '.join(task.attacks)}."
        )
    if surrogate is not None and found.get_params().get("surrogate", "") is None:
        found.set_params(surrogate=surrogate)
    return _seeded(found, seed)


def find_defence(name, task=CLASSIFICATION):
    """Return what puts the defence of a name around an estimator.

    Parameters
    ----------
    name : str
        One of `DEFENCES`, or the importable name of a class or function that takes
        the estimator.
    task : Task, default=CLASSIFICATION
        What is attacked.

    Returns
    -------
    defend : callable
        Takes an estimator and returns the defended one.
    """
    if name in DEFENCES and name not in task.defences:
        raise CommandError(
            f"--defence {name} is for classes, and the target holds {task.target}. "
            f"Take some of {', '.join(task.defences)}."
        )
    defence = task.defences.get(name) or _imported("defence", name)

    def defend(estimator):
        try:
            defended = defence(estimator)
        except Exception as error:
            raise CommandError(
                f"--defence {name} cannot be put around {estimator}: {reason(error)}. "
                "Give a class that takes an estimator, or one of "
                f"{', '.join(task.defences)}."
            ) from error
        if not task.is_estimator(defended):
            raise CommandError(
                f"--defence {name} around {estimator} is not a scikit-learn "
                f"{task.kind}. Give one of {', '.join(task.defences)}, or your own."
            )
        return defended

    return defend


def assemble(estimator, defence=None, *, seed, layout=None, is_sparse=False):
    """Return a pipeline of encoder or scaler, defence and estimator.

    Parameters
    ----------
    estimator : classifier or regressor
        The estimator. In a Pipeline the defence is put around the last step, and the
        other steps stay as they are; before any other estimator an encoder is put, or a
        scaler if all columns are numbers.
    defence : callable, default=None
        Puts a defence around an estimator. None: no defence.
    seed : int
        The `random_state` of every part that has one.
    layout : Layout, default=None
        What the columns are. None: numbers, none of them missing.
    is_sparse : bool, default=False
        Whether the data are sparse: they are then scaled without being centred.

    Returns
    -------
    pipeline : Pipeline
    """
    pipeline = clone(estimator)
    if not isinstance(estimator, Pipeline):
        steps = make_encoder(pipeline, layout=layout, is_sparse=is_sparse)
        pipeline = Pipeline([*steps, (type(pipeline).__name__.lower(), pipeline)])
    if defence is not None:
        name, last = pipeline.steps[-1]
        pipeline.set_params(**{name: defence(last)})
    return _seeded(pipeline, seed)


def _imported(option, name):
    # module:attribute, as elsewhere in Python, is module.attribute here.
    module, _, attribute = name.replace(":", ".", 1).rpartition(".")
    try:
        if not module:
            raise ImportError("it does not name a module")
        return getattr(import_module(module), attribute)
    # An imported module can raise anything, and a script can exit.
    except (Exception, SystemExit) as error:
        short_names = SHORT_NAMES[option]
        raise CommandError(
            f"--{option} {name} is not one of {', '.join(short_names)}, and cannot be "
            f"imported: {reason(error)}.{near_misses(name, short_names)}"
        ) from error


def _made(option, name):
    found = _imported(option, name)
    try:
        if isclass(found) or not hasattr(found, "get_params"):
            found = found()
        return clone(found)
    except Exception as error:
        raise CommandError(
            f"--{option} {name} cannot be made: {reason(error)}. Name a class or "
            "a function that needs no arguments, or an instance."
        ) from error


def _seeded(estimator, seed):
    seeds = {
        key: seed
        for key in estimator.get_params()
        if key.rpartition("__")[2] == "random_state"
    }
    return estimator.set_params(**seeds)
