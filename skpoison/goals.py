"""What may an attacker want, other than errors?

That the victim learns certain weights, say. Errors are wanted by a name or by a map of
classes; what else is wanted is an object from here, given to an attack as its `goal`.
"""

from abc import ABCMeta, abstractmethod

import numpy as np
from sklearn.base import BaseEstimator

from skpoison.bilevel.goals import OnCoefficients

__all__ = ["BaseGoal", "TargetCoefficients"]


class BaseGoal(BaseEstimator, metaclass=ABCMeta):
    """Base class of goals that speak of what is learnt, and not of any rows.

    A subclass implements `resolve`.
    """

    @abstractmethod
    def resolve(self, n_features, n_outputs, feature_names=None):
        """Translate the goal into the mathematics of :mod:`skpoison.bilevel`.

        Parameters
        ----------
        n_features : int
            Number of features.
        n_outputs : int
            Number of outputs of the surrogate: 1 for two classes and for a regressor.
        feature_names : ndarray of shape (n_features,), default=None
            The names of the features, where they have some.

        Returns
        -------
        goal : object
            Its method ``at(learner, W)`` returns the value of the goal, and its
            gradient in the weights.
        """

    def _positions(self, parameter, features, n_features, feature_names):
        """Find columns by their positions or names."""
        names = [] if feature_names is None else feature_names.tolist()
        positions = []
        for feature in features:
            if feature in names:
                positions.append(names.index(feature))
            elif (
                isinstance(feature, (int, np.integer))
                and -n_features <= feature < n_features
            ):
                positions.append(int(feature) % n_features)
            else:
                raise ValueError(
                    f"{parameter} of {type(self).__name__} names the feature "
                    f"{feature!r}, but X has {n_features} features"
                    + (f", by the names {names}." if names else ", without names.")
                )
        return positions


class TargetCoefficients(BaseGoal):
    r"""The victim is to learn certain coefficients.

    The attacker climbs minus half the squared distance to them,
    :math:`-\tfrac12 \sum_j (w_j - w^*_j)^2`, over the coefficients that he names: that
    is machine teaching [1]_.

    Parameters
    ----------
    values : dict or array-like of shape (n_features,) or (n_classes, n_features)
        The coefficients wanted, as `coef_` has them: of the features that the last step
        of the surrogate sees. NaN for those that do not matter. A dict gives them by
        the position or the name of a feature: for all outputs the same.

    See Also
    --------
    skpoison.attacks.GradientPoisoner : Takes it as its `goal`.

    References
    ----------
    .. [1] S. Mei, X. Zhu, "Using machine teaching to identify optimal training-set
       attacks on machine learners", AAAI 2015.

    Examples
    --------
    A trend is to vanish, and only responses can be changed:

    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from skpoison.attacks import GradientPoisoner
    >>> from skpoison.feasible_sets import Frozen
    >>> from skpoison.goals import TargetCoefficients
    >>> years = np.arange(20.0)[:, np.newaxis]
    >>> days = 100 - years[:, 0] + np.random.RandomState(0).normal(size=20)
    >>> attack = GradientPoisoner(
    ...     LinearRegression(),
    ...     budget=1.0,
    ...     goal=TargetCoefficients({0: 0.0}),
    ...     capability="modify",
    ...     poison_labels="keep",
    ...     feasible_set=Frozen([0]),
    ...     response_range=(0, 365),
    ...     random_state=0,
    ... )
    >>> _, changed = attack.fit_resample(years, days)
    >>> for y in (days, changed):
    ...     print(f"{LinearRegression().fit(years, y).coef_[0]:.3f}")
    -1.060
    0.000
    """

    def __init__(self, values):
        self.values = values

    def resolve(self, n_features, n_outputs, feature_names=None):
        """Translate the goal into the mathematics of :mod:`skpoison.bilevel`.

        Parameters
        ----------
        n_features : int
            Number of features.
        n_outputs : int
            Number of outputs of the surrogate: 1 for two classes and for a regressor.
        feature_names : ndarray of shape (n_features,), default=None
            The names of the features, where they have some.

        Returns
        -------
        goal : OnCoefficients

        Raises
        ------
        ValueError
            If there are no such coefficients.
        """
        if isinstance(self.values, dict):
            wanted = np.full((n_features, n_outputs), np.nan)
            rows = self._positions("values", self.values, n_features, feature_names)
            for j, value in zip(rows, self.values.values(), strict=True):
                wanted[j] = value
        else:
            wanted = np.atleast_2d(np.asarray(self.values, dtype=float)).T
            if wanted.shape != (n_features, n_outputs):
                raise ValueError(
                    "values of TargetCoefficients has the shape "
                    f"{np.shape(self.values)}, but the surrogate learns coefficients "
                    f"of shape {(n_outputs, n_features)}."
                )
        if np.isnan(wanted).all():
            raise ValueError(
                f"values={self.values!r} of TargetCoefficients wants nothing: name at "
                "least one coefficient."
            )
        return OnCoefficients(wanted)
