import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from skpoison.bilevel.learners.grams import GramMemory
from skpoison.bilevel.learners.rows import Rows

X = np.random.RandomState(0).normal(size=(40, 50))
Y, WEIGHTS = np.zeros((40, 1)), np.ones(40)


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array, sparse.csr_matrix])
def test_norm_and_inner_products(make):
    rows = Rows(make(X), Y, WEIGHTS)
    assert_allclose(rows.norm, np.linalg.norm(X))
    assert_allclose(rows.gram, X @ X.T, rtol=1e-12, atol=1e-12)
    U = np.eye(40)
    assert_allclose(rows.rough_gram.product(U), X @ X.T, rtol=1e-5, atol=1e-5)
    assert rows.components.shape == (40, 10)


def test_what_is_known_stays_with_other_targets_and_not_with_other_features():
    rows = Rows(X, Y, WEIGHTS)
    known = rows.norm, rows.gram, rows.rough_gram, rows.components
    others = rows.with_targets(Y + 1)
    assert others.memory is rows.memory
    kept = others.norm, others.gram, others.rough_gram, others.components
    assert all(a is b for a, b in zip(known, kept, strict=True))
    moved = rows.with_features(X + 1)
    assert moved.memory is not rows.memory
    assert_allclose(moved.gram, (X + 1) @ (X + 1).T)


def test_double_precision_is_remembered():
    memory = GramMemory(X[:30])
    rows = Rows(X, Y, WEIGHTS, memory)
    assert rows.rough_gram.matrix.dtype == np.float32
    rows.use_double_precision()
    assert rows.rough_gram.matrix.dtype == np.float64
    assert rows.gram is rows.rough_gram.matrix
    assert Rows(X, Y, WEIGHTS, memory).rough_gram.matrix.dtype == np.float64
    assert_array_equal(rows.components, memory.basis)
