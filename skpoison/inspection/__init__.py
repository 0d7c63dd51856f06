"""Inspection of attacks and defences: what they have computed, checked and drawn."""

from skpoison.inspection._hypergradient import check_hypergradient
from skpoison.inspection._sample_scores import SampleScoresDisplay

__all__ = ["SampleScoresDisplay", "check_hypergradient"]
