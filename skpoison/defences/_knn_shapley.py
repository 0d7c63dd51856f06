"""Filters of rows whose Shapley value for trusted rows is low."""

from numbers import Integral, Real

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils import InputTags
from sklearn.utils._param_validation import Interval

from skpoison.base import BaseRowFilter
from skpoison.defences._knn_shapley_values import knn_shapley
from skpoison.defences._reference_rows import as_sparse_if_alike
from skpoison.defences._trusted_quantile import TrustedQuantileMixin
from skpoison.utils._validation import check_default


class _BaseKNNShapleyFilter(TrustedQuantileMixin, BaseRowFilter):
    """Base of both filters: scores are values, with the sign changed."""

    _parameter_constraints: dict = {
        "estimator": BaseRowFilter._parameter_constraints["estimator"],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "quantile": [TrustedQuantileMixin._quantile_constraint],
    }

    def _score_rows(self, X, y, *, trusted):
        self._check_some_trusted(trusted)
        values = knn_shapley(
            as_sparse_if_alike(X),
            y if is_classifier(self) else y - y[trusted].mean(),
            np.flatnonzero(trusted),
            **self._game(),
        )
        return -values * y.shape[0]

    def _game(self):
        """Return the parameters of the game, as `knn_shapley` takes them."""
        return {"n_neighbors": int(self.n_neighbors)}

    def _filter_input_tags(self):
        return InputTags(sparse=True)


class KNNShapleyFilteredClassifier(_BaseKNNShapleyFilter):
    r"""Drop rows that contribute little to nearest-neighbour votes on trusted rows.

    The Shapley value of a training row is its mean contribution to how well the
    `n_neighbors` nearest rows predict the labels of the trusted rows. It is computed
    exactly. A row is suspicious if its value is below that of nearly all trusted rows
    of its class: it is dropped, and a clone of `estimator` is fitted to the others.

    Parameters
    ----------
    estimator : classifier
        Fitted on the rows that are left.
    n_neighbors : int, default=5
        Number of neighbours that vote on a trusted row.
    radius : float, default=None
        Distance up to which rows vote, instead of a number of neighbours. It costs no
        sort, and rows further than that from all trusted rows have the value 0.
    quantile : float, default=0.9
        Quantile, in [0, 1), of the trusted rows' own scores beyond which a row of
        their class is suspicious. About ``1 - quantile`` of the clean rows are.

    Attributes
    ----------
    estimator_ : classifier
        The clone of `estimator`, fitted on the rows that are left.
    sample_scores_ : ndarray of shape (n_samples,)
        Minus the Shapley value of each row, in units of an equal share of all votes:
        the mean over the rows is about minus the share of votes for the right label. A
        row that does more harm than good has a positive score. NaN for rows of weight
        0.
    threshold_ : ndarray of shape (n_classes,)
        Score of each class from which on a row is suspicious. Infinite for a class of
        too few trusted rows, with a warning: its rows are kept.
    inlier_mask_ : ndarray of shape (n_samples,) of bool
        Which rows are used as they are.
    overruled_share_ : ndarray of shape (n_classes,)
        Share of each class that is dropped. `fit` warns if it is significantly more
        than one half.
    classes_ : ndarray of shape (n_classes,)
        The class labels.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X is a dataframe.

    See Also
    --------
    KNNShapleyFilteredRegressor : The same filter for regression.
    InfluenceFilteredClassifier : Measures the effect on a model like the victim.
    skpoison.inspection.SampleScoresDisplay : Draws the scores of the rows.

    Notes
    -----
    Values are those of [1]_, Theorem 1, and of [2]_ with a `radius`, averaged over the
    trusted rows. The trusted rows take part in the game as all others do, except for
    the prediction of their own label, so that their values can be compared. Rows at the
    same distance are in random order: their values are expectations, in closed form,
    so that the order of the rows does not matter and equal rows have equal values.

    The threshold is the :math:`\lceil q (m + 1) \rceil`-th smallest score of the m
    trusted rows of the class, so that a clean row like them exceeds it with a
    probability of at most :math:`1 - q`. That takes :math:`q / (1 - q)` trusted rows of
    each class: 9 by default.

    It costs a sort of the distances of all rows to each trusted row. Distances should
    be of columns of comparable scale: put a scaler before the defence. Sample weights
    do not change the scores.

    An attacker evades it with rows close to trusted rows of the class that they claim,
    or far from all rows if that leaves them hardly any vote.

    References
    ----------
    .. [1] R. Jia et al., "Efficient task-specific data valuation for nearest neighbor
       algorithms", Proceedings of the VLDB Endowment 12, 2019.
    .. [2] J. T. Wang, Y. Zhu, Y.-X. Wang, R. Jia, P. Mittal, "Threshold KNN-Shapley: a
       linear-time and privacy-friendly approach to data valuation", NeurIPS 2023.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_blobs
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skpoison.attacks import RandomInsertion
    >>> from skpoison.defences import KNNShapleyFilteredClassifier
    >>> X, y = make_blobs(centers=2, random_state=0, cluster_std=0.5)
    >>> attack = RandomInsertion(budget=20, random_state=0)
    >>> X_poisoned, y_poisoned = attack.fit_resample(X, y)
    >>> trusted = np.arange(120) < 30
    >>> defence = KNNShapleyFilteredClassifier(LogisticRegression())
    >>> defence = defence.fit(X_poisoned, y_poisoned, trusted=trusted)
    >>> bool(defence.inlier_mask_[100:].any())
    False
    """

    _required_estimator_type = "classifier"

    _parameter_constraints: dict = {
        **_BaseKNNShapleyFilter._parameter_constraints,
        "radius": [Interval(Real, 0, None, closed="neither"), None],
    }

    def __init__(self, estimator, *, n_neighbors=5, radius=None, quantile=0.9):
        self.estimator = estimator
        self.n_neighbors = n_neighbors
        self.radius = radius
        self.quantile = quantile

    def _game(self):
        n_classes = self.classes_.shape[0]
        if self.radius is None:
            return super()._game() | {"n_classes": n_classes}
        check_default(self, "if radius is given, within which all vote", n_neighbors=5)
        return {"radius": float(self.radius), "n_classes": n_classes}


class KNNShapleyFilteredRegressor(_BaseKNNShapleyFilter):
    """Drop rows that contribute little to nearest-neighbour means on trusted rows.

    The Shapley value of a training row is its mean contribution to how well the mean of
    the `n_neighbors` nearest rows predicts the responses of the trusted rows, as
    measured by the squared error. It is computed exactly. A row is suspicious if its
    value is below that of nearly all trusted rows: it is dropped, and a clone of
    `estimator` is fitted to the others.

    Parameters
    ----------
    estimator : regressor
        Fitted on the rows that are left.
    n_neighbors : int, default=5
        Number of neighbours whose mean predicts a trusted row.
    quantile : float, default=0.9
        Quantile, in [0, 1), of the trusted rows' own scores beyond which a row is
        suspicious. About ``1 - quantile`` of the clean rows are.

    Attributes
    ----------
    estimator_ : regressor
        The clone of `estimator`, fitted on the rows that are left.
    sample_scores_ : ndarray of shape (n_samples,)
        Minus the Shapley value of each row times the number of rows, in squared units
        of the response. A row that does more harm than good has a positive score. NaN
        for rows of weight 0.
    threshold_ : float
        Score from which on a row is suspicious. Infinite if too few rows are trusted,
        with a warning.
    inlier_mask_ : ndarray of shape (n_samples,) of bool
        Which rows are used as they are.
    overruled_share_ : float
        Share of the rows that are dropped. `fit` warns if it is significantly more than
        one half.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X is a dataframe.

    See Also
    --------
    KNNShapleyFilteredClassifier : The same filter for classification.
    InfluenceFilteredRegressor : Measures the effect on a model like the victim.
    skpoison.inspection.SampleScoresDisplay : Draws the scores of the rows.

    Notes
    -----
    The worth of a set of rows is minus the squared error of the sum of the responses of
    its nearest `n_neighbors` rows, divided by `n_neighbors`, also if there are fewer
    [1]_. So a set of few rows predicts a response near 0, and responses are measured
    from the mean of the trusted ones. Rows at the same distance are in the order in
    which they are given. The threshold is that of the classifier.

    References
    ----------
    .. [1] R. Jia et al., "Efficient task-specific data valuation for nearest neighbor
       algorithms", Proceedings of the VLDB Endowment 12, 2019, Theorem 6.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_regression
    >>> from sklearn.linear_model import Ridge
    >>> from skpoison.defences import KNNShapleyFilteredRegressor
    >>> X, y = make_regression(100, 3, noise=5.0, random_state=0)
    >>> y_poisoned = y.copy()
    >>> y_poisoned[80:] = 2 * y.max()
    >>> trusted = np.arange(100) < 40
    >>> defence = KNNShapleyFilteredRegressor(Ridge())
    >>> defence = defence.fit(X, y_poisoned, trusted=trusted)
    >>> plain = Ridge().fit(X, y_poisoned)
    >>> print(f"{plain.score(X, y):.2f} {defence.score(X, y):.2f}")
    -0.58 1.00
    """

    _required_estimator_type = "regressor"

    def __init__(self, estimator, *, n_neighbors=5, quantile=0.9):
        self.estimator = estimator
        self.n_neighbors = n_neighbors
        self.quantile = quantile
