"""A feasible set that depends on labels: a sphere around the mean of each class."""

import numpy as np

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
