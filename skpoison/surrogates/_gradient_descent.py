"""Linear models trained by a fixed number of steps of gradient descent.

The victims of much of the literature on poisoning are linear models trained by plain
gradient descent that stops early: logistic regression and Adaline. Scikit-learn has no
estimators that are trained exactly like this.
"""

from abc import ABCMeta
from numbers import Integral, Real

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    RegressorMixin,
    _fit_context,
)
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_sample_weight,
    check_is_fitted,
    validate_data,
)

from skpoison.bilevel.differentiation.hypergradients import descend
from skpoison.bilevel.learners.base import Rows
from skpoison.bilevel.learners.linear import LinearLearner
from skpoison.bilevel.losses import Logistic, Multinomial, Squared, softmax
from skpoison.bilevel.solvers.step_size import divergence_error, has_diverged
from skpoison.utils._containers import canonical


class _BaseGradientDescent(BaseEstimator, metaclass=ABCMeta):
    _parameter_constraints: dict = {
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "n_steps": [Interval(Integral, 1, None, closed="left")],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "fit_intercept": ["boolean"],
    }

    def _learner(self, loss):
        return LinearLearner(loss, self.alpha, intercept=float(self.fit_intercept))

    def _descend(self, loss, X, targets, sample_weight, coef_init, intercept_init):
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
                n_steps=self.n_steps,
                checkpoint_every=None,  # nothing is stored: no step is differentiated
            )
        if has_diverged(learner, rows, start, W):
            raise divergence_error(learner, rows, self.learning_rate)
        n_features = X.shape[1]
        self.coef_ = np.ascontiguousarray(W[:n_features].T)
        self.intercept_ = (
            W[n_features] if self.fit_intercept else np.zeros(W.shape[1], dtype=X.dtype)
        )
        return self

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


class GradientDescentClassifier(ClassifierMixin, _BaseGradientDescent):
    r"""Linear classifier trained by a fixed number of steps of gradient descent.

    Every step goes down the gradient of the mean loss over all training rows, and the
    last weights are kept:

    .. math::

        W_{t+1} = W_t - \eta \nabla \left( \frac{\sum_i \omega_i
        \varphi(W_t^\top \tilde x_i, y_i)}{\sum_i \omega_i}
        + \frac{\alpha}{2} \|W_t\|^2 \right), \qquad W_0 = 0 ,

    where the intercept is not penalised. It is deterministic.

    Parameters
    ----------
    loss : {"log_loss", "squared_error"}, default="log_loss"
        "log_loss" is logistic regression: multinomial for more than two classes.
        "squared_error" is Adaline: half the squared difference to targets of -1 and 1,
        one against the rest for more than two classes.
    learning_rate : float, default=0.5
        Length of a step, relative to the gradient.
    n_steps : int, default=1500
        Number of steps.
    alpha : float, default=0.0
        Penalty on the squared norm of the weights.
    fit_intercept : bool, default=True
        Whether there is an intercept.

    Attributes
    ----------
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
        The weights.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        The intercepts.
    classes_ : ndarray of shape (n_classes,)
        The labels seen.
    n_features_in_ : int
        Number of features seen.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Their names, if X is a dataframe.

    See Also
    --------
    GradientDescentRegressor : The same for regression.

    Notes
    -----
    This is the learner of [1]_. It stops before the optimum of its objective, so that
    attacks differentiate through its steps.

    References
    ----------
    .. [1] L. Muñoz-González, B. Biggio, A. Demontis, A. Paudice, V. Wongrassamee,
       E. C. Lupu, F. Roli, "Towards poisoning of deep learning algorithms with
       back-gradient optimization", AISec 2017.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.preprocessing import minmax_scale
    >>> from skpoison.surrogates import GradientDescentClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> classifier = GradientDescentClassifier().fit(minmax_scale(X), y)
    >>> print(f"{classifier.score(minmax_scale(X), y):.2f}")
    0.98
    """

    _parameter_constraints: dict = {
        "loss": [StrOptions({"log_loss", "squared_error"})],
        **_BaseGradientDescent._parameter_constraints,
    }

    def __init__(
        self,
        loss="log_loss",
        *,
        learning_rate=0.5,
        n_steps=1500,
        alpha=0.0,
        fit_intercept=True,
    ):
        self.loss = loss
        self.learning_rate = learning_rate
        self.n_steps = n_steps
        self.alpha = alpha
        self.fit_intercept = fit_intercept

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, *, coef_init=None, intercept_init=None):
        """Fit the model by gradient descent.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The training rows. Scale them: the steps are the same for all features.
        y : array-like of shape (n_samples,)
            Their labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.
        coef_init, intercept_init : array-like, default=None
            The weights before the first step, in the shapes of `coef_` and
            `intercept_`. None: 0.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If the weights diverge, with the largest learning rate for which they do
            not, or those given do not go with the data.
        """
        X, y = validate_data(
            self, canonical(X), y, accept_sparse="csr", dtype=[np.float64, np.float32]
        )
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        n_classes = self.classes_.shape[0]
        if n_classes < 2:
            raise ValueError(
                f"{type(self).__name__} needs rows of at least two classes, but y "
                f"holds only one class: {self.classes_.tolist()[0]!r}."
            )
        weights = sample_weight, coef_init, intercept_init
        if n_classes == 2:
            targets = codes[:, np.newaxis]
        else:
            targets = codes[:, np.newaxis] == np.arange(n_classes)
        if self.loss == "squared_error":
            return self._descend(Squared(), X, 2.0 * targets - 1, *weights)
        loss = Logistic() if n_classes == 2 else Multinomial()
        return self._descend(loss, X, targets, *weights)

    def decision_function(self, X):
        """Compute scores.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        scores : ndarray of shape (n_samples,) or (n_samples, n_classes)
        """
        scores = self._scores(X)
        return scores[:, 0] if scores.shape[1] == 1 else scores

    def predict(self, X):
        """Predict labels.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        y : ndarray of shape (n_samples,)
        """
        scores = self.decision_function(X)
        codes = scores.argmax(axis=1) if scores.ndim == 2 else (scores > 0).astype(int)
        return self.classes_[codes]

    @available_if(lambda self: self.loss == "log_loss")
    def predict_proba(self, X):
        """Predict probabilities; only with the log loss.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
        """
        scores = self._scores(X)
        if scores.shape[1] == 1:
            scores = np.column_stack([np.zeros_like(scores), scores])
        with np.errstate(under="ignore"):
            return softmax(scores)[0]


class GradientDescentRegressor(RegressorMixin, _BaseGradientDescent):
    r"""Linear regressor trained by a fixed number of steps of gradient descent.

    Every step goes down the gradient of the mean of half the squared error over all
    training rows, and the last weights are kept.

    Parameters
    ----------
    learning_rate : float, default=0.1
        Length of a step, relative to the gradient.
    n_steps : int, default=1500
        Number of steps.
    alpha : float, default=0.0
        Penalty on the squared norm of the weights, the intercept's not included.
    fit_intercept : bool, default=True
        Whether there is an intercept.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,)
        The weights.
    intercept_ : float
        The intercept.
    n_features_in_ : int
        Number of features seen.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Their names, if X is a dataframe.

    See Also
    --------
    GradientDescentClassifier : The same for classification.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.preprocessing import scale
    >>> from skpoison.surrogates import GradientDescentRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> regressor = GradientDescentRegressor().fit(scale(X), y)
    >>> print(f"{regressor.score(scale(X), y):.2f}")
    0.52
    """

    def __init__(
        self, *, learning_rate=0.1, n_steps=1500, alpha=0.0, fit_intercept=True
    ):
        self.learning_rate = learning_rate
        self.n_steps = n_steps
        self.alpha = alpha
        self.fit_intercept = fit_intercept

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, *, coef_init=None, intercept_init=None):
        """Fit the model by gradient descent.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The training rows. Scale them: the steps are the same for all features.
        y : array-like of shape (n_samples,)
            Their responses.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.
        coef_init, intercept_init : array-like, default=None
            The weights before the first step, in the shapes of `coef_` and
            `intercept_`. None: 0.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If the weights diverge, with the largest learning rate for which they do
            not, or those given do not go with the data.
        """
        X, y = validate_data(
            self,
            canonical(X),
            y,
            accept_sparse="csr",
            dtype=[np.float64, np.float32],
            y_numeric=True,
        )
        weights = sample_weight, coef_init, intercept_init
        self._descend(Squared(), X, y[:, np.newaxis], *weights)
        self.coef_, self.intercept_ = self.coef_[0], float(self.intercept_[0])
        return self

    def predict(self, X):
        """Predict responses.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        y : ndarray of shape (n_samples,)
        """
        return self._scores(X)
