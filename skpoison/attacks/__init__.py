"""What can an attacker do to a training set?"""

from skpoison.attacks._alfa import ALFA
from skpoison.attacks._deletion import DeletionPoisoner
from skpoison.attacks._gradient import GradientPoisoner
from skpoison.attacks._greedy_flip import GreedyLabelFlip
from skpoison.attacks._label_flip import MarginLabelFlip
from skpoison.attacks._random import RandomInsertion, RandomLabelFlip
from skpoison.attacks._relaxed_flip import RelaxedLabelFlip

__all__ = [
    "ALFA",
    "DeletionPoisoner",
    "GradientPoisoner",
    "GreedyLabelFlip",
    "MarginLabelFlip",
    "RandomInsertion",
    "RandomLabelFlip",
    "RelaxedLabelFlip",
]
