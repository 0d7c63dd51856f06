"""Poisson regression as a surrogate."""

import numpy as np
from sklearn.linear_model import PoissonRegressor

from skpoison.bilevel.learners.linear import LinearLearner
from skpoison.bilevel.losses import CanonicalLoss
from skpoison.surrogates import TrainingProblem, as_training_problem


class PoissonLoss(CanonicalLoss):
    """The loss exp(z) - t z."""

    cumulant = mean = variance = staticmethod(np.exp)


@as_training_problem.register
def poisson_problem(estimator: PoissonRegressor, n_classes=None):
    """Return the training problem of a PoissonRegressor."""
    learner = LinearLearner(PoissonLoss(), estimator.alpha, estimator.fit_intercept)
    return TrainingProblem(learner, lambda y: y[:, np.newaxis], reduction="weight")
