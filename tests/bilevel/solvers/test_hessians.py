import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse

from skpoison.bilevel.solvers.hessians import (
    assemble_hessian,
    squared_columns,
    weighted_gram,
)


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array, sparse.csc_array])
def test_weighted_gram(make):
    rng = np.random.RandomState(0)
    X, Z, weights = rng.normal(size=(7, 3)), rng.normal(size=(7, 2)), rng.rand(7)
    D = np.diag(weights)
    assert_allclose(weighted_gram(make(X), weights), X.T @ D @ X)
    assert_allclose(weighted_gram(make(X), weights, make(Z)), X.T @ D @ Z)


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array, sparse.csc_array])
def test_squared_columns(make):
    rng = np.random.RandomState(0)
    X, weights = rng.normal(size=(7, 3)), rng.rand(7, 2)
    expected = (weights.T @ X**2).T
    assert_allclose(squared_columns(make(X), weights), expected)
    assert_allclose(squared_columns(make(X), weights[:, 0]), expected[:, 0])


@pytest.mark.parametrize("is_sparse", [False, True])
def test_hessian_is_that_of_its_products(learner, is_sparse, make_rows):
    rows = make_rows(learner, is_sparse=is_sparse)
    rng = np.random.RandomState(0)
    point = learner.at(rng.normal(size=learner.shape(rows)), rows)
    active = rng.rand(*point.W.shape) < 0.7
    H = assemble_hessian(point, learner.append_intercept_column(rows.X), active)
    for _ in range(3):
        U = np.where(active, rng.normal(size=active.shape), 0)
        nullspace = learner.softmax_nullspace(active.shape[0])
        if nullspace.any():
            # Only directions outside of it have a meaning.
            U[nullspace[:, 0]] = 0
        expected = point.hessian_product(U)[active]
        places = ~np.broadcast_to(nullspace, active.shape)[active]
        assert_allclose((H @ U[active])[places], expected[places], atol=1e-10)
