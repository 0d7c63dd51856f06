"""Goals that speak of what the victim learns, and need no validation rows.

Which coefficients, or which features, shall the victim learn?
"""

import numpy as np

from skpoison.bilevel.goals import OnCoefficients, OnFeatures
from skpoison.goals._base import BaseGoal
from skpoison.utils._texts import listed, shown


class TargetCoefficients(BaseGoal):
    r"""The victim shall learn certain coefficients.

    The attacker maximises minus half the squared distance to them,
    :math:`-\tfrac12 \sum_j (w_j - w^*_j)^2`, over the coefficients named. That is
    machine teaching [1]_.

    Parameters
    ----------
    values : dict or array-like of shape (n_features,) or (n_classes, n_features)
        The coefficients wanted, in the layout of `coef_` of the last step of the
        surrogate; NaN for those that do not matter. A dict gives them by the position
        or the name of a feature, the same for all outputs.

    See Also
    --------
    skpoison.attacks.GradientInsertion : Takes it as its `goal`.

    Notes
    -----
    A coefficient that an l1 penalty holds at 0 has no gradient and stays at 0. Use
    :class:`TargetFeatures` to have features selected.

    References
    ----------
    .. [1] S. Mei, X. Zhu, "Using machine teaching to identify optimal training-set
       attacks on machine learners", AAAI 2015.

    Examples
    --------
    A trend shall vanish, and only responses can be changed:

    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from skpoison.attacks import GradientModification
    >>> from skpoison.feasible_sets import Frozen, ResponseRange
    >>> from skpoison.goals import TargetCoefficients
    >>> years = np.arange(20.0)[:, np.newaxis]
    >>> days = 100 - years[:, 0] + np.random.RandomState(0).normal(size=20)
    >>> attack = GradientModification(
    ...     LinearRegression(),
    ...     budget=1.0,
    ...     goal=TargetCoefficients({0: 0.0}),
    ...     poison_labels=ResponseRange(0, 365, start="keep"),
    ...     feasible_set=Frozen([0]),
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

    def resolve(self, context):
        """Translate the goal into a function of the learnt parameters.

        Parameters
        ----------
        context : GoalContext
            The surrogate.

        Returns
        -------
        goal : OnCoefficients

        Raises
        ------
        ValueError
            If there are no such coefficients.
        """
        n_features, n_outputs = context.n_features, context.n_outputs
        if isinstance(self.values, dict):
            wanted = np.full((n_features, n_outputs), np.nan)
            rows = _positions(self, "values", self.values, context)
            for j, value in zip(rows, self.values.values(), strict=True):
                wanted[j] = self._as_numbers(value)
        else:
            wanted = np.atleast_2d(self._as_numbers(self.values)).T
            if wanted.shape != (n_features, n_outputs):
                raise ValueError(
                    "`values` of TargetCoefficients must have the shape "
                    f"{(n_outputs, n_features)} of the coefficients that the surrogate "
                    f"learns; got {np.shape(self.values)}."
                )
        if np.isinf(wanted).any():
            raise ValueError(
                "`values` of TargetCoefficients must be finite, or NaN for "
                f"coefficients that do not matter; got {shown(self.values)}."
            )
        if np.isnan(wanted).all():
            raise ValueError(
                "`values` of TargetCoefficients must name at least one coefficient; "
                f"got {shown(self.values)}."
            )
        return OnCoefficients(wanted)

    def _as_numbers(self, values):
        try:
            return np.asarray(values, dtype=float)
        except (TypeError, ValueError) as error:
            raise ValueError(
                "`values` of TargetCoefficients must be numbers, in an array or as the "
                f"values of a dict; got {shown(self.values)}."
            ) from error


class TargetFeatures(BaseGoal):
    r"""The victim shall select certain features, and discard others.

    For a surrogate with an l1 penalty :math:`\rho`. The score of a feature is its
    signed distance to the border of selection. A feature that is not selected has the
    score :math:`|g_j| / \rho - 1 \le 0`, with the gradient :math:`g_j` of the rest of
    the objective in its coefficient. The score of a selected one is its coefficient, in
    comparable units and clipped at 1. The attacker maximises the scores of the features
    to be selected minus those of the features to be discarded.

    Parameters
    ----------
    select : array-like of int or str, default=()
        Positions or names of features to be selected.
    discard : array-like of int or str, default=()
        Positions or names of features to be discarded.

    See Also
    --------
    skpoison.attacks.GradientInsertion : Takes it as its `goal`.
    skpoison.metrics.stability_index : Measures how much of a selection is left.

    Notes
    -----
    Xiao et al. [1]_ attack the selection of features through the objective of the
    learner, ``ErrorGeneric(loss="objective")``; this goal names the features.

    References
    ----------
    .. [1] H. Xiao, B. Biggio, G. Brown, G. Fumera, C. Eckert, F. Roli, "Is feature
       selection secure against training data poisoning?", ICML 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import Lasso
    >>> from skpoison.attacks import GradientInsertion
    >>> from skpoison.goals import TargetFeatures
    >>> rng = np.random.RandomState(0)
    >>> X = rng.uniform(-1, 1, (100, 6))
    >>> y = X[:, 0] + X[:, 1] + 0.1 * rng.normal(size=100)
    >>> attack = GradientInsertion(
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

    kind = "features"

    def __init__(self, select=(), discard=()):
        self.select = select
        self.discard = discard

    def resolve(self, context):
        """Translate the goal into a function of the learnt parameters.

        Parameters
        ----------
        context : GoalContext
            The surrogate.

        Returns
        -------
        goal : OnFeatures

        Raises
        ------
        ValueError
            If there are no such features, or a feature is named twice.
        """
        wanted = _positions(self, "select", self.select, context)
        unwanted = _positions(self, "discard", self.discard, context)
        both = set(wanted) & set(unwanted)
        if both or not wanted + unwanted:
            what = f"names {sorted(both)} twice" if both else "names no feature"
            raise ValueError(
                "`select` and `discard` of TargetFeatures must name different "
                f"features; got {self!r}, which {what}."
            )
        return OnFeatures(np.array(wanted, dtype=int), np.array(unwanted, dtype=int))


def _positions(goal, parameter, features, context):
    """Return the columns of features given by positions or names."""
    n_features, names = context.n_features, []
    if context.feature_names is not None:
        names = context.feature_names.tolist()
    must = (
        f"`{parameter}` of {type(goal).__name__} must hold positions or names of the "
        f"{n_features} features"
        + (f" {listed(names)}" if names else ", which have no names")
    )
    if np.ndim(features) == 0 and not isinstance(features, dict):
        raise ValueError(f"{must}, in a list; got {shown(features)}.")
    positions = []
    for feature in features:
        if feature in names:
            position = names.index(feature)
        elif (
            isinstance(feature, (int, np.integer))
            and not isinstance(feature, bool)  # a mask, perhaps
            and -n_features <= feature < n_features
        ):
            position = int(feature) % n_features
        else:
            raise ValueError(f"{must}; got {feature!r}.")
        if position in positions:
            raise ValueError(f"{must}, each once; got {feature!r} again.")
        positions.append(position)
    return positions
