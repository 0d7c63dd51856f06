import numpy as np
import pytest
from numpy.testing import assert_allclose

from skpoison.bilevel.ascent import climb

SETTINGS = {
    "step_size": 0.5,
    "decay": 0.95,
    "max_iter": 300,
    "tol": 1e-10,
    "patience": 50,
}


def nothing(rows):
    return rows


def hill(top):
    """Make a goal whose top is known."""

    def value_and_gradient(rows):
        return -((rows - top) ** 2).sum(), -2 * (rows - top)

    return value_and_gradient


def test_reaches_the_top():
    top = np.array([[1.0, -2.0], [0.0, 3.0]])
    found = climb(hill(top), np.zeros((2, 2)), nothing, **SETTINGS)
    assert_allclose(found.rows, top, atol=1e-3)


def test_stays_feasible():
    top = np.array([[1.0, -2.0], [0.2, 3.0]])
    seen = []

    def project(rows):
        seen.append(np.clip(rows, 0, 0.5))
        return seen[-1]

    found = climb(hill(top), np.ones((2, 2)), project, **SETTINGS)
    assert_allclose(found.rows, [[0.5, 0.0], [0.2, 0.5]], atol=1e-3)
    assert all((rows >= 0).all() and (rows <= 0.5).all() for rows in seen)


@pytest.mark.parametrize("seed", range(5))
def test_best_rows_are_kept(seed):
    """On a goal so rugged that steps lead down as often as up."""
    rng = np.random.RandomState(seed)
    values = {}

    def value_and_gradient(rows):
        values[rows.tobytes()] = rng.normal()
        return values[rows.tobytes()], rng.normal(size=rows.shape)

    found = climb(value_and_gradient, np.zeros((3, 2)), nothing, **SETTINGS)
    assert values[found.rows.tobytes()] == found.path.max() >= found.path[0]


def test_every_row_takes_steps_of_the_same_length():
    gradients = np.array([[1e9, 0.0], [0.0, 1e-9], [0.0, 0.0]])
    found = climb(
        lambda rows: (rows.sum(), gradients),
        np.zeros((3, 2)),
        nothing,
        **{**SETTINGS, "max_iter": 1},
    )
    assert_allclose(found.rows, [[0.5, 0], [0, 0.5], [0, 0]])


def test_ends_at_a_flat_place_and_without_progress():
    flat = climb(lambda rows: (0.0, 0 * rows), np.zeros((1, 1)), nothing, **SETTINGS)
    assert flat.path.tolist() == [0]
    stuck = climb(
        lambda rows: (0.0, 1 + 0 * rows), np.zeros((1, 1)), nothing, **SETTINGS
    )
    assert len(stuck.path) == SETTINGS["patience"] + 1


def test_turns_back_where_the_goal_is_not_finite():
    def value_and_gradient(rows):
        value = rows.sum() if rows.sum() < 0.7 else np.nan
        return value, np.full_like(rows, value / value)

    found = climb(value_and_gradient, np.zeros((1, 1)) + 0.1, nothing, **SETTINGS)
    assert np.isfinite(found.path).all()
    assert 0.6 < found.rows.sum() < 0.7
