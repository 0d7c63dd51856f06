"""How far may a row move?"""

from numbers import Real

import numpy as np
from sklearn.utils._param_validation import Interval

from skpoison.feasible_sets._base import BaseFeasibleSet
from skpoison.feasible_sets._columnwise import BoundedSet

RADIUS = [Interval(Real, 0, None, closed="neither")]


class LinfBall(BoundedSet):
    """Rows of which no feature moves further than a radius.

    Parameters
    ----------
    radius : float
        The largest change of each feature, in the units of that feature.

    Attributes
    ----------
    n_features_in_ : int
        Number of features seen.

    See Also
    --------
    L2Ball : Bounds how far a row moves as a whole.

    Examples
    --------
    >>> from skpoison.feasible_sets import LinfBall
    >>> ball = LinfBall(radius=1.0).fit([[1.0, 2.0], [3.0, 8.0]])
    >>> ball.project([[5.0, 2.5]], start=[[1.0, 2.0]])
    array([[2. , 2.5]])
    """

    _needs_start = True
    _parameter_constraints: dict = {"radius": RADIUS}

    def __init__(self, radius):
        self.radius = radius

    def _bounds(self, start):
        return start - self.radius, start + self.radius

    def _contains(self, X, start):
        distances = np.abs(X - start).max(axis=1)
        return distances <= self.radius + _rounding(self.radius, start)


class L2Ball(BaseFeasibleSet):
    """Rows that move no further than a radius.

    Parameters
    ----------
    radius : float
        The largest Euclidean distance from where the attack set out, in the units of
        the features. Features of different units need scaling before.

    Attributes
    ----------
    n_features_in_ : int
        Number of features seen.

    See Also
    --------
    LinfBall : Bounds how far each feature moves.

    Examples
    --------
    >>> from skpoison.feasible_sets import L2Ball
    >>> ball = L2Ball(radius=5.0).fit([[1.0, 2.0], [3.0, 8.0]])
    >>> ball.project([[7.0, 10.0]], start=[[1.0, 2.0]])
    array([[4., 6.]])
    """

    _needs_start = True
    _parameter_constraints: dict = {"radius": RADIUS}

    def __init__(self, radius):
        self.radius = radius

    def _project(self, X, start):
        distances = np.linalg.norm(X - start, axis=1, keepdims=True)
        far = distances > self.radius
        shares = self.radius / np.where(far, distances, 1)
        return np.where(far, start + shares * (X - start), X)

    def _contains(self, X, start):
        distances = np.linalg.norm(X - start, axis=1)
        return distances <= self.radius + _rounding(self.radius, start)


def draw_back(nearest, X, start, radius):
    """Project onto what a set and a ball around `start` have in common.

    The nearest row is the one that the set has nearest to some point between the start
    and the row: a Lagrangian moves the row towards the start. The further that point,
    the further what is nearest to it, so that its place is a root, found by the
    Illinois method.

    Parameters
    ----------
    nearest : callable
        Takes rows and their positions in X, returns the nearest rows in the set.
    X : ndarray of shape (n_rows, n_features)
        The rows.
    start : ndarray of shape (n_rows, n_features)
        The centre of the ball for each.
    radius : float
        The radius of all of them.

    Returns
    -------
    rows : ndarray of shape (n_rows, n_features)
        The nearest rows, for a convex set. For another they are the nearest of those
        that move no further. Where set and ball do not meet, the row of the set that is
        nearest to the start.
    """

    def excess(rows, where):
        return np.linalg.norm(rows - start[where], axis=1) / radius - 1

    tol = 1e-12
    rows = nearest(X, np.arange(X.shape[0]))
    beyond = excess(rows, slice(None))
    left = np.flatnonzero(beyond > tol)
    beyond = beyond[left]
    rows[left] = nearest(start[left], left)
    within = excess(rows[left], left)
    low, high = np.zeros(left.shape[0]), np.ones(left.shape[0])
    was_inside = np.full(left.shape[0], -1)
    going = within < 0
    while going.any():
        left, low, high, within, beyond, was_inside = (
            values[going] for values in (left, low, high, within, beyond, was_inside)
        )
        share = low - within * (high - low) / (beyond - within)
        column = share[:, np.newaxis]
        trial = nearest(column * X[left] + (1 - column) * start[left], left)
        found = excess(trial, left)
        inside = found <= tol
        rows[left[inside]] = trial[inside]
        low, high = np.where(inside, share, low), np.where(inside, high, share)
        # An end that stays twice weighs half, so that the next step passes the root.
        weight = np.where(inside == was_inside, 0.5, 1)
        within = np.where(inside, found, weight * within)
        beyond = np.where(inside, weight * beyond, found)
        was_inside = inside
        going = (np.abs(found) > tol) & (high - low > tol * high)
    return rows


def _rounding(radius, start):
    """Say how much rounding may add to a distance from `start`."""
    size = np.linalg.norm(start, axis=1)
    return 1e-9 * radius + 4 * np.finfo(float).eps * size
