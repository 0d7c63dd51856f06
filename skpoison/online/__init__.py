"""Learning from a stream: attacks on it, and defences that learn row by row.

A stream is a training set whose rows come one after the other. Its learners have
`partial_fit`.
"""

from skpoison.online._insertion import OnlineInsertion
from skpoison.online._rejection import RejectionClassifier

__all__ = ["OnlineInsertion", "RejectionClassifier"]
