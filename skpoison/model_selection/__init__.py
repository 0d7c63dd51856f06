"""How much of a model is left when its training set is poisoned?"""

from skpoison.model_selection._curve import robustness_curve
from skpoison.model_selection._plot import RobustnessCurveDisplay

__all__ = ["RobustnessCurveDisplay", "robustness_curve"]
