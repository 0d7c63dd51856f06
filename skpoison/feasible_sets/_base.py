"""What is a feasible set?"""

from abc import ABCMeta, abstractmethod

import numpy as np
from sklearn.base import BaseEstimator, _fit_context
from sklearn.utils import check_array
from sklearn.utils.validation import _check_n_features, check_is_fitted


class BaseFeasibleSet(BaseEstimator, metaclass=ABCMeta):
    """Base class of all feasible sets.

    A subclass implements `_project` and `_contains`, which get checked arrays, and of
    which the second forgives what rounding does to results of the first; and `_fit`,
    where it learns something from the data. A set measured from the rows from which
    the attack sets out has the class attribute `_needs_start` set to True. A set that
    is not convex implements `_relax`.

    Attributes
    ----------
    n_features_in_ : int
        Number of features seen.

    See Also
    --------
    Intersection : Several sets at once, those of one's own among them.

    Examples
    --------
    Rows that together make up no more than a total:

    >>> import numpy as np
    >>> from skpoison.feasible_sets import BaseFeasibleSet
    >>> class Total(BaseFeasibleSet):
    ...     def __init__(self, most=1.0):
    ...         self.most = most
    ...
    ...     def _project(self, X, start):
    ...         excess = np.maximum(X.sum(axis=1, keepdims=True) - self.most, 0)
    ...         return X - excess / X.shape[1]
    ...
    ...     def _contains(self, X, start):
    ...         return X.sum(axis=1) <= self.most + 1e-9
    >>> Total(most=4).fit([[1.0, 2.0]]).project([[1.0, 2.0], [5.0, 1.0]])
    array([[1., 2.],
           [4., 0.]])
    """

    _needs_start = False
    _parameter_constraints: dict = {}

    # Sets inside this one have parameters that the user gave.
    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y=None):
        """Learn from the data what the parameters leave open.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The data. They are not written to.
        y : None
            Ignored.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If the data are not finite numbers, or a parameter does not go with them.
        """
        X = check_array(X, accept_sparse="csr", estimator=self, input_name="X")
        _check_n_features(self, X, reset=True)
        self._fit(X)
        return self

    def project(self, X, start=None):
        """Find the nearest rows in the set.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            The rows. They are not written to.
        start : array-like of shape (n_rows, n_features), default=None
            The rows from which the attack has set out, for sets measured from there.
            Others ignore it.

        Returns
        -------
        X : ndarray of shape (n_rows, n_features)

        Raises
        ------
        ValueError
            If there are not as many features as in the data, if `start` is missing
            where it is needed, or if the set is empty.
        """
        return self._project(*self._checked(X, start, finite=True))

    def contains(self, X, start=None):
        """Tell which rows lie in the set.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            The rows.
        start : array-like of shape (n_rows, n_features), default=None
            The rows from which the attack has set out, for sets measured from there.
            Others ignore it.

        Returns
        -------
        inside : ndarray of shape (n_rows,) of bool
        """
        return self._contains(*self._checked(X, start, finite=False))

    def relax(self):
        """Find the convex set that stands for this one while an attack climbs.

        A gradient leads nowhere between whole numbers or categories. So an attack
        climbs in a convex set around the discrete one, and projects onto the discrete
        one in the end.

        Returns
        -------
        relaxed : object
            A fitted set. It is this set itself if, and only if, this one is convex.
        """
        check_is_fitted(self)
        return self._relax()

    def _fit(self, X):
        """Learn from checked data, an array or in CSR."""

    @abstractmethod
    def _project(self, X, start):
        """Find the nearest rows, as a new array."""

    @abstractmethod
    def _contains(self, X, start):
        """Tell which rows lie in the set; a row with NaN does not."""

    def _relax(self):
        return self

    def _checked(self, X, start, *, finite):
        check_is_fitted(self)
        checks = {"dtype": np.float64, "ensure_min_samples": 0, "estimator": self}
        X = check_array(X, ensure_all_finite=finite, input_name="X", **checks)
        _check_n_features(self, X, reset=False)
        if start is not None:
            start = check_array(start, input_name="start", **checks)
            if start.shape != X.shape:
                raise ValueError(
                    f"start has the shape {start.shape}, but X has {X.shape}. Give for "
                    "each row of X the row from which the attack set out."
                )
        elif self._needs_start:
            raise ValueError(
                f"start=None, but {type(self).__name__} is measured from there. Give "
                "for each row of X the row from which the attack set out."
            )
        return X, start


def check_columns(name, columns, n_features):
    """Check positions of columns.

    Parameters
    ----------
    name : str
        The parameter that holds them.
    columns : array-like of int
        The positions.
    n_features : int
        How many columns there are.

    Returns
    -------
    columns : ndarray of shape (n_columns,) of int

    Raises
    ------
    ValueError
        If they are no positions.
    """
    positions = np.asarray(columns)
    if positions.size == 0:
        return np.empty(0, dtype=int)
    if positions.ndim != 1 or positions.dtype.kind not in "iu":
        raise ValueError(
            f"{name} must hold positions of columns, as whole numbers; got "
            f"{columns!r}. From a mask make them by np.flatnonzero(mask)."
        )
    outside = positions[(positions < 0) | (positions >= n_features)]
    if outside.size:
        raise ValueError(
            f"{name} has column {outside[0]}, but X has {n_features} features: give "
            f"positions from 0 to {n_features - 1}."
        )
    return positions
