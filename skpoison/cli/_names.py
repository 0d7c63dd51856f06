"""Names of estimators, attacks, defences and scores on the command line."""

import re
from difflib import get_close_matches
from importlib import import_module
from inspect import isclass

from sklearn.base import clone, is_classifier
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import get_scorer, get_scorer_names
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MaxAbsScaler, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.validation import _check_response_method

from skpoison import attacks
from skpoison.cli._errors import CommandError, reason
from skpoison.defences import (
    ConfidentLearningClassifier,
    KNNSanitizedClassifier,
    NoisyLabelClassifier,
    OutlierFilteredClassifier,
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
    "knn_drop": lambda estimator: KNNSanitizedClassifier(estimator, action="drop"),
    "outlier_filter": OutlierFilteredClassifier,
    "confident_learning": ConfidentLearningClassifier,
    "noisy_label": NoisyLabelClassifier,
}

# Every attack of the package: GreedyLabelFlip is greedy_label_flip.
ATTACKS = {
    re.sub(r"(?<!^)(?=[A-Z][a-z])", "_", name).lower(): getattr(attacks, name)
    for name in attacks.__all__
}

# The defaults: those that are fast on any data.
QUICK_ATTACKS = ["random_insertion", "random_label_flip"]
QUICK_DEFENCES = ["knn_relabel", "knn_drop", "outlier_filter"]

USUAL_SCORES = ["accuracy", "balanced_accuracy", "f1_macro", "roc_auc"]

SHORT_NAMES = {"estimator": ESTIMATORS, "attack": ATTACKS, "defence": DEFENCES}


def find_estimator(name):
    """Return the estimator of a name.

    Parameters
    ----------
    name : str
        One of `ESTIMATORS`, or the importable name of an estimator, of its class, or
        of a function that returns one.

    Returns
    -------
    estimator : classifier
    """
    found = ESTIMATORS[name] if name in ESTIMATORS else _made("estimator", name)
    if not _is_classifier(found):
        raise CommandError(
            f"--estimator {name} is not a scikit-learn classifier. Give an importable "
            f"one, or one of {', '.join(ESTIMATORS)}."
        )
    return found


def find_attack(name, seed):
    """Return the attack of a name.

    Parameters
    ----------
    name : str
        One of `ATTACKS`, or the importable name of an attack, of its class, or of a
        function that returns one.
    seed : int
        Its `random_state`, if it has one.

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


def assemble(estimator, defence=None, *, seed, is_sparse=False):
    """Return a pipeline of scaler, defence and estimator.

    Parameters
    ----------
    estimator : classifier
        The estimator. In a Pipeline the defence is put around the last step, and the
        other steps stay as they are; before any other estimator a scaler is put.
    defence : callable, default=None
        Puts a defence around an estimator. None: no defence.
    seed : int
        The `random_state` of every part that has one.
    is_sparse : bool, default=False
        Whether the data are sparse: they are then scaled without being centred.

    Returns
    -------
    pipeline : Pipeline
    """
    pipeline = clone(estimator)
    if not isinstance(estimator, Pipeline):
        scaler = MaxAbsScaler() if is_sparse else StandardScaler()
        pipeline = make_pipeline(scaler, pipeline)
    if defence is not None:
        name, last = pipeline.steps[-1]
        pipeline.set_params(**{name: defence(last)})
    return _seeded(pipeline, seed)


def check_scoring(name, estimator):
    """Check that a score exists and can be computed for an estimator.

    Parameters
    ----------
    name : str
        Name of a scorer.
    estimator : estimator
        What is scored.
    """
    names = get_scorer_names()
    if name not in names:
        near = get_close_matches(name, names) or USUAL_SCORES
        raise CommandError(
            f"--scoring {name} is not a scorer of scikit-learn, such as "
            f"{', '.join(near)}."
        )
    try:
        _check_response_method(estimator, get_scorer(name)._response_method)
    except AttributeError as error:
        raise CommandError(
            f"--scoring {name} cannot be computed: {error} Take another --scoring, or "
            "another --estimator."
        ) from error


def _imported(option, name):
    module, _, attribute = name.rpartition(".")
    try:
        if not module:
            raise ImportError("it does not name a module")
        return getattr(import_module(module), attribute)
    # An imported module can raise anything, and a script can exit.
    except (Exception, SystemExit) as error:
        raise CommandError(
            f"--{option} {name} is not one of {', '.join(SHORT_NAMES[option])}, and "
            f"cannot be imported: {reason(error)}."
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
