"""Scales of rows that a few rows, however far away, do not set.

An attacker can insert a row as far away as they like. Means and variances then tell of
that row alone, and scaled by them, also by a scaler before the defence, all others are
next to each other. Medians stay what they are.

What is not far is not changed: data without such rows have exactly the scale of their
variance.
"""

import numpy as np
from scipy import sparse

# Rows are pulled in to so many times the median distance from the median.
FAR = 10.0
# Entries are far in their column if they differ so many times as much as usual.
FAR_IN_COLUMN = 1000.0


def standardize(X):
    """Scale rows to a mean squared distance of 1 from their mean, and centre them.

    Parameters
    ----------
    X : {ndarray, csr matrix} of shape (n_samples, n_features)
        The rows. Sparse rows are not centred, so that they stay sparse.

    Returns
    -------
    X_scaled : {ndarray, csr matrix} of shape (n_samples, n_features)
        Rows far from all others are pulled in before.
    """
    X = pull_in(X.astype(np.float64))
    mean = X.mean(axis=0)
    if sparse.issparse(X):
        square = X.multiply(X).sum() / X.shape[0] - np.square(mean).sum()
    else:
        X = X - mean
        square = np.square(X).sum() / X.shape[0]
    return X / np.sqrt(square) if square > 0 else X


def total_variance(X):
    """Compute the sum of the variances of all columns, without far rows.

    Parameters
    ----------
    X : {ndarray, csr matrix} of shape (n_samples, n_features)
        The rows. Missing values count as the median of their column.

    Returns
    -------
    variance : float
    """
    if not sparse.issparse(X) and np.isnan(X).any():
        known = X[:, ~np.isnan(X).all(axis=0)]
        X = np.where(np.isnan(known), np.nanmedian(known, axis=0), known)
    X = pull_in(X)
    if sparse.issparse(X):
        squares = X.multiply(X).mean(axis=0) - np.square(X.mean(axis=0))
        return float(np.sum(squares))
    return float(np.var(X, axis=0).sum())


def pull_in(X):
    """Pull rows that are far from all others in.

    Parameters
    ----------
    X : {ndarray, csr matrix} of shape (n_samples, n_features)
        The rows; they are not written to.

    Returns
    -------
    X_near : {ndarray, csr matrix} of shape (n_samples, n_features)
        X itself if no row is far. Distances are from the median of each column, for
        sparse rows from 0.
    """
    if sparse.issparse(X):
        factors = _factors(_distances(X)[0])
        return X if factors is None else sparse.diags_array(factors).tocsr() @ X
    X = _pull_in_columns(X)
    distances, center = _distances(X)
    factors = _factors(distances)
    if factors is None:
        return X
    return np.where(
        (factors < 1)[:, np.newaxis],
        center + factors[:, np.newaxis] * (X - center),
        X,
    )


def is_far(X):
    """Return which rows are far from all others: those that are pulled in.

    Parameters
    ----------
    X : {ndarray, csr matrix} of shape (n_samples, n_features)
        The rows; they are not written to.

    Returns
    -------
    is_far : ndarray of shape (n_samples,) of bool
    """
    X = X if sparse.issparse(X) else _pull_in_columns(X)
    factors = _factors(_distances(X)[0])
    return np.zeros(X.shape[0], dtype=bool) if factors is None else factors < 1


def _distances(X):
    """Return the distance of each row from the centre, and the centre."""
    if sparse.issparse(X):
        return np.sqrt(np.ravel(X.multiply(X).sum(axis=1))), 0.0
    center = np.median(X, axis=0)
    return np.linalg.norm(X - center, axis=1), center


def _factors(distances):
    """Return by how much each distance is shortened; None if none is."""
    others = distances[distances > 0]
    if not others.shape[0]:
        return None
    limit = FAR * np.median(others)
    if others.max() <= limit:
        return None
    return limit / np.maximum(distances, limit)


def _pull_in_columns(X):
    """Pull in entries far from all others in their column.

    A scaler before the defence has made the others of such a column small. So they are
    scaled to vary as much as the other columns usually do.
    """
    centers, usual, is_far = np.median(X, axis=0), np.ones(X.shape[1]), []
    for j, (column, center) in enumerate(zip(X.T, centers, strict=True)):
        distances = np.abs(column - center)
        others = distances[distances > np.spacing(np.abs(center))]
        if others.shape[0]:
            usual[j] = np.median(others)
        if others.shape[0] and others.max() > FAR_IN_COLUMN * usual[j]:
            is_far.append(j)
    if not is_far:
        return X
    rest = np.delete(usual, is_far)
    target = np.median(rest) if rest.shape[0] else 1.0
    X = X.copy()
    for j in is_far:
        near = (X[:, j] - centers[j]) / usual[j]
        X[:, j] = target * np.clip(near, -FAR_IN_COLUMN, FAR_IN_COLUMN)
    return X
