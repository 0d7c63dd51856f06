"""Each way out that an error names is taken, and works.

The cases are those of attacks and their parts. Every `raise` in their folders is
reached by one of them.
"""

import ast
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.datasets import make_classification
from sklearn.ensemble import IsolationForest
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import (
    ElasticNet,
    Lasso,
    LinearRegression,
    LogisticRegression,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
    SGDRegressor,
)
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    HalvingRandomSearchCV,
    KFold,
    RandomizedSearchCV,
)
from sklearn.naive_bayes import BernoulliNB, GaussianNB
from sklearn.neighbors import LocalOutlierFactor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.utils import all_estimators

import skpoison
from skpoison import surrogates
from skpoison.attacks import (
    GradientInsertion,
    GradientModification,
    GreedyDeletion,
    GreedyLabelFlip,
    MarginLabelFlip,
    RandomLabelFlip,
    SubpopulationInsertion,
    SubpopulationLabelFlip,
)
from skpoison.attacks._base import Known
from skpoison.attacks.rows._initial_rows import rows_to_insert
from skpoison.defences import (
    KNNSanitizedClassifier,
    NoisyLabelClassifier,
    OutlierFilteredClassifier,
    OutlierFilteredRegressor,
    SEVERClassifier,
    TrimmedClassifier,
)
from skpoison.feasible_sets import (
    AcceptedBy,
    BaseFeasibleSet,
    Box,
    Integers,
    Intersection,
    L2Ball,
    LossBound,
    OneHot,
    ResponseRange,
    Slab,
    Sparse,
    SphereSlab,
    make_intersection,
)
from skpoison.goals import (
    BaseGoal,
    ErrorGeneric,
    ErrorSpecific,
    TargetCoefficients,
    TargetFeatures,
    TargetLabels,
    WeightedScores,
)
from skpoison.goals._outside import OutsideMeasure, as_known_measure
from skpoison.model_selection import prequential_curve
from skpoison.online import (
    AdaptiveCombinationClassifier,
    OnlineInsertion,
    OnlineLabelFlip,
    RejectionClassifier,
    SlidingWindowClassifier,
    TrustedStepClassifier,
)
from skpoison.online._row_memory import label_probabilities
from skpoison.optimizers import (
    AscentResult,
    BaseOptimizer,
    ProjectedAscent,
    SuccessiveHalving,
)
from skpoison.penalties import BasePenalty, Detectability, Displacement
from skpoison.surrogates import (
    GradientDescentClassifier,
    as_penalty_learner,
    as_student,
    as_training_problem,
)

PACKAGE = Path(skpoison.__file__).parent
FOLDERS = (
    "attacks",
    "feasible_sets",
    "goals",
    "online",
    "optimizers",
    "penalties",
    "surrogates",
)
# Newer versions of scikit-learn raise an error of their own before these.
UNREACHED = {"`sample_weight` must not be 0 for all rows."}

X, y = make_classification(60, 5, random_state=0)
words, r = np.where(y, "spam", "ham"), 3 * X[:, 0] + 1
GIVEN = {"X_val": X[:9], "y_val": y[:9]}
LR, FAST = LogisticRegression(), ProjectedAscent(max_iter=2)
COEFFICIENTS = TargetCoefficients({0: 1.0})


class Case(NamedTuple):
    """A call that fails, what its error says, and calls that it leads to."""

    fails: callable
    message: str
    works: list


def insert(surrogate=LR, labels=y, given=None, make=GradientInsertion, **params):
    """Return a call of an attack that moves rows."""
    params = {"optimizer": FAST, "random_state": 0, **params}
    return lambda: make(surrogate, **params).fit_resample(X, labels, **(given or {}))


def modify(**params):
    return insert(make=GradientModification, **params)


def flip(make, surrogate=None, labels=y, given=None, **params):
    """Return a call of an attack that flips labels, or deletes rows."""
    positional = () if surrogate is None else (surrogate,)
    attack = make(*positional, random_state=0, **params)
    return lambda: attack.fit_resample(X, labels, **(given or {}))


def fit(feasible_set, data=X):
    return lambda: feasible_set.fit(data)


def filtering(detector):
    """Return the fit of an outlier filter."""
    return lambda: OutlierFilteredClassifier(LR, detector=detector).fit(X, y)


def on(feasible_set, method="project", data=X, **given):
    return lambda: getattr(feasible_set.fit(X), method)(data, **given)


def make_own(base, **methods):
    """Make an object of a class of the user's own."""
    own = type("Own", (base,), {"kind": "convex"} | methods)
    return own() if base is not BasePenalty else own(1.0)


def own_set(**methods):
    methods = {"_project": lambda self, X, start, y: np.clip(X, -9, 9)} | methods
    return make_own(BaseFeasibleSet, **methods)


def own_goal(at=lambda learner, W: (-(W**2).sum(), -2 * W), **methods):
    methods = {"resolve": lambda self, context: SimpleNamespace(at=at)} | methods
    return make_own(BaseGoal, **{"kind": "parameters"} | methods)


def own_optimizer(find):
    return make_own(BaseOptimizer, _maximise=lambda self, f, x, *rest: find(x))


def own_penalty(charge):
    return make_own(
        BasePenalty, value_and_gradient=lambda self, X, y, *start: charge(X)
    )


def first_rows(X):
    """Return a subpopulation."""
    return np.arange(len(X)) < 20


class Jumping(KFold):
    """A splitter that knows rows that are not there."""

    def split(self, X, y=None, groups=None):
        yield np.arange(50), np.arange(50, 80)


class Voteless(ClassifierMixin, BaseEstimator):
    """A classifier that has neither probabilities nor decision values."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


class NoLoss:
    learner = SimpleNamespace()


KNOWN = Known(X, words, y, y < 0, 60, np.array(["ham", "spam"]), None)
CLONES = 5, {"spam": "ham"}, None, np.random.RandomState(0)
PICKY = OutlierFilteredClassifier(
    LR, detector=IsolationForest(n_estimators=2, random_state=0), quantile=0.0
)
GRID = {"C": [0.1, 1.0]}
SEARCH = GridSearchCV(LR, GRID, cv=2)
# It predicts the class 0 alone.
NEVER = FrozenEstimator(DecisionTreeClassifier(max_depth=1).fit(X, 0 * y))
NOISY, FILTERED = NoisyLabelClassifier(LR, noise=0.1), OutlierFilteredClassifier(LR)
COUNTS = np.rint(X)
BALL = make_intersection(L2Ball(0.5), Box(-4, 4))
TEXTS = [f"good {word}" if i % 3 else f"bad {word}" for i, word in enumerate(words)]
SPAM = GreedyLabelFlip(make_pipeline(CountVectorizer(), LR), 3, random_state=0)
ATTACKS = [
    Case(insert(KMeans()), "Take LogisticRegression", [insert(LR)]),
    Case(
        flip(GreedyLabelFlip, Ridge()),
        "a classifier for GreedyLabelFlip.* Take Log",
        [flip(GreedyLabelFlip, LR)],
    ),
    Case(
        insert(feasible_set=Box),
        r"an instance, such as Box\(\), not the class",
        [insert(feasible_set=Box())],
    ),
    Case(
        insert(optimizer=ProjectedAscent),
        r"an instance, such as ProjectedAscent\(\), not the class",
        [insert(optimizer=ProjectedAscent(max_iter=1))],
    ),
    Case(
        insert(goal=ErrorGeneric),
        "a dict from class .* or a goal of skpoison.goals .an instance",
        [insert(goal=ErrorGeneric()), insert(goal={0: 1})],
    ),
    Case(
        insert(penalties=Displacement(1.0)),
        "a list of objects of skpoison.penalties",
        [insert(penalties=[Displacement(1.0)])],
    ),
    Case(
        insert(0.1),
        r"write GradientInsertion\(budget=0\.1\)",
        [lambda: GradientInsertion(budget=0.1, optimizer=FAST).fit_resample(X, y)],
    ),
    Case(
        insert(goal=TargetLabels()),
        "must be given to `fit_resample`",
        [insert(goal=TargetLabels(), given={"X_val": X[:1], "y_val": [1 - y[0]]})],
    ),
    Case(
        insert(goal=COEFFICIENTS, given=GIVEN),
        "Leave them out",
        [insert(goal=COEFFICIENTS)],
    ),
    Case(
        insert(validation=0.2, given=GIVEN),
        "Leave out one or the other",
        [insert(validation=0.2), insert(given=GIVEN)],
    ),
    Case(
        insert(goal=COEFFICIENTS, validation=0.2),
        "Leave it out",
        [insert(goal=COEFFICIENTS)],
    ),
    Case(
        insert(SVC(), goal=COEFFICIENTS),
        "such as LogisticRegression or LinearSVC",
        [insert(LR, goal=COEFFICIENTS), insert(LinearSVC(), goal=COEFFICIENTS)],
    ),
    Case(
        insert(goal=TargetFeatures((0,))),
        "take Lasso, ElasticNet, or LogisticRegression with an l1 penalty",
        [
            insert(surrogate, labels, goal=TargetFeatures((0,)))
            for surrogate, labels in (
                (Lasso(0.05), r),
                (ElasticNet(0.05), r),
                (LogisticRegression(penalty="l1", solver="liblinear"), y),
            )
        ],
    ),
    Case(insert(given={"X_val": X}), "must be given together", [insert(given=GIVEN)]),
    Case(insert(given=GIVEN | {"X_val": X}), "same number of", [insert(given=GIVEN)]),
    Case(
        insert(given=GIVEN | {"X_val": X[:9, :2]}),
        "must have the 5 features",
        [insert(given=GIVEN)],
    ),
    Case(
        insert(given=GIVEN | {"y_val": y[:9] + 7}),
        r"labels of y, which are \[0, 1\]; got \[7, 8\]",
        [insert(given=GIVEN)],
    ),
    Case(
        lambda: SPAM.fit_resample(TEXTS, y, **GIVEN),
        "must hold texts as X does",
        [lambda: SPAM.fit_resample(TEXTS, y, X_val=TEXTS[:9], y_val=y[:9])],
    ),
    Case(
        flip(MarginLabelFlip, budget=61),
        "Lower it",
        [flip(MarginLabelFlip, budget=60)],
    ),
    Case(
        flip(RandomLabelFlip, budget=50, class_map={0: 1}),
        "Lower it or relabel more classes",
        [
            flip(RandomLabelFlip, budget=20, class_map={0: 1}),
            flip(RandomLabelFlip, budget=50, class_map={0: 1, 1: 0}),
        ],
    ),
    Case(
        flip(GreedyLabelFlip, LR, budget=30, class_map={0: 1}, validation=2),
        "leave one row of each class .* Lower",
        [flip(GreedyLabelFlip, LR, budget=9, class_map={0: 1}, validation=2)],
    ),
    Case(
        flip(GreedyLabelFlip, DecisionTreeClassifier(), goal=ErrorGeneric("surrogate")),
        "such as 'error-generic', for",
        [flip(GreedyLabelFlip, DecisionTreeClassifier(), goal="error-generic")],
    ),
    Case(
        insert(NOISY, goal=ErrorGeneric("surrogate")),
        "such as 'error-generic', for a surrogate that is a defence other than",
        [insert(NOISY), insert(FILTERED, goal=ErrorGeneric("surrogate"))],
    ),
    Case(
        insert(SEARCH, goal=ErrorGeneric("surrogate")),
        "such as 'error-generic', for a surrogate that is a search",
        [insert(SEARCH), insert(LR, goal=ErrorGeneric("surrogate"))],
    ),
    Case(
        insert(HalvingRandomSearchCV(LR, GRID)),
        "Take a GridSearchCV",
        [insert(SEARCH), insert(RandomizedSearchCV(LR, GRID, n_iter=2))],
    ),
    Case(
        flip(MarginLabelFlip, GridSearchCV(LR, GRID, cv=[(range(30), range(30, 60))])),
        "such as cv=5, or a splitter",
        [flip(MarginLabelFlip, GridSearchCV(LR, GRID, cv=5))],
    ),
    Case(
        flip(MarginLabelFlip, as_student(NEVER, LR)),
        "Give the attack the surrogate itself",
        [flip(MarginLabelFlip, LR)],
    ),
    Case(
        lambda: as_penalty_learner(LinearSVC()),
        r"Take LogisticRegression\(\) or Ridge\(\)",
        [lambda: as_penalty_learner(LR), lambda: as_penalty_learner(Ridge())],
    ),
    Case(
        insert(as_penalty_learner(LR), goal=TargetCoefficients({0: 1.0})),
        "such as 'error-generic', for a surrogate that learns its penalty",
        [insert(as_penalty_learner(LR)), insert(goal=TargetCoefficients({0: 1.0}))],
    ),
    Case(
        insert(as_penalty_learner(Lasso(0.1)), r),
        "Take a search such as a GridSearchCV",
        [insert(GridSearchCV(Lasso(), {"alpha": [0.1, 1.0]}), r)],
    ),
    Case(
        flip(GreedyDeletion, budget=60),
        "must not exceed the 58 .* Lower",
        [flip(GreedyDeletion, budget=9)],
    ),
    Case(
        insert(poison_labels=ResponseRange()),
        "'flip', 'keep' or None",
        [insert(poison_labels=labels) for labels in ("flip", "keep", None)],
    ),
    Case(
        insert(penalties=[Displacement]),
        r"such as Displacement\(1.0\)",
        [insert(penalties=[Displacement(1.0)])],
    ),
    Case(
        insert(feasible_set=own_set(_contains=lambda self, X, *rest: X[:, 0] > 99)),
        "must contain the rows that its `_project` returns",
        [insert(feasible_set=own_set())],
    ),
    Case(
        modify(known_fraction=0.5, budget=30, given=GIVEN),
        "must leave rows for the surrogate .* Lower",
        [modify(known_fraction=0.5, budget=9, given=GIVEN)],
    ),
    Case(
        lambda: rows_to_insert(replace(KNOWN, y=words[y < 1], codes=y[y < 1]), *CLONES),
        "Raise `known_fraction`, or take a goal that names other",
        [lambda: rows_to_insert(KNOWN, *CLONES)],
    ),
    Case(
        modify(budget=50, goal=COEFFICIENTS, given={"trusted": np.arange(60) < 30}),
        "not exceed the 30 rows .* Lower",
        [modify(budget=30, goal=COEFFICIENTS, given={"trusted": np.arange(60) < 30})],
    ),
    Case(
        insert(validation=0.99),
        "Take another share, or give `X_val` and `y_val`",
        [insert(validation=0.9), insert(given=GIVEN)],
    ),
    Case(
        modify(budget=1.0, validation=0.3),
        "lower the budget",
        [modify(budget=0.5, validation=0.3), modify(budget=1.0, given=GIVEN)],
    ),
    Case(
        insert(known_fraction=0.01),
        "Raise it; 1.0 stands for all",
        [insert(known_fraction=0.9), insert(known_fraction=1.0)],
    ),
    Case(
        insert(validation=12, known_fraction=0.3),
        "Or raise `known_fraction`, which is 0.3",
        [
            insert(validation=5, known_fraction=0.3),
            insert(validation=12, known_fraction=0.9),
        ],
    ),
    Case(
        insert(validation=50),
        "Take fewer folds, or give",
        [insert(validation=5), insert(given=GIVEN)],
    ),
    Case(
        insert(validation=Jumping()),
        "returns the row 79. Take another splitter, or give",
        [insert(validation=KFold(2)), insert(given=GIVEN)],
    ),
    Case(
        insert(validation=KFold(99)),
        "which cannot .* Take another splitter, or give",
        [insert(validation=KFold(2)), insert(given=GIVEN)],
    ),
    Case(
        insert(validation=GroupKFold(3)),
        "`groups` must be given to fit_resample",
        [insert(validation=GroupKFold(3), given={"groups": np.arange(60) % 6})],
    ),
    Case(
        insert(given={"groups": np.arange(60) % 6}),
        r"such as GroupKFold\(3\).* Take another `validation`, or leave",
        [
            insert(validation=GroupKFold(3), given={"groups": np.arange(60) % 6}),
            insert(),
        ],
    ),
    Case(
        insert(validation=GroupKFold(3), given={"groups": np.arange(9)}),
        "one entry for each of the 60",
        [insert(validation=GroupKFold(3), given={"groups": np.arange(60) % 6})],
    ),
]
SETS = [
    Case(fit(own_set(kind="round")), "must be one of 'convex', 'dis", [fit(own_set())]),
    Case(
        on(Slab(np.ones(5), 0, 1), "maximise"),
        "Intersect it with a Box or a ball",
        [
            on(make_intersection(Slab(np.ones(5), 0, 1), Box()), "maximise"),
            on(
                make_intersection(Slab(np.ones(5), 0, 1), BALL), "maximise", start=0 * X
            ),
        ],
    ),
    Case(
        on(Integers(range(5)), "maximise"),
        r"Intersect it with a Box\.",
        [on(make_intersection(Integers(range(5)), Box(-2, 2)), "maximise")],
    ),
    Case(
        lambda: own_set(_relax=lambda self: 3).fit(X).relax(),
        "of kind 'convex'; got 3",
        [lambda: own_set(_relax=lambda self: Box().fit(X)).fit(X).relax()],
    ),
    Case(
        lambda: Box(2, 3).fit(X)._project_radially(X, 0 * X),
        "`centre` must lie in the set",
        [lambda: Box(-1, 3).fit(X)._project_radially(X, 0 * X)],
    ),
    Case(
        on(own_set(), "maximise"),
        r"as `_maximise\(direction, start, y\)`",
        [on(own_set(_maximise=lambda self, d, start, y: np.sign(d)), "maximise")],
    ),
    Case(
        fit(own_set(requires_labels=True)),
        "`y` must hold the labels",
        [lambda: own_set(requires_labels=True).fit(X, y)],
    ),
    Case(
        on(L2Ball(1.0), start=X[:3]),
        "Give the row from which the attack started for each",
        [on(L2Ball(1.0), start=X)],
    ),
    Case(on(L2Ball(1.0)), "`start` must hold the rows", [on(L2Ball(1.0), start=X)]),
    Case(fit(Box([0, 1])), "one bound for .*, or 5", [fit(Box(0)), fit(Box([0] * 5))]),
    Case(
        fit(Box(np.nan)),
        "Use infinity for a feature without .* or None",
        [fit(Box(-np.inf)), fit(Box(None))],
    ),
    Case(fit(Box(3, 2)), "`lower` must not exceed `upper`", [fit(Box(2, 3))]),
    Case(fit(Box(["a"] * 5)), "must be numbers; got", [fit(Box([0.5] * 5))]),
    Case(
        fit(Integers(X[0] > 0)),
        r"by np\.flatnonzero\(mask\)",
        [fit(Integers(np.flatnonzero(X[0] > 0)))],
    ),
    Case(fit(Integers([5])), "from 0 to 4", [fit(Integers([0])), fit(Integers([4]))]),
    Case(
        on(own_set(_project=lambda self, X, *rest: X[0])),
        r"of the shape of its first argument, \(60, 5\)",
        [on(own_set())],
    ),
    Case(
        on(own_set(_project=lambda self, X, *rest: X * np.nan)),
        "numbers that are finite; got nan for feature 0 of row 0",
        [on(own_set())],
    ),
    Case(
        on(own_set(_contains=lambda self, X, *rest: X > 0), "contains"),
        "an array of 60 booleans",
        [on(own_set(_contains=lambda self, X, *rest: X[:, 0] > 0), "contains")],
    ),
    Case(
        on(make_intersection(Box(0, 1), Box(2, 3))),
        "'box-2' requires at least 2, and 'box-1' at most 1",
        [on(make_intersection(Box(0, 2), Box(2, 3)))],
    ),
    Case(
        on(make_intersection(Integers([0]), Box(0.2, 0.8))),
        "'integers' has no value .* the bounds of 'box'",
        [on(make_intersection(Integers([0]), Box(0.2, 1.8)))],
    ),
    Case(
        on(make_intersection(Box(1, 2), Sparse(4))),
        "'sparse' permits 4 non-zeros, but 'box' require 5",
        [on(make_intersection(Box(1, 2), Sparse(5)))],
    ),
    Case(
        fit(Intersection([])),
        r"at least one \(name, set\) tuple",
        [fit(Intersection([("box", Box())]))],
    ),
    Case(
        fit(Intersection([Box()])),
        r"such as \('box', Box\(\)\).* make_intersection\(Box\(\), ...\) writes",
        [fit(Intersection([("box", Box())])), fit(make_intersection(Box()))],
    ),
    Case(
        fit(make_intersection(Box)),
        r"make_intersection\(Box\(\), ...\)",
        [fit(make_intersection(Box()))],
    ),
    Case(
        on(make_intersection(Box(), own_set()), "maximise"),
        "Maximise over an intersection without it",
        [on(make_intersection(Box()), "maximise")],
    ),
    Case(
        on(make_intersection(BALL, Integers()), "maximise", COUNTS, start=COUNTS),
        "Maximise over `relax",
        [
            lambda: (
                make_intersection(BALL, Integers())
                .fit(X)
                .relax()
                .maximise(X, start=COUNTS)
            )
        ],
    ),
    Case(
        on(make_intersection(Slab(np.ones(5), 90, 91), Box(0, 1)), "maximise"),
        "not in 'slab'. Widen one of the sets",
        [
            on(make_intersection(Slab(np.ones(5), 2, 91), Box(0, 1)), "maximise"),
            on(make_intersection(Slab(np.ones(5), 90, 91), Box(0, 99)), "maximise"),
        ],
    ),
    Case(
        on(make_intersection(L2Ball(0.1), Box(8, 9)), start=X),
        "Widen one of the sets, or pass a `start` that lies in all of them, as",
        [
            on(make_intersection(L2Ball(90.0), Box(8, 9)), start=X),
            on(make_intersection(L2Ball(0.1), Box(8, 9)), start=0 * X + 8.5),
        ],
    ),
    Case(
        insert(feasible_set=make_intersection(L2Ball(0.1), Box(8, 9))),
        "Widen one of the sets",
        [insert(feasible_set=make_intersection(L2Ball(90.0), Box(8, 9)))],
    ),
    Case(
        fit(OneHot([0, 1])),
        r"Write \[\[0, 1\]\] for a single one",
        [fit(OneHot([[0, 1]]))],
    ),
    Case(fit(OneHot([[0, 1], [2]])), "Leave such a group out", [fit(OneHot([[0, 1]]))]),
    Case(fit(OneHot([[0, 1], [1, 2]])), "not share", [fit(OneHot([[0, 1], [3, 2]]))]),
    Case(
        insert(Ridge(), r, poison_labels=ResponseRange(3, 2)),
        "`low` of ResponseRange must be below `high`",
        [insert(Ridge(), r, poison_labels=ResponseRange(2, 3))],
    ),
    Case(
        lambda: SphereSlab().fit(X, 0 * y),
        "at least two classes",
        [lambda: SphereSlab().fit(X, y)],
    ),
    Case(
        lambda: SphereSlab().fit(X, words).project(X[:1], y=["eggs"]),
        r"labels of the training rows, which are \['ham', 'spam'\]; got .*'eggs'",
        [lambda: SphereSlab().fit(X, words).project(X[:1], y=["ham"])],
    ),
    Case(
        lambda: LossBound().fit(X, np.arange(60) % 3),
        r"Take SphereSlab\(\) for another",
        [lambda: SphereSlab().fit(X, np.arange(60) % 3), lambda: LossBound().fit(X, y)],
    ),
    Case(
        lambda: LossBound(DecisionTreeClassifier()).fit(X, y),
        r"Take LogisticRegression\(\)",
        [lambda: LossBound(LR).fit(X, y)],
    ),
    Case(
        lambda: AcceptedBy(LR).fit(X, y),
        r"such as OutlierFilteredClassifier\(LogisticRegression\(\)\)",
        [lambda: AcceptedBy(OutlierFilteredClassifier(LR)).fit(X, y)],
    ),
    Case(
        lambda: AcceptedBy(OutlierFilteredRegressor(Ridge())).fit(X, r),
        r"Take OutlierFilteredClassifier\(\)",
        [lambda: AcceptedBy(OutlierFilteredClassifier(LR)).fit(X, y)],
    ),
    Case(
        lambda: AcceptedBy(PICKY).fit(X, y),
        "Raise its quantile",
        [lambda: AcceptedBy(clone(PICKY).set_params(quantile=0.9)).fit(X, y)],
    ),
    Case(
        lambda: AcceptedBy(OutlierFilteredClassifier(LR)).fit(X, y).project(X, y=y + 1),
        r"labels of the training rows, which are \[0, 1\]; got .*2",
        [lambda: AcceptedBy(OutlierFilteredClassifier(LR)).fit(X, y).project(X, y=y)],
    ),
    Case(fit(Slab([1, 2])), r"the shape \(5,\)", [fit(Slab([1, 2, 0, 0, 0]))]),
    Case(fit(Slab([0] * 5)), "not zero for all", [fit(Slab([0, 0, 0, 0, 1]))]),
    Case(fit(Slab([1] * 5, 3, 2)), "`lower` must not", [fit(Slab([1] * 5, 2, 3))]),
]
DEFENCES = [
    Case(
        filtering([]),
        "one or more outlier detectors, classifiers, 'distance' or 'prediction'",
        [filtering([IsolationForest()]), filtering([LR]), filtering(["distance"])],
    ),
    Case(
        filtering(Ridge()),
        r"a classifier with predict_proba, such as LogisticRegression\(\)",
        [filtering(LR)],
    ),
    Case(
        lambda: OutlierFilteredRegressor(Ridge(), detector=LR).fit(X, r),
        r"a regressor, such as Ridge\(\)",
        [lambda: OutlierFilteredRegressor(Ridge(), detector=Ridge()).fit(X, r)],
    ),
]
FINITE = AscentResult(np.zeros((6, 5)), 0.0, np.zeros(1))
PARTS = [
    Case(
        lambda: TrimmedClassifier(Voteless()).fit(X, y),
        "Put CalibratedClassifierCV around it",
        [
            lambda: TrimmedClassifier(
                CalibratedClassifierCV(LR), contamination=0.1, n_starts=1
            ).fit(X, y)
        ],
    ),
    Case(
        lambda: SEVERClassifier(DecisionTreeClassifier()).fit(X, y),
        "such as LogisticRegression, .* Take TrimmedClassifier",
        [
            lambda: SEVERClassifier(LR).fit(X, y),
            lambda: TrimmedClassifier(DecisionTreeClassifier()).fit(X, y),
        ],
    ),
    Case(
        insert(goal=own_goal(resolve=lambda self, context: 3)),
        r"an object with a method at\(learner, W\)",
        [insert(goal=own_goal())],
    ),
    Case(
        insert(goal=own_goal(at=lambda learner, W: (0.0, W[:2]))),
        r"the shape of W, which is \(6, 1\); got",
        [insert(goal=own_goal())],
    ),
    Case(
        insert(goal=own_goal(label_map=lambda self, *rest: 3)),
        "must return a dict or None",
        [
            insert(goal=own_goal(label_map=lambda self, *rest: {0: 1})),
            insert(goal=own_goal(label_map=lambda self, *rest: None)),
        ],
    ),
    Case(
        insert(goal=own_goal(kind="wishes")),
        r"must be one of \('errors', 'parameters', 'features'\)",
        [insert(goal=own_goal(kind="parameters"))],
    ),
    Case(
        insert(goal=ErrorGeneric("surrogate", sharpness=3)),
        "must be None if loss='surrogate'",
        [
            insert(goal=ErrorGeneric("surrogate")),
            insert(goal=ErrorGeneric("error", sharpness=3)),
        ],
    ),
    Case(
        lambda: ErrorGeneric("surrogate")._loss_of(NoLoss.learner),
        "`loss` of ErrorGeneric must be 'error'",
        [insert(goal=ErrorGeneric("error"))],
    ),
    Case(
        insert(Ridge(), r, goal=ErrorSpecific({0: 1})),
        r"Take TargetLabels\(\), and give rows as `X_val` and the responses",
        [
            insert(
                Ridge(), r, goal=TargetLabels(), given={"X_val": X[:2], "y_val": [9, 9]}
            )
        ],
    ),
    Case(
        insert(goal=TargetCoefficients([1.0, 2.0])),
        r"the shape \(1, 5\)",
        [insert(goal=TargetCoefficients(np.ones((1, 5))))],
    ),
    Case(
        insert(goal=TargetCoefficients({0: np.inf})),
        "finite, or NaN for coefficients that do not matter",
        [insert(goal=TargetCoefficients([[1.0, np.nan, np.nan, np.nan, np.nan]]))],
    ),
    Case(
        insert(goal=WeightedScores([1.0]), given=GIVEN),
        "`weights` of WeightedScores must hold a finite number for each of the",
        [insert(goal=WeightedScores(np.ones(len(GIVEN["y_val"]))), given=GIVEN)],
    ),
    Case(
        flip(SubpopulationLabelFlip, LR, member=first_rows, clusterer=KMeans(2)),
        "`clusterer` must be None if `member` is given",
        [
            flip(SubpopulationLabelFlip, LR, member=first_rows),
            flip(SubpopulationLabelFlip, LR, clusterer=KMeans(2)),
        ],
    ),
    Case(
        flip(SubpopulationInsertion, LR, member=lambda X: X),
        "`member` must return a boolean for each row",
        [flip(SubpopulationInsertion, LR, member=first_rows)],
    ),
    Case(
        flip(
            SubpopulationInsertion,
            LR,
            member=lambda X: first_rows(X) & (y == 0),
            class_map={1: 0},
        ),
        "`budget` must not exceed the 0 rows .* or relabel more classes",
        [
            flip(
                SubpopulationInsertion,
                LR,
                member=lambda X: first_rows(X) & (y == 0),
                class_map={1: 0, 0: 1},
            )
        ],
    ),
    Case(
        insert(goal=TargetCoefficients({})),
        "name at least one coefficient",
        [insert(goal=TargetCoefficients({3: 0.0}))],
    ),
    Case(
        insert(goal=TargetCoefficients({0: "b"})),
        "must be numbers, in an array or as the values of a dict",
        [insert(goal=TargetCoefficients({0: 2}))],
    ),
    Case(
        insert(Lasso(0.05), r, goal=TargetFeatures((0,), (0,))),
        r"must name different features.* names \[0\] twice",
        [insert(Lasso(0.05), r, goal=TargetFeatures((0,), (1,)))],
    ),
    Case(
        insert(Lasso(0.05), r, goal=TargetFeatures(0)),
        "must hold positions .* in a list; got 0",
        [insert(Lasso(0.05), r, goal=TargetFeatures([0]))],
    ),
    Case(
        insert(Lasso(0.05), r, goal=TargetFeatures([5])),
        "positions or names of the 5 features",
        [insert(Lasso(0.05), r, goal=TargetFeatures([4]))],
    ),
    Case(
        insert(Lasso(0.05), r, goal=TargetFeatures([0, 0])),
        "each once; got 0 again",
        [insert(Lasso(0.05), r, goal=TargetFeatures([0]))],
    ),
    Case(
        insert(goal=own_goal(at=lambda learner, W: (0.0, np.where(W == 1, W, np.nan)))),
        "`at` of Own must return numbers; got NaN",
        [insert(goal=own_goal())],
    ),
    Case(
        lambda: as_known_measure(own_goal(), 3),
        r"None or an object with a method value\(scores\)",
        [
            lambda: as_known_measure(own_goal(), None),
            lambda: as_known_measure(own_goal(), SimpleNamespace(value=np.mean)).value(
                X
            ),
        ],
    ),
    Case(
        lambda: OutsideMeasure(SimpleNamespace(value=np.ravel)).value(X),
        "must return a number",
        [lambda: OutsideMeasure(SimpleNamespace(value=np.mean)).value(X)],
    ),
    Case(
        lambda: OutsideMeasure(SimpleNamespace(gradient=np.ravel)).gradient(X),
        r"an array of the shape of the scores, \(60, 5\)",
        [lambda: OutsideMeasure(SimpleNamespace(gradient=np.sign)).gradient(X)],
    ),
    Case(
        insert(penalties=[own_penalty(lambda X: (1e999, X, X[:, 0]))]),
        "a goal or a penalty of your own is infinite there, bound it",
        [insert(penalties=[own_penalty(lambda X: (1e9, X, X[:, 0]))])],
    ),
    Case(
        insert(GradientDescentClassifier("squared_error", learning_rate=1e9)),
        "Take learning_rate=.*, or scale the features",
        [insert(GradientDescentClassifier("squared_error", learning_rate=0.1))],
    ),
    Case(
        insert(optimizer=own_optimizer(lambda x: x)),
        r"an AscentResult with a point .* the shape \(6, 5\) of the start",
        [insert(optimizer=own_optimizer(lambda x: AscentResult(x, 0.0, np.zeros(1))))],
    ),
    Case(
        insert(optimizer=own_optimizer(lambda x: AscentResult(x, 0.0, None))),
        "the value at the start and after each step",
        [insert(optimizer=own_optimizer(lambda x: AscentResult(x, 0.0, np.zeros(1))))],
    ),
    Case(
        insert(optimizer=SuccessiveHalving(ProjectedAscent(schedule="sequential"))),
        "must have schedule='joint'.* Use the ascent itself as the optimizer",
        [
            insert(optimizer=SuccessiveHalving(FAST, n_starts=2, n_climbs=1)),
            insert(optimizer=ProjectedAscent(max_iter=1, schedule="sequential")),
        ],
    ),
    Case(
        insert(penalties=[Detectability(KMeans())]),
        "Take IsolationForest.*, LocalOutlierFactor.novelty=True., or OutlierFiltered",
        [
            insert(penalties=[Detectability(detector)])
            for detector in (
                IsolationForest(n_estimators=9, random_state=0),
                LocalOutlierFactor(5, novelty=True),
                OutlierFilteredClassifier(LR),
            )
        ],
    ),
    Case(
        insert(Ridge(), r, penalties=[Detectability(OutlierFilteredClassifier(LR))]),
        "Take OutlierFilteredClassifier or OutlierFilteredRegressor",
        [
            insert(
                Ridge(),
                r,
                penalties=[Detectability(OutlierFilteredRegressor(Ridge()))],
            ),
            insert(penalties=[Detectability(OutlierFilteredClassifier(LR))]),
        ],
    ),
    Case(
        insert(penalties=[own_penalty(lambda X: 0.0)]),
        r"a number and arrays of the shapes \(6, 5\) and \(6,\)",
        [insert(penalties=[own_penalty(lambda X: (0.0, X, X[:, 0]))])],
    ),
    Case(
        insert(penalties=[own_penalty(lambda X: (np.nan, X, X[:, 0]))]),
        "must return numbers; got NaN",
        [insert(penalties=[own_penalty(lambda X: (0.0, X, X[:, 0]))])],
    ),
]
DESCENT = GradientDescentClassifier()
BATCH = {
    "solver": "sgd",
    "momentum": 0,
    "max_iter": 9,
    "n_iter_no_change": 9,
    "random_state": 0,
}
SURROGATES = [
    Case(
        lambda: GradientDescentClassifier("squared_error", learning_rate=1e9).fit(X, y),
        "Take learning_rate=.*, or scale the features",
        [
            lambda: GradientDescentClassifier("squared_error", learning_rate=0.1).fit(
                X, y
            )
        ],
    ),
    Case(
        lambda: DESCENT.fit(X, y, coef_init=np.zeros(3)),
        r"`coef_init` must have the shape \(1, 5\)",
        [lambda: DESCENT.fit(X, y, coef_init=np.zeros((1, 5)))],
    ),
    Case(
        lambda: GradientDescentClassifier(fit_intercept=False).fit(
            X, y, intercept_init=[0]
        ),
        "`intercept_init` must be None if fit_intercept=False",
        [
            lambda: GradientDescentClassifier(fit_intercept=False).fit(X, y),
            lambda: DESCENT.fit(X, y, intercept_init=[0]),
        ],
    ),
    Case(
        lambda: clone(DESCENT).partial_fit(X, y, [0, 1]).partial_fit(X, 2 * y),
        "must hold labels among",
        [lambda: clone(DESCENT).partial_fit(X, y, [0, 1]).partial_fit(X, y)],
    ),
    Case(
        lambda: DESCENT.fit(X, 0 * y),
        "needs rows of at least two classes",
        [lambda: DESCENT.fit(X, y)],
    ),
    Case(
        insert(MLPClassifier((3,), batch_size=9, **BATCH)),
        "`batch_size` of the surrogate must be .* 60; got 9.* set batch_size=120",
        [insert(MLPClassifier((3,), batch_size=120, **BATCH))],
    ),
    Case(
        insert(make_pipeline(PolynomialFeatures(), StandardScaler(), LR)),
        "Put that step before the attack, in a pipeline",
        [
            lambda: insert(make_pipeline(StandardScaler(), LR))(),
            lambda: GradientInsertion(LR, optimizer=FAST).fit_resample(
                PolynomialFeatures().fit_transform(X), y
            ),
        ],
    ),
    Case(
        insert(LogisticRegression(class_weight={0: 1, 5: 2})),
        r"must name classes of y, which are \[0, 1\]; got \[5\]",
        [insert(LogisticRegression(class_weight={0: 1, 1: 2}))],
    ),
    Case(insert(DecisionTreeClassifier()), "Take one of Grad", [insert(DESCENT)]),
    Case(insert(Ridge(positive=True), r), "must be False if", [insert(Ridge(), r)]),
    Case(
        insert(MLPClassifier((3,), max_iter=9)),
        "Set solver='sgd', momentum=0",
        [insert(MLPClassifier((3,), batch_size=120, **BATCH))],
    ),
]


class WithoutWeights(GaussianNB):
    """A learner from a stream that takes no weights."""

    def partial_fit(self, X, y, classes=None):
        return super().partial_fit(X, y, classes)


MOMENTUM = MLPClassifier((3,), solver="sgd", random_state=0)
PLAIN = MLPClassifier((3,), solver="sgd", momentum=0, random_state=0)


def in_stream(surrogate=None, *, given=(), labels=y, budget=2, **params):
    """Return a call of an attack on a stream."""
    attack = OnlineInsertion(surrogate, budget, random_state=0, **params)
    return lambda: attack.fit_resample(X, labels, **dict(given))


LOG_LOSS = SGDClassifier("log_loss", random_state=0)


def fitted_learner(X, classes):
    return SGDClassifier("log_loss", random_state=0).partial_fit(X, y, classes)


WORDS = pd.DataFrame({"word": ["a", "abcd"] * 5})


class OfWords(GaussianNB):
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        return super().partial_fit(self.lengths(X), y, classes, sample_weight)

    def predict_proba(self, X):
        return super().predict_proba(self.lengths(X))

    def lengths(self, X):
        return [[len(word)] for word in X["word"]]


class OfNothing(GaussianNB):
    """As a learner of river in its wrapper: words have no probabilities."""

    def predict_proba(self, X):
        return super().predict_proba(X) * (self.classes_.dtype.kind == "i")


def flips_in_stream(budget, n_free):
    attack = OnlineLabelFlip(LOG_LOSS, budget, random_state=0)
    return lambda: attack.fit_resample(X, y, trusted=np.arange(len(y)) >= n_free)


TRUSTED = {"trusted": np.arange(len(y)) % 3 == 0}
CLASSES = np.unique(y).tolist()


def combination(*learners):
    return AdaptiveCombinationClassifier(
        [(f"learner {i}", each) for i, each in enumerate(learners)]
    )


def squares(rate):
    return SGDClassifier(
        "squared_error", learning_rate="constant", eta0=rate, shuffle=False
    )


def quietly(call):
    with np.errstate(all="ignore"):
        return call()


# The first batch is as it was.
GROWING = np.where(np.arange(len(X))[:, np.newaxis] < 4, X, 1e300 * X)


def live(**params):
    return lambda: OnlineInsertion(**params).iter_resample([], X, y)


def live_row(row, label, surrogate=None, known=y):
    attack = OnlineInsertion(surrogate, random_state=0)
    return lambda: [*attack.iter_resample([(row, label)], X, known)]


STREAMS = [
    Case(
        in_stream(BernoulliNB()),
        "Take SGDClassifier.*by transfer",
        [in_stream(SGDClassifier("log_loss"))],
    ),
    Case(
        in_stream(SGDClassifier(average=True)),
        "Set average=False",
        [in_stream(SGDClassifier(average=False))],
    ),
    Case(
        in_stream(SGDClassifier(class_weight="balanced")),
        "must be a dict or None",
        [in_stream(SGDClassifier(class_weight={0: 2}))],
    ),
    Case(
        in_stream(MLPClassifier(early_stopping=True)),
        "Set early_stopping=False",
        [in_stream(MLPClassifier((3,), early_stopping=False, random_state=0))],
    ),
    Case(
        in_stream(MiniBatchKMeans()),
        "Take SGDClassifier",
        [in_stream(SGDClassifier("log_loss"))],
    ),
    Case(
        in_stream(goal=TargetFeatures([0])),
        "Take TargetCoefficients",
        [in_stream(goal=COEFFICIENTS)],
    ),
    Case(
        in_stream(goal=TargetLabels()),
        "must be given to `fit_resample`",
        [in_stream(goal=TargetLabels(), given=GIVEN)],
    ),
    Case(
        in_stream(goal=COEFFICIENTS, given=GIVEN),
        "Leave them out",
        [in_stream(goal=COEFFICIENTS)],
    ),
    Case(
        in_stream(MOMENTUM, look_ahead=2),
        "`look_ahead` must be 1.*momentum=0",
        [in_stream(MOMENTUM), in_stream(PLAIN, look_ahead=2)],
    ),
    Case(
        in_stream(MOMENTUM, n_repeats=2),
        "`n_repeats` must be 1.*momentum=0",
        [in_stream(MOMENTUM), in_stream(PLAIN, n_repeats=2)],
    ),
    Case(
        in_stream(positions=[1]), "Set budget=1", [in_stream(positions=[1], budget=1)]
    ),
    Case(
        in_stream(positions=[1, 61]),
        "between 0 and 60",
        [in_stream(positions=[1, 60])],
    ),
    Case(
        in_stream(positions=[0, 1]),
        "at least 1.*Or give `X_val` and `y_val`",
        [in_stream(positions=[0, 1], given=GIVEN), in_stream(positions=[1, 1])],
    ),
    Case(
        flips_in_stream(3, n_free=2),
        "Lower it.*trust fewer rows",
        [flips_in_stream(2, n_free=2), flips_in_stream(3, n_free=3)],
    ),
    Case(
        in_stream(RejectionClassifier(BernoulliNB())),
        "Take SGDClassifier",
        [in_stream(RejectionClassifier(SGDClassifier("log_loss", random_state=0)))],
    ),
    Case(
        in_stream(RejectionClassifier(GradientDescentClassifier())),
        "with loss='log_loss' or loss='modified_huber' inside",
        [
            in_stream(RejectionClassifier(SGDClassifier(loss, random_state=0)))
            for loss in ("log_loss", "modified_huber")
        ],
    ),
    Case(
        lambda: RejectionClassifier(SGDClassifier("hinge")).fit(X, y),
        r"Take SGDClassifier\(loss='log_loss'\)",
        [lambda: RejectionClassifier(SGDClassifier(loss="log_loss")).fit(X, y)],
    ),
    Case(
        lambda: RejectionClassifier(WithoutWeights()).fit(X, y),
        "Use action='drop'",
        [lambda: RejectionClassifier(WithoutWeights(), action="drop").fit(X, y)],
    ),
    Case(
        lambda: (
            RejectionClassifier(SGDClassifier("log_loss"))
            .partial_fit(X, y, classes=[0, 1])
            .partial_fit(X, y, classes=[0, 2])
        ),
        "must be those of the first call|not the same as on last call",
        [
            lambda: (
                RejectionClassifier(SGDClassifier("log_loss"))
                .partial_fit(X, y, classes=[0, 1])
                .partial_fit(X, y)
            )
        ],
    ),
    Case(
        in_stream(TrustedStepClassifier(LOG_LOSS)),
        r"Give fit_resample\(X, y, trusted=mask\)",
        [in_stream(TrustedStepClassifier(LOG_LOSS), given=TRUSTED)],
    ),
    Case(
        in_stream(
            TrustedStepClassifier(SGDClassifier("log_loss", penalty="l1")),
            given=TRUSTED,
        ),
        "SGDClassifier without an l1 penalty",
        [in_stream(TrustedStepClassifier(LOG_LOSS), given=TRUSTED)],
    ),
    Case(
        in_stream(
            combination(SGDClassifier("modified_huber"), LOG_LOSS), given=TRUSTED
        ),
        "SGDClassifier with loss='log_loss'",
        [in_stream(combination(LOG_LOSS, LOG_LOSS), given=TRUSTED)],
    ),
    Case(
        in_stream(combination(LOG_LOSS), goal=COEFFICIENTS, given=TRUSTED),
        r"Take ErrorGeneric\(\)",
        [in_stream(combination(LOG_LOSS), goal=ErrorGeneric(), given=TRUSTED)],
    ),
    Case(
        lambda: AdaptiveCombinationClassifier([LOG_LOSS]).fit(X, y, **TRUSTED),
        r"Write \[\('fast', SGDClassifier",
        [lambda: combination(LOG_LOSS).fit(X, y, **TRUSTED)],
    ),
    Case(
        lambda: combination(SGDClassifier("hinge")).fit(X, y, **TRUSTED),
        r"Take SGDClassifier\(loss='log_loss'\)",
        [lambda: combination(LOG_LOSS).fit(X, y, **TRUSTED)],
    ),
    Case(
        lambda: combination(LOG_LOSS).fit(X, y),
        "take RejectionClassifier",
        [lambda: RejectionClassifier(LOG_LOSS).fit(X, y)],
    ),
    Case(
        lambda: combination(LOG_LOSS).partial_fit(X, y, classes=CLASSES, X_trusted=X),
        "must be given together",
        [
            lambda: combination(LOG_LOSS).partial_fit(
                X, y, classes=CLASSES, X_trusted=X, y_trusted=y
            )
        ],
    ),
    Case(
        lambda: SlidingWindowClassifier(KNNSanitizedClassifier(LR)).partial_fit(
            X, y, classes=CLASSES
        ),
        r"Take SGDClassifier\(loss='log_loss'\)",
        [
            lambda: SlidingWindowClassifier(
                KNNSanitizedClassifier(LOG_LOSS)
            ).partial_fit(X, y, classes=CLASSES)
        ],
    ),
    Case(
        in_stream(SlidingWindowClassifier(KNNSanitizedClassifier(LOG_LOSS))),
        "must have an OutlierFilteredClassifier around an SGDClassifier",
        [
            in_stream(
                SlidingWindowClassifier(OutlierFilteredClassifier(LOG_LOSS)),
                given=TRUSTED,
            )
        ],
    ),
    Case(
        in_stream(FrozenEstimator(fitted_learner(X[:, 1:], CLASSES))),
        "or give it unfitted",
        [in_stream(FrozenEstimator(fitted_learner(X, CLASSES))), in_stream(LOG_LOSS)],
    ),
    Case(
        in_stream(FrozenEstimator(fitted_learner(X, [*CLASSES, max(CLASSES) + 1]))),
        "Give its first call of partial_fit these as `classes`",
        [in_stream(FrozenEstimator(fitted_learner(X, CLASSES)))],
    ),
    Case(
        lambda: RejectionClassifier(
            WithoutWeights(), action="drop", max_leverage=2.0
        ).fit(X, y),
        "Use action='drop'.* leave `max_leverage` as it is",
        [lambda: RejectionClassifier(WithoutWeights(), action="drop").fit(X, y)],
    ),
    Case(
        lambda: AdaptiveCombinationClassifier(
            [("one", LOG_LOSS)], rule="remembered", fading=0.5
        ).fit(X, y, **TRUSTED),
        "fading must be 0.95 with rule='remembered'",
        [
            lambda: AdaptiveCombinationClassifier(
                [("one", LOG_LOSS)], rule="remembered"
            ).fit(X, y, **TRUSTED),
            lambda: AdaptiveCombinationClassifier(
                [("one", LOG_LOSS)], fading=0.5
            ).partial_fit(X, y, CLASSES, **TRUSTED),
        ],
    ),
    Case(
        lambda: AdaptiveCombinationClassifier(
            [("one", LOG_LOSS)], learning_rate=0.1
        ).fit(X, y, **TRUSTED),
        "learning_rate must be None .* in `fit`, .* call partial_fit",
        [
            lambda: AdaptiveCombinationClassifier([("one", LOG_LOSS)]).fit(
                X, y, **TRUSTED
            ),
            lambda: AdaptiveCombinationClassifier(
                [("one", LOG_LOSS)], learning_rate=0.1
            ).partial_fit(X, y, CLASSES, **TRUSTED),
        ],
    ),
    *(
        Case(
            lambda rate=rate: quietly(in_stream(squares(rate))),
            "`surrogate` must .* Scale the features, or lower its learning rate",
            [in_stream(squares(1e-3))],
        )
        for rate in (1e150, 1e300)
    ),
    Case(
        lambda: prequential_curve(squares(1.0), GROWING, y, batch_size=4),
        "`estimator` must .* Scale the features, .* StandardScaler, or lower",
        [
            lambda: prequential_curve(
                squares(1.0), StandardScaler().fit_transform(X), y, batch_size=4
            )
        ],
    ),
    Case(
        lambda: RejectionClassifier(OfWords()).partial_fit(WORDS, [0, 1] * 5, [0, 1]),
        "`max_leverage` must be None",
        [
            lambda: RejectionClassifier(OfWords(), max_leverage=None).partial_fit(
                WORDS, [0, 1] * 5, [0, 1]
            )
        ],
    ),
    Case(live(budget=2), "must be a float", [live(budget=0.2)]),
    Case(live(positions="random"), "`positions` must be 'even'", [live()]),
    Case(live_row(X[0, :-1], y[0]), "as wide as `X_known`", [live_row(X[0], y[0])]),
    Case(
        live_row(dict(enumerate(X[0])), y[0]),
        r"pairs of an array of numbers .* Give zip\(X, y\), and of dicts the values",
        [live_row([*dict(enumerate(X[0])).values()], y[0])],
    ),
    Case(
        lambda: label_probabilities(OfNothing().fit(X, words), X, words),
        "must give probabilities that sum to 1; got a sum of 0 .* labels as 0 and 1",
        [lambda: label_probabilities(OfNothing().fit(X, y), X, y)],
    ),
    Case(live_row(X[0] * np.nan, y[0]), "got nan in column 0", [live_row(X[0], y[0])]),
    Case(live_row(X[0], "new"), "Add a known row", [live_row(X[0], y[0])]),
    Case(
        live_row(X[0], np.nan, SGDRegressor(), X[:, 0]),
        "finite responses",
        [live_row(X[0], 0.5, SGDRegressor(), X[:, 0])],
    ),
]
CASES = ATTACKS + SETS + DEFENCES + PARTS + SURROGATES + STREAMS


@pytest.mark.filterwarnings(
    "ignore:.*not converge:sklearn.exceptions.ConvergenceWarning"
)
@pytest.mark.filterwarnings("ignore:.*:FutureWarning")
@pytest.mark.filterwarnings("ignore:.* returned a point at which:UserWarning")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.message)
def test_ways_out_work(case):
    with pytest.raises((ValueError, TypeError)) as caught:
        case.fails()
    message = str(caught.value)
    assert re.search(case.message, message, flags=re.DOTALL), message
    assert len(message) < 700
    for works in case.works:
        works()


def raises_of(path):
    """Return the lines of each `raise` of a file that has something to say."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        (path, node.lineno): (node.lineno, node.end_lineno, ast.unparse(node))
        for node in ast.walk(tree)
        if isinstance(node, ast.Raise) and node.exc is not None
    }


@pytest.mark.filterwarnings("ignore")
def test_every_error_has_a_case():
    known = {}
    for folder in FOLDERS:
        for path in (PACKAGE / folder).rglob("*.py"):
            known |= raises_of(path)
    reached = set()
    for case in CASES:
        try:
            case.fails()
        except (ValueError, TypeError) as error:
            while error is not None:
                frame = error.__traceback__
                while frame is not None:
                    path = Path(frame.tb_frame.f_code.co_filename)
                    reached.add((path, frame.tb_lineno))
                    frame = frame.tb_next
                error = error.__cause__ or error.__context__
    missed = [
        f"{path.relative_to(PACKAGE)}:{first}: {text}"
        for (path, _), (first, last, text) in known.items()
        if not any((path, line) in reached for line in range(first, last + 1))
        and not any(words in text for words in UNREACHED)
    ]
    assert not missed, "Add a case for each of these:\n" + "\n".join(missed)


def values_named(message):
    """Return the values of a parameter that an error names."""
    _, wanted = re.match(r"`(\w+)` of .* must be (.*) if it is the", message).groups()
    if wanted.startswith("a "):
        return [1.0]
    return [ast.literal_eval(value) for value in wanted.split(" or ")]


@pytest.mark.parametrize(
    ("estimator", "n_classes"),
    [
        (LogisticRegression(solver="liblinear"), 3),
        (LinearRegression(positive=True), None),
        (Ridge(positive=True), None),
        (Ridge(alpha=[1.0, 2.0]), None),
        (RidgeClassifier(positive=True), 2),
        (Lasso(positive=True), None),
        (LinearSVC(penalty="l1", dual=False), 2),
        (LinearSVC(multi_class="crammer_singer"), 3),
        (LinearSVC(class_weight="balanced"), 3),
        (SVC(kernel="precomputed"), 2),
        (SVC(C=np.inf), 2),
        (SGDClassifier("perceptron"), 2),
        (SGDClassifier(penalty="l1"), 2),
        (SGDClassifier(class_weight="balanced"), 3),
        (SGDRegressor("epsilon_insensitive"), None),
        (SGDRegressor(penalty="l1"), None),
    ],
    ids=repr,
)
def test_each_value_named_can_be_differentiated(estimator, n_classes):
    with pytest.raises(ValueError, match="if it is the surrogate") as caught:
        as_training_problem(estimator, n_classes)
    message = str(caught.value)
    parameter = re.match("`([^`]*)`", message)[1]
    for value in values_named(message):
        changed = type(estimator)(**estimator.get_params() | {parameter: value})
        changed._validate_params()
        as_training_problem(changed, n_classes)


def test_learning_rate_named_converges():
    adaline = GradientDescentClassifier("squared_error", learning_rate=1e9)
    for call in (insert(adaline), lambda: adaline.fit(X, y)):
        adaline.set_params(learning_rate=1e9)
        with pytest.raises(ValueError, match="diverges with learning_rate") as caught:
            call()
        named = re.search("Take learning_rate=([0-9.e+-]+),", str(caught.value))[1]
        adaline.set_params(learning_rate=float(named))
        call()


def differentiable(estimator, n_classes):
    """Return an estimator with the changes that an error names, if it is refused."""
    try:
        as_training_problem(estimator, n_classes)
    except ValueError as error:
        named = re.search(r"Set (.*?)\. Poison", str(error))[1]
        changes = {
            each.split("=")[0]: ast.literal_eval(each.split("=")[1])
            for each in named.split(", ")
        }
        return estimator.set_params(**changes)
    return estimator


@pytest.mark.filterwarnings(
    "ignore:.*not converge:sklearn.exceptions.ConvergenceWarning"
)
@pytest.mark.filterwarnings("ignore:Stochastic Optimizer:UserWarning")
@pytest.mark.parametrize(
    ("tree", "labels", "n_classes"),
    [(DecisionTreeClassifier(), y, 2), (DecisionTreeRegressor(), r, None)],
)
def test_each_surrogate_named_can_be_taken(tree, labels, n_classes):
    with pytest.raises(TypeError, match=r"attack DecisionTree.* by transfer") as caught:
        insert(tree, labels)()
    names = re.search("Take one of (.*) as the surrogate", str(caught.value))[1]
    known = dict(all_estimators())
    estimators = [
        known[name] if name in known else getattr(surrogates, name, None)
        for name in names.split(", ")
    ]
    # Other tests register types of their own.
    estimators = [
        each()
        for each in estimators
        if each is not None
        and as_training_problem.registry[each].__module__.startswith("skpoison")
    ]
    assert len(estimators) >= 6
    for each in estimators:
        if "random_state" in each.get_params():
            each.set_params(random_state=0)
        X_out, y_out = insert(differentiable(each, n_classes), labels)()
        # The way of transfer: the tree learns from poison made for another one.
        tree.fit(X_out, y_out)


@pytest.mark.parametrize(
    ("network", "n_classes"), [(MLPClassifier, 2), (MLPRegressor, None)]
)
@pytest.mark.parametrize(
    "params",
    [{}, {"solver": "lbfgs"}, {"early_stopping": True, "solver": "sgd"}],
    ids=str,
)
def test_each_change_of_a_network_named_is_enough(network, n_classes, params):
    network = differentiable(network(**params), n_classes)
    problem = as_training_problem(network, n_classes)
    assert problem.engine("auto", shape=(20, 3)) is not None
