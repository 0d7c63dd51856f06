"""Nearest centroids as a surrogate: a learner whose scores are not linear."""

import numpy as np
from sklearn.neighbors import NearestCentroid

from skpoison.bilevel.learners.base import ParametricLearner, Point
from skpoison.surrogates import TrainingProblem, as_training_problem


class Centroids(ParametricLearner):
    """Nearest centroids. The weights are the centroids, one column for each class."""

    def shape(self, rows):
        """Return the shape of the weights."""
        return rows.X.shape[1], rows.targets.shape[1]

    def at(self, W, rows):
        """Return the objective at some weights."""
        return CentroidsPoint(self, W, rows)

    def scores(self, X, W):
        """Compute scores that are largest for the nearest centroid."""
        return X @ W - (W**2).sum(axis=0) / 2

    def score_vjp(self, X, W, R):
        """Compute the gradient of the sum of R times the scores in the weights."""
        return X.T @ R - W * R.sum(axis=0)


class CentroidsPoint(Point):
    """Half the squared distances of rows to the centroids of their classes."""

    def objective(self):
        """Compute their weighted sum."""
        losses = self.data_gradient()[2]
        return self.rows.weights @ losses

    def gradient(self):
        """Compute the gradient of the sum in the centroids."""
        members = self.rows.weights[:, np.newaxis] * self.rows.targets
        return self.W * members.sum(axis=0) - self.rows.X.T @ members

    def data_gradient(self, indices=slice(None)):
        """Compute the gradient in the features, targets and weights of rows."""
        X, targets = self.rows.X[indices], self.rows.targets[indices]
        weights = self.rows.weights[indices, np.newaxis]
        offsets = X[:, :, np.newaxis] - self.W
        distances = (offsets**2).sum(axis=1) / 2
        return (
            weights * (offsets * targets[:, np.newaxis]).sum(axis=2),
            weights * distances,
            (targets * distances).sum(axis=1),
        )


@as_training_problem.register
def centroids_problem(estimator: NearestCentroid, n_classes=None):
    """Return the training problem of a NearestCentroid."""
    return TrainingProblem(Centroids(), lambda codes: np.eye(n_classes)[codes])
