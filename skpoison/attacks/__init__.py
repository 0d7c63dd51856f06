"""What can an attacker do to a training set?"""

from skpoison.attacks._gradient import GradientPoisoner
from skpoison.attacks._random import RandomInsertion, RandomLabelFlip

__all__ = ["GradientPoisoner", "RandomInsertion", "RandomLabelFlip"]
