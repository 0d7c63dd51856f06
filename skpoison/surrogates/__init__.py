"""What does the attacker believe that the victim learns?"""

from skpoison.surrogates import _kernel_machine, _network, _sparse  # noqa: F401
from skpoison.surrogates._gradient_descent import (
    GradientDescentClassifier,
    GradientDescentRegressor,
)
from skpoison.surrogates._learner import Surrogate, as_learner

__all__ = [
    "GradientDescentClassifier",
    "GradientDescentRegressor",
    "Surrogate",
    "as_learner",
]
