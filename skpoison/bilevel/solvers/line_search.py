"""Warm start and backtracking line search, shared by the Newton methods.

The objective meant here includes the l1 penalty of learners that have one.
"""

from typing import Protocol

import numpy as np

from skpoison.bilevel.learners.base import ParametricLearner, Point, Rows

# Share of the predicted decrease that a step must achieve (Armijo's condition).
SUFFICIENT_DECREASE = 1e-4
# Decreases below this share of the objective are lost in rounding.
ROUNDING = 1e-14
MAX_HALVINGS = 40


def full_objective(point: Point) -> float:
    """Compute the objective of a learner, its l1 penalty included.

    Parameters
    ----------
    point : Point
        The smooth part of the objective at some weights.

    Returns
    -------
    objective : float
    """
    return point.objective() + point.learner.l1_value(point.W)


class Reached(Protocol):
    """An optimum for other rows: its weights, and its full objective."""

    W: np.ndarray
    objective: float


def starting_point(
    learner: ParametricLearner, rows: Rows, start: Reached | None
) -> Point:
    """Choose where to start: from the optimum for other rows, if that is any good.

    Parameters
    ----------
    learner : ParametricLearner
        The learner.
    rows : Rows
        Its training rows.
    start : Optimum or L1Optimum or None
        The optimum for rows nearby; None if there is none.

    Returns
    -------
    point : Point
        The objective at the weights to start from: `start.W` itself, if that is a good
        start.
    """
    if start is None:
        return learner.at(learner.start(rows), rows)
    point = learner.at(start.W, rows)
    if full_objective(point) <= 2 * start.objective:
        return point
    # When rows have moved far, large weights can be worse than none: confident
    # mistakes have no curvature, and Newton's method gets lost among them.
    others = [learner.at(length * start.W, rows) for length in (0.5, 0.25)]
    others.append(learner.at(learner.start(rows), rows))
    return min([point, *others], key=full_objective)


def backtrack(
    point: Point, objective: float, end: np.ndarray, slope: float
) -> tuple[Point, float, float]:
    """Move towards other weights, and halve the step until the objective falls enough.

    Parameters
    ----------
    point : Point
        Where to start.
    objective : float
        The full objective there.
    end : ndarray of shape (n_parameters, n_outputs)
        Where a step of length 1 leads.
    slope : float
        The change of the objective that a step of length 1 predicts: negative.

    Returns
    -------
    point : Point
        Where the step leads; the start if no step is good enough.
    objective : float
        The full objective there.
    length : float
        Length of the step, relative to the distance to `end`; 0 for none.
    """
    step, length = end - point.W, 1.0
    for _ in range(MAX_HALVINGS):
        W = end if length == 1 else point.W + length * step
        trial = point.learner.at(W, point.rows)
        value = full_objective(trial)
        decrease = SUFFICIENT_DECREASE * length * slope
        if value <= objective + decrease + ROUNDING * abs(objective):
            return trial, value, length
        length /= 2
    return point, objective, 0.0
