"""Which estimator, attack, defence and score does a name mean?"""

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
from skpoison.defences import (
    ConfidentLearningClassifier,
    KNNSanitizedClassifier,
    NoisyLabelClassifier,
    OutlierFilteredClassifier,
)
from skpoison.report._errors import ReportError, reason

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

# Every attack there is, under its own name in lower case.
ATTACKS = {
    re.sub(r"(?<!^)(?=[A-Z][a-z])", "_", name).lower(): getattr(attacks, name)
    for name in attacks.__all__
}

# Those that are quick whatever the data. The others have to be asked for.
QUICK_ATTACKS = ["random_insertion", "random_label_flip"]
QUICK_DEFENCES = ["knn_relabel", "knn_drop", "outlier_filter"]

USUAL_SCORES = ["accuracy", "balanced_accuracy", "f1_macro", "roc_auc"]

SHORT_NAMES = {"estimator": ESTIMATORS, "attack": ATTACKS, "defence": DEFENCES}


def find_estimator(name):
    """Find the estimator that a name means.

    Parameters
    ----------
    name : str
        One of `ESTIMATORS`, or the importable name of an estimator, of its class, or
        of a function that makes it.

    Returns
    -------
    estimator : classifier
    """
    found = ESTIMATORS[name] if name in ESTIMATORS else _made("estimator", name)
    if not _is_classifier(found):
        raise ReportError(
            f"--estimator {name} is no classifier of scikit-learn's kind. Give an "
            f"importable one, or one of {', '.join(ESTIMATORS)}."
        )
    return found


def find_attack(name, seed):
    """Find the attack that a name means.

    Parameters
    ----------
    name : str
        One of `ATTACKS`, or the importable name of an attack, of its class, or of a
        function that makes it.
    seed : int
        Its `random_state`, where it has one.

    Returns
    -------
    attack : sampler
    """
    found = ATTACKS[name]() if name in ATTACKS else _made("attack", name)
    if not hasattr(found, "fit_resample") or "budget" not in found.get_params():
        raise ReportError(
            f"--attack {name} is no attack with fit_resample and a budget. Give an "
            f"importable one, or one of {', '.join(ATTACKS)}."
        )
    return _seeded(found, seed)


def find_defence(name):
    """Find what puts a defence around an estimator.

    Parameters
    ----------
    name : str
        One of `DEFENCES`, or the importable name of a class or function that takes
        the estimator.

    Returns
    -------
    defence : callable
    """
    defence = DEFENCES[name] if name in DEFENCES else _imported("defence", name)

    def defend(estimator):
        try:
            defended = defence(estimator)
        except Exception as error:
            raise ReportError(
                f"--defence {name} cannot be put around {estimator}: {reason(error)}. "
                "Give a class that takes an estimator, or one of "
                f"{', '.join(DEFENCES)}."
            ) from error
        if not _is_classifier(defended):
            raise ReportError(
                f"--defence {name} around {estimator} is no classifier of "
                f"scikit-learn's kind. Give one of {', '.join(DEFENCES)}, or your own."
            )
        return defended

    return defend


def assemble(estimator, defence=None, *, seed, is_sparse=False):
    """Put scaler, defence and estimator into a pipeline.

    Parameters
    ----------
    estimator : classifier
        The estimator. Of a Pipeline the defence goes around the last step, and the
        steps before it are left as they are; else a scaler is put before it.
    defence : callable, default=None
        What makes a defence around an estimator.
    seed : int
        The `random_state` of everything in it that has one.
    is_sparse : bool, default=False
        Whether the data are sparse: then they are scaled without being centred.

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
    """Check that a score is one, and that it can be computed for an estimator.

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
        raise ReportError(
            f"--scoring {name} is no score of scikit-learn, such as {', '.join(near)}."
        )
    try:
        _check_response_method(estimator, get_scorer(name)._response_method)
    except AttributeError as error:
        raise ReportError(
            f"--scoring {name} cannot be computed: {error} Take another --scoring, or "
            "another --estimator."
        ) from error


def _imported(option, name):
    module, _, attribute = name.rpartition(".")
    try:
        if not module:
            raise ImportError("it names no module")
        return getattr(import_module(module), attribute)
    # A module can raise anything when it is imported, and a script can exit.
    except (Exception, SystemExit) as error:
        raise ReportError(
            f"--{option} {name} is none of {', '.join(SHORT_NAMES[option])}, and it "
            f"cannot be imported: {reason(error)}."
        ) from error


def _made(option, name):
    found = _imported(option, name)
    try:
        if isclass(found) or not hasattr(found, "get_params"):
            found = found()
        return clone(found)
    except Exception as error:
        raise ReportError(
            f"--{option} {name} cannot be made: {reason(error)}. Name a class or "
            "a function that needs no arguments, or an instance."
        ) from error


def _is_classifier(found):
    try:
        return is_classifier(found) and hasattr(found, "predict")
    except AttributeError:  # Raised where there are no tags of scikit-learn.
        return False


def _seeded(estimator, seed):
    seeds = {
        key: seed
        for key in estimator.get_params()
        if key.rpartition("__")[2] == "random_state"
    }
    return estimator.set_params(**seeds)
