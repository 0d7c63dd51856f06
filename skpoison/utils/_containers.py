"""Rows of a training set in the user's own container.

A poisoned training set consists of rows that were there before and of new rows. The
former are *taken* by their positions, which keeps everything that a container knows
about them: dtype, categories, sparse format, column names. Only rows with new values
have to be written into a container.
"""

import narwhals.stable.v2 as nw
import numpy as np
from scipy import sparse
from sklearn.utils import _safe_indexing


def is_frame(X):
    """Return whether X is a dataframe (pandas, polars, ...)."""
    return nw.dependencies.is_into_dataframe(X)


def _is_pandas(X):
    return nw.dependencies.is_pandas_dataframe(X) or nw.dependencies.is_pandas_series(X)


def take_rows(X, positions):
    """Copy the rows of X at some positions.

    Parameters
    ----------
    X : array-like, sparse matrix, dataframe or series of length n_samples
        The rows to choose from.
    positions : ndarray of shape (n_taken,) of int
        Their positions; one may occur several times.

    Returns
    -------
    rows : same type as X, of length n_taken
        It shares no memory with X. A pandas index starts from 0 again.
    """
    if isinstance(X, list | tuple):
        return type(X)(
            [
                row.copy() if isinstance(row, list) else row
                for row in map(X.__getitem__, positions)
            ]
        )
    if sparse.issparse(X):
        return X.tocsr()[positions].asformat(X.format)
    rows = _safe_indexing(X, positions)
    return rows.reset_index(drop=True) if _is_pandas(rows) else rows


def append_rows(X, rows):
    """Append numeric rows to X, in its own container and dtypes.

    Parameters
    ----------
    X : array-like, sparse matrix or dataframe of shape (n_samples, n_features)
        The rows before them; it is not written to.
    rows : {ndarray, sparse matrix} of shape (n_new, n_features)
        The rows. For columns of integers they are rounded to the nearest one.

    Returns
    -------
    X_out : same type as X, of shape (n_samples + n_new, n_features)
    """
    if sparse.issparse(X):
        rows = cast_like(sparse.csr_matrix(rows), X.dtype)
        return type(X)(sparse.vstack([X, rows]))
    rows = rows.toarray() if sparse.issparse(rows) else np.asarray(rows)
    if isinstance(X, list):
        return take_rows(X, np.arange(len(X))) + rows.tolist()
    if not is_frame(X):
        X = np.asarray(X)
        return np.concatenate([X, cast_like(rows, X.dtype)])
    if _is_pandas(X):
        return _append_to_pandas(X, rows)
    frame = nw.from_native(X, eager_only=True)
    new = {
        name: nw.new_series(
            name,
            cast_like(column, _numpy_name(dtype) if dtype.is_integer() else np.float64),
            dtype,
            backend=frame.implementation,
        )
        for (name, dtype), column in zip(frame.schema.items(), rows.T, strict=True)
    }
    return nw.concat([frame, nw.from_dict(new)]).to_native()


def append_responses(y, values):
    """Append responses to y, in its own container and dtype.

    Parameters
    ----------
    y : array-like, series or dataframe of length n_samples
        The responses before them; it is not written to.
    values : ndarray of shape (n_new,)
        The responses. In an array of integers they are rounded to the nearest one.

    Returns
    -------
    y_out : same type as y, of length n_samples + n_new
    """
    if isinstance(y, list | tuple):
        return type(y)([*y, *cast_like(values, np.asarray(y).dtype).tolist()])
    if is_frame(y):
        return append_rows(y, values[:, np.newaxis])
    if not nw.dependencies.is_into_series(y):
        y = np.asarray(y)
        values = values.reshape(-1, *y.shape[1:])
        return np.concatenate([y, cast_like(values, y.dtype)])
    # A series is a frame of one column.
    series = nw.from_native(y, series_only=True)
    frame = append_rows(series.to_frame().to_native(), values[:, np.newaxis])
    out = nw.from_native(frame, eager_only=True)[:, 0].to_native()
    return out.rename(y.name) if _is_pandas(y) else out  # it may have none


def _append_to_pandas(X, rows):
    """Append rows to a pandas frame, column by column: names may repeat."""
    import pandas as pd

    columns = []
    for j, column in enumerate(rows.T):
        old = X.iloc[:, j]
        # Sparse columns know the dtype of their values by another name.
        value_dtype = getattr(old.dtype, "subtype", old.dtype)
        types = pd.api.types
        if types.is_integer_dtype(value_dtype):
            column = cast_like(column, _numpy_name(value_dtype))
        elif types.is_bool_dtype(value_dtype):
            column = np.rint(column)
        new = pd.Series(column).astype(value_dtype).astype(old.dtype)
        columns.append(pd.concat([old, new], ignore_index=True))
    return pd.concat(columns, axis=1).set_axis(X.columns, axis=1)


def cast_like(values, dtype):
    """Return numbers in a dtype: of integers the nearest one that it can hold."""
    dtype = np.dtype(dtype)
    if dtype.kind in "iub":
        values = values.rint() if sparse.issparse(values) else np.rint(values)
    if dtype.kind in "iu":
        if sparse.issparse(values):
            values.data = _within(values.data, dtype.name)
        else:
            values = _within(values, dtype.name)
    return values.astype(dtype, copy=False)


def _numpy_name(dtype):
    """Return numpy's name of an integer type of a frame; int64 if it has none."""
    name = str(dtype).partition("[")[0].lower()  # int8[pyarrow], say
    return name if name in np.sctypeDict else "int64"


def _within(values, name):
    """Clip numbers to the range of a type of integers, such as "uint8"."""
    ends = np.iinfo(name)
    # The float next to the largest integer of 64 bits is larger than it.
    last = float(ends.max) if ends.bits < 64 else np.nextafter(float(ends.max), 0)
    return np.clip(values, float(ends.min), last)
