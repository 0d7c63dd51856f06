r"""Differentiation through the scalers of a pipeline.

A victim fits its scalers on clean and poisoned rows together. One or several scalers
are an affine map of each column,

.. math::

    z = (x - M) / S ,

whose shift M and scale S are functions of the rows that the scalers are fitted on. All
scalers of scikit-learn take both of a few statistics T of the column
(:mod:`skpoison.bilevel.differentiation.column_statistics`), which are equivariant:
:math:`T((x - M) / S) = (T(x) - M) / S`. So a scaler that follows others *replaces* what
they did: one that centres by T sets M to T, one that divides by the range of what it
sees sets S to the range of x. M and S of the whole chain are linear combinations of
statistics of the raw column:

======================== ========================== ===================================
scaler                   M                          S
======================== ========================== ===================================
StandardScaler           mean                       standard deviation
MinMaxScaler(a, b)       minimum - a S              (maximum - minimum) / (b - a)
MaxAbsScaler             as it was                  max(maximum - M, M - minimum)
RobustScaler             median                     difference of two quantiles
======================== ========================== ===================================

and a scaler that is told not to centre, or not to scale, leaves M or S as it was.

With :math:`G_i = \partial A / \partial z_i` of a goal A in all scaled rows, those that
the goal is measured on included,

.. math::

    \frac{\partial A}{\partial M} = - \frac1S \sum_i G_i, \qquad
    \frac{\partial A}{\partial S} = - \frac1S \sum_i G_i z_i, \qquad
    \frac{d A}{d x_p} = \frac{G_p}{S}
        + \sum_T \Bigl( \frac{\partial A}{\partial M} \frac{\partial M}{\partial T}
        + \frac{\partial A}{\partial S} \frac{\partial S}{\partial T} \Bigr)
        \frac{\partial T}{\partial x_p} ,

column by column. Beside the gradients of the poison rows only two sums over all rows
are needed, a :class:`~skpoison.bilevel.learners.columns.ColumnGradient`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy import sparse

from skpoison.bilevel.differentiation.column_statistics import (
    ColumnStatistics,
    FixedRows,
    Statistic,
)
from skpoison.bilevel.learners.columns import ColumnGradient

EPS = np.finfo(np.float64).eps
# Scales below this are those of a constant column, for scikit-learn too.
CONSTANT = 10 * EPS


@dataclass(frozen=True)
class Combination:
    """A linear combination of statistics of each column.

    Parameters
    ----------
    value : ndarray of shape (n_features,)
        Its value.
    parts : dict of Statistic to ndarray of shape (n_features,)
        What each statistic is multiplied with. A constant has none.
    """

    value: np.ndarray
    parts: dict[Statistic, np.ndarray] = field(default_factory=dict)

    def __add__(self, other: "Combination") -> "Combination":
        """Add another combination."""
        parts = dict(self.parts)
        for name, coefficient in other.parts.items():
            parts[name] = parts.get(name, 0.0) + coefficient
        return Combination(self.value + other.value, parts)

    def __mul__(self, factor: np.ndarray | float) -> "Combination":
        """Multiply with one number for each column."""
        parts = {name: factor * part for name, part in self.parts.items()}
        return Combination(factor * self.value, parts)

    def __sub__(self, other: "Combination") -> "Combination":
        """Subtract another combination."""
        return self + other * -1.0

    def where(self, chosen: np.ndarray, other: "Combination") -> "Combination":
        """Take this combination in some columns, and another one in the others."""
        if chosen.all():
            return self
        return self * (1.0 * chosen) + other * (1.0 * ~chosen)


@dataclass(frozen=True)
class AffineMap:
    """An affine map of columns, as a function of their statistics.

    Parameters
    ----------
    shift, scale : Combination
        Rows x become (x - shift) / scale.
    bounds : tuple of Combination or None, default=None
        Between which x is clipped before.
    """

    shift: Combination
    scale: Combination
    bounds: tuple[Combination, Combination] | None = None


class ScalingStep(ABC):
    """A scaler before it is fitted."""

    @abstractmethod
    def follow(
        self, before: AffineMap, statistics: ColumnStatistics, get: Callable
    ) -> AffineMap:
        """Compose the scaler with those before it.

        Parameters
        ----------
        before : AffineMap
            What the scalers before it do.
        statistics : ColumnStatistics
            Those of the raw rows.
        get : callable
            Takes the name of a statistic of the raw columns and returns it as a
            Combination.

        Returns
        -------
        after : AffineMap
        """


@dataclass(frozen=True)
class Standardisation(ScalingStep):
    """Subtraction of the mean and division by the standard deviation.

    Parameters
    ----------
    with_mean, with_std : bool, default=True
        Whether the mean is subtracted, and whether the deviation is divided by.
    """

    with_mean: bool = True
    with_std: bool = True

    def follow(self, before, statistics, get):
        """Compose with the scalers before."""
        shift, scale = before.shift, before.scale
        if self.with_std:
            std, n = get("std"), statistics.total
            # Constant as scikit-learn's `_is_constant_feature` has it, both for the
            # columns as they are and as earlier scalers left them.
            mean = np.abs(get("mean").value)
            mean = np.maximum(mean, np.abs(mean - shift.value)) / scale.value
            variance = (std.value / scale.value) ** 2
            moves = variance > n * EPS * variance + (n * mean * EPS) ** 2
            scale = std.where(moves, scale)
        return AffineMap(get("mean") if self.with_mean else shift, scale, before.bounds)


@dataclass(frozen=True)
class RangeScaling(ScalingStep):
    """Map of the range of each column to a given interval.

    Parameters
    ----------
    low, high : float
        The interval.
    clip : bool, default=False
        Whether rows that were not fitted are clipped to it.
    """

    low: float = 0.0
    high: float = 1.0
    clip: bool = False

    def follow(self, before, statistics, get):
        """Compose with the scalers before."""
        low, high = get("min"), get("max")
        extent = high - low
        moves = extent.value >= CONSTANT * before.scale.value
        extent = extent.where(moves, before.scale)
        scale = extent * (1 / (self.high - self.low))
        bounds = before.bounds
        if self.clip:
            # Not low + extent for all columns: rounding must not clip the maximum.
            bounds = low, high.where(moves, low + extent)
        return AffineMap(low - scale * self.low, scale, bounds)


@dataclass(frozen=True)
class LargestScaling(ScalingStep):
    """Division by the largest absolute value."""

    def follow(self, before, statistics, get):
        """Compose with the scalers before."""
        low, high = before.shift - get("min"), get("max") - before.shift
        largest = high.where(high.value >= low.value, low)
        moves = largest.value >= CONSTANT * before.scale.value
        return AffineMap(
            before.shift, largest.where(moves, before.scale), before.bounds
        )


@dataclass(frozen=True)
class QuantileScaling(ScalingStep):
    """Subtraction of the median and division by the difference of two quantiles.

    Parameters
    ----------
    with_centering, with_scaling : bool, default=True
        Whether the median is subtracted, and whether the difference is divided by.
    low, high : float, default=0.25, 0.75
        The levels of the quantiles.
    unit : float, default=1.0
        What the difference is divided by.
    """

    with_centering: bool = True
    with_scaling: bool = True
    low: float = 0.25
    high: float = 0.75
    unit: float = 1.0

    def follow(self, before, statistics, get):
        """Compose with the scalers before."""
        shift, scale = before.shift, before.scale
        if self.with_scaling:
            extent = get(self.high) - get(self.low)
            moves = extent.value >= CONSTANT * scale.value
            scale = extent.where(moves, scale) * (1 / self.unit)
        shift = get(0.5) if self.with_centering else shift
        return AffineMap(shift, scale, before.bounds)


class ColumnScaler:
    """Scalers that are fitted on fixed rows and on poison rows together.

    Parameters
    ----------
    steps : sequence of ScalingStep
        The scalers, in order.
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        The fixed rows, as they are.
    weights : ndarray of shape (n_samples,), default=None
        Their weights, where a poison row has 1. None: 1.
    """

    def __init__(self, steps, X: np.ndarray, weights: np.ndarray | None = None) -> None:
        self.steps = tuple(steps)
        self.fixed = FixedRows(X, weights)

    def fit(self, X_poison: np.ndarray | None = None) -> "Scaling":
        """Fit the scalers.

        Parameters
        ----------
        X_poison : ndarray of shape (n_poison, n_features), default=None
            The poison rows, of weight 1. None: there are none.

        Returns
        -------
        scaling : Scaling
        """
        n_features = self.fixed.X.shape[1]
        if X_poison is None:
            X_poison = np.empty((0, n_features))
        statistics = ColumnStatistics(self.fixed, X_poison)

        def get(name: Statistic) -> Combination:
            return Combination(statistics.value(name), {name: np.ones(n_features)})

        affine = AffineMap(
            Combination(np.zeros(n_features)), Combination(np.ones(n_features))
        )
        for step in self.steps:
            affine = step.follow(affine, statistics, get)
        return Scaling(affine, statistics)


class Scaling:
    """Fitted scalers.

    Parameters
    ----------
    affine : AffineMap
        What they do to the columns.
    statistics : ColumnStatistics
        Of the rows that they were fitted on.

    Attributes
    ----------
    shift, scale : ndarray of shape (n_features,)
        Rows x become (x - shift) / scale.
    """

    def __init__(self, affine: AffineMap, statistics: ColumnStatistics) -> None:
        self.affine, self.statistics = affine, statistics
        self.shift, self.scale = affine.shift.value, affine.scale.value
        self.is_centred = bool(self.shift.any())

    def transform(self, X: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Scale rows that the scalers were fitted on.

        Parameters
        ----------
        X : {ndarray, sparse matrix} of shape (n_rows, n_features)
            The rows.
        out : ndarray of shape (n_rows, n_features), default=None
            Where dense rows are written to.

        Returns
        -------
        X : {ndarray, csr matrix} of shape (n_rows, n_features)
        """
        if sparse.issparse(X):
            X = X.tocsr()
            data = X.data * (1 / self.scale)[X.indices]
            return type(X)((data, X.indices, X.indptr), shape=X.shape)
        if self.is_centred:
            out = np.subtract(X, self.shift, out=out)
            X = out
        return np.multiply(X, 1 / self.scale, out=out)

    def transform_new(
        self, X: np.ndarray
    ) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray] | None]:
        """Scale rows that the scalers were not fitted on, which may be clipped.

        Parameters
        ----------
        X : {ndarray, sparse matrix} of shape (n_rows, n_features)
            The rows.

        Returns
        -------
        X : {ndarray, csr matrix} of shape (n_rows, n_features)
            The rows, scaled.
        clipped : tuple of ndarray of shape (n_rows, n_features) of bool, or None
            Where they were below and where above the bounds; None where nowhere.
        """
        if self.affine.bounds is None:
            return self.transform(X), None
        low, high = (bound.value for bound in self.affine.bounds)
        below, above = np.less(X, low), np.greater(X, high)
        if not (below.any() or above.any()):
            return self.transform(X), None
        return self.transform(np.clip(X, low, high)), (below, above)

    def pull_back(
        self,
        gradient: np.ndarray,
        columns: ColumnGradient,
        rows: slice = slice(None),
    ) -> np.ndarray:
        """Turn a gradient in scaled rows into one in the poison rows as they are.

        Parameters
        ----------
        gradient : ndarray of shape (n_rows, n_features)
            The gradient of the goal in poison rows, scaled and with the scalers held.
        columns : ColumnGradient
            Of the goal, summed over all rows that it depends on.
        rows : slice, default=slice(None)
            Which of the poison rows these are.

        Returns
        -------
        gradient : ndarray of shape (n_rows, n_features)
        """
        gradient = gradient / self.scale
        for name, slope in self._in_statistics(columns).items():
            gradient += self.statistics.vjp(name, slope, rows)
        return gradient

    def weight_gradient(self, X: np.ndarray, columns: ColumnGradient) -> np.ndarray:
        """Compute the gradient in the weights that rows have for the scalers.

        Parameters
        ----------
        X : {ndarray, sparse matrix} of shape (n_rows, n_features)
            The rows, as they are.
        columns : ColumnGradient
            Of the goal, summed over all rows that it depends on.

        Returns
        -------
        gradient : ndarray of shape (n_rows,)
        """
        gradient = np.zeros(X.shape[0])
        for name, slope in self._in_statistics(columns).items():
            gradient += self.statistics.weight_gradient(name, slope, X)
        return gradient

    def _in_statistics(self, columns: ColumnGradient) -> dict[Statistic, np.ndarray]:
        """Compute the derivatives of the goal in the statistics of each column."""
        affine, total = self.affine, {}
        upstream = [
            (affine.shift, -columns.shift / self.scale),
            (affine.scale, -columns.scale / self.scale),
        ]
        if affine.bounds is not None:
            low, high = affine.bounds
            upstream.append((low, columns.below / self.scale))
            upstream.append((high, columns.above / self.scale))
        for combination, slope in upstream:
            for name, part in combination.parts.items():
                total[name] = total.get(name, 0.0) + slope * part
        return total
