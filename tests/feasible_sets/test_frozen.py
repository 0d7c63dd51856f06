import numpy as np

from skpoison.feasible_sets import Frozen

rng = np.random.RandomState(0)
START, X = rng.normal(size=(20, 4)), rng.normal(size=(20, 4))


def test_frozen_columns_go_back_and_others_stay():
    frozen = Frozen([3, 1]).fit(X)
    rows = frozen.project(X, start=START)
    np.testing.assert_array_equal(rows[:, [1, 3]], START[:, [1, 3]])
    np.testing.assert_array_equal(rows[:, [0, 2]], X[:, [0, 2]])


def test_contains_compares_frozen_columns_only():
    frozen, rows = Frozen([1]).fit(X), START.copy()
    rows[:, 0] += 1
    assert frozen.contains(rows, start=START).all()
    rows[3, 1] += 1e-15
    assert np.flatnonzero(~frozen.contains(rows, start=START)).tolist() == [3]
