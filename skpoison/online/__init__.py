"""Learning from a stream: attacks on it, and defences that learn row by row.

A stream is a training set whose rows come one after the other. Its learners have
`partial_fit`.
"""

from skpoison.online._combination import AdaptiveCombinationClassifier
from skpoison.online._insertion import OnlineInsertion
from skpoison.online._label_flip import OnlineLabelFlip
from skpoison.online._rejection import RejectionClassifier
from skpoison.online._sliding_window import SlidingWindowClassifier
from skpoison.online._trusted_step import TrustedStepClassifier

__all__ = [
    "AdaptiveCombinationClassifier",
    "OnlineInsertion",
    "OnlineLabelFlip",
    "RejectionClassifier",
    "SlidingWindowClassifier",
    "TrustedStepClassifier",
]
