"""Evaluation of estimators under attack.

Poison is crafted once for each fold and budget; robustness curves and reports score
estimators on it.
"""

from skpoison.model_selection._craft import CraftedPoison, PoisonedFold, craft
from skpoison.model_selection._curve import robustness_curve
from skpoison.model_selection._plot import RobustnessCurveDisplay
from skpoison.model_selection._report import RobustnessReport

__all__ = [
    "CraftedPoison",
    "PoisonedFold",
    "RobustnessCurveDisplay",
    "RobustnessReport",
    "craft",
    "robustness_curve",
]
