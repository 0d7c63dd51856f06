"""Balls around the rows from which the attack starts: bounds on displacement."""

from numbers import Real

import numpy as np
from sklearn.utils._param_validation import Interval

from skpoison.feasible_sets._base import ROUNDING
from skpoison.feasible_sets._columnwise import BoundedSet
from skpoison.feasible_sets._constraint import (
    TOL,
    ConstraintSet,
    far_to_infinite,
    search_maximiser,
    search_path,
    segment,
)

RADIUS = [Interval(Real, 0, None, closed="neither")]
# A maximiser is searched at distances up to this power of 2, in radii: further away,
# rounding would cost more than is gained.
LARGEST_POWER = 24


class LinfBall(BoundedSet):
    """Rows in which no feature moves further than a radius.

    Parameters
    ----------
    radius : float
        The largest change of each feature, in the units of that feature.

    Attributes
    ----------
    n_features_in_ : int
        Number of features seen in `fit`.

    See Also
    --------
    L1Ball : Bounds the total change of a row.
    L2Ball : Bounds the Euclidean distance that a row moves.

    Examples
    --------
    >>> from skpoison.feasible_sets import LinfBall
    >>> ball = LinfBall(radius=1.0).fit([[1.0, 2.0], [3.0, 8.0]])
    >>> ball.project([[5.0, 2.5]], start=[[1.0, 2.0]])
    array([[2. , 2.5]])
    """

    requires_start = True
    _parameter_constraints: dict = {"radius": RADIUS}

    def __init__(self, radius):
        self.radius = radius

    def _bounds(self, start, y):
        return start - self.radius, start + self.radius

    def _contains(self, X, start, y):
        distances = np.abs(X - start).max(axis=1)
        return distances <= self.radius + _rounding(self.radius, start)


class L1Ball(ConstraintSet):
    """Rows whose features move no further than a radius in total.

    Parameters
    ----------
    radius : float
        The largest sum of the absolute changes of all features, in their units.

    Attributes
    ----------
    n_features_in_ : int
        Number of features seen in `fit`.

    See Also
    --------
    L2Ball : Bounds the Euclidean distance that a row moves.
    LinfBall : Bounds how far each feature moves.

    Examples
    --------
    >>> from skpoison.feasible_sets import L1Ball
    >>> ball = L1Ball(radius=3.0).fit([[1.0, 2.0], [3.0, 8.0]])
    >>> ball.project([[2.0, 6.0]], start=[[1.0, 2.0]])
    array([[1., 5.]])
    >>> ball.maximise([[-3.0, 2.0]], start=[[1.0, 2.0]])
    array([[-2.,  2.]])
    """

    requires_start = True
    _needs_columns = True
    _parameter_constraints: dict = {"radius": RADIUS}

    def __init__(self, radius):
        self.radius = radius

    def _project(self, X, start, y):
        # Duchi et al. (2008), Figure 1: what is taken off the absolute changes is the
        # largest threshold that a prefix of the sorted changes yields.
        changes = np.abs(X - start)
        ordered = -np.sort(-changes, axis=1)
        sums = ordered.cumsum(axis=1) - self.radius
        threshold = (sums / np.arange(1, X.shape[1] + 1)).max(axis=1, keepdims=True)
        far = changes.sum(axis=1, keepdims=True) > self.radius
        return np.where(far, start + _shrink(X - start, threshold), X)

    def _contains(self, X, start, y):
        distances = np.abs(X - start).sum(axis=1)
        rounding = 4 * np.finfo(float).eps * np.abs(start).sum(axis=1)
        return distances <= (1 + ROUNDING) * self.radius + rounding

    def _maximise(self, direction, start, y):
        rows, every = start.copy(), np.arange(start.shape[0])
        best = np.abs(direction).argmax(axis=1)
        rows[every, best] += self.radius * np.sign(direction[every, best])
        return rows

    def _excess(self, X, start, y):
        return np.abs(X - start).sum(axis=1) / self.radius - 1

    def _path(self, X, rows, nearest, start, y):
        # The multiplier is what the absolute changes are shrunk by.
        largest = np.abs(X - start).max(axis=1)

        def path(shares, among):
            threshold = ((1 - shares) * largest[among])[:, np.newaxis]
            return start[among] + _shrink(X[among] - start[among], threshold)

        def excess(rows, among):
            return self._excess(rows, start[among], None)

        return path, excess

    def _maximise_within(self, direction, nearest, furthest, start, y):
        """Return maximisers over the intersection of the ball and a separable set.

        With a multiplier m >= 0 of the ball, the Lagrangian <d, x> - m |x - start|_1
        separates into columns: one with |d_j| > m goes as far as the set permits, the
        others stay at the start.
        """
        every = np.arange(direction.shape[0])
        rows = furthest(direction, every)
        home = nearest(start, every)
        rows = np.where(direction == 0, home, rows)
        left = np.flatnonzero(self._excess(rows, start, y) > TOL)

        def tilted(multipliers, among):
            goes = np.abs(direction[left[among]]) > multipliers[:, np.newaxis]
            return np.where(goes, rows[left[among]], home[left[among]])

        def beyond(rows, among):
            return self._excess(rows, start[left[among]], None)

        if left.size:
            guess = np.abs(direction[left]).max(axis=1)
            rows[left] = nearest(search_maximiser(tilted, beyond, guess), left)
        return rows


class L2Ball(ConstraintSet):
    """Rows that move no further than a radius in Euclidean distance.

    Parameters
    ----------
    radius : float
        The largest Euclidean distance from the row from which the attack starts, in
        the units of the features. Scale features of different units first.

    Attributes
    ----------
    n_features_in_ : int
        Number of features seen in `fit`.

    See Also
    --------
    L1Ball : Bounds the total change of a row.
    LinfBall : Bounds how far each feature moves.

    Examples
    --------
    >>> from skpoison.feasible_sets import L2Ball
    >>> ball = L2Ball(radius=5.0).fit([[1.0, 2.0], [3.0, 8.0]])
    >>> ball.project([[7.0, 10.0]], start=[[1.0, 2.0]])
    array([[4., 6.]])
    >>> ball.maximise([[-3.0, 4.0]], start=[[1.0, 2.0]])
    array([[-2.,  6.]])
    """

    requires_start = True
    _parameter_constraints: dict = {"radius": RADIUS}

    def __init__(self, radius):
        self.radius = radius

    def _project(self, X, start, y):
        distances = np.linalg.norm(X - start, axis=1, keepdims=True)
        far = distances > self.radius
        shares = self.radius / np.where(far, distances, 1)
        return np.where(far, start + shares * (X - start), X)

    def _contains(self, X, start, y):
        distances = np.linalg.norm(X - start, axis=1)
        return distances <= self.radius + _rounding(self.radius, start)

    def _maximise(self, direction, start, y):
        return start + self.radius * _unit(direction)

    def _excess(self, X, start, y):
        return np.linalg.norm(X - start, axis=1) / self.radius - 1

    def _path(self, X, rows, nearest, start, y):
        def excess(rows, among):
            return self._excess(rows, start[among], None)

        return segment(X, start), excess

    def _maximise_within(self, direction, nearest, furthest, start, y):
        """Return maximisers over the intersection of the ball and a convex set.

        With a multiplier m >= 0 of the ball, the Lagrangian
        <d, x> - m / 2 |x - start|^2 is maximised by the row of the set that is nearest
        to start + d / m. Its distance from the start decreases in m, so that m is a
        root as in the projection onto the ball.
        """
        every = np.arange(direction.shape[0])
        unit = _unit(direction)
        rows = furthest(direction, every)
        bounded = np.isfinite(far_to_infinite(rows)).all(axis=1)
        best = np.where(bounded, _inner(unit, rows), np.inf)
        left = np.flatnonzero(~(self._excess(rows, start, y) <= TOL))
        rows[left] = nearest(start[left], left)
        for power in range(LARGEST_POWER):
            if not left.size:
                break
            reach = 2.0**power * self.radius
            points = start[left] + reach * unit[left]
            trial = nearest(points, left)
            excess = self._excess(trial, start[left], None)
            out = excess > TOL
            better = ~out & (
                _inner(unit[left], trial) >= _inner(unit[left], rows[left])
            )
            rows[left[better]] = trial[better]
            among = left[out]
            path, beyond = self._path(points[out], None, None, start[among], None)
            rows[among] = search_path(
                lambda points, indices, among=among: nearest(points, among[indices]),
                path,
                beyond,
                excess[out],
            )
            # Several rows may be as far as the set goes: one of them is in the ball.
            gap = best[left] - _inner(unit[left], trial)
            size = np.abs(trial).max(axis=1) + self.radius
            left = left[~out & ~(gap <= TOL * size)]
        return rows


def _shrink(changes, threshold):
    """Move values towards 0 by a threshold (soft thresholding)."""
    return np.sign(changes) * np.maximum(np.abs(changes) - threshold, 0)


def _unit(direction):
    norms = np.linalg.norm(direction, axis=1, keepdims=True)
    return direction / np.where(norms > 0, norms, 1)


def _inner(X, Z):
    """Return the inner product of each row with the other array's row."""
    return (X * Z).sum(axis=1)


def _rounding(radius, start):
    """Return how much rounding may add to a distance from `start`."""
    size = np.linalg.norm(start, axis=1)
    return ROUNDING * radius + 4 * np.finfo(float).eps * size
