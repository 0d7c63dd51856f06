import numpy as np
import pytest
from numpy.testing import assert_allclose

from skpoison.bilevel.learners.base import Rows
from skpoison.bilevel.learners.grams import GramMemory
from skpoison.bilevel.learners.linear import LinearLearner
from skpoison.bilevel.losses import (
    Huber,
    Logistic,
    SmoothedHinge,
    Squared,
    SquaredHinge,
)
from skpoison.bilevel.solvers import row_space, row_systems
from skpoison.bilevel.solvers.newton import minimise
from skpoison.bilevel.solvers.row_space import minimise_in_row_space

LOSSES = {
    "logistic": Logistic(),
    "squared": Squared(),
    "huber": Huber(),
    "squared hinge": SquaredHinge(),
    "smoothed hinge": SmoothedHinge(0.1),
}
INTERCEPTS = {
    "no intercept": {"intercept": 0.0},
    "free intercept": {"intercept": 2.0},
    "penalised intercept": {"intercept": 2.0, "intercept_penalty": 0.3},
}


@pytest.fixture(params=[0, 2500], ids=["iterations", "direct"], autouse=True)
def direct_rows(request, monkeypatch):
    monkeypatch.setattr(row_systems, "DIRECT", request.param)


@pytest.fixture(params=LOSSES.values(), ids=LOSSES.keys())
def loss(request):
    return request.param


@pytest.fixture(params=INTERCEPTS.values(), ids=INTERCEPTS.keys())
def learner(request, loss):
    return LinearLearner(loss, 0.3, **request.param)


def make_rows(learner, n_outputs=1, seed=0):
    rng = np.random.RandomState(seed)
    X = rng.normal(size=(60, 90)) * np.linspace(0.3, 2, 90)
    scores = X @ rng.normal(size=(90, n_outputs)) / 5
    scores += rng.normal(size=scores.shape)
    targets = scores
    if isinstance(learner.loss, Logistic):
        targets = (scores > 0).astype(float)
    elif isinstance(learner.loss, SquaredHinge | SmoothedHinge):
        targets = np.where(scores > 0, 1.0, -1.0)
    weights = rng.uniform(0.5, 2, 60)
    return Rows(X, targets, weights, GramMemory(is_single=False))


def direct(learner, rows):
    """Find the optimum by a factorisation of the whole Hessian."""
    return minimise(learner, rows, method="cholesky", tol=1e-12)


def moved(rows, length, n_moved=15):
    """Return rows of which the last ones have moved far."""
    X = rows.X.copy()
    signs = np.sign(np.random.RandomState(1).normal(size=X.shape[1]))
    X[-n_moved:] += length * signs
    return Rows(X, rows.targets, rows.weights, GramMemory(is_single=False))


def scores_of(found, learner, rows):
    return learner.scores(rows.X, found.weights(learner, rows))


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_optimum_is_that_of_a_direct_solver(learner, n_outputs):
    rows = make_rows(learner, n_outputs)
    found = minimise_in_row_space(learner, rows, tol=1e-11)
    W = found.weights(learner, rows)
    assert_allclose(W, direct(learner, rows).W, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("length", [0.01, 1.0, 5.0])
def test_start_from_rows_that_were_elsewhere(learner, length):
    rows = make_rows(learner)
    scores = scores_of(minimise_in_row_space(learner, rows, tol=1e-11), learner, rows)
    rows = moved(rows, length)
    found = minimise_in_row_space(learner, rows, scores, tol=1e-11)
    W = found.weights(learner, rows)
    assert_allclose(W, direct(learner, rows).W, rtol=1e-7, atol=1e-8)
    assert found.n_iter <= row_space.TRUSTED


def test_an_optimum_nearby_saves_steps(learner):
    rows = make_rows(learner)
    scores = scores_of(minimise_in_row_space(learner, rows, tol=1e-11), learner, rows)
    rows = moved(rows, 0.01)
    cold = minimise_in_row_space(learner, rows, tol=1e-8).n_iter
    warm = minimise_in_row_space(learner, rows, scores, tol=1e-8).n_iter
    assert warm <= min(cold, 5)
    if isinstance(learner.loss, Logistic):
        assert warm < cold


def test_newton_with_a_line_search_takes_over(learner, monkeypatch):
    monkeypatch.setattr(row_space, "TRUSTED", 0)
    rows = moved(make_rows(learner), 1.0)
    found = minimise_in_row_space(learner, rows, tol=1e-11)
    W = found.weights(learner, rows)
    assert_allclose(W, direct(learner, rows).W, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("length", [0.0, 1.0])
def test_minimise_is_as_exact_as_without_inner_products(learner, length, monkeypatch):
    """In single precision, from the start and from other rows."""
    rows = make_rows(learner)
    start = None
    plain = moved(rows, length)
    wanted = minimise(learner, plain, method="cholesky", tol=1e-12)
    monkeypatch.setattr(row_systems, "FEWEST", 30)
    memory = GramMemory()
    for X in (rows.X, plain.X):
        start = minimise(
            learner, Rows(X, rows.targets, rows.weights, memory), start, tol=1e-10
        )
    assert start.factorisation.method == "woodbury"
    assert start.gradient_norm < 1e-10
    assert_allclose(start.W, wanted.W, rtol=1e-6, atol=1e-7)
    b = np.random.RandomState(2).normal(size=start.W.shape)
    solution = start.solve(b, tol=1e-10)
    assert solution.residual < 1e-9
    assert_allclose(solution.V, wanted.solve(b, tol=1e-12).V, rtol=1e-5, atol=1e-6)


def test_stiff_systems_go_on_in_double_precision():
    learner = LinearLearner(SquaredHinge(), 1e-4)
    rows = make_rows(learner)
    single = Rows(rows.X, rows.targets, rows.weights)
    assert single.rough_gram.matrix.dtype == np.float32
    found = minimise_in_row_space(learner, single, tol=1e-10)
    assert not single.memory.is_single
    point = learner.at(found.weights(learner, single), rows)
    assert np.linalg.norm(point.gradient()) < 1e-9 * point.gradient_scale()


def test_ridge_is_one_step_if_factorised(monkeypatch):
    monkeypatch.setattr(row_systems, "DIRECT", 0)
    monkeypatch.setattr(row_systems, "STIFF", 0)
    learner = LinearLearner(Squared(), 0.3)
    rows = make_rows(learner)
    assert minimise_in_row_space(learner, rows, tol=1e-9).n_iter == 1


def test_a_start_of_other_rows_is_not_taken():
    learner = LinearLearner(Logistic(), 0.3)
    rows = make_rows(learner)
    scores = scores_of(minimise_in_row_space(learner, rows), learner, rows)
    fewer = Rows(rows.X[:50], rows.targets[:50], rows.weights[:50])
    found = minimise_in_row_space(learner, fewer, scores, tol=1e-6)
    assert found.rows.shape == (50, 1)


@pytest.mark.parametrize("n_zero", [1, 60])
@pytest.mark.parametrize("is_single", [True, False])
def test_rows_of_zeros(learner, n_zero, is_single):
    """Such as messages without any of the words; they tell of the intercept alone."""
    rows = make_rows(learner)
    X = rows.X.copy()
    X[:n_zero] = 0
    rows = Rows(X, rows.targets, rows.weights, GramMemory(is_single=is_single))
    found = minimise_in_row_space(learner, rows, tol=1e-9)
    expected = direct(learner, Rows(X, rows.targets, rows.weights))
    scores = learner.scores(X, expected.W)
    assert_allclose(scores_of(found, learner, rows), scores, rtol=1e-6, atol=1e-6)
