"""One-hot encoded categories, and their relaxation to the probability simplex."""

import numpy as np

from skpoison.feasible_sets._base import ROUNDING
from skpoison.feasible_sets._checks import check_columns
from skpoison.feasible_sets._columnwise import GroupedSet
from skpoison.utils._texts import shown


class OneHot(GroupedSet):
    """Rows in which groups of features are one-hot: a single 1, the others 0.

    If two features of a group are equally near to 1, the first becomes 1. The
    relaxation is the probability simplex of each group: values that are not negative
    and sum to 1.

    Parameters
    ----------
    groups : list of array-like of int
        The column indices of each group, at least two. Groups do not share columns.

    Attributes
    ----------
    groups_ : list of ndarray of int
        The column indices of each group, checked.
    columns_ : ndarray of shape (n_columns,) of int
        The column indices of all groups.
    n_features_in_ : int
        Number of features seen in `fit`.

    Examples
    --------
    >>> from skpoison.feasible_sets import OneHot
    >>> colour = OneHot(groups=[[0, 1, 2]]).fit([[1, 0, 0, 7], [0, 0, 1, 8]])
    >>> colour.project([[0.3, 0.6, 0.5, 7.5]])
    array([[0. , 1. , 0. , 7.5]])
    >>> colour.relax().project([[0.3, 0.6, 0.4, 7.5]])
    array([[0.2, 0.5, 0.3, 7.5]])
    """

    kind = "discrete"
    _ties_columns = True
    _parameter_constraints: dict = {"groups": ["array-like"]}

    def __init__(self, groups):
        self.groups = groups

    def _fit(self, X, y):
        if any(np.ndim(group) == 0 for group in self.groups):
            raise ValueError(
                "`groups` must hold lists of column indices, one for each category; "
                f"got {shown(self.groups)}. Write [[0, 1]] for a single one."
            )
        self.groups_ = [check_columns("groups", g, X.shape[1]) for g in self.groups]
        for given, group in zip(self.groups, self.groups_, strict=True):
            if group.shape[0] < 2:
                raise ValueError(
                    "`groups` must have at least two columns each, one for each value "
                    f"of the category; got {shown(given)}. Leave such a group out."
                )
        self.columns_ = np.concatenate([np.empty(0, dtype=int), *self.groups_])
        columns, counts = np.unique(self.columns_, return_counts=True)
        if (counts > 1).any():
            raise ValueError(
                "`groups` must not share columns; got column "
                f"{columns[counts > 1][0]} more than once."
            )

    def _nearest(self, X, lower, upper):
        return self._group_by_group(self._nearest_of_group, X, lower, upper)

    def _furthest(self, direction, lower, upper):
        return self._group_by_group(self._furthest_of_group, direction, lower, upper)

    def _group_by_group(self, choose, X, lower, upper):
        rows = np.empty(X.shape)
        for group in self.groups_:
            rows[:, group] = choose(X[:, group], lower[:, group], upper[:, group])
        return rows[:, self.columns_]

    def _nearest_of_group(self, X, lower, upper):
        can_be_0, can_be_1 = (
            (lower <= value) & (value <= upper) for value in (0.0, 1.0)
        )
        others_can = can_be_0.sum(axis=1, keepdims=True) - can_be_0 == X.shape[1] - 1
        allowed = can_be_1 & others_can
        hot = np.where(allowed, X, -np.inf).argmax(axis=1)
        rows = (np.arange(X.shape[1]) == hot[:, np.newaxis]).astype(float)
        return np.where(allowed.any(axis=1, keepdims=True), rows, np.nan)

    def _furthest_of_group(self, direction, lower, upper):
        # All vertices have the same norm: the one nearest to a direction is also the
        # one that goes furthest in it.
        return self._nearest_of_group(direction, lower, upper)

    def _contains(self, X, start, y):
        inside = np.ones(X.shape[0], dtype=bool)
        for group in self.groups_:
            values = X[:, group]
            one_or_zero = ((values == 0) | (values == 1)).all(axis=1)
            inside &= one_or_zero & (values.sum(axis=1) == 1)
        return inside

    def _relax(self):
        return Simplex(self.groups).fit(np.zeros((1, self.n_features_in_)))


class Simplex(OneHot):
    """Rows in which groups of features are not negative and sum to 1."""

    kind = "convex"

    def _nearest_of_group(self, X, lower, upper):
        lower, upper, empty = self._simplex_bounds(lower, upper)
        # Projection onto the simplex within bounds (Duchi et al. 2008, with upper
        # bounds as in Wang & Lu 2015): the nearest row is clip(X - tau, lower, upper)
        # for the tau with which it sums to 1. As a function of tau this sum is
        # decreasing and piecewise linear: its slope becomes steeper by 1 at the tau
        # at which a feature leaves its upper bound, and flatter by 1 at the tau at
        # which one reaches its lower bound. So sort these breakpoints, accumulate the
        # sum over them, and interpolate in the last piece that begins at 1 or above.
        # Subtracting the largest value first keeps the digits of large X.
        X = X - X.max(axis=1, keepdims=True)
        breakpoints = np.concatenate([X - upper, X - lower], axis=1)
        slopes = np.repeat([[-1.0, 1.0]], X.shape[1], axis=1)
        order = breakpoints.argsort(axis=1)
        breakpoints = np.take_along_axis(breakpoints, order, axis=1)
        slopes = np.take_along_axis(
            np.broadcast_to(slopes, breakpoints.shape), order, axis=1
        ).cumsum(axis=1)
        changes = (slopes[:, :-1] * np.diff(breakpoints, axis=1)).cumsum(axis=1)
        sums = upper.sum(axis=1, keepdims=True) + np.insert(changes, 0, 0, axis=1)
        last = np.maximum((sums >= 1).sum(axis=1, keepdims=True) - 1, 0)
        begin, slope, above = (
            np.take_along_axis(values, last, axis=1)
            for values in (breakpoints, slopes, sums - 1)
        )
        tau = begin + np.where(slope < 0, above / np.where(slope < 0, -slope, 1), 0)
        return np.where(empty, np.nan, np.clip(X - tau, lower, upper))

    def _furthest_of_group(self, direction, lower, upper):
        lower, upper, empty = self._simplex_bounds(lower, upper)
        # What the lower bounds leave of 1 goes to the features in the order of their
        # direction, to each as much as its upper bound permits.
        order = (-direction).argsort(axis=1, kind="stable")
        room = np.take_along_axis(upper - lower, order, axis=1)
        left = 1 - lower.sum(axis=1, keepdims=True) - (room.cumsum(axis=1) - room)
        shares = np.empty(lower.shape)
        room = np.maximum(room, 0)  # where the bounds exclude one another
        np.put_along_axis(shares, order, np.clip(left, 0, room), axis=1)
        return np.where(empty, np.nan, lower + shares)

    def _simplex_bounds(self, lower, upper):
        """Return the bounds within [0, 1], and whether no row between sums to 1."""
        lower, upper = np.maximum(lower, 0), np.minimum(upper, 1)
        empty = (
            (lower > upper).any(axis=1)
            | (lower.sum(axis=1) > 1 + ROUNDING)
            | (upper.sum(axis=1) < 1 - ROUNDING)
        )
        return lower, upper, empty[:, np.newaxis]

    def _contains(self, X, start, y):
        inside = np.ones(X.shape[0], dtype=bool)
        for group in self.groups_:
            values = X[:, group]
            inside &= (values >= -ROUNDING).all(axis=1)
            inside &= np.abs(values.sum(axis=1) - 1) <= ROUNDING
        return inside

    def _relax(self):
        return self
