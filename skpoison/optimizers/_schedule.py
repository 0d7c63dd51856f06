"""Maximisation over poison rows: all of them together, or one after the other.

The optimizer moves a point in scaled coordinates. Over a discrete feasible set it moves
through the convex relaxation, while the objective is evaluated at the nearest discrete
rows; a local search among discrete rows follows. A set that is neither convex nor
discrete is moved through as it is.
"""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from skpoison.optimizers._base import AscentResult
from skpoison.optimizers._coordinates import PoisonRows, stack
from skpoison.optimizers._discrete_search import discrete_search
from skpoison.optimizers._run import run_optimizer


@dataclass(frozen=True)
class OptimisedRows:
    """Poison rows that an optimizer has found.

    Parameters
    ----------
    rows : PoisonRows
        The best rows.
    value : float
        The objective there.
    path : ndarray of shape (n_iter + 1,)
        The objective at every iterate, the start first; for a sequential schedule one
        row after the other.
    visited : list of PoisonRows
        The rows at every iterate, if they are stored. A sequential schedule has only
        those inserted so far.
    """

    rows: PoisonRows
    value: float
    path: np.ndarray
    visited: list


def optimise_rows(optimizer, objective, start, coordinates, progress, *, at=None):
    """Maximise an objective over poison rows.

    Parameters
    ----------
    optimizer : BaseOptimizer
        The optimizer, with its schedule.
    objective : callable
        Takes poison rows and the number of those that are held fixed, the first ones;
        returns the objective, and its gradient in the features and the responses of the
        others.
    start : PoisonRows
        The initial rows.
    coordinates : Coordinates
        The coordinates and the feasible set.
    progress : callable
        Takes the objective after each step, and returns whether to stop. Its attribute
        `stopped` says whether to stop from the outset.
    at : PoisonRows, default=None
        Where the ascent begins, for a joint schedule. None: at the initial rows.

    Returns
    -------
    found : OptimisedRows
        Never worse than the projected initial rows.
    """
    ascend = partial(_ascend, optimizer, objective, coordinates, progress)
    if optimizer.schedule == "joint":
        return ascend(start[:0], start, start if at is None else at)
    rows, parts = start[:0], []
    for i in range(len(start)):
        parts.append(ascend(rows, start[i : i + 1], start[i : i + 1]))
        rows = stack(rows, parts[-1].rows)
    found = OptimisedRows(
        rows,
        parts[-1].value,
        np.concatenate([part.path for part in parts]),
        [visited for part in parts for visited in part.visited],
    )
    # Each row is no worse than its start given the rows before it. All initial rows
    # together may still be better than what has become of them.
    start = coordinates.project(start, start)
    value, *_ = objective(start, 0)
    if value <= found.value:
        return found
    visited = [*found.visited, start] if optimizer.store_path else []
    return OptimisedRows(start, value, np.append(found.path, value), visited)


def _ascend(optimizer, objective, coordinates, progress, fixed, start, at):
    """Maximise over some rows, beside others that are held fixed."""
    visited = []

    def rows_at(x):
        rows = coordinates.rows(x, at)
        # Anywhere else an optimizer moves through the feasible set itself.
        is_relaxed = coordinates.kind == "discrete"
        return coordinates.project(rows, start) if is_relaxed else rows

    def project(x, for_ascent):
        return coordinates.nearest_point(x, at, start, for_ascent=for_ascent)

    def value_and_gradient(x):
        rows = rows_at(x)
        if len(fixed):  # not copied without need: on large data that takes time
            rows = stack(fixed, rows)
        value, *gradients = objective(rows, len(fixed))
        return value, coordinates.gradient(*gradients)

    def record(x):
        if optimizer.store_path:
            visited.append(stack(fixed, rows_at(x)))

    def callback(value, x):
        record(x)
        return progress(value)

    origin, nearest = coordinates.point(at), partial(project, for_ascent=True)
    record(nearest(origin))
    if progress.stopped:
        x = nearest(origin)
        value, _ = value_and_gradient(x)
        found = AscentResult(x, value, np.array([value]))
    else:
        found = run_optimizer(optimizer, value_and_gradient, origin, nearest, callback)
    if coordinates.kind == "discrete" and not progress.stopped:
        ascended = found.path
        found = discrete_search(
            value_and_gradient,
            found.x,
            partial(project, for_ascent=False),
            max_iter=optimizer.max_iter,
            callback=callback,
        )
        # It starts where the ascent has already been.
        found = replace(found, path=np.concatenate([ascended, found.path[1:]]))
    # Once more: scaling back may have rounded across a border.
    rows = coordinates.project(coordinates.unrounded_rows(found.x, at), start)
    return OptimisedRows(rows, found.value, found.path, visited)
