import numpy as np
import pytest
from scipy import sparse

from skpoison.feasible_sets import Integers

X = np.array([[1.0, 0.5, 0.0, 2.0], [3.0, 0.0, -1.0, 1e20], [2.0, 1.0, 0.0, 1.25]])


@pytest.mark.parametrize("make", [np.array, sparse.csr_array, sparse.csc_matrix])
def test_columns_are_found(make):
    assert Integers().fit(make(X)).columns_.tolist() == [0, 2]


@pytest.mark.parametrize("dtype", [int, bool, np.float32])
def test_columns_of_whole_numbers_of_any_type(dtype):
    assert Integers().fit(np.eye(3, dtype=dtype)).columns_.tolist() == [0, 1, 2]


def test_entries_of_sparse_data_add_up():
    halves = sparse.coo_array(([0.5, 0.5, 0.5], ([0, 0, 0], [0, 0, 1])), shape=(1, 2))
    assert Integers().fit(halves).columns_.tolist() == [0]


def test_projection_is_the_nearest_whole_number():
    integers = Integers([1, 3]).fit(X)
    rows = np.array([[0.6, 0.6, 0.6, -1.4], [0.5, 1.5, 2.5, 7.0]])
    expected = [[0.6, 1, 0.6, -1], [0.5, 2, 2.5, 7]]
    np.testing.assert_array_equal(integers.project(rows), expected)
    assert integers.contains(rows).tolist() == [False, False]
    assert integers.contains(expected).all()
    assert not integers.contains([[0.0, 1 + 1e-12, 0.0, 0.0]]).any()


def test_relaxation_is_the_whole_space():
    relaxed = Integers().fit(X).relax()
    rows = np.random.RandomState(0).normal(scale=1e6, size=(10, 4))
    np.testing.assert_array_equal(relaxed.project(rows), rows)
    assert relaxed.contains(rows).all()
