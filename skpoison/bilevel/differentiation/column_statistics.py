r"""Weighted statistics of columns, and their derivatives in rows that are added.

A scaler is fitted on n fixed rows with weights :math:`w_i` and on m added rows
:math:`x_p` of weight 1. With :math:`w = \sum_i w_i + m`, the statistics of one column
and their derivatives are

.. math::

    \mu &= \tfrac1w \sum_i w_i x_i, & \partial \mu / \partial x_p &= 1 / w, \\
    \sigma^2 &= \tfrac1w \sum_i w_i (x_i - \mu)^2,
        & \partial \sigma / \partial x_p &= (x_p - \mu) / (w \sigma) ,

where the sums go over fixed and added rows. The sums over the fixed rows are computed
once; those of the added rows are merged into them (Chan, Golub and LeVeque 1983,
Equation 1.5), without a loss of digits where the mean is large.

**The quantile** of level q is, with rows in increasing order and with
:math:`C_k = w_1 + \dots + w_k`,

.. math::

    Q = \sum_k \bigl| [h, h + 1] \cap [C_{k-1}, C_k] \bigr| \, x_{(k)}, \qquad
    h = q \, (w - 1) ,

the mean over a window of length 1 of the step function in which each row is as wide as
its weight. For weights of 1 it is the linear interpolation of order statistics that
:func:`numpy.quantile` computes (Hyndman and Fan 1996, type 7), and for whole weights
that of repeated rows. Its derivative in a row is the row's share of the window.

**Where there is no derivative**: at a minimum or maximum which a fixed row attains too,
the derivative is 0, that of a step inwards; in a box around the fixed rows there is no
other. Added rows that attain it together share it. A row that ties with others at a
quantile has the mean of its derivatives upwards and downwards. The standard deviation
of a constant column has the derivative 0.
"""

from collections.abc import Callable
from functools import cached_property

import numpy as np
from scipy import sparse
from sklearn.utils.sparsefuncs import mean_variance_axis, min_max_axis

# "mean", "std", "min", "max", or the level of a quantile, between 0 and 1.
Statistic = str | float


class FixedRows:
    """The rows of a training set that do not move.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        The rows.
    weights : ndarray of shape (n_samples,), default=None
        Their weights, 1 by default. Rows of weight 0 are left out.
    """

    def __init__(self, X: np.ndarray, weights: np.ndarray | None = None) -> None:
        weights = np.ones(X.shape[0]) if weights is None else weights
        if not (weights > 0).all():
            X, weights = X[weights > 0], weights[weights > 0]
        self.X, self.weights = X, weights
        self.total = float(weights.sum())
        # The last columns that were made dense: mostly the same ones are asked for.
        self._chosen: tuple[np.ndarray, FixedRows] | None = None

    @cached_property
    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """The mean and the sum of weighted squares around it, (n_features,) each."""
        if not self.X.shape[0]:
            return np.zeros(self.X.shape[1]), np.zeros(self.X.shape[1])
        if sparse.issparse(self.X):
            mean, variance = mean_variance_axis(self.X, 0, weights=self.weights)
            return mean, self.total * variance
        share = self.weights / self.total
        # Around one of the rows: columns far from 0 lose no digits.
        near = self.X[0] + share @ (self.X - self.X[0])
        centred = self.X - near
        rest = share @ centred
        return near + rest, self.weights @ centred**2 - self.total * rest**2

    @cached_property
    def extremes(self) -> tuple[np.ndarray, np.ndarray]:
        """The least and the largest value of each column, (n_features,) each."""
        if not self.X.shape[0]:
            ends = np.full(self.X.shape[1], np.inf)
            return ends, -ends
        if sparse.issparse(self.X):
            return min_max_axis(self.X, 0)
        return self.X.min(axis=0), self.X.max(axis=0)

    @cached_property
    def sorted(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Each column in increasing order, the weights in that order and their sums."""
        if (self.weights == self.weights[:1]).all():
            weights = self.weights[:, np.newaxis]
            return np.sort(self.X, axis=0), weights, np.cumsum(weights, axis=0)
        order = np.argsort(self.X, axis=0, kind="stable")
        values, weights = np.take_along_axis(self.X, order, axis=0), self.weights[order]
        return values, weights, np.cumsum(weights, axis=0)

    def columns(self, chosen: np.ndarray) -> "FixedRows":
        """Return some columns as dense rows.

        Parameters
        ----------
        chosen : ndarray of shape (n_chosen,) of int
            Their positions.

        Returns
        -------
        rows : FixedRows
        """
        if self._chosen is None or not np.array_equal(self._chosen[0], chosen):
            dense = self.X[:, chosen].toarray()
            self._chosen = chosen, FixedRows(dense, self.weights)
        return self._chosen[1]

    @cached_property
    def signs(self) -> tuple[np.ndarray, np.ndarray]:
        """The weights of negative and of positive values of a sparse column."""
        negative, positive = self.X < 0, self.X > 0
        return negative.T @ self.weights, positive.T @ self.weights


class ColumnStatistics:
    """The statistics of fixed and added rows.

    Parameters
    ----------
    fixed : FixedRows
        The fixed rows.
    added : ndarray of shape (n_added, n_features)
        The added rows, of weight 1.
    """

    def __init__(self, fixed: FixedRows, added: np.ndarray) -> None:
        self.fixed, self.added = fixed, added
        self.total = fixed.total + added.shape[0]
        self._quantiles: dict[float, tuple[np.ndarray, Callable]] = {}

    def value(self, name: Statistic) -> np.ndarray:
        """Compute a statistic of each column.

        Parameters
        ----------
        name : {"mean", "std", "min", "max"} or float
            The statistic; a float is the level of a quantile.

        Returns
        -------
        value : ndarray of shape (n_features,)
        """
        if name == "mean":
            return self._moments[0]
        if name == "std":
            return self._moments[1]
        if name in ("min", "max"):
            return self._extremes[name == "max"]
        return self._quantile(name)[0]

    def vjp(self, name: Statistic, upstream: np.ndarray, rows: slice) -> np.ndarray:
        """Pull a derivative in a statistic back to added rows.

        Parameters
        ----------
        name : {"mean", "std", "min", "max"} or float
            The statistic.
        upstream : ndarray of shape (n_features,)
            The derivative of some quantity in the statistic of each column.
        rows : slice
            The added rows in question.

        Returns
        -------
        gradient : ndarray of shape (n_rows, n_features), or one that broadcasts to it
        """
        added = self.added[rows]
        if name == "mean":
            return upstream / self.total
        if name == "std":
            mean, std = self._moments
            per_unit = self.total * std
            slope = np.divide(upstream, per_unit, np.zeros_like(std), where=std > 0)
            return (added - mean) * slope
        if name in ("min", "max"):
            is_max = name == "max"
            value, fixed = self._extremes[is_max], self.fixed.extremes[is_max]
            attained = self.added == value
            share = upstream / np.maximum(attained.sum(axis=0), 1)
            return np.where(attained[rows] & (value != fixed), share, 0.0)
        return upstream * self._quantile(name)[1]()[rows]

    def weight_gradient(
        self, name: Statistic, upstream: np.ndarray, X: np.ndarray
    ) -> np.ndarray | float:
        """Pull a derivative in a statistic back to the weights of rows.

        Those of extremes and quantiles are taken for 0: they are step functions of the
        rows that are left, and no derivative says how far they jump.

        Parameters
        ----------
        name : {"mean", "std", "min", "max"} or float
            The statistic.
        upstream : ndarray of shape (n_features,)
            The derivative of some quantity in the statistic of each column.
        X : {ndarray, sparse matrix} of shape (n_rows, n_features)
            The rows; they need not be among those that the statistics are of.

        Returns
        -------
        gradient : ndarray of shape (n_rows,), or 0
        """
        mean, std = self._moments
        if name == "mean":
            return (_centred_product(X, mean, upstream)) / self.total
        if name == "std":
            slope = np.divide(upstream, 2 * std, np.zeros_like(std), where=std > 0)
            squares = _centred_product(X, mean, slope, squared=True)
            return (squares - std**2 @ slope) / self.total
        return 0.0

    @cached_property
    def _moments(self) -> tuple[np.ndarray, np.ndarray]:
        """The mean and the standard deviation."""
        mean, squares = self.fixed.moments
        n_added, n_fixed = self.added.shape[0], self.fixed.total
        if n_added:
            of_added = self.added.mean(axis=0)
            gap = of_added - mean
            if not n_fixed:
                mean, gap = of_added, 0.0
            mean = mean + gap * (n_added / self.total)
            squares = squares + ((self.added - of_added) ** 2).sum(axis=0)
            squares = squares + gap**2 * (n_added * n_fixed / self.total)
        return mean, np.sqrt(np.maximum(squares, 0) / self.total)

    @cached_property
    def _extremes(self) -> tuple[np.ndarray, np.ndarray]:
        """The least and the largest value."""
        low, high = self.fixed.extremes
        if not self.added.shape[0]:
            return low, high
        return (
            np.minimum(low, self.added.min(axis=0)),
            np.maximum(high, self.added.max(axis=0)),
        )

    def _quantile(self, level: float) -> tuple[np.ndarray, Callable]:
        """Compute a quantile; also return a function that gives its derivative."""
        if level not in self._quantiles:
            compute = _sparse_quantile if sparse.issparse(self.fixed.X) else _quantile
            self._quantiles[level] = compute(self.fixed, self.added, level)
        return self._quantiles[level]


def _quantile(
    fixed: FixedRows, added: np.ndarray, level: float
) -> tuple[np.ndarray, Callable]:
    """Compute a quantile of dense columns, and a function giving its derivative."""
    n_added = added.shape[0]
    begin = level * (fixed.total + n_added - 1)
    values, weights, ends = fixed.sorted
    # Added rows shift fixed ones by at most n_added: those that stay outside of the
    # window in any case need not be merged.
    near = (ends >= begin - n_added - 1) & (ends - weights <= begin + 2)
    kept = np.flatnonzero(near.any(axis=1))
    first, last = (kept[0], kept[-1] + 1) if kept.size else (0, 0)
    values = values[first:last]
    before = ends[first - 1] if first else 0.0
    together = np.concatenate([values, added])
    all_weights = np.ones_like(together)
    all_weights[: values.shape[0]] = weights[first:last]
    of_added = np.arange(together.shape[0])[:, np.newaxis] >= values.shape[0]
    of_added = np.broadcast_to(of_added, together.shape)

    def shares(added_last: bool) -> np.ndarray:
        tie = of_added if added_last else ~of_added
        order = np.lexsort((tie, together), axis=0)
        widths = np.take_along_axis(all_weights, order, axis=0)
        upper = before + np.cumsum(widths, axis=0)
        inside = np.minimum(upper, begin + 1) - np.maximum(upper - widths, begin)
        out = np.empty_like(together)
        np.put_along_axis(out, order, np.maximum(inside, 0), axis=0)
        return out

    up = shares(True)
    # As a difference to a row within the window: a constant column stays one.
    reference = np.take_along_axis(together, up.argmax(axis=0)[np.newaxis], axis=0)[0]
    value = reference + (up * (together - reference)).sum(axis=0)

    def derivative() -> np.ndarray:
        return ((up + shares(False)) / 2)[values.shape[0] :]

    return value, derivative


def _sparse_quantile(
    fixed: FixedRows, added: np.ndarray, level: float
) -> tuple[np.ndarray, Callable]:
    """Compute a quantile of sparse columns, most of which have it among their zeros."""
    n_added = added.shape[0]
    begin = level * (fixed.total + n_added - 1)
    negative, positive = fixed.signs
    is_zero = negative + n_added < begin
    is_zero &= positive + n_added < fixed.total + n_added - (begin + 1)
    chosen = np.flatnonzero(~is_zero)
    value = np.zeros(added.shape[1])
    part, slopes = _quantile(fixed.columns(chosen), added[:, chosen], level)
    value[chosen] = part

    def derivative() -> np.ndarray:
        out = np.zeros(added.shape)
        out[:, chosen] = slopes()
        return out

    return value, derivative


def _centred_product(
    X: np.ndarray, mean: np.ndarray, slope: np.ndarray, *, squared: bool = False
) -> np.ndarray:
    """Multiply rows less the mean, or the squares of that, by a value a column."""
    if not sparse.issparse(X):
        centred = X - mean
        return (centred**2 if squared else centred) @ slope
    if not squared:
        return X @ slope - mean @ slope
    return X.multiply(X) @ slope - 2 * (X @ (mean * slope)) + mean**2 @ slope
