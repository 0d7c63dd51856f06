"""Way back to rows whose scores are below thresholds, by the gradients of the scores.

A row with a score above its level moves as little as needed to where all of its scores,
if they were linear, are at their levels or below, and from there to the nearest row of
the feasible set; and so on, as long as one of them is above. For a half-space or a ball
the first step is the projection itself; for several convex scores these steps
(sequential quadratic programming for the nearest row, with the metric of the rows) end
close to it.
"""

import numpy as np

from skpoison.feasible_sets._base import take

# Rows are led to a level below the threshold, by this share of it: a row at the
# threshold is thrown out.
MARGIN = 1e-4
# Scores above the level by no more than this share of it are at the level.
CLOSE = 1e-9
MAX_CYCLES = 15
# Scores that differ by less, in units of 1 or of themselves, may be equal.
ROUNDING = 1e-9
# The same for the nearest row, which may take many steps.
CLOSEST, SETTLED = 1e-10, 1e-13
MAX_STEPS = 60
# After these steps a row goes half of the way only, or it may go to and fro.
UNDAMPED = 10
# After these steps they are longer by this factor than linear scores need, because
# convex ones need more.
UNRELAXED, RELAXATION = 2, 1.2
# Length of the steps that show which way a feasible set is open.
TINY = 1e-7
# Sweeps of the coordinate ascent that finds the multipliers of one step.
N_SWEEPS = 20


def lead_below(X, thresholds, with_gradients, project=None, start=None, y=None):
    """Return rows led back to where scores are below their thresholds.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
        The rows.
    thresholds : ndarray of shape (n_rows,)
        The score of each row from which on it is thrown out; may be infinite.
    with_gradients : callable
        Takes rows and their positions in X; returns scores of shape (n_scores, n_rows),
        the largest of which counts, and their gradients, of shape (n_scores, n_rows,
        n_features).
    project : callable, default=None
        Takes rows, the rows that they started from, and labels; returns the nearest
        feasible rows. None: all rows are feasible.
    start, y : ndarray, default=None
        Passed to `project`.

    Returns
    -------
    rows : ndarray of shape (n_rows, n_features)
        Some may still be above.
    doubtful : ndarray of int
        The positions of all rows that may be.
    """
    rows, levels = X.copy(), _levels(thresholds, MARGIN)
    # Where the level is at the threshold, rounding decides.
    size, is_finite = np.abs(levels), np.isfinite(levels)
    is_near = is_finite & (MARGIN * size <= ROUNDING * np.maximum(1, size))
    close = CLOSE * size
    left = np.flatnonzero(is_finite)
    for i in range(MAX_CYCLES):
        scores, gradients = with_gradients(rows[left], left)
        above = scores - levels[left]
        moving = above.max(axis=0) > close[left]
        left = left[moving]
        if not left.size:
            break
        at, above, gradients = rows[left], above[:, moving], gradients[:, moving]
        of_rows = take(start, left), take(y, left)
        if project is not None:
            gradients = np.array(
                [_within(at, each, project, of_rows) for each in gradients]
            )
        if i >= UNRELAXED:
            above = np.where(above > 0, RELAXATION * above, above)
        moved = at - least_steps(above, gradients)
        rows[left] = moved if project is None else project(moved, *of_rows)
    return rows, np.union1d(left, np.flatnonzero(is_near))


def nearest_below(X, thresholds, with_gradients):
    """Return the nearest rows whose scores are below their thresholds.

    Each step projects the row given, and not the last one, onto where all of its
    scores, if they were linear from the last one on, are at their levels or below. A
    row at which it ends is the nearest one, if the scores are convex. It need not end
    where several scores that bend meet.

    Parameters
    ----------
    X, thresholds, with_gradients
        As above.

    Returns
    -------
    rows : ndarray of shape (n_rows, n_features)
        Some may still be above.
    """
    rows, levels = X.copy(), _levels(thresholds, CLOSEST)
    left = np.flatnonzero(np.isfinite(levels))
    for i in range(MAX_STEPS):
        scores, gradients = with_gradients(rows[left], left)
        above = scores - levels[left]
        if i == 0:
            outside = (above > 0).any(axis=0)
            left, above = left[outside], above[:, outside]
            gradients = gradients[:, outside]
        above += np.einsum("krj,rj->kr", gradients, X[left] - rows[left])
        moved = X[left] - least_steps(above, gradients)
        if i >= UNDAMPED:
            moved = (moved + rows[left]) / 2
        change = np.abs(moved - rows[left]).max(axis=1, initial=0)
        rows[left] = moved
        left = left[change > SETTLED * np.abs(moved).max(axis=1, initial=1)]
        if not left.size:
            break
    return rows


def _levels(thresholds, margin):
    """Return levels below finite thresholds."""
    finite = np.where(np.isfinite(thresholds), thresholds, 0.0)
    return thresholds - margin * np.abs(finite)


def _within(X, gradients, project, of_rows):
    """Return the part of gradients that a step against them can follow."""
    sizes = np.abs(gradients).max(axis=1, keepdims=True)
    short = TINY / np.where(sizes > 0, sizes, 1)
    return (X - project(X - short * gradients, *of_rows)) / short


def least_steps(above, gradients, n_sweeps=N_SWEEPS):
    """Return the least steps along which linear scores fall by given amounts.

    Parameters
    ----------
    above : ndarray of shape (n_scores, n_rows)
        By how much each score has to fall at least; negative if it may rise.
    gradients : ndarray of shape (n_scores, n_rows, n_features)
        How each falls along a step.
    n_sweeps : int, default=N_SWEEPS
        How many sweeps over the scores find their multipliers.

    Returns
    -------
    steps : ndarray of shape (n_rows, n_features)
    """
    gram = np.einsum("krj,lrj->klr", gradients, gradients)
    sizes = np.einsum("kkr->kr", gram)
    # A score without a slope falls along no step.
    weights = np.divide(1, sizes, out=np.zeros(sizes.shape), where=sizes > 0)
    multipliers = np.zeros(above.shape)
    for _ in range(n_sweeps if above.shape[0] > 1 else 1):
        for k in range(above.shape[0]):
            lacking = above[k] - np.einsum("lr,lr->r", gram[k], multipliers)
            multipliers[k] = np.maximum(multipliers[k] + lacking * weights[k], 0)
    return np.einsum("kr,krj->rj", multipliers, gradients)
