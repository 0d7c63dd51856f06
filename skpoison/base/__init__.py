"""What is an attack, what is a defence?

An attack is an imbalanced-learn sampler, :class:`BasePoisoner`: a training set goes in,
a poisoned training set comes out. A defence is a scikit-learn meta-estimator,
:class:`BaseDefence`: it fits a clone of the user's estimator, on its guard. Most derive
from :class:`BaseSanitizedClassifier`: they judge the rows of a training set and fit the
clone on what they believe. Each leaves its subclasses a single hook that sees checked
arrays; containers, budgets, metadata and contracts are dealt with here, once.
"""

from skpoison.base._defence import BaseDefence, BaseSanitizedClassifier
from skpoison.base._poisoner import BasePoisoner, Poison

__all__ = ["BaseDefence", "BasePoisoner", "BaseSanitizedClassifier", "Poison"]
