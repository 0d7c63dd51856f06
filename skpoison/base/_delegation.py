"""Prediction and scoring by the estimator inside a meta-estimator."""

from sklearn.utils.metadata_routing import (
    MethodMapping,
    _raise_for_params,
    _routing_enabled,
    process_routing,
)
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

DELEGATED = (
    "predict",
    "predict_proba",
    "predict_log_proba",
    "decision_function",
    "score",
)


def estimator_has(name):
    """Return a check for `available_if`: does the estimator inside have something?

    Parameters
    ----------
    name : str
        Name of a method, or of an attribute that a fit sets.

    Returns
    -------
    check : callable
    """

    def check(self):
        # Raises the AttributeError of the inner estimator, which names the reason.
        getattr(getattr(self, "estimator_", self.estimator), name)
        return True

    return check


class PredictsByEstimatorMixin:
    """Mixin of defences that predict by the one estimator that they fit.

    The class stands before :class:`BaseDefence` among the bases of a defence that sets
    `estimator_` in `_fit_estimator`. The methods below are there if the estimator has
    them, and pass metadata on to it, as
    :class:`~sklearn.linear_model.RANSACRegressor` does. So are the attributes `coef_`,
    `intercept_` and `feature_importances_`, by which
    :class:`~sklearn.feature_selection.SelectFromModel` and
    :class:`~sklearn.feature_selection.RFE` judge features.

    See Also
    --------
    BaseRowFilter : Has this mixin already.

    Examples
    --------
    A defence that fits a clone on the trusted rows alone, if there are any:

    >>> import numpy as np
    >>> from sklearn.base import clone
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skpoison.base import BaseDefence, PredictsByEstimatorMixin
    >>> class TrustedOnly(PredictsByEstimatorMixin, BaseDefence):
    ...     def __init__(self, estimator):
    ...         self.estimator = estimator
    ...
    ...     def _fit_estimator(self, X, y, *, present, trusted, params):
    ...         used = trusted if trusted.any() else present
    ...         self.estimator_ = clone(self.estimator).fit(X[used], y[used])
    ...         self.inlier_mask_ = used
    >>> X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0, 0, 1, 0])
    >>> defence = TrustedOnly(LogisticRegression(C=100))
    >>> defence.fit(X, y, trusted=[True, True, True, False]).predict([[3.0]])
    array([1])
    """

    def _method_mapping(self):
        """Map each delegated method to the estimator's method of the same name."""
        mapping = MethodMapping()
        for method in DELEGATED:
            mapping.add(caller=method, callee=method)
        return mapping

    @available_if(estimator_has("predict"))
    def predict(self, X, **params):
        """Predict by the fitted estimator.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The rows.
        **params : dict
            Passed on to the `predict` of the estimator by metadata routing.

        Returns
        -------
        y : ndarray of shape (n_samples,)
        """
        return self._delegate("predict", X, params=params)

    @available_if(estimator_has("predict_proba"))
    def predict_proba(self, X, **params):
        """Predict class probabilities by the fitted estimator.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The rows.
        **params : dict
            Passed on to the `predict_proba` of the estimator by metadata routing.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
        """
        return self._delegate("predict_proba", X, params=params)

    @available_if(estimator_has("predict_log_proba"))
    def predict_log_proba(self, X, **params):
        """Predict logarithms of class probabilities by the fitted estimator.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The rows.
        **params : dict
            Passed on to the `predict_log_proba` of the estimator by metadata routing.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
        """
        return self._delegate("predict_log_proba", X, params=params)

    @available_if(estimator_has("decision_function"))
    def decision_function(self, X, **params):
        """Evaluate the decision function of the fitted estimator.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The rows.
        **params : dict
            Passed on to the `decision_function` of the estimator by metadata routing.

        Returns
        -------
        scores : ndarray of shape (n_samples,) or (n_samples, n_classes)
        """
        return self._delegate("decision_function", X, params=params)

    @available_if(estimator_has("score"))
    def score(self, X, y, **params):
        """Return the score of the fitted estimator: accuracy, or R² for a regressor.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The rows.
        y : array-like of shape (n_samples,)
            Their labels or responses.
        **params : dict
            Passed on to the `score` of the estimator by metadata routing. Without
            routing `sample_weight` is accepted, and nothing else.

        Returns
        -------
        score : float
        """
        return self._delegate("score", X, y, params=params)

    @property
    def coef_(self):
        """Coefficients of `estimator_`; an AttributeError if it has none."""
        return self.estimator_.coef_

    @property
    def intercept_(self):
        """Intercept of `estimator_`; an AttributeError if it has none."""
        return self.estimator_.intercept_

    @property
    def feature_importances_(self):
        """Feature importances of `estimator_`; an AttributeError if it has none."""
        return self.estimator_.feature_importances_

    def _delegate(self, method, *args, params):
        """Call a method of the fitted estimator with the metadata it asks for."""
        check_is_fitted(self)
        # Without routing only the weights of a score are accepted.
        allowed = {"sample_weight"} if method == "score" else set()
        others = {name: params[name] for name in params.keys() - allowed}
        _raise_for_params(others, self, method)
        if _routing_enabled():
            params = process_routing(self, method, **params)["estimator"][method]
        elif params.get("sample_weight", 0) is None:
            params = {}  # an estimator without weights can be scored without any
        return getattr(self.estimator_, method)(*args, **params)
