"""Names of estimators, attacks, defences and scores on the command line."""

import re
from functools import partial
from importlib import import_module
from inspect import isclass

from sklearn.base import clone, is_classifier
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from skpoison import attacks
from skpoison.cli._encoding import make_encoder
from skpoison.cli._errors import CommandError, near_misses, reason
from skpoison.defences import (
    ConfidentLearningClassifier,
    InfluenceFilteredClassifier,
    KNNSanitizedClassifier,
    KNNShapleyFilteredClassifier,
    NoisyLabelClassifier,
    OutlierFilteredClassifier,
    SEVERClassifier,
    SpectralFilteredClassifier,
    TrimmedClassifier,
)

ESTIMATORS = {
    "logistic": LogisticRegression(max_iter=1000),
    "linear_svm": LinearSVC(),
    "svm": SVC(),
    "tree": DecisionTreeClassifier(),
    "forest": RandomForestClassifier(),
    "boosting": HistGradientBoostingClassifier(),
    "neighbors": KNeighborsClassifier(),
}

DEFENCES = {
    "knn_relabel": KNNSanitizedClassifier,
    "knn_drop": partial(KNNSanitizedClassifier, action="drop"),
    "outlier_filter": OutlierFilteredClassifier,
    "confident_learning": ConfidentLearningClassifier,
    "noisy_label": NoisyLabelClassifier,
    "knn_shapley": KNNShapleyFilteredClassifier,
    "influence": InfluenceFilteredClassifier,
    "trimmed": TrimmedClassifier,
    "sever": SEVERClassifier,
    "spectral": SpectralFilteredClassifier,
}

# Every attack of the package: GreedyLabelFlip is greedy_label_flip.
ATTACKS = {
    re.sub(r"(?<!^)(?=[A-Z][a-z])", "_", name).lower(): getattr(attacks, name)
    for name in attacks.__all__
}

# The defaults: attacks that are fast on any data, and the defences that withstand most.
QUICK_ATTACKS = ["random_insertion", "random_label_flip"]
BEST_DEFENCES = ["confident_learning", "knn_drop", "knn_relabel"]
# Its detector needs rows that it can trust.
BEST_DEFENCES_IF_TRUSTED = [*BEST_DEFENCES, "outlier_filter"]

SHORT_NAMES = {
    "estimator": ESTIMATORS,
    "surrogate": ESTIMATORS,
    "attack": ATTACKS,
    "defence": DEFENCES,
}


def find_estimator(name, option="estimator"):
    """Return the estimator of a name.

    Parameters
    ----------
    name : str
        One of `ESTIMATORS`, or the importable name of an estimator, of its class, or
        of a function that returns one.
    option : {"estimator", "surrogate"}, default="estimator"
        The option that names it.

    Returns
    -------
    estimator : classifier
    """
    found = ESTIMATORS[name] if name in ESTIMATORS else _made(option, name)
    if not _is_classifier(found):
        raise CommandError(
            f"--{option} {name} is not a scikit-learn classifier. Give an importable "
            f"one, or one of {', '.join(ESTIMATORS)}."
        )
    return found


def find_attack(name, seed, surrogate=None):
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

    Returns
    -------
    attack : sampler
    """
    found = ATTACKS[name]() if name in ATTACKS else _made("attack", name)
    if not hasattr(found, "fit_resample") or "budget" not in found.get_params():
        raise CommandError(
            f"--attack {name} is not an attack with fit_resample and a budget. Give an "
            f"importable one, or one of {', '.join(ATTACKS)}."
        )
    if surrogate is not None and found.get_params().get("surrogate", "") is None:
        found.set_params(surrogate=surrogate)
    return _seeded(found, seed)


def find_defence(name):
    """Return what puts the defence of a name around an estimator.

    Parameters
    ----------
    name : str
        One of `DEFENCES`, or the importable name of a class or function that takes
        the estimator.

    Returns
    -------
    defend : callable
        Takes an estimator and returns the defended one.
    """
    defence = DEFENCES[name] if name in DEFENCES else _imported("defence", name)

    def defend(estimator):
        try:
            defended = defence(estimator)
        except Exception as error:
            raise CommandError(
                f"--defence {name} cannot be put around {estimator}: {reason(error)}. "
                "Give a class that takes an estimator, or one of "
                f"{', '.join(DEFENCES)}."
            ) from error
        if not _is_classifier(defended):
            raise CommandError(
                f"--defence {name} around {estimator} is not a scikit-learn "
                f"classifier. Give one of {', '.join(DEFENCES)}, or your own."
            )
        return defended

    return defend


def assemble(estimator, defence=None, *, seed, layout=None, is_sparse=False):
    """Return a pipeline of encoder or scaler, defence and estimator.

    Parameters
    ----------
    estimator : classifier
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


def _is_classifier(found):
    try:
        return is_classifier(found) and hasattr(found, "predict")
    except AttributeError:  # It has no scikit-learn tags.
        return False


def _seeded(estimator, seed):
    seeds = {
        key: seed
        for key in estimator.get_params()
        if key.rpartition("__")[2] == "random_state"
    }
    return estimator.set_params(**seeds)
