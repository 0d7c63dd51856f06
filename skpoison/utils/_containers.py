"""Rows of a training set in the user's own container.

A poisoned training set consists of rows that were there before and of new rows. The
former are *taken* by their positions, which keeps everything that a container knows
about them: dtype, categories, sparse format, column names, labels of rows. Only rows
with new values have to be written into a container.
"""

from collections.abc import Mapping

import narwhals.stable.v2 as nw
import numpy as np
from scipy import sparse
from sklearn.utils import _safe_indexing

from skpoison.utils._index import extend_index


def is_frame(X):
    """Return whether X is a dataframe (pandas, polars, ...)."""
    return nw.dependencies.is_into_dataframe(X)


def is_text(X):
    """Return whether X has one dimension and holds texts, as vectorizers take them.

    Parameters
    ----------
    X : object
        A list, a tuple, an array, or a series. Texts are strings, bytes or, as for
        DictVectorizer, mappings; some of them may be missing.

    Returns
    -------
    is_text : bool
    """
    if isinstance(X, list | tuple):
        values = X
    elif not hasattr(X, "dtype") or np.ndim(X) != 1:
        return False
    else:
        values = np.asarray(X)
        if values.dtype.kind != "O":
            return values.dtype.kind in "SUT"
    missing = {type(None), float} | _types_of_na()
    types = set(map(type, values)) - missing
    return bool(types) and all(issubclass(t, str | bytes | Mapping) for t in types)


def _types_of_na():
    """Return the types of what pandas takes for missing besides None and NaN."""
    pd = nw.dependencies.get_pandas()
    return set() if pd is None else {type(pd.NA)}


def as_numbers(X):
    """Return rows as numbers of 64 bits, in an array or a sparse matrix.

    Parameters
    ----------
    X : {ndarray, sparse matrix, dataframe} of shape (n_samples, n_features)
        The rows. They are not written to.

    Returns
    -------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        What is missing in a dataframe is NaN.
    """
    if _is_pandas(X):
        return X.to_numpy(dtype=np.float64, na_value=np.nan)
    if sparse.issparse(X):
        return X.astype(np.float64, copy=False)
    return np.asarray(X, dtype=np.float64)


def join_rows(X, rows):
    """Join rows of the same columns, so that no value changes.

    Parameters
    ----------
    X, rows : {ndarray, sparse matrix, dataframe}
        The rows. If only one holds a dataframe, the other one's are numbers.

    Returns
    -------
    joined : same type as X
        In dtypes that hold the values of both. Rows of pandas are numbered anew.
    """
    if is_frame(X) and isinstance(rows, type(X)):
        return _join_frames(X, rows)
    if is_frame(rows) or (is_frame(X) and not sparse.issparse(rows)):
        rows = as_numbers(rows)
    if is_frame(X):
        return append_rows(X, rows)
    if sparse.issparse(X):
        return sparse.vstack([X, type(X)(rows)], format=X.format)
    return np.concatenate([X, rows.toarray() if sparse.issparse(rows) else rows])


def _is_pandas(X):
    return nw.dependencies.is_pandas_dataframe(X) or nw.dependencies.is_pandas_series(X)


def canonical(X):
    """Return a sparse matrix with one entry a cell, in order; anything else as it is.

    Repeated entries of a cell are added up. Products do not mind them, but sums of
    squares and extremes do.

    Parameters
    ----------
    X : {array-like, sparse matrix, dataframe}
        The data; they are not written to.

    Returns
    -------
    X : same type as X
        The object given, unless it is in another form.
    """
    if not sparse.issparse(X) or X.format not in ("csr", "csc"):
        return X  # scikit-learn's conversion of other formats adds them up
    if X.has_canonical_format:
        return X
    X = X.copy()
    X.sum_duplicates()
    return X


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
        It shares no memory with X. Rows of pandas keep their labels in the index.
    """
    if isinstance(X, list | tuple):
        return type(X)([_copy_of(X[position]) for position in positions])
    if sparse.issparse(X):
        return X.tocsr()[positions].asformat(X.format)
    if _is_pandas(X):
        return _take_from_pandas(X, positions)
    return _safe_indexing(X, positions)


def _copy_of(row):
    """Copy a row of a sequence, or return it if it cannot be written to."""
    return row.copy() if hasattr(row, "copy") else row


def label_rows(rows, X, kept):
    """Give rows the labels of the pandas index of a training set.

    Parameters
    ----------
    rows : array-like, sparse matrix, dataframe or series of length n_rows
        The rows. If they are a frame or a series of pandas, their index is replaced.
    X : same type as `rows`, of length n_samples
        The rows that they stem from.
    kept : ndarray of shape (n_kept,) of int
        The positions in X of the first rows, which keep their labels. The rows after
        them are new, and get labels that no row of X has.

    Returns
    -------
    rows : same type as `rows`, of length n_rows
        The object given.
    """
    if _is_pandas(rows):
        index = extend_index(X.index, len(rows) - kept.shape[0])
        is_new = np.arange(len(X), len(index))
        rows.index = index.take(np.concatenate([kept, is_new]))
    return rows


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
        In the index of pandas the rows have labels that no row of X has.
    """
    if sparse.issparse(X):
        rows = cast_like(sparse.csr_matrix(rows), X.dtype)
        return type(X)(sparse.vstack([X, rows]))
    rows = rows.toarray() if sparse.issparse(rows) else np.asarray(rows)
    if isinstance(X, list | tuple):
        return _append_to_sequence(X, rows)
    if not is_frame(X):
        return _append_to_array(np.asanyarray(X), rows)
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
        return _append_to_sequence(y, values)
    if is_frame(y):
        return append_rows(y, values[:, np.newaxis])
    if _is_pandas_array(y):
        return append_responses(_series_of(y), values).array
    if not nw.dependencies.is_into_series(y):
        return _append_to_array(np.asanyarray(y), values)
    # A series is a frame of one column.
    series = nw.from_native(y, series_only=True)
    frame = append_rows(series.to_frame().to_native(), values[:, np.newaxis])
    out = nw.from_native(frame, eager_only=True)[:, 0].to_native()
    # A series of pandas may have no name, and may be of a class of the user.
    return _of_class(out.rename(y.name), y) if _is_pandas(y) else out


def _append_to_array(X, rows):
    """Append rows to an array, which keeps its class and its byte order."""
    positions = np.zeros(X.shape[0] + rows.shape[0], dtype=int)
    positions[: X.shape[0]] = np.arange(X.shape[0])
    out = X[positions]
    out[X.shape[0] :] = cast_like(rows.reshape(-1, *X.shape[1:]), X.dtype)
    return out


def _append_to_sequence(X, rows):
    """Append rows to a list or a tuple, each as a container of its kind."""
    rows = cast_like(rows, np.asarray(X).dtype)
    return type(X)(
        [*take_rows(X, np.arange(len(X))), *(_as_row_like(X[0], row) for row in rows)]
    )


def _as_row_like(first, row):
    """Return a row as a container, or a number, of the type of another row."""
    if isinstance(first, np.ndarray):
        return cast_like(np.atleast_1d(row), first.dtype)
    if isinstance(first, np.generic):
        return cast_like(row, first.dtype)[()]
    if isinstance(first, list | tuple):
        make = getattr(type(first), "_make", type(first))  # of a named tuple
        return make(np.atleast_1d(row).tolist())
    return row.tolist()


def _take_from_pandas(X, positions):
    """Take rows of a frame or a series, with their labels in the index."""
    dtypes = X.dtypes if is_frame(X) else [X.dtype]
    if all(dtype.isnative for dtype in dtypes if isinstance(dtype, np.dtype)):
        return _of_class(X.take(positions), X)
    # Pandas itself takes no rows of columns in another byte order.
    if not is_frame(X):
        index = X.index.take(positions)
        return _of_class(type(X)(X.to_numpy()[positions], index, name=X.name), X)
    columns = [_take_from_pandas(X.iloc[:, j], positions) for j in range(X.shape[1])]
    return _of_columns(columns, X)


def _of_columns(columns, X):
    """Return columns as a frame of the class of X, with its names."""
    import pandas as pd

    frame = pd.concat(columns, axis=1).set_axis(X.columns, axis=1)
    return _of_class(frame, X)


def _of_class(data, X):
    """Return a frame or a series as one of the class of X, with its attributes."""
    if type(data) is not type(X):
        data = type(X)(data)
    return data.__finalize__(X)


def _is_pandas_array(y):
    """Return whether y is what a pandas series holds: nullable integers, say."""
    pd = nw.dependencies.get_pandas()
    return pd is not None and isinstance(y, pd.api.extensions.ExtensionArray)


def _series_of(y):
    """Return a pandas array as a series."""
    import pandas as pd

    return pd.Series(y)


def _append_to_pandas(X, rows):
    """Append rows to a pandas frame, column by column: names may repeat."""
    import pandas as pd

    columns, index = [], extend_index(X.index, rows.shape[0])
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
        column = pd.concat([old, new], ignore_index=True)
        column = column.astype(old.dtype)  # in its own byte order
        columns.append(column.set_axis(index))
    return _of_columns(columns, X)


def _join_frames(X, rows):
    """Join the rows of two frames of the same columns."""
    if _is_pandas(X):
        pd = nw.dependencies.get_pandas()
        # Names may repeat, or be numbers that differ.
        rows = rows.set_axis(X.columns, axis=1)
        return pd.concat([X, rows], ignore_index=True)
    frames = [nw.from_native(each, eager_only=True) for each in (X, rows)]
    first, second = (each.schema for each in frames)
    numbers = [
        nw.col(name).cast(nw.Float64) for name in first if first[name] != second[name]
    ]
    if numbers:
        frames = [each.with_columns(*numbers) for each in frames]
    return nw.concat(frames).to_native()


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


def are_numbers(X):
    """Return whether rows are a dense array of finite numbers.

    Parameters
    ----------
    X : object
        The rows.

    Returns
    -------
    are_numbers : bool
    """
    is_numeric = isinstance(X, np.ndarray) and X.dtype.kind in "fiub"
    return is_numeric and bool(np.isfinite(X).all())
