from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import ElasticNet

from skpoison.bilevel.differentiation.hypergradients import implicit
from skpoison.bilevel.learners.base import Rows
from skpoison.bilevel.learners.l1 import L1Learner
from skpoison.bilevel.learners.linear import LinearLearner
from skpoison.bilevel.losses import Huber, Logistic, Multinomial, Squared
from skpoison.bilevel.solvers.hessians import assemble_hessian
from skpoison.bilevel.solvers.l1_newton import (
    _columns,
    minimise_l1,
)
from skpoison.bilevel.solvers.l1_quadratic import factorise
from skpoison.bilevel.solvers.newton import minimise

LEARNERS = {
    "lasso": L1Learner(Squared(), 0.0, l1_penalty=8.0),
    "elastic net": L1Learner(Squared(), 3.0, l1_penalty=6.0),
    "lasso, no intercept": L1Learner(Squared(), 0.0, 0.0, l1_penalty=8.0),
    "logistic": L1Learner(Logistic(), 0.0, l1_penalty=2.0),
    "logistic, both": L1Learner(Logistic(), 0.5, l1_penalty=1.5),
    "logistic, penalised intercept": L1Learner(
        Logistic(), 0.0, 2.0, l1_penalty=2.0, intercept_l1_penalty=0.3
    ),
    "multinomial": L1Learner(Multinomial(), 0.0, l1_penalty=1.5),
    "multinomial, both": L1Learner(Multinomial(), 0.3, l1_penalty=1.0),
    "huber": L1Learner(Huber(), 0.1, l1_penalty=4.0),
}
N_FEATURES = 12
N_POISON = 4
POISON = slice(-N_POISON, None)
PARTS = [("X", "features"), ("targets", "targets"), ("weights", "weights")]


@pytest.fixture(params=LEARNERS.values(), ids=LEARNERS.keys())
def learner(request):
    return request.param


def misses(learner, rows, W):
    """Say by how much each weight misses its condition, written out."""
    G = learner.at(W, rows).gradient()
    l1 = np.full(W.shape, learner.l1_penalty)
    if learner.intercept:
        l1[-1] = learner.intercept_l1_penalty
    inside, outside = np.abs(G + l1 * np.sign(W)), np.abs(G) - l1
    return np.where((W != 0) | (l1 == 0), inside, np.maximum(outside, 0))


@pytest.mark.parametrize("n_features", [N_FEATURES, 60])
def test_conditions_of_optimality(learner, n_features, make_rows):
    rows = make_rows(learner, n_features=n_features)
    optimum = minimise_l1(learner, rows)
    assert optimum.gradient_norm < 1e-10
    optimum = minimise_l1(learner, rows, optimum, tol=1e-13)
    assert misses(learner, rows, optimum.W).max() < 1e-9
    assert_allclose(optimum.gradient, learner.at(optimum.W, rows).gradient())
    assert 0 < (optimum.W[:n_features] != 0).sum() < 0.9 * optimum.W.size
    assert_array_equal(optimum.active[:n_features], optimum.W[:n_features] != 0)
    if learner.intercept and not learner.intercept_l1_penalty:
        assert optimum.active[-1].all()
    expected = learner.at(optimum.W, rows).objective() + learner.l1_value(optimum.W)
    assert_allclose(optimum.objective, expected, rtol=1e-12)


def test_no_lower_objective_is_found_by_another_solver(learner, make_rows):
    """Weights as differences of positive ones make the penalty linear."""
    rows = make_rows(learner, n_features=N_FEATURES)
    optimum = minimise_l1(learner, rows)
    shape = (2, *optimum.W.shape)
    l1 = learner.l1_penalties(shape[1])

    def objective(w):
        plus, minus = w.reshape(shape)
        point = learner.at(plus - minus, rows)
        G = point.gradient()
        value = point.objective() + (l1 * (plus + minus)).sum()
        return value, np.stack([G + l1, l1 - G]).ravel()

    other = minimize(
        objective,
        np.zeros(np.prod(shape)),
        jac=True,
        method="L-BFGS-B",
        bounds=[(0, None)] * np.prod(shape),
        options={"ftol": 1e-15, "gtol": 1e-10, "maxiter": 10_000, "maxfun": 100_000},
    )
    assert optimum.objective <= other.fun + 1e-12 * abs(other.fun)
    assert_allclose(optimum.objective, other.fun, rtol=1e-8)


@pytest.mark.parametrize("l1_ratio", [1.0, 0.4])
@pytest.mark.parametrize("n_features", [20, 80])
@pytest.mark.parametrize("alpha", [0.5, 0.05])
def test_same_as_coordinate_descent(alpha, n_features, l1_ratio):
    rng = np.random.RandomState(0)
    X = rng.normal(size=(50, n_features))
    y = X[:, :5] @ rng.normal(size=5) + rng.normal(size=50)
    learner = L1Learner(Squared(), alpha * (1 - l1_ratio), l1_penalty=alpha * l1_ratio)
    rows = Rows(X, y[:, np.newaxis], np.full(50, 1 / 50))
    optimum = minimise_l1(learner, rows)
    fitted = ElasticNet(alpha=alpha, l1_ratio=l1_ratio, tol=1e-15, max_iter=10**6)
    fitted.fit(X, y)
    assert_allclose(optimum.W[:-1, 0], fitted.coef_, rtol=0, atol=1e-8)
    assert_array_equal(optimum.active[:-1, 0], fitted.coef_ != 0)
    assert misses(learner, rows, optimum.W).max() < 1e-12


def test_sparse_rows_are_dense_ones(learner, make_rows):
    rows = make_rows(learner, n_features=N_FEATURES, is_sparse=True)
    of_sparse = minimise_l1(learner, rows)
    of_dense = minimise_l1(learner, rows.with_features(rows.X.toarray()))
    assert_allclose(of_sparse.W, of_dense.W, rtol=0, atol=1e-10)
    b = np.random.RandomState(0).normal(size=of_sparse.W.shape)
    ours = implicit(of_sparse, b, direct=b)
    theirs = implicit(of_dense, b, direct=b)
    for _, part in PARTS:
        assert_allclose(getattr(ours, part), getattr(theirs, part), atol=1e-8)


def test_warm_start(learner, make_rows):
    rows = make_rows(learner, n_features=N_FEATURES)
    first = minimise_l1(learner, rows)
    again = minimise_l1(learner, rows, first)
    assert again.n_iter == 0
    assert_array_equal(again.W, first.W)
    X = rows.X.copy()
    X[:3] += 0.5
    warm = minimise_l1(learner, rows.with_features(X), first)
    cold = minimise_l1(learner, rows.with_features(X))
    assert warm.n_iter > 0
    assert_allclose(warm.W, cold.W, rtol=0, atol=1e-8)
    assert_array_equal(warm.active, cold.active)
    turned = rows.with_features(-5 * rows.X)
    warm = minimise_l1(learner, turned, first)
    assert misses(learner, turned, warm.W).max() < 1e-8


def value_and_gradient(learner, kind, shape):
    """Make a goal in the weights, and one in their gradient, too."""
    rng = np.random.RandomState(4)
    B, U = rng.normal(size=(2, *shape))
    if isinstance(learner.loss, Multinomial) and learner.intercept:
        B[-1] -= B[-1].mean()  # as the gradient of whatever predictions show

    def value(optimum):
        smooth = (B * np.tanh(optimum.W)).sum()
        return smooth + (kind == "direct") * (U * np.sin(optimum.gradient)).sum()

    def gradients(optimum):
        b = B / np.cosh(optimum.W) ** 2
        if isinstance(learner.loss, Multinomial) and learner.intercept:
            b[-1] -= b[-1].mean()
        return b, U * np.cos(optimum.gradient) if kind == "direct" else None

    return value, gradients


def moved(rows, part, value):
    """Replace a part of the last rows."""
    fields = {"X": rows.X, "targets": rows.targets, "weights": rows.weights}
    fields[part] = np.concatenate([fields[part][:-N_POISON], value])
    return Rows(**fields)


def check_against_differences(learner, rows, value, gradients, difference):
    """Compare with differences whose stencil lies inside one active set."""
    optimum = minimise_l1(learner, rows, tol=1e-14)

    def value_of(rows):
        there = minimise_l1(learner, rows, optimum, tol=1e-14)
        assert_array_equal(np.sign(there.W) * (there.active), np.sign(optimum.W))
        return value(there)

    hypergradient = implicit(optimum, *_placed(gradients(optimum)))
    assert hypergradient.residual < 1e-12
    rng = np.random.RandomState(5)
    for part, name in PARTS:
        at = getattr(rows, part)[POISON]
        actual, expected = [], []
        for _ in range(8):
            U = rng.normal(size=at.shape)
            expected.append(
                difference(lambda v: value_of(moved(rows, part, v)), at, U, 5e-5)  # noqa: B023
            )
            actual.append((getattr(hypergradient, name) * U).sum())
        assert np.abs(expected).max() > 0
        assert_allclose(actual, expected, rtol=0, atol=1e-6 * np.abs(expected).max())


def _placed(gradients):
    b, direct = gradients
    return b, POISON, direct


@pytest.mark.parametrize("kind", ["weights", "direct"])
@pytest.mark.parametrize("n_features", [N_FEATURES, 40])
def test_hypergradient(learner, kind, n_features, make_rows, difference):
    rows = make_rows(learner, n_features=n_features)
    shape = learner.shape(rows)
    value, gradients = value_and_gradient(learner, kind, shape)
    check_against_differences(learner, rows, value, gradients, difference)


@pytest.mark.parametrize("loss", [Squared(), Logistic(), Multinomial()], ids=str)
def test_without_penalty_it_is_the_smooth_learner(loss, make_rows):
    smooth = LinearLearner(loss, 0.7)
    learner = L1Learner(loss, 0.7, l1_penalty=0.0)
    rows = make_rows(smooth)
    expected = minimise(smooth, rows, tol=1e-14)
    optimum = minimise_l1(learner, rows, tol=1e-14)
    assert_allclose(optimum.W, expected.W, rtol=0, atol=1e-10)
    assert optimum.active.all()
    b = np.random.RandomState(0).normal(size=optimum.W.shape)
    ours, theirs = implicit(optimum, b), implicit(expected, b)
    for _, part in PARTS:
        assert_allclose(getattr(ours, part), getattr(theirs, part), atol=1e-9)


def test_an_equation_that_holds_does_not_move(learner, make_rows):
    """The gradient in an active weight is given by the penalty, whatever the rows."""
    rows = make_rows(learner, n_features=N_FEATURES)
    optimum = minimise_l1(learner, rows)
    U = np.random.RandomState(0).normal(size=optimum.W.shape) * optimum.active
    U = learner.project_out_softmax_nullspace(U)
    hypergradient = implicit(optimum, np.zeros_like(U), direct=U)
    for _, part in PARTS:
        assert_allclose(getattr(hypergradient, part), 0, atol=1e-10)


def test_weights_not_selected_do_not_move(learner, make_rows):
    rows = make_rows(learner, n_features=N_FEATURES)
    optimum = minimise_l1(learner, rows)
    hypergradient = implicit(optimum, np.where(optimum.active, 0.0, 1.0))
    for _, part in PARTS:
        assert_array_equal(getattr(hypergradient, part), 0)
    assert hypergradient.residual == 0


@pytest.mark.parametrize("n_outputs", [3, 4])
def test_optima_that_are_not_single(n_outputs):
    """Of four outputs two may rise and two fall by what no one sees."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(150, 30))
    scores = X[:, :8] @ rng.normal(size=(8, n_outputs))
    targets = np.eye(n_outputs)[scores.argmax(axis=1)]
    learner = L1Learner(Multinomial(), 0.0, l1_penalty=0.5)
    rows = Rows(X, targets, np.ones(150))
    optimum = minimise_l1(learner, rows)
    assert misses(learner, rows, optimum.W).max() < 1e-8
    assert not factorise(
        assemble_hessian(optimum.point, _columns(optimum.point), optimum.active)
    )[1]
    x = rng.normal(size=(1, 30))
    b = learner.score_vjp(x, optimum.W, rng.normal(size=(1, n_outputs)))
    assert implicit(optimum, b).residual < 1e-9


def test_equal_columns(make_rows):
    learner = LEARNERS["lasso"]
    rows = make_rows(learner)
    single = minimise_l1(learner, rows)
    doubled = rows.with_features(np.hstack([rows.X, rows.X]))
    cold = minimise_l1(learner, doubled)
    both = np.vstack([single.W[:-1] / 2, single.W[:-1] / 2, single.W[-1:]])
    start = replace(single, point=learner.at(both, doubled))
    X = doubled.X.copy()
    X[0] += 0.1
    warm = minimise_l1(learner, doubled.with_features(X), start)
    moved = minimise_l1(learner, rows.with_features(X[:, :5]))
    for found, expected in [(cold, single), (warm, moved)]:
        assert_allclose(found.W[:5] + found.W[5:-1], expected.W[:-1], atol=1e-9)
        assert (np.sum(found.active[:5] & found.active[5:-1])) == 0
        assert_allclose(found.objective, expected.objective, rtol=1e-12)


def test_weights_that_the_rows_do_not_determine(make_rows):
    learner = L1Learner(Squared(), 0.0, l1_penalty=0.0)
    rows = make_rows(learner)
    optimum = minimise_l1(learner, rows.with_features(rows.X[:, [0, 1, 1]]))
    b = np.zeros_like(optimum.W)
    b[1] = 1
    with pytest.warns(ConvergenceWarning, match="do not determine the 12 weights"):
        implicit(optimum, b)


def test_unconverged_warns(make_rows):
    learner = LEARNERS["logistic"]
    rows = make_rows(learner, n_features=N_FEATURES)
    with pytest.warns(ConvergenceWarning, match="not at its optimum after 2 Newton"):
        minimise_l1(learner, rows, max_iter=2)


def test_more_columns_than_may_become_active_at_once():
    rng = np.random.RandomState(0)
    X = rng.normal(size=(400, 300))
    y = X @ rng.normal(size=(300, 1))
    learner = L1Learner(Squared(), 0.1, l1_penalty=5.0)
    rows = Rows(X, y, np.ones(400))
    optimum = minimise_l1(learner, rows)
    assert optimum.active.sum() > 200
    assert optimum.n_iter > 1
    assert misses(learner, rows, optimum.W).max() < 1e-9


def test_no_curvature_at_the_start(make_rows):
    """Where all residuals are large, Huber's loss is linear: down it goes anyway."""
    learner = LEARNERS["huber"]
    rows = make_rows(learner)
    rows = Rows(rows.X, rows.targets[:, :1] + 20, rows.weights)
    assert not learner.at(learner.start(rows), rows).curvatures.any()
    optimum = minimise_l1(learner, rows)
    assert optimum.gradient_norm < 1e-10
