import numpy as np
import pytest

from skpoison.feasible_sets import Box, Integers, L2Ball, LinfBall, make_intersection
from skpoison.feasible_sets._balls import draw_back

rng = np.random.RandomState(0)
START = rng.normal(size=(100, 5))
X = START + rng.normal(size=(100, 5)) * rng.gamma(1, size=(100, 1))
NORM = {L2Ball: 2, LinfBall: np.inf}


@pytest.mark.parametrize("kind", [L2Ball, LinfBall])
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


def test_what_each_ball_bounds():
    row, start = [[4.0, 1.0]], [[1.0, 1.0]]
    for kind, expected in ((L2Ball, [[3, 1]]), (LinfBall, [[3, 1]])):
        nearest = kind(2).fit(row).project(row, start=start)
        np.testing.assert_array_equal(nearest, expected)
    far, near = [[3.0, 3.0]], [[1.0, 1.0]]
    assert LinfBall(2).fit(far).contains(far, start=near).all()
    assert not L2Ball(2).fit(far).contains(far, start=near).any()


@pytest.mark.parametrize("kind", [L2Ball, LinfBall])
def test_contains_forgives_rounding(kind):
    row, start = [[0.8]], [[0.7]]
    assert row[0][0] > start[0][0] + 0.1
    ball = kind(0.1).fit(row)
    assert ball.contains(row, start=start).all()
    assert not ball.contains([[0.8 + 1e-8]], start=start).any()


@pytest.mark.parametrize("kind", [L2Ball, LinfBall])
@pytest.mark.parametrize("shift", [1e3, 1e8])
def test_small_balls_far_from_the_origin(kind, shift):
    ball = kind(1e-3).fit(X)
    rows = ball.project(X + shift, start=START + shift)
    assert ball.contains(rows, start=START + shift).all()


def clip(rows, where):
    return np.clip(rows, -0.5, 0.8)


def test_drawn_back_rows_are_nearest_and_on_the_border():
    start = np.clip(START, -0.5, 0.8)
    rows = draw_back(clip, X, start, 0.6)
    moved = np.linalg.norm(rows - start, axis=1)
    assert (moved <= 0.6 * (1 + 1e-12)).all()
    far = np.linalg.norm(clip(X, None) - start, axis=1) > 0.6
    assert 20 < far.sum() < 95
    np.testing.assert_allclose(moved[far], 0.6, rtol=1e-11)
    np.testing.assert_array_equal(rows[~far], clip(X, None)[~far])
    # Optimality: at the border the way to X is, up to what the bounds hold back, along
    # the way from the start.
    for row, x, s in zip(rows[far], X[far], start[far], strict=True):
        free = (row > -0.5) & (row < 0.8)
        pull, way = (x - row)[free], (row - s)[free]
        weight = pull @ way / (way @ way)
        assert weight >= 0
        np.testing.assert_allclose(pull, weight * way, atol=1e-8)
        held = (x - row - weight * (row - s))[~free]
        assert (held * np.sign(row[~free]) >= -1e-8).all()


def test_few_steps_draw_rows_back():
    calls = []

    def project(rows, where):
        calls.append(where.shape[0])
        return clip(rows, where)

    draw_back(project, X, np.clip(START, -0.5, 0.8), 0.6)
    assert len(calls) < 30
    assert sum(calls) < 10 * X.shape[0]


def test_start_outside_of_the_set():
    # From 2 to the nearest row of the set, 0.8, it is 1.2.
    start, X = np.full((2, 1), 2.0), np.full((2, 1), -3.0)
    np.testing.assert_allclose(draw_back(clip, X, start, 1.5), 0.5, atol=1e-11)
    np.testing.assert_array_equal(draw_back(clip, X, start, 1.2), 0.8)
    np.testing.assert_array_equal(draw_back(clip, X, start, 1.0), 0.8)


def test_drawn_back_whole_numbers_are_nearest_among_those_that_move_no_further():
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
