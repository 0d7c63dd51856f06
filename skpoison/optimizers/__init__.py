"""Optimizers: how an attack maximises its objective over the poison rows.

They are gradient methods over a set that is given by its projection.
"""

from skpoison.optimizers._base import AscentResult, BaseOptimizer
from skpoison.optimizers._projected_ascent import ProjectedAscent
from skpoison.optimizers._spectral_projected_gradient import SpectralProjectedGradient
from skpoison.optimizers._successive_halving import SuccessiveHalving

__all__ = [
    "AscentResult",
    "BaseOptimizer",
    "ProjectedAscent",
    "SpectralProjectedGradient",
    "SuccessiveHalving",
]
