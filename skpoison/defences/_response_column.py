"""The response of regression rows as one more column, scaled to vary as all features.

A detector of outliers that sees this column, too, finds rows whose response is unusual
for their features.
"""

import narwhals.stable.v2 as nw
import numpy as np
from scipy import sparse

from skpoison.defences._robust_scale import total_variance
from skpoison.utils._containers import is_frame


def response_scale(X, y):
    """Compute the scale at which the response varies as much as all features.

    Parameters
    ----------
    X : {ndarray, csr matrix, dataframe} of shape (n_reference, n_features)
        The rows that set the scale.
    y : ndarray of shape (n_reference,)
        Their responses.

    Returns
    -------
    scale : float
        The variance of the scaled response is the sum of the variances of the features.
        1 if either is constant.
    """
    spread = total_variance(_numbers(X))
    own = total_variance(y[:, np.newaxis])
    return float(np.sqrt(spread / own)) if spread > 0 and own > 0 else 1.0


def with_response(X, y, scale):
    """Return rows with their response in the last column.

    Parameters
    ----------
    X : {ndarray, csr matrix, dataframe} of shape (n_samples, n_features)
        The rows.
    y : ndarray of shape (n_samples,)
        Their responses.
    scale : float
        By what they are multiplied.

    Returns
    -------
    X_y : {ndarray, csr matrix, dataframe} of shape (n_samples, n_features + 1)
        A dataframe stays one if all its names are words.
    """
    column = scale * y[:, np.newaxis]
    if is_frame(X) and all(isinstance(name, str) for name in X.columns):
        return _with_column(X, column[:, 0])
    X = X.to_numpy() if is_frame(X) else X
    if sparse.issparse(X):
        return sparse.hstack([X, column], format="csr")
    return np.hstack([X, column])


def _numbers(X):
    """Return the columns of X that hold numbers; missing values may be among them."""
    if is_frame(X):
        frame = nw.from_native(X, eager_only=True)
        X = frame.select(nw.selectors.numeric()).to_numpy()
    elif X.dtype.kind not in "fiub":
        numeric = [column for column in X.T if _is_numeric(column)]
        X = np.column_stack(numeric or [np.zeros(X.shape[0])])
    return X if sparse.issparse(X) else X.astype(np.float64)


def _is_numeric(column):
    """Return whether a column of objects holds numbers."""
    try:
        column.astype(np.float64)
    except (TypeError, ValueError):
        return False
    return True


def _with_column(X, column):
    """Return a dataframe with the response as its last column."""
    frame = nw.from_native(X, eager_only=True)
    name = "response"
    while name in frame.columns:
        name += "_"
    series = nw.new_series(name, column, backend=frame.implementation)
    return frame.with_columns(series).to_native()
