"""Pipelines: scalers are fitted on clean and poison rows together."""

from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.linear_model import Lasso, LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import SVC

from skpoison.attacks._problem import BilevelProblem
from skpoison.goals import BaseGoal, ErrorGeneric, TargetCoefficients, TargetFeatures
from skpoison.surrogates import GradientDescentClassifier, GradientDescentRegressor

rng = np.random.RandomState(0)
X = rng.normal(size=(46, 4)) * [1, 2, 0.5, 1] + [0, 1, 0, -2]
SIGNAL = X @ [1.0, -0.5, 2.0, 0.0] + 0.5 * rng.normal(size=46)
BINARY, CLASSES = (SIGNAL > 0).astype(int), np.digitize(SIGNAL, [-1, 1])
CLEAN, POISON, VALIDATION = slice(30), slice(30, 34), slice(34, 46)
# Beyond the clean rows, too: there the poison decides on minima and maxima.
X[POISON] = X[POISON] * 1.5 + 0.1
TARGETS = {"binary": BINARY, "classes": CLASSES, "responses": SIGNAL}

EXACT = LogisticRegression(tol=1e-12, max_iter=1000, solver="newton-cholesky")
NETWORK = MLPClassifier(
    (3,),
    activation="tanh",
    solver="sgd",
    momentum=0,
    learning_rate_init=0.1,
    batch_size=1000,
    tol=0,
    n_iter_no_change=1000,
    max_iter=20,
    random_state=0,
)
SURROGATES = {
    "logistic": (EXACT, "binary", {}),
    "multinomial": (EXACT, "classes", {}),
    "no intercept": (LogisticRegression(fit_intercept=False), "classes", {}),
    "balanced": (LogisticRegression(class_weight="balanced"), "classes", {}),
    "ridge": (Ridge(), "responses", {}),
    "l1": (LogisticRegression(penalty="l1", solver="liblinear"), "binary", {}),
    "lasso": (Lasso(0.1), "responses", {}),
    "SVC": (SVC(gamma=0.3), "binary", {}),
    "SVC of classes": (SVC(gamma=0.3), "classes", {}),
    "network": (NETWORK, "binary", {}),
    "closed form": (GradientDescentRegressor(n_steps=30), "responses", {}),
    "unrolled": (GradientDescentClassifier("log_loss", n_steps=30), "classes", {}),
    "truncated to all": (
        GradientDescentRegressor(n_steps=30),
        "responses",
        {"hypergradient": "unrolled"},
    ),
}
SCALERS = {
    "standard": [StandardScaler()],
    "deviation": [StandardScaler(with_mean=False)],
    "range": [MinMaxScaler()],
    "quantiles": [RobustScaler()],
    "three": [StandardScaler(with_std=False), MinMaxScaler((1, 3)), MaxAbsScaler()],
}


def make_problem(scalers, surrogate, target="binary", goal=None, **settings):
    y = TARGETS[target]
    goal = ErrorGeneric() if goal is None else goal
    if goal.needs_validation:
        settings = {"X_val": X[VALIDATION], "y_val": y[VALIDATION], **settings}
    return BilevelProblem(
        make_pipeline(*scalers, surrogate),
        goal,
        settings.pop("X", X[CLEAN]),
        y[CLEAN],
        classes=None if target == "responses" else np.unique(y),
        tol=1e-13,
        **settings,
    )


def differences(value, at, directions, h=1e-4):
    """Differentiate in some directions by central differences of fourth order."""
    found = []
    for direction in directions:
        a, b, c, d = (value(at + t * h * direction) for t in (1, -1, 2, -2))
        found.append((8 * (a - b) - (c - d)) / (12 * h))
    return np.array(found)


def assert_gradient_is_right(problem, target, tol=1e-6, rows=None, h=1e-4):
    y = TARGETS[target][POISON]
    rows = X[POISON] if rows is None else rows

    def value(rows):
        return problem.differentiate(rows, y)[0]

    directions = np.random.RandomState(0).normal(size=(4, *rows.shape))
    value(rows)  # warm: all values belong to one optimum
    gradient = problem.differentiate(rows, y)[1]
    expected = differences(value, rows, directions, h)
    found = (gradient * directions).sum(axis=(1, 2))
    assert np.linalg.norm(found - expected) < tol * np.linalg.norm(expected)


@pytest.mark.parametrize("scalers", SCALERS.values(), ids=SCALERS.keys())
@pytest.mark.parametrize(
    ("surrogate", "target", "settings"), SURROGATES.values(), ids=SURROGATES.keys()
)
def test_gradient_against_differences(surrogate, target, settings, scalers):
    problem = make_problem(scalers, surrogate, target, weight=1.5, **settings)
    is_rough = isinstance(surrogate, SVC)  # its dual is solved to fewer digits
    assert_gradient_is_right(problem, target, 1e-5 if is_rough else 1e-6)


@pytest.mark.parametrize("loss", ["surrogate", "objective"])
@pytest.mark.parametrize("target", ["binary", "classes"])
def test_losses(loss, target):
    goal = ErrorGeneric(loss=loss)
    problem = make_problem([StandardScaler()], EXACT, target, goal)
    assert_gradient_is_right(problem, target)


def test_goals_on_what_is_learnt():
    coefficients = TargetCoefficients({0: 0.0, 2: -1.0})
    problem = make_problem([StandardScaler()], EXACT, "binary", coefficients)
    assert_gradient_is_right(problem, "binary")
    features = TargetFeatures(select=[3], discard=[0])
    problem = make_problem([StandardScaler()], Lasso(0.1), "responses", features)
    assert_gradient_is_right(problem, "responses")


@pytest.mark.parametrize("loss", ["error", "objective"])
def test_validation_rows_are_clipped_as_the_victim_does(loss):
    scalers = [MinMaxScaler((-1, 1), clip=True), StandardScaler()]
    far = X[VALIDATION] * 3
    goal = ErrorGeneric(loss=loss)
    problem = make_problem(scalers, EXACT, "classes", goal, X_val=far)
    assert_gradient_is_right(problem, "classes")
    value, *_ = problem.differentiate(X[POISON], CLASSES[POISON])
    unclipped = [MinMaxScaler((-1, 1)), StandardScaler()]
    other = make_problem(unclipped, EXACT, "classes", goal, X_val=far)
    assert abs(value - other.differentiate(X[POISON], CLASSES[POISON])[0]) > 1e-3


@pytest.mark.parametrize(
    "scaler",
    [
        StandardScaler(with_mean=False),
        MaxAbsScaler(),
        RobustScaler(with_centering=False),
    ],
    ids=str,
)
def test_sparse_rows(scaler):
    problem = make_problem(
        [scaler],
        EXACT,
        "classes",
        X=sparse.csr_array(X[CLEAN]),
        X_val=sparse.csr_array(X[VALIDATION]),
    )
    dense = make_problem([scaler], EXACT, "classes")
    for found, expected in zip(
        problem.differentiate(X[POISON], CLASSES[POISON]),
        dense.differentiate(X[POISON], CLASSES[POISON]),
        strict=True,
    ):
        assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    assert_gradient_is_right(problem, "classes")


@pytest.mark.parametrize("scalers", SCALERS.values(), ids=SCALERS.keys())
@pytest.mark.parametrize("target", TARGETS)
def test_optimum_is_that_of_the_pipeline_on_all_rows(scalers, target):
    estimator = Ridge() if target == "responses" else EXACT
    problem = make_problem(scalers, estimator, target)
    y = TARGETS[target]
    problem.differentiate(X[POISON], y[POISON])
    poisoned = np.r_[CLEAN, POISON]
    victim = make_pipeline(*scalers, estimator).fit(X[poisoned], y[poisoned])
    W = problem.engine.optimum.W
    assert_allclose(W[:-1].T.squeeze(), victim[-1].coef_.squeeze(), atol=1e-8)
    assert_allclose(W[-1], np.ravel(victim[-1].intercept_), atol=1e-8)


def test_clean_rows_have_their_weight_in_the_scaler_too():
    problem = make_problem([StandardScaler()], EXACT, weight=1.7)
    problem.differentiate(X[POISON], BINARY[POISON])
    poisoned = np.r_[CLEAN, POISON]
    weights = np.repeat([1.7, 1.0], [30, 4])
    scaler = StandardScaler().fit(X[poisoned], sample_weight=weights)
    victim = EXACT.fit(scaler.transform(X[poisoned]), BINARY[poisoned], weights)
    assert_allclose(problem.engine.optimum.W[:-1].T, victim.coef_, atol=1e-8)


@pytest.mark.parametrize("scaler", [MinMaxScaler(), MaxAbsScaler()])
def test_rows_at_the_border_of_the_clean_ones_follow_the_way_in(scaler):
    """At a minimum or maximum there are two derivatives: a box allows one of them."""
    problem = make_problem([scaler], EXACT)
    low, high = X[CLEAN].min(axis=0), X[CLEAN].max(axis=0)
    rows, y = np.clip(X[POISON] * 10, low, high), BINARY[POISON]
    at_border = (rows == low) | (rows == high)
    assert at_border.sum() > 8
    _, gradient, _ = problem.differentiate(rows, y)
    inwards = np.where(rows == low, 1.0, np.where(rows == high, -1.0, 0.3))
    # Differences of second order to one side, extrapolated.
    h = 1e-4

    def value(step):
        return problem.differentiate(rows + step * inwards, y)[0]

    values = [value(k * h) for k in range(5)]
    expected = np.dot([-25, 48, -36, 16, -3], values) / (12 * h)
    assert_allclose((gradient * inwards).sum(), expected, rtol=1e-6)


def test_some_of_the_rows():
    problem = make_problem([StandardScaler()], EXACT)
    value, everywhere, _ = problem.differentiate(X[POISON], BINARY[POISON])
    same, some, _ = problem.differentiate(X[POISON], BINARY[POISON], slice(1, 3))
    assert_allclose([same], [value])
    assert_allclose(some, everywhere[1:3], rtol=1e-9)


def test_without_scalers_rows_are_passed_on():
    problem = make_problem([], EXACT)
    assert problem.scaler is None
    assert problem.X_scaled is problem.X
    assert problem.resolved_goal is problem.raw_goal
    _, hypergradient = problem.evaluate(problem.rows())
    assert hypergradient.columns is None


def test_rows_without_effect_are_led_to_the_margin():
    problem = make_problem([StandardScaler()], SVC(kernel="linear"))
    rows, y = X[POISON].copy(), BINARY[POISON]
    rows[0] = (2 * y[0] - 1) * np.array([5.0, -2.5, 10.0, 0.0])  # no support vector
    _, plain, _ = problem.differentiate(rows, y)
    _, led, _ = problem.differentiate(rows, y, leave_plateaus=True)
    moved = (plain != led).any(axis=1)
    assert moved[0]
    # The scalers move with a row that is not a support vector, too.
    assert plain[0].any()
    assert_array_equal(plain[~moved], led[~moved])


def test_all_clean_rows_may_be_replaced():
    y = BINARY[:34]
    problem = BilevelProblem(
        make_pipeline(StandardScaler(), EXACT),
        ErrorGeneric(),
        X[:0],
        y[:0],
        classes=np.unique(y),
        X_val=X[VALIDATION],
        y_val=BINARY[VALIDATION],
    )
    _, gradient, _ = problem.differentiate(X[:34], y)
    assert np.isfinite(gradient).all()
    expected = make_pipeline(StandardScaler(), EXACT).fit(X[:34], y)[-1].coef_
    assert_allclose(problem.engine.optimum.W[:-1].T, expected, atol=1e-6)


class SquaredScores(BaseGoal):
    """A goal on validation rows that says nothing of scalers."""

    kind = "errors"

    def resolve(self, context):
        def at(learner, W):
            scores = learner.scores(context.X_val, W)
            gradient = learner.score_vjp(context.X_val, W, 2 * scores)
            return float((scores**2).sum()), gradient

        return SimpleNamespace(at=at)


class Norm(BaseGoal):
    """A goal on the weights alone."""

    def resolve(self, context):
        return SimpleNamespace(at=lambda learner, W: (float((W**2).sum()), 2 * W))


@pytest.mark.parametrize("goal", [SquaredScores(), Norm()])
@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler(clip=True)])
def test_goals_of_ones_own(goal, scaler):
    problem = make_problem([scaler], EXACT, "classes", goal)
    assert_gradient_is_right(problem, "classes")


def test_goals_of_ones_own_on_sparse_rows():
    settings = {
        name: sparse.csr_array(X[rows])
        for name, rows in (("X", CLEAN), ("X_val", VALIDATION))
    }
    problem = make_problem([MaxAbsScaler()], EXACT, goal=SquaredScores(), **settings)
    assert_gradient_is_right(problem, "binary")
