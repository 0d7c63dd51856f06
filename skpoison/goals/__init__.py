"""Goals: what the attacker wants.

Goals on errors and on scores are measured on validation rows; goals on coefficients or
on selected features read what the surrogate learns.
"""

from skpoison.goals._base import BaseGoal, GoalContext
from skpoison.goals._errors import ErrorGeneric, ErrorSpecific, TargetLabels
from skpoison.goals._learnt import TargetCoefficients, TargetFeatures
from skpoison.goals._scores import WeightedScores

__all__ = [
    "BaseGoal",
    "ErrorGeneric",
    "ErrorSpecific",
    "GoalContext",
    "TargetCoefficients",
    "TargetFeatures",
    "TargetLabels",
    "WeightedScores",
]
