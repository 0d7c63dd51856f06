"""What can an attacker do to a training set?"""

from skpoison.attacks._deletion import DeletionPoisoner
from skpoison.attacks._gradient import GradientPoisoner
from skpoison.attacks._random import RandomInsertion, RandomLabelFlip

__all__ = [
    "DeletionPoisoner",
    "GradientPoisoner",
    "RandomInsertion",
    "RandomLabelFlip",
]
