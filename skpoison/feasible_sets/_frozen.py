"""Frozen features: those that the attacker cannot change."""

import numpy as np

from skpoison.feasible_sets._checks import check_columns
from skpoison.feasible_sets._columnwise import BoundedSet


class Frozen(BoundedSet):
    """Rows in which some features keep the values from which the attack started.

    Parameters
    ----------
    columns : array-like of int
        The column indices of those features.

    Attributes
    ----------
    columns_ : ndarray of shape (n_columns,) of int
        The column indices, checked.
    n_features_in_ : int
        Number of features seen in `fit`.

    Examples
    --------
    >>> from skpoison.feasible_sets import Frozen
    >>> frozen = Frozen(columns=[0]).fit([[1.0, 2.0], [3.0, 8.0]])
    >>> frozen.project([[5.0, 6.0]], start=[[1.0, 2.0]])
    array([[1., 6.]])
    """

    requires_start = True
    _parameter_constraints: dict = {"columns": ["array-like"]}

    def __init__(self, columns):
        self.columns = columns

    def _fit(self, X, y):
        self.columns_ = check_columns("columns", self.columns, X.shape[1])

    def _bounds(self, start, y):
        frozen = np.isin(np.arange(start.shape[1]), self.columns_)
        return np.where(frozen, start, -np.inf), np.where(frozen, start, np.inf)
