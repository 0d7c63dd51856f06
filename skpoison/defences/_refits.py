r"""Fits of an estimator to many subsets of the same rows.

Defences that leave out rows fit an estimator hundreds of times, each time to other rows
of the same training set. What such a fit costs is mostly not arithmetic: a clone, the
validation of its rows, predictions. Of three kinds of learners the optimum is known
without them:

* least squares, with a penalty :math:`\alpha > 0` or without: with rows centred by
  their weighted mean and multiplied by the root of their weight,
  :math:`(\tilde X^\top \tilde X + \alpha I)^{-1} \tilde X^\top \tilde y`, or
  :math:`\tilde X^\top (\tilde X \tilde X^\top + \alpha I)^{-1} \tilde y` if there are
  fewer rows than columns; all subsets together;
* logistic regression with an l2 penalty and few columns: Newton's method, from the
  optimum for the rows before.

Of any other estimator a clone is fitted. These fits only judge rows: what a defence
predicts with is a clone in any case.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import sklearn
from sklearn.base import clone, is_classifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.utils.fixes import parse_version
from sklearn.utils.validation import _check_method_params

from skpoison.bilevel.learners.linear import LinearLearner
from skpoison.bilevel.solvers.newton import minimise
from skpoison.defences._row_losses import (
    log_losses,
    log_losses_of_odds,
    squared_errors,
)
from skpoison.surrogates import as_training_problem
from skpoison.utils._containers import are_numbers, take_rows
from skpoison.utils._warnings import collect_warnings
from skpoison.utils._weights import fit_weighted

# Numbers in the rows of all subsets that are fitted together: 32 MB.
TOGETHER = 2**22
# With more columns L-BFGS is faster than Newton's method.
MAX_COLUMNS = 100
# Norm of the gradient, relative to the terms that it is a sum of, at an optimum.
TOL = 1e-8
# Whether LinearRegression leaves out directions whose singular values are below its
# `tol`, times the largest. Before, dense rows have no use for it.
HAS_CUTOFF = parse_version(sklearn.__version__) >= parse_version("1.9")


@dataclass(frozen=True)
class LinearFit:
    """A linear model, by its scores.

    Parameters
    ----------
    scores : ndarray of shape (n_samples, n_outputs)
        The scores of all rows.
    gradients : ndarray of shape (n_samples, n_outputs)
        The gradients of their losses in the scores.
    intercept : float
        The constant that is one more input; 0 for none.
    """

    scores: np.ndarray
    gradients: np.ndarray
    intercept: float


class Refits(ABC):
    """Fits of an estimator to subsets of the same rows.

    Parameters
    ----------
    estimator : estimator
        The estimator; it is not fitted itself.
    X : {ndarray, csr matrix, dataframe} of shape (n_samples, n_features)
        The rows.
    y : ndarray of shape (n_samples,)
        Their labels or responses.
    params : dict
        Metadata for the fits, with an entry for each row.
    """

    # How many subsets are fitted together.
    n_together = 1

    def __init__(self, estimator, X, y, params):
        self.estimator, self.X, self.y, self.params = estimator, X, y, params

    def fit(self, rows):
        """Fit the estimator to some rows.

        Parameters
        ----------
        rows : ndarray of shape (n_rows,) of int
            Their positions.

        Returns
        -------
        model : estimator or LinearFit
        """
        return self.fit_each([rows])[0]

    @abstractmethod
    def fit_each(self, subsets):
        """Fit the estimator to each of several subsets.

        Parameters
        ----------
        subsets : list of ndarray of int
            Positions of rows; at most `n_together` subsets.

        Returns
        -------
        models : list of estimator or LinearFit
        """

    def losses(self, model):
        """Return the losses of all rows.

        Parameters
        ----------
        model : estimator or LinearFit
            What `fit` has returned.

        Returns
        -------
        losses : ndarray of shape (n_samples,)
        """
        losses = log_losses if is_classifier(self.estimator) else squared_errors
        return losses(model, self.X, self.y)


class CloneRefits(Refits):
    """Clones of any estimator."""

    def fit_each(self, subsets):
        """Fit a clone to each of several subsets."""
        return [
            fit_weighted(
                clone(self.estimator),
                take_rows(self.X, rows),
                self.y[rows],
                _check_method_params(self.X, self.params, indices=rows),
            )
            for rows in subsets
        ]


class LeastSquaresRefits(Refits):
    """Least squares, with a penalty or without, in closed form."""

    def __init__(self, estimator, X, y, params):
        super().__init__(estimator, X.astype(np.float64, copy=False), y, params)
        self.weights = np.asarray(params.get("sample_weight", np.ones(y.shape[0])))
        self.n_together = max(1, TOGETHER // max(self.X.size, 1))

    def fit_each(self, subsets):
        """Fit the estimator to each of several subsets."""
        sizes = np.array([rows.shape[0] for rows in subsets])
        # Shorter subsets are filled up with rows of weight 0.
        is_row = np.arange(sizes.max()) < sizes[:, np.newaxis]
        places = np.zeros(is_row.shape, dtype=int)
        places[is_row] = np.concatenate(subsets)
        weights = self.weights[places] * is_row
        X, y = self.X[places], self.y[places]
        offset, mean = np.zeros((1, X.shape[2])), 0.0
        if self.estimator.fit_intercept:
            shares = (weights / weights.sum(axis=1, keepdims=True))[:, np.newaxis]
            offset, mean = shares @ X, shares @ y[..., np.newaxis]
            X, y = X - offset, y - mean[:, :, 0]
        roots = np.sqrt(weights)[..., np.newaxis]
        W = self._solve(roots * X, roots * y[..., np.newaxis])
        scores = (self.X @ W + (mean - offset @ W))[..., 0]
        intercept = float(self.estimator.fit_intercept)
        return [
            LinearFit(z[:, np.newaxis], (z - self.y)[:, np.newaxis], intercept)
            for z in scores
        ]

    def _solve(self, X, y):
        """Return the weights of each of several problems, of shape (n, n_features, 1).

        Parameters
        ----------
        X : ndarray of shape (n, n_rows, n_features)
            The rows of each.
        y : ndarray of shape (n, n_rows, 1)
            Their responses.
        """
        penalty = getattr(self.estimator, "alpha", 0.0)
        if not penalty:
            return self._solve_singular(X, y)
        Xt = X.swapaxes(1, 2)
        is_wide = X.shape[1] < X.shape[2]
        gram = X @ Xt if is_wide else Xt @ X
        gram[:, *np.diag_indices(gram.shape[1])] += penalty
        try:
            if is_wide:
                return Xt @ np.linalg.solve(gram, y)
            return np.linalg.solve(gram, Xt @ y)
        except np.linalg.LinAlgError:  # the penalty is less than rounding
            return self._solve_singular(X, y)

    def _solve_singular(self, X, y):
        """Return the weights of the least norm, without a penalty."""
        is_cut_off = HAS_CUTOFF and isinstance(self.estimator, LinearRegression)
        cutoff = self.estimator.tol if is_cut_off else None
        each = zip(X, y, strict=True)
        return np.array([np.linalg.lstsq(*rows, rcond=cutoff)[0] for rows in each])

    def losses(self, model):
        """Return the squared errors of all rows."""
        return np.square(model.gradients[:, 0])


class LogisticRefits(CloneRefits):
    """Logistic regression by Newton's method, from the optimum before."""

    def __init__(self, estimator, X, y, params, problem):
        super().__init__(estimator, X, y, params)
        self.problem = problem
        self.classes, self.codes = np.unique(y, return_inverse=True)
        self.targets = problem.encode(self.codes)
        self.numbers = X.astype(np.float64, copy=False)
        self._last = None

    def fit_each(self, subsets):
        """Fit the estimator to each of several subsets."""
        models = [self._optimum(rows) for rows in subsets]
        return [
            super(LogisticRefits, self).fit_each([rows])[0] if model is None else model
            for rows, model in zip(subsets, models, strict=True)
        ]

    def _optimum(self, rows):
        """Return the optimum; None if a class is missing, or it is not found."""
        codes, problem = self.codes[rows], self.problem
        if np.bincount(codes, minlength=self.classes.shape[0]).min() == 0:
            return None
        weights = self.params.get("sample_weight")
        given = problem.rows(
            self.numbers[rows],
            codes,
            sample_weight=None if weights is None else np.asarray(weights)[rows],
            classes=self.classes,
        )
        try:
            with collect_warnings():
                found = minimise(problem.learner, given, self._last, tol=TOL)
        except ValueError:  # there is none
            return None
        if not found.gradient_norm <= 10 * TOL:
            return None
        self._last = found
        scores = problem.learner.scores(self.numbers, found.W)
        gradients = problem.learner.loss.gradient(scores, self.targets)
        return LinearFit(scores, gradients, problem.learner.intercept)

    def losses(self, model):
        """Return the log losses of all rows."""
        if not isinstance(model, LinearFit):
            return super().losses(model)
        return log_losses_of_odds(model.scores, self.codes)


def make_refits(estimator, X, y, params):
    """Return the fastest way to fit an estimator to many subsets of the same rows.

    Parameters
    ----------
    estimator, X, y, params
        As for `Refits`.

    Returns
    -------
    refits : Refits
    """
    of_clones = CloneRefits(estimator, X, y, params)
    # A subclass may do anything.
    known = LinearRegression, Ridge, LogisticRegression
    is_known = type(estimator) in known and params.keys() <= {"sample_weight"}
    if not is_known or not are_numbers(X):
        return of_clones
    n_classes = np.unique(y).shape[0] if is_classifier(estimator) else None
    try:
        estimator._validate_params()
        problem = as_training_problem(estimator, n_classes)
    except ValueError:  # its parameters make it another learner
        return of_clones
    if not is_classifier(estimator):
        return LeastSquaresRefits(estimator, X, y, params)
    is_smooth = type(problem.learner) is LinearLearner and problem.learner.penalty > 0
    if not is_smooth or n_classes < 2 or X.shape[1] > MAX_COLUMNS:
        return of_clones
    return LogisticRefits(estimator, X, y, params, problem)
