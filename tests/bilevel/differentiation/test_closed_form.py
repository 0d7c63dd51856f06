import numpy as np
import pytest
from numpy.testing import assert_allclose

from skpoison.bilevel.differentiation.closed_form import SpectralDescent, _sums
from skpoison.bilevel.differentiation.hypergradients import descend, implicit, unrolled
from skpoison.bilevel.goals import MeanLoss, OnRows, SmoothedError
from skpoison.bilevel.learners.base import Rows
from skpoison.bilevel.learners.linear import LinearLearner
from skpoison.bilevel.losses import Squared
from skpoison.bilevel.solvers.newton import minimise

LEARNERS = {
    "plain": LinearLearner(Squared(), 0.3),
    "no penalty": LinearLearner(Squared(), 0.0),
    "no intercept": LinearLearner(Squared(), 0.3, intercept=0.0),
    "neither": LinearLearner(Squared(), 0.0, intercept=0.0),
    "penalised intercept": LinearLearner(Squared(), 0.3, 2.0, 0.9),
    "only the intercept penalised": LinearLearner(Squared(), 0.0, 1.0, 0.9),
}
PARTS = [("X", "features"), ("targets", "targets"), ("weights", "weights")]
RATE = 0.002
learners = pytest.mark.parametrize("learner", LEARNERS.values(), ids=LEARNERS.keys())


def both(learner, rows, n_steps, indices=slice(None), rate=RATE):
    """Take the steps at once and one by one, with a gradient in all weights."""
    b = np.random.RandomState(1).normal(size=learner.shape(rows))
    steps = {"rate": rate, "n_steps": n_steps}
    spectral = SpectralDescent(learner, rows, **steps)
    W, stored = descend(learner, rows, np.zeros(learner.shape(rows)), **steps)
    expected = unrolled(stored, b, indices, **steps)
    return spectral.W, spectral.hypergradient(b, indices), W, expected


def assert_near(actual, expected):
    assert actual.shape == expected.shape
    scale = np.abs(expected).max()
    assert scale > 0
    # Where weights fit all targets, all terms of the influence of a row cancel.
    assert_allclose(actual, expected, rtol=0, atol=1e-9 * scale + 1e-13)


@learners
@pytest.mark.parametrize("n_features", [5, 29, 60])
@pytest.mark.parametrize(
    ("n_steps", "is_sparse"),
    [(1, False), (2, True), (7, False), (7, True), (64, False), (1000, False)],
)
def test_is_descent(learner, n_features, is_sparse, n_steps, make_rows):
    rows = make_rows(learner, n_features=n_features, is_sparse=is_sparse)
    W, found, expected_W, expected = both(learner, rows, n_steps)
    assert_near(W, expected_W)
    for _, part in PARTS:
        assert_near(getattr(found, part), getattr(expected, part))


@pytest.mark.parametrize("n_features", [5, 60])
@pytest.mark.parametrize("indices", [slice(-4, None), slice(3, 4), slice(0, 30)])
def test_some_rows(n_features, indices, make_rows):
    learner = LEARNERS["penalised intercept"]
    rows = make_rows(learner, n_features=n_features)
    _, found, _, expected = both(learner, rows, 50, indices)
    for _, part in PARTS:
        assert_near(getattr(found, part), getattr(expected, part))


@learners
@pytest.mark.parametrize("n_features", [5, 40])
@pytest.mark.parametrize("kind", ["error", "loss"])
def test_against_differences(learner, n_features, kind, make_rows, difference):
    rows = make_rows(learner, n_features=n_features)
    steps = {"rate": RATE, "n_steps": 100}
    X_val = rows.X[:10].copy()
    goal = MeanLoss(learner.loss, rows.targets[:10].copy())
    if kind == "error":
        goal = SmoothedError(rows.targets[:10].argmax(axis=1), 0.7, -1)

    def value_of(part, value):
        fields = {"X": rows.X, "targets": rows.targets, "weights": rows.weights}
        fields[part] = np.concatenate([fields[part][:-4], value])
        W = SpectralDescent(learner, Rows(**fields), **steps).W
        return goal.value(learner.scores(X_val, W))

    descent = SpectralDescent(learner, rows, **steps)
    _, b = OnRows(X_val, goal).at(learner, descent.W)
    found = descent.hypergradient(b, slice(-4, None))
    rng = np.random.RandomState(5)
    for part, name in PARTS:
        at = getattr(rows, part)[-4:]
        actual, expected = [], []
        for _ in range(4):
            U = rng.normal(size=at.shape)
            expected.append(difference(lambda v: value_of(part, v), at, U))  # noqa: B023
            actual.append((getattr(found, name) * U).sum())
        assert_allclose(actual, expected, rtol=0, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize("n_features", [5, 60])
def test_goal_that_asks_for_nothing(n_features, make_rows):
    learner = LEARNERS["plain"]
    rows = make_rows(learner, n_features=n_features)
    descent = SpectralDescent(learner, rows, rate=RATE, n_steps=10)
    found = descent.hypergradient(np.zeros_like(descent.W))
    for _, part in PARTS:
        assert not getattr(found, part).any()


def test_a_million_steps_are_the_optimum(make_rows):
    learner = LEARNERS["plain"]
    rows = make_rows(learner)
    optimum = minimise(learner, rows)
    descent = SpectralDescent(learner, rows, rate=RATE, n_steps=10**6)
    assert_near(descent.W, optimum.W)
    b = np.random.RandomState(1).normal(size=optimum.W.shape)
    exact = implicit(optimum, b)
    for _, part in PARTS:
        assert_near(getattr(descent.hypergradient(b), part), getattr(exact, part))


@pytest.mark.parametrize("n_steps", [1, 2, 3, 6, 37, 256])
def test_sums(n_steps):
    """With rates that make descent swing, and 1, where a division would fail."""
    rho = np.array([1.0, 0.9, 0.0, -0.5, -1.0])
    S = [sum(rho**s for s in range(t)) + 0 * rho for t in range(n_steps + 1)]
    E = sum(np.outer(rho ** (n_steps - 1 - t), S[t]) for t in range(n_steps))
    found_S, found_E = _sums(rho, n_steps)
    assert_allclose(found_S, S[-1], rtol=1e-13, atol=1e-13)
    assert_allclose(found_E, E, rtol=1e-12, atol=1e-12)


def test_divergence_is_no_number(make_rows):
    """As it is step by step, so that a climb can turn back."""
    learner = LEARNERS["plain"]
    rows = make_rows(learner)
    descent = SpectralDescent(learner, rows, rate=1.0, n_steps=1000)
    assert not np.isfinite(descent.W).all()
    found = descent.hypergradient(descent.W, slice(-4, None))
    assert np.isnan(found.features).all()
    assert found.features.shape == (4, 5)
    assert found.targets.shape == (4, 3)
    assert found.weights.shape == (4,)
