"""Which estimator, attack and defence does a name mean?"""

import re
from importlib import import_module
from inspect import isclass

from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MaxAbsScaler, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from skpoison import attacks
from skpoison.defences import KNNSanitizedClassifier, OutlierFilteredClassifier
from skpoison.report._errors import ReportError

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
    "knn_remove": lambda estimator: KNNSanitizedClassifier(estimator, action="remove"),
    "outlier_filter": OutlierFilteredClassifier,
}

# Every attack there is, under its own name in lower case.
ATTACKS = {
    re.sub(r"(?<!^)(?=[A-Z][a-z])", "_", name).lower(): getattr(attacks, name)
    for name in attacks.__all__
}


def find_estimator(name, seed):
    """Find the estimator that a name means.

    Parameters
    ----------
    name : str
        One of `ESTIMATORS`, or the importable name of an estimator, of its class, or
        of a function that makes it.
    seed : int
        Its `random_state`, where it has one.

    Returns
    -------
    estimator : estimator
    """
    estimator = clone(ESTIMATORS[name]) if name in ESTIMATORS else _made(name)
    if not hasattr(estimator, "fit") or not hasattr(estimator, "predict"):
        raise ReportError(
            f"--estimator {name} is no estimator with fit and predict. Give an "
            f"importable one, or one of {', '.join(ESTIMATORS)}."
        )
    return _seeded(estimator, seed)


def find_attack(name, seed):
    """Find the attack that a name means.

    Parameters
    ----------
    name : str
        One of `ATTACKS`, or the importable name of an attack or of its class.
    seed : int
        Its `random_state`, where it has one.

    Returns
    -------
    attack : sampler
    """
    attack = ATTACKS[name]() if name in ATTACKS else _made(name)
    if not hasattr(attack, "fit_resample") or not hasattr(attack, "budget"):
        raise ReportError(
            f"--attack {name} is no attack with fit_resample and a budget. Give an "
            f"importable one, or one of {', '.join(ATTACKS)}."
        )
    return _seeded(attack, seed)


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
    defence = DEFENCES[name] if name in DEFENCES else _imported(name)
    if not callable(defence):
        raise ReportError(
            f"--defence {name} cannot be put around an estimator. Give an importable "
            f"class that takes one, or one of {', '.join(DEFENCES)}."
        )
    return defence


def assemble(estimator, defence=None, *, is_sparse=False):
    """Put scaler, defence and estimator into a pipeline.

    Parameters
    ----------
    estimator : estimator
        The estimator. Of a Pipeline the defence goes around the last step, and the
        steps before it are left as they are; else a scaler is put before it.
    defence : callable, default=None
        What makes a defence around an estimator.
    is_sparse : bool, default=False
        Whether the data are sparse: then they are scaled without being centred.

    Returns
    -------
    pipeline : Pipeline
    """
    if isinstance(estimator, Pipeline):
        *before, last = (step for _, step in estimator.steps)
    else:
        before, last = [MaxAbsScaler() if is_sparse else StandardScaler()], estimator
    if defence is None:
        return make_pipeline(*before, last)
    try:
        return make_pipeline(*before, defence(last))
    except TypeError as error:
        raise ReportError(
            f"--defence {defence!r} takes no estimator: {error}"
        ) from error


def _imported(name):
    module, _, attribute = name.rpartition(".")
    try:
        return getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ReportError(
            f"{name!r} is neither one of the short names nor importable: {error}. See "
            "python -m skpoison --help."
        ) from error


def _made(name):
    found = _imported(name)
    if isclass(found) or not hasattr(found, "get_params"):
        try:
            found = found()
        except TypeError as error:
            raise ReportError(
                f"{name} cannot be made without arguments: {error}. Name a function "
                "of your own that makes it."
            ) from error
    return clone(found)


def _seeded(estimator, seed):
    seeds = {
        key: seed
        for key in estimator.get_params()
        if key.rpartition("__")[2] == "random_state"
    }
    return estimator.set_params(**seeds)
