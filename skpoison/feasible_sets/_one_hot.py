"""Which features together encode a category?"""

import numpy as np

from skpoison.feasible_sets._base import check_columns
from skpoison.feasible_sets._columnwise import GroupedSet

# How far a sum of shares may be from 1 by rounding.
ROUNDING = 1e-9


class OneHot(GroupedSet):
    """Rows of which some groups of features are one-hot: a single 1, the others 0.

    Where two features of a group are equally near to 1, the first becomes 1. The
    relaxation lets the features of a group be shares, that is not negative and with the
    sum 1.

    Parameters
    ----------
    groups : list of array-like of int
        For each group the positions of its features, at least two. No two groups share
        a feature.

    Attributes
    ----------
    groups_ : list of ndarray of int
        The same, checked.
    columns_ : ndarray of shape (n_columns,) of int
        The features of all groups.
    n_features_in_ : int
        Number of features seen.

    Examples
    --------
    >>> from skpoison.feasible_sets import OneHot
    >>> colour = OneHot(groups=[[0, 1, 2]]).fit([[1, 0, 0, 7], [0, 0, 1, 8]])
    >>> colour.project([[0.3, 0.6, 0.5, 7.5]])
    array([[0. , 1. , 0. , 7.5]])
    >>> colour.relax().project([[0.3, 0.6, 0.4, 7.5]])
    array([[0.2, 0.5, 0.3, 7.5]])
    """

    _parameter_constraints: dict = {"groups": ["array-like"]}

    def __init__(self, groups):
        self.groups = groups

    def _fit(self, X):
        self.groups_ = [check_columns("groups", g, X.shape[1]) for g in self.groups]
        for given, group in zip(self.groups, self.groups_, strict=True):
            if group.shape[0] < 2:
                raise ValueError(
                    f"groups has {given!r} in it, but a category has at least two "
                    "values: give the columns of all of them, or leave the group out."
                )
        self.columns_ = np.concatenate([np.empty(0, dtype=int), *self.groups_])
        columns, counts = np.unique(self.columns_, return_counts=True)
        if (counts > 1).any():
            raise ValueError(
                f"groups has column {columns[counts > 1][0]} more than once: a column "
                "belongs to one category."
            )

    def _nearest(self, X, lower, upper):
        rows = np.empty(X.shape)
        for group in self.groups_:
            rows[:, group] = self._nearest_of_group(
                X[:, group], lower[:, group], upper[:, group]
            )
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

    def _contains(self, X, start):
        inside = np.ones(X.shape[0], dtype=bool)
        for group in self.groups_:
            values = X[:, group]
            one_or_zero = ((values == 0) | (values == 1)).all(axis=1)
            inside &= one_or_zero & (values.sum(axis=1) == 1)
        return inside

    def _relax(self):
        return Shares(self.groups).fit(np.zeros((1, self.n_features_in_)))


class Shares(OneHot):
    """Rows of which some groups of features are not negative and sum up to 1."""

    def _nearest_of_group(self, X, lower, upper):
        lower, upper = np.maximum(lower, 0), np.minimum(upper, 1)
        empty = (
            (lower > upper).any(axis=1)
            | (lower.sum(axis=1) > 1 + ROUNDING)
            | (upper.sum(axis=1) < 1 - ROUNDING)
        )
        # The nearest row is clip(X - tau) for the tau with which it sums up to 1. The
        # sum falls along tau, and bends where a feature leaves one of its bounds.
        X = X - X.max(axis=1, keepdims=True)
        bends = np.concatenate([X - upper, X - lower], axis=1)
        slopes = np.repeat([[-1.0, 1.0]], X.shape[1], axis=1)
        order = bends.argsort(axis=1)
        bends = np.take_along_axis(bends, order, axis=1)
        slopes = np.take_along_axis(
            np.broadcast_to(slopes, bends.shape), order, axis=1
        ).cumsum(axis=1)
        falls = (slopes[:, :-1] * np.diff(bends, axis=1)).cumsum(axis=1)
        sums = upper.sum(axis=1, keepdims=True) + np.insert(falls, 0, 0, axis=1)
        last = np.maximum((sums >= 1).sum(axis=1, keepdims=True) - 1, 0)
        bend, slope, above = (
            np.take_along_axis(values, last, axis=1)
            for values in (bends, slopes, sums - 1)
        )
        tau = bend + np.where(slope < 0, above / np.where(slope < 0, -slope, 1), 0)
        return np.where(empty[:, np.newaxis], np.nan, np.clip(X - tau, lower, upper))

    def _contains(self, X, start):
        inside = np.ones(X.shape[0], dtype=bool)
        for group in self.groups_:
            values = X[:, group]
            inside &= (values >= -ROUNDING).all(axis=1)
            inside &= np.abs(values.sum(axis=1) - 1) <= ROUNDING
        return inside

    def _relax(self):
        return self
