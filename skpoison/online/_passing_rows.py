r"""Rows that gain much where a defence weighs more than their margin.

To first order a step on a row x with the label t gains
:math:`\omega(x) \, h(a) \, b`, with the margin a and the effect b of
:mod:`skpoison.online._best_row` and the weight :math:`\omega` of the defence. Where
that depends on the norm of the row, or on the loss of trusted rows, there is no closed
form. A row that holds the trade-off between b, the margin and the loss of the trusted
rows constant at a given norm maximises a linear function,

.. math::

    \max_{x \in \mathrm{box}, \; \|x\|^2 \le R} g^\top x, \qquad
    x_j = \mathrm{clip}(\tau g_j, \mathrm{low}_j, \mathrm{high}_j) ,

with :math:`\tau` such that the norm is met. The attacker computes these rows for many
trade-offs g and norms, and takes the one that gains most: it is not proven to be the
best.
"""

import numpy as np

from skpoison.online._sgd import LARGEST_SLOPE

# Norms beside the largest that the defence lets pass in full.
NORMS = np.array([0.5, 1.0, 2.0, 5.0])
# The same around the best of these.
CLOSER = np.array([0.7, 0.85, 1.0, 1.2, 1.4])
# Halvings of the interval in which the length of a row is looked for.
N_HALVINGS = 13


def pulls_of(state, X, codes):
    """Compute the multiples of rows that steps of full weight add to the weights.

    Parameters
    ----------
    state : SGDState
        The learner.
    X : {ndarray, csr matrix} of shape (n_samples, n_features)
        The rows.
    codes : ndarray of shape (n_samples,) of int
        Their labels, as positions among the classes.

    Returns
    -------
    pulls : ndarray of shape (n_samples, n_outputs)
    """
    scores = X @ state.coef.T + state.intercept
    slopes = state.loss.gradient(scores, state.targets[codes])
    pulls = -state.rate(state.t) * np.clip(slopes, -LARGEST_SLOPE, LARGEST_SLOPE)
    return pulls if state.class_weight is None else pulls * state.class_weight[codes]


def best_passing_row(judge, state, v, ways, y, box, found, *, n_angles):
    """Return the row that gains most to first order, of some and of many others.

    Parameters
    ----------
    judge : Judge or TrustedJudge
        The defence.
    state : SGDState
        The learner, with one score.
    v : ndarray of shape (n_parameters, 1)
        The gradient of the goal in the weights after the step.
    ways : list of ndarray of shape (n_parameters, 1)
        Gradients that stand for it: that of the goal, and others that pass.
    y : int
        The label of the row, as a position among the classes.
    box : Box
        The box, fitted.
    found : list of ndarray of shape (n_features,)
        Rows that may be good.
    n_angles : int
        How many trade-offs with the margin are tried for each way.

    Returns
    -------
    row : ndarray of shape (n_features,)
    """

    def best(rows):
        codes = np.full(rows.shape[0], y)
        gains = judge.peek_rows(state, rows, codes) * pulls_of(state, rows, codes)[:, 0]
        gains *= state.responses(rows, v)[:, 0]
        k = int(np.argmax(gains))
        return gains[k], k, rows[k]

    gain, _, row = best(np.array(found))
    limit = judge.leverage.limit
    if not np.isfinite(limit):
        return row
    sign = state.target(y)[0]
    planes = [
        _plane(sign * way[: state.coef.shape[1], 0], sign * state.coef[0])
        for way in ways
    ]
    edge = np.pi / 2 * (1 - 1 / n_angles)
    angles, norms = np.linspace(-edge, edge, n_angles), limit * NORMS
    for _ in range(2):
        slopes = np.concatenate([_turned(plane, angles) for plane in planes])
        reached, k, nearer = best(rows_of_norms(slopes, np.maximum(norms - 1, 0), box))
        if reached > gain:
            gain, row = reached, nearer
        # Once more around the best trade-off.
        k_norm, k = divmod(k, slopes.shape[0])
        k_plane, k = divmod(k, angles.shape[0])
        planes, norms = [planes[k_plane]], norms[k_norm] * CLOSER
        angles = angles[k] + edge / n_angles * np.array([-0.5, 0.0, 0.5])
    return row


def _plane(effect, margin):
    """Return an orthonormal basis of what moves the effect and the margin."""
    first = _unit(effect)
    return first, _unit(margin - (margin @ first) * first)


def _turned(plane, angles):
    """Return the directions of a plane at some angles to its first one."""
    first, second = plane
    return np.outer(np.cos(angles), first) + np.outer(np.sin(angles), second)


def rows_of_norms(slopes, norms, box):
    """Return the rows of a box that maximise linear functions within some norms.

    Parameters
    ----------
    slopes : ndarray of shape (n_slopes, n_features)
        The linear functions.
    norms : ndarray of shape (n_norms,)
        The squared norms.
    box : Box
        The box, fitted. If it does not reach down to a norm, the row has a larger one.

    Returns
    -------
    rows : ndarray of shape (n_norms * n_slopes, n_features)
    """
    bounds = box.lower_, box.upper_
    scaled = slopes / np.maximum(np.abs(slopes).max(axis=1, keepdims=True), 1e-300)
    norms = norms[:, np.newaxis, np.newaxis]
    widest = max(np.abs(bounds).max(), np.sqrt(norms.max()), 1e-9)
    low = np.full((norms.shape[0], slopes.shape[0], 1), np.log(1e-3 * widest))
    high = np.full_like(low, np.log(30 * widest))
    for _ in range(N_HALVINGS):
        middle = (low + high) / 2
        x = np.clip(np.exp(middle) * scaled, *bounds)
        is_short = np.sum(x * x, axis=-1, keepdims=True) < norms
        low, high = np.where(is_short, middle, low), np.where(is_short, high, middle)
    return np.clip(np.exp(low) * scaled, *bounds).reshape(-1, slopes.shape[1])


def _unit(v):
    size = np.linalg.norm(v)
    return v / size if size else v
