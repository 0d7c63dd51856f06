"""How many steps of training a hypergradient goes through."""

from numbers import Integral

from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval


class Unrolled(BaseEstimator):
    """Differentiate the goal through the last steps of training alone.

    It is truncated back-propagation [1]_, for surrogates that take a fixed number of
    steps of gradient descent: fewer steps cost less, and leave out what earlier ones
    contribute. The string "unrolled" stands for all steps.

    Parameters
    ----------
    last : int
        Number of steps.

    See Also
    --------
    skpoison.attacks.GradientInsertion : Takes it as its `hypergradient`.

    References
    ----------
    .. [1] A. Shaban, C.-A. Cheng, N. Hatch, B. Boots, "Truncated back-propagation for
       bilevel optimization", AISTATS 2019.

    Examples
    --------
    >>> from skpoison.attacks import GradientInsertion
    >>> from skpoison.surrogates import GradientDescentClassifier, Unrolled
    >>> attack = GradientInsertion(
    ...     GradientDescentClassifier(), hypergradient=Unrolled(last=20)
    ... )
    """

    _parameter_constraints: dict = {
        "last": [Interval(Integral, 1, None, closed="left")]
    }

    def __init__(self, last):
        self.last = last
