"""Feasible sets that depend on labels: spheres, and the rows that detectors accept."""

import numpy as np
from sklearn.base import clone

from skpoison.feasible_sets import BaseFeasibleSet


class ClassSphere(BaseFeasibleSet):
    """Rows that are no further than a radius from the mean of their class."""

    kind, requires_labels = "convex", True

    def __init__(self, radius):
        self.radius = radius

    def _fit(self, X, y):
        self.means_ = {label: X[y == label].mean(axis=0) for label in np.unique(y)}

    def _project(self, X, start, y):
        offsets = X - np.array([self.means_[label] for label in y])
        distances = np.linalg.norm(offsets, axis=1, keepdims=True)
        return X - offsets * (1 - self.radius / np.maximum(distances, self.radius))


class AcceptedRows(BaseFeasibleSet):
    """Rows that an elliptic envelope, fitted to their class, takes for inliers."""

    kind, requires_labels = "neither", True

    def __init__(self, detector):
        self.detector = detector

    def _fit(self, X, y):
        self.fits_ = {c: clone(self.detector).fit(X[y == c]) for c in set(y)}

    def _contains(self, X, start, y):
        return np.array([self.fits_[c].predict(X[[i]])[0] > 0 for i, c in enumerate(y)])

    def _project(self, X, start, y):
        return self._project_radially(X, [self.fits_[c].location_ for c in y], y=y)
