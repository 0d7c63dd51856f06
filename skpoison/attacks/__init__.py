"""What can an attacker do to a training set?"""

from skpoison.attacks._random import RandomInsertion, RandomLabelFlip

__all__ = ["RandomInsertion", "RandomLabelFlip"]
