r"""Assembly of the Hessian of a linear learner.

The Hessian is :math:`H = \tilde X^\top D \tilde X + \Lambda`, where D holds the row
weights and the second derivatives of the losses. Its block of two outputs k and m is a
Gram matrix of the columns, over rows weighted by these derivatives.
"""

import numpy as np
from scipy import sparse

from skpoison.bilevel.learners.base import Features
from skpoison.bilevel.learners.linear import LinearPoint


def weighted_gram(
    X: Features, weights: np.ndarray, Z: Features | None = None
) -> np.ndarray:
    r"""Compute inner products of columns over weighted rows.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n)
        The columns.
    weights : ndarray of shape (n_samples,)
        The weights of the rows.
    Z : {ndarray, sparse matrix} of shape (n_samples, m), default=None
        Other columns. None: the same ones.

    Returns
    -------
    gram : ndarray of shape (n, m)
        :math:`X^\top \operatorname{diag}(w) Z`.
    """
    Z = X if Z is None else Z
    if isinstance(X, np.ndarray):
        return (X.T * weights) @ Z
    return (X.T.multiply(weights).tocsr() @ Z).toarray()


def squared_columns(X: Features, weights: np.ndarray) -> np.ndarray:
    """Sum the squares of each column over weighted rows.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n)
        The columns.
    weights : ndarray of shape (n_samples, ...)
        Weights of the rows, one or several sets of them.

    Returns
    -------
    sums : ndarray of shape (n, ...)
    """
    squares = X.multiply(X) if sparse.issparse(X) else X**2
    return squares.T @ weights


def assemble_hessian(point: LinearPoint, X: Features, active: np.ndarray) -> np.ndarray:
    """Assemble the Hessian of the objective in some of the weights.

    Parameters
    ----------
    point : LinearPoint
        The objective at the weights in question.
    X : {ndarray, sparse matrix} of shape (n_samples, n_parameters)
        The rows, with the column of the intercept.
    active : ndarray of shape (n_parameters, n_outputs) of bool
        The weights that the Hessian is for.

    Returns
    -------
    H : ndarray of shape (n_active, n_active)
        In the order in which `active` selects weights.
    """
    loss, rows, n_outputs = point.learner.loss, point.rows, point.W.shape[1]
    feature, output = np.nonzero(active)
    places = [np.flatnonzero(output == k) for k in range(n_outputs)]
    columns = [X[:, feature[place]] for place in places]
    H = np.zeros((feature.size, feature.size))
    for k, m, curvatures in loss.hessian_blocks(point.scores, rows.targets):
        block = weighted_gram(columns[k], rows.weights * curvatures, columns[m])
        H[np.ix_(places[k], places[m])] = block
        H[np.ix_(places[m], places[k])] = block.T
    H[np.diag_indices_from(H)] += point.penalties[feature, 0]
    # The multinomial loss has no curvature along `softmax_nullspace`. Right-hand sides
    # are projected out of it, so that any positive number makes H regular there.
    is_free = point.learner.softmax_nullspace(point.W.shape[0])[:, 0]
    if is_free.any():
        same = (feature[:, np.newaxis] == feature) & is_free[feature]
        H[same] += np.trace(H) / max(feature.size, 1) or 1.0
    return H
