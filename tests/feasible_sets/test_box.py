import numpy as np
import pytest
from scipy import sparse

from skpoison.feasible_sets import Box

X = np.array([[1.0, 2.0, 0.0], [3.0, 8.0, -1.0]])


@pytest.mark.parametrize("make", [np.array, np.ndarray.tolist, sparse.csr_array])
def test_box_of_the_data(make):
    box = Box().fit(make(X))
    np.testing.assert_array_equal(box.lower_, [1, 2, -1])
    np.testing.assert_array_equal(box.upper_, [3, 8, 0])
    assert box.contains(X).all()


@pytest.mark.parametrize("make", [np.array, sparse.csr_matrix])
def test_bounds_given(make):
    box = Box(lower=[0, 0, 0], upper=5).fit(make(X))
    rows = np.array([[-1.0, 4.0, 6.0], [1.0, 2.0, 3.0]])
    np.testing.assert_array_equal(box.project(rows), [[0, 4, 5], [1, 2, 3]])
    assert box.contains(rows).tolist() == [False, True]
    assert rows[0, 0] == -1


def test_bounds_are_copied():
    lower = np.zeros(3)
    box = Box(lower).fit(X)
    lower += 9
    np.testing.assert_array_equal(box.lower_, 0)


def test_infinite_bounds():
    box = Box(lower=-np.inf, upper=[np.inf, 3, np.inf]).fit(X)
    np.testing.assert_array_equal(box.project([[-9, 9, 1e9]]), [[-9, 3, 1e9]])


def test_projection_is_the_nearest_row():
    box, rng = Box().fit(X), np.random.RandomState(0)
    rows = rng.normal(scale=5, size=(50, 3))
    projected = box.project(rows)
    assert box.contains(projected).all()
    np.testing.assert_array_equal(box.project(projected), projected)
    inside = box.lower_ + rng.rand(1000, 3) * (box.upper_ - box.lower_)
    for row, nearest in zip(rows, projected, strict=True):
        distances = np.linalg.norm(inside - row, axis=1)
        assert np.linalg.norm(nearest - row) <= distances.min()


def test_contains_allows_no_rounding():
    box = Box(0, 1).fit(X)
    rows = np.array([[0, 1, 0.5], [0, np.nextafter(1, 2), 0.5], [-5e-324, 1, 0.5]])
    assert box.contains(rows).tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("box", "message"),
    [
        (
            Box(lower=[0, 0]),
            "`lower` must have one bound for all features, or 3, .* got 2",
        ),
        (Box(lower=4), "`lower` must not exceed `upper`; got 4 and 3 for feature 0"),
        (
            Box(upper=[1, np.nan, 2]),
            r"`upper` must not contain NaN; got \[1, nan, 2\]. Use infinity",
        ),
        (Box(lower=np.nan), "`lower` must not contain NaN; got nan"),
    ],
)
def test_bounds_are_checked(box, message):
    with pytest.raises(ValueError, match=message):
        box.fit(X)
