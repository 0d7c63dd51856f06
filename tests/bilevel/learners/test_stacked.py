import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from skpoison.bilevel.learners.grams import Gram, GramMemory
from skpoison.bilevel.learners.rows import Rows
from skpoison.bilevel.learners.stacked import (
    BLOCK,
    StackedRows,
    as_csr,
    squared_norms,
)

RNG = np.random.RandomState(0)
TOP = RNG.normal(size=(20, 9)) * (RNG.rand(20, 9) < 0.2)
BOTTOM = RNG.normal(size=(2 * BLOCK + 3, 9))
X = np.vstack([TOP, BOTTOM])
STACKED = StackedRows(sparse.csr_array(TOP), BOTTOM)


@pytest.mark.parametrize("shape", [(), (1,), (4,)])
def test_products(shape):
    U, R = RNG.normal(size=(9, *shape)), RNG.normal(size=(X.shape[0], *shape))
    assert STACKED.shape == X.shape
    assert STACKED.T.shape == X.T.shape
    assert_allclose(STACKED @ U, X @ U, rtol=1e-13, atol=1e-13)
    assert_allclose(STACKED.T @ R, X.T @ R, rtol=1e-13, atol=1e-12)


@pytest.mark.parametrize(
    "part", [slice(None), slice(3), slice(4, 9), slice(9, 25), slice(22, 24)]
)
def test_parts(part):
    found = STACKED[part]
    found = found.tocsr() if isinstance(found, StackedRows) else found
    found = found.toarray() if sparse.issparse(found) else found
    assert_array_equal(found, X[part])
    if part.start == 22:
        assert np.shares_memory(found, BOTTOM)


def test_inner_products():
    assert_allclose(STACKED.gram(), X @ X.T, rtol=1e-12, atol=1e-12)
    assert_allclose(STACKED.squared_norms(), (X**2).sum(axis=1), rtol=1e-13)
    below = STACKED.bottom_products(np.float32)
    assert below.dtype == np.float32
    assert_allclose(below, BOTTOM @ X.T, rtol=1e-5, atol=1e-5)
    rows = Rows(STACKED, np.zeros((X.shape[0], 1)), np.ones(X.shape[0]))
    assert_allclose(rows.gram, X @ X.T, rtol=1e-12, atol=1e-12)
    assert_allclose(rows.norm, np.linalg.norm(X), rtol=1e-13)


@pytest.mark.parametrize("is_single", [True, False])
def test_inner_products_of_the_dense_rows_are_stored(is_single):
    gram = GramMemory(STACKED.top, is_single=is_single).gram(STACKED)
    assert gram.tail.shape == (BOTTOM.shape[0], X.shape[0])
    assert gram.is_single == is_single
    U = RNG.normal(size=(X.shape[0], 2))
    tol = 1e-4 if is_single else 1e-12
    assert_allclose(gram.product(U), X @ X.T @ U, rtol=tol, atol=tol)
    assert_allclose(gram.exact_product(U), X @ X.T @ U, rtol=1e-11, atol=1e-11)
    assert_allclose(gram.diagonal, (X**2).sum(axis=1), rtol=1e-13)
    assert Gram(STACKED.top).tail is None


@pytest.mark.parametrize("density", [0.0, 0.1, 1.0])
def test_dense_rows_become_sparse_ones(density):
    rng = np.random.RandomState(0)
    X = rng.normal(size=(7, 9)) * (rng.rand(7, 9) < density)
    found, expected = as_csr(X), sparse.csr_array(X)
    assert found.has_canonical_format
    for name in ("data", "indices", "indptr"):
        assert_array_equal(getattr(found, name), getattr(expected, name))


def test_entries_that_are_stored_twice_are_sums():
    """The rows stay as they are."""
    X = sparse.csr_array(([1.0, 2.0, 3.0, 4.0], [1, 1, 0, 2], [0, 2, 2, 4]), (3, 3))
    assert_array_equal(squared_norms(X), [9.0, 0.0, 25.0])
    assert_array_equal(Gram(X).diagonal, [9.0, 0.0, 25.0])
    assert X.nnz == 4
