import numpy as np
import pytest
from numpy.testing import assert_allclose

from skpoison.optimizers import ProjectedAscent
from skpoison.optimizers._base import PATIENCE

SETTINGS = {"step_size": 0.5, "decay": 0.95, "max_iter": 300, "tol": 1e-10}


def nothing(rows):
    return rows


def ascend(value_and_gradient, start, project, callback=None, **settings):
    """Maximise by an optimizer with some settings."""
    optimizer = ProjectedAscent(**settings)
    return optimizer.maximise(value_and_gradient, start, project, callback=callback)


def hill(top):
    """Make a goal whose top is known."""

    def value_and_gradient(rows):
        return -((rows - top) ** 2).sum(), -2 * (rows - top)

    return value_and_gradient


def test_reaches_the_top():
    top = np.array([[1.0, -2.0], [0.0, 3.0]])
    found = ascend(hill(top), np.zeros((2, 2)), nothing, **SETTINGS)
    assert_allclose(found.x, top, atol=1e-3)


def test_stays_feasible():
    top = np.array([[1.0, -2.0], [0.2, 3.0]])
    seen = []

    def project(rows):
        seen.append(np.clip(rows, 0, 0.5))
        return seen[-1]

    found = ascend(hill(top), np.ones((2, 2)), project, **SETTINGS)
    assert_allclose(found.x, [[0.5, 0.0], [0.2, 0.5]], atol=1e-3)
    assert all((rows >= 0).all() and (rows <= 0.5).all() for rows in seen)


@pytest.mark.parametrize("seed", range(5))
def test_best_rows_are_kept(seed):
    """On a goal so rugged that steps lead down as often as up."""
    rng = np.random.RandomState(seed)
    values = {}

    def value_and_gradient(rows):
        values[rows.tobytes()] = rng.normal()
        return values[rows.tobytes()], rng.normal(size=rows.shape)

    found = ascend(value_and_gradient, np.zeros((3, 2)), nothing, **SETTINGS)
    assert values[found.x.tobytes()] == found.path.max() >= found.path[0]


def test_every_row_takes_steps_of_the_same_length():
    gradients = np.array([[1e9, 0.0], [0.0, 1e-9], [0.0, 0.0]])
    found = ascend(
        lambda rows: (rows.sum(), gradients),
        np.zeros((3, 2)),
        nothing,
        **{**SETTINGS, "max_iter": 1},
    )
    assert_allclose(found.x, [[0.5, 0], [0, 0.5], [0, 0]])


def test_ends_at_a_flat_place_and_without_progress():
    flat = ascend(lambda rows: (0.0, 0 * rows), np.zeros((1, 1)), nothing, **SETTINGS)
    assert flat.path.tolist() == [0]
    stuck = ascend(
        lambda rows: (0.0, 1 + 0 * rows), np.zeros((1, 1)), nothing, **SETTINGS
    )
    assert len(stuck.path) == PATIENCE + 1


def test_turns_back_where_the_goal_is_not_finite():
    def value_and_gradient(rows):
        value = rows.sum() if rows.sum() < 0.7 else np.nan
        return value, np.full_like(rows, value / value)

    found = ascend(value_and_gradient, np.zeros((1, 1)) + 0.1, nothing, **SETTINGS)
    assert np.isfinite(found.path).all()
    assert 0.6 < found.x.sum() < 0.7


def test_climbs_along_the_border():
    """What points out of the feasible set takes nothing of the length of a step."""
    slopes = np.array([[1e6, 1.0]])
    found = ascend(
        lambda rows: ((slopes * rows).sum(), slopes),
        np.array([[1.0, 0.0]]),
        lambda rows: np.clip(rows, 0, 1),
        **{**SETTINGS, "max_iter": 1},
    )
    assert_allclose(found.x, [[1.0, 0.5]])


def test_steps_become_shorter():
    seen = []

    def goal(rows):
        seen.append(rows[0, 0])
        return rows.sum(), 1 + 0 * rows

    ascend(goal, np.zeros((1, 1)), nothing, **{**SETTINGS, "max_iter": 4})
    assert_allclose(np.diff(seen), 0.5 * 0.95 ** np.arange(4))


def test_directions_are_those_of_the_gradient_inside():
    """However near a border is that a step may reach."""
    found = ascend(
        lambda rows: (rows.sum(), 1 + 0 * rows),
        np.array([[0.9, 0.0]]),
        lambda rows: np.clip(rows, 0, 1),
        **{**SETTINGS, "max_iter": 1, "step_size": 0.01},
    )
    assert_allclose(found.x, [[0.9 + 0.01 / 2**0.5, 0.01 / 2**0.5]])


@pytest.mark.parametrize("same", [False, True])
def test_points_stay_as_they_are_while_the_ascent_goes_on(same):
    """Also if the projection returns the memory that it is given."""
    seen = []

    def goal(rows):
        seen.append((rows, rows.copy()))
        return hill(np.ones((2, 3)))(rows)

    project = nothing if same else np.copy
    found = ascend(goal, np.zeros((2, 3)), project, **{**SETTINGS, "max_iter": 9})
    assert len(seen) == 10
    for rows, then in seen:
        assert_allclose(rows, then, rtol=0, atol=0)
    best = min(seen, key=lambda pair: ((pair[1] - 1) ** 2).sum())
    assert_allclose(found.x, best[1], rtol=0, atol=0)


def test_what_hardly_counts_is_left_out():
    """So that sparse rows stay sparse."""
    slopes = np.array([[1.0, 0.04, 0.06], [-1.0, 0.0, 0.02]])
    found = ascend(
        lambda rows: ((slopes * rows).sum(), slopes),
        np.zeros((2, 3)),
        nothing,
        **{**SETTINGS, "max_iter": 1},
    )
    assert_allclose(found.x[0, 2] / found.x[0, 0], 0.06)
    assert (found.x != 0).tolist() == [[True, False, True], [True, False, False]]
    assert_allclose(np.linalg.norm(found.x, axis=1), 0.5)


@pytest.mark.parametrize("n_steps", [1, 4])
def test_ends_when_told(n_steps):
    told = []

    def callback(value, x):
        told.append(value)
        return len(told) == n_steps

    slopes = np.arange(1.0, 31).reshape(1, 30)

    def goal(rows):
        return (slopes * rows).sum(), slopes

    found = ascend(goal, np.zeros((1, 30)), nothing, callback, **SETTINGS)
    assert told == found.path[1:].tolist()
    assert len(told) == n_steps


def test_never_ends_early_without_a_tolerance():
    flat = ascend(
        lambda rows: (0.0, 1 + 0 * rows),
        np.zeros((1, 1)),
        nothing,
        **{**SETTINGS, "tol": None},
    )
    assert len(flat.path) == SETTINGS["max_iter"] + 1


def test_continued_in_parts():
    """Steps that go on from each other end where all of them together do."""
    top = np.full((1, 2), 100.0)
    optimizer = ProjectedAscent(step_size=1.0, decay=0.9, max_iter=20)
    whole = optimizer.maximise(hill(top), np.zeros((1, 2)))
    x = np.zeros((1, 2))
    for n_done in (0, 8, 16):
        part = optimizer._continued(n_done, min(8, 20 - n_done))
        x = part.maximise(hill(top), x).x
    assert_allclose(x, whole.x)


def test_a_gradient_that_nearly_underflows():
    """It is no direction, and no overflow either."""
    gradient = np.array([[1e-310, 0.0]])
    found = ProjectedAscent(max_iter=3)._maximise(
        lambda x: (0.0, gradient), np.ones((1, 2)), lambda x: x, lambda value, x: False
    )
    assert_allclose(found.x, 1)
