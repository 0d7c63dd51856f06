"""Share of each class that a defence overrules, and the warning if it is most of one.

A defence that disbelieves most rows of a class has either met more poison than clean
rows there, or it mistakes the class for poison, as rules that count rows do with a rare
one. The accuracy of a rare class hides in that of all rows, so it is said.

The limit is one half: from labels alone the two cannot be told apart if the rows that
are believed are the minority of their class. In a class of few rows the share is above
one half by chance, so it must be so by more than the sampling error of a share, as in a
one-sided test of the level 5 %. With up to a fifth of the labels of balanced classes
flipped, shares stay below one half.
"""

import numpy as np
from sklearn.base import is_classifier

from skpoison.utils._warnings import warn_user

# Share of a class beyond which the defence warns.
MOST = 0.5
# The quantile of the normal distribution for a one-sided test of the level 5 %.
Z = 1.645


def overruled_share(defence, codes, lost):
    """Return the share of each class that a defence overrules; warn if it is most.

    Parameters
    ----------
    defence : estimator
        The defence. A classifier has `classes_`.
    codes : ndarray of shape (n_samples,) of int
        The class of each row, as a position in `classes_`; for regression 0.
    lost : ndarray of shape (n_samples,)
        How much of each row is not used as it is: 1 if it is dropped or relabelled, 1
        less its factor if it is weighted down, 0 if it is kept.

    Returns
    -------
    share : ndarray of shape (n_classes,) or float
        A number for regression.
    """
    counts = np.bincount(codes)
    share = np.bincount(codes, lost) / counts
    is_most = share > MOST + Z * np.sqrt(MOST * (1 - MOST) / counts)
    if is_most.any():
        warn_user(_message(defence, np.where(is_most, share, 0), counts))
    return share if is_classifier(defence) else float(share[0])


def _message(defence, share, counts):
    """Return the text of the warning, about the class that loses most."""
    name, way_out = type(defence).__name__, defence._how_to_overrule_less()
    worst = int(np.argmax(share))
    which = f"{share[worst]:.0%} of the {counts[worst]} rows"
    if not is_classifier(defence):
        return (
            f"{name} overrules {which}, more than half: it may take clean rows for "
            f"poison. {way_out}"
        )
    label = defence.classes_[worst : worst + 1].tolist()[0]
    others = (share > MOST).sum() - 1
    more = f" (and more than half of {others} other classes)" if others else ""
    return (
        f"{name} overrules {which} of class {label!r}{more}. Unless most of these rows "
        "are poisoned, it mistakes the class for poison, as happens to rare classes: "
        "compare the balanced accuracy with and without the defence. "
        f"{way_out}"
    )
