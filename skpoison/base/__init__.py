"""Base classes of attacks and defences.

An attack is an imbalanced-learn sampler, :class:`BasePoisoner`: it turns a training set
into a poisoned training set. A defence is a scikit-learn meta-estimator,
:class:`BaseDefence`, which fits the user's estimator in spite of poisoned rows. Most
defences derive from :class:`BaseRowFilter`: they score the training rows and act on
those whose score reaches a threshold. Each base class leaves its subclasses one method
to write, on checked arrays; containers, budgets, metadata and guarantees are dealt with
here.
"""

from skpoison.base._defence import BaseDefence
from skpoison.base._delegation import PredictsByEstimatorMixin
from skpoison.base._poisoner import BasePoisoner, Poison
from skpoison.base._row_filter import BaseRowFilter

__all__ = [
    "BaseDefence",
    "BasePoisoner",
    "BaseRowFilter",
    "Poison",
    "PredictsByEstimatorMixin",
]
