"""What may an attacker want, other than errors?

That the victim learns certain weights, say. Errors are wanted by a name or by a map of
classes; what else is wanted is an object from here, given to an attack as its `goal`.
"""

from abc import ABCMeta, abstractmethod

import numpy as np
from sklearn.base import BaseEstimator

from skpoison.bilevel.goals import OnCoefficients, OnFeatures

__all__ = ["BaseGoal", "TargetCoefficients", "TargetFeatures"]


class BaseGoal(BaseEstimator, metaclass=ABCMeta):
    """Base class of goals that speak of what is learnt, and not of any rows.

    A subclass implements `resolve`.

    See Also
    --------
    skpoison.attacks.GradientPoisoner : Takes goals.

    Examples
    --------
    A goal of one's own: weights are to be small.

    >>> import numpy as np
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skpoison.attacks import GradientPoisoner
    >>> from skpoison.goals import BaseGoal
    >>> class SmallWeights(BaseGoal):
    ...     def resolve(self, n_features, n_outputs, feature_names=None):
    ...         return self
    ...
    ...     def at(self, learner, W):
    ...         return -(W**2).sum() / 2, -W
    >>> X, y = make_classification(random_state=0)
    >>> attack = GradientPoisoner(
    ...     LogisticRegression(), goal=SmallWeights(), random_state=0
    ... )
    >>> for rows in ((X, y), attack.fit_resample(X, y)):
    ...     print(np.linalg.norm(LogisticRegression().fit(*rows).coef_) > 1)
    True
    False
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
                and not isinstance(feature, bool)  # a mask, perhaps
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

    Notes
    -----
    A coefficient that an l1 penalty holds at 0 has no gradient, and stays there
    whatever is wanted of it. :class:`TargetFeatures` gets features selected.

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
        if np.isinf(wanted).any():
            raise ValueError(
                f"values={self.values!r} of TargetCoefficients wants what no surrogate "
                "learns: name finite coefficients, and NaN for those that do not "
                "matter."
            )
        if np.isnan(wanted).all():
            raise ValueError(
                f"values={self.values!r} of TargetCoefficients wants nothing: name at "
                "least one coefficient."
            )
        return OnCoefficients(wanted)


class TargetFeatures(BaseGoal):
    r"""The victim is to select certain features, and to discard others.

    For a surrogate with an l1 penalty :math:`\rho`. A feature scores by how far it is
    from its border: where it is not selected, by the gradient of the rest of the
    objective in its weight, :math:`|g_j| / \rho - 1 \le 0`; where it is, by its weight,
    in units of the same kind, and at most by 1. The attacker climbs the scores of
    features to be selected less those of features to be discarded.

    Parameters
    ----------
    select : array-like of int or str, default=()
        Positions or names of features that are to be selected.
    discard : array-like of int or str, default=()
        Positions or names of features that are to be discarded.

    See Also
    --------
    skpoison.attacks.GradientPoisoner : Takes it as its `goal`.
    skpoison.metrics.stability_index : How much of a selection is left.

    Notes
    -----
    Xiao et al. [1]_ attack the selection of features by the objective of the learner,
    ``loss="objective"`` of :class:`~skpoison.attacks.GradientPoisoner`; this goal names
    the features.

    References
    ----------
    .. [1] H. Xiao, B. Biggio, G. Brown, G. Fumera, C. Eckert, F. Roli, "Is feature
       selection secure against training data poisoning?", ICML 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import Lasso
    >>> from skpoison.attacks import GradientPoisoner
    >>> from skpoison.goals import TargetFeatures
    >>> rng = np.random.RandomState(0)
    >>> X = rng.uniform(-1, 1, (100, 6))
    >>> y = X[:, 0] + X[:, 1] + 0.1 * rng.normal(size=100)
    >>> attack = GradientPoisoner(
    ...     Lasso(alpha=0.05),
    ...     goal=TargetFeatures(discard=[0], select=[5]),
    ...     budget=0.2,
    ...     random_state=0,
    ... )
    >>> for rows in ((X, y), attack.fit_resample(X, y)):
    ...     selected = Lasso(alpha=0.05).fit(*rows).coef_ != 0
    ...     print(selected[0], selected[5])
    True False
    False True
    """

    def __init__(self, select=(), discard=()):
        self.select = select
        self.discard = discard

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
        goal : OnFeatures

        Raises
        ------
        ValueError
            If there are no such features, or one is to be both.
        """
        known = n_features, feature_names
        wanted = self._positions("select", self.select, *known)
        unwanted = self._positions("discard", self.discard, *known)
        both = set(wanted) & set(unwanted)
        if both or not wanted + unwanted:
            what = f"names {sorted(both)} twice" if both else "names no feature"
            raise ValueError(
                f"{self!r} {what}: name features that are to be selected as `select`, "
                "and others that are to be discarded as `discard`."
            )
        return OnFeatures(np.array(wanted, dtype=int), np.array(unwanted, dtype=int))
