"""Penalties: what is subtracted from the goal of an attack.

A penalty is a function of the poison rows and of where they start: how far they have
moved, how suspicious they are.
"""

from skpoison.penalties._base import BasePenalty
from skpoison.penalties._detectability import Detectability
from skpoison.penalties._displacement import Displacement

__all__ = ["BasePenalty", "Detectability", "Displacement"]
