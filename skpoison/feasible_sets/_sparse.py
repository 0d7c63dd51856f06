"""Cardinality constraint: a limit on the number of non-zero features of a row."""

from numbers import Integral, Real

import numpy as np
from scipy import sparse
from sklearn.utils._param_validation import Interval

from skpoison.feasible_sets._base import BaseFeasibleSet
from skpoison.feasible_sets._columnwise import keep_largest


class Sparse(BaseFeasibleSet):
    """Rows with a limited number of non-zero features (cardinality constraint).

    For sparse data, such as counts of words: without it an attack writes a small
    fraction of every word into each of its rows. The nearest row keeps the features
    that are largest in absolute value (hard thresholding [1]_), and of equal ones the
    first. In an intersection it keeps those for which being non-zero gains most, given
    what the other sets permit. The relaxation is the whole space.

    Parameters
    ----------
    max_nonzero : int or float, default=0.95
        The largest number of non-zeros of a row (int), or the quantile of this number
        over the training rows (float), the smallest that at least this share of them
        keeps. 1.0 is the number of the row with most, 1 is a single one.

    Attributes
    ----------
    max_nonzero_ : int
        The largest number of non-zeros of a row, at least 1.
    n_features_in_ : int
        Number of features seen in `fit`.

    See Also
    --------
    Integers : Whole numbers, such as counts.

    References
    ----------
    .. [1] T. Blumensath, M. E. Davies, "Iterative thresholding for sparse
       approximations", Journal of Fourier Analysis and Applications 14, 2008.

    Examples
    --------
    >>> from skpoison.feasible_sets import Box, Integers, Sparse, make_intersection
    >>> X = [[1, 0, 0, 2], [0, 3, 0, 0], [0, 0, 2, 1]]
    >>> Sparse(max_nonzero=2).fit(X).project([[1.4, -3.0, 0.2, 1.5]])
    array([[ 0. , -3. ,  0. ,  1.5]])
    >>> counts = make_intersection(Box(0, 5), Integers(), Sparse(max_nonzero=2))
    >>> counts.fit(X).project([[1.4, -3.0, 0.2, 1.5]])
    array([[1., 0., 0., 2.]])
    """

    kind = "discrete"
    _role = "sparse"
    _parameter_constraints: dict = {
        "max_nonzero": [
            Interval(Integral, 1, None, closed="left"),
            Interval(Real, 0, 1, closed="right"),
        ]
    }

    def __init__(self, max_nonzero=0.95):
        self.max_nonzero = max_nonzero

    def _fit(self, X, y):
        if isinstance(self.max_nonzero, Integral):
            self.max_nonzero_ = int(self.max_nonzero)
            return
        if sparse.issparse(X):  # which may store zeros
            rows = np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))
            counts = np.bincount(rows[X.data != 0], minlength=X.shape[0])
        else:
            counts = np.count_nonzero(X, axis=1)
        quantile = np.quantile(counts, self.max_nonzero, method="inverted_cdf")
        self.max_nonzero_ = max(1, int(quantile))

    def _project(self, X, start, y):
        rows = X.copy()
        keep_largest(rows, np.abs(X), np.zeros(X.shape, dtype=bool), self.max_nonzero_)
        return rows

    def _contains(self, X, start, y):
        return np.count_nonzero(X, axis=1) <= self.max_nonzero_

    def _maximise(self, direction, start, y):
        return np.copysign(np.where(direction == 0, 0, np.inf), direction)
