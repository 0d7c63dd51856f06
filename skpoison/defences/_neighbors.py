"""Do a row's neighbours agree with its label?"""

import warnings
from itertools import chain
from numbers import Integral, Real

import numpy as np
from sklearn.base import clone
from sklearn.neighbors import NearestNeighbors
from sklearn.neighbors._base import VALID_METRICS
from sklearn.utils import gen_batches, get_tags
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import has_fit_parameter

from skpoison.base import BaseSanitizedClassifier

# Neighbours are asked for in batches of rows, so that what is held at any time is a
# batch and never the neighbours of all rows.
BATCH_SIZE = 16384

# Those that need nothing but two rows.
METRICS = set(chain.from_iterable(VALID_METRICS.values())) - {
    "mahalanobis",
    "precomputed",
    "seuclidean",
}


class KNNSanitizedClassifier(BaseSanitizedClassifier):
    """Relabel or drop the rows whose neighbours agree on another label.

    Each row is compared with its `n_neighbors` nearest neighbours, the row itself not
    counted. If the most common label among them has a share of at least `threshold`
    and is not the row's own, the row gets that label, or is dropped. All rows are
    judged at once, by the labels given or, in further passes, by those that the pass
    before has left. Then a clone of `estimator` is fitted.

    Parameters
    ----------
    estimator : classifier
        What is fitted on the sanitised training set.
    n_neighbors : int, default=10
        Number of neighbours that vote. Where there are fewer other rows, all of them
        do, and a warning says so.
    threshold : float, default=0.5
        Share of the neighbours, in (0, 1], that the most common label needs to overrule
        a row's own. A label that shares the first place with the row's own does not
        overrule it.
    action : {"relabel", "remove"}, default="relabel"
        What happens to a row that is overruled. In further passes a row that has been
        dropped has no vote, and stays dropped.
    weights : {"uniform", "distance"}, default="uniform"
        Whether all neighbours have one vote, or each the inverse of its distance, as
        in :class:`~sklearn.neighbors.KNeighborsClassifier`: where some lie at distance
        0, these alone vote.
    n_passes : int, default=1
        The most passes over the rows; one that changes nothing is the last. Neighbours
        are searched once, and with more than one pass all of them are held in memory.
    metric : str or callable, default="euclidean"
        Distance between rows, as in :class:`~sklearn.neighbors.NearestNeighbors`; for
        metrics with parameters of their own use `neighbors`.
        Columns should be of comparable scale: put a scaler before the defence.
    neighbors : estimator, default=None
        What finds the neighbours instead of
        :class:`~sklearn.neighbors.NearestNeighbors`: any estimator with
        ``fit(X)`` and ``kneighbors(X, n_neighbors, return_distance)``, for example
        around an approximate index. With it `metric` and `n_jobs` are not used.
    n_jobs : int, default=None
        Number of threads that search for neighbours.

    Attributes
    ----------
    estimator_ : classifier
        The clone of `estimator`, fitted on the sanitised training set.
    inlier_mask_ : ndarray of shape (n_samples,) of bool
        Which rows have kept their label.
    n_iter_ : int
        Number of passes.
    y_sanitized_ : ndarray of shape (n_samples,)
        The labels after sanitising; only with ``action="relabel"``.
    classes_ : ndarray of shape (n_classes,)
        The labels seen.
    n_features_in_ : int
        Number of features seen.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Their names, where X is a dataframe.

    See Also
    --------
    OutlierFilteredClassifier : Drops rows far from the trusted rows of their class.

    Notes
    -----
    With one pass and equal votes this is Algorithm 1 of [1]_. Two things are fixed here
    that it leaves open: a tie with the row's own label keeps the label, and among other
    labels that tie the one first in `classes_` counts as the most common.

    It costs accuracy where there is no poison and classes overlap, and it can be
    misled by an attacker who flips the labels of whole regions.

    References
    ----------
    .. [1] A. Paudice, L. Muñoz-González, E. C. Lupu, "Label sanitization against label
       flipping poisoning attacks", ECML PKDD Workshops 2018.

    Examples
    --------
    >>> from sklearn.datasets import make_blobs
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skpoison.attacks import RandomLabelFlip
    >>> from skpoison.defences import KNNSanitizedClassifier
    >>> X, y = make_blobs(centers=2, random_state=0, cluster_std=0.5)
    >>> attack = RandomLabelFlip(budget=0.1, random_state=0)
    >>> X_poisoned, y_poisoned = attack.fit_resample(X, y)
    >>> defence = KNNSanitizedClassifier(LogisticRegression())
    >>> int(defence.fit(X_poisoned, y_poisoned).inlier_mask_.sum())
    90
    >>> bool((defence.y_sanitized_ == y).all())
    True
    """

    _parameter_constraints: dict = {
        **BaseSanitizedClassifier._parameter_constraints,
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "threshold": [Interval(Real, 0, 1, closed="right")],
        "action": [StrOptions({"relabel", "remove"})],
        "weights": [StrOptions({"uniform", "distance"})],
        "n_passes": [Interval(Integral, 1, None, closed="left")],
        "metric": [StrOptions(METRICS), callable],
        "neighbors": [HasMethods(["fit", "kneighbors"]), None],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        estimator,
        *,
        n_neighbors=10,
        threshold=0.5,
        action="relabel",
        weights="uniform",
        n_passes=1,
        metric="euclidean",
        neighbors=None,
        n_jobs=None,
    ):
        self.estimator = estimator
        self.n_neighbors = n_neighbors
        self.threshold = threshold
        self.action = action
        self.weights = weights
        self.n_passes = n_passes
        self.metric = metric
        self.neighbors = neighbors
        self.n_jobs = n_jobs

    @property
    def _relabels(self):
        return self.action == "relabel"

    def _judge(self, X, y, *, trusted):
        n_samples = y.shape[0]
        k = min(self.n_neighbors, n_samples - 1)
        if k < self.n_neighbors:
            warnings.warn(
                f"n_neighbors={self.n_neighbors} is more than the {k} other rows; all "
                "of them vote.",
                UserWarning,
                stacklevel=6,
            )
        self.n_iter_ = 1
        if k == 0:
            return y
        neighbourhoods = self._neighbourhoods(X, y, k)
        if self.n_passes > 1:
            neighbourhoods = list(neighbourhoods)
        verdict = self._vote(neighbourhoods, y, trusted)
        before = y
        while self.n_iter_ < self.n_passes and (verdict != before).any():
            before = verdict
            verdict = self._vote(neighbourhoods, before, trusted)
            self.n_iter_ += 1
        return verdict

    def _neighbourhoods(self, X, y, k):
        """Yield batches of rows, with their neighbours and what a vote of each weighs.

        The neighbours have shape (n_rows, k). So have the weights, or there are none.
        """
        index = self._index()
        # A classifier has kneighbors too, and is not fitted without labels.
        index.fit(X, y) if has_fit_parameter(index, "y") else index.fit(X)
        by_distance = self.weights == "distance"
        for rows in gen_batches(y.shape[0], BATCH_SIZE):
            found = index.kneighbors(X[rows], k + 1, return_distance=by_distance)
            nearest = found[1] if by_distance else found
            if np.min(nearest) < 0:
                raise ValueError(
                    f"neighbors={self.neighbors!r} finds fewer than the {k + 1} rows "
                    "asked for. Let it search more widely, or lower n_neighbors."
                )
            others = _others(nearest, rows.start)
            weights = None
            if by_distance:
                weights = _inverse(found[0][others].reshape(-1, k))
            yield rows, nearest[others].reshape(-1, k), weights

    def _vote(self, neighbourhoods, y, trusted):
        """Let neighbours vote, once: labels before, -1 for rows dropped, to after."""
        verdict = y.copy()
        n_classes = self.classes_.shape[0]
        for rows, nearest, weights in neighbourhoods:
            labels = y[nearest]
            votes = _count(labels, weights, n_classes)
            winner = votes.argmax(axis=1)
            most = votes.max(axis=1)
            own = np.take_along_axis(votes, y[rows, np.newaxis], axis=1)[:, 0]
            total = np.maximum(votes.sum(axis=1), np.finfo(np.float64).tiny)
            overruled = (own < most) & (most / total >= self.threshold)
            overruled &= ~trusted[rows] & (y[rows] >= 0)
            verdict[rows][overruled] = winner[overruled] if self._relabels else -1
        return verdict

    def _index(self):
        if self.neighbors is not None:
            return clone(self.neighbors)
        return NearestNeighbors(metric=self.metric, n_jobs=self.n_jobs)

    def _judge_input_tags(self):
        return get_tags(self._index()).input_tags


def _others(nearest, start):
    """Find in each row of neighbours all but the row itself: a mask.

    Where rows repeat, the row itself can be missing among its nearest: then the last
    neighbour goes instead.
    """
    others = nearest != np.arange(start, start + nearest.shape[0])[:, np.newaxis]
    others[others.all(axis=1), -1] = False
    return others


def _inverse(distances):
    """Weigh neighbours by the inverse of their distances; those at 0 alone, if any."""
    least = distances.min(axis=1, keepdims=True)
    # What counts are the shares: relative to the largest, no weight overflows.
    relative = least / np.where(distances == 0, 1, distances)
    return np.where(least == 0, distances == 0, relative)


def _count(labels, weights, n_classes):
    """Add up the votes in each row: (n_rows, k) to (n_rows, n_classes).

    A label of -1 is no vote.
    """
    n_rows = labels.shape[0]
    valid = labels >= 0
    cells = labels + n_classes * np.arange(n_rows)[:, np.newaxis]
    counts = np.bincount(
        cells[valid],
        weights=None if weights is None else weights[valid],
        minlength=n_rows * n_classes,
    )
    return counts.reshape(n_rows, n_classes)
