r"""Loss correction for labels that are wrong at random (Natarajan et al. 2013).

A label :math:`i` is seen as :math:`j` with the probability :math:`T_{ij}`, whatever the
row. With a loss :math:`\ell(z, y)` of a score and a label, the corrected loss

.. math::

    \tilde\ell(z, \tilde y) = \sum_j (T^{-1})_{\tilde y j} \, \ell(z, j)

has the loss of the true label as its expectation,
:math:`\sum_j T_{yj} \, \tilde\ell(z, j) = \ell(z, y)` (Lemma 1; backward correction of
Patrini et al. 2017 for more classes). For two classes it is

.. math::

    \tilde\ell(z, y) =
    \frac{(1 - \rho_{-y}) \, \ell(z, y) - \rho_y \, \ell(z, -y)}{1 - \rho_+ - \rho_-} .

The rows of :math:`T^{-1}` sum to 1. The logistic, the multinomial and the squared loss
are linear in the target, except for terms without the score. So their corrected loss is
the same loss of another target, :math:`\sum_j (T^{-1})_{\tilde y j} \, t_j`: a soft
label, which can lie outside [0, 1]. It is as convex as before.
"""

from copy import copy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import _check_method_params

from skpoison.base._missing_values import explain_missing
from skpoison.bilevel.solvers.lbfgs import minimise_lbfgs
from skpoison.bilevel.solvers.newton import minimise
from skpoison.defences._noise_ways import correctable, way_out
from skpoison.defences._transition_matrix import as_text
from skpoison.utils._containers import take_rows
from skpoison.utils._texts import listed, shown
from skpoison.utils._validation import check_squares, numeric_features
from skpoison.utils._weights import fit_weighted

# Smallest estimated share of the true labels that a class can have. Without rows of a
# class a logistic model with an unpenalised intercept has no optimum.
SMALLEST_SHARE = 1e-6


@dataclass(frozen=True)
class LabelledRows:
    """Training rows of a defence, with what the fit of its estimator is given.

    Parameters
    ----------
    X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
        The features.
    y : ndarray of shape (n_samples,)
        The labels.
    codes : ndarray of shape (n_samples,) of int
        The labels as positions among the classes.
    trusted : ndarray of shape (n_samples,) of bool
        Rows whose label is right.
    params : dict
        Metadata for the fit of the estimator.
    """

    X: Any
    y: np.ndarray
    codes: np.ndarray
    trusted: np.ndarray
    params: dict

    @property
    def sample_weight(self):
        """The weights of the rows, 1 by default."""
        return self.params.get("sample_weight", np.ones(self.y.shape[0]))

    def take(self, indices):
        """Return some of the rows.

        Parameters
        ----------
        indices : ndarray of shape (n_taken,) of int
            Their positions.

        Returns
        -------
        rows : LabelledRows
        """
        return LabelledRows(
            take_rows(self.X, indices),
            self.y[indices],
            self.codes[indices],
            self.trusted[indices],
            _check_method_params(self.X, self.params, indices=indices),
        )

    def fit(self, estimator):
        """Fit an estimator to the rows and their labels.

        Parameters
        ----------
        estimator : classifier
            It is fitted itself.

        Returns
        -------
        estimator : classifier
        """
        return fit_weighted(estimator, self.X, self.y, self.params)


def correctable_problem(estimator, n_classes):
    """Return the training problem of an estimator whose loss can be corrected.

    Parameters
    ----------
    estimator : classifier
        The estimator.
    n_classes : int
        Number of classes.

    Returns
    -------
    problem : TrainingProblem

    Raises
    ------
    ValueError
        If the loss of the estimator cannot be corrected, or not minimised here.
    """
    problem = correctable(estimator, n_classes)
    if problem is None:
        raise ValueError(
            "Losses can be corrected for an estimator that minimises a logistic or a "
            "squared loss until it converges, such as LogisticRegression or "
            f"RidgeClassifier; got {shown(estimator)}. {way_out(estimator, n_classes)}"
        )
    if "smooth" not in problem.learner.supports:
        raise ValueError(
            "The corrected loss is minimised with a squared penalty, and that of "
            f"{shown(estimator)} has absolute values. Set "
            f"{_squared_penalty(estimator)}."
        )
    if problem.class_weight is not None:
        raise ValueError(
            "With class_weight a wrong label is weighted as one of the wrong "
            "class, and its loss cannot be corrected. Set class_weight=None."
        )
    return problem


def _squared_penalty(estimator):
    """Return the parameter that makes the penalty of an estimator a squared one."""
    penalty = estimator.get_params().get("penalty")
    return "penalty='l2'" if penalty in ("l1", "elasticnet") else "l1_ratio=0"


def corrected_labels(matrix, codes, trusted):
    """Return the weight of each label in the corrected loss of each row.

    Parameters
    ----------
    matrix : ndarray of shape (n_classes, n_classes)
        The transition matrix.
    codes : ndarray of shape (n_samples,) of int
        The labels, as positions among the classes.
    trusted : ndarray of shape (n_samples,) of bool
        Rows whose label is right.

    Returns
    -------
    weights : ndarray of shape (n_samples, n_classes)
        Rows of the inverse matrix. They sum to 1.
    """
    right, corrected = np.eye(matrix.shape[0])[codes], np.linalg.inv(matrix)[codes]
    return np.where(trusted[:, np.newaxis], right, corrected)


def true_shares(corrected, sample_weight):
    """Estimate the shares of the true labels of each class.

    Parameters
    ----------
    corrected : ndarray of shape (n_samples, n_classes)
        What `corrected_labels` returns.
    sample_weight : ndarray of shape (n_samples,)
        The weights of the rows.

    Returns
    -------
    shares : ndarray of shape (n_classes,)
        Unbiased, so that shares of classes that hardly occur can be negative.
    """
    return sample_weight @ corrected / sample_weight.sum()


def fit_corrected(estimator, classes, matrix, rows, *, owner, fitted=None):
    """Fit a clone of an estimator by its corrected loss.

    The clone is fitted to the labels given, which sets all that a fit sets, and then
    gets the coefficients that minimise the corrected loss.

    Parameters
    ----------
    estimator : classifier
        The estimator.
    classes : ndarray of shape (n_classes,)
        The labels.
    matrix : ndarray of shape (n_classes, n_classes)
        The transition matrix.
    rows : LabelledRows
        The training rows.
    owner : estimator
        The defence, which errors name.
    fitted : classifier, default=None
        A clone that has been fitted to the same rows before.

    Returns
    -------
    estimator : classifier
        The fitted clone.
    """
    problem = correctable_problem(estimator, classes.shape[0])
    with explain_missing(owner):
        X = numeric_features(owner, rows.X, accept_sparse="csr", dtype=np.float64)
    check_squares(X)
    training_rows = problem.rows(X, rows.codes, rows.params.get("sample_weight"))
    if fitted is None:
        fitted = rows.fit(clone(estimator))
    corrected = corrected_labels(matrix, rows.codes, rows.trusted)
    targets = corrected @ problem.encode(np.arange(classes.shape[0]))
    estimator = copy(fitted)
    if (targets == training_rows.targets).all():
        return estimator
    learner = problem.learner
    _check_has_minimum(learner, matrix, classes, corrected, training_rows)
    start = np.atleast_2d(fitted.coef_).T
    if learner.intercept:
        intercept = np.atleast_1d(fitted.intercept_) / learner.intercept
        start = np.vstack([start, intercept])
    W, n_iter = _minimise(learner, replace(training_rows, targets=targets), start)
    n_features = X.shape[1]
    estimator.coef_ = W[:n_features].T.reshape(fitted.coef_.shape)
    if learner.intercept:
        intercept = learner.intercept * W[-1]
        estimator.intercept_ = intercept.reshape(np.shape(fitted.intercept_))
    estimator.n_iter_ = np.array([n_iter], dtype=np.int32)
    return estimator


def _check_has_minimum(learner, matrix, classes, corrected, rows):
    """Raise if the corrected loss has no minimum.

    A quadratic loss always has one. Others reward scores beyond all bounds for soft
    labels outside [0, 1], unless a penalty bounds them.
    """
    if learner.loss.is_quadratic:
        return
    if learner.penalty == 0:
        raise ValueError(
            "Without a penalty the corrected loss has no minimum. Give the estimator "
            "a penalty: a finite C."
        )
    is_free = learner.intercept != 0 and learner.intercept_penalty == 0
    missing = true_shares(corrected, rows.weights) < SMALLEST_SHARE
    if is_free and missing.any():
        raise ValueError(
            "With so much noise there would be no true label "
            f"{listed(classes[missing])}: the rates of the other classes explain all "
            f"that are seen. Lower those rates; {as_text(matrix)}."
        )


def _minimise(learner, rows, start):
    """Return the weights that minimise the corrected loss, and the number of steps.

    Soft labels outside [0, 1] reward large scores. If the classes are far apart only
    the penalty bounds the scores, and so far out that the curvature is lost in
    rounding. So Newton's method is for quadratic losses, and L-BFGS for the others.
    """
    if learner.loss.is_quadratic:
        optimum = minimise(learner, rows)
        return optimum.W, optimum.n_iter
    point, n_iter = minimise_lbfgs(learner, rows, start, user="The corrected loss")
    return point.W, n_iter
