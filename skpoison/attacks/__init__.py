"""Attacks on training sets.

An attack is an imbalanced-learn resampler: ``fit_resample(X, y)`` returns a poisoned
training set. Attacks insert, modify or delete rows, or flip labels.
"""

from skpoison.attacks.labels._alfa import ALFA
from skpoison.attacks.labels._greedy import GreedyLabelFlip
from skpoison.attacks.labels._margin import MarginLabelFlip
from skpoison.attacks.labels._random import RandomLabelFlip
from skpoison.attacks.labels._relaxed import RelaxedLabelFlip
from skpoison.attacks.labels._subpopulation import SubpopulationLabelFlip
from skpoison.attacks.rows._deletion import GreedyDeletion
from skpoison.attacks.rows._insertion import GradientInsertion
from skpoison.attacks.rows._modification import GradientModification
from skpoison.attacks.rows._random import RandomInsertion
from skpoison.attacks.rows._subpopulation import SubpopulationInsertion

__all__ = [
    "ALFA",
    "GradientInsertion",
    "GradientModification",
    "GreedyDeletion",
    "GreedyLabelFlip",
    "MarginLabelFlip",
    "RandomInsertion",
    "RandomLabelFlip",
    "RelaxedLabelFlip",
    "SubpopulationInsertion",
    "SubpopulationLabelFlip",
]
