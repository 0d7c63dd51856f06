"""Integer features, such as counts."""

import numpy as np
from scipy import sparse

from skpoison.feasible_sets._checks import check_columns
from skpoison.feasible_sets._columnwise import GroupedSet, furthest_between


class Integers(GroupedSet):
    """Rows in which some features are integers.

    The relaxation is the whole space.

    Parameters
    ----------
    columns : array-like of int, default=None
        The column indices of those features. None takes the features that have only
        integer values in the training rows.

    Attributes
    ----------
    columns_ : ndarray of shape (n_columns,) of int
        The column indices of those features.
    n_features_in_ : int
        Number of features seen in `fit`.

    Examples
    --------
    >>> from skpoison.feasible_sets import Integers
    >>> integers = Integers().fit([[1.0, 2.5], [3.0, 8.0]])
    >>> integers.columns_
    array([0])
    >>> integers.project([[1.7, 1.7]])
    array([[2. , 1.7]])
    """

    kind = "discrete"
    _parameter_constraints: dict = {"columns": ["array-like", None]}

    def __init__(self, columns=None):
        self.columns = columns

    def _fit(self, X, y):
        if self.columns is not None:
            self.columns_ = check_columns("columns", self.columns, X.shape[1])
        elif sparse.issparse(X):
            entries = X.tocoo(copy=False)
            entries.sum_duplicates()
            broken = entries.col[entries.data != np.rint(entries.data)]
            self.columns_ = np.setdiff1d(np.arange(X.shape[1]), broken)
        else:
            self.columns_ = np.flatnonzero((np.rint(X) == X).all(axis=0))

    def _nearest(self, X, lower, upper):
        lower, upper = self._whole_bounds(lower, upper)
        nearest = np.clip(np.rint(X[:, self.columns_]), lower, upper)
        return np.where(lower <= upper, nearest, np.nan)

    def _furthest(self, direction, lower, upper):
        lower, upper = self._whole_bounds(lower, upper)
        furthest = furthest_between(direction[:, self.columns_], lower, upper)
        return np.where(lower <= upper, furthest, np.nan)

    def _whole_bounds(self, lower, upper):
        return np.ceil(lower[:, self.columns_]), np.floor(upper[:, self.columns_])

    def _contains(self, X, start, y):
        values = X[:, self.columns_]
        return (np.rint(values) == values).all(axis=1)
