"""Run of an optimizer, whose result is checked.

An optimizer of the user's own can return anything: a point that it has not evaluated,
that is not feasible, or that is worse than its start. The attack promises never to be
weaker than its start, so the points that were evaluated are remembered here.
"""

from dataclasses import replace

import numpy as np

from skpoison.optimizers._base import check_start
from skpoison.utils._warnings import warn_user


class Record:
    """A function to be maximised that remembers its first and its best point.

    Parameters
    ----------
    value_and_gradient : callable
        Takes a point; returns the value of the function there, and its gradient.

    Attributes
    ----------
    first : ndarray or None
        The first point at which it was evaluated.
    x : ndarray or None
        The best point, the first one if there are several. Points at which the value or
        the gradient is not finite do not count.
    value : float
        The value there.
    """

    def __init__(self, value_and_gradient):
        self.value_and_gradient = value_and_gradient
        self.first, self.x, self.value = None, None, -np.inf

    def __call__(self, x):
        """Compute the value and the gradient at a point."""
        if self.first is None:
            self.first = np.array(x)
        value, gradient = self.value_and_gradient(x)
        if value > self.value and np.isfinite(value) and np.isfinite(gradient).all():
            if self.x is None:
                self.x = np.array(x, dtype=float)
            else:  # on large data it takes time to get memory
                np.copyto(self.x, x)
            self.value = value
        return value, gradient


def run_optimizer(optimizer, value_and_gradient, start, project, callback):
    """Maximise a function by an optimizer, and check what it returns.

    Parameters
    ----------
    optimizer : BaseOptimizer
        The optimizer.
    value_and_gradient : callable
        Takes a point; returns the value of the function there, and its gradient.
    start : ndarray of shape (n_rows, n_columns)
        Where to start.
    project : callable
        Takes a point; returns the nearest feasible one.
    callback : callable
        Takes the value and the point of each iterate but the start. It stops the
        optimizer by returning True.

    Returns
    -------
    result : AscentResult
        The best point met, which is never worse than the projected start.

    Raises
    ------
    TypeError
        If the optimizer does not return an AscentResult with a finite point of the
        shape of the start, and a path of numbers.
    """
    record = Record(value_and_gradient)
    found = optimizer._maximise(record, start, project, callback)
    name = type(optimizer).__name__
    x, path = (
        _as_numbers(getattr(found, attribute, None)) for attribute in ("x", "path")
    )
    if x is None or x.shape != start.shape or not np.isfinite(x).all():
        raise TypeError(
            f"`_maximise` of {name} must return an AscentResult with a point of finite "
            f"numbers, of the shape {start.shape} of the start; got "
            + (f"{type(found).__name__}." if x is None else f"the shape {x.shape}.")
        )
    if path is None or path.ndim != 1 or not path.size:
        raise TypeError(
            f"`_maximise` of {name} must return an AscentResult with a path of "
            "numbers, the value at the start and after each step."
        )
    if record.x is not None and np.array_equal(x, record.x):
        value = record.value
    else:  # not the best point met, or one that was not evaluated
        x = project(x)
        value, _ = record(x)
    start = project(start)
    if record.x is None or not np.array_equal(record.first, start):
        check_start(*record(start))
    if not value >= record.value:
        warn_user(
            f"`_maximise` of {name} returned a point at which the objective is "
            f"{value:.4g}, but it is {record.value:.4g} at the best point met or at "
            "the start, which is taken instead."
        )
    if record.value not in path:
        path = np.append(path, record.value)
    return replace(found, x=record.x, value=record.value, path=path)


def _as_numbers(values):
    """Return an array of numbers, or None."""
    try:
        return np.asarray(values, dtype=float) if values is not None else None
    except (TypeError, ValueError):
        return None
