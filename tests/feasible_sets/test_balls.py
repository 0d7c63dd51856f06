import numpy as np
import pytest
from scipy.optimize import linprog

from skpoison.feasible_sets import (
    Box,
    Integers,
    L1Ball,
    L2Ball,
    LinfBall,
    make_intersection,
)

rng = np.random.RandomState(0)
START = rng.normal(size=(100, 5))
X = START + rng.normal(size=(100, 5)) * rng.gamma(1, size=(100, 1))
NORM = {L1Ball: 1, L2Ball: 2, LinfBall: np.inf}


@pytest.mark.parametrize("kind", [L1Ball, L2Ball, LinfBall])
def test_projection_is_the_nearest_row_within_the_radius(kind):
    ball = kind(1.3).fit(X)
    rows = ball.project(X, start=START)
    moved = np.linalg.norm(X - START, ord=NORM[kind], axis=1)
    inside = moved <= 1.3
    assert 20 < inside.sum() < 80
    np.testing.assert_array_equal(rows[inside], X[inside])
    np.testing.assert_array_equal(ball.contains(X, start=START), inside)
    after = np.linalg.norm(rows - START, ord=NORM[kind], axis=1)
    np.testing.assert_allclose(after[~inside], 1.3, rtol=1e-12)
    points = rng.normal(size=(2000, 5))
    points *= 1.3 / np.linalg.norm(points, ord=NORM[kind], axis=1, keepdims=True)
    for row, start, nearest in zip(X, START, rows, strict=True):
        others = np.linalg.norm(start + points - row, axis=1)
        if np.linalg.norm(row - start, ord=NORM[kind]) > 1.3:
            assert np.linalg.norm(nearest - row) <= others.min()


def test_norm_of_each_ball():
    row, start = [[4.0, 1.0]], [[1.0, 1.0]]
    for kind, expected in (
        (L1Ball, [[3, 1]]),
        (L2Ball, [[3, 1]]),
        (LinfBall, [[3, 1]]),
    ):
        nearest = kind(2).fit(row).project(row, start=start)
        np.testing.assert_array_equal(nearest, expected)
    far, near = [[3.0, 3.0]], [[1.0, 1.0]]
    assert LinfBall(2).fit(far).contains(far, start=near).all()
    assert not L2Ball(2).fit(far).contains(far, start=near).any()


@pytest.mark.parametrize("kind", [L1Ball, L2Ball, LinfBall])
def test_contains_forgives_rounding(kind):
    row, start = [[0.8]], [[0.7]]
    assert row[0][0] > start[0][0] + 0.1
    ball = kind(0.1).fit(row)
    assert ball.contains(row, start=start).all()
    assert not ball.contains([[0.8 + 1e-8]], start=start).any()


@pytest.mark.parametrize("kind", [L1Ball, L2Ball, LinfBall])
@pytest.mark.parametrize("shift", [1e3, 1e8])
def test_small_balls_far_from_the_origin(kind, shift):
    ball = kind(1e-3).fit(X)
    rows = ball.project(X + shift, start=START + shift)
    assert ball.contains(rows, start=START + shift).all()


def test_integers_in_a_ball_are_the_nearest_of_those_that_move_no_further():
    start = np.rint(3 * START[:, :3])
    X = start + 3 * rng.normal(size=start.shape)
    meet = make_intersection(Integers([0, 1, 2]), Box(-10, 10), L2Ball(2.5)).fit(start)
    rows = meet.project(X, start=start)
    assert meet.contains(rows, start=start).all()
    assert (rows != start).any(axis=1).mean() > 0.8
    steps = np.stack(np.meshgrid(*[np.arange(-2, 3)] * 3), axis=-1).reshape(-1, 3)
    for x, s, row in zip(X, start, rows, strict=True):
        moved = np.linalg.norm(steps, axis=1)
        candidates = (s + steps)[moved <= np.linalg.norm(row - s) + 1e-9]
        candidates = candidates[(np.abs(candidates) <= 10).all(axis=1)]
        best = np.linalg.norm(candidates - x, axis=1).min()
        assert np.linalg.norm(row - x) <= best + 1e-9


def test_l1_ball_in_a_box_by_linear_programme():
    start = np.clip(START, -0.5, 0.8)
    upper = np.array([0.8, 0.8, 0.8, np.inf, np.inf])
    meet = make_intersection(L1Ball(0.9), Box(-0.5, upper)).fit(X)
    direction = X - START
    direction[::3, 4] = 0
    rows = meet.maximise(direction, start=start)
    assert meet.contains(rows, start=start).all()
    for d, s, row in zip(direction, start, rows, strict=True):
        # The row is start + p - q, with p and q not negative.
        found = linprog(
            -np.append(d, -d),
            A_ub=np.ones((1, 10)),
            b_ub=[0.9],
            bounds=[(0, high) for high in upper - s] + [(0, low) for low in s + 0.5],
        )
        assert d @ row == pytest.approx(d @ s - found.fun, rel=1e-8, abs=1e-8)
