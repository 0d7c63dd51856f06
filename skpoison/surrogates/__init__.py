"""What does the attacker believe that the victim learns?"""

from skpoison.surrogates._gradient_descent import (
    GradientDescentClassifier,
    GradientDescentRegressor,
)
from skpoison.surrogates._learner import as_learner

__all__ = ["GradientDescentClassifier", "GradientDescentRegressor", "as_learner"]
