"""Effect of every constructor parameter.

Everything public is found by reflection, and each of its parameters needs an entry in
PARAMETERS: a value that changes what comes out, or a reason why none does. In further
contexts, CONTEXTS, each parameter changes what comes out or raises a ValueError that
names it: none is ignored in silence.
"""

import inspect
from dataclasses import dataclass

import numpy as np
import pytest
from numpydoc.docscrape import ClassDoc
from sklearn.base import BaseEstimator, clone, is_regressor
from sklearn.cluster import KMeans
from sklearn.covariance import EllipticEnvelope
from sklearn.datasets import make_classification
from sklearn.linear_model import (
    Lasso,
    LogisticRegression,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
    SGDRegressor,
)
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.utils._param_validation import InvalidParameterError

from skpoison import (
    attacks,
    defences,
    feasible_sets,
    goals,
    online,
    optimizers,
    penalties,
    surrogates,
)
from skpoison.attacks import GradientInsertion, GradientModification
from skpoison.defences import KNNSanitizedClassifier, OutlierFilteredClassifier
from skpoison.feasible_sets import Box, Integers
from skpoison.goals import ErrorGeneric, TargetCoefficients, TargetFeatures
from skpoison.optimizers import ProjectedAscent
from skpoison.penalties import Displacement
from skpoison.surrogates import GradientDescentClassifier, Unrolled
from skpoison.utils._trusting import trusting

MODULES = [
    attacks,
    defences,
    feasible_sets,
    goals,
    online,
    optimizers,
    penalties,
    surrogates,
]
CLASSES = [
    value
    for module in MODULES
    for value in (getattr(module, name) for name in module.__all__)
    if inspect.isclass(value)
    and issubclass(value, BaseEstimator)
    and not inspect.isabstract(value)
]
MAX_PARAMETERS = 12


@dataclass(frozen=True)
class Changes:
    """Another value, with what has to be set for it, and what it changes.

    `seen_in` names a fitted attribute, or "stdout"; by default it is what comes out:
    the poisoned training set, predictions, rows projected.
    """

    value: object
    given: tuple = ()
    seen_in: str = "output"


@dataclass(frozen=True)
class NoEffect:
    """A parameter that changes nothing, and the reason."""

    reason: str


JOBS = NoEffect("Parallel work changes how long it takes, and not what comes out.")

# Starts differ if there are several minima.
STUMP = (
    ("estimator", DecisionTreeClassifier(max_depth=1, random_state=0)),
    ("contamination", 0.3),
)

STREAM_LEARNER = SGDClassifier(
    "log_loss", learning_rate="constant", eta0=0.5, shuffle=False, random_state=0
)

# By the name of a parameter, or of a class and a parameter where classes differ.


def first_column(X, y):
    """Return weights of scores."""
    return X[:, 0]


def first_is_positive(X):
    """Return a subpopulation."""
    return X[:, 0] > 0


def column_and_label(X, y):
    """Return other weights of scores."""
    return X[:, 1] - 2.0 * y


PARAMETERS = {
    "budget": Changes(0.3),
    "class_map": Changes({0: 1}),
    "known_fraction": Changes(0.5),
    "estimator": Changes(DecisionTreeClassifier(random_state=0)),
    "n_jobs": JOBS,
    "random_state": Changes(1),
    "sharpness": Changes(0.01),
    "surrogate": Changes(LogisticRegression(C=1e-4)),
    "verbose": Changes(1, seen_in="stdout"),
    "ALFA.random_state": Changes(1, given=(("known_fraction", 0.5),)),
    "GreedyDeletion.validation": Changes(3),
    "GreedyDeletion.n_exchanges": Changes(0, given=(("n_rounds", 1),)),
    "GreedyDeletion.n_rounds": Changes(1, given=(("n_exchanges", 0),)),
    "GreedyDeletion.random_state": Changes(1, given=(("known_fraction", 0.5),)),
    "feasible_set": Changes(Integers()),
    "goal": Changes({0: 1}),
    "look_ahead": Changes(4),
    "n_repeats": Changes(3),
    "positions": Changes("random"),
    "window": Changes(5),
    "burn_in": Changes(30),
    "max_rejected": Changes(0.01, given=(("window", 10),)),
    "RejectionClassifier.action": Changes("drop", seen_in="sample_weight_"),
    "RejectionClassifier.estimator": Changes(
        SGDClassifier("modified_huber", random_state=0)
    ),
    "RejectionClassifier.threshold": Changes(0.9),
    "RejectionClassifier.window": Changes(10, given=(("max_rejected", 0.05),)),
    "AdaptiveCombinationClassifier.estimators": Changes(
        [("fast", STREAM_LEARNER), ("slower", SGDClassifier("log_loss", eta0=1e-3))],
        seen_in="weights_",
    ),
    "AdaptiveCombinationClassifier.learning_rate": Changes(
        0.1, given=(("rule", "remembered"),), seen_in="weights_"
    ),
    "AdaptiveCombinationClassifier.n_trusted": Changes(5, seen_in="weights_"),
    "AdaptiveCombinationClassifier.rule": NoEffect("`fit` has one rule."),
    "AdaptiveCombinationClassifier.fading": NoEffect(
        "It is for new rows of a stream, and `fit` refuses it."
    ),
    "RejectionClassifier.max_leverage": Changes(0.3, seen_in="sample_weight_"),
    "TrustedStepClassifier.max_leverage": Changes(0.3, seen_in="sample_weight_"),
    "TrustedStepClassifier.window": Changes(5, seen_in="sample_weight_"),
    "SlidingWindowClassifier.estimator": Changes(
        OutlierFilteredClassifier(STREAM_LEARNER, quantile=0.5)
    ),
    "SlidingWindowClassifier.window": NoEffect("`fit` judges all rows together."),
    "SlidingWindowClassifier.every": NoEffect("`fit` does not wait for rows."),
    "TrustedStepClassifier.action": Changes("drop", seen_in="sample_weight_"),
    "TrustedStepClassifier.estimator": Changes(
        SGDClassifier("modified_huber", random_state=0)
    ),
    "TrustedStepClassifier.n_trusted": Changes(4),
    "TrustedStepClassifier.quantile": Changes(0.1),
    "OnlineInsertion.goal": Changes({0: 1}),
    "OnlineInsertion.feasible_set": Changes(Box(-0.5, 0.5)),
    "OnlineInsertion.surrogate": Changes(SGDClassifier("hinge", random_state=0)),
    "OnlineInsertion.random_state": Changes(1, given=(("positions", "random"),)),
    "OnlineLabelFlip.look_ahead": Changes(9, seen_in="gains_"),
    "OnlineLabelFlip.goal": Changes({0: 1}),
    "OnlineLabelFlip.surrogate": Changes(SGDClassifier("hinge", random_state=0)),
    "OnlineLabelFlip.random_state": Changes(1, given=(("look_ahead", 3),)),
    "hypergradient": Changes(
        Unrolled(last=2), given=(("surrogate", GradientDescentClassifier(n_steps=9)),)
    ),
    "optimizer": Changes(ProjectedAscent(0.01, max_iter=4)),
    "Detectability.detector": Changes(EllipticEnvelope(random_state=0)),
    "Detectability.weight": Changes(1.0),
    "penalties": Changes([Displacement(10.0)]),
    "poison_labels": Changes("keep"),
    "validation": Changes(0.6),
    "ErrorSpecific.class_map": Changes({1: 0}),
    "ascent": Changes(ProjectedAscent(max_iter=1)),
    "n_climbs": Changes(1),
    "n_starts": Changes(1),
    "loss": Changes("surrogate"),
    "decay": Changes(0.5),
    "max_iter": Changes(0),
    "n_restarts": Changes(3),
    "schedule": Changes("sequential"),
    "step_size": Changes(0.1),
    "store_path": Changes(True, seen_in="rows_path_"),
    "ProjectedAscent.tol": Changes(10.0, given=(("max_iter", 80),)),
    "SpectralProjectedGradient.tol": Changes(
        10.0, given=(("max_iter", 80),), seen_in="goal_path_"
    ),
    "weight": Changes(10.0),
    "Unrolled.last": Changes(2),
    "ResponseRange.high": Changes(0.5),
    "ResponseRange.low": Changes(-0.5),
    "ResponseRange.start": Changes("keep"),
    "GreedyLabelFlip.validation": Changes(5, seen_in="goal_path_"),
    "GreedyLabelFlip.n_candidates": Changes(
        1,
        given=(
            ("surrogate", DecisionTreeClassifier(max_depth=3, random_state=0)),
            ("goal", {0: 1}),
        ),
    ),
    "MarginLabelFlip.order": Changes("nearest"),
    "MarginLabelFlip.random_state": Changes(1, given=(("known_fraction", 0.5),)),
    "SubpopulationInsertion.clusterer": Changes(KMeans(7, n_init=1, random_state=0)),
    "SubpopulationInsertion.member": Changes(first_is_positive),
    "SubpopulationInsertion.rate": Changes(
        0.5, given=(("clusterer", KMeans(7, n_init=1, random_state=0)),)
    ),
    "SubpopulationInsertion.random_state": Changes(1, given=(("known_fraction", 0.5),)),
    "SubpopulationLabelFlip.clusterer": Changes(KMeans(7, n_init=1, random_state=0)),
    "SubpopulationLabelFlip.member": Changes(first_is_positive),
    "SubpopulationLabelFlip.random_state": Changes(1, given=(("known_fraction", 0.5),)),
    "RelaxedLabelFlip.max_iter": Changes(1, seen_in="n_iter_"),
    "RelaxedLabelFlip.validation": Changes(5, seen_in="goal_path_"),
    "ConfidentLearningClassifier.action": Changes("relabel"),
    "ConfidentLearningClassifier.classifiers": Changes([DecisionTreeClassifier()]),
    "ConfidentLearningClassifier.cv": Changes(2),
    "ConfidentLearningClassifier.threshold": Changes(0.9),
    "KNNSanitizedClassifier.action": Changes("drop"),
    "KNNSanitizedClassifier.max_reference": Changes(50),
    "KNNSanitizedClassifier.prior_correction": Changes(
        False, given=(("threshold", 0.6),)
    ),
    "KNNSanitizedClassifier.random_state": Changes(1, given=(("max_reference", 50),)),
    "KNNSanitizedClassifier.metric": Changes("chebyshev"),
    "KNNSanitizedClassifier.n_neighbors": Changes(3),
    "KNNSanitizedClassifier.n_passes": Changes(3),
    "KNNSanitizedClassifier.neighbors": Changes(NearestNeighbors(p=1)),
    "KNNSanitizedClassifier.threshold": Changes(0.9),
    "KNNSanitizedClassifier.weights": Changes("distance"),
    "NoisyLabelClassifier.cv": Changes(2),
    "SEVERClassifier.cutoff": Changes("random", seen_in="sample_scores_"),
    "SEVERClassifier.n_rounds": Changes(1, seen_in="sample_scores_"),
    "SEVERClassifier.random_state": Changes(1, given=(("cutoff", "random"),)),
    "SEVERRegressor.cutoff": Changes("random", seen_in="sample_scores_"),
    "SEVERRegressor.estimator": Changes(Ridge(alpha=100.0)),
    "SEVERRegressor.n_rounds": Changes(1, seen_in="sample_scores_"),
    "SEVERRegressor.random_state": Changes(
        1, given=(("cutoff", "random"), ("n_rounds", 1)), seen_in="sample_scores_"
    ),
    "SEVERClassifier.estimator": Changes(LogisticRegression(C=1e-3)),
    "SpectralFilteredClassifier.n_rounds": Changes(4, seen_in="sample_scores_"),
    "SpectralFilteredClassifier.random_state": NoEffect(
        "It draws where the iteration for a singular vector starts, and not its end."
    ),
    "TrimmedClassifier.max_iter": Changes(1, seen_in="loss_path_"),
    "TrimmedClassifier.n_starts": Changes(1, given=STUMP, seen_in="loss_path_"),
    "TrimmedClassifier.random_state": Changes(1, given=STUMP, seen_in="loss_path_"),
    "TrimmedRegressor.estimator": Changes(Ridge(alpha=100.0)),
    "TrimmedRegressor.max_iter": Changes(1, seen_in="loss_path_"),
    "TrimmedRegressor.n_starts": Changes(1, seen_in="loss_path_"),
    "TrimmedRegressor.random_state": Changes(1, seen_in="loss_path_"),
    "contamination": Changes(0.25),
    "NoisyLabelClassifier.estimator": Changes(LogisticRegression(C=1e-3)),
    "NoisyLabelClassifier.method": Changes("weighted"),
    "NoisyLabelClassifier.noise": Changes(0.3),
    "OutlierFilteredRegressor.estimator": Changes(Ridge(alpha=100.0)),
    "InfluenceFilteredRegressor.estimator": Changes(Ridge(alpha=100.0)),
    "InfluenceFilteredClassifier.estimator": Changes(LogisticRegression(C=1e-3)),
    "InfluenceFilteredClassifier.surrogate": Changes(
        LogisticRegression(C=1e-4), seen_in="sample_scores_"
    ),
    "InfluenceFilteredRegressor.surrogate": Changes(
        Ridge(alpha=1000.0), seen_in="sample_scores_"
    ),
    "InfluenceFilteredClassifier.random_state": Changes(
        1,
        given=(
            ("surrogate", DecisionTreeClassifier(max_features=1, max_depth=2)),
            ("method", "retrain"),
        ),
        seen_in="sample_scores_",
    ),
    "InfluenceFilteredRegressor.random_state": Changes(
        1,
        given=(
            ("surrogate", DecisionTreeRegressor(max_features=1, max_depth=2)),
            ("method", "retrain"),
        ),
        seen_in="sample_scores_",
    ),
    "InfluenceFilteredClassifier.scoring": Changes(
        "neg_log_loss", given=(("method", "retrain"),)
    ),
    "InfluenceFilteredRegressor.scoring": Changes(
        "neg_mean_absolute_error", given=(("method", "retrain"),)
    ),
    "beside": Changes("trusted"),
    "InfluenceFilteredClassifier.method": Changes("newton", seen_in="sample_scores_"),
    "InfluenceFilteredRegressor.method": Changes("newton", seen_in="sample_scores_"),
    "KNNShapleyFilteredClassifier.n_neighbors": Changes(1),
    "KNNShapleyFilteredRegressor.estimator": Changes(Ridge(alpha=100.0)),
    "KNNShapleyFilteredRegressor.n_neighbors": Changes(1),
    "radius": Changes(1.0),
    "action": Changes("weigh"),
    "detector": Changes(LocalOutlierFactor(novelty=True), given=(("quantile", 0.5),)),
    "OutlierFilteredClassifier.max_reference": Changes(5),
    "OutlierFilteredRegressor.max_reference": Changes(5, given=(("quantile", 0.5),)),
    "OutlierFilteredClassifier.random_state": Changes(1, given=(("max_reference", 5),)),
    "OutlierFilteredRegressor.random_state": Changes(
        1, given=(("max_reference", 5), ("quantile", 0.5))
    ),
    "OutlierFilteredClassifier.n_neighbors": Changes(1),
    "OutlierFilteredRegressor.n_neighbors": Changes(1, given=(("quantile", 0.5),)),
    "OutlierFilteredClassifier.metric": Changes("cosine", given=(("quantile", 0.5),)),
    "OutlierFilteredRegressor.metric": Changes("cosine", given=(("quantile", 0.5),)),
    "OutlierFilteredClassifier.per_class": Changes(False, given=(("quantile", 0.8),)),
    "quantile": Changes(0.5),
    "AcceptedBy.defence": Changes(
        OutlierFilteredClassifier(LogisticRegression(), quantile=0.5)
    ),
    "Box.lower": Changes(-0.1),
    "Box.upper": Changes(0.1),
    "Frozen.columns": Changes([1]),
    "Integers.columns": Changes([1]),
    "Intersection.sets": Changes([("box", Box(0, 1))]),
    "L1Ball.radius": Changes(2.0),
    "L2Ball.radius": Changes(2.0),
    "LinfBall.radius": Changes(2.0),
    "LossBound.estimator": Changes(LogisticRegression(C=1e-3)),
    "OneHot.groups": Changes([[1, 2]]),
    "Slab.lower": Changes(-0.1),
    "Slab.normal": Changes([1.0, 2.0, 0.0, 1.0]),
    "Slab.upper": Changes(0.1),
    "Sparse.max_nonzero": Changes(1),
    "TargetCoefficients.values": Changes({0: -3.0}),
    "TargetFeatures.discard": Changes((1,)),
    "TargetFeatures.select": Changes((1,)),
    "WeightedScores.weights": Changes(column_and_label),
    "alpha": Changes(0.1),
    "fit_intercept": Changes(False),
    "learning_rate": Changes(0.01),
    "n_steps": Changes(3),
    "GradientDescentClassifier.loss": Changes("squared_error"),
}

# What the test of a class starts from: parameters without a default, small settings.
SETTINGS = {
    "AcceptedBy": {"defence": OutlierFilteredClassifier(LogisticRegression())},
    "ConfidentLearningClassifier": {"cv": 3},
    "ErrorSpecific": {"class_map": {0: 1}},
    "GradientInsertion": {"optimizer": ProjectedAscent(max_iter=4)},
    "GradientModification": {"optimizer": ProjectedAscent(max_iter=4)},
    "GreedyDeletion": {"n_exchanges": 3},
    "GreedyLabelFlip": {"validation": 2},
    "InfluenceFilteredClassifier": {"quantile": 0.7, "surrogate": None},
    "InfluenceFilteredRegressor": {
        "estimator": Ridge(),
        "quantile": 0.7,
        "surrogate": None,
    },
    "KNNShapleyFilteredClassifier": {"quantile": 0.7},
    "KNNShapleyFilteredRegressor": {"estimator": Ridge(), "quantile": 0.7},
    "OnlineInsertion": {"surrogate": None},
    "OnlineLabelFlip": {"surrogate": None},
    "AdaptiveCombinationClassifier": {
        "estimators": [
            ("fast", STREAM_LEARNER),
            ("slow", clone(STREAM_LEARNER).set_params(eta0=1e-3)),
        ]
    },
    "SlidingWindowClassifier": {
        "estimator": KNNSanitizedClassifier(STREAM_LEARNER, n_neighbors=5)
    },
    "TrustedStepClassifier": {"estimator": STREAM_LEARNER, "quantile": 0.5},
    "RejectionClassifier": {
        "estimator": SGDClassifier("log_loss", random_state=0),
        "threshold": 0.5,
        "burn_in": 10,
    },
    "OutlierFilteredRegressor": {"estimator": Ridge()},
    "RelaxedLabelFlip": {"validation": 2, "max_iter": 3},
    "SEVERClassifier": {"contamination": 0.2},
    "SEVERRegressor": {"estimator": Ridge(), "contamination": 0.2},
    "SpectralFilteredClassifier": {"contamination": 0.2},
    "TrimmedClassifier": {"contamination": 0.4, "n_starts": 4},
    "TrimmedRegressor": {
        "estimator": Ridge(),
        "contamination": 0.4,
        "n_starts": 3,
    },
    "Frozen": {"columns": [0]},
    "Intersection": {"sets": [("box", Box(0, 2))]},
    "L1Ball": {"radius": 1.0},
    "L2Ball": {"radius": 1.0},
    "LinfBall": {"radius": 1.0},
    "Detectability": {"weight": 0.01},
    "Displacement": {"weight": 1e-4},
    "OneHot": {"groups": [[0, 1]]},
    "ProjectedAscent": {"max_iter": 4},
    "SuccessiveHalving": {"ascent": ProjectedAscent(max_iter=8)},
    "Slab": {"normal": [1.0, -1.0, 0.5, 0.0]},
    "TargetCoefficients": {"values": {0: 3.0}},
    "TargetFeatures": {"select": (0,)},
    "WeightedScores": {"weights": first_column},
    "Unrolled": {"last": 5},
}
DEFAULTS = {
    "estimator": LogisticRegression(),
    "random_state": 0,
    "surrogate": RidgeClassifier(),
}
# Further settings, by class and name. In each, every other parameter changes what comes
# out or raises, as does what PARAMETERS says of it in itself.
COEFFICIENTS = {"goal": TargetCoefficients({0: 3.0})}
GRADIENT = {
    name: {"optimizer": ProjectedAscent(0.3, max_iter=4)} | settings
    for name, settings in {
        "coefficients": COEFFICIENTS,
        "responses": {"surrogate": Ridge()},
        "features": {"goal": TargetFeatures((0,)), "surrogate": Lasso(0.05)},
        "surrogate's loss": {"goal": ErrorGeneric("surrogate")},
        "support vectors": {"surrogate": SVC(kernel="linear"), "budget": 0.2},
        "whole numbers": {"feasible_set": Integers()},
        "steps": {
            "surrogate": GradientDescentClassifier(n_steps=9),
            "hypergradient": "unrolled",
        },
    }.items()
}
FLIPS = {
    "coefficients": {"goal": TargetCoefficients({0: 0.3}), "validation": None},
    "tree": {"surrogate": DecisionTreeClassifier(max_depth=1, random_state=0)},
    "classes": {"goal": {0: 1}},
}
CONTEXTS = {
    "ErrorGeneric": {
        "objective": {"loss": "objective"},
        "surrogate's loss": {"loss": "surrogate"},
    },
    "ErrorSpecific": {"objective": {"loss": "objective"}},
    "TargetLabels": {"surrogate's loss": {"loss": "surrogate"}},
    "GradientInsertion": GRADIENT,
    "GradientModification": GRADIENT,
    "GreedyDeletion": {
        "coefficients": COEFFICIENTS,
        "responses": {"surrogate": Ridge()},
    },
    "GreedyLabelFlip": FLIPS,
    "RelaxedLabelFlip": {name: FLIPS[name] for name in ("coefficients", "classes")},
    "OnlineInsertion": {
        "responses": {"surrogate": SGDRegressor(eta0=0.05)},
        "ascent": {"optimizer": ProjectedAscent(0.3, max_iter=4)},
        "coefficients": {"goal": TargetCoefficients({0: -3.0})},
    },
    "ProjectedAscent": {"sequential": {"schedule": "sequential"}},
    "SpectralProjectedGradient": {
        # A single row is at its maximum before `tol` is asked.
        "sequential": {"schedule": "sequential", "tol": 1e-6}
    },
    "ResponseRange": {"responses kept": {"start": "keep"}},
    "ConfidentLearningClassifier": {"relabel": {"action": "relabel"}},
    "InfluenceFilteredClassifier": {
        # Nothing is random in the estimator.
        "retrain": {
            "method": "retrain",
            "random_state": 0,
            "scoring": "neg_log_loss",
        },
        "trusted": {"beside": "trusted", "random_state": 0},
    },
    "InfluenceFilteredRegressor": {
        "newton": {"method": "newton", "random_state": 0},
        "trusted": {"beside": "trusted", "random_state": 0},
    },
    "KNNShapleyFilteredClassifier": {"radius": {"radius": 2.0}},
    "KNNSanitizedClassifier": {
        "drop": {"action": "drop"},
        # All rows vote.
        "index": {"neighbors": NearestNeighbors(), "random_state": 0},
    },
    "NoisyLabelClassifier": {
        # Nothing is random if the rates are given.
        "rates": {"noise": {0: 0.3}, "random_state": 0},
        "weighted": {"method": "weighted"},
    },
    "OutlierFilteredClassifier": {
        # Nothing is random in this detector.
        "detector": {
            "detector": LocalOutlierFactor(novelty=True),
            "random_state": 0,
        },
        "weigh": {"action": "weigh", "quantile": 0.5},
    },
    "OutlierFilteredRegressor": {
        # Nothing is random in this detector.
        "detector": {
            "detector": LocalOutlierFactor(novelty=True),
            "random_state": 0,
        },
        "weigh": {"action": "weigh", "quantile": 0.5},
    },
}
# What to try in a context instead of what PARAMETERS says.
WEAK = (("surrogate", LogisticRegression(C=100)), ("budget", 0.2))
IN_CONTEXT = {
    # Weak evidence for other flips does not count, but for some errors.
    "tree.n_candidates": Changes(1, given=(("goal", {0: 1}),)),
    # The best start is the first of few.
    "sequential.n_restarts": Changes(10),
    # The default is what "implicit" is.
    "GradientInsertion.hypergradient": Changes("unrolled"),
    "GradientModification.hypergradient": Changes("unrolled"),
    "OnlineInsertion.random_state": Changes(1, given=(("positions", "random"),)),
    "coefficients.max_iter": Changes(1, given=(*WEAK, ("max_iter", 3))),
    "coefficients.n_candidates": Changes(None, given=WEAK),
    "classes.class_map": Changes({1: 0}),
    "coefficients.random_state": Changes(1, given=(("known_fraction", 0.5),)),
    "support vectors.goal": Changes({1: 0}),
}

X, Y = make_classification(
    60, 4, n_informative=3, n_redundant=0, flip_y=0.1, class_sep=0.7, random_state=0
)
X_NEW = 2 * np.random.RandomState(1).randn(40, 4)
RESPONSES = X @ [1.0, 0.5, -0.5, 0.2] + 0.3 * Y


def parameters(cls):
    """Return the names of the constructor parameters of a class."""
    return [
        name
        for name, parameter in inspect.signature(cls).parameters.items()
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]


def entry(cls, parameter):
    """Return what PARAMETERS has for a parameter, the name of the class first."""
    by_class = f"{cls.__name__}.{parameter}"
    return PARAMETERS.get(by_class, PARAMETERS.get(parameter))


def differ(one, other):
    """Return whether two results differ by more than rounding."""
    if type(one) is not type(other):
        return True
    if isinstance(one, (tuple, list)):
        return len(one) != len(other) or any(map(differ, one, other))
    if isinstance(one, np.ndarray) and one.dtype.kind == "f":
        return not (one.shape == other.shape and np.allclose(one, other, 1e-9, 1e-9))
    if isinstance(one, np.ndarray):
        return not np.array_equal(one, other)
    return one != other


def output(estimator):
    """Fit an estimator, and return what its user is after."""
    if isinstance(estimator, feasible_sets.BaseFeasibleSet):
        fitted = estimator.fit(X, Y)
        given = {"start": X[:40], "y": Y[:40]}
        return fitted.project(X_NEW, **given), fitted.contains(X_NEW, **given)
    if hasattr(estimator, "fit_resample"):
        surrogate = getattr(estimator, "surrogate", None)
        takes_responses = surrogate is not None and is_regressor(surrogate)
        labels = RESPONSES if takes_responses else Y
        if isinstance(getattr(estimator, "goal", None), goals.TargetLabels):
            return estimator.fit_resample(X, labels, X_val=X[:5], y_val=1 - labels[:5])
        return estimator.fit_resample(X, labels)
    estimator.fit(X, RESPONSES if is_regressor(estimator) else Y)
    if hasattr(estimator, "decision_function"):
        return estimator.decision_function(X_NEW)
    return estimator.predict(X_NEW)


def make(cls, settings):
    """Make an instance by which a class is tried out: for parts of attacks, one."""
    names = parameters(cls)
    given = {name: value for name, value in DEFAULTS.items() if name in names}
    made = cls(**given | SETTINGS.get(cls.__name__, {}) | settings)
    attack = GradientInsertion(
        LogisticRegression(), optimizer=ProjectedAscent(max_iter=5), random_state=0
    )
    if isinstance(made, goals.BaseGoal):
        if isinstance(made, goals.TargetFeatures):
            attack.set_params(surrogate=Lasso(0.05))
        return attack.set_params(goal=made)
    if isinstance(made, (optimizers.BaseOptimizer, optimizers.SuccessiveHalving)):
        if isinstance(made, optimizers.SpectralProjectedGradient):
            attack.set_params(**COEFFICIENTS)
        return attack.set_params(optimizer=made)
    if isinstance(made, penalties.BasePenalty):
        return attack.set_params(penalties=[made])
    if isinstance(made, feasible_sets.ResponseRange):
        return attack.set_params(surrogate=Ridge(), poison_labels=made)
    if isinstance(made, surrogates.Unrolled):
        surrogate = GradientDescentClassifier(n_steps=9)
        return attack.set_params(surrogate=surrogate, hypergradient=made)
    return trusting(clone(made))


FOUND = {}


def result_before(cls, settings, seen_in, capsys):
    """Return what some settings give, found twice and kept for other parameters."""
    key = cls, seen_in, str(sorted(settings.items(), key=str))
    if key not in FOUND:
        first, again = (results(cls, settings, seen_in, capsys) for _ in range(2))
        assert not differ(first, again), "what comes out differs from run to run"
        FOUND[key] = first
    return FOUND[key]


def results(cls, settings, seen_in, capsys):
    """Return what an estimator with some settings gives."""
    estimator = make(cls, settings)
    capsys.readouterr()
    given = output(estimator)
    if seen_in == "stdout":
        given = capsys.readouterr().out
    elif seen_in != "output":
        documented = {each.name for each in ClassDoc(type(estimator))["Attributes"]}
        assert seen_in in documented
        given = getattr(estimator, seen_in, None)
    return given


CASES = [
    pytest.param(cls, name, id=f"{cls.__name__}.{name}")
    for cls in CLASSES
    for name in parameters(cls)
]


@pytest.mark.filterwarnings("ignore:.* has not settled")
@pytest.mark.parametrize(("cls", "parameter"), CASES)
def test_parameter_has_an_effect(cls, parameter, capsys):
    says = entry(cls, parameter)
    assert says is not None, (
        f"PARAMETERS has no entry for {cls.__name__}.{parameter}: give a value that "
        "changes what comes out, or the reason why none does."
    )
    if isinstance(says, NoEffect):
        assert says.reason.endswith(".")
        return
    given = dict(says.given)
    changed = given | {parameter: says.value}
    before = result_before(cls, given, says.seen_in, capsys)
    assert differ(before, results(cls, changed, says.seen_in, capsys))


def test_every_entry_is_of_a_parameter():
    known = {f"{cls.__name__}.{name}" for cls in CLASSES for name in parameters(cls)}
    shared = {name.split(".")[1] for name in known}
    assert {*PARAMETERS} <= known | shared
    assert {*CONTEXTS} | {*SETTINGS} <= {cls.__name__ for cls in CLASSES}


@pytest.mark.parametrize("cls", CLASSES)
def test_few_parameters(cls):
    assert len(parameters(cls)) <= MAX_PARAMETERS


CASES_IN_CONTEXT = [
    pytest.param(
        cls,
        context,
        name,
        id=f"{cls.__name__}-{context}-{name}",
        # Insertion tells the same of what they share.
        marks=[pytest.mark.slow] if cls is GradientModification else [],
    )
    for cls in CLASSES
    for context, settings in CONTEXTS.get(cls.__name__, {}).items()
    for name in parameters(cls)
    if name not in settings and not isinstance(entry(cls, name), NoEffect)
]


@pytest.mark.parametrize(("cls", "context", "parameter"), CASES_IN_CONTEXT)
def test_parameter_is_not_ignored(cls, context, parameter, capsys):
    says = IN_CONTEXT.get(f"{context}.{parameter}", entry(cls, parameter))
    says = IN_CONTEXT.get(f"{cls.__name__}.{parameter}", says)
    given = dict(says.given) | CONTEXTS[cls.__name__][context]
    before = result_before(cls, given, says.seen_in, capsys)
    error = None
    try:
        after = results(cls, given | {parameter: says.value}, says.seen_in, capsys)
    except ValueError as raised:
        error = raised
    if error is None:
        assert differ(before, after)
    else:
        assert not isinstance(error, InvalidParameterError)
        assert parameter in str(error)
