import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skpoison.feasible_sets import (
    BaseFeasibleSet,
    Box,
    Frozen,
    Integers,
    LinfBall,
    make_intersection,
)
from skpoison.optimizers import _blocks
from skpoison.optimizers._coordinates import PoisonRows, make_coordinates, stack

X = np.array([[0.0, 10.0], [4.0, 30.0], [2.0, 20.0]])
y = np.array([1.0, 5.0, 3.0])
codes = np.array([0, 1, 1])


def test_every_feature_has_a_range_of_one():
    coordinates = make_coordinates(Box().fit(X), X, codes)
    rows = PoisonRows(X, codes)
    x = coordinates.point(rows)
    assert_allclose(x, [[0, 0], [1, 1], [0.5, 0.5]])
    assert_allclose(coordinates.rows(x, rows).X, X)
    assert_array_equal(coordinates.rows(x, rows).y, codes)
    assert coordinates.kind == "convex"
    assert not coordinates.moves_responses
    outside = PoisonRows(np.array([[-1.0, 25.0], [5.0, 31.0]]), codes[:2])
    assert_allclose(coordinates.project(outside, outside).X, [[0, 25], [4, 30]])


def test_responses_are_one_more_column():
    coordinates = make_coordinates(Box().fit(X), X, y, (2.0, 9.0))
    rows = PoisonRows(X, y)
    x = coordinates.point(rows)
    assert_allclose(x[:, 2], [0, 1, 0.5])
    assert_allclose(coordinates.rows(x, rows).y, y)
    moved = PoisonRows(X[:2], np.array([1.0, 10.0]))
    assert_allclose(coordinates.project(moved, moved).y, [2, 9])
    gradient = coordinates.gradient(np.ones((3, 2)), np.ones(3))
    assert_allclose(gradient, [[4, 20, 4]] * 3)


@pytest.mark.parametrize("response_range", [None, (2.0, 4.0)])
def test_nearest_point_is_that_of_the_nearest_rows(response_range):
    coordinates = make_coordinates(Box().fit(X), X, y, response_range)
    rows = PoisonRows(X, y)
    x = coordinates.point(rows)
    x += 0.7 * np.random.RandomState(0).normal(size=x.shape)
    given = x.copy()
    found = coordinates.nearest_point(x, rows, rows)
    nearest = coordinates.project(coordinates.rows(given, rows), rows)
    assert_array_equal(found, coordinates.point(nearest))
    assert_array_equal(x, given)


@pytest.mark.parametrize("feasible_set", [Box(), LinfBall(0.3), Frozen([0, 2])])
def test_bounds_are_kept_block_by_block(feasible_set, monkeypatch):
    monkeypatch.setattr(_blocks, "BLOCK", 10)
    rng = np.random.RandomState(0)
    rows = PoisonRows(rng.normal(size=(11, 4)), rng.randint(2, size=11))
    coordinates = make_coordinates(
        feasible_set.fit(rows.X), rows.X, rows.y, classes=np.array([3, 5])
    )
    x = coordinates.point(rows) + 0.7 * rng.normal(size=(11, 4))
    sizes, project = [], coordinates.feasible_set._project

    def noted(X, start, y):
        sizes.append(len(X))
        return project(X, start, y)

    nearest = coordinates.project(coordinates.rows(x, rows), rows)
    monkeypatch.setattr(coordinates.feasible_set, "_project", noted)
    found = coordinates.nearest_point(x, rows, rows)
    assert_array_equal(found, coordinates.point(nearest))
    assert sizes == [2, 2, 2, 2, 2, 1]


def test_gradients_are_those_of_points():
    rng = np.random.RandomState(0)
    coordinates = make_coordinates(Box().fit(X), X, y, (-np.inf, np.inf))
    rows, slopes, slope = PoisonRows(X, y), rng.normal(size=(3, 2)), rng.normal(size=3)
    direction = rng.normal(size=(3, 3))
    moved = coordinates.rows(coordinates.point(rows) + direction, rows)
    change = (slopes * (moved.X - X)).sum() + slope @ (moved.y - y)
    gradient = coordinates.gradient(slopes, slope)
    assert_allclose((gradient * direction).sum(), change, rtol=1e-9)


def test_discrete_sets():
    points = make_intersection(Box(), Integers()).fit(X)
    coordinates = make_coordinates(points, X, codes)
    assert coordinates.kind == "discrete"
    rows = PoisonRows(np.array([[0.4, 25.2]]), codes[:1])
    assert_allclose(coordinates.project(rows, rows).X, [[0, 25]])
    assert_allclose(coordinates.project(rows, rows, for_ascent=True).X, rows.X)


class OwnSide(BaseFeasibleSet):
    """Rows on the side of their class."""

    requires_labels = True

    def _fit(self, X, y):
        self.middle_ = np.median(X[:, 0])

    def _project(self, X, start, y):
        X = X.copy()
        left, right = y == "left", y == "right"
        X[left, 0] = np.minimum(X[left, 0], self.middle_)
        X[right, 0] = np.maximum(X[right, 0], self.middle_)
        return X


@pytest.mark.parametrize("for_ascent", [False, True])
def test_sets_know_the_labels(for_ascent):
    names = np.array(["left", "right"])
    own_side = OwnSide().fit(X, names[codes])
    coordinates = make_coordinates(own_side, X, codes, classes=names)
    assert coordinates.kind == "neither"
    rows = PoisonRows(np.array([[3.0, 10.0], [1.0, 10.0]]), np.array([0, 1]))
    nearest = coordinates.project(rows, rows, for_ascent=for_ascent)
    assert_allclose(nearest.X, [[2, 10], [2, 10]])
    assert coordinates.labels(rows).tolist() == ["left", "right"]


def test_what_has_not_moved_is_not_rounded():
    start = PoisonRows(np.array([[0.1, 10.7], [3.3, 29.9]]), y[:2])
    for response_range in (None, (0.0, 9.0)):
        coordinates = make_coordinates(Box().fit(X), X, y, response_range)
        x = coordinates.point(start)
        assert_array_equal(coordinates.unrounded_rows(x, start).X, start.X)
        x[0, 0] = 1.0
        rows = coordinates.unrounded_rows(x, start)
        assert_array_equal(rows.X, [[4.0, 10.7], [3.3, 29.9]])
        assert_array_equal(rows.y, start.y)


def test_parts_of_rows():
    rows = PoisonRows(X, y)
    again = stack(rows[:1], rows[1:])
    assert_array_equal(again.X, X)
    assert_array_equal(again.y, y)
    assert len(rows[1:]) == 2
