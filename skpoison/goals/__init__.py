"""Goals of the attacker."""

from skpoison.goals._base import BaseGoal
from skpoison.goals._base import GoalContext as GoalContext
from skpoison.goals._errors import ErrorGeneric as ErrorGeneric
from skpoison.goals._errors import ErrorSpecific as ErrorSpecific
from skpoison.goals._errors import TargetLabels as TargetLabels
from skpoison.goals._learnt import TargetCoefficients, TargetFeatures

__all__ = [
    "BaseGoal",
    "TargetCoefficients",
    "TargetFeatures",
]
