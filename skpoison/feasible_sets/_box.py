"""Box: lower and upper bounds of each feature."""

from numbers import Real

import numpy as np
from scipy import sparse

from skpoison.feasible_sets._checks import as_numbers
from skpoison.feasible_sets._columnwise import BoundedSet
from skpoison.utils._texts import shown


class Box(BoundedSet):
    """Rows whose features lie between bounds.

    Parameters
    ----------
    lower, upper : float or array-like of shape (n_features,), default=None
        The bounds, one for all features or one for each. None takes the smallest and
        the largest value of each feature in the training rows: rows within these
        bounds are extreme in no feature. Infinity leaves a feature unbounded.

    Attributes
    ----------
    lower_, upper_ : ndarray of shape (n_features,)
        The bounds of each feature.
    n_features_in_ : int
        Number of features seen in `fit`.

    See Also
    --------
    Slab : Bounds a weighted sum of the features.

    Examples
    --------
    >>> from skpoison.feasible_sets import Box
    >>> box = Box(lower=0).fit([[1.0, 2.0], [3.0, 8.0]])
    >>> box.project([[-1.0, 5.0], [4.0, 9.0]])
    array([[0., 5.],
           [3., 8.]])
    >>> box.maximise([[1.0, -1.0]])
    array([[3., 0.]])
    """

    _parameter_constraints: dict = {
        "lower": [Real, "array-like", None],
        "upper": [Real, "array-like", None],
    }

    def __init__(self, lower=None, upper=None):
        self.lower = lower
        self.upper = upper

    def _fit(self, X, y):
        bounds = {}
        for name, extreme in (("lower", X.min), ("upper", X.max)):
            given = getattr(self, name)
            if given is None:
                given = extreme(axis=0)
                given = given.toarray() if sparse.issparse(given) else given
            given = as_numbers(name, given).ravel()
            if given.shape[0] not in (1, X.shape[1]):
                raise ValueError(
                    f"`{name}` must have one bound for all features, or {X.shape[1]}, "
                    f"one for each feature of X; got {given.shape[0]}."
                )
            if np.isnan(given).any():
                raise ValueError(
                    f"`{name}` must not contain NaN; got {shown(getattr(self, name))}. "
                    "Use infinity for a feature without a bound, or None for bounds "
                    "from the data."
                )
            bounds[name] = np.broadcast_to(given, X.shape[1:]).copy()
        self.lower_, self.upper_ = bounds["lower"], bounds["upper"]
        crossed = np.flatnonzero(self.lower_ > self.upper_)
        if crossed.size:
            j = crossed[0]
            raise ValueError(
                f"`lower` must not exceed `upper`; got {self.lower_[j]:g} and "
                f"{self.upper_[j]:g} for feature {j}: the box is empty."
            )

    def _bounds(self, start, y):
        return self.lower_, self.upper_
