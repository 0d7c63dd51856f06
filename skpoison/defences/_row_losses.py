r"""Losses of rows, by a fitted estimator.

For regression it is the squared error. For classification it is the log loss
:math:`-\log p_y(x)` if the classifier has probabilities. Otherwise its decision
function :math:`z` takes the place of log odds, where a value of 1, the margin of a
support vector machine and the target of least squares, counts as odds of nine: of two
classes the loss is :math:`\log(1 + 9^{-z})` or :math:`\log(1 + 9^{z})`, of more the
probabilities are the softmax of :math:`z \log 9`. In a class, the order of rows is
that of any other loss that falls with the margin.

A loss is large if it contradicts the row. For regression that is a residual of more
than some robust standard deviations (by the median of all absolute residuals), the
reweighting rule of least trimmed squares (Rousseeuw and Van Driessen 2006). For
classification it is a label whose odds :math:`p_y / (1 - p_y)` are nine times lower
than those of its class among all rows, :math:`\pi_y / (1 - \pi_y)`: of two classes of
equal frequency, a probability below 0.1. So the loss of class y is large from

.. math::

    \log \left( 1 + 9 \, \frac{1 - \pi_y}{\pi_y} \right)

on. The number nine has been chosen by measurement: with four, more clean rows of
classes that overlap are lost; with nineteen, chosen label flips are found less often.
"""

import numpy as np
from scipy.special import log_expit, log_softmax

from skpoison.utils._texts import shown

# The least probability, as in scikit-learn's log_loss.
EPS = np.finfo(np.float64).eps
# By the odds of a label, compared with those of its class: how many times less. Also
# the odds that a decision value of 1 stands for.
ODDS = 9.0
# The standard deviation of a normal distribution, over its median absolute deviation.
NORMAL = 1.4826


def squared_errors(model, X, y):
    """Return the squared errors of a fitted regressor.

    Parameters
    ----------
    model : regressor
        The regressor.
    X : {array-like, csr matrix, dataframe} of shape (n_samples, n_features)
        The rows.
    y : ndarray of shape (n_samples,)
        Their responses.

    Returns
    -------
    losses : ndarray of shape (n_samples,)
    """
    return np.square(np.ravel(model.predict(X)) - y)


def log_losses(model, X, y):
    """Return the log losses of a fitted classifier.

    Parameters
    ----------
    model : classifier
        The classifier. It has `predict_proba` or `decision_function`.
    X : {array-like, csr matrix, dataframe} of shape (n_samples, n_features)
        The rows.
    y : ndarray of shape (n_samples,)
        Their labels. One that the classifier does not know has a probability of 0.

    Returns
    -------
    losses : ndarray of shape (n_samples,)
        At most -log(eps).

    Raises
    ------
    ValueError
        If the classifier has neither method.
    """
    n_samples, n_classes = y.shape[0], model.classes_.shape[0]
    known = np.isin(y, model.classes_)
    column = np.searchsorted(model.classes_, y[known])
    rows = np.flatnonzero(known)
    if hasattr(model, "predict_proba"):
        probabilities = np.asarray(model.predict_proba(X), dtype=np.float64)
        logs = np.log(np.maximum(probabilities, EPS))
    elif hasattr(model, "decision_function"):
        scores = np.asarray(model.decision_function(X), dtype=np.float64)
        scores = scores.reshape(n_samples, -1)
        if scores.shape[1] not in (1, n_classes):
            raise ValueError(_needs_scores(model))
        logs = _logs_of_odds(np.log(ODDS) * scores)
    else:
        raise ValueError(_needs_scores(model))
    losses = np.full(n_samples, -np.log(EPS))
    losses[rows] = np.minimum(-logs[rows, column], -np.log(EPS))
    return losses


def log_losses_of_odds(scores, codes):
    """Return the log losses of scores that are log odds.

    Parameters
    ----------
    scores : ndarray of shape (n_samples, n_outputs)
        Of two classes the log odds of the second one; of more, logits of each class.
    codes : ndarray of shape (n_samples,) of int
        The labels, as positions among the classes.

    Returns
    -------
    losses : ndarray of shape (n_samples,)
        At most -log(eps).
    """
    logs = _logs_of_odds(scores)[np.arange(codes.shape[0]), codes]
    return np.minimum(-logs, -np.log(EPS))


def _logs_of_odds(scores):
    if scores.shape[1] == 1:
        return np.hstack([log_expit(-scores), log_expit(scores)])
    return log_softmax(scores, axis=1)


def large_squared_error(losses, y, n_deviations):
    """Return the squared error from which on a row is contradicted.

    Parameters
    ----------
    losses, y : ndarray of shape (n_samples,)
        The squared errors and the responses of all rows.
    n_deviations : float
        How many robust standard deviations a residual is that contradicts a row.
        Infinite: none does.

    Returns
    -------
    limit : ndarray of shape (1,)
    """
    if np.isinf(n_deviations):
        return np.array([np.inf])
    scale = NORMAL * np.median(np.sqrt(losses))
    # Of rows that are fitted exactly only rounding is left.
    rounding = np.sqrt(EPS) * np.ptp(y)
    least = np.finfo(np.float64).tiny
    return np.array([max(n_deviations * scale, rounding, least**0.5) ** 2])


def large_log_losses(codes, n_classes):
    """Return the log loss from which on a row of each class is contradicted.

    Parameters
    ----------
    codes : ndarray of shape (n_samples,) of int
        The labels of all rows, as positions among the classes.
    n_classes : int
        Number of classes.

    Returns
    -------
    limits : ndarray of shape (n_classes,)
    """
    counts = np.bincount(codes, minlength=n_classes)
    return np.log1p(ODDS * (counts.sum() - counts) / np.maximum(counts, 1))


def _needs_scores(model):
    return (
        "estimator must have predict_proba, or a decision_function with a value for "
        f"each class, to say how well rows fit; got {shown(model)}. Put "
        "CalibratedClassifierCV around it."
    )
