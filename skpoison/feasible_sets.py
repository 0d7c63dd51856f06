"""Where may a poison row lie?"""

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted


class Box(BaseEstimator):
    """Rows whose every feature lies between two bounds.

    Parameters
    ----------
    lower, upper : float or array-like of shape (n_features,), default=None
        The bounds, for all features or for each. None takes the smallest and the
        largest value of each feature in the data: such rows stand out in no feature.

    Attributes
    ----------
    lower_, upper_ : ndarray of shape (n_features,)
        The bounds of each feature.

    Examples
    --------
    >>> from skpoison.feasible_sets import Box
    >>> box = Box(lower=0).fit([[1.0, 2.0], [3.0, 8.0]])
    >>> box.project([[-1.0, 5.0], [4.0, 9.0]])
    array([[0., 5.],
           [3., 8.]])
    """

    def __init__(self, lower=None, upper=None):
        self.lower = lower
        self.upper = upper

    def fit(self, X, y=None):
        """Find the bounds that are not given.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The data.
        y : None
            Ignored.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If a lower bound lies above an upper one, or there are not as many bounds
            as features.
        """
        if not sparse.issparse(X):
            X = np.asarray(X)
        bounds = {}
        for name, extreme in (("lower", X.min), ("upper", X.max)):
            given = getattr(self, name)
            if given is None:
                given = extreme(axis=0)
                given = given.toarray() if sparse.issparse(given) else given
            given = np.asarray(given, dtype=float).ravel()
            if given.shape[0] not in (1, X.shape[1]):
                raise ValueError(
                    f"{name} has {given.shape[0]} bounds, but X has {X.shape[1]} "
                    "features. Give one for each, or one for all."
                )
            bounds[name] = np.broadcast_to(given, X.shape[1:]).copy()
        self.lower_, self.upper_ = bounds["lower"], bounds["upper"]
        crossed = np.flatnonzero(self.lower_ > self.upper_)
        if crossed.size:
            j = crossed[0]
            raise ValueError(
                f"The box is empty: for feature {j} the lower bound {self.lower_[j]:g} "
                f"lies above the upper bound {self.upper_[j]:g}."
            )
        return self

    def project(self, X):
        """Find the nearest rows in the box.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            The rows.

        Returns
        -------
        X : ndarray of shape (n_rows, n_features)
        """
        check_is_fitted(self)
        return np.clip(X, self.lower_, self.upper_)

    def contains(self, X):
        """Tell which rows lie in the box.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            The rows.

        Returns
        -------
        inside : ndarray of shape (n_rows,) of bool
        """
        check_is_fitted(self)
        X = np.asarray(X)
        return ((self.lower_ <= X) & (self.upper_ >= X)).all(axis=1)
