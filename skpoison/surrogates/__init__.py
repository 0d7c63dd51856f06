"""Surrogates: estimators whose training an attack can differentiate.

:func:`as_training_problem` translates an estimator into its training problem. Two
estimators here are trained by a fixed number of steps of gradient descent.
"""

from skpoison.surrogates import _lasso, _least_squares, _network, _svc  # noqa: F401
from skpoison.surrogates._gradient_descent import (
    GradientDescentClassifier,
    GradientDescentRegressor,
)
from skpoison.surrogates._hypergradient import Unrolled
from skpoison.surrogates._penalty_learner import as_penalty_learner
from skpoison.surrogates._student import as_student
from skpoison.surrogates._training_problem import TrainingProblem, as_training_problem

__all__ = [
    "GradientDescentClassifier",
    "GradientDescentRegressor",
    "TrainingProblem",
    "Unrolled",
    "as_penalty_learner",
    "as_student",
    "as_training_problem",
]
