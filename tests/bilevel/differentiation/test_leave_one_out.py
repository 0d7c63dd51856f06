from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import Ridge, RidgeClassifier

from skpoison.bilevel.differentiation.hypergradients import implicit
from skpoison.bilevel.differentiation.leave_one_out import is_direct, leave_one_out
from skpoison.bilevel.goals import MeanLoss, OnRows
from skpoison.bilevel.learners.base import Rows
from skpoison.bilevel.learners.linear import LinearLearner
from skpoison.bilevel.losses import Logistic, Multinomial, Squared
from skpoison.bilevel.solvers.newton import minimise

EXACT = {
    "ridge": LinearLearner(Squared(), 0.3),
    "ridge, no intercept": LinearLearner(Squared(), 0.3, intercept=0.0),
    "ridge, penalised intercept": LinearLearner(Squared(), 0.3, 2.0, 0.7),
}
SHAPES = {"few columns": (20, 5), "few rows": (15, 25)}


def without(rows, i):
    weights = rows.weights.copy()
    weights[i] = 0
    return replace(rows, weights=weights)


def refitted(learner, rows, indices):
    return np.array([minimise(learner, without(rows, i), tol=1e-14).W for i in indices])


@pytest.mark.parametrize("is_sparse", [False, True])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
@pytest.mark.parametrize("exact", EXACT.values(), ids=EXACT.keys())
def test_exact_for_the_squared_loss(exact, shape, is_sparse, make_rows):
    """From the optimum and from elsewhere; rows have three outputs, uneven weights."""
    rows = make_rows(exact, *shape, is_sparse=is_sparse)
    indices = np.arange(shape[0])
    expected = refitted(exact, rows, indices)
    elsewhere = np.random.RandomState(0).normal(size=exact.shape(rows))
    for W in (minimise(exact, rows).W, elsewhere):
        found = leave_one_out(exact.at(W, rows), indices)
        assert_allclose(found, expected, rtol=0, atol=1e-10 * np.abs(expected).max())


def test_exact_without_penalty(make_rows):
    learner = LinearLearner(Squared(), 0.0)
    rows = make_rows(learner, 12, 3)
    indices = np.array([7, 2])
    found = leave_one_out(minimise(learner, rows).point, indices)
    assert_allclose(found, refitted(learner, rows, indices), rtol=0, atol=1e-10)


@pytest.mark.parametrize("classes", [2, 3])
def test_same_as_scikit_learn(classes):
    rng = np.random.RandomState(0)
    X, codes = rng.normal(size=(30, 4)), np.arange(30) % classes
    learner = LinearLearner(Squared(), 0.5)
    targets = 2.0 * (codes[:, np.newaxis] == np.arange(classes)) - 1
    targets = targets[:, 1:] if classes == 2 else targets
    rows = Rows(X, targets, np.ones(30))
    W = leave_one_out(minimise(learner, rows).point, np.arange(30))
    for i in range(30):
        fitted = RidgeClassifier(0.5).fit(np.delete(X, i, axis=0), np.delete(codes, i))
        assert_allclose(W[i, :-1].T, np.atleast_2d(fitted.coef_), rtol=0, atol=1e-10)
        assert_allclose(W[i, -1], fitted.intercept_, rtol=0, atol=1e-10)
    y = rng.normal(size=(30, 1))
    W = leave_one_out(minimise(learner, Rows(X, y, np.ones(30))).point, np.arange(30))
    fitted = Ridge(0.5).fit(X[1:], y[1:, 0])
    assert_allclose(W[0, :-1, 0], fitted.coef_, rtol=0, atol=1e-10)


def test_nearer_than_the_influence_function(learner, make_rows):
    """Every loss: a Newton step, where the influence function goes a shorter way."""
    rows = make_rows(learner)
    optimum = minimise(learner, rows, tol=1e-13)
    indices = np.arange(30)
    expected = refitted(learner, rows, indices)
    newton = leave_one_out(optimum.point, indices)
    pushed = rows.weights[:, np.newaxis] * optimum.point.score_gradient
    X = learner.append_intercept_column(rows.X)
    first_order = np.array(
        [
            optimum.W + optimum.factorisation.apply(np.outer(X[i], pushed[i]))
            for i in indices
        ]
    )
    missed, missed_before = (
        np.linalg.norm(W - expected) for W in (newton, first_order)
    )
    assert missed < 0.9 * missed_before


@pytest.mark.parametrize("is_sparse", [False, True])
@pytest.mark.parametrize("intercept", [0.0, 1.0])
@pytest.mark.parametrize("loss", [Logistic(), Multinomial()])
def test_one_newton_step_by_hand(loss, intercept, is_sparse, make_rows):
    learner = LinearLearner(loss, 0.5, intercept)
    rows = make_rows(learner, 20, 3, is_sparse=is_sparse)
    point = minimise(learner, rows, tol=1e-13).point
    found = leave_one_out(point, np.array([4, 9]))
    for i, W in zip((4, 9), found, strict=True):
        left = learner.at(point.W, without(rows, i))
        size, shape = point.W.size, point.W.shape
        H = np.array(
            [left.hessian_product(e.reshape(shape)).ravel() for e in np.eye(size)]
        )
        # The least step, where the multinomial loss leaves the intercept free.
        step = np.linalg.lstsq(H, left.gradient().ravel(), rcond=1e-12)[0]
        assert_allclose(W, point.W - step.reshape(shape), rtol=0, atol=1e-9)


def test_vanishes_with_the_weight_of_a_row(make_rows):
    """To first order it is what the hypergradient says of weights."""
    learner = LinearLearner(Logistic(), 0.7)
    rows = make_rows(learner)
    rows.weights[3] = 1e-6
    optimum = minimise(learner, rows, tol=1e-14)
    goal = OnRows(rows.X[:10], MeanLoss(Logistic(), rows.targets[:10]))
    value, b = goal.at(learner, optimum.W)
    influence = implicit(optimum, b).weights[3]
    moved = goal.at(learner, leave_one_out(optimum.point, np.array([3]))[0])[0] - value
    assert_allclose(moved, -1e-6 * influence, rtol=1e-4)


@pytest.mark.parametrize("loss", [Squared(), Multinomial()])
def test_row_that_determines_the_weights(loss, make_rows):
    learner = LinearLearner(loss, 0.0, intercept=0.0)
    rows = make_rows(learner, 12, 2)
    X = np.column_stack([rows.X, np.zeros(12)])
    X[5, 2] = 1
    rows = replace(rows, X=X)
    point = learner.at(np.zeros((3, 3)), rows)
    found = leave_one_out(point, np.arange(12))
    assert np.isnan(found[5]).all()
    assert np.isfinite(np.delete(found, 5, axis=0)).all()


def test_only_what_is_factorised_is_direct(make_rows, make_bare):
    learner = LinearLearner(Multinomial(), 0.5)
    assert is_direct(learner, make_rows(learner, 20, 5))
    assert not is_direct(learner, make_rows(learner, 20, 100))
    assert not is_direct(make_bare(learner), make_rows(learner, 20, 5))
