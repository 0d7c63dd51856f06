"""Checks of the parameters of feasible sets, and of what their methods return.

A set from outside the package that returns something else is named, with its method:
what comes of NaN in an attack would tell nobody where it is from.
"""

import numpy as np

from skpoison.utils._texts import shown


def check_columns(name, columns, n_features):
    """Check column indices.

    Parameters
    ----------
    name : str
        The parameter that holds them.
    columns : array-like of int
        The indices.
    n_features : int
        The number of columns.

    Returns
    -------
    columns : ndarray of shape (n_columns,) of int

    Raises
    ------
    ValueError
        If they are not indices of columns.
    """
    indices = np.asarray(columns)
    if indices.size == 0:
        return np.empty(0, dtype=int)
    if indices.ndim != 1 or indices.dtype.kind not in "iu":
        is_mask = indices.ndim == 1 and indices.dtype == bool
        raise ValueError(
            f"`{name}` must be column indices, as integers; got {shown(columns)}."
            + (" Convert a mask by np.flatnonzero(mask)." if is_mask else "")
        )
    outside = indices[(indices < 0) | (indices >= n_features)]
    if outside.size:
        raise ValueError(
            f"`{name}` must be column indices from 0 to {n_features - 1}, because X "
            f"has {n_features} features; got {outside[0]}."
        )
    return indices


def as_numbers(name, values):
    """Return numbers given by the user as an array.

    Parameters
    ----------
    name : str
        The parameter that holds them.
    values : array-like of float
        The numbers.

    Returns
    -------
    numbers : ndarray of float

    Raises
    ------
    ValueError
        If they are not numbers.
    """
    try:
        return np.asarray(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise ValueError(f"`{name}` must be numbers; got {shown(values)}.") from error


def check_rows(feasible_set, method, rows, X, *, may_be_infinite=False):
    """Check rows that a feasible set returns.

    Parameters
    ----------
    feasible_set : BaseFeasibleSet
        The set.
    method : str
        The method that has returned them.
    rows : object
        What it has returned.
    X : ndarray of shape (n_rows, n_features)
        The rows, or directions, that it was given.
    may_be_infinite : bool, default=False
        Whether infinity stands for unbounded.

    Returns
    -------
    rows : ndarray of shape (n_rows, n_features) of float64
        The same rows; not copied if they are of this type.

    Raises
    ------
    TypeError
        If it is not an array of numbers of the shape of X.
    ValueError
        If it has entries that are NaN, or infinite.
    """
    of = f"`{method}` of {type(feasible_set).__name__}"
    is_array = isinstance(rows, np.ndarray) and rows.dtype.kind in "fiub"
    if not is_array or rows.shape != X.shape:
        raise TypeError(
            f"{of} must return an array of numbers of the shape of its first argument, "
            f"{X.shape}; got {shown(rows)}."
        )
    wrong = np.isnan(rows) if may_be_infinite else ~np.isfinite(rows)
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise ValueError(
            f"{of} must return numbers"
            + (" that are not NaN" if may_be_infinite else " that are finite")
            + f"; got {rows[row, column]} for feature {column} of row {row}."
        )
    # What follows computes in place, and sums squares: not in whole numbers or bytes.
    return np.asarray(rows, dtype=np.float64)


def check_contained(feasible_set, inside, n_rows):
    """Check what the `_contains` of a feasible set returns.

    Parameters
    ----------
    feasible_set : BaseFeasibleSet
        The set.
    inside : object
        What it has returned.
    n_rows : int
        The number of rows that it was given.

    Raises
    ------
    TypeError
        If it is not a boolean for each row.
    """
    is_array = isinstance(inside, np.ndarray) and inside.dtype == bool
    if not is_array or inside.shape != (n_rows,):
        raise TypeError(
            f"`_contains` of {type(feasible_set).__name__} must return an array of "
            f"{n_rows} booleans, one for each row; got {shown(inside)}."
        )
