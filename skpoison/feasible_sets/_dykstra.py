"""Dykstra's algorithm: projection onto the intersection of convex sets."""

import numpy as np


def dykstra(projections, X, *, tol=1e-12, max_iter=1000):
    """Project rows onto the intersection of convex sets (Boyle & Dykstra 1986).

    Each set is projected onto in turn, after what its last projection took off has been
    added again: so the limit is the nearest row, and not just any row of all sets.

    Parameters
    ----------
    projections : list of callables
        For each set: takes rows and their positions in X, returns the nearest rows.
    X : ndarray of shape (n_rows, n_features)
        The rows.
    tol : float, default=1e-12
        A row has converged when no correction changes by more than this, relative to
        the largest value of the row.
    max_iter : int, default=1000
        The maximum number of cycles through the sets.

    Returns
    -------
    rows : ndarray of shape (n_rows, n_features)
        The nearest rows. They lie exactly in the last set.
    converged : ndarray of shape (n_rows,) of bool
        Which rows have converged.
    """
    rows = X.copy()
    corrections = np.zeros((len(projections), *X.shape))
    active = np.arange(X.shape[0])
    for _ in range(max_iter):
        changes = np.zeros(active.shape[0])
        for correction, project in zip(corrections, projections, strict=True):
            shifted = rows[active] + correction[active]
            nearest = project(shifted, active)
            change = np.abs(shifted - nearest - correction[active]).max(axis=1)
            changes = np.maximum(changes, change)
            correction[active] = shifted - nearest
            rows[active] = nearest
        size = np.maximum(np.abs(X[active]), np.abs(rows[active])).max(axis=1)
        active = active[changes > tol * size]
        if active.size == 0:
            break
    return rows, ~np.isin(np.arange(X.shape[0]), active)
