"""Does a row lie where the rows of its class lie?"""

from numbers import Integral, Real

import numpy as np
from sklearn.base import clone
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import get_tags
from sklearn.utils._param_validation import HasMethods, Interval

from skpoison.base import BaseSanitizedClassifier


class OutlierFilteredClassifier(BaseSanitizedClassifier):
    """Drop the rows that are outliers among the trusted rows of their class.

    For each class, as the labels given have it, a detector is fitted on its trusted
    rows, and a row of the class is dropped where it is more of an outlier than the
    `quantile` of the trusted rows themselves. Then a clone of `estimator` is fitted on
    the rows that are left. Where fewer than two rows of a class are trusted, all its
    rows stand in for them: the filter then drops the most outlying rows of the class,
    poisoned or not.

    Parameters
    ----------
    estimator : classifier
        What is fitted on the rows that are left.
    detector : outlier detector, default=None
        Any outlier detector of scikit-learn with `score_samples`
        (:class:`~sklearn.neighbors.LocalOutlierFactor` with ``novelty=True``), or of
        PyOD. None: the distance to the `n_neighbors`-th nearest trusted row.
    quantile : float, default=0.95
        Quantile, in [0, 1], of the trusted rows' own scores beyond which a row is
        dropped. About ``1 - quantile`` of the clean rows are lost.
    n_neighbors : int, default=5
        Which neighbour's distance is the score, when `detector` is None; at most the
        number of other trusted rows of the class.
    n_jobs : int, default=None
        Number of threads that search for neighbours, when `detector` is None.

    Attributes
    ----------
    estimator_ : classifier
        The clone of `estimator`, fitted on the rows that are left.
    inlier_mask_ : ndarray of shape (n_samples,) of bool
        Which rows are left.
    classes_ : ndarray of shape (n_classes,)
        The labels seen.
    n_features_in_ : int
        Number of features seen.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Their names, where X is a dataframe.

    See Also
    --------
    KNNSanitizedClassifier : Judges labels by the rows around; needs no trusted rows.

    Notes
    -----
    The scheme is that of [1]_: one detector a class, thresholds from the empirical
    distribution of the trusted rows' scores. The paper does not give its constants;
    the defaults here are ours.

    The trusted rows' own scores must be scores of rows *not* seen, or they come out
    too small. The default detector leaves each trusted row out of its own neighbours.
    For other detectors the scores that they keep of their training rows are taken
    (`negative_outlier_factor_`, PyOD's `decision_scores_`), else `score_samples`.

    References
    ----------
    .. [1] A. Paudice, L. Muñoz-González, A. György, E. C. Lupu, "Detection of
       adversarial training examples in poisoning attacks through anomaly detection",
       arXiv:1802.03041, 2018.

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

    _parameter_constraints: dict = {
        **BaseSanitizedClassifier._parameter_constraints,
        "detector": [HasMethods(["fit"]), None],
        "quantile": [Interval(Real, 0, 1, closed="both")],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self, estimator, *, detector=None, quantile=0.95, n_neighbors=5, n_jobs=None
    ):
        self.estimator = estimator
        self.detector = detector
        self.quantile = quantile
        self.n_neighbors = n_neighbors
        self.n_jobs = n_jobs

    def _judge(self, X, y, *, trusted):
        verdict = y.copy()
        for code in range(self.classes_.shape[0]):
            of_class = np.flatnonzero(y == code)
            reference = of_class[trusted[of_class]]
            if reference.shape[0] < 2:
                reference = of_class
            if reference.shape[0] < 2:
                continue
            others = np.setdiff1d(of_class, reference)
            own_scores, scores = self._scores(X[reference], X[others])
            # The threshold is one of the scores, so that the number of trusted rows
            # beyond it is known exactly; rounding of the product must not change it.
            rank = np.ceil(np.round(self.quantile * (own_scores.shape[0] - 1), 9))
            threshold = np.sort(own_scores)[int(rank)]
            verdict[reference[own_scores > threshold]] = -1
            verdict[others[scores > threshold]] = -1
        return verdict

    def _scores(self, reference, others):
        """Score both sets of rows against the first: the higher, the more outlying."""
        if self.detector is None:
            k = min(self.n_neighbors, reference.shape[0] - 1)
            index = self._index().fit(reference)
            # Without rows given, kneighbors leaves each row out of its own neighbours.
            own_distances, _ = index.kneighbors(n_neighbors=k)
            if not others.shape[0]:
                return own_distances[:, -1], np.empty(0)
            return own_distances[:, -1], index.kneighbors(others, k)[0][:, -1]

        detector = clone(self.detector).fit(reference)
        if hasattr(detector, "decision_scores_"):  # PyOD: high is outlying
            sign, score = 1, detector.decision_function
            own_scores = detector.decision_scores_
        elif hasattr(detector, "score_samples"):
            sign, score = -1, detector.score_samples
            own_scores = getattr(detector, "negative_outlier_factor_", None)
            if own_scores is None:
                own_scores = score(reference)
        else:
            raise ValueError(
                f"detector={self.detector!r} cannot score rows that it was not fitted "
                "on. Give one with score_samples (LocalOutlierFactor has it with "
                "novelty=True), or one of PyOD's."
            )
        scores = score(others) if others.shape[0] else np.empty(0)
        return sign * np.ravel(own_scores), sign * np.ravel(scores)

    def _index(self):
        return NearestNeighbors(n_jobs=self.n_jobs)

    def _judge_input_tags(self):
        judge = self._index() if self.detector is None else self.detector
        return get_tags(judge).input_tags
