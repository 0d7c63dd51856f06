from itertools import product

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skpoison.optimizers._discrete_search import discrete_search


def search(value_and_gradient, start, project, max_iter, callback=lambda *_: False):
    return discrete_search(
        value_and_gradient, start, project, max_iter=max_iter, callback=callback
    )


def hill(top):
    """Make a goal whose top is known."""

    def value_and_gradient(rows):
        return -((rows - top) ** 2).sum(), -2 * (rows - top)

    return value_and_gradient


def corners(rows):
    """Project onto 0 and 1."""
    return np.rint(np.clip(rows, 0, 1))


def quadratic(shape, seed):
    """Make a goal of which the best single change is not always what it seems."""
    rng = np.random.RandomState(seed)
    n = np.prod(shape)
    A, c = rng.normal(size=(n, n)), 2 * rng.normal(size=n)
    A = (A + A.T) / 2

    def value_and_gradient(rows):
        x = rows.ravel()
        return c @ x + x @ A @ x / 2, (c + A @ x).reshape(shape)

    return value_and_gradient


@pytest.mark.parametrize("seed", range(3))
def test_search_finds_the_top_of_a_linear_goal(seed):
    rng = np.random.RandomState(seed)
    slopes = rng.normal(size=(6, 20))
    start = rng.randint(2, size=(6, 20)).astype(float)
    found = search(
        lambda rows: ((slopes * rows).sum(), slopes), start, corners, max_iter=100
    )
    np.testing.assert_array_equal(found.x, slopes > 0)
    assert_allclose(found.value, slopes[slopes > 0].sum())
    # Many numbers change at once.
    assert len(found.path) < 25


@pytest.mark.parametrize("seed", range(20))
def test_search_among_few_points(seed):
    goal = quadratic((2, 4), seed)
    start = np.random.RandomState(seed + 100).randint(2, size=(2, 4)).astype(float)
    seen = []

    def spied(rows):
        seen.append(rows)
        return goal(rows)

    found = search(spied, start, corners, max_iter=100)
    values = {
        corner: goal(np.reshape(corner, (2, 4)))[0]
        for corner in product((0.0, 1.0), repeat=8)
    }
    assert all(tuple(rows.ravel()) in values for rows in seen)
    assert found.path.tolist() == [values[tuple(rows.ravel())] for rows in seen]
    assert found.value == values[tuple(found.x.ravel())] == found.path.max()
    assert found.value >= values[tuple(start.ravel())]
    # The change that the gradient promises most of does not help any more.
    value, gradient = goal(found.x)
    gains = np.where(found.x > 0, -gradient, gradient).ravel()
    if gains.max() > 0:
        changed = found.x.copy().ravel()
        changed[gains.argmax()] = 1 - changed[gains.argmax()]
        assert values[tuple(changed)] <= value


def test_search_among_whole_numbers():
    """Steps of 1 over a wide range, up a hill whose top lies between them."""
    top = np.array([[3.2, -7.9, 0.4], [12.0, 5.6, -2.2]])
    found = search(hill(top), np.zeros((2, 3)), np.rint, max_iter=100)
    np.testing.assert_array_equal(found.x, np.rint(top))


def test_search_begins_at_the_nearest_point():
    found = search(hill(np.zeros(2)), np.array([[0.4, 0.6]]), corners, max_iter=0)
    assert found.x.tolist() == [[0, 1]]
    assert found.path.tolist() == [-1]


@pytest.mark.parametrize("max_iter", [0, 1, 3])
def test_search_ends_after_the_most_steps(max_iter):
    slopes = np.arange(1.0, 31).reshape(1, 30)
    found = search(
        lambda rows: ((slopes * rows).sum(), slopes),
        np.zeros((1, 30)),
        corners,
        max_iter=max_iter,
    )
    assert len(found.path) == max_iter + 1
    assert found.x.sum() in range(max_iter, 3 * max_iter + 1)
    assert (np.diff(found.path) > 0).all()


def test_search_ends_where_the_goal_is_flat():
    found = search(lambda rows: (0.0, 0 * rows), np.ones((2, 2)), corners, max_iter=9)
    assert found.path.tolist() == [0]


def test_search_ends_at_a_corner():
    """Where all that the gradient promises lies outside."""
    found = search(
        lambda rows: (rows.sum(), 1 + 0 * rows), np.ones((2, 2)), corners, max_iter=9
    )
    assert found.path.tolist() == [4]


def test_search_halves_the_number_of_changes():
    """Until so few change that their sum is not too much."""
    gains = 3 + 1e-3 * np.random.RandomState(0).rand(6, 20)
    sums = []

    def goal(rows):
        sums.append(rows.sum())
        return (gains * rows).sum() - sums[-1] ** 2 / 2, gains - sums[-1]

    found = search(goal, np.zeros((6, 20)), corners, max_iter=20)
    assert sums[1] > 6 >= sums[2] > 1
    assert found.x.sum() == 3


@pytest.mark.parametrize("n_steps", [1, 4])
def test_search_ends_when_told(n_steps):
    told = []

    def callback(value, x):
        told.append(value)
        return len(told) == n_steps

    slopes = np.arange(1.0, 31).reshape(1, 30)

    def goal(rows):
        return (slopes * rows).sum(), slopes

    found = search(goal, np.zeros((1, 30)), corners, 9, callback)
    assert told == found.path[1:].tolist()
    assert len(told) == n_steps
    assert found.value == told[-1]
