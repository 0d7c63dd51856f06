from itertools import product

import numpy as np
import pytest

from skpoison.feasible_sets import (
    Box,
    Frozen,
    Integers,
    LinfBall,
    OneHot,
    make_intersection,
)

rng = np.random.RandomState(0)


def test_whole_numbers_between_bounds():
    start = rng.randint(-3, 4, size=(200, 3)) + rng.choice([0, 0.5], size=(200, 3))
    start[:, 1] = np.rint(start[:, 1])
    X = start + rng.normal(scale=3, size=start.shape)
    lower, upper = [-2.6, -9, -3], [2.9, 9, 1.4]
    meet = make_intersection(
        LinfBall(2.2), Integers([0, 1]), Box(lower, upper), Frozen([1])
    ).fit(start)
    start = np.clip(start, lower, upper)
    rows = meet.project(X, start=start)
    assert meet.contains(rows, start=start).all()
    for x, s, row in zip(X, start, rows, strict=True):
        whole = np.arange(-10, 11)
        allowed = whole[
            (whole >= max(s[0] - 2.2, -2.6)) & (whole <= min(s[0] + 2.2, 2.9))
        ]
        assert abs(row[0] - x[0]) == np.abs(allowed - x[0]).min()
        assert row[1] == s[1]
        assert row[2] == np.clip(x[2], max(s[2] - 2.2, -3), min(s[2] + 2.2, 1.4))


@pytest.mark.parametrize("flip", [False, True])
def test_categories_between_bounds(flip):
    sets = [
        OneHot([[0, 1, 2], [3, 4]]),
        Box([-1, 0, 0, 0, 0, -1], [2, 1, 0.5, 1, 1, 1]),
        Frozen([1]),
        Integers([1, 2, 5]),
    ]
    meet = make_intersection(*(sets[::-1] if flip else sets)).fit(np.zeros((1, 6)))
    start = np.zeros((100, 6))
    start[np.arange(100), rng.randint(2, size=100)] = 1
    start[:, 3] = 1
    X = rng.normal(size=start.shape)
    rows = meet.project(X, start=start)
    assert meet.contains(rows, start=start).all()
    corners = np.array(list(product([0.0, 1.0], repeat=5)))
    corners = np.column_stack([np.repeat(corners, 3, axis=0), np.tile([-1, 0, 1], 32)])
    for x, s, row in zip(X, start, rows, strict=True):
        allowed = corners[meet.contains(corners, start=np.tile(s, (96, 1)))]
        assert allowed.shape[0] == 6
        distances = np.linalg.norm(allowed - x, axis=1)
        assert np.linalg.norm(row - x) == pytest.approx(distances.min(), abs=1e-12)
    assert len(np.unique(rows[:, :5], axis=0)) == 4


def test_bounds_that_exclude_one_another():
    X = np.zeros((3, 2))
    meet = make_intersection(Box(0, 1), Box([0, 2], 3)).fit(X)
    with pytest.raises(
        ValueError,
        match="for feature 1 'box-2' requires at least 2, and 'box-1' at most 1",
    ):
        meet.project(X)


def test_bounds_of_a_row_that_exclude_one_another():
    X = np.zeros((3, 2))
    start = np.array([[0, 0], [0, 0], [0.5, 7]])
    meet = make_intersection(Box(0, 1), Frozen([1])).fit(X)
    with pytest.raises(
        ValueError,
        match="feature 1 of row 2 'frozen' requires at least 7, and 'box' at most",
    ):
        meet.project(X, start=start)


def test_no_whole_number_between_bounds():
    X = np.zeros((3, 2))
    start = np.array([[0, 0], [0.5, 0], [0, 0]])
    meet = make_intersection(Box(0, 1), LinfBall(0.1), Integers([0])).fit(X)
    with pytest.raises(
        ValueError,
        match="'integers' has no value for row 1 between the bounds of 'box', 'linf",
    ):
        meet.project(X, start=start)


def test_no_category_between_bounds():
    meet = make_intersection(OneHot([[0, 1]]), Box(0, 0.7)).fit(np.zeros((1, 2)))
    with pytest.raises(ValueError, match="'onehot' has no value for row 0"):
        meet.project(np.zeros((3, 2)))
