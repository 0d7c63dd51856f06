"""Which row in several convex sets is the nearest?"""

import numpy as np


def dykstra(projections, X, *, tol=1e-12, max_iter=1000):
    """Project rows onto the intersection of convex sets, by Dykstra's algorithm.

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
        The most cycles through the sets.

    Returns
    -------
    rows : ndarray of shape (n_rows, n_features)
        The nearest rows. They lie exactly in the last set.
    converged : ndarray of shape (n_rows,) of bool
        Which of them have converged.
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
