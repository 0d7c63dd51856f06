r"""How does the attacker climb?

Projected gradient ascent with directions of unit length, one for each row, and steps
that shorten geometrically. The rows move together, or one after the other, each on top
of those before. Where only some points are feasible, the climb leads through a convex
set around them, and a search among the points themselves follows: of all changes those
are made that the gradient at the rows promises most of, as many at once as the goal
goes along with, until not even one helps. The best rows met on the way are kept, so
that the result is never worse than the start.
"""

from dataclasses import dataclass

import numpy as np

# A step of `settle` must not end below the lowest of so many goals before.
MEMORY = 10
# The smallest part of a direction that is followed, relative to the largest.
SMALLEST = 0.05


@dataclass(frozen=True)
class Climb:
    """Where an ascent has led.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features)
        The best rows.
    value : float
        The goal there.
    path : ndarray of shape (n_iter + 1,)
        The goal at every iterate, the start first.
    """

    rows: np.ndarray
    value: float
    path: np.ndarray


def climb(
    value_and_gradient,
    start,
    project,
    *,
    step_size,
    decay,
    max_iter,
    tol,
    patience,
    tell=lambda value: None,
):
    """Climb from rows to better ones.

    Parameters
    ----------
    value_and_gradient : callable
        Takes rows; returns the goal, and its gradient in them.
    start : ndarray of shape (n_rows, n_features)
        The rows to start from.
    project : callable
        Takes rows; returns the nearest ones that are feasible.
    step_size : float
        Length of the first step of each row.
    decay : float
        What it is multiplied with after each step.
    max_iter : int
        The most steps.
    tol : float
        Progress of the best goal, over `patience` steps, that is worth going on.
    patience : int
        Number of steps without progress after which the climb ends.
    tell : callable, default=lambda value: None
        Is told the goal after each step, and ends the climb by answering True.

    Returns
    -------
    climb : Climb

    Raises
    ------
    ValueError
        If the goal or its gradient is not finite at the start.
    """
    rows = project(start)
    value, gradient = value_and_gradient(rows)
    if not (np.isfinite(value) and np.isfinite(gradient).all()):
        raise ValueError(
            "The goal or its gradient is not finite at the start: the surrogate "
            "diverges. Scale the features, or lower the learning rate of the surrogate."
        )
    best, path = (value, rows, gradient), [value]
    length = step_size
    for _ in range(max_iter):
        directions = _feasible_directions(rows, gradient, project)
        if not directions.any():
            break
        rows = project(rows + length * directions)
        value, gradient = value_and_gradient(rows)
        if not (np.isfinite(value) and np.isfinite(gradient).all()):
            # The learner diverges there, and tells nothing of where to go.
            value, rows, gradient = best
            length /= 2
        path.append(value)
        if value > best[0]:
            best = value, rows, gradient
        if tell(value) or _is_stuck(path, tol, patience):
            break
        length *= decay
    return Climb(best[1], best[0], np.array(path))


def _is_stuck(path, tol, patience):
    """Say whether the best of a path has made no progress for too long."""
    return len(path) > patience and max(path[-patience:]) <= max(path[:-patience]) + tol


def _feasible_directions(rows, gradient, project):
    """Make directions of unit length out of what of a gradient can be followed.

    A gradient that points out of the feasible set where a row lies on its border would
    otherwise spend the length of the step on what the projection takes back.
    """
    largest = np.abs(gradient).max(axis=1, keepdims=True)
    tiny = 1e-7 * gradient / np.where(largest > 0, largest, 1)
    moved = project(rows + tiny) - rows
    # What hardly counts is left out: it would make sparse rows dense for nothing.
    size = np.abs(moved)
    moved[size < SMALLEST * size.max(axis=1, keepdims=True)] = 0
    norms = np.linalg.norm(moved, axis=1, keepdims=True)
    return moved / np.where(norms > 0, norms, 1)


def settle(
    value_and_gradient,
    start,
    project,
    *,
    max_iter,
    tol,
    patience,
    tell=lambda value: None,
):
    """Climb a smooth goal to where it is highest.

    Parameters
    ----------
    value_and_gradient : callable
        Takes rows; returns the goal, and its gradient in them.
    start : ndarray of shape (n_rows, n_features)
        The rows to start from.
    project : callable
        Takes rows; returns the nearest ones that are feasible, of a convex set.
    max_iter : int
        The most steps.
    tol : float
        Progress of the best goal, over `patience` steps, that is worth going on.
    patience : int
        Number of steps without progress after which the climb ends.
    tell : callable, default=lambda value: None
        Is told the goal after each step, and ends the climb by answering True.

    Returns
    -------
    climb : Climb
    """
    rows = project(start)
    value, gradient = value_and_gradient(rows)
    best, path, accepted = (value, rows), [value], [value]
    steepest = np.abs(project(rows + gradient) - rows).max(initial=0)
    length = 1 / steepest if steepest > 0 else 1.0
    while len(path) <= max_iter:
        direction = project(rows + length * gradient) - rows
        slope = np.vdot(direction, gradient)
        if not slope > 0:
            break
        lowest, share = min(accepted[-MEMORY:]), 1.0
        while True:
            trial = rows + share * direction
            value, of_trial = value_and_gradient(trial)
            path.append(value)
            stop = tell(value)
            if value > best[0]:
                best = value, trial
            # Written so that what is not finite does not pass.
            if value >= lowest + 1e-4 * share * slope:
                break
            share /= 4
            if stop or share < 1e-12 or len(path) > max_iter:
                return Climb(best[1], best[0], np.array(path))
        s, y = trial - rows, of_trial - gradient
        rows, gradient = trial, of_trial
        accepted.append(value)
        bend = abs(np.vdot(s, y))
        length = np.vdot(s, s) / bend if bend > 0 else 2 * length
        length = min(max(length, 1e-10), 1e10)
        if stop or _is_stuck(path, tol, patience):
            break
    return Climb(best[1], best[0], np.array(path))


def search(value_and_gradient, start, project, *, max_iter, tell=lambda value: None):
    """Search among points that do not hang together.

    Parameters
    ----------
    value_and_gradient : callable
        Takes rows; returns the goal, and its gradient in them.
    start : ndarray of shape (n_rows, n_features)
        The rows to start from.
    project : callable
        Takes rows; returns the nearest ones that are feasible.
    max_iter : int
        The most steps.
    tell : callable, default=lambda value: None
        Is told the goal after each step, and ends the climb by answering True.

    Returns
    -------
    climb : Climb
    """
    rows = project(start)
    value, gradient = value_and_gradient(rows)
    best, path = (value, rows, gradient), [value]
    n_changes = max(1, rows.size // 10)
    for _ in range(max_iter):
        value, rows, gradient = best
        trial = _changed(rows, gradient, project, n_changes)
        if trial is None:
            break
        value, gradient = value_and_gradient(trial)
        path.append(value)
        if value > best[0]:
            best = value, trial, gradient
        elif n_changes > 1:
            n_changes //= 2
        else:
            break
        if tell(value):
            break
    return Climb(best[1], best[0], np.array(path))


def _changed(rows, gradient, project, n_changes):
    """Go along a gradient until about so many numbers have changed, if any do."""
    largest = np.abs(gradient).max()
    if largest == 0:
        return None
    gradient = gradient / largest
    # What moves however small the step is not discrete, and has climbed already.
    gradient = np.where(project(rows + 1e-7 * gradient) != rows, 0, gradient)

    def go(length):
        moved = project(rows + length * gradient)
        return moved, np.count_nonzero(moved != rows)

    short, long = 0.0, 1.0
    moved, count = go(long)
    while count < n_changes and long < 1e6:
        short, long = long, 2 * long
        moved, count = go(long)
    for _ in range(30):
        if count <= n_changes:
            break
        middle = (short + long) / 2
        trial, n_changed = go(middle)
        if n_changed:
            long, moved, count = middle, trial, n_changed
        else:
            short = middle
    return moved if count else None
