"""Evaluation of estimators under attack.

Poison is crafted once for each fold and budget; robustness curves and reports score
estimators on it. A splitter scores the candidates of a search on trusted rows.
"""

from skpoison.model_selection._craft import CraftedPoison, PoisonedFold, craft
from skpoison.model_selection._curve import robustness_curve
from skpoison.model_selection._harmful_rows import harmful_rows
from skpoison.model_selection._plot import RobustnessCurveDisplay
from skpoison.model_selection._prequential import prequential_curve
from skpoison.model_selection._prequential_plot import PrequentialCurveDisplay
from skpoison.model_selection._report import RobustnessReport
from skpoison.model_selection._robustness_score import robustness_score
from skpoison.model_selection._scorers import (
    detection_scorer,
    subpopulation_scorer,
    success_scorer,
)
from skpoison.model_selection._transfer import transfer_matrix
from skpoison.model_selection._transfer_plot import TransferMatrixDisplay
from skpoison.model_selection._trusted_k_fold import TrustedKFold
from skpoison.model_selection._worst_case import worst_case_refit

__all__ = [
    "CraftedPoison",
    "PoisonedFold",
    "PrequentialCurveDisplay",
    "RobustnessCurveDisplay",
    "RobustnessReport",
    "TransferMatrixDisplay",
    "TrustedKFold",
    "craft",
    "detection_scorer",
    "harmful_rows",
    "prequential_curve",
    "robustness_curve",
    "robustness_score",
    "subpopulation_scorer",
    "success_scorer",
    "transfer_matrix",
    "worst_case_refit",
]
