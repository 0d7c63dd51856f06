"""Way back to rows whose scores are below thresholds."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit

from skpoison.feasible_sets import Box
from skpoison.feasible_sets._level_set import (
    MARGIN,
    lead_below,
    least_steps,
    nearest_below,
)

rng = np.random.RandomState(0)
X = rng.normal(scale=3, size=(30, 4))
ENDS = np.array([[1.0, 0, 0, 0], [0, 1, 1, 0]])
BOX = Box(-2, 2).fit(X)


def distances(X, among):
    """Score rows by the distances from two points."""
    away = X - ENDS[:, np.newaxis]
    scores = np.linalg.norm(away, axis=2)
    return scores, away / scores[:, :, np.newaxis]


def solve(x, limit, bounds=None):
    """Return the nearest row whose distances from both points are at most a limit."""
    return minimize(
        lambda z: ((z - x) ** 2).sum(),
        ENDS.mean(axis=0),
        jac=lambda z: 2 * (z - x),
        method="SLSQP",
        bounds=bounds,
        options={"ftol": 1e-15, "maxiter": 500},
        constraints={
            "type": "ineq",
            "fun": lambda z: limit**2 - ((z - ENDS) ** 2).sum(axis=1),
            "jac": lambda z: -2 * (z - ENDS),
        },
    ).x


def test_least_steps_solve_a_quadratic_programme():
    above, gradients = rng.normal(size=(3, 20)), rng.normal(size=(3, 20, 4))
    steps = least_steps(above, gradients, 500)
    for i, step in enumerate(steps):
        found = minimize(
            lambda s: (s**2).sum() / 2,
            step,
            jac=lambda s: s,
            method="SLSQP",
            options={"ftol": 1e-15},
            constraints={
                "type": "ineq",
                "fun": lambda s: gradients[:, i] @ s - above[:, i],  # noqa: B023
                "jac": lambda s: gradients[:, i],  # noqa: B023
            },
        )
        np.testing.assert_allclose(step, found.x, atol=1e-6)
    np.testing.assert_array_equal(least_steps(above, 0 * gradients), 0)


def logistic(X, among):
    """Score rows by the mean of two logistic losses."""
    W = np.array([[1.0, 2, 0, -1], [2, 1, 0.5, 0]])
    z = X @ W.T - 1
    losses = np.logaddexp(0, z).mean(axis=1)
    return losses[np.newaxis], (expit(z) @ W / 2)[np.newaxis]


def radial(X, among):
    """Score rows by the distance from a point."""
    return tuple(part[:1] for part in distances(X, among))


@pytest.mark.parametrize(("score", "limit"), [(logistic, 0.3), (radial, 2.0)])
def test_nearest_rows_solve_a_programme(score, limit):
    limits, near = np.full(30, limit), X / 2
    rows = nearest_below(near, limits, score)
    inside = (score(near, None)[0] < limits).all(axis=0)
    assert 0 < inside.sum() < 30
    np.testing.assert_array_equal(rows[inside], near[inside])
    for x, row in zip(near[~inside], rows[~inside], strict=True):
        found = minimize(
            lambda z: ((z - x) ** 2).sum(),  # noqa: B023
            row - 0.1 * (x - row),
            jac=lambda z: 2 * (z - x),  # noqa: B023
            method="SLSQP",
            options={"ftol": 1e-16, "maxiter": 500},
            constraints={
                "type": "ineq",
                "fun": lambda z: limit - score(z[np.newaxis], None)[0][:, 0],
                "jac": lambda z: -score(z[np.newaxis], None)[1][:, 0],
            },
        )
        assert ((row - x) ** 2).sum() <= found.fun + 1e-8
        np.testing.assert_allclose(row, found.x, atol=1e-6)
    assert (score(rows, None)[0] < limits).all()
    again = nearest_below(rows, limits, score)
    np.testing.assert_allclose(again, rows, atol=1e-11)


def test_rows_are_led_back_within_a_box():
    """Near the nearest row, and in one step with both feet on the ground."""
    limits = np.full(30, 2.2)
    rows, doubtful = lead_below(
        X, limits, distances, lambda X, start, y: BOX.project(X)
    )
    assert not doubtful.size
    assert (distances(rows, None)[0] < limits).all()
    assert BOX.contains(rows).all()
    for x, row in zip(X, rows, strict=True):
        nearest = solve(x, 2.2, [(-2, 2)] * 4)
        assert np.linalg.norm(row - x) < 1.3 * np.linalg.norm(nearest - x) + 1e-3


def test_a_short_step_out_comes_back_by_as_little():
    """The level is met exactly, so that the way along the border can be followed."""
    limits = np.full(30, 2.2)

    rows, _ = lead_below(X, limits, distances)
    again, _ = lead_below(rows, limits, distances)
    assert np.abs(again - rows).max() < 1e-8
    out = rows + 1e-7 * rng.normal(size=rows.shape)
    back, _ = lead_below(out, limits, distances)
    assert np.abs(back - out).max() < 1e-6
    assert (distances(back, None)[0] <= limits * (1 - MARGIN) + 1e-8).all()


def test_infinite_thresholds_hold_nothing_back():
    limits = np.full(30, np.inf)
    np.testing.assert_array_equal(nearest_below(X, limits, distances), X)
    rows, doubtful = lead_below(X, limits, distances)
    np.testing.assert_array_equal(rows, X)
    assert not doubtful.size


def test_rows_that_may_still_be_above_are_named():
    """Those for which there is no way back, and those whose threshold is near 0."""

    def apart(X, among):
        gradients = np.zeros((2, *X.shape))
        gradients[:, :, 0] = [[1.0], [-1.0]]
        return np.array([X[:, 0], 1 - X[:, 0]]), gradients

    limits = np.full(30, 2.2)
    limits[:6], limits[6:12], limits[12:15] = 0.1, 1e-7, np.inf
    rows, doubtful = lead_below(X, limits, apart)
    np.testing.assert_array_equal(doubtful, np.arange(12))
    assert (apart(rows[12:], None)[0].max(axis=0) < limits[12:]).all()
    # What is at the level of such a threshold is not moved, and stays doubtful.
    flat = lambda X, among: (np.zeros((1, len(X))), np.zeros((1, *X.shape)))  # noqa: E731
    _, doubtful = lead_below(X, limits, flat)
    np.testing.assert_array_equal(doubtful, np.arange(6, 12))
