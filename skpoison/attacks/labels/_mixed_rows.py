"""Validation rows that no surrogate has learnt, made of the training rows.

A surrogate has learnt the rows that are flipped, and may suit single ones of them.
Between them it is seen better what it will do to rows that it has not met.
"""

import narwhals.stable.v2 as nw
import numpy as np
from scipy import sparse
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from skpoison.utils._containers import as_numbers, is_frame, is_text

# New rows of each row, the most of them in all, and the neighbours to mix it with.
N_MIXED, MOST, N_NEIGHBOURS = 3, 3000, 5
# Entries that are drawn at once: all of them would take several times the memory of the
# new rows.
BLOCK = 2**22


def numbers_of(X):
    """Return rows that can be mixed: finite numbers.

    Parameters
    ----------
    X : array, csr matrix, dataframe or texts, of shape (n_samples, ...)
        The rows.

    Returns
    -------
    X : {ndarray, csr matrix} of shape (n_samples, n_features), or None
        None if they are anything else, or a single row.
    """
    if is_text(X) or X.shape[0] < 2:
        return None
    if is_frame(X):
        if not _holds_numbers(X):
            return None
    elif X.dtype.kind not in "biuf":
        return None
    X = as_numbers(X)
    values = X.data if sparse.issparse(X) else X
    return X if np.isfinite(values).all() else None


def _holds_numbers(X):
    """Return whether all columns of a frame hold numbers or booleans."""
    if nw.dependencies.is_pandas_dataframe(X):
        # It also knows sparse columns.
        is_numeric = nw.dependencies.get_pandas().api.types.is_numeric_dtype
        return all(map(is_numeric, X.dtypes))
    types = nw.from_native(X).collect_schema().dtypes()
    return all(dtype.is_numeric() or dtype == nw.Boolean for dtype in types)


def mixed_rows(X, codes, random_state):
    """Mix rows with their neighbours.

    Each feature is that of a row or that of one of its nearest neighbours, in units of
    its standard deviation. So new rows are where rows are, and each feature has values
    that it has. The label is that of the row of which there are more features.

    Parameters
    ----------
    X : {ndarray, csr matrix} of shape (n_samples, n_features)
        The rows.
    codes : ndarray of shape (n_samples,) of int
        Their labels.
    random_state : RandomState
        The only source of randomness.

    Returns
    -------
    X : {ndarray, csr matrix} of shape (n_mixed, n_features)
        New rows: three for each row, and at most 3000.
    codes : ndarray of shape (n_mixed,) of int
        Their labels.
    """
    n_samples, n_features = X.shape
    n_mixed = min(N_MIXED * n_samples, MOST)
    n_near = min(N_NEIGHBOURS, n_samples - 1)
    first = np.resize(random_state.permutation(n_samples), n_mixed)
    if not sparse.issparse(X):
        # Of rows that are equally near the layout in memory must not decide.
        X = np.ascontiguousarray(X)
    # Squared distances are differences of squares: far from 0 they would be rounding.
    scaler = StandardScaler(with_mean=not sparse.issparse(X))
    scaled = scaler.set_output(transform="default").fit_transform(X)
    own, places = np.unique(first, return_inverse=True)
    index = NearestNeighbors(n_neighbors=n_near + 1, algorithm="brute").fit(scaled)
    # The first neighbour of a row is itself, or one that equals it.
    near = index.kneighbors(scaled[own], return_distance=False)[:, 1:]
    second = near[places.ravel(), random_state.randint(n_near, size=n_mixed)]
    chances = random_state.uniform(size=(n_mixed, 1))
    n_rows = max(1, BLOCK // n_features)
    parts, labels = [], np.empty(n_mixed, dtype=codes.dtype)
    mixed = None if sparse.issparse(X) else np.empty((n_mixed, n_features))
    for i in range(0, n_mixed, n_rows):
        some = slice(i, i + n_rows)
        one, other, chance = first[some], second[some], chances[some]
        is_other = random_state.uniform(size=(one.shape[0], n_features)) < chance
        if mixed is None:
            mine, others = X[one].multiply(~is_other), X[other].multiply(is_other)
            parts.append(mine + others)
        else:
            mixed[some] = np.where(is_other, X[other], X[one])
        is_label = is_other.mean(axis=1) > 0.5
        labels[some] = np.where(is_label, codes[other], codes[one])
    if mixed is None:
        mixed = type(X)(sparse.vstack(parts, format="csr"))
    return mixed, labels
