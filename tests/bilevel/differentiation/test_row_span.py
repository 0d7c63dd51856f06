import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse

from skpoison.bilevel.differentiation.row_span import row_span


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("n_extra", [0, 2])
def test_span(make, n_extra):
    rng = np.random.RandomState(0)
    X, extra = rng.normal(size=(4, 9)), rng.normal(size=(9, n_extra))
    Q, XQ, QE = row_span(make(X), extra)
    assert_allclose(Q.T @ Q, np.eye(4 + n_extra), atol=1e-12)
    assert_allclose(XQ, X @ Q, atol=1e-12)
    assert_allclose(XQ @ Q.T, X, atol=1e-12)
    assert_allclose(Q @ QE, extra, atol=1e-12)


def test_rows_alone():
    X = np.random.RandomState(0).normal(size=(4, 9))
    Q, XQ, QE = row_span(X)
    assert Q.shape == (9, 4)
    assert QE.shape == (4, 0)
    assert_allclose(XQ @ XQ.T, X @ X.T, atol=1e-12)
