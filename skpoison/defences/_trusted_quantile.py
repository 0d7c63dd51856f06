"""Thresholds from the scores of trusted rows, for filters that cannot do without them.

The scores of trusted rows are those of clean rows. If those of other clean rows come
from the same distribution, the k-th smallest of m trusted scores is reached or exceeded
by a clean row of which nothing else is known with a probability of (m + 1 - k) / (m +
1), whatever the distribution (split conformal prediction, Vovk et al. 2005).
"""

from numbers import Real

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils._param_validation import Interval

from skpoison.utils._texts import listed
from skpoison.utils._warnings import warn_user


def trusted_threshold(scores, quantile):
    """Compute the threshold beyond which a clean row seldom is.

    Parameters
    ----------
    scores : ndarray of shape (n_trusted,)
        The scores of the trusted rows.
    quantile : float
        The probability, in [0, 1), with which the score of a clean row stays below.

    Returns
    -------
    threshold : float
        The next number after one of the scores: a row that ties with it is believed.
        Infinite if there are too few scores to know.
    """
    n_trusted = scores.shape[0]
    # Rounding of the product must not change the rank.
    rank = max(1, int(np.ceil(np.round(float(quantile) * (n_trusted + 1), 9))))
    if rank > n_trusted:
        return np.inf
    return np.nextafter(np.sort(scores)[rank - 1], np.inf)


class TrustedQuantileMixin:
    """Mixin of filters whose scores are measured on trusted rows.

    The filter has a parameter `quantile`.
    """

    # What the suites of checks, which trust no row, ask for.
    _requires_trusted = True
    _quantile_constraint = Interval(Real, 0, 1, closed="left")

    def _check_some_trusted(self, trusted):
        """Raise if no row is trusted."""
        if trusted.any():
            return
        instead = "OutlierFilteredRegressor"
        if is_classifier(self):
            instead = "KNNSanitizedClassifier or ConfidentLearningClassifier"
        raise ValueError(
            f"trusted must mark rows that are known to be clean, because "
            f"{type(self).__name__} judges the others by what they do to these; got "
            "none. Give fit(X, y, trusted=mask). In a pipeline or in cross-validation, "
            "enable metadata routing and call set_fit_request(trusted=True) on the "
            f"defence. Without such rows take {instead}."
        )

    def _learn_threshold(self, scores, y, *, trusted):
        """Return the threshold of each class, or of all rows for regression."""
        if not is_classifier(self):
            threshold = trusted_threshold(scores[trusted], self.quantile)
            is_open, numbers = threshold == np.inf, [trusted.sum()]
            which = "rows"
        else:
            codes = range(self.classes_.shape[0])
            threshold = np.array(
                [
                    trusted_threshold(scores[trusted & (y == code)], self.quantile)
                    for code in codes
                ]
            )
            is_open = (threshold == np.inf) & np.isin(codes, y[~trusted])
            numbers = np.bincount(y[trusted], minlength=len(codes))[is_open]
            which = f"rows of {listed(self.classes_[is_open])}"
        if np.any(is_open):
            needed = int(np.ceil(np.round(self.quantile / (1 - self.quantile), 9)))
            warn_user(
                f"{type(self).__name__} keeps all {which}: {listed(numbers)} of them "
                f"are trusted, too few to know the quantile {self.quantile:.6g} of "
                f"their scores. Trust {needed} of them, or lower the quantile."
            )
        return threshold

    def _how_to_overrule_less(self):
        return "Mark more rows known to be clean as trusted, or raise the quantile."
