"""Balls around the rows from which the attack starts: bounds on displacement."""

from numbers import Real

import numpy as np
from sklearn.utils._param_validation import Interval

from skpoison.feasible_sets._base import ROUNDING
from skpoison.feasible_sets._columnwise import BoundedSet
from skpoison.feasible_sets._constraint import TOL, ConstraintSet, search_segment

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

    def _segment(self, X, rows, nearest, start, y):
        return start, lambda rows, among: self._excess(rows, start[among], None)

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
        best = _inner(unit, rows)
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
            anchor, excess_of = self._segment(None, None, None, start[among], None)
            rows[among] = search_segment(
                lambda points, where, among=among: nearest(points, among[where]),
                excess_of,
                points[out],
                anchor,
                excess[out],
            )
            # Several rows may be as far as the set goes: one of them is in the ball.
            gap = best[left] - _inner(unit[left], trial)
            size = np.abs(trial).max(axis=1) + self.radius
            left = left[~out & ~(gap <= TOL * size)]
        return rows


def _unit(direction):
    norms = np.linalg.norm(direction, axis=1, keepdims=True)
    return direction / np.where(norms > 0, norms, 1)


def _inner(X, Z):
    """Return the inner products of rows, infinite if one has an infinite entry."""
    # 0 times infinity: a feature without bounds that does not matter.
    return np.multiply(X, Z, out=np.zeros(X.shape), where=X != 0).sum(axis=1)


def _rounding(radius, start):
    """Return how much rounding may add to a distance from `start`."""
    size = np.linalg.norm(start, axis=1)
    return ROUNDING * radius + 4 * np.finfo(float).eps * size
