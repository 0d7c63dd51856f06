"""Outlier filters: distances of training rows from the trusted rows of their class."""

from abc import abstractmethod
from numbers import Integral, Real

import numpy as np
from sklearn.neighbors import LocalOutlierFactor
from sklearn.utils import InputTags, check_random_state, get_tags
from sklearn.utils._param_validation import Interval, StrOptions

from skpoison.base import BaseRowFilter
from skpoison.defences._outlier_scores import (
    GroupedScore,
    detector_scores,
    distances_to_sample,
    fit_detector,
    fit_distances,
)
from skpoison.defences._reference_rows import as_sparse_if_alike, sample_rows
from skpoison.defences._response_column import with_response
from skpoison.utils._containers import take_rows
from skpoison.utils._seeds import set_missing_seeds
from skpoison.utils._validation import InstanceWith, check_default


class _BaseOutlierFilter(BaseRowFilter):
    """Base of the outlier filters: one detector and one threshold for each group."""

    _keeps_booleans = True

    _parameter_constraints: dict = {
        "estimator": BaseRowFilter._parameter_constraints["estimator"],
        "detector": [InstanceWith(["fit"]), None],
        "quantile": [Interval(Real, 0, 1, closed="both")],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "action": [StrOptions({"drop", "weigh"})],
        "max_reference": [Interval(Integral, 2, None, closed="left"), None],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        estimator,
        *,
        detector=None,
        quantile=0.95,
        n_neighbors=5,
        action="drop",
        max_reference=10_000,
        random_state=None,
        n_jobs=None,
    ):
        self.estimator = estimator
        self.detector = detector
        self.quantile = quantile
        self.n_neighbors = n_neighbors
        self.action = action
        self.max_reference = max_reference
        self.random_state = random_state
        self.n_jobs = n_jobs

    @abstractmethod
    def _groups(self, y):
        """Return the rows of each group that has a detector: a list of positions."""

    def _what_is_scored(self, X, y, reference):
        """Return the columns that a detector sees; the reference rows set its scale."""
        return X

    def _score_rows(self, X, y, *, trusted):
        random_state = check_random_state(self.random_state)
        detector = self.detector
        if detector is not None:
            reason = "if a detector is given, which has its own"
            check_default(
                self, reason, n_neighbors=5, max_reference=10_000, n_jobs=None
            )
            if self.random_state is not None:
                detector = set_missing_seeds(detector, random_state)
        scores = np.zeros(y.shape[0])
        n_reference = []
        for rows in self._groups(y):
            reference = self._reference(rows, trusted)
            n_reference.append(0)
            if reference.shape[0] < self._fewest():
                continue
            others = np.setdiff1d(rows, reference)
            columns = self._what_is_scored(X, y, reference)
            if detector is None:
                n_reference[-1] = min(
                    reference.shape[0], self.max_reference or reference.shape[0]
                )
                found = distances_to_sample(
                    as_sparse_if_alike(take_rows(columns, rows)),
                    np.searchsorted(rows, reference),
                    np.searchsorted(rows, others),
                    sample_rows(
                        np.zeros_like(reference), n_reference[-1], random_state
                    ),
                    n_neighbors=self.n_neighbors,
                    n_jobs=self.n_jobs,
                )
            else:
                n_reference[-1] = reference.shape[0]
                found = detector_scores(
                    detector, take_rows(columns, reference), take_rows(columns, others)
                )
            scores[reference], scores[others] = found
        self.n_reference_ = self._of_groups(n_reference)
        return scores

    def _new_row_scorer(self, X, y):
        """Return a function that scores new rows against rows known to be clean.

        What it returns is comparable with the threshold of a fit to these rows, all of
        them trusted. New rows are scored independently of each other.

        Parameters
        ----------
        X : {ndarray, csr matrix} of shape (n_samples, n_features)
            The rows known to be clean.
        y : ndarray of shape (n_samples,)
            Their labels as positions in `classes_`.

        Returns
        -------
        score : callable
            Takes rows and labels, as above, and returns the score of each row.
        """
        random_state = check_random_state(self.random_state)
        detector = self.detector
        if detector is not None and self.random_state is not None:
            detector = set_missing_seeds(detector, random_state)
        parts = []
        for rows in self._groups(y):
            part = None
            if rows.shape[0] >= self._fewest() and detector is not None:
                _, part = fit_detector(detector, take_rows(X, rows))
            elif rows.shape[0] >= self._fewest():
                n_sampled = min(rows.shape[0], self.max_reference or rows.shape[0])
                sample = sample_rows(np.zeros_like(rows), n_sampled, random_state)
                part = fit_distances(
                    take_rows(X, rows[sample]),
                    n_neighbors=self.n_neighbors,
                    n_jobs=self.n_jobs,
                )
            parts.append(part)
        return GroupedScore(self._groups, parts)

    def _of_groups(self, values):
        """Return what has one value for each group as an attribute."""
        return np.array(values)

    def _learn_threshold(self, scores, y, *, trusted):
        """Compute the quantile of the reference rows' own scores in each group.

        A row is dropped beyond the quantile and not at it, so the threshold is the
        next larger number.
        """
        thresholds = []
        for rows in self._groups(y):
            own_scores = np.sort(scores[self._reference(rows, trusted)])
            # The quantile is one of the scores, so that the number of reference rows
            # beyond it is known exactly; rounding of the product must not change it.
            rank = np.ceil(
                np.round(float(self.quantile) * (own_scores.shape[0] - 1), 9)
            )
            threshold = np.nextafter(own_scores[int(rank)], np.inf)
            is_known = own_scores.shape[0] >= self._fewest()
            thresholds.append(threshold if is_known else np.inf)
        return self._of_groups(thresholds)

    def _fewest(self):
        """Return the least number of reference rows that a detector is fitted to."""
        return 2 if self.detector is None else 3

    def _reference(self, rows, trusted):
        """Return the trusted ones among some rows, or all of them if they are few."""
        reference = rows[trusted[rows]]
        return reference if reference.shape[0] >= self._fewest() else rows

    def _how_to_overrule_less(self):
        return "Mark more rows known to be clean as trusted, or raise the quantile."

    def _instead_of_missing(self):
        return (
            "Or give a detector that takes missing values, such as "
            "make_pipeline(SimpleImputer(), IsolationForest()), if the estimator takes "
            "them, too."
        )

    def _reads_features(self):
        # Of a frame LocalOutlierFactor forgets the names when it scores, and warns.
        return self.detector is None or isinstance(self.detector, LocalOutlierFactor)

    def _filter_input_tags(self):
        if self.detector is None:
            return InputTags(sparse=True)  # as NearestNeighbors
        return get_tags(self.detector).input_tags


class OutlierFilteredClassifier(_BaseOutlierFilter):
    """Drop or down-weight rows that are outliers among the trusted rows of their class.

    For each class, as given by the labels, a detector is fitted on its trusted rows.
    A row of the class is suspicious if it is more outlying than the `quantile` of the
    trusted rows themselves. Suspicious rows are dropped or weighted down, and a clone
    of `estimator` is fitted. If fewer than two rows of a class are trusted (three with
    a `detector`), all its rows take their place: the filter then acts on the most
    outlying rows of the class, poisoned or not.

    Parameters
    ----------
    estimator : classifier
        Fitted on the rows that are left.
    detector : outlier detector, default=None
        Any outlier detector of scikit-learn with `score_samples`
        (:class:`~sklearn.neighbors.LocalOutlierFactor` with ``novelty=True``), or of
        PyOD, or a Pipeline that ends with one. It sees X as it is: a dataframe with its
        names, missing values too if it accepts them. None: the score is the distance to
        the `n_neighbors`-th nearest trusted row.
    quantile : float, default=0.95
        Quantile, in [0, 1], of the trusted rows' own scores beyond which a row is
        suspicious. About ``1 - quantile`` of the clean rows are.
    n_neighbors : int, default=5
        Which neighbour's distance is the score; at most the number of other trusted
        rows of the class. Only without a `detector`.
    action : {"drop", "weigh"}, default="drop"
        What to do with suspicious rows. "weigh": multiply their sample weight by the
        square of the threshold divided by their score, as in Mallows' estimators [2]_.
        It costs less on clean data and helps less against poison. Scores must then be
        positive, as distances are.
    max_reference : int or None, default=10_000
        Largest number of trusted rows of a class among which neighbours are searched.
        If there are more, a random sample of so many takes their place: the cost then
        grows as the number of rows, and not as its square. None: all of them. Only
        without a `detector`.
    random_state : int, RandomState instance or None, default=None
        Seed of that sample, and of a `detector` that has none.
    n_jobs : int, default=None
        Number of threads of the search for neighbours. Only without a `detector`.

    Attributes
    ----------
    estimator_ : classifier
        The clone of `estimator`, fitted on the rows that are left.
    sample_scores_ : ndarray of shape (n_samples,)
        How outlying each row is in its class: a distance, or the score of `detector`,
        with the sign that makes higher more outlying. 0 in a class of too few rows, NaN
        for rows of weight 0.
    threshold_ : ndarray of shape (n_classes,)
        Score of each class from which on a row is suspicious. Infinite for a class of
        one row, or, with a `detector`, of two.
    inlier_mask_ : ndarray of shape (n_samples,) of bool
        Which rows are used as they are.
    overruled_share_ : ndarray of shape (n_classes,)
        Share of each class that is not used as it is. A row that is weighted down
        counts as the part of its weight that it loses. `fit` warns if it is
        significantly more than one half.
    n_reference_ : ndarray of shape (n_classes,) of int
        Number of rows that the rows of each class are compared with.
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
    The scheme is that of [1]_: one detector for each class, thresholds from the
    empirical distribution of the trusted rows' scores. The paper does not state its
    constants; the defaults are our choice.

    The trusted rows' own scores must be those of rows that the detector has *not*
    seen, or they come out too small. The default detector leaves each trusted row out
    of its own neighbours, and so do LocalOutlierFactor and PyOD's KNN, also at the end
    of a Pipeline: the scores that they keep are used. Any other detector is fitted five
    times, each time without a fifth of the trusted rows, which it then scores. The
    score of each other row is the mean over the five.

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

    def _groups(self, y):
        return [np.flatnonzero(y == code) for code in range(self.classes_.shape[0])]


class OutlierFilteredRegressor(_BaseOutlierFilter):
    """Drop or down-weight rows that are outliers among the trusted rows.

    The filter of :class:`OutlierFilteredClassifier` for regression. All rows are one
    group. Its detector sees the features and the response, in one more column that is
    scaled to vary as much as all features together: a row is an outlier if its
    features are unusual, or its response is unusual for its features.

    Parameters
    ----------
    estimator : regressor
        Fitted on the rows that are left.
    detector : outlier detector, default=None
        Any outlier detector of scikit-learn with `score_samples`
        (:class:`~sklearn.neighbors.LocalOutlierFactor` with ``novelty=True``), or of
        PyOD, or a Pipeline that ends with one. It sees X as it is: a dataframe with its
        names, missing values too if it accepts them. None: the score is the distance to
        the `n_neighbors`-th nearest trusted row.
    quantile : float, default=0.95
        Quantile, in [0, 1], of the trusted rows' own scores beyond which a row is
        suspicious. About ``1 - quantile`` of the clean rows are.
    n_neighbors : int, default=5
        Which neighbour's distance is the score; at most the number of other trusted
        rows. Only without a `detector`.
    action : {"drop", "weigh"}, default="drop"
        What to do with suspicious rows. "weigh": multiply their sample weight by the
        square of the threshold divided by their score, as in Mallows' estimators [2]_.
        It costs less on clean data and helps less against poison. Scores must then be
        positive, as distances are.
    max_reference : int or None, default=10_000
        Largest number of trusted rows among which neighbours are searched. If
        there are more, a random sample of so many takes their place: the cost then
        grows as the number of rows, and not as its square. None: all of them. Only
        without a `detector`.
    random_state : int, RandomState instance or None, default=None
        Seed of that sample, and of a `detector` that has none.
    n_jobs : int, default=None
        Number of threads of the search for neighbours. Only without a `detector`.

    Attributes
    ----------
    estimator_ : regressor
        The clone of `estimator`, fitted on the rows that are left.
    sample_scores_ : ndarray of shape (n_samples,)
        How outlying each row is: a distance, or the score of `detector`, with the sign
        that makes higher more outlying. NaN for rows of weight 0.
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
    If fewer than two rows are trusted (three with a `detector`), all rows take their
    place: the filter then acts on about ``1 - quantile`` of the rows, poisoned or not.

    A `detector` sees a dataframe as one, with the response in its last column, named
    "response". Scores are those of rows that it has not seen, as in the classifier.

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

    def _groups(self, y):
        return [np.arange(y.shape[0])]

    def _of_groups(self, values):
        return values[0]

    def _what_is_scored(self, X, y, reference):
        return with_response(X, y, reference)
