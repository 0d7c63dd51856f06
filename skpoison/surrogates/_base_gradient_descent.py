"""Base class of linear models trained by a fixed number of gradient descent steps."""

from abc import ABCMeta
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import (
    _check_sample_weight,
    check_is_fitted,
    validate_data,
)

from skpoison.bilevel.differentiation.hypergradients import descend
from skpoison.bilevel.learners.base import Rows
from skpoison.bilevel.learners.linear import LinearLearner
from skpoison.bilevel.solvers.step_size import divergence_error, has_diverged


class BaseGradientDescent(BaseEstimator, metaclass=ABCMeta):
    """Base class of linear models trained by gradient descent."""

    _parameter_constraints: dict = {
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "n_steps": [Interval(Integral, 1, None, closed="left")],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "fit_intercept": ["boolean"],
    }

    def _learner(self, loss):
        return LinearLearner(loss, self.alpha, intercept=float(self.fit_intercept))

    def _descend(
        self,
        loss,
        X,
        targets,
        sample_weight,
        coef_init,
        intercept_init,
        n_steps=None,
    ):
        """Take steps over all rows, and keep the weights.

        Parameters
        ----------
        loss : Loss
            The loss.
        X : {ndarray, csr matrix} of shape (n_samples, n_features)
            The rows.
        targets : ndarray of shape (n_samples, n_outputs)
            Their targets.
        sample_weight : array-like of shape (n_samples,) or None
            Their weights.
        coef_init, intercept_init : array-like or None
            The weights before the first step.
        n_steps : int, default=None
            Number of steps. None: the parameter of this name.

        Returns
        -------
        self : object
        """
        weights = _check_sample_weight(sample_weight, X, dtype=X.dtype)
        if not weights.sum() > 0:
            raise ValueError("`sample_weight` must not be 0 for all rows.")
        learner = self._learner(loss)
        rows = Rows(X, targets.astype(X.dtype), weights / weights.sum())
        start = np.zeros(learner.shape(rows), dtype=X.dtype)
        self._set_start(start, coef_init, intercept_init)
        # What is not finite is said below, what underflows is 0.
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            W, _ = descend(
                learner,
                rows,
                start,
                rate=self.learning_rate,
                n_steps=self.n_steps if n_steps is None else n_steps,
                checkpoint_every=None,  # nothing is stored: no step is differentiated
            )
        # One step over a few rows may be too long for these, and shorten others.
        diverged = has_diverged(learner, rows, start, W) if n_steps is None else False
        if diverged or not np.isfinite(W).all():
            raise divergence_error(learner, rows, self.learning_rate)
        n_features = X.shape[1]
        self.coef_ = np.ascontiguousarray(W[:n_features].T)
        self.intercept_ = (
            W[n_features] if self.fit_intercept else np.zeros(W.shape[1], dtype=X.dtype)
        )
        return self

    def _step(self, loss, X, targets, sample_weight):
        """Take one step from where the model stands: from 0 if it is not fitted."""
        coef, intercept = getattr(self, "coef_", None), None
        if coef is not None and self.fit_intercept:
            intercept = self.intercept_
        return self._descend(loss, X, targets, sample_weight, coef, intercept, 1)

    def _set_start(self, start, coef_init, intercept_init):
        """Overwrite the initial weights by those that are given."""
        n_features = self.n_features_in_
        given = {
            "coef_init": (coef_init, (start.shape[1], n_features)),
            "intercept_init": (intercept_init, (start.shape[1],)),
        }
        for name, (values, shape) in given.items():
            if values is not None and np.size(values) != np.prod(shape):
                raise ValueError(
                    f"`{name}` must have the shape {shape}; got {np.shape(values)}."
                )
        if coef_init is not None:
            start[:n_features] = np.reshape(coef_init, given["coef_init"][1]).T
        if intercept_init is not None:
            if not self.fit_intercept:
                raise ValueError(
                    "`intercept_init` must be None if fit_intercept=False; got "
                    f"{intercept_init!r}."
                )
            start[n_features] = np.ravel(intercept_init)

    def _scores(self, X):
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", reset=False)
        return X @ self.coef_.T + self.intercept_

    def __sklearn_tags__(self):
        """Sparse data are taken."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
