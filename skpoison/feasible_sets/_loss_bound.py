r"""Bound on the loss of a row under a model of clean data.

A defender who fits a linear classifier to data they trust keeps the rows with a small
loss. For two classes :math:`t \in \{-1, 1\}` and a loss that decreases with the margin,
the rows with a loss of at most that of margin m are a half-space for each label,

.. math::

    t ( \langle w, x \rangle + b ) \ge m .
"""

import numpy as np
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

from skpoison.feasible_sets._class_sets import ClassConstraint, smallest_bound
from skpoison.feasible_sets._slab import Slab
from skpoison.utils._validation import InstanceWith


class LossBound(ClassConstraint):
    """Rows with no larger loss under a clean model than most training rows.

    The loss defence of [1]_ keeps these rows, whatever the loss is, as long as it
    decreases with the margin: the score of the model, times 1 for the second class and
    -1 for the first. So an attacker who knows it keeps to a smallest margin for each
    label. For two classes.

    Parameters
    ----------
    estimator : classifier, default=None
        A linear classifier, with `coef_` and `intercept_`, that is fitted to the
        training rows. None: LogisticRegression.
    quantile : float, default=0.95
        The share of the training rows of each class whose loss is within the bound.

    Attributes
    ----------
    estimator_ : classifier
        The fitted clone of `estimator`.
    classes_ : ndarray of shape (2,)
        The class labels.
    margins_ : ndarray of shape (2,)
        The smallest margin of the rows of each class that is within the bound.
    n_features_in_ : int
        Number of features seen in `fit`.

    See Also
    --------
    SphereSlab : Bounds the distance from the class instead.

    References
    ----------
    .. [1] P. W. Koh, J. Steinhardt, P. Liang, "Stronger data poisoning attacks break
       data sanitization defenses", Machine Learning 111, 2022.

    Examples
    --------
    >>> from sklearn.svm import LinearSVC
    >>> from skpoison.feasible_sets import LossBound
    >>> X, y = [[0, 5], [1, 4], [2, 5], [5, 4], [6, 5], [7, 4]], [0, 0, 0, 1, 1, 1]
    >>> bound = LossBound(LinearSVC(random_state=0), quantile=1.0).fit(X, y)
    >>> bound.contains([[1, 5], [6, 5]], y=[0, 0])
    array([ True, False])
    """

    _parameter_constraints: dict = {
        "estimator": [InstanceWith(["fit", "predict"]), None],
        **ClassConstraint._parameter_constraints,
    }

    def __init__(self, estimator=None, quantile=0.95):
        super().__init__(quantile)
        self.estimator = estimator

    def _fit(self, X, y):
        if np.unique(y).shape[0] != 2:
            raise ValueError(
                f"`y` must hold two classes for LossBound; got {np.unique(y).shape[0]}."
                " Take SphereSlab() for another number of classes."
            )
        estimator = LogisticRegression(max_iter=1000)
        estimator = clone(estimator if self.estimator is None else self.estimator)
        self.estimator_ = estimator.fit(X, y)
        weights = np.ravel(getattr(estimator, "coef_", np.nan))
        if weights.shape != (X.shape[1],) or not weights.any():
            raise ValueError(
                "`estimator` must be linear in the features, with a coefficient for "
                f"each that are not all 0; got {self.estimator!r}. Take "
                "LogisticRegression(), for example."
            )
        super()._fit(X, y)
        self.margins_ = np.array(self._margins)
        del self._margins

    def _fit_class(self, k, rows, centroid, others):
        if k == 0:
            self._margins = []
        sign = 2 * k - 1
        normal = sign * np.ravel(self.estimator_.coef_).astype(float)
        shift = sign * float(np.ravel(self.estimator_.intercept_)[0])
        margin = -smallest_bound(-(rows @ normal + shift), self.quantile)
        self._margins.append(margin)
        return Slab(normal, margin - shift, np.inf).fit(rows)
