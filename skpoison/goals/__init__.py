"""Goals of the attacker."""

from skpoison.goals._base import BaseGoal, GoalContext
from skpoison.goals._errors import ErrorGeneric, ErrorSpecific, TargetLabels
from skpoison.goals._learnt import TargetCoefficients, TargetFeatures

__all__ = [
    "BaseGoal",
    "ErrorGeneric",
    "ErrorSpecific",
    "GoalContext",
    "TargetCoefficients",
    "TargetFeatures",
    "TargetLabels",
]
