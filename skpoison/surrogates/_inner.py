"""Prediction and scoring by the one estimator inside a surrogate."""

from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted


def inner_has(name):
    """Return a check for `available_if`: does the estimator inside have a method?

    Parameters
    ----------
    name : str
        Name of the method.

    Returns
    -------
    check : callable
    """

    def check(self):
        # Raises the AttributeError of the estimator inside, which names the reason.
        getattr(getattr(self, f"{self._inner}_", getattr(self, self._inner)), name)
        return True

    return check


class PredictsByInnerMixin:
    """Mixin of surrogates that predict by an estimator that they fit.

    `_inner` is the name of the parameter that holds the estimator; the fitted one is in
    the attribute of that name with an underscore behind it.
    """

    _inner = "estimator"

    def predict(self, X):
        """Return what the estimator inside predicts.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_rows, n_features)
            The rows.

        Returns
        -------
        predicted : ndarray of shape (n_rows,)
        """
        return self._fitted().predict(X)

    @available_if(inner_has("predict_proba"))
    def predict_proba(self, X):
        """Return the class probabilities of the estimator inside.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_rows, n_features)
            The rows.

        Returns
        -------
        probabilities : ndarray of shape (n_rows, n_classes)
        """
        return self._fitted().predict_proba(X)

    @available_if(inner_has("decision_function"))
    def decision_function(self, X):
        """Return the decision function of the estimator inside.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_rows, n_features)
            The rows.

        Returns
        -------
        scores : ndarray of shape (n_rows,) or (n_rows, n_classes)
        """
        return self._fitted().decision_function(X)

    @available_if(inner_has("score"))
    def score(self, X, y, sample_weight=None):
        """Return the score of the estimator inside: accuracy, or R² for a regressor.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_rows, n_features)
            The rows.
        y : array-like of shape (n_rows,)
            Their labels or responses.
        sample_weight : array-like of shape (n_rows,), default=None
            Weights of the rows.

        Returns
        -------
        score : float
        """
        weights = {} if sample_weight is None else {"sample_weight": sample_weight}
        return self._fitted().score(X, y, **weights)

    @property
    def classes_(self):
        """Class labels; an AttributeError for a regressor."""
        return self._fitted().classes_

    @property
    def n_features_in_(self):
        """Number of features; an AttributeError if the estimator does not count."""
        return self._fitted().n_features_in_

    def _fitted(self):
        check_is_fitted(self, f"{self._inner}_")
        return getattr(self, f"{self._inner}_")
