"""Slab: bounds of a weighted sum of the features."""

from numbers import Real

import numpy as np

from skpoison.feasible_sets._base import ROUNDING
from skpoison.feasible_sets._checks import as_numbers
from skpoison.feasible_sets._constraint import (
    LARGEST_POWER,
    ConstraintSet,
    search_maximiser,
    segment,
)
from skpoison.utils._texts import shown


class Slab(ConstraintSet):
    """Rows whose weighted sum of features lies between two bounds.

    With weights of 1 it bounds a total. With the difference of two class means as
    weights it is the slab of [1]_, in which a row may go only so far from its class
    in the direction of another class.

    Parameters
    ----------
    normal : array-like of shape (n_features,)
        The weight of each feature: the normal vector of the two hyperplanes.
    lower, upper : float, default=None
        The bounds of the weighted sum. None takes its smallest and its largest value
        in the training rows. Infinity leaves a side open.

    Attributes
    ----------
    normal_ : ndarray of shape (n_features,)
        The weights, checked.
    lower_, upper_ : float
        The bounds.
    n_features_in_ : int
        Number of features seen in `fit`.

    See Also
    --------
    Box : Bounds each feature.

    References
    ----------
    .. [1] J. Steinhardt, P. W. Koh, P. Liang, "Certified Defenses for Data Poisoning
       Attacks", NeurIPS 2017.

    Examples
    --------
    >>> from skpoison.feasible_sets import Slab
    >>> total = Slab(normal=[1, 1], lower=0, upper=4).fit([[1.0, 2.0], [3.0, 8.0]])
    >>> total.project([[5.0, 1.0], [1.0, 2.0]])
    array([[4., 0.],
           [1., 2.]])
    """

    _parameter_constraints: dict = {
        "normal": ["array-like"],
        "lower": [Real, None],
        "upper": [Real, None],
    }

    def __init__(self, normal, lower=None, upper=None):
        self.normal = normal
        self.lower = lower
        self.upper = upper

    def _fit(self, X, y):
        self.normal_ = as_numbers("normal", self.normal)
        if self.normal_.shape != (X.shape[1],):
            raise ValueError(
                f"`normal` must have the shape ({X.shape[1]},), a weight for each "
                f"feature of X; got {self.normal_.shape}."
            )
        if not np.isfinite(self.normal_).all() or not self.normal_.any():
            raise ValueError(
                "`normal` must be finite, and not zero for all features; got "
                f"{shown(self.normal)}."
            )
        sums = X @ self.normal_
        self.lower_ = float(sums.min() if self.lower is None else self.lower)
        self.upper_ = float(sums.max() if self.upper is None else self.upper)
        if not self.lower_ <= self.upper_:
            raise ValueError(
                f"`lower` must not exceed `upper`; got {self.lower_:g} and "
                f"{self.upper_:g}: the slab is empty."
            )
        # The size of the terms of a sum, against which its rounding is measured.
        # (Of a copy: abs would sort the entries of a sparse matrix in place.)
        terms = abs(X.copy()) @ np.abs(self.normal_)
        bounds = np.abs([self.lower_, self.upper_])
        self._size = max(terms.max(), bounds[np.isfinite(bounds)].max(initial=0)) or 1.0

    def _project(self, X, start, y):
        sums = X @ self.normal_
        excess = sums - np.clip(sums, self.lower_, self.upper_)
        return X - np.outer(excess / (self.normal_ @ self.normal_), self.normal_)

    def _contains(self, X, start, y):
        terms = np.abs(X) @ np.abs(self.normal_)
        rounding = 8 * np.finfo(float).eps * terms / self._size
        return self._excess(X, start, y) <= ROUNDING + rounding

    def _maximise(self, direction, start, y):
        # Only along its normal is a slab bounded.
        along = direction @ self.normal_ / (self.normal_ @ self.normal_)
        parallel = np.outer(along, self.normal_)
        size = np.abs(direction).max(axis=1, keepdims=True)
        beside = np.abs(direction - parallel) > 1e-14 * size
        bound = np.where(along > 0, self.upper_, self.lower_)
        bound = np.where(along == 0, np.clip(0, self.lower_, self.upper_), bound)
        finite = np.isfinite(bound)
        steps = np.where(finite, bound, 0) / (self.normal_ @ self.normal_)
        rows = np.outer(steps, self.normal_)
        unbounded = beside | ~finite[:, np.newaxis] & (parallel != 0)
        return np.where(unbounded, np.copysign(np.inf, direction), rows)

    def _excess(self, X, start, y):
        sums = X @ self.normal_
        return np.maximum(sums - self.upper_, self.lower_ - sums) / self._size

    def _violated(self, rows):
        """Return for each row 1 above the slab, -1 below, and by how much."""
        sums = rows @ self.normal_
        excess = sums - np.clip(sums, self.lower_, self.upper_)
        return np.sign(excess), np.abs(excess)

    def _path(self, X, rows, nearest, start, y):
        side, excess = self._violated(rows)
        bound = np.where(side > 0, self.upper_, self.lower_)

        def beyond(rows, among):
            sums = rows @ self.normal_
            return side[among] * (sums - bound[among]) / self._size

        # The multiplier is at least the one that would do without the other set.
        step = np.outer(side * excess / (self.normal_ @ self.normal_), self.normal_)
        anchor, left = X - step, np.arange(X.shape[0])
        for _ in range(LARGEST_POWER):
            left = left[beyond(nearest(anchor[left], left), left) > 0]
            if not left.size:
                break
            step[left] *= 2
            anchor[left] = X[left] - step[left]
        return segment(X, anchor), beyond

    def _maximise_within(self, direction, nearest, furthest, start, y):
        """Return maximisers over the intersection of the slab and a convex set.

        With a multiplier m >= 0 of the bound that is violated, the Lagrangian is
        maximised by the row of the set that goes furthest in direction - m * normal.
        Its weighted sum decreases in m. For a box this is the fractional knapsack of
        Dantzig (1957).
        """
        rows = furthest(direction, np.arange(direction.shape[0]))
        side, excess = self._violated(rows)
        left = np.flatnonzero(excess > ROUNDING * 1e-3 * self._size)
        side, bound = side[left], np.where(side > 0, self.upper_, self.lower_)[left]

        def tilted(multipliers, among):
            turned = direction[left[among]].copy()
            turned -= np.outer(side[among] * multipliers, self.normal_)
            return furthest(turned, left[among])

        def beyond(rows, among):
            return side[among] * (rows @ self.normal_ - bound[among])

        if left.size:
            size = np.linalg.norm(direction[left], axis=1)
            guess = 1e-3 * size / np.linalg.norm(self.normal_)
            mixed = search_maximiser(tilted, beyond, guess)
            # A mean of two equal bounds may be off by rounding.
            rows[left] = nearest(mixed, left)
        return rows
