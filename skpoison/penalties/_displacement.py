"""A penalty on the displacement of poison rows."""

import numpy as np

from skpoison.penalties._base import BasePenalty
from skpoison.utils._ranges import column_ranges


class Displacement(BasePenalty):
    r"""Half the squared distance of poison rows from where they start.

    .. math::

        \frac{\lambda}{2} \sum_{ij}
        \left( \frac{x_{ij} - x^{(0)}_{ij}}{\max_k x_{kj} - \min_k x_{kj}} \right)^2

    in units of the range of each feature over the training rows, and of the range of
    the responses if these move. It is the effort of [1]_.

    Parameters
    ----------
    weight : float
        The factor :math:`\lambda`.

    Attributes
    ----------
    feature_range_ : ndarray of shape (n_features,)
        The range of each feature; 1 for a constant one.
    response_range_ : float
        The range of the responses.

    See Also
    --------
    skpoison.feasible_sets.L2Ball : Bounds the displacement instead.

    References
    ----------
    .. [1] S. Mei, X. Zhu, "Using machine teaching to identify optimal training-set
       attacks on machine learners", AAAI 2015.

    Examples
    --------
    >>> from skpoison.attacks import GradientModification
    >>> from skpoison.goals import TargetCoefficients
    >>> from skpoison.penalties import Displacement
    >>> attack = GradientModification(
    ...     goal=TargetCoefficients({0: 0.0}), penalties=[Displacement(0.01)]
    ... )
    """

    def _fit(self, X, y):
        self.feature_range_ = column_ranges(X)[1]
        self.response_range_ = float(column_ranges(y[:, np.newaxis])[1][0])

    def value_and_gradient(self, X, y, X_start, y_start):
        """Compute the penalty of poison rows, and its gradient.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features)
            The poison rows.
        y : ndarray of shape (n_rows,)
            Their responses, or labels as positions among the classes.
        X_start, y_start : ndarray
            The rows from which the attack has started, of the same shapes.

        Returns
        -------
        value : float
            The penalty.
        in_features : ndarray of shape (n_rows, n_features)
            Its gradient in the features.
        in_responses : ndarray of shape (n_rows,)
            Its gradient in the responses.
        """
        moved_X = (X - X_start) / self.feature_range_
        moved_y = (y - y_start) / self.response_range_
        value = self.weight * ((moved_X**2).sum() + (moved_y**2).sum()) / 2
        return (
            float(value),
            self.weight * moved_X / self.feature_range_,
            self.weight * moved_y / self.response_range_,
        )
