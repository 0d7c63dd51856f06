import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skpoison.feasible_sets import Box, Integers, make_intersection
from skpoison.optimizers import (
    AscentResult,
    BaseOptimizer,
    ProjectedAscent,
    SpectralProjectedGradient,
)
from skpoison.optimizers._coordinates import PoisonRows, make_coordinates
from skpoison.optimizers._schedule import optimise_rows

X = np.array([[0.0, 10.0], [4.0, 30.0], [2.0, 20.0]])
TOP = np.array([[1.0, 22.0], [3.0, 28.0]])
LABELS = np.array([0, 1, 1])
START = PoisonRows(X[:2], LABELS[:2])
WIDTH = np.array([4.0, 20.0])
SMOOTH = SpectralProjectedGradient(max_iter=300, tol=0.0)
ROUGH = ProjectedAscent(0.5, 0.95, max_iter=300, tol=0.0)


class Silent:
    """Progress that nobody is told of."""

    stopped = False

    def __call__(self, value):
        return False


class StopAfter(Silent):
    """Progress that is stopped after some steps."""

    def __init__(self, n_steps):
        self.n_left = n_steps

    def __call__(self, value):
        self.n_left -= 1
        self.stopped = self.n_left <= 0
        return self.stopped


def hill(top=TOP, charge=0.0):
    """Make an objective whose top is known, minus a charge for displacement."""

    def objective(rows, n_fixed):
        gap = top[: len(rows)] - rows.X
        way = (rows.X - X[: len(rows)]) / WIDTH
        value = -(gap**2).sum() / 2 - charge * (way**2).sum() / 2
        gradient = gap - charge * way / WIDTH
        return value, gradient[n_fixed:], np.zeros(len(rows) - n_fixed)

    return objective


def crowded(charge):
    """Make an objective that hardly counts when all rows are there."""
    free, charged = hill(), hill(charge=charge)

    def objective(rows, n_fixed):
        of_goal, of_both = free(rows, n_fixed), charged(rows, n_fixed)
        share = 1e-3 if len(rows) == len(TOP) else 1.0
        return tuple(b - (1 - share) * g for b, g in zip(of_both, of_goal, strict=True))

    return objective


def optimise(optimizer, objective, feasible_set=None, progress=None, **schedule):
    feasible_set = (feasible_set or Box()).fit(X)
    return optimise_rows(
        optimizer.__class__(**{**optimizer.get_params(), **schedule}),
        objective,
        START,
        make_coordinates(feasible_set, X, LABELS),
        progress or Silent(),
    )


schedules = pytest.mark.parametrize("schedule", ["joint", "sequential"])


@schedules
@pytest.mark.parametrize(("optimizer", "tol"), [(SMOOTH, 1e-6), (ROUGH, 2e-2)])
def test_reaches_the_top(optimizer, tol, schedule):
    found = optimise(optimizer, hill(), schedule=schedule)
    assert_allclose(found.rows.X, TOP, atol=tol)
    assert_allclose(found.value, 0, atol=tol**2 * 10)
    assert_array_equal(found.rows.y, START.y)
    assert found.visited == []


@pytest.mark.parametrize("charge", [0.5, 400.0])
def test_best_compromise_with_a_penalty(charge):
    found = optimise(SMOOTH, hill(charge=charge))
    share = WIDTH**2 / (WIDTH**2 + charge)
    assert_allclose(found.rows.X, X[:2] + share * (TOP - X[:2]), rtol=1e-7, atol=1e-7)


def test_what_does_not_move_is_not_rounded():
    found = optimise(SMOOTH, hill(X[:2]))
    assert_array_equal(found.rows.X, X[:2])


@pytest.mark.parametrize("make", [lambda: hill(charge=2.0), lambda: crowded(2.0)])
def test_initial_rows_are_kept_if_they_are_better_together(make):
    objective = make()
    found = optimise(SMOOTH, objective, schedule="sequential", store_path=True)
    assert_allclose(found.value, objective(found.rows, 0)[0], rtol=1e-9)
    start, *_ = objective(START, 0)
    assert found.value >= start
    is_crowded = (X[:2] == found.rows.X).all()
    assert len(found.visited) == len(found.path)
    assert is_crowded == (found.path[-1] == start)


@schedules
@pytest.mark.parametrize("optimizer", [SMOOTH, ROUGH], ids=str)
@pytest.mark.parametrize("points", [False, True])
def test_path(optimizer, schedule, points):
    feasible_set = make_intersection(Box(), Integers()) if points else Box()
    objective = hill(TOP + 0.3)
    found = optimise(
        optimizer,
        objective,
        feasible_set,
        max_iter=6,
        schedule=schedule,
        store_path=True,
    )
    assert len(found.visited) == len(found.path)
    for value, rows in zip(found.path, found.visited, strict=True):
        assert_allclose(objective(rows, 0)[0], value, rtol=1e-9)
        if points:
            assert_array_equal(rows.X, np.rint(rows.X))
    n_rows = [len(rows) for rows in found.visited]
    assert n_rows[0] == (2 if schedule == "joint" else 1)
    assert n_rows == sorted(n_rows)
    assert n_rows[-1] == 2
    assert_array_equal(found.visited[0].X, X[: n_rows[0]])


def test_discrete_sets_end_at_the_best_points():
    found = optimise(ROUGH, hill(TOP + 0.3), make_intersection(Box(), Integers()))
    assert_array_equal(found.rows.X, TOP)


@schedules
@pytest.mark.parametrize("n_steps", [1, 2])
@pytest.mark.parametrize("points", [False, True])
def test_nothing_goes_on_when_stopped(n_steps, schedule, points):
    feasible_set = make_intersection(Box(), Integers()) if points else Box()
    found = optimise(ROUGH, hill(), feasible_set, StopAfter(n_steps), schedule=schedule)
    n_starts = 1 if schedule == "joint" else 2
    assert len(found.path) <= n_steps + n_starts + 1
    assert len(found.rows) == 2
    assert feasible_set.fit(X).contains(found.rows.X).all()


class Broken(BaseOptimizer):
    """An optimizer that returns something else than a point of the start's shape."""

    found = None

    def _maximise(self, value_and_gradient, start, project, callback):
        return self.found


@pytest.mark.parametrize("found", [None, AscentResult(X[:1], 0.0, np.zeros(1))])
def test_optimizers_return_points_of_the_shape_of_the_start(found, monkeypatch):
    monkeypatch.setattr(Broken, "found", found)
    with pytest.raises(TypeError, match=r"of Broken must .* shape \(2, 2\) .*; got"):
        optimise(Broken(), hill())


class SameMemory(Box):
    """A set of the user that returns its rows in the same memory each time."""

    kind = "neither"

    def _project(self, X, start, y):
        memory = vars(self).setdefault("_memory", {})
        rows = memory.setdefault(X.shape, np.empty(X.shape))
        rows[:] = super()._project(X, start, y)
        return rows


@pytest.mark.parametrize("schedule", ["joint", "sequential"])
def test_rows_that_are_kept_are_not_in_the_memory_of_the_set(schedule):
    params = {"schedule": schedule, "max_iter": 20, "store_path": True}
    wanted, found = (
        optimise(ROUGH, hill(), feasible_set, **params)
        for feasible_set in (Box(), SameMemory())
    )
    assert_allclose(found.rows.X, wanted.rows.X, rtol=1e-12)
    assert_allclose(found.path, wanted.path, rtol=1e-12, atol=1e-12)
    for one, other in zip(found.visited, wanted.visited, strict=True):
        assert_allclose(one.X, other.X, rtol=1e-12)


class Counted(Box):
    """A set that counts how often rows are projected."""

    kind = "neither"

    def _project(self, X, start, y):
        self.n_projected = vars(self).get("n_projected", 0) + 1
        return super()._project(X, start, y)


def test_projected_points_are_not_projected_again():
    """Of each step the direction and the point are; the start thrice, and the end."""
    feasible_set = Counted()
    found = optimise(
        ROUGH, hill(np.full((2, 2), 99.0)), feasible_set, max_iter=20, tol=None
    )
    n_steps = found.path.shape[0] - 1
    assert n_steps > 1
    # At the corner the ascent ends, because no direction leads anywhere.
    n_directions = n_steps + (n_steps < 20)
    assert feasible_set.n_projected == n_steps + n_directions + 4
    assert_array_equal(found.rows.X, [[4.0, 30.0]] * 2)
