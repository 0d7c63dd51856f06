from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skpoison.bilevel.learners.linear import LinearLearner
from skpoison.bilevel.losses import Logistic, Multinomial
from skpoison.bilevel.solvers.factorisations import cholesky, preconditioner, woodbury
from skpoison.bilevel.solvers.linear_systems import (
    COUPLED,
    Factorisation,
    choose_method,
    factorise,
    solve,
)
from skpoison.bilevel.solvers.newton import minimise


def explicit_hessian(point):
    basis = np.eye(point.W.size).reshape(-1, *point.W.shape)
    return np.array([point.hessian_product(U).ravel() for U in basis])


def explicit_solution(point, B):
    """Solve with the whole matrix, of smallest norm where it is singular."""
    H = explicit_hessian(point)
    return np.linalg.lstsq(H, B.ravel(), rcond=1e-12)[0].reshape(B.shape)


@pytest.mark.parametrize("inverse", [cholesky, woodbury])
@pytest.mark.parametrize("n_features", [5, 50])
@pytest.mark.parametrize("is_sparse", [False, True], ids=["dense", "sparse"])
def test_inverse(learner, inverse, n_features, is_sparse, make_rows):
    """A factorisation is exact by itself, without conjugate gradients."""
    if inverse is woodbury and learner.loss.couples_outputs:
        return
    rows = make_rows(learner, n_features=n_features, is_sparse=is_sparse)
    W, U = np.random.RandomState(1).normal(size=(2, *learner.shape(rows)))
    point = learner.at(W, rows)
    U = learner.project_out_softmax_nullspace(U)
    V = inverse(point)(point.hessian_product(U))
    assert_allclose(learner.project_out_softmax_nullspace(V), U, rtol=0, atol=1e-9)


@pytest.mark.parametrize("method", ["cholesky", "woodbury", "cg"])
def test_problems_beside_each_other(learner, method, make_rows):
    """A factorisation serves any number of right-hand sides at once."""
    if learner.loss.couples_outputs:
        return
    rows = make_rows(learner, n_features=50)
    rng = np.random.RandomState(1)
    point = learner.at(rng.normal(size=learner.shape(rows)), rows)
    each = rng.normal(size=(3, *point.W.shape))
    apply = factorise(point, method).apply
    actual = apply(np.concatenate(each, axis=1))
    expected = np.concatenate([apply(B) for B in each], axis=1)
    assert_allclose(actual, expected, rtol=0, atol=1e-10 * np.abs(expected).max())


@pytest.mark.parametrize("intercept", [0.0, 1.0, 2.0])
def test_diagonal(intercept, make_rows):
    learner = LinearLearner(Logistic(), 0.3, intercept)
    rows = make_rows(learner)
    point = learner.at(np.ones(learner.shape(rows)), rows)
    diagonal = np.diag(explicit_hessian(point))[:, np.newaxis]
    assert_allclose(preconditioner(point)(diagonal), np.ones_like(diagonal))


def test_learner_without_a_hessian_has_no_preconditioner(make_rows, make_bare):
    learner = LinearLearner(Logistic(), 0.3)
    rows = make_rows(learner)
    B = np.random.RandomState(0).normal(size=learner.shape(rows))
    assert preconditioner(make_bare(learner).at(B, rows))(B) is B


def confident(make_rows, intercept=1.0, n_features=70):
    """Take a multinomial problem where it is hard: classes fit, rows weigh unevenly."""
    learner = LinearLearner(Multinomial(), 0.01, intercept)
    rows = make_rows(learner, 300, n_features)
    rows = replace(rows, weights=rows.weights * np.logspace(-1, 1, 300))
    W = minimise(learner, rows, tol=1e-4).W
    assert W.size > COUPLED
    assert choose_method(learner, rows) == "cg"
    B = np.random.RandomState(1).normal(size=W.shape)
    return learner.at(W, rows), learner.project_out_softmax_nullspace(B)


LIMITS = {
    "cholesky": {},
    "woodbury": {"max_numbers": 0},
    "diagonal": {"max_numbers": 0, "max_rows": 0},
}


def factorised(point, branch):
    inverse = preconditioner(point, **LIMITS[branch])
    return replace(factorise(point), apply=inverse)


@pytest.mark.parametrize("intercept", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("branch", ["cholesky", "woodbury"])
def test_blocks_spare_iterations(branch, intercept, make_rows):
    point, B = confident(make_rows, intercept)
    plain = solve(point, B, Factorisation("cg", lambda B: B, np.inf), tol=1e-9)
    found = solve(point, B, factorised(point, branch), tol=1e-9)
    assert found.n_iter < plain.n_iter / 2


@pytest.mark.parametrize("intercept", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("branch", ["cholesky", "woodbury", "diagonal"])
@pytest.mark.parametrize("shared", [0.0, 5.0])
def test_solve_by_blocks(branch, intercept, shared, make_rows):
    """Also where B has a part that is the same for all outputs."""
    point, B = confident(make_rows, intercept)
    B = B + shared * np.random.RandomState(2).normal(size=(len(B), 1))
    B = point.learner.project_out_softmax_nullspace(B)
    found = solve(point, B, factorised(point, branch), tol=1e-9)
    assert found.residual < 1e-8
    expected = explicit_solution(point, B)
    assert_allclose(found.V, expected, rtol=0, atol=1e-6 * np.abs(expected).max())


def test_what_all_outputs_share_meets_the_penalty_alone(make_rows):
    """A preconditioner that knows solves it at once."""
    point, _ = confident(make_rows)
    b = np.random.RandomState(2).normal(size=(len(point.W), 1))
    B = point.learner.project_out_softmax_nullspace(np.repeat(b, 3, axis=1))
    found = solve(point, B, factorise(point))
    assert found.n_iter == 1
    assert_allclose(found.V, B / point.learner.penalty, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("branch", ["cholesky", "woodbury", "diagonal"])
def test_a_class_that_is_certain(branch, make_rows):
    """Its block has nothing but the penalty, and for the intercept not even that."""
    learner = LinearLearner(Multinomial(), 0.5)
    rows = make_rows(learner, 100, 70)
    W = np.zeros(learner.shape(rows))
    W[-1, 0] = 1000
    V = preconditioner(learner.at(W, rows), **LIMITS[branch])(np.ones_like(W))
    assert np.isfinite(V).all()
