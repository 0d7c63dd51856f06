"""Sets with one scalar constraint, and projection onto their intersection with others.

A ball and a slab are the rows at which one convex function of the row is at most 0.
With a Lagrange multiplier for this function, the nearest row that also lies in another
set K is the row of K nearest to a point on a line segment. The segment begins at the
row itself (multiplier 0) and ends at an anchor: the centre of the ball, or a point far
down the normal of the slab. So the projection is a search for one number, and, as it
needs no more of K than the projection onto it, such searches can be nested.
"""

from abc import abstractmethod

import numpy as np

from skpoison.feasible_sets._base import BaseFeasibleSet, take

# Relative accuracy to which the constraint is met.
TOL = 1e-12


class ConstraintSet(BaseFeasibleSet):
    """Base class of sets with one scalar constraint.

    A subclass implements `_project`, `_contains`, `_excess`, `_segment` and
    `_maximise_within`.
    """

    kind = "convex"
    _role = "constraint"

    @abstractmethod
    def _excess(self, X, start, y):
        """Return by how much each row violates the constraint, relative to its size.

        0 on the boundary of the set, negative within it.
        """

    @abstractmethod
    def _segment(self, X, rows, nearest, start, y):
        """Return where to search for the multiplier, for rows outside the set.

        `rows` are the rows that another set has nearest to X, and `nearest` projects
        onto that set.

        Returns
        -------
        anchor : ndarray of shape (n_rows, n_features)
            The ends of the segments. The row nearest to the anchor satisfies the
            constraint if any row of the other set does.
        excess : callable
            Takes rows and their positions in X, returns by how much they violate the
            constraint. It does not decrease from the anchor to X.
        """

    @abstractmethod
    def _maximise_within(self, direction, nearest, furthest, start, y):
        """Return maximisers over the intersection with another convex set.

        `nearest` and `furthest` project onto that set, and maximise over it. Both take
        rows, and the positions of these rows in `direction`.
        """


def project_with_constraint(constraint, nearest, X, start, y):
    """Project onto the intersection of a set and a scalar constraint.

    The violation does not increase along the segment from a row to its anchor, so
    that the multiplier is a root, found by the Illinois variant of regula falsi
    (Dowell & Jarratt 1971).

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

    anchor, excess_of = constraint._segment(
        X[left], rows[left], nearest_of_left, take(start, left), take(y, left)
    )
    rows[left] = search_segment(
        nearest_of_left, excess_of, X[left], anchor, excess[left]
    )
    return rows


def search_segment(nearest, excess, X, anchor, beyond):
    """Return the row nearest to the last point of a segment to satisfy a constraint.

    Parameters
    ----------
    nearest : callable
        Takes points and the positions of their rows, returns the nearest rows.
    excess : callable
        Takes rows and their positions, returns their violations of the constraint.
    X : ndarray of shape (n_rows, n_features)
        The beginnings of the segments, where the constraint is violated.
    anchor : ndarray of shape (n_rows, n_features)
        Their ends.
    beyond : ndarray of shape (n_rows,)
        The violations of the rows nearest to X.

    Returns
    -------
    rows : ndarray of shape (n_rows, n_features)
        Rows on the boundary; those nearest to `anchor` if they violate the constraint.
    """
    left = np.arange(X.shape[0])
    rows = nearest(anchor, left)
    within = excess(rows, left)
    # The share of X in the point searched lies between low, which satisfies the
    # constraint, and high, which violates it.
    low, high = np.zeros(left.shape[0]), np.ones(left.shape[0])
    was_inside = np.full(left.shape[0], -1)
    going = within < 0
    while going.any():
        left, low, high, within, beyond, was_inside = (
            values[going] for values in (left, low, high, within, beyond, was_inside)
        )
        share = low - within * (high - low) / (beyond - within)
        column = share[:, np.newaxis]
        trial = nearest(column * X[left] + (1 - column) * anchor[left], left)
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
