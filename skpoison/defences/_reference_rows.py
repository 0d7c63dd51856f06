"""Reference rows: the rows with which a filter compares the others.

A search for neighbours among n rows costs n² distances: minutes from some ten thousand
rows on. Tree indexes help with few columns only. Two things keep the cost down: a
random sample of reference rows, beyond a number, makes it linear in n; and rows that
are mostly alike in each column are searched as sparse rows.
"""

import numpy as np
from scipy import sparse

# Share of entries that may differ from the usual value of their column in rows that
# are searched as sparse ones. Beyond it products of dense rows are faster.
MAX_DENSITY = 0.1
# Dense rows of fewer columns are searched faster as they are.
MIN_COLUMNS = 100
# Number of rows from which the usual value of a column is guessed.
N_GUESSED_FROM = 101


def sample_rows(codes, n_sampled, random_state):
    """Return the positions of a random sample in which each class keeps its share.

    Systematic sampling: the rows are put in order, by class and at random within it,
    and every so many-th row is taken from a random start. The number of rows of a class
    differs from its share by less than one.

    Parameters
    ----------
    codes : ndarray of shape (n_samples,) of int
        The class of each row.
    n_sampled : int
        Number of rows of the sample; at most `n_samples`.
    random_state : RandomState instance
        Draws the sample.

    Returns
    -------
    positions : ndarray of shape (n_sampled,) of int
        They rise.
    """
    n_samples = codes.shape[0]
    order = np.lexsort((random_state.uniform(size=n_samples), codes))
    steps = (np.arange(n_sampled) + random_state.uniform()) * (n_samples / n_sampled)
    return np.sort(order[np.minimum(steps.astype(int), n_samples - 1)])


def usual_values(X):
    """Return the usual value of each column if most rows have it.

    Words counted in a dense array are mostly 0, and a scaler turns these zeros into
    another value, the same in all of a column.

    Parameters
    ----------
    X : {ndarray, csr matrix} of shape (n_samples, n_features)
        The rows; finite numbers.

    Returns
    -------
    usual : ndarray of shape (n_features,) or None
        None if the rows are sparse, have few columns, or differ too much.
    """
    if sparse.issparse(X) or X.shape[1] < MIN_COLUMNS:
        return None
    rows = np.linspace(0, X.shape[0] - 1, N_GUESSED_FROM).astype(int)
    # One of the values, and not a mean of two, so that it cancels exactly.
    usual = np.sort(X[rows], axis=0)[N_GUESSED_FROM // 2]
    return None if np.mean(np.not_equal(X, usual)) > MAX_DENSITY else usual


def as_sparse_if_alike(X, usual=None):
    """Move dense rows to where most entries are 0, and make them sparse.

    The usual values, subtracted from the rows, leave all differences between rows as
    they are, and with them the Euclidean distances.

    Parameters
    ----------
    X : {ndarray, csr matrix} of shape (n_samples, n_features)
        The rows; finite numbers.
    usual : ndarray of shape (n_features,), default=None
        Those of the rows with which they are to be compared. None: their own.

    Returns
    -------
    X : {ndarray, csr matrix} of shape (n_samples, n_features)
        The rows given if they have no usual values.
    """
    usual = usual_values(X) if usual is None else usual
    if usual is None:
        return X
    differs = np.not_equal(X, usual)
    moved = sparse.csr_matrix(differs, dtype=X.dtype)
    # The positions of its entries are those of the mask, row by row.
    moved.data = X[differs] - np.broadcast_to(usual, X.shape)[differs]
    return moved
