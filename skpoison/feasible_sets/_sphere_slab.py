r"""Intersection of a ball and a slab around the centroid of each class.

With :math:`u = x - \mu_y`, the component :math:`t` of u along the normal of the slab,
and the length :math:`q` of the rest of u, the projection and the linear oracle are
problems in the plane of t and q:

.. math::

    t^2 + q^2 \le r^2, \qquad |t| \le s .

The nearest row keeps the direction of the rest. It is the nearest of the slab, if that
is in the ball; else the nearest of the ball, if that is in the slab; else a corner, at
which both constraints are met. A linear function is largest on the sphere, at the t of
its own direction clipped to the slab.
"""

import numpy as np

from skpoison.feasible_sets._base import ROUNDING, BaseFeasibleSet
from skpoison.feasible_sets._class_sets import QUANTILE, ClassBall, ClassSlab
from skpoison.feasible_sets._constraint import FAR


class SphereSlab(BaseFeasibleSet):
    """Rows that both the sphere and the slab defence keep.

    The intersection of a :class:`ClassBall` and a :class:`ClassSlab`, the feasible set
    of the attacks of [1]_ and [2]_. Alone its projection and its linear oracle are in
    closed form; within an intersection it is treated as its two parts.

    Parameters
    ----------
    quantile : float, default=0.95
        The share of the training rows of each class that are in its ball, and in its
        slab.

    Attributes
    ----------
    ball_ : ClassBall
        The balls, fitted.
    slab_ : ClassSlab
        The slabs, fitted.
    n_features_in_ : int
        Number of features seen in `fit`.

    See Also
    --------
    Intersection : Adds bounds, integers or categories.

    References
    ----------
    .. [1] J. Steinhardt, P. W. Koh, P. Liang, "Certified Defenses for Data Poisoning
       Attacks", NeurIPS 2017.
    .. [2] P. W. Koh, J. Steinhardt, P. Liang, "Stronger data poisoning attacks break
       data sanitization defenses", Machine Learning 111, 2022.

    Examples
    --------
    The row that raises a linear score most, with the label "a":

    >>> from skpoison.feasible_sets import SphereSlab
    >>> X, y = [[0, -2], [2, 2], [6, 0], [8, 0]], ["a", "a", "b", "b"]
    >>> kept = SphereSlab(quantile=1.0).fit(X, y)
    >>> kept.maximise([[3.0, 4.0]], y=["a"])
    array([[2., 2.]])
    """

    kind = "convex"
    requires_labels = True
    _parameter_constraints: dict = {"quantile": QUANTILE}

    def __init__(self, quantile=0.95):
        self.quantile = quantile

    def _fit(self, X, y):
        self.ball_ = ClassBall(self.quantile).fit(X, y)
        self.slab_ = ClassSlab(self.quantile).fit(X, y)

    def _flatten(self, name):
        yield f"{name}__ball" if name else "ball", self.ball_
        yield f"{name}__slab" if name else "slab", self.slab_

    def _contains(self, X, start, y):
        return self.ball_._contains(X, start, y) & self.slab_._contains(X, start, y)

    def _project(self, X, start, y):
        centre, radius, unit, half_width = self._plane(X, y)
        u = X - centre
        t, rest, q = _components(u, unit)
        size = np.hypot(t, q)
        inside = np.clip(t, -half_width, half_width)
        # Onto the slab alone; else onto the ball alone; else to where they meet.
        slab = np.hypot(inside, q) <= radius
        ball = np.abs(t) * radius <= half_width * size
        corner = np.copysign(np.minimum(half_width, radius), t)
        along = np.where(slab, inside, np.where(ball, t * _share(radius, size), corner))
        across = np.where(
            slab,
            1.0,
            np.where(
                ball,
                _share(radius, size),
                _share(np.sqrt(np.maximum(radius**2 - corner**2, 0)), q),
            ),
        )
        moved = centre + along[:, np.newaxis] * unit + across[:, np.newaxis] * rest
        # A row that lies in both stays exactly where it is.
        stays = slab & (inside == t)
        return np.where(stays[:, np.newaxis], X, moved)

    def _maximise(self, direction, start, y):
        centre, radius, unit, half_width = self._plane(direction, y)
        t, rest, q = _components(direction, unit)
        size = np.hypot(t, q)
        along = radius * _share(t, size)
        along = np.clip(along, -half_width, half_width)
        across = np.sqrt(np.maximum(radius**2 - along**2, 0))
        # In the direction of the normal every row at the end of the slab will do,
        # and what is left of the rest is rounding.
        q = np.where(q > ROUNDING**1.5 * size, q, 0)
        return (
            centre
            + along[:, np.newaxis] * unit
            + _share(across, q)[:, np.newaxis] * rest
        )

    def _plane(self, X, y):
        """Return the centre, radius, unit normal and half width for each row."""
        ball, slab = self.ball_, self.slab_
        codes = ball._codes(y)
        norms = np.linalg.norm(slab.normals_, axis=1)
        units = slab.normals_ / np.where(norms > 0, norms, 1)[:, np.newaxis]
        half_widths = slab.half_widths_ / np.where(norms > 0, norms, 1)
        # Products with infinity are not defined for a length of 0.
        half_widths = np.minimum(half_widths, FAR)
        parts = ball.centroids_, ball.radii_, units, half_widths
        return tuple(part[codes] for part in parts)


def _components(u, unit):
    """Return components along units, what remains, and the length of that."""
    t = (u * unit).sum(axis=1)
    rest = u - t[:, np.newaxis] * unit
    # Once more: what remains of the component by rounding counts if u is long.
    again = (rest * unit).sum(axis=1)
    rest -= again[:, np.newaxis] * unit
    return t + again, rest, np.linalg.norm(rest, axis=1)


def _share(part, whole):
    """Return part / whole, and 0 for a whole of 0."""
    return part / np.where(whole > 0, whole, 1) * (whole > 0)
