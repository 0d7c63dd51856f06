"""Optimizers: how an attack maximises its objective over the poison rows."""

from skpoison.optimizers._base import AscentResult, BaseOptimizer
from skpoison.optimizers._projected_ascent import ProjectedAscent
from skpoison.optimizers._spectral_projected_gradient import SpectralProjectedGradient

__all__ = [
    "AscentResult",
    "BaseOptimizer",
    "ProjectedAscent",
    "SpectralProjectedGradient",
]
