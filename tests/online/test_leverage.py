"""How far out a row lies."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from skpoison.online._leverage import Leverage, squared_norms


def test_weights_are_those_of_the_median_of_the_newest():
    norms = np.random.RandomState(0).exponential(size=200)
    norms[50:60] = norms[40]  # ties are forgotten one by one
    leverage = Leverage(1.5, 20)
    for i in range(200):
        expected = 1.0
        if i:
            median = np.median(norms[max(0, i - 20) : i])
            expected = min(1.0, 1.5 * median / norms[i])
        assert leverage.peek(norms[i]) == pytest.approx(expected, rel=1e-12)
        assert leverage.weigh(norms[i]) == pytest.approx(expected, rel=1e-12)
    twin = leverage.copy()
    assert twin.weigh(1e6, in_full=True) == 1.0
    assert twin.limit != leverage.limit
    leverage.adjust(3.0, 5)
    assert leverage.limit == pytest.approx(3 * np.median(norms[-5:]))


@pytest.mark.parametrize("make", [np.array, sparse.csr_matrix, pd.DataFrame])
@pytest.mark.parametrize("dtype", ["uint8", "int8", "float32"])
def test_squares_of_short_numbers(dtype, make):
    X = np.array([[100, 101], [16, 0]]).astype(dtype)
    np.testing.assert_array_equal(squared_norms(make(X)), [20202.0, 257.0])
    if dtype == "float32":
        X[0] = 4097, 0.5  # too long for 24 bits
        expected = [1 + 4097.0**2 + 0.25, 257.0]
        np.testing.assert_array_equal(squared_norms(make(X)), expected)


def test_missing_values_of_nullable_columns_count_as_0():
    frame = pd.DataFrame({"a": pd.array([3, None], "Int64"), "b": [True, False]})
    np.testing.assert_array_equal(squared_norms(frame), [11.0, 1.0])


def test_no_limit():
    leverage = Leverage(None, 20)
    assert [leverage.weigh(norm) for norm in (1.0, 1e9, 2.0)] == [1.0, 1.0, 1.0]
    np.testing.assert_array_equal(leverage.peek(np.array([1.0, 1e9])), 1.0)


@pytest.mark.parametrize("make", [np.array, sparse.csr_matrix, pd.DataFrame])
def test_squared_norms(make):
    X = np.array([[3.0, -4.0], [0.0, 0.0]])
    np.testing.assert_array_equal(squared_norms(make(X)), [26.0, 1.0])
    X[1, 1] = np.nan
    if make is not sparse.csr_matrix:
        np.testing.assert_array_equal(squared_norms(make(X)), [26.0, 1.0])
