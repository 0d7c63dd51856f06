"""Joint projection onto sets that restrict columns, or groups of columns, separately.

Such sets are projected onto together, exactly: their bounds are intersected, and each
column or group then takes the nearest of its values between the bounds. If the number
of non-zeros is limited as well, the columns that gain most by not being 0 keep their
values, and the others become 0. A linear function is maximised over the sets in the
same way.
"""

from abc import abstractmethod

import numpy as np

from skpoison.feasible_sets._base import BaseFeasibleSet


class BoundedSet(BaseFeasibleSet):
    """Base class of sets that bound each column.

    A subclass implements `_bounds`.
    """

    kind = "convex"
    _role = "bounds"

    @abstractmethod
    def _bounds(self, start, y):
        """Return lower and upper bounds that broadcast against the rows."""

    def _project(self, X, start, y):
        return np.clip(X, *self._bounds(start, y))

    def _contains(self, X, start, y):
        lower, upper = self._bounds(start, y)
        return ((lower <= X) & (upper >= X)).all(axis=1)

    def _maximise(self, direction, start, y):
        return furthest_between(direction, *self._bounds(start, y))


class GroupedSet(BaseFeasibleSet):
    """Base class of sets that restrict single columns or disjoint groups of columns.

    A subclass implements `_nearest` and `_furthest`, and a `_fit` that sets
    `columns_`, the columns that are restricted.
    """

    _role = "columns"
    # Whether the values of a column depend on those of others.
    _ties_columns = False

    @abstractmethod
    def _nearest(self, X, lower, upper):
        """Return the nearest values of the restricted columns between bounds.

        All arguments are of the shape of X. NaN if there are none.
        """

    @abstractmethod
    def _furthest(self, direction, lower, upper):
        """Return the values between bounds that go furthest in a direction, or NaN."""

    def _project(self, X, start, y):
        rows, bound = X.copy(), np.full(X.shape, np.inf)
        rows[:, self.columns_] = self._nearest(X, -bound, bound)
        return rows

    def _maximise(self, direction, start, y):
        bound = np.full(direction.shape, np.inf)
        rows = furthest_between(direction, -bound, bound)
        rows[:, self.columns_] = self._furthest(direction, -bound, bound)
        return rows


def furthest_between(direction, lower, upper):
    """Return the ends of intervals to which directions point; near 0 if to neither."""
    rows = np.where(direction > 0, upper, lower)
    return np.where(direction == 0, np.clip(0.0, lower, upper), rows)


def keep_largest(rows, gains, forced, n_kept):
    """Set all but some values of each row to 0, those that gain most by staying.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features)
        The values. They are written to.
    gains : ndarray of shape (n_rows, n_features)
        What the objective gains by a value, instead of 0. Of equal gains, those of the
        first columns count.
    forced : ndarray of shape (n_rows, n_features) of bool
        Which values cannot become 0.
    n_kept : int
        The largest number of non-zeros of a row; at least the number forced.
    """
    excess = np.count_nonzero(rows, axis=1) > n_kept
    if not excess.any():
        return
    gains = np.where(rows[excess] != 0, gains[excess], 0)
    gains = np.minimum(gains, np.finfo(float).max)
    gains[forced[excess]] = np.inf
    last = gains.shape[1] - n_kept
    threshold = np.partition(gains, last, axis=1)[:, last, np.newaxis]
    above, equal = gains > threshold, gains == threshold
    room = n_kept - above.sum(axis=1, keepdims=True)
    kept = above | equal & (equal.cumsum(axis=1) <= room)
    rows[excess] = np.where(kept, rows[excess], 0)


class Columnwise:
    """Projection onto the intersection of bounded, grouped and sparse sets.

    Parameters
    ----------
    bounded : list of (str, BoundedSet) tuples
        Names and sets.
    grouped : list of (str, GroupedSet) tuples
        Names and sets. Of a column in several of them the last one decides.
    sparse : list of (str, Sparse) tuples
        Names and sets.
    start : ndarray of shape (n_rows, n_features) or None
        The rows from which the attack started.
    y : ndarray of shape (n_rows,) or None
        The labels of the rows.

    Raises
    ------
    ValueError
        If a lower bound exceeds an upper bound.
    """

    def __init__(self, bounded, grouped, sparse, start, y):
        self.bounded, self.grouped = bounded, grouped
        # The strictest of the limits on non-zeros, with its name.
        limits = [(each.max_nonzero_, name) for name, each in sparse]
        self.limit = min(limits, default=None)
        self.lower, self.upper = np.array(-np.inf), np.array(np.inf)
        bounds = [(name, *each._bounds(start, y)) for name, each in bounded]
        for _, lower, upper in bounds:
            self.lower = np.maximum(self.lower, lower)
            self.upper = np.minimum(self.upper, upper)
        crossed = np.argwhere(self.lower > self.upper)
        if crossed.size:
            *row, j = crossed[0]
            at = (*row, j)
            place = f"for feature {j}" + "".join(f" of row {i}" for i in row)
            lower, upper = self.lower[at], self.upper[at]
            shape = self.lower.shape
            by = [
                next(n for n, *b in bounds if np.broadcast_to(b[side], shape)[at] == v)
                for side, v in enumerate((lower, upper))
            ]
            raise ValueError(
                f"The intersection is empty: {place} {by[0]!r} requires at least "
                f"{lower:g}, and {by[1]!r} at most {upper:g}."
            )

    def project(self, X, indices):
        """Project rows.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features)
            The rows.
        indices : ndarray of shape (n_rows,) of int
            Their positions in `start`.

        Returns
        -------
        X : ndarray of shape (n_rows, n_features)

        Raises
        ------
        ValueError
            If no row satisfies all of the sets.
        """
        lower, upper = self._bounds_of(indices)
        rows = np.clip(X, lower, upper)
        rows = self._fill(rows, indices, lambda each, *b: each._nearest(X, *b))
        if self.limit is not None:
            # By how much (x - 0)^2 exceeds (x - value)^2.
            self._limit(rows, rows * (2 * X - rows), indices)
        return rows

    def maximise(self, direction, indices):
        """Return the rows that go furthest in directions; infinite if unbounded.

        Parameters
        ----------
        direction : ndarray of shape (n_rows, n_features)
            The directions.
        indices : ndarray of shape (n_rows,) of int
            The positions of the rows in `start`.

        Returns
        -------
        X : ndarray of shape (n_rows, n_features)
        """
        rows = furthest_between(direction, *self._bounds_of(indices))
        rows = self._fill(rows, indices, lambda each, *b: each._furthest(direction, *b))
        if self.limit is not None:
            # A column in which the direction is 0 may be infinite only if it must be.
            gains = direction * np.where(direction == 0, 0, rows)
            self._limit(rows, gains, indices)
        return rows

    def _bounds_of(self, indices):
        return (b[indices] if b.ndim == 2 else b for b in (self.lower, self.upper))

    def _fill(self, rows, indices, values_of):
        """Set the columns of the grouped sets."""
        lower, upper = (
            np.broadcast_to(b, rows.shape) for b in self._bounds_of(indices)
        )
        for name, each in self.grouped:
            values = values_of(each, lower, upper)
            none = np.flatnonzero(np.isnan(values).any(axis=1))
            if none.size:
                others = ", ".join(repr(other) for other, _ in self.bounded)
                raise ValueError(
                    f"The intersection is empty: {name!r} has no value for row "
                    f"{indices[none[0]]} between the bounds of {others}."
                )
            rows[:, each.columns_] = values
        return rows

    def _limit(self, rows, gains, indices):
        """Set values to 0 until no row has too many non-zeros."""
        n_kept, name = self.limit
        lower, upper = (
            np.broadcast_to(b, rows.shape) for b in self._bounds_of(indices)
        )
        forced = (lower > 0) | (upper < 0)
        for _, each in self.grouped:
            if each._ties_columns:
                # One of each group is 1, whichever it is.
                forced[:, each.columns_] = rows[:, each.columns_] != 0
        short = np.flatnonzero(forced.sum(axis=1) > n_kept)
        if short.size:
            others = ", ".join(repr(n) for n, _ in [*self.bounded, *self.grouped])
            raise ValueError(
                f"The intersection is empty: {name!r} permits {n_kept} non-zeros, but "
                f"{others} require {forced[short[0]].sum()} for row "
                f"{indices[short[0]]}."
            )
        keep_largest(rows, gains, forced, n_kept)
