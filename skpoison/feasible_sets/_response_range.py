"""The range of the responses of poison rows, for attacks on regressors."""

from numbers import Real

from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval, StrOptions


class ResponseRange(BaseEstimator):
    """Let the responses of poison rows move within a range.

    For attacks on regressors that change rows by their gradient: the response of a
    poison row is then a variable like its features.

    Parameters
    ----------
    low, high : float, default=None
        The lowest and the highest response; infinite for no bound. None: the lowest and
        the highest of the training rows.
    start : {"mirror", "keep"}, default="mirror"
        Where responses start. "mirror": at the response of the initial row, mirrored at
        the middle of the range of the training rows. "keep": at the response itself.

    See Also
    --------
    skpoison.attacks.GradientInsertion : Takes it as its `poison_labels`.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> from skpoison.attacks import GradientInsertion
    >>> from skpoison.feasible_sets import ResponseRange
    >>> attack = GradientInsertion(Ridge(), poison_labels=ResponseRange(0, 365))
    """

    _parameter_constraints: dict = {
        "low": [Interval(Real, None, None, closed="both"), None],
        "high": [Interval(Real, None, None, closed="both"), None],
        "start": [StrOptions({"mirror", "keep"})],
    }

    def __init__(self, low=None, high=None, *, start="mirror"):
        self.low = low
        self.high = high
        self.start = start

    def bounds(self, y):
        """Return the lowest and the highest response allowed.

        Parameters
        ----------
        y : ndarray of shape (n_samples,)
            The responses of the training rows.

        Returns
        -------
        low, high : float

        Raises
        ------
        ValueError
            If a parameter is invalid, or the range is empty.
        """
        self._validate_params()
        low = float(y.min()) if self.low is None else self.low
        high = float(y.max()) if self.high is None else self.high
        if not low < high:
            raise ValueError(
                "`low` of ResponseRange must be below `high`; got the range from "
                f"{low:g} to {high:g} for {self!r}, in which None is taken from y."
            )
        return low, high
