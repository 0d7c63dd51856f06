"""Which sets bind each column, or each group of columns, by itself?

Such sets are projected onto together, exactly: first bounds are intersected, then each
column or group looks for the nearest of its values between them.
"""

from abc import abstractmethod

import numpy as np

from skpoison.feasible_sets._base import BaseFeasibleSet


class BoundedSet(BaseFeasibleSet):
    """Base class of sets that bound each column.

    A subclass implements `_bounds`.
    """

    @abstractmethod
    def _bounds(self, start):
        """Give lower and upper bounds, that broadcast against rows."""

    def _project(self, X, start):
        return np.clip(X, *self._bounds(start))

    def _contains(self, X, start):
        lower, upper = self._bounds(start)
        return ((lower <= X) & (upper >= X)).all(axis=1)


class GroupedSet(BaseFeasibleSet):
    """Base class of sets that bind single columns or disjoint groups of columns.

    A subclass implements `_nearest`, and `_fit` such that it sets `columns_`, the
    columns bound.
    """

    @abstractmethod
    def _nearest(self, X, lower, upper):
        """Give the nearest values of the columns bound that lie between bounds.

        All arguments are of the shape of X. Where there are none, give NaN.
        """

    def _project(self, X, start):
        rows, bound = X.copy(), np.full(X.shape, np.inf)
        rows[:, self.columns_] = self._nearest(X, -bound, bound)
        return rows


class Columnwise:
    """Projection onto the intersection of bounded and grouped sets.

    Parameters
    ----------
    bounded : list of (str, BoundedSet) tuples
        Names and sets.
    grouped : list of (str, GroupedSet) tuples
        Names and sets. What a later one says of a column overrides an earlier one.
    start : ndarray of shape (n_rows, n_features) or None
        The rows from which the attack has set out.

    Raises
    ------
    ValueError
        If bounds exclude one another.
    """

    def __init__(self, bounded, grouped, start):
        self.bounded, self.grouped = bounded, grouped
        self.lower, self.upper = np.array(-np.inf), np.array(np.inf)
        bounds = [(name, *each._bounds(start)) for name, each in bounded]
        for _, lower, upper in bounds:
            self.lower = np.maximum(self.lower, lower)
            self.upper = np.minimum(self.upper, upper)
        crossed = np.argwhere(self.lower > self.upper)
        if crossed.size:
            *row, j = crossed[0]
            at = (*row, j)
            where = f"for feature {j}" + "".join(f" of row {i}" for i in row)
            lower, upper = self.lower[at], self.upper[at]
            shape = self.lower.shape
            by = [
                next(n for n, *b in bounds if np.broadcast_to(b[side], shape)[at] == v)
                for side, v in enumerate((lower, upper))
            ]
            raise ValueError(
                f"The intersection is empty: {where} {by[0]!r} asks for at least "
                f"{lower:g}, and {by[1]!r} for at most {upper:g}."
            )

    def project(self, X, where):
        """Find the nearest rows.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features)
            The rows.
        where : ndarray of shape (n_rows,) of int
            Their positions in `start`.

        Returns
        -------
        X : ndarray of shape (n_rows, n_features)

        Raises
        ------
        ValueError
            If there are none for some row.
        """
        lower, upper = (
            bound[where] if bound.ndim == 2 else bound
            for bound in (self.lower, self.upper)
        )
        rows = np.clip(X, lower, upper)
        lower, upper = (np.broadcast_to(bound, X.shape) for bound in (lower, upper))
        for name, each in self.grouped:
            nearest = each._nearest(X, lower, upper)
            none = np.flatnonzero(np.isnan(nearest).any(axis=1))
            if none.size:
                others = ", ".join(repr(other) for other, _ in self.bounded)
                raise ValueError(
                    f"The intersection is empty: {name!r} has no value for row "
                    f"{where[none[0]]} between the bounds of {others}."
                )
            rows[:, each.columns_] = nearest
        return rows
