"""Small training problems of every kind, and central differences."""

import numpy as np
import pytest
from scipy import sparse

from skpoison.bilevel.learners.base import ParametricLearner, Point, Rows
from skpoison.bilevel.learners.linear import LinearLearner
from skpoison.bilevel.losses import (
    Huber,
    Logistic,
    Multinomial,
    SmoothedHinge,
    Squared,
    SquaredHinge,
    softmax,
)

LEARNERS = {
    "logistic": LinearLearner(Logistic(), 0.7),
    "logistic, no intercept": LinearLearner(Logistic(), 0.7, intercept=0.0),
    "logistic, penalised intercept": LinearLearner(Logistic(), 0.7, 2.0, 0.7),
    "multinomial": LinearLearner(Multinomial(), 0.5),
    "multinomial, no intercept": LinearLearner(Multinomial(), 0.5, intercept=0.0),
    "squared": LinearLearner(Squared(), 0.3),
    "huber": LinearLearner(Huber(), 0.3),
    "squared hinge": LinearLearner(SquaredHinge(), 1.0, 1.0, 1.0),
    "smoothed hinge": LinearLearner(SmoothedHinge(0.5), 1.0),
}


def _make_rows(learner, n_samples=30, n_features=5, seed=0, is_sparse=False):
    """Make rows with targets that suit a learner, and uneven weights."""
    rng = np.random.RandomState(seed)
    X = rng.normal(size=(n_samples, n_features))
    if is_sparse:
        X[rng.rand(*X.shape) < 0.5] = 0
    n_outputs = 1 if isinstance(learner.loss, Logistic) else 3
    scores = X @ rng.normal(size=(n_features, n_outputs))
    scores += rng.normal(size=scores.shape)
    targets = scores
    if isinstance(learner.loss, Logistic):
        targets = (scores > 0).astype(float)
    elif isinstance(learner.loss, Multinomial):
        targets = np.eye(n_outputs)[scores.argmax(axis=1)]
    elif isinstance(learner.loss, SquaredHinge | SmoothedHinge):
        targets = np.where(scores > 0, 1.0, -1.0)
    X = sparse.csr_array(X) if is_sparse else X
    return Rows(X, targets, rng.uniform(0.5, 2, n_samples))


@pytest.fixture(params=LEARNERS.values(), ids=LEARNERS.keys())
def learner(request):
    return request.param


def _difference(function, at, direction, h=1e-4):
    """Differentiate along a direction by central differences, of the fourth order."""
    near = function(at + h * direction) - function(at - h * direction)
    far = function(at + 2 * h * direction) - function(at - 2 * h * direction)
    return (8 * near - far) / (12 * h)


class BarePoint(Point):
    """An objective that gives nothing beyond its first derivatives."""

    def __init__(self, learner, W, rows):
        super().__init__(learner, W, rows)
        self.full = learner.full.at(W, rows)

    def objective(self):
        return self.full.objective()

    def gradient(self):
        return self.full.gradient()

    def data_gradient(self, indices=slice(None)):
        loss, rows = self.learner.full.loss, self.rows
        scores, targets = self.full.scores[indices], rows.targets[indices]
        slopes = loss.gradient(scores, targets)
        of_targets = -slopes
        if isinstance(loss, Logistic):
            of_targets = -scores
        elif isinstance(loss, Multinomial):
            of_targets = softmax(scores)[1][:, np.newaxis] - scores
        elif isinstance(loss, SquaredHinge | SmoothedHinge):
            of_targets = slopes * scores / targets
        weights = rows.weights[indices, np.newaxis]
        of_features = weights * slopes @ self.W[: rows.X.shape[1]].T
        return of_features, weights * of_targets, loss.value(scores, targets)


class BareLearner(ParametricLearner):
    """A linear learner of which nobody knows that it is linear."""

    def __init__(self, full):
        self.full = full

    def shape(self, rows):
        return self.full.shape(rows)

    def at(self, W, rows):
        return BarePoint(self, W, rows)

    def scores(self, X, W):
        return self.full.scores(X, W)

    def score_vjp(self, X, W, R):
        return self.full.score_vjp(X, W, R)

    def project_out_softmax_nullspace(self, V):
        return self.full.project_out_softmax_nullspace(V)


@pytest.fixture
def make_bare():
    return BareLearner


@pytest.fixture
def make_rows():
    return _make_rows


@pytest.fixture
def difference():
    return _difference
