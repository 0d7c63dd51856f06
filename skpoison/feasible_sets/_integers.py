"""Which features are counts?"""

import numpy as np
from scipy import sparse

from skpoison.feasible_sets._base import check_columns
from skpoison.feasible_sets._box import Box
from skpoison.feasible_sets._columnwise import GroupedSet


class Integers(GroupedSet):
    """Rows of which some features are whole numbers.

    Its relaxation is everything.

    Parameters
    ----------
    columns : array-like of int, default=None
        The positions of those features. None: those that hold nothing but whole
        numbers in the data.

    Attributes
    ----------
    columns_ : ndarray of shape (n_columns,) of int
        The positions of those features.
    n_features_in_ : int
        Number of features seen.

    Examples
    --------
    >>> from skpoison.feasible_sets import Integers
    >>> integers = Integers().fit([[1.0, 2.5], [3.0, 8.0]])
    >>> integers.columns_
    array([0])
    >>> integers.project([[1.7, 1.7]])
    array([[2. , 1.7]])
    """

    _parameter_constraints: dict = {"columns": ["array-like", None]}

    def __init__(self, columns=None):
        self.columns = columns

    def _fit(self, X):
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
        bound = self.columns_
        lower, upper = np.ceil(lower[:, bound]), np.floor(upper[:, bound])
        nearest = np.clip(np.rint(X[:, bound]), lower, upper)
        return np.where(lower <= upper, nearest, np.nan)

    def _contains(self, X, start):
        values = X[:, self.columns_]
        return (np.rint(values) == values).all(axis=1)

    def _relax(self):
        return Box(-np.inf, np.inf).fit(np.zeros((1, self.n_features_in_)))
