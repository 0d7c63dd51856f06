"""Inspection of attacks and defences.

Gradients are compared with finite differences, and scores of rows are drawn.
"""

from skpoison.inspection._hypergradient import check_hypergradient
from skpoison.inspection._sample_scores import SampleScoresDisplay

__all__ = ["SampleScoresDisplay", "check_hypergradient"]
