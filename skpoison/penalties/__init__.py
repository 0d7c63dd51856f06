"""Penalties: what is subtracted from the goal of an attack.

A penalty is a smooth function of the poison rows and of where they start.
"""

from skpoison.penalties._base import BasePenalty
from skpoison.penalties._displacement import Displacement

__all__ = ["BasePenalty", "Displacement"]
