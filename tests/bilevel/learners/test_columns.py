import numpy as np
from numpy.testing import assert_allclose
from scipy import sparse

from skpoison.bilevel.learners.columns import ColumnGradient, column_gradient_of_rows


def test_sums_are_the_derivatives_in_shift_and_scale():
    rng = np.random.RandomState(0)
    X, A, h = rng.normal(size=(9, 3)), rng.normal(size=(9, 3)), 1e-6

    def value(shift, scale):
        return (A * np.sin(X * scale + shift)).sum()

    found = column_gradient_of_rows(X, A * np.cos(X))
    for j, unit in enumerate(np.eye(3)):
        of_shift = (value(h * unit, 1) - value(-h * unit, 1)) / (2 * h)
        of_scale = (value(0, 1 + h * unit) - value(0, 1 - h * unit)) / (2 * h)
        assert_allclose(found.shift[j], of_shift, rtol=1e-7)
        assert_allclose(found.scale[j], of_scale, rtol=1e-7)


def test_sparse_rows():
    X = sparse.random_array((9, 4), density=0.4, format="csr", random_state=0)
    G = np.random.RandomState(0).normal(size=(9, 4))
    found, dense = (column_gradient_of_rows(rows, G) for rows in (X, X.toarray()))
    assert_allclose(found.scale, dense.scale, rtol=1e-12)
    assert isinstance(found.scale, np.ndarray)
    assert_allclose(found.shift, dense.shift)


def test_sums_and_multiples():
    one = ColumnGradient(np.array([1.0]), np.array([2.0]), np.array([3.0]), 4.0)
    other = ColumnGradient(np.array([10.0]), np.array([20.0]))
    both = (one + other) * -2
    assert (both.shift, both.scale, both.below, both.above) == (-22, -44, -6, -8)
