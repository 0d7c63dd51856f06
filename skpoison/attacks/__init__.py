"""Attacks on training sets."""

from skpoison.attacks._gradient import GradientPoisoner
from skpoison.attacks.labels._alfa import ALFA
from skpoison.attacks.labels._greedy import GreedyLabelFlip
from skpoison.attacks.labels._margin import MarginLabelFlip
from skpoison.attacks.labels._random import RandomLabelFlip
from skpoison.attacks.labels._relaxed import RelaxedLabelFlip
from skpoison.attacks.rows._deletion import GreedyDeletion
from skpoison.attacks.rows._random import RandomInsertion

__all__ = [
    "ALFA",
    "GradientPoisoner",
    "GreedyDeletion",
    "GreedyLabelFlip",
    "MarginLabelFlip",
    "RandomInsertion",
    "RandomLabelFlip",
    "RelaxedLabelFlip",
]
