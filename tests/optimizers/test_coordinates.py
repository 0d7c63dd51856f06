from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from skpoison.attacks._climber import Climber, make_coordinates

from skpoison.feasible_sets import Box, Integers, make_intersection

X = np.array([[0.0, 10.0], [4.0, 30.0], [2.0, 20.0]])
y = np.array([1.0, 5.0, 3.0])


class Hill:
    """A problem whose top is known."""

    moves_responses = False

    def __init__(self, top):
        self.top, self.visited = np.array(top, dtype=float), []

    def __call__(self, poison, which=slice(None)):
        gap = self.top[: poison.shape[0]] - poison
        return -float((gap**2).sum()) / 2, gap[which]


class Silent:
    """Progress of which nobody is told."""

    stopped = False

    def __call__(self, value):
        return False


SETTINGS = {"step_size": 0.5, "decay": 0.95, "tol": 0.0, "max_iter": 300}


def make(top, **settings):
    box = Box().fit(X)
    return Climber(
        Hill(top), make_coordinates(box, X), Silent(), **{**SETTINGS, **settings}
    )


def test_coordinates():
    coordinates = make_coordinates(Box().fit(X), X)
    assert_allclose(coordinates.scaled(X), [[0, 0], [1, 1], [0.5, 0.5]])
    assert_allclose(coordinates.unscaled(coordinates.scaled(X)), X)
    assert coordinates.is_convex
    rows = np.array([[-1.0, 25.0], [5.0, 31.0]])
    assert_allclose(coordinates.project(rows, rows), [[0, 25], [4, 30]])


def test_coordinates_with_responses():
    coordinates = make_coordinates(Box().fit(X), X, y, (2.0, 9.0))
    rows = np.array([[-1.0, 25.0, 1.0], [2.0, 20.0, 10.0]])
    assert_allclose(coordinates.project(rows, rows), [[0, 25, 2], [2, 20, 9]])
    assert_allclose(coordinates.scaled(np.column_stack([X, y]))[:, 2], [0, 1, 0.5])


def test_coordinates_of_points():
    points = make_intersection(Box(), Integers()).fit(X)
    coordinates = make_coordinates(points, X)
    assert not coordinates.is_convex
    rows = np.array([[0.4, 25.2]])
    assert_allclose(coordinates.project(rows, rows), [[0, 25]])
    assert_allclose(coordinates.project(rows, rows, is_relaxed=True), rows)


@pytest.mark.parametrize("way", ["jointly", "one_by_one"])
@pytest.mark.parametrize("is_smooth", [True, False])
def test_reaches_the_top(is_smooth, way):
    top = [[1.0, 22.0], [3.0, 28.0]]
    climber = make(top, is_smooth=is_smooth)
    found = getattr(climber, way)(X[:2])
    assert_allclose(found.rows, top, atol=1e-6 if is_smooth else 2e-2)
    assert_allclose(found.value, 0, atol=1e-9 if is_smooth else 1e-3)


@pytest.mark.parametrize("effort", [0.5, 400.0])
def test_effort(effort):
    """What is charged is the way in widths of 1: the best compromise is known."""
    top, width = np.array([[1.0, 22.0], [3.0, 28.0]]), np.array([4.0, 20.0])
    found = make(top, effort=effort, is_smooth=True).jointly(X[:2])
    share = width**2 / (width**2 + effort)
    assert_allclose(found.rows, X[:2] + share * (top - X[:2]), rtol=1e-7, atol=1e-7)


def test_what_does_not_move_is_not_rounded():
    start = np.array([[0.1, 10.7], [3.3, 29.9]])
    found = make(start, is_smooth=True).jointly(start)
    assert_array_equal(found.rows, start)


def test_writes_down():
    climber = make([[1.0, 22.0], [3.0, 28.0]], writes_down=True, max_iter=4)
    found = climber.jointly(X[:2])
    assert len(climber.problem.visited) == found.path.shape[0] == 5
    assert_allclose(climber.problem.visited[0], X[:2])


class Crowded(Hill):
    """Rows are worth going far for, but hardly when all of them have come."""

    def __call__(self, poison, which=slice(None)):
        value, gradient = super().__call__(poison, which)
        share = 1e-3 if poison.shape[0] == self.top.shape[0] else 1.0
        return share * value, share * gradient


@pytest.mark.parametrize("problem", [Hill, Crowded])
def test_effort_of_rows_one_by_one(problem):
    """It is charged for all rows, and all starts together are kept where they win."""
    climber = make([[1.0, 22.0], [3.0, 28.0]], effort=2.0, is_smooth=True)
    climber = replace(climber, problem=problem(climber.problem.top))
    found = climber.one_by_one(X[:2])
    way = (found.rows - X[:2]) / [4.0, 20.0]
    value, _ = climber.problem(found.rows)
    assert_allclose(found.value, value - (way**2).sum(), rtol=1e-9)
    start, _ = climber.problem(X[:2])
    assert found.value >= start
    assert (way == 0).all() == (problem is Crowded)
