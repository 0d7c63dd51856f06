r"""Hypergradients of support vector machines.

The optimum of a binary machine is a linear system in the margin support vectors, S
(:mod:`skpoison.bilevel.solvers.svm_dual`). One adjoint system, of the same symmetric
matrix, gives the gradient of a goal A in all rows. With
:math:`s_k = \partial A / \partial f(x_k)` on the validation rows,

.. math::

    \begin{pmatrix} K_{SS} & \mathbf 1 \\ \mathbf 1^\top & 0 \end{pmatrix}
    \begin{pmatrix} v \\ w \end{pmatrix} =
    \begin{pmatrix} \sum_k s_k K(x_S, x_k) \\ \sum_k s_k \end{pmatrix},
    \qquad v = 0 \text{ outside of } S ,

and :math:`k'(x, z)` the gradient of the kernel in its first argument,

.. math::

    \nabla_{x_c} A &= \beta_c \sum_k s_k \, k'(x_c, x_k)
        - \beta_c \sum_j v_j \, k'(x_c, x_j) - v_c \sum_j \beta_j \, k'(x_c, x_j), \\
    \partial A / \partial C_c &= y_c \Bigl( \sum_k s_k K(x_k, x_c)
        - \sum_j v_j K(x_j, x_c) - w \Bigr) \quad (c \in E) .

The first sum is direct: scores contain :math:`K(x, x_c)`. The second is that of Biggio,
Nelson and Laskov (2012, Equation 10). The third is missing there: a margin support
vector also moves its own equation. Without it the gradient is right only for bounded
support vectors. Both sums together contain the diagonal, :math:`\tfrac{d}{dx} K(x, x)`,
too.

Rows that are not support vectors have a gradient of exactly 0. So have bounded support
vectors if the margin determines all that can be learnt: a linear machine with d + 1
rows in S cannot move unless these do. If S is empty, v is half of :math:`\sum_k s_k`
for the two rows that bound the intercept.

Clones share the gradient of their row by their upper bounds. That is exact for all
other rows, for bounded clones, and for clones on the margin that move together. A
single clone on the margin has no derivative: as it leaves the others, one of them
leaves the margin.
"""

import numpy as np

from skpoison.bilevel.differentiation.hypergradients import Hypergradient
from skpoison.bilevel.learners.base import ALL
from skpoison.bilevel.learners.columns import column_gradient_of_rows
from skpoison.bilevel.solvers.svm import SVMOptimum

# A gradient below this share of its terms has cancelled altogether.
CANCELLED = 1e-9


def svm_hypergradient(
    optimum: SVMOptimum,
    X: np.ndarray,
    score_gradient: np.ndarray,
    indices: slice = ALL,
    *,
    columns: bool = False,
) -> Hypergradient:
    """Compute the hypergradient at the optimum of a support vector machine.

    Parameters
    ----------
    optimum : SVMOptimum
        The optimum.
    X : ndarray of shape (n_rows, n_features)
        The validation rows.
    score_gradient : ndarray of shape (n_rows, n_outputs)
        The gradient of the goal in their scores.
    indices : slice, default=slice(None)
        The training rows in question.
    columns : bool, default=False
        Whether the gradient in columns of the training rows is computed, too.

    Returns
    -------
    hypergradient : Hypergradient
        The features of rows that cannot move the goal are exactly 0.
    """
    if optimum.n_classes > 2:
        decisions = optimum.decision_function(X)
        score_gradient = optimum.decision_vjp(decisions, score_gradient)
    kernel, B = optimum.kernel, optimum.coefficients
    products = kernel.product(optimum.X, X, score_gradient)
    V, of_bounds = np.zeros_like(products), np.zeros(optimum.X.shape[0])
    residual = 0.0
    for m, (rows, solution) in enumerate(
        zip(optimum.rows, optimum.solutions, strict=True)
    ):
        total = score_gradient[:, m].sum()
        v, w, missed = solution.adjoint(products[rows, m], total)
        V[rows, m], residual = v, max(residual, missed)
        bounded, margin = rows[solution.bounded], solution.margin
        through = optimum.gram[np.ix_(bounded, rows[margin])] @ v[margin]
        signs = np.sign(B[bounded, m])
        of_bounds[bounded] += signs * (products[bounded, m] - through - w)

    group, shares = optimum.group[indices], optimum.shares[indices, np.newaxis]
    involved = np.flatnonzero((B != 0).any(axis=1) | (V != 0).any(axis=1))

    def features_of(group: np.ndarray) -> np.ndarray:
        rows = optimum.X[group]
        direct = kernel.vjp(rows, X, B[group], score_gradient)
        through = kernel.vjp(
            rows,
            optimum.X[involved],
            np.hstack([B[group], V[group]]),
            np.hstack([V[involved], B[involved]]),
        )
        features = direct - through
        size = np.maximum(*(np.linalg.norm(part, axis=1) for part in (direct, through)))
        features[np.linalg.norm(features, axis=1) <= CANCELLED * size] = 0
        return features

    in_columns = None
    if columns:  # clones share one gradient, which is counted once
        in_columns = column_gradient_of_rows(optimum.X[involved], features_of(involved))
    return Hypergradient(
        shares * features_of(group),
        np.zeros((group.shape[0], 1)),
        optimum.C * of_bounds[group],
        residual,
        in_columns,
    )


def svm_input_vjp(
    optimum: SVMOptimum, X: np.ndarray, score_gradient: np.ndarray
) -> np.ndarray:
    """Turn a gradient in scores of rows into one in the rows.

    Parameters
    ----------
    optimum : SVMOptimum
        The optimum.
    X : ndarray of shape (n_rows, n_features)
        The rows.
    score_gradient : ndarray of shape (n_rows, n_outputs)
        The gradient in their scores.

    Returns
    -------
    gradient : ndarray of shape (n_rows, n_features)
    """
    if optimum.n_classes > 2:
        decisions = optimum.decision_function(X)
        score_gradient = optimum.decision_vjp(decisions, score_gradient)
    support = np.flatnonzero(optimum.coefficients.any(axis=1))
    return optimum.kernel.vjp(
        X, optimum.X[support], score_gradient, optimum.coefficients[support]
    )


def to_margin(optimum: SVMOptimum, indices: slice = ALL) -> np.ndarray:
    """Compute the directions in which rows come to the margin.

    A way on for rows that a gradient does not move: for what is learnt now, the
    gradient of their own score in them, downwards for rows that are not support
    vectors and upwards for others.

    Parameters
    ----------
    optimum : SVMOptimum
        The optimum.
    indices : slice, default=slice(None)
        The training rows in question.

    Returns
    -------
    directions : ndarray of shape (n_rows, n_features)
    """
    group = optimum.group[indices]
    X, codes = optimum.X[group], optimum.codes[group]
    own = 1.0 * (codes[:, np.newaxis] == np.arange(optimum.n_classes))
    decisions = optimum.decision_function(X)
    scores, _ = optimum.least_decisions(decisions)
    margins = (scores * own).sum(axis=1, keepdims=True)
    upwards = optimum.decision_vjp(decisions, np.where(margins > 1, -own, own))
    return optimum.kernel.vjp(X, optimum.X, upwards, optimum.coefficients)


def is_stalled(hypergradient: Hypergradient) -> np.ndarray:
    """Find the rows that a gradient does not move.

    Rows that are not support vectors, and bounded support vectors that the margin does
    not depend on. Another start, or a learner of a smoothed hinge loss, would move
    them.

    Parameters
    ----------
    hypergradient : Hypergradient
        The gradient of a goal in training rows.

    Returns
    -------
    is_stalled : ndarray of shape (n_rows,) of bool
    """
    return ~hypergradient.features.any(axis=1)
