r"""Gradients of the loss of fitted estimators in their input.

A row :math:`x` with the scores :math:`f_k(x)` has the loss gradient

.. math::

    \nabla_x L = \sum_k r_k \nabla f_k(x) , \qquad r_k = p_k - [k = y] ,

with the probabilities :math:`p` that a softmax makes of the scores. Only its direction
is of interest here. For two classes and a single score, every margin loss gives the
same one, :math:`-y \nabla f`; for responses it is that of the squared error. Scores of
linear models, of networks and of support vector machines with kernels are
differentiated; trees and neighbours have piecewise constant ones.
"""

from copy import copy
from functools import partial

import numpy as np
from scipy import sparse
from scipy.special import expit
from sklearn.base import is_classifier
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.model_selection._search import BaseSearchCV
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline
from sklearn.svm import SVC, SVR, NuSVC, NuSVR

from skpoison.base import BaseDefence
from skpoison.surrogates._penalty_learner import PenaltyLearner
from skpoison.surrogates._scalers import as_scaling_step
from skpoison.surrogates._student import is_student

NETWORKS = MLPClassifier, MLPRegressor
SUPPORT_VECTORS = SVC, NuSVC, SVR, NuSVR
# Derivatives of activation functions, by their values.
DERIVATIVES = {
    "identity": np.ones_like,
    "relu": lambda a: (a > 0).astype(float),
    "tanh": lambda a: 1 - a**2,
    "logistic": lambda a: a * (1 - a),
}
ACTIVATIONS = {
    "identity": lambda z: z,
    "relu": partial(np.maximum, 0),
    "tanh": np.tanh,
    "logistic": expit,
}


def loss_directions(fitted, X, y):
    """Return the direction in which the loss of each row grows.

    Parameters
    ----------
    fitted : estimator
        A fitted estimator: a learner, or a pipeline of scalers before one, a search
        over one, or a defence around one.
    X : {ndarray, sparse matrix, dataframe} of shape (n_rows, n_features)
        The rows.
    y : array-like of shape (n_rows,)
        Their labels or responses.

    Returns
    -------
    directions : ndarray of shape (n_rows, n_features) or None
        Unit vectors, or 0 where the loss has no gradient. None if the loss of such an
        estimator is not differentiated here.
    """
    X = X.toarray() if sparse.issparse(X) else X
    found = _scores_and_slopes(fitted, X)
    if found is None:
        return None
    scores, slopes = found
    residuals = _residuals(_learner(fitted), scores, np.asarray(y))
    gradients = np.einsum("nk,nkd->nd", residuals, slopes)
    norms = np.linalg.norm(gradients, axis=1, keepdims=True)
    return np.divide(gradients, norms, out=np.zeros_like(gradients), where=norms > 0)


def alignment(first, second):
    """Return the mean cosine between the directions of two estimators.

    Parameters
    ----------
    first, second : ndarray of shape (n_rows, n_features) or None
        What `loss_directions` returns.

    Returns
    -------
    alignment : float
        NaN if one of them is None, or there is no row where both have a gradient.
    """
    if first is None or second is None:
        return np.nan
    both = first.any(axis=1) & second.any(axis=1)
    cosines = (first * second).sum(axis=1)[both]
    return float(cosines.mean()) if cosines.size else np.nan


def _learner(fitted):
    """Return the learner in an estimator."""
    while True:
        if isinstance(fitted, Pipeline):
            fitted = fitted.steps[-1][1]
        elif isinstance(fitted, BaseSearchCV):
            fitted = fitted.best_estimator_
        elif is_student(fitted):
            fitted = fitted.surrogate_
        elif isinstance(fitted, (BaseDefence, PenaltyLearner)) and hasattr(
            fitted, "estimator_"
        ):
            fitted = fitted.estimator_
        else:
            return fitted


def _scores_and_slopes(fitted, X):
    """Return the scores of rows, and their gradients; None if there are none.

    Returns
    -------
    scores : ndarray of shape (n_rows, n_outputs)
    slopes : ndarray of shape (n_rows, n_outputs, n_features)
    """
    if isinstance(fitted, Pipeline):
        return _behind_scalers(fitted, X)
    if isinstance(fitted, BaseSearchCV):
        return _scores_and_slopes(fitted.best_estimator_, X)
    if is_student(fitted):
        return _scores_and_slopes(fitted.surrogate_, X)
    if isinstance(fitted, (BaseDefence, PenaltyLearner)):
        inner = getattr(fitted, "estimator_", None)
        return None if inner is None else _scores_and_slopes(inner, X)
    X = np.asarray(X)
    if X.dtype.kind not in "fiub":
        return None
    X = X.astype(float)
    if isinstance(fitted, NETWORKS):
        return _of_network(fitted, X)
    if isinstance(fitted, SUPPORT_VECTORS) and fitted.kernel != "linear":
        return _of_kernel(fitted, X)
    coef = getattr(fitted, "coef_", None)
    if coef is None:
        return None
    coef = np.atleast_2d(coef.toarray() if sparse.issparse(coef) else coef)
    scores = X @ coef.T + fitted.intercept_
    return scores, np.broadcast_to(coef, (X.shape[0], *coef.shape))


def _behind_scalers(pipeline, X):
    """Differentiate through scalers, which are affine maps of each column."""
    *first, (_, last) = pipeline.steps
    scale = 1.0
    for _, step in first:
        if step in ("passthrough", None):
            continue
        try:
            as_scaling_step(step)
        except TypeError:
            return None
        ends = np.vstack([np.zeros(X.shape[1]), np.ones(X.shape[1])])
        X = np.asarray(step.transform(X))
        scale = scale * np.diff(np.asarray(_transform(step, ends)), axis=0)[0]
    found = _scores_and_slopes(last, X)
    return None if found is None else (found[0], found[1] * scale)


def _transform(scaler, X):
    """Transform rows without names, whether or not the scaler has seen names."""
    if hasattr(scaler, "feature_names_in_"):
        scaler = copy(scaler)
        del scaler.feature_names_in_
    return scaler.transform(X)


def _residuals(learner, scores, y):
    """Return the derivative of the loss in the scores, up to a positive factor a row.

    The factors keep the loss of a row from underflowing.
    """
    if not is_classifier(learner):
        return np.sign(scores - y.reshape(scores.shape))
    codes = np.searchsorted(learner.classes_, y)
    if scores.shape[1] == 1:
        return 1.0 - 2.0 * codes[:, np.newaxis]
    rows = np.arange(codes.shape[0])
    others = scores.copy()
    others[rows, codes] = -np.inf
    shares = np.exp(others - others.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    shares[rows, codes] = -1.0
    return shares


def _of_network(network, X):
    values = [X]
    derivative = DERIVATIVES[network.activation]
    for W, b in zip(network.coefs_[:-1], network.intercepts_[:-1], strict=True):
        values.append(ACTIVATIONS[network.activation](values[-1] @ W + b))
    scores = values[-1] @ network.coefs_[-1] + network.intercepts_[-1]
    slopes = np.broadcast_to(
        network.coefs_[-1].T, (X.shape[0], *network.coefs_[-1].T.shape)
    )
    for W, value in zip(network.coefs_[-2::-1], values[:0:-1], strict=True):
        slopes = (slopes * derivative(value)[:, np.newaxis]) @ W.T
    return scores, slopes


def _of_kernel(machine, X):
    """Differentiate the sum of kernels of a machine with a single score."""
    dual, vectors = machine.dual_coef_, machine.support_vectors_
    if sparse.issparse(dual):
        dual, vectors = dual.toarray(), vectors.toarray()
    if dual.shape[0] > 1 or machine.kernel not in ("rbf", "poly", "sigmoid"):
        return None
    dual, gamma = dual[0], machine._gamma
    if machine.kernel == "rbf":
        kernels = rbf_kernel(X, vectors, gamma=gamma)
        slopes = (kernels * dual) @ vectors
        slopes -= (kernels @ dual)[:, np.newaxis] * X
        slopes *= 2 * gamma
    else:
        inner = gamma * X @ vectors.T + machine.coef0
        if machine.kernel == "poly":
            kernels = inner**machine.degree
            derivative = machine.degree * inner ** (machine.degree - 1)
        else:
            kernels = np.tanh(inner)
            derivative = 1 - kernels**2
        slopes = gamma * (derivative * dual) @ vectors
    scores = (kernels @ dual + machine.intercept_[0])[:, np.newaxis]
    return scores, slopes[:, np.newaxis]
