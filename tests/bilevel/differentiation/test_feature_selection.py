import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skpoison.bilevel.differentiation.feature_selection import (
    FeatureSelection,
    feature_selection,
)
from skpoison.bilevel.differentiation.hypergradients import implicit
from skpoison.bilevel.learners.base import Rows
from skpoison.bilevel.learners.l1 import L1Learner
from skpoison.bilevel.losses import Logistic, Multinomial, Squared
from skpoison.bilevel.solvers.l1_newton import minimise_l1

LEARNERS = {
    "lasso": L1Learner(Squared(), 0.0, l1_penalty=20.0),
    "elastic net": L1Learner(Squared(), 3.0, l1_penalty=15.0),
    "logistic": L1Learner(Logistic(), 0.0, l1_penalty=2.0),
    "multinomial": L1Learner(Multinomial(), 0.0, l1_penalty=1.5),
}
N_FEATURES = 12
POISON = slice(-4, None)


@pytest.fixture(params=LEARNERS.values(), ids=LEARNERS.keys())
def learner(request):
    return request.param


def selected(optimum):
    return np.flatnonzero((optimum.W[:N_FEATURES] != 0).any(axis=1))


def discarded(optimum):
    return np.setdiff1d(np.arange(N_FEATURES), selected(optimum))


def make_goal(optimum):
    """Want some that are selected and some that are not, and the other way round."""
    inside, outside = selected(optimum), discarded(optimum)
    wanted = np.r_[inside[::2], outside[::2]]
    unwanted = np.r_[inside[1::2], outside[1::2]]
    return feature_selection(optimum, wanted, unwanted)


def test_gradient(learner, make_rows, difference):
    rows = make_rows(learner, n_features=N_FEATURES)
    optimum = minimise_l1(learner, rows, tol=1e-14)
    goal = make_goal(optimum)
    assert selected(optimum).size > 1
    assert discarded(optimum).size > 1
    b, U = goal.gradients(optimum)
    assert b.any()
    assert U.any()
    assert not (b * U).any()
    assert not b[~optimum.active].any()
    hypergradient = implicit(optimum, b, POISON, direct=U)

    def value_of(part, value):
        fields = {"X": rows.X, "targets": rows.targets, "weights": rows.weights}
        fields[part] = np.concatenate([fields[part][:-4], value])
        there = minimise_l1(learner, Rows(**fields), optimum, tol=1e-14)
        assert_array_equal(np.sign(there.W[:-1]), np.sign(optimum.W[:-1]))
        return goal.value(there)

    rng = np.random.RandomState(0)
    names = {"X": "features", "targets": "targets", "weights": "weights"}
    for part, name in names.items():
        at = getattr(rows, part)[POISON]
        actual, expected = [], []
        for _ in range(8):
            D = rng.normal(size=at.shape)
            expected.append(difference(lambda v: value_of(part, v), at, D, 2e-5))  # noqa: B023
            actual.append((getattr(hypergradient, name) * D).sum())
        assert_allclose(actual, expected, rtol=0, atol=1e-6 * np.abs(expected).max())


def test_scores_say_what_is_selected(learner, make_rows):
    optimum = minimise_l1(learner, make_rows(learner, n_features=N_FEATURES))
    goal = make_goal(optimum)
    scores = goal.scores(optimum)
    assert_array_equal(np.flatnonzero(scores > 0), selected(optimum))
    assert scores.min() > -1
    assert scores.max() < 1
    expected = scores[goal.wanted].sum() - scores[goal.unwanted].sum()
    assert_allclose(goal.value(optimum), expected)


def test_score_is_smooth_as_a_feature_is_selected():
    """One column: as its response grows, it is selected without a jump or a kink."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(20, 1))
    learner = L1Learner(Squared(), 0.5, 0.0, l1_penalty=4.0)
    # Where the weight would be 0, the gradient is the penalty.
    edge = 4.0 / (X**2).sum()

    def score(slope):
        optimum = minimise_l1(learner, Rows(X, slope * X, np.ones(20)))
        return feature_selection(optimum, [0]).value(optimum), optimum

    assert abs(score(edge)[0]) < 1e-12
    h = 1e-5 * edge
    (before, without), (after, with_it) = score(edge - h), score(edge + h)
    assert not without.active.any()
    assert with_it.active.all()
    # The excess itself is linear in the response, with the same slope on both sides.
    assert_allclose(before, -1e-5, rtol=1e-9)
    assert_allclose(after, 1e-5 / (1 + 1e-5), rtol=1e-9)


def test_excess_is_that_of_the_feature_left_out(make_rows):
    """With the other weights held, by how much its gradient exceeds the penalty."""
    learner = LEARNERS["lasso"]
    rows = make_rows(learner, n_features=N_FEATURES)
    optimum = minimise_l1(learner, rows)
    scores = feature_selection(optimum).scores(optimum)
    for j in range(N_FEATURES):
        W = optimum.W.copy()
        W[j] = 0
        excess = np.abs(learner.at(W, rows).gradient()[j]).max() / 20 - 1
        expected = excess if excess <= 0 else excess / (1 + excess)
        assert_allclose(scores[j], expected, rtol=1e-8, atol=1e-10)


def test_curvatures(learner, make_rows):
    rows = make_rows(learner, n_features=N_FEATURES, is_sparse=True)
    optimum = minimise_l1(learner, rows)
    found = feature_selection(optimum).curvatures
    for j in range(N_FEATURES):
        for k in range(found.shape[1]):
            unit = np.zeros_like(optimum.W)
            unit[j, k] = 1
            expected = optimum.point.hessian_product(unit)[j, k]
            assert_allclose(found[j, k], expected, rtol=1e-12)


def test_feature_that_is_zero_in_all_rows(make_rows):
    """It can only come nearer to being selected: wanted, it has a slope to climb."""
    learner = LEARNERS["lasso"]
    rows = make_rows(learner, n_features=N_FEATURES)
    X = rows.X.copy()
    X[:, 3] = 0
    optimum = minimise_l1(learner, rows.with_features(X))
    assert (feature_selection(optimum).curvatures > 0).all()
    goal = feature_selection(optimum, wanted=[3])
    assert goal.value(optimum) == -1
    b, U = goal.gradients(optimum)
    assert not b.any()
    assert U[3].any()
    gradient = implicit(optimum, b, POISON, direct=U).features
    X[POISON] += 1e-3 * np.sign(gradient)
    assert goal.value(minimise_l1(learner, rows.with_features(X))) > -1
    _, U = feature_selection(optimum, unwanted=[3]).gradients(optimum)
    assert not U.any()


def test_nothing_at_all_in_the_rows():
    learner = L1Learner(Squared(), 0.0, l1_penalty=1.0)
    rows = Rows(np.zeros((5, 2)), np.ones((5, 1)), np.ones(5))
    goal = feature_selection(minimise_l1(learner, rows), [0], [1])
    assert isinstance(goal, FeatureSelection)
    assert_array_equal(goal.curvatures, 1)
