from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from scipy.linalg import LinAlgError

from skpoison.bilevel.learners.base import Rows
from skpoison.bilevel.learners.grams import GramMemory
from skpoison.bilevel.learners.linear import LinearLearner
from skpoison.bilevel.learners.stacked import StackedRows
from skpoison.bilevel.losses import Logistic, Multinomial, SquaredHinge
from skpoison.bilevel.solvers import row_systems
from skpoison.bilevel.solvers.factorisations import woodbury
from skpoison.bilevel.solvers.row_systems import (
    RowSystem,
    intercept_offset,
    inverse_by_row_system,
    prefers_row_systems,
)

RNG = np.random.RandomState(0)
INTERCEPTS = {
    "no intercept": {"intercept": 0.0},
    "free intercept": {"intercept": 2.0},
    "penalised intercept": {"intercept": 2.0, "intercept_penalty": 0.3},
}


# By conjugate gradients; by factors, because these would not do; by such in double
# precision; by factors anyway.
SOLVERS = {
    "iterations": {"DIRECT": 0, "DIRECT_INVERSE": 0, "STIFF": np.inf},
    "many iterations": {"DIRECT": 0, "DIRECT_INVERSE": 0, "STIFF": 0},
    "stiff": {"DIRECT": 0, "STIFF": 0, "STIFF_DIRECT": 0},
    "direct inverse": {"DIRECT": 0, "STIFF": np.inf},
    "direct": {},
}


@pytest.fixture(params=SOLVERS)
def solver(request, monkeypatch):
    for name, value in SOLVERS[request.param].items():
        monkeypatch.setattr(row_systems, name, value)
    return request.param


@pytest.fixture(params=INTERCEPTS.values(), ids=INTERCEPTS.keys())
def learner(request):
    return LinearLearner(Logistic(), 0.7, **request.param)


def make_rows(n_outputs=1, double=True):
    X = RNG.normal(size=(40, 60)) * np.linspace(0.3, 2, 60)
    targets = (RNG.rand(40, n_outputs) > 0.5).astype(float)
    weights = RNG.uniform(0.5, 2, 40)
    rows = Rows(X, targets, weights, GramMemory(is_single=not double))
    if double:
        rows.rough_gram.accuracy = 1e-13
    return rows


def inner_matrix(learner, rows, curvature):
    root = np.sqrt(curvature)
    K = rows.X @ rows.X.T + intercept_offset(learner)
    return learner.penalty * np.eye(40) + root[:, np.newaxis] * K * root


@pytest.mark.parametrize("n_columns", [2, 4])
def test_solutions_are_those_of_dense_systems(learner, solver, n_columns):
    """By the inverse, or the matrix bordered by the constraint."""
    rows = make_rows(2)
    curvatures = RNG.uniform(0.01, 1, (40, 2))
    system = RowSystem(learner, rows, curvatures)
    assert system.is_stiff == (solver == "stiff")
    assert system.is_direct == (solver not in {"iterations", "direct inverse"})
    B = RNG.normal(size=(40, n_columns))
    Y, left = system.solve(B)
    assert_allclose(system.multiply(Y), B - left, rtol=1e-8, atol=1e-8)
    for j in range(n_columns):
        M = inner_matrix(learner, rows, curvatures[:, j % 2])
        if system.is_constrained:
            r = np.sqrt(curvatures[:, j % 2])
            bordered = np.block([[M, r[:, np.newaxis]], [r, np.zeros(1)]])
            wanted = np.linalg.solve(bordered, np.append(B[:, j], 0))
            assert_allclose(left[:, j], wanted[-1] * r, rtol=1e-8, atol=1e-9)
            wanted = wanted[:-1]
        else:
            wanted = np.linalg.solve(M, B[:, j])
        assert_allclose(Y[:, j], wanted, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("n_problems", [1, 2])
def test_inverse_is_that_of_woodbury(learner, solver, n_outputs, n_problems):
    rows = make_rows(n_outputs)
    point = learner.at(0.1 * RNG.normal(size=learner.shape(rows)), rows)
    n_parameters = point.W.shape[0]
    B = RNG.normal(size=(n_parameters, n_outputs * n_problems))
    direct, ours = woodbury(point)(B), inverse_by_row_system(point)(B)
    assert_allclose(ours, direct, rtol=1e-8, atol=1e-9)
    # And the Hessian takes it back.
    first = ours[:, :n_outputs]
    assert_allclose(point.hessian_product(first), B[:, :n_outputs], atol=1e-7)


@pytest.mark.parametrize("most", [0, 100])
def test_single_precision_gives_six_digits(learner, monkeypatch, most):
    monkeypatch.setattr(row_systems, "DIRECT", 0)
    monkeypatch.setattr(row_systems, "DIRECT_INVERSE", most)
    rows = make_rows(double=False)
    point = learner.at(np.zeros(learner.shape(rows)), rows)
    B = RNG.normal(size=point.W.shape)
    assert rows.rough_gram.matrix.dtype == np.float32
    direct = woodbury(point)(B)
    assert_allclose(inverse_by_row_system(point)(B), direct, rtol=1e-3, atol=1e-4)


def test_refined_factors_in_single_precision_give_nine_digits(learner):
    rows = make_rows(double=False)
    point = learner.at(np.zeros(learner.shape(rows)), rows)
    B = RNG.normal(size=point.W.shape)
    # A large share of the intercept must not drown the rest in rounding.
    B[-1] *= 1e4
    ours, wanted = inverse_by_row_system(point)(B), woodbury(point)(B)
    assert rows.rough_gram.is_single
    assert np.linalg.norm(ours - wanted) < 1e-9 * np.linalg.norm(wanted)


def test_largest_eigenvalue_is_known_to_a_factor(learner):
    """Within one, of which the limit that it is compared with has many."""
    rows = make_rows()
    curvatures = RNG.uniform(0.01, 1, (40, 1))
    M = inner_matrix(learner, rows, curvatures[:, 0])
    largest = np.linalg.eigvalsh(M)[-1]
    known = RowSystem(learner, rows, curvatures)._largest()
    assert largest / 2 < known < 2 * largest


def test_sparse_rows_are_not_multiplied_with_each_other(learner):
    dense = make_rows()
    X = np.where(np.abs(dense.X) > 1, dense.X, 0)
    dense = Rows(X, dense.targets, dense.weights, GramMemory(is_single=False))
    rows = Rows(sparse.csr_array(X), dense.targets, dense.weights)
    rows.rough_gram.accuracy = 1e-13
    W = np.zeros(learner.shape(rows))
    B = RNG.normal(size=W.shape)
    direct = woodbury(learner.at(W, dense))(B)
    ours = inverse_by_row_system(learner.at(W, rows))(B)
    assert rows.rough_gram.matrix is None
    assert_allclose(ours, direct, rtol=1e-8, atol=1e-9)


def test_an_undetermined_intercept_is_an_error():
    learner = LinearLearner(SquaredHinge(), 1.0)
    rows = make_rows()
    with pytest.raises(LinAlgError, match="intercept"):
        RowSystem(learner, rows, np.zeros((40, 1)))


def test_stiff_systems_ask_for_double_precision():
    rows = make_rows(double=False)
    learner = LinearLearner(Logistic(), 1e-6)
    system = RowSystem(learner, rows, np.ones((40, 1)))
    assert system.is_stiff
    assert rows.rough_gram.matrix.dtype == np.float64
    assert not rows.memory.is_single


def test_factors_in_single_precision_do_for_large_eigenvalues():
    """Up to millions of times the smallest one, if they are refined."""
    rows, free = make_rows(double=False), LinearLearner(Logistic(), 1.0, intercept=0.0)
    point = free.at(np.zeros((60, 1)), rows)
    penalty = np.linalg.eigvalsh(inner_matrix(free, rows, point.curvatures[:, 0]))[-1]
    learner = replace(free, penalty=penalty / 3e6)
    point = learner.at(np.zeros((60, 1)), rows)
    system = RowSystem(learner, rows, point.curvatures, 40)
    assert 1e6 < system._largest() / learner.penalty < 5e6
    assert system.is_direct
    assert not system.is_stiff
    B = RNG.normal(size=(60, 1))
    ours, wanted = inverse_by_row_system(point)(B), woodbury(point)(B)
    assert rows.rough_gram.is_single
    assert np.linalg.norm(ours - wanted) < 1e-9 * np.linalg.norm(wanted)


@pytest.mark.parametrize("penalty", [1e-2, 1e-12])
def test_stiff_sparse_rows_ask_for_double_precision(penalty):
    """In which there are iterations, unless that does not do either."""
    dense = make_rows()
    X = np.where(np.abs(dense.X) > 1, dense.X, 0)
    X[30:] = 100 * dense.X[30:]
    memory = GramMemory(sparse.csr_array(X[:30]))
    stacked = StackedRows(memory.clean, X[30:])
    rows = Rows(stacked, dense.targets, dense.weights, memory)
    learner = LinearLearner(Logistic(), penalty, intercept=0.0)
    assert rows.rough_gram.is_single
    system = RowSystem(learner, rows, np.ones((40, 1)))
    assert not system.is_direct
    assert system.is_stiff == (penalty == 1e-12)
    assert rows.rough_gram.tail.dtype == np.float64
    assert not rows.memory.is_single
    K = X @ X.T
    B = RNG.normal(size=(40, 1))
    assert_allclose(rows.rough_gram.product(B), K @ B, rtol=1e-12, atol=1e-9)
    rows.rough_gram.accuracy = 1e-14
    Y = system.solve(K @ B + penalty * B)[0]
    assert_allclose(Y, B, rtol=1e-8, atol=1e-8)


def test_sparse_rows_return_to_single_precision():
    """When the poison rows have become less extreme."""
    dense = make_rows()
    X = np.where(np.abs(dense.X) > 1, dense.X, 0)
    memory = GramMemory(sparse.csr_array(X[:30]))
    learner = LinearLearner(Logistic(), 0.1, intercept=0.0)
    precisions = []
    for size in (1, 100, 100, 1, 1):
        stacked = StackedRows(memory.clean, size * dense.X[30:])
        rows = Rows(stacked, dense.targets, dense.weights, memory)
        began = rows.rough_gram.is_single
        RowSystem(learner, rows, np.ones((40, 1)))
        precisions.append((began, rows.rough_gram.is_single))
    assert precisions == [
        (True, True),
        (True, False),
        (False, False),
        (False, False),  # they are known to be less extreme afterwards
        (True, True),
    ]


def test_choice(monkeypatch):
    monkeypatch.setattr(row_systems, "FEWEST", 30)
    logistic = LinearLearner(Logistic(), 1.0)
    rows = make_rows()
    assert prefers_row_systems(logistic, rows)
    assert not prefers_row_systems(LinearLearner(Logistic(), 0.0), rows)
    assert not prefers_row_systems(LinearLearner(Multinomial(), 1.0), rows)
    assert not prefers_row_systems(logistic, rows.with_features(rows.X[:, :35]))
    assert not prefers_row_systems(
        logistic, rows.with_features(sparse.csr_array(rows.X))
    )
    monkeypatch.setattr(row_systems, "LARGEST", 35)
    assert not prefers_row_systems(logistic, rows)
    monkeypatch.setattr(row_systems, "FEWEST", 50)
    assert not prefers_row_systems(logistic, rows)


def test_factors_are_computed_once_for_each_curvature(learner):
    rows, B = make_rows(), RNG.normal(size=(40, 1))
    ones = np.ones((40, 1))
    first = RowSystem(learner, rows, ones)
    Y = first.solve(B)[0]
    again = RowSystem(learner, rows, ones.copy())
    assert_allclose(again.solve(B)[0], Y, rtol=1e-12)
    assert again._factors is first._factors
    other = RowSystem(learner, rows, 2 * ones)
    other.solve(B)
    assert other._factors is not first._factors
    assert len(rows.factors) == 1
    stronger = LinearLearner(Logistic(), 3.0, learner.intercept)
    assert RowSystem(stronger, rows, 2 * ones)._factors is not other._factors
