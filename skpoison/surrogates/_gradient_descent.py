"""Linear models trained by a fixed number of steps of gradient descent.

The victims of much of the literature on poisoning are linear models trained by plain
gradient descent that stops early: logistic regression and Adaline. Scikit-learn has no
estimators that are trained exactly like this.
"""

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin, _fit_context
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import (
    _check_partial_fit_first_call,
    check_classification_targets,
)
from sklearn.utils.validation import validate_data

from skpoison.bilevel.losses import Logistic, Multinomial, Squared, softmax
from skpoison.surrogates._base_gradient_descent import BaseGradientDescent
from skpoison.utils._containers import canonical
from skpoison.utils._texts import listed


class GradientDescentClassifier(ClassifierMixin, BaseGradientDescent):
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
        **BaseGradientDescent._parameter_constraints,
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
        loss, targets = self._loss_and_targets(codes)
        return self._descend(loss, X, targets, sample_weight, coef_init, intercept_init)

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Take one step of gradient descent over some rows, as over a mini-batch.

        It goes down the gradient of their mean loss from the weights learnt so far,
        which are 0 before the first call.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.
        y : array-like of shape (n_samples,)
            Their labels.
        classes : array-like of shape (n_classes,), default=None
            All labels that will ever come, for the first call.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, relative to each other.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If `classes` are missing in the first call or others later on, if a label is
            not among them, or if the weights diverge.
        """
        _check_partial_fit_first_call(self, classes)
        X, y = validate_data(
            self,
            canonical(X),
            y,
            accept_sparse="csr",
            dtype=[np.float64, np.float32],
            reset=not hasattr(self, "coef_"),
        )
        check_classification_targets(y)
        if not np.isin(y, self.classes_).all():
            raise ValueError(
                f"`y` must hold labels among {listed(self.classes_)}, the `classes` of "
                f"the first call; got {listed(np.setdiff1d(y, self.classes_))} as well."
            )
        codes = np.searchsorted(self.classes_, y)
        loss, targets = self._loss_and_targets(codes)
        return self._step(loss, X, targets, sample_weight)

    def _loss_and_targets(self, codes):
        """Return the loss, and the targets of labels, given as positions."""
        n_classes = self.classes_.shape[0]
        if n_classes == 2:
            targets = codes[:, np.newaxis]
        else:
            targets = codes[:, np.newaxis] == np.arange(n_classes)
        if self.loss == "squared_error":
            return Squared(), 2.0 * targets - 1
        return (Logistic() if n_classes == 2 else Multinomial()), targets

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


class GradientDescentRegressor(RegressorMixin, BaseGradientDescent):
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
        X, y = self._check_rows(X, y, reset=True)
        weights = sample_weight, coef_init, intercept_init
        self._descend(Squared(), X, y[:, np.newaxis], *weights)
        return self._as_regressor()

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None):
        """Take one step of gradient descent over some rows, as over a mini-batch.

        It goes down the gradient of their mean loss from the weights learnt so far,
        which are 0 before the first call.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.
        y : array-like of shape (n_samples,)
            Their responses.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, relative to each other.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If the weights diverge.
        """
        X, y = self._check_rows(X, y, reset=not hasattr(self, "coef_"))
        self._step(Squared(), X, y[:, np.newaxis], sample_weight)
        return self._as_regressor()

    def _check_rows(self, X, y, *, reset):
        return validate_data(
            self,
            canonical(X),
            y,
            accept_sparse="csr",
            dtype=[np.float64, np.float32],
            y_numeric=True,
            reset=reset,
        )

    def _as_regressor(self):
        """Bring what has been learnt into the shapes of a regressor's attributes."""
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
