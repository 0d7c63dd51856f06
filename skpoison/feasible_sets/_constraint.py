"""Sets with one scalar constraint, and projection onto their intersection with others.

A ball and a slab are the rows at which one convex function of the row is at most 0.
With a Lagrange multiplier for this function, the nearest row that also lies in another
set K is the row of K nearest to a point on a path. The path begins at the row itself
(multiplier 0) and ends at the centre of the ball, or far down the normal of the slab.
So the projection is a search for one number, and, as it needs no more of K than the
projection onto it, such searches can be nested. (For an l1 ball the path is not
straight, and K must restrict each column separately.)
"""

from abc import abstractmethod

import numpy as np

from skpoison.feasible_sets._base import BaseFeasibleSet, take

# Relative accuracy to which the constraint is met.
TOL = 1e-12
# Multipliers are searched up to this power of 2, relative to the first guess.
LARGEST_POWER = 60
# Halvings after which the multiplier of a maximiser is known to rounding.
N_HALVINGS = 60
# Replaces infinite bounds: sums of it are finite.
FAR = 1e100


class ConstraintSet(BaseFeasibleSet):
    """Base class of sets with one scalar constraint.

    A subclass implements `_project`, `_contains`, `_excess`, `_path` and
    `_maximise_within`.
    """

    kind = "convex"
    _role = "constraint"
    # Whether the other set must restrict each column separately.
    _needs_columns = False

    @abstractmethod
    def _excess(self, X, start, y):
        """Return by how much each row violates the constraint, relative to its size.

        0 on the boundary of the set, negative within it.
        """

    @abstractmethod
    def _path(self, X, rows, nearest, start, y):
        """Return the path on which to search for the multiplier, for rows outside.

        `rows` are the rows that another set has nearest to X, and `nearest` projects
        onto that set.

        Returns
        -------
        path : callable
            Takes numbers from 0 to 1 and the positions of their rows in X, returns the
            points: X for 1. The row nearest to the point for 0 satisfies the constraint
            if any row of the other set does.
        excess : callable
            Takes rows and their positions in X, returns by how much they violate the
            constraint. It does not decrease along the path.
        """

    @abstractmethod
    def _maximise_within(self, direction, nearest, furthest, start, y):
        """Return maximisers over the intersection with another convex set.

        `nearest` and `furthest` project onto that set, and maximise over it. Both take
        rows, and the positions of these rows in `direction`. Entries as large as `FAR`
        are unbounded, in what `furthest` returns and in the result.
        """


def project_with_constraint(constraint, nearest, X, start, y):
    """Project onto the intersection of a set and a scalar constraint.

    The violation changes monotonically along the path, so that the multiplier is a
    root, found by the Illinois variant of regula falsi (Dowell & Jarratt 1971).

    Parameters
    ----------
    constraint : ConstraintSet
        The constraint.
    nearest : callable
        Takes rows and their positions in X, returns the nearest rows in the other set.
    X : ndarray of shape (n_rows, n_features)
        The rows.
    start : ndarray of shape (n_rows, n_features) or None
        The rows from which the attack started.
    y : ndarray of shape (n_rows,) or None
        The labels of the rows.

    Returns
    -------
    rows : ndarray of shape (n_rows, n_features)
        The nearest rows, if the other set is convex. If it is discrete, the nearest
        rows among those that satisfy the constraint by at least as much. If the
        intersection is empty, rows of the other set that violate the constraint.
    """
    rows = nearest(X, np.arange(X.shape[0]))
    excess = constraint._excess(rows, start, y)
    left = np.flatnonzero(excess > TOL)
    if not left.size:
        return rows

    def nearest_of_left(points, among):
        return nearest(points, left[among])

    path, excess_of = constraint._path(
        X[left], rows[left], nearest_of_left, take(start, left), take(y, left)
    )
    rows[left] = search_path(nearest_of_left, path, excess_of, excess[left])
    return rows


def segment(X, anchor):
    """Return the straight path that ends at X and begins at an anchor."""

    def path(shares, among):
        shares = shares[:, np.newaxis]
        return shares * X[among] + (1 - shares) * anchor[among]

    return path


def search_path(nearest, path, excess, beyond):
    """Return the row nearest to the last point of a path to satisfy a constraint.

    Parameters
    ----------
    nearest : callable
        Takes points and the positions of their rows, returns the nearest rows.
    path : callable
        Takes numbers from 0 to 1 and the positions of their rows, returns points. At 1
        the constraint is violated.
    excess : callable
        Takes rows and their positions, returns their violations of the constraint.
    beyond : ndarray of shape (n_rows,)
        The violations at 1.

    Returns
    -------
    rows : ndarray of shape (n_rows, n_features)
        Rows on the boundary; those nearest to the points at 0 if these violate the
        constraint.
    """
    left = np.arange(beyond.shape[0])
    rows = nearest(path(np.zeros(left.shape[0]), left), left)
    within = excess(rows, left)
    # The number searched lies between low, which satisfies the constraint, and high,
    # which violates it.
    low, high = np.zeros(left.shape[0]), np.ones(left.shape[0])
    was_inside = np.full(left.shape[0], -1)
    going = within < 0
    while going.any():
        left, low, high, within, beyond, was_inside = (
            values[going] for values in (left, low, high, within, beyond, was_inside)
        )
        share = low - within * (high - low) / (beyond - within)
        trial = nearest(path(share, left), left)
        found = excess(trial, left)
        inside = found <= TOL
        rows[left[inside]] = trial[inside]
        low, high = np.where(inside, share, low), np.where(inside, high, share)
        # An end that stays twice counts half, so that the next step passes the root.
        weight = np.where(inside == was_inside, 0.5, 1)
        within = np.where(inside, found, weight * within)
        beyond = np.where(inside, weight * beyond, found)
        was_inside = inside
        going = (np.abs(found) > TOL) & (high - low > TOL * high)
    return rows


def far_to_infinite(rows):
    """Return rows with infinite entries for those that only `FAR` bounds."""
    # What is left of a difference of two such entries by rounding is as unbounded.
    return np.where(np.abs(rows) >= 1e-20 * FAR, np.copysign(np.inf, rows), rows)


def search_maximiser(tilted, beyond, guess):
    """Maximise linear functions over a convex set and a scalar constraint.

    The maximisers of the Lagrangian violate the constraint by less, the larger its
    multiplier. At a corner of the set they jump from one row to another. So the
    multiplier is found by bisection, and the maximiser is the point between the last
    rows on both sides at which the constraint, linear between them, is met: as both
    maximise the same Lagrangian, so does every point between them.

    Parameters
    ----------
    tilted : callable
        Takes multipliers and the positions of their rows, returns the maximisers of
        the Lagrangian, with entries of at most `FAR`.
    beyond : callable
        Takes rows and their positions, returns their violations of the constraint.
    guess : ndarray of shape (n_rows,)
        Multipliers to begin with; those that are 0 become 1.

    Returns
    -------
    rows : ndarray of shape (n_rows, n_features)
        The maximisers. Entries as large as `FAR` are unbounded. If the intersection is
        empty, rows that violate the constraint.
    """
    every = pending = np.arange(guess.shape[0])
    low, high = np.zeros(guess.shape[0]), np.where(guess > 0, guess, 1.0)
    outer = tilted(low, every)
    inner = outer.copy()
    for _ in range(LARGEST_POWER):
        inner[pending] = tilted(high[pending], pending)
        pending = pending[beyond(inner[pending], pending) > 0]
        if not pending.size:
            break
        outer[pending], low[pending] = inner[pending], high[pending]
        high[pending] *= 2
    for _ in range(N_HALVINGS):
        middle = (low + high) / 2
        trial = tilted(middle, every)
        out = beyond(trial, every) > 0
        outer = np.where(out[:, np.newaxis], trial, outer)
        inner = np.where(out[:, np.newaxis], inner, trial)
        low, high = np.where(out, middle, low), np.where(out, high, middle)
    above, below = beyond(outer, every), -beyond(inner, every)
    total = np.where(above + below > 0, above + below, 1)
    rows = (below / total)[:, np.newaxis] * outer
    rows += (above / total)[:, np.newaxis] * inner
    # A feature without any bounds: rounding leaves nothing of a mean of these.
    rows[(np.abs(inner) >= FAR) & (outer == -inner)] = FAR
    return np.where((below >= 0)[:, np.newaxis], rows, inner)
