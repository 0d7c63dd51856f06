r"""Newton steps that leave out one training row each.

The influence function is the first-order effect of a row. A linear learner allows for
more: without row i its objective and the two derivatives of that are

.. math::

    C_{-i} = C - a_i \varphi_i, \qquad
    \nabla C_{-i} = \nabla C - \tilde x_i \, (a_i g_i)^\top, \qquad
    H_{-i} = H - a_i \, \tilde x_i \tilde x_i^\top \otimes S_i ,

so that one Newton step on :math:`C_{-i}` needs only the inverse of :math:`H`, by the
Sherman-Morrison-Woodbury formula. With :math:`B = H^{-1} \nabla C`, which is 0
at the optimum, :math:`V_i = H^{-1} (\tilde x_i \otimes I)`, the leverages
:math:`M_i = (\tilde x_i \otimes I)^\top V_i` and :math:`q_i = B^\top \tilde x_i`, it
leads to

.. math::

    W_{-i} = W - B + V_i \, (I - a_i S_i M_i)^{-1} \, a_i \, (g_i - S_i q_i) .

For the squared loss that is the optimum without the row: exactly, and from any weights.
For other losses the error is due to the change of curvature on the way. One
factorisation serves all rows. With a single output the matrix is a number,
:math:`1 - a_i s_i h_i`, which the influence function takes for 1, though it is 0 for a
row without which the weights are not determined.
"""

import numpy as np

from skpoison.bilevel.learners.base import Learner, Rows
from skpoison.bilevel.learners.linear import LinearPoint
from skpoison.bilevel.solvers.linear_systems import choose_method, factorise

# Least leverage term, 1 - a s h, of a row without which the weights are determined.
UNDETERMINED = 1e-9


def is_direct(learner: Learner, rows: Rows) -> bool:
    """Check whether `leave_one_out` can serve a learner.

    Parameters
    ----------
    learner : Learner
        The learner.
    rows : Rows
        Its training rows.

    Returns
    -------
    is_direct : bool
        Whether it supports leaving out rows, and its Hessian is factorised.
    """
    can = "leave_one_out" in learner.supports
    return can and choose_method(learner, rows) != "cg"


def leave_one_out(
    point: LinearPoint, indices: np.ndarray, weights: np.ndarray | None = None
) -> np.ndarray:
    """Take one Newton step without each of some rows.

    Parameters
    ----------
    point : LinearPoint
        The objective with all rows: at its optimum, or, for the squared loss, anywhere.
    indices : ndarray of shape (n_left_out,) of int
        The rows, each of which is left out alone.
    weights : ndarray of shape (n_left_out,), default=None
        The weight that each loses. None: its own, so that it is left out. A negative
        one adds a row that had the weight 0.

    Returns
    -------
    W : ndarray of shape (n_left_out, n_parameters, n_outputs)
        The weights without it; NaN for a row without which they are not determined.
    """
    learner, rows = point.learner, point.rows
    inverse = factorise(point).apply
    X = learner.append_intercept_column(rows.X[indices])
    X = X if isinstance(X, np.ndarray) else X.toarray()
    gradient = learner.project_out_softmax_nullspace(point.gradient())
    base = learner.project_out_softmax_nullspace(inverse(gradient))
    weights = rows.weights[indices] if weights is None else weights
    weights = weights[:, np.newaxis]
    slopes = weights * point.score_gradient[indices]
    (p, n_outputs), n_rows = point.W.shape, X.shape[0]
    q = X @ base
    if not learner.loss.couples_outputs:
        # Outputs are independent: all matrices are diagonal.
        scores, targets = point.scores[indices], rows.targets[indices]
        S = weights * learner.loss.curvature(scores, targets)
        V = inverse(np.repeat(X.T, n_outputs, axis=1)).reshape(p, n_rows, n_outputs)
        left = 1 - S * np.einsum("ip,pik->ik", X, V)
        left[~(left > UNDETERMINED)] = np.nan
        steps = np.einsum("pik,ik->ipk", V, (slopes - S * q) / left)
    else:
        S, unit = np.empty((n_rows, n_outputs, n_outputs)), np.eye(n_outputs)
        scores, targets = point.scores[indices], rows.targets[indices]
        for k, m, curvatures in learner.loss.hessian_blocks(scores, targets):
            S[:, k, m] = S[:, m, k] = weights[:, 0] * curvatures
        many = np.einsum("ip,lk->pilk", X, unit).reshape(p, -1)
        V = inverse(many).reshape(p, n_rows, n_outputs, n_outputs)
        left = unit - S @ np.einsum("ip,pilk->ikl", X, V)
        left[~(np.linalg.det(left) > UNDETERMINED)] = np.nan
        residuals = slopes - np.einsum("ikl,il->ik", S, q)
        pushed = np.linalg.solve(left, residuals[:, :, np.newaxis])[:, :, 0]
        steps = np.einsum("pilk,il->ipk", V, pushed)
    return point.W - base + steps
