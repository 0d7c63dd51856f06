"""Base class of penalties.

The objective of an attack is its goal minus all of its penalties.
"""

from abc import ABCMeta, abstractmethod
from numbers import Real

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval

from skpoison.utils._texts import shown


class BasePenalty(BaseEstimator, metaclass=ABCMeta):
    """Base class of penalties.

    A subclass implements `value_and_gradient`, and `_fit` if it learns something from
    the training rows.

    Parameters
    ----------
    weight : float
        Factor of the penalty.

    See Also
    --------
    Displacement : How far poison rows are from where they start.

    Examples
    --------
    A penalty from outside the package, on large values of the first feature:

    >>> import numpy as np
    >>> from sklearn.datasets import make_classification
    >>> from skpoison.attacks import GradientInsertion
    >>> from skpoison.penalties import BasePenalty
    >>> class SmallFirstFeature(BasePenalty):
    ...     def value_and_gradient(self, X, y, X_start, y_start):
    ...         in_features = np.zeros_like(X)
    ...         in_features[:, 0] = self.weight * X[:, 0]
    ...         value = self.weight * (X[:, 0] ** 2).sum() / 2
    ...         return value, in_features, np.zeros(y.shape)
    >>> X, y = make_classification(random_state=0)
    >>> for penalties in (None, [SmallFirstFeature(10.0)]):
    ...     attack = GradientInsertion(penalties=penalties, random_state=0)
    ...     X_out, _ = attack.fit_resample(X, y)
    ...     print(np.abs(X_out[100:, 0]).max() > 0.5)
    True
    False
    """

    _parameter_constraints: dict = {"weight": [Interval(Real, 0, None, closed="left")]}

    def __init__(self, weight):
        self.weight = weight

    def fit(self, X, y):
        """Fit the penalty to the training rows that the attacker knows.

        Parameters
        ----------
        X : {ndarray, csr matrix} of shape (n_samples, n_features)
            The rows.
        y : ndarray of shape (n_samples,)
            Their responses, or labels as positions among the classes.

        Returns
        -------
        self : object
        """
        self._validate_params()
        self._fit(X, y)
        return self

    def _fit(self, X, y):
        """Learn from the training rows."""

    @abstractmethod
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
            The penalty, which is subtracted from the goal.
        in_features : ndarray of shape (n_rows, n_features)
            Its gradient in the features.
        in_responses : ndarray of shape (n_rows,)
            Its gradient in the responses; attacks ignore it for labels.
        """


def check_charge(penalty, found, X, y):
    """Check what a penalty returns.

    Parameters
    ----------
    penalty : BasePenalty
        The penalty.
    found : object
        What its `value_and_gradient` has returned.
    X, y : ndarray
        The poison rows, and their responses or labels.

    Raises
    ------
    TypeError
        If it is not a number and two arrays of the shapes of X and y.
    ValueError
        If there is NaN among them.
    """
    shapes = (), X.shape, y.shape
    is_triple = isinstance(found, tuple) and len(found) == 3
    if not is_triple or tuple(map(np.shape, found)) != shapes:
        raise TypeError(
            f"`value_and_gradient` of {type(penalty).__name__} must return a number "
            f"and arrays of the shapes {X.shape} and {y.shape} of X and y; got "
            f"{shown(found)}."
        )
    if any(np.isnan(part).any() for part in found):
        raise ValueError(
            f"`value_and_gradient` of {type(penalty).__name__} must return numbers; "
            "got NaN."
        )
