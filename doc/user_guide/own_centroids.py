"""A learner of one's own."""

import numpy as np
from sklearn.neighbors import NearestCentroid

from skpoison.bilevel.learners.base import ParametricLearner, Point
from skpoison.surrogates import TrainingProblem, as_training_problem


class Centroids(ParametricLearner):
    """A nearest centroid: the weights of a class are its centroid."""

    def shape(self, rows):
        """Say how many weights there are: a column for each class."""
        return rows.X.shape[1], rows.targets.shape[1]

    def at(self, W, rows):
        """Take the objective at some weights."""
        return CentroidsPoint(self, W, rows)

    def scores(self, X, W):
        """Compute what is highest for the nearest centroid."""
        return X @ W - (W**2).sum(axis=0) / 2

    def score_vjp(self, X, W, R):
        """Differentiate scores, times R, in the weights."""
        return X.T @ R - W * R.sum(axis=0)


class CentroidsPoint(Point):
    """Half the squared distances of rows to the centroids of their classes."""

    def objective(self):
        """Sum them up, with the weights of the rows."""
        losses = self.data_gradient()[2]
        return self.rows.weights @ losses

    def gradient(self):
        """Differentiate the sum in the centroids."""
        mine = self.rows.weights[:, np.newaxis] * self.rows.targets
        return self.W * mine.sum(axis=0) - self.rows.X.T @ mine

    def data_gradient(self, indices=slice(None)):
        """Differentiate the sum in features, targets and weights of rows."""
        X, targets = self.rows.X[indices], self.rows.targets[indices]
        weights = self.rows.weights[indices, np.newaxis]
        away = X[:, :, np.newaxis] - self.W
        distances = (away**2).sum(axis=1) / 2
        return (
            weights * (away * targets[:, np.newaxis]).sum(axis=2),
            weights * distances,
            (targets * distances).sum(axis=1),
        )


@as_training_problem.register
def translate(estimator: NearestCentroid, n_classes=None):
    """Say indices learner it is, and make targets of labels, given as positions."""
    return TrainingProblem(Centroids(), lambda codes: np.eye(n_classes)[codes])
