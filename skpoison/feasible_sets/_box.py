"""How far may each feature reach?"""

from numbers import Real

import numpy as np
from scipy import sparse

from skpoison.feasible_sets._columnwise import BoundedSet


class Box(BoundedSet):
    """Rows whose every feature lies between two bounds.

    Parameters
    ----------
    lower, upper : float or array-like of shape (n_features,), default=None
        The bounds, for all features or for each. None takes the smallest and the
        largest value of each feature in the data: such rows stand out in no feature.
        Infinity leaves a feature unbounded.

    Attributes
    ----------
    lower_, upper_ : ndarray of shape (n_features,)
        The bounds of each feature.
    n_features_in_ : int
        Number of features seen.

    Examples
    --------
    >>> from skpoison.feasible_sets import Box
    >>> box = Box(lower=0).fit([[1.0, 2.0], [3.0, 8.0]])
    >>> box.project([[-1.0, 5.0], [4.0, 9.0]])
    array([[0., 5.],
           [3., 8.]])
    """

    _parameter_constraints: dict = {
        "lower": [Real, "array-like", None],
        "upper": [Real, "array-like", None],
    }

    def __init__(self, lower=None, upper=None):
        self.lower = lower
        self.upper = upper

    def _fit(self, X):
        bounds = {}
        for name, extreme in (("lower", X.min), ("upper", X.max)):
            given = getattr(self, name)
            if given is None:
                given = extreme(axis=0)
                given = given.toarray() if sparse.issparse(given) else given
            given = np.asarray(given, dtype=float).ravel()
            if given.shape[0] not in (1, X.shape[1]):
                raise ValueError(
                    f"{name} has {given.shape[0]} bounds, but X has {X.shape[1]} "
                    "features. Give one for each, or one for all."
                )
            if np.isnan(given).any():
                raise ValueError(
                    f"{name}={getattr(self, name)!r} has NaN in it. Give infinity "
                    "where a feature has no bound, or None for a bound from the data."
                )
            bounds[name] = np.broadcast_to(given, X.shape[1:]).copy()
        self.lower_, self.upper_ = bounds["lower"], bounds["upper"]
        crossed = np.flatnonzero(self.lower_ > self.upper_)
        if crossed.size:
            j = crossed[0]
            raise ValueError(
                f"The box is empty: for feature {j} the lower bound {self.lower_[j]:g} "
                f"lies above the upper bound {self.upper_[j]:g}."
            )

    def _bounds(self, start):
        return self.lower_, self.upper_
