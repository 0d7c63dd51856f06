r"""The best single row over a box, exactly.

The gain of a row x of the label t, to first order in a step of a learner with a single
score, is a function of two numbers,

.. math::

    G(x) = h(a) \, b, \qquad a = t \, w^\top \tilde x, \quad
    b = t \, \tilde x^\top D v ,

with the gradient v of the attacker's goal and :math:`h = -\psi' \ge 0`, which falls
(for responses a is the residual and t is 1). Over a box :math:`(a, b)` fills a
zonotope of the plane, and G grows with b: its maximum lies on the upper boundary, a
chain of one edge a feature. The chain begins where a is smallest, and goes on by the
features in the order of their slopes :math:`v_j / u_j`, :math:`u = t w`. So all
vertices cost one sort. On an edge from :math:`a_e` to :math:`a_{e+1}`

.. math::

    G \le h(a_e) \, \max(b_e, b_{e+1}) ,

and few edges can hold more than the best vertex. Along these the maximum is found in
one dimension: h and b are log-concave there, so G has a single peak. At most one
feature is not at a bound. For the log loss, :math:`h(a) = 1 / (1 + e^a)`, the peak has
a closed form: with :math:`b = (a - c) \, \Delta b / \Delta a` on the line through an
edge, :math:`G' = 0` where

.. math::

    a = 1 + c + \omega(-1 - c), \qquad \omega + \log \omega = -1 - c ,

by Wright's function :math:`\omega`.

A defence that weighs a row by the probability that the learner gives to its label
multiplies h by a function of a that rises, :math:`g`; the bound of an edge is then
:math:`h(a_e) \, g(a_{e+1}) \max(b_e, b_{e+1})`. A loss of a residual has slopes of
both signs: where :math:`h < 0`, G grows as b falls, which is the same problem mirrored
at the origin.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import wrightomega

from skpoison.online._losses import LogLoss

# Points of an edge at once, and how often the best cell is divided again: finer than
# this, rounding would choose among equal gains.
N_POINTS, N_ZOOMS = 33, 4
POINTS = np.linspace(0.0, 1.0, N_POINTS)
# Steps jump at some margins, and rounding must not fall on the wrong side.
NUDGE = 1e-9


@dataclass(frozen=True)
class Pull:
    """How strongly a row pulls, as a function of its margin or residual.

    Parameters
    ----------
    loss : StreamLoss
        The loss.
    judge : Judge, default=None
        A defence that weighs rows. None: each row has the weight 1.
    mirrored : bool, default=False
        Whether signs are changed.
    """

    loss: Any
    judge: Any = None
    mirrored: bool = False

    def _slope(self, a):
        slope = self.loss.slope(-a) if self.mirrored else -self.loss.slope(a)
        return np.maximum(slope, 0.0)

    def at(self, a):
        """Compute the pull."""
        if self.judge is None:
            return self._slope(a)
        return self._slope(a) * self.judge.factors(self.loss.probability(a))

    def above(self, low, high):
        """Return an upper bound of the pull between two margins."""
        if self.judge is None:
            return self._slope(low)
        return self._slope(low) * self.judge.factors(self.loss.probability(high))

    def jumps(self):
        """Return the margins at which the pull jumps, on the higher side."""
        at = [(-jump if self.mirrored else jump) - NUDGE for jump in self.loss.jumps]
        if self.judge is not None:
            at.append(self.loss.margin(self.judge.threshold) + NUDGE)
        return at


def best_row(pull, u, v, a0, b0, lower, upper):
    """Maximise the pull of a row times its effect over a box.

    Parameters
    ----------
    pull : Pull
        The pull as a function of a.
    u, v : ndarray of shape (n_features,)
        How a and b grow with each feature.
    a0, b0 : float
        Their values for a row of zeros.
    lower, upper : ndarray of shape (n_features,)
        The bounds of the features, finite.

    Returns
    -------
    row : ndarray of shape (n_features,)
        The best row.
    gain : float
        Its gain, pull times b.
    """
    width = upper - lower
    row = np.where((u < 0) | ((u == 0) & (v > 0)), upper, lower)
    edges = np.flatnonzero((u != 0) & (width > 0))
    edges = edges[np.argsort(-v[edges] / u[edges], kind="stable")]
    a_steps = np.abs(u[edges]) * width[edges]
    b_steps = np.sign(u[edges]) * v[edges] * width[edges]
    a = a0 + u @ row + np.concatenate([[0.0], np.cumsum(a_steps)])
    b = b0 + v @ row + np.concatenate([[0.0], np.cumsum(b_steps)])
    gains = pull.at(a) * b
    k = int(np.argmax(gains))
    gain, share = gains[k], 0.0
    bounds = pull.above(a[:-1], a[1:]) * np.maximum(np.maximum(b[:-1], b[1:]), 0.0)
    open_edges = np.flatnonzero(bounds > gain)
    # The most promising ones first: what they reach rules most others out.
    for e in open_edges[np.argsort(-bounds[open_edges], kind="stable")]:
        if bounds[e] <= gain:
            break
        found = best_share(pull, a[e], a_steps[e], b[e], b_steps[e])
        if found[1] > gain:
            k, (share, gain) = int(e), found
    switched = edges[:k]
    row[switched] = np.where(u[switched] > 0, upper[switched], lower[switched])
    if share > 0:
        j = edges[k]
        row[j] += np.sign(u[j]) * share * width[j]
        row[j] = min(max(row[j], lower[j]), upper[j])
    return row, float(gain)


def best_share(pull, a, a_step, b, b_step):
    """Maximise the pull of a row times its effect on an edge.

    Parameters
    ----------
    pull : Pull
        The pull as a function of a.
    a, b : float
        Where the edge begins.
    a_step, b_step : float
        How far a and b grow on it; a_step is positive.

    Returns
    -------
    share : float
        Where on the edge, from 0 to 1.
    gain : float
        The pull times b there.
    """
    if pull.judge is None and isinstance(pull.loss, LogLoss):
        if b_step <= 0:
            return 0.0, pull.at(a) * b
        past = 1 + a - b * a_step / b_step
        peak = past + wrightomega(-past)
        share = min(max((peak - a) / a_step, 0.0), 1.0)
        return share, pull.at(a + share * a_step) * (b + share * b_step)
    return _search_share(pull, a, a_step, b, b_step)


def _search_share(pull, a, a_step, b, b_step):
    """Find the largest gain on an edge in cells that are divided again and again."""
    jumps = (np.array(pull.jumps()) - a) / a_step
    shares = np.concatenate([jumps[(jumps > 0) & (jumps < 1)], [0.0]])
    low, high, best = 0.0, 1.0, (0.0, -np.inf)
    for _ in range(N_ZOOMS):
        shares = np.concatenate([shares, low + (high - low) * POINTS])
        gains = pull.at(a + shares * a_step) * (b + shares * b_step)
        k = int(np.argmax(gains))
        if gains[k] > best[1]:
            best = float(shares[k]), float(gains[k])
        cell = (high - low) / (N_POINTS - 1)
        low, high = max(best[0] - cell, 0.0), min(best[0] + cell, 1.0)
        shares = shares[:0]
    return best
