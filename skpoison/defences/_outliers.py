"""Outlier filters: what is unlike the trusted rows, in its features or its label."""

from functools import partial

import numpy as np

from skpoison.defences._outlier_filter import BaseOutlierFilter
from skpoison.defences._prediction_scores import (
    fit_label_losses,
    fit_residuals,
)
from skpoison.defences._response_column import response_scale, with_response


class OutlierFilteredClassifier(BaseOutlierFilter):
    """Drop or down-weight rows that are unlike the trusted rows of their class.

    A row is scored by how far it is from the trusted rows of the class that its label
    says, and by how improbable the label is to a classifier that learns from trusted
    rows. It is suspicious if its score is beyond the `quantile` of those of the trusted
    rows themselves. Suspicious rows are dropped or weighted down, and a clone of
    `estimator` is fitted. If fewer than two rows of a class are trusted (three with an
    estimator as `detector`), all its rows take their place: the filter then acts on the
    most outlying rows of the class, poisoned or not.

    Parameters
    ----------
    estimator : classifier
        Fitted on the rows that are left.
    detector : {"distance", "prediction"}, estimator or list of them, default=None
        What scores the rows. Of several the largest score counts, each in the unit of
        the trusted rows' own scores. None: "distance" and "prediction".

        - "distance": the distance to the `n_neighbors`-th nearest trusted row.
        - "prediction": the loss of the label, -log p(y | x), by a logistic regression
          that learns from the trusted rows.
        - a classifier with `predict_proba`: the same, by this classifier.
        - an outlier detector: any of scikit-learn with `score_samples`
          (:class:`~sklearn.neighbors.LocalOutlierFactor` with ``novelty=True``), or of
          PyOD, or a Pipeline that ends with one.

        If all are estimators, they see X as it is: a dataframe with its names, missing
        values too if they accept them.
    per_class : bool, default=True
        Whether rows are compared with the trusted rows of their class alone, and each
        class has its threshold. False: with all trusted rows, and one threshold.
    quantile : float, default=0.95
        Quantile, in [0, 1], of the trusted rows' own scores beyond which a row is
        suspicious. About ``1 - quantile`` of the clean rows are.
    n_neighbors : int, default=5
        Which neighbour's distance is the score; at most the number of other trusted
        rows of the class. Only with "distance".
    metric : str or callable, default="euclidean"
        Distance between rows, as in :class:`~sklearn.neighbors.NearestNeighbors`. Only
        with "distance".
    action : {"drop", "weigh"}, default="drop"
        What to do with suspicious rows. "weigh": multiply their sample weight by the
        square of the threshold divided by their score, as in Mallows' estimators [2]_.
        It costs less on clean data and helps less against poison. Thresholds must then
        be positive, as those of distances and losses are.
    max_reference : int or None, default=10_000
        Largest number of trusted rows of a class among which neighbours are searched.
        If there are more, a random sample of so many takes their place: the cost then
        grows as the number of rows, and not as its square. None: all of them. Only with
        "distance".
    random_state : int, RandomState instance or None, default=None
        Seed of that sample, and of detectors that have none.
    n_jobs : int, default=None
        Number of threads of the search for neighbours. Only with "distance".

    Attributes
    ----------
    estimator_ : classifier
        The clone of `estimator`, fitted on the rows that are left.
    sample_scores_ : ndarray of shape (n_samples,)
        How outlying each row is in its class. Of one detector: a distance, a loss, or
        the score of an estimator, with the sign that makes higher more outlying. Of
        several: the largest of them, where 0 is the median and 1 the 95 % quantile of
        the trusted rows' own scores. 0 in a class of too few rows, NaN for rows of
        weight 0.
    threshold_ : ndarray of shape (n_classes,)
        Score of each class from which on a row is suspicious. Infinite for a class of
        one row, or, if an estimator is a `detector`, of two. A number if not
        `per_class`.
    inlier_mask_ : ndarray of shape (n_samples,) of bool
        Which rows are used as they are.
    overruled_share_ : ndarray of shape (n_classes,)
        Share of each class that is not used as it is. A row that is weighted down
        counts as the part of its weight that it loses. `fit` warns if it is
        significantly more than one half.
    n_reference_ : ndarray of shape (n_classes,) of int
        Number of rows that the rows of each class are compared with. A number if not
        `per_class`.
    sample_weight_ : ndarray of shape (n_samples,)
        The weights of the rows in the fit of `estimator_`. Only with
        ``action="weigh"``.
    classes_ : ndarray of shape (n_classes,)
        The class labels.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X is a dataframe.

    See Also
    --------
    OutlierFilteredRegressor : The same filter for regression.
    KNNSanitizedClassifier : Compares labels with those of the neighbours; needs no
        trusted rows.
    skpoison.inspection.SampleScoresDisplay : Draws the scores of the rows.

    Notes
    -----
    With ``detector="distance"`` the scheme is that of [1]_: distances for each class,
    thresholds from the empirical distribution of the trusted rows' scores. The paper
    does not state its constants; the defaults are our choice. The prediction is not in
    the paper. It finds what lies among the rows of its class and is of another, as rows
    of few words do, which are near to all others. The distance finds what the
    prediction cannot know, far from all trusted rows.

    The trusted rows' own scores must be those of rows that the detector has *not*
    seen, or they come out too small. The distance leaves each trusted row out of its
    own neighbours, and so do LocalOutlierFactor and PyOD's KNN, also at the end of a
    Pipeline: the scores that they keep are used. Anything else is fitted five times,
    each time without a fifth of the trusted rows, which it then scores. The score of
    each other row is the mean over the five.

    Of m trusted rows of a class the threshold cannot tell less than a share of 1 / m
    from none: with fewer than 20 more clean rows are lost than ``1 - quantile``. A
    score at the threshold, as ties are where rows repeat or columns are binary, is not
    beyond it.

    References
    ----------
    .. [1] A. Paudice, L. Muñoz-González, A. György, E. C. Lupu, "Detection of
       adversarial training examples in poisoning attacks through anomaly detection",
       arXiv:1802.03041, 2018.
    .. [2] D. G. Simpson, D. Ruppert, R. J. Carroll, "On one-step GM estimates and
       stability of inferences in linear regression", Journal of the American
       Statistical Association 87, 1992.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_blobs
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skpoison.attacks import RandomInsertion
    >>> from skpoison.defences import OutlierFilteredClassifier
    >>> X, y = make_blobs(centers=2, random_state=0, cluster_std=0.5)
    >>> attack = RandomInsertion(budget=20, random_state=0)
    >>> X_poisoned, y_poisoned = attack.fit_resample(X, y)
    >>> trusted = np.arange(120) < 30
    >>> defence = OutlierFilteredClassifier(LogisticRegression())
    >>> defence = defence.fit(X_poisoned, y_poisoned, trusted=trusted)
    >>> bool(defence.inlier_mask_[100:].any())
    False
    """

    _required_estimator_type = "classifier"
    _parameter_constraints: dict = {
        **BaseOutlierFilter._parameter_constraints,
        "per_class": ["boolean"],
    }

    def __init__(
        self,
        estimator,
        *,
        detector=None,
        per_class=True,
        quantile=0.95,
        n_neighbors=5,
        metric="euclidean",
        action="drop",
        max_reference=10_000,
        random_state=None,
        n_jobs=None,
    ):
        self.estimator = estimator
        self.detector = detector
        self.per_class = per_class
        self.quantile = quantile
        self.n_neighbors = n_neighbors
        self.metric = metric
        self.action = action
        self.max_reference = max_reference
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _groups(self, y):
        if not self.per_class:
            return [np.arange(y.shape[0])]
        return [np.flatnonzero(y == code) for code in range(self.classes_.shape[0])]

    def _of_groups(self, values):
        return np.array(values) if self.per_class else values[0]

    def _fit_predictions(self, model, X, y):
        return fit_label_losses(model, X, y)

    def _view(self, X, y):
        return _features


class OutlierFilteredRegressor(BaseOutlierFilter):
    """Drop or down-weight rows that are unlike the trusted rows.

    The filter of :class:`OutlierFilteredClassifier` for regression. All rows are one
    group. A row is scored by how far it is from the trusted rows, in its features and
    its response together, and by its residual under a regressor that learns from the
    trusted rows.

    Parameters
    ----------
    estimator : regressor
        Fitted on the rows that are left.
    detector : {"distance", "prediction"}, estimator or list of them, default=None
        What scores the rows. Of several the largest score counts, each in the unit of
        the trusted rows' own scores. None: "distance" and "prediction".

        - "distance": the distance to the `n_neighbors`-th nearest trusted row.
        - "prediction": the size of the residual, by a ridge regression that learns from
          the trusted rows.
        - a regressor: the same, by this regressor.
        - an outlier detector: any of scikit-learn with `score_samples`
          (:class:`~sklearn.neighbors.LocalOutlierFactor` with ``novelty=True``), or of
          PyOD, or a Pipeline that ends with one.

        If all are estimators, they see X as it is: a dataframe with its names, missing
        values too if they accept them.
    quantile : float, default=0.95
        Quantile, in [0, 1], of the trusted rows' own scores beyond which a row is
        suspicious. About ``1 - quantile`` of the clean rows are.
    n_neighbors : int, default=5
        Which neighbour's distance is the score; at most the number of other trusted
        rows. Only with "distance".
    metric : str or callable, default="euclidean"
        Distance between rows, as in :class:`~sklearn.neighbors.NearestNeighbors`. Only
        with "distance".
    action : {"drop", "weigh"}, default="drop"
        What to do with suspicious rows. "weigh": multiply their sample weight by the
        square of the threshold divided by their score, as in Mallows' estimators [2]_.
        It costs less on clean data and helps less against poison. Thresholds must then
        be positive, as those of distances and losses are.
    max_reference : int or None, default=10_000
        Largest number of trusted rows among which neighbours are searched. If
        there are more, a random sample of so many takes their place: the cost then
        grows as the number of rows, and not as its square. None: all of them. Only with
        "distance".
    random_state : int, RandomState instance or None, default=None
        Seed of that sample, and of detectors that have none.
    n_jobs : int, default=None
        Number of threads of the search for neighbours. Only with "distance".

    Attributes
    ----------
    estimator_ : regressor
        The clone of `estimator`, fitted on the rows that are left.
    sample_scores_ : ndarray of shape (n_samples,)
        How outlying each row is. Of one detector: a distance, the size of a residual,
        or the score of an estimator, with the sign that makes higher more outlying. Of
        several: the largest of them, where 0 is the median and 1 the 95 % quantile of
        the trusted rows' own scores. NaN for rows of weight 0.
    threshold_ : float
        Score from which on a row is suspicious.
    inlier_mask_ : ndarray of shape (n_samples,) of bool
        Which rows are used as they are.
    overruled_share_ : float
        Share of the rows that are not used as they are. A row that is weighted down
        counts as the part of its weight that it loses. `fit` warns if it is
        significantly more than one half.
    n_reference_ : int
        Number of rows that all rows are compared with.
    sample_weight_ : ndarray of shape (n_samples,)
        The weights of the rows in the fit of `estimator_`. Only with
        ``action="weigh"``.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X is a dataframe.

    See Also
    --------
    OutlierFilteredClassifier : The same filter for classification.
    skpoison.inspection.SampleScoresDisplay : Draws the scores of the rows.

    Notes
    -----
    If fewer than two rows are trusted (three with an estimator as `detector`), all rows
    take their place: the filter then acts on about ``1 - quantile`` of the rows,
    poisoned or not.

    The distance and outlier detectors see the features and the response, in one more
    column that is scaled to vary as much as all features together. A dataframe they see
    as one, with the response in its last column, named "response". Scores are those of
    rows that a detector has not seen, as in the classifier.

    The scheme of [1]_ is for classification. Here the response takes the place of the
    label; how it is scaled is our choice.

    References
    ----------
    .. [1] A. Paudice, L. Muñoz-González, A. György, E. C. Lupu, "Detection of
       adversarial training examples in poisoning attacks through anomaly detection",
       arXiv:1802.03041, 2018.
    .. [2] D. G. Simpson, D. Ruppert, R. J. Carroll, "On one-step GM estimates and
       stability of inferences in linear regression", Journal of the American
       Statistical Association 87, 1992.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_regression
    >>> from sklearn.linear_model import Ridge
    >>> from skpoison.defences import OutlierFilteredRegressor
    >>> X, y = make_regression(100, 3, noise=5.0, random_state=0)
    >>> y_poisoned = y.copy()
    >>> y_poisoned[80:] = 2 * y.max()
    >>> trusted = np.arange(100) < 40
    >>> defence = OutlierFilteredRegressor(Ridge())
    >>> defence = defence.fit(X, y_poisoned, trusted=trusted)
    >>> bool(defence.inlier_mask_[80:].any())
    False
    >>> plain = Ridge().fit(X, y_poisoned)
    >>> print(f"{plain.score(X, y):.2f} {defence.score(X, y):.2f}")
    -0.58 1.00
    """

    _required_estimator_type = "regressor"

    def __init__(
        self,
        estimator,
        *,
        detector=None,
        quantile=0.95,
        n_neighbors=5,
        metric="euclidean",
        action="drop",
        max_reference=10_000,
        random_state=None,
        n_jobs=None,
    ):
        self.estimator = estimator
        self.detector = detector
        self.quantile = quantile
        self.n_neighbors = n_neighbors
        self.metric = metric
        self.action = action
        self.max_reference = max_reference
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _groups(self, y):
        return [np.arange(y.shape[0])]

    def _of_groups(self, values):
        return values[0]

    def _fit_predictions(self, model, X, y):
        return fit_residuals(model, X, y)

    def _view(self, X, y):
        return partial(with_response, scale=response_scale(X, y))


def _features(X, y):
    """Return what a detector of one class sees: the rows, and not their label."""
    return X
