"""Ranges of columns."""

import numpy as np
from scipy import sparse


def column_ranges(X):
    """Return the smallest value and the range of each column.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_columns)
        The rows.

    Returns
    -------
    low, width : ndarray of shape (n_columns,)
        The width is 1 for a column of a constant.
    """
    low, high = (
        extreme.toarray().ravel() if sparse.issparse(extreme) else np.ravel(extreme)
        for extreme in (X.min(axis=0), X.max(axis=0))
    )
    width = high - low
    return low, np.where(width > 0, width, 1.0)
