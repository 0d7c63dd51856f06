"""Robustness of models whose training set is poisoned."""

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
