"""Local search over a discrete feasible set, along the gradient.

A gradient says which of many changes promise most, and a discrete set how far each of
them must go. As many of the most promising entries are changed at once as the objective
goes along with: a tenth of all at first, half as many whenever the objective falls,
until not even a single change raises it.
"""

import numpy as np

from skpoison.optimizers._base import AscentResult

# What `_changed` asks for at first: this share of all entries.
SHARE = 10
# Longest step, and number of bisections, with which a number of changes is looked for.
LONGEST, N_BISECTIONS = 1e6, 30


def discrete_search(value_and_gradient, start, project, *, max_iter, callback):
    """Maximise a function over a discrete set.

    Parameters
    ----------
    value_and_gradient : callable
        Takes a point; returns the value of the function there, and its gradient.
    start : ndarray of shape (n_rows, n_columns)
        Where to start.
    project : callable
        Takes a point; returns the nearest one of the discrete set.
    max_iter : int
        Maximum number of steps.
    callback : callable
        Takes the value and the point of each iterate but the start. It stops the search
        by returning True.

    Returns
    -------
    result : AscentResult
        The best point met, which is never worse than the projected start.
    """
    x = project(start)
    value, gradient = value_and_gradient(x)
    best, path = (value, x, gradient), [value]
    n_changes, length = max(1, x.size // SHARE), 1.0
    for _ in range(max_iter):
        value, x, gradient = best
        trial, length = _changed(x, gradient, project, n_changes, length)
        if trial is None:
            break
        value, gradient = value_and_gradient(trial)
        path.append(value)
        stop = callback(value, trial)
        if value > best[0]:
            best = value, trial, gradient
        elif n_changes > 1:
            n_changes //= 2
        else:
            break
        if stop:
            break
    return AscentResult(best[1], best[0], np.array(path))


def _changed(x, gradient, project, n_changes, length):
    """Return x after a step that changes about `n_changes` entries, and its length.

    The length is found by doubling, then by bisection: the number of entries that a
    projected step changes grows with its length. It is looked for from the length of
    the last step on, since each trial is a projection of all rows. There is no x if no
    length changes any entry.
    """
    largest = np.abs(gradient).max()
    if largest == 0:
        return None, length
    gradient = gradient / largest
    # An entry that moves however small the step is continuous: it has been optimised
    # already, and is left alone here.
    gradient = np.where(project(x + 1e-7 * gradient) != x, 0, gradient)

    def step(length):
        moved = project(x + length * gradient)
        return moved, np.count_nonzero(moved != x)

    short, long = 0.0, length
    moved, count = step(long)
    while count < n_changes and long < LONGEST:
        short, long = long, 2 * long
        moved, count = step(long)
    for _ in range(N_BISECTIONS):
        if count <= n_changes:
            break
        middle = (short + long) / 2
        trial, n_changed = step(middle)
        if n_changed:
            long, moved, count = middle, trial, n_changed
        else:
            short = middle
    return (moved if count else None), long
