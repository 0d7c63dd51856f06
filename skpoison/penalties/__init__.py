"""Penalties: what the attacker's objective charges poison rows for."""

from skpoison.penalties._base import BasePenalty
from skpoison.penalties._displacement import Displacement

__all__ = ["BasePenalty", "Displacement"]
