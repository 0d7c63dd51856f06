"""Label sanitisation by k nearest neighbours."""

from itertools import chain
from numbers import Integral, Real

import numpy as np
from sklearn.base import clone
from sklearn.neighbors import NearestNeighbors
from sklearn.neighbors._base import VALID_METRICS
from sklearn.utils import InputTags, gen_batches, get_tags
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import has_fit_parameter

from skpoison.base import BaseRowFilter
from skpoison.base._row_filter import DROPPED
from skpoison.utils._validation import InstanceWith, check_default
from skpoison.utils._warnings import warn_user

# Neighbours are searched for this many rows at a time, which bounds the memory.
BATCH_SIZE = 16384

# The metrics that are functions of two rows, without parameters to be fitted. A
# function of one's own is passed itself instead of the name "pyfunc".
METRICS = set(chain.from_iterable(VALID_METRICS.values())) - {
    "mahalanobis",
    "precomputed",
    "pyfunc",
    "seuclidean",
}


class KNNSanitizedClassifier(BaseRowFilter):
    """Relabel or drop the rows whose nearest neighbours agree on another label.

    The `n_neighbors` nearest neighbours of a row, the row itself excluded, vote with
    their labels. If another label has more votes than the row's own, the share of the
    votes for it is the score of the row; otherwise the score is 0. A row whose score
    reaches `threshold` gets that label or is dropped. All rows are judged at once, by
    the labels given or, in further passes, by the labels after the pass before. Then a
    clone of `estimator` is fitted.

    Parameters
    ----------
    estimator : classifier
        Fitted on the sanitised training set.
    n_neighbors : int, default=10
        Number of neighbours that vote. If there are fewer other rows, all of them
        vote, with a warning.
    threshold : float, default=0.5
        Share of the votes, in (0, 1], that another label needs to overrule a row's
        own.
    action : {"relabel", "drop"}, default="relabel"
        What to do with a row that is overruled. In further passes a dropped row does
        not vote and stays dropped.
    weights : {"uniform", "distance"}, default="uniform"
        Whether all neighbours have one vote, or each the inverse of its distance, as
        in :class:`~sklearn.neighbors.KNeighborsClassifier`: if some are at distance 0,
        only those vote.
    n_passes : int, default=1
        Maximum number of passes over the rows. A pass that changes nothing is the
        last. Neighbours are searched once; with more than one pass all of them are
        held in memory.
    metric : str or callable, default="euclidean"
        Distance between rows, as in :class:`~sklearn.neighbors.NearestNeighbors`; for
        metrics with parameters use `neighbors`. Columns should be of comparable
        scale: put a scaler before the defence.
    neighbors : estimator, default=None
        Searches the neighbours instead of
        :class:`~sklearn.neighbors.NearestNeighbors`: any estimator with
        ``fit(X)`` and ``kneighbors(X, n_neighbors, return_distance)``, for example
        around an approximate index. It has its own metric and number of jobs:
        `metric` and `n_jobs` must then have their defaults.
    n_jobs : int, default=None
        Number of threads of the search for neighbours.

    Attributes
    ----------
    estimator_ : classifier
        The clone of `estimator`, fitted on the sanitised training set.
    sample_scores_ : ndarray of shape (n_samples,)
        Share of the votes for the label that overrules a row's own: 0 if there is
        none, NaN for rows of weight 0. After several passes, the score in the last
        pass that decided on the row.
    threshold_ : float
        The parameter `threshold`.
    inlier_mask_ : ndarray of shape (n_samples,) of bool
        Which rows keep their label.
    n_iter_ : int
        Number of passes.
    y_sanitized_ : ndarray of shape (n_samples,)
        The labels after sanitising. Only with ``action="relabel"``.
    classes_ : ndarray of shape (n_classes,)
        The class labels.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X is a dataframe.

    See Also
    --------
    OutlierFilteredClassifier : Drops rows far from the trusted rows of their class.
    skpoison.inspection.SampleScoresDisplay : Draws the scores of the rows.

    Notes
    -----
    With one pass and equal votes this is Algorithm 1 of [1]_. Two things that the
    paper leaves open are fixed here: a tie with the row's own label keeps that label,
    and if several other labels tie, the one that comes first in `classes_` wins.

    It costs accuracy on clean data whose classes overlap, and an attacker who flips
    all labels of a region evades it.

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

    _required_estimator_type = "classifier"
    _keeps_booleans = True

    _parameter_constraints: dict = {
        **BaseRowFilter._parameter_constraints,
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "threshold": [Interval(Real, 0, 1, closed="right")],
        "action": [StrOptions({"relabel", "drop"})],
        "weights": [StrOptions({"uniform", "distance"})],
        "n_passes": [Interval(Integral, 1, None, closed="left")],
        "metric": [StrOptions(METRICS), callable],
        "neighbors": [InstanceWith(["fit", "kneighbors"]), None],
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

    def _score_rows(self, X, y, *, trusted):
        if self.neighbors is not None:
            reason = "if neighbors is given, which has its own"
            check_default(self, reason, metric="euclidean", n_jobs=None)
        elif self.metric == "haversine" and X.shape[1] != 2:
            raise ValueError(
                "metric='haversine' is for two columns, latitude and longitude; X has "
                f"{X.shape[1]}. Choose another metric."
            )
        k = min(int(self.n_neighbors), y.shape[0] - 1)
        if k < self.n_neighbors:
            warn_user(
                f"n_neighbors={self.n_neighbors} is more than the {k} other rows; all "
                "of them vote."
            )
        scores, labels = np.zeros(y.shape[0]), y
        self.n_iter_ = 1
        if k == 0:
            return scores, labels
        neighbourhoods = self._neighbourhoods(X, y, k)
        if self.n_passes > 1:
            neighbourhoods = list(neighbourhoods)
        while True:
            before = labels
            scores, labels = self._vote(neighbourhoods, y, trusted, scores, labels)
            if self.n_iter_ == self.n_passes or (labels == before).all():
                return scores, labels
            self.n_iter_ += 1

    def _neighbourhoods(self, X, y, k):
        """Yield batches of rows, with their neighbours and the weights of the votes.

        The neighbours are of shape (n_rows, k). So are the weights, which are None if
        all votes are equal.
        """
        index = self._index()
        # A classifier has kneighbors too, and cannot be fitted without labels.
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

    def _vote(self, neighbourhoods, y, trusted, scores, labels):
        """Let all neighbours vote once.

        Takes the scores and labels after the pass before, and returns those after this
        one. The label of a dropped row is DROPPED.
        """
        scores, after = scores.copy(), labels.copy()
        n_classes = self.classes_.shape[0]
        for rows, nearest, weights in neighbourhoods:
            own = labels[rows]
            votes = _count(labels[nearest], weights, n_classes)
            winner, most = votes.argmax(axis=1), votes.max(axis=1)
            votes_own = np.take_along_axis(votes, own[:, np.newaxis], axis=1)[:, 0]
            total = np.maximum(votes.sum(axis=1), np.finfo(np.float64).tiny)
            share = np.where(votes_own < most, most / total, 0.0)
            overruled = (share >= self.threshold) & ~trusted[rows] & (own != DROPPED)
            given = winner if self.action == "relabel" else DROPPED
            after[rows] = new = np.where(overruled, given, own)
            # A row that an earlier pass has changed keeps the score of that decision,
            # unless it has its first label back.
            decided = overruled & (new != y[rows])
            as_given = (own == y[rows]) & ~decided
            back = overruled & (new == y[rows])
            scores[rows] = np.select(
                [decided | as_given, back], [share, 0.0], scores[rows]
            )
        return scores, after

    def _index(self):
        if self.neighbors is not None:
            return clone(self.neighbors)
        return NearestNeighbors(metric=self.metric, n_jobs=self.n_jobs)

    def _filter_input_tags(self):
        if self.neighbors is not None:
            return get_tags(self.neighbors).input_tags
        # Those of NearestNeighbors, without building one at every call.
        return InputTags(sparse=True, allow_nan=self.metric == "nan_euclidean")


def _others(nearest, start):
    """Return a mask of the neighbours of each row without the row itself.

    If rows repeat, a row can be missing from its own nearest neighbours. Then the last
    neighbour is left out instead.
    """
    others = nearest != np.arange(start, start + nearest.shape[0])[:, np.newaxis]
    others[others.all(axis=1), -1] = False
    return others


def _inverse(distances):
    """Return the inverse distances as weights; if some are 0, only those count."""
    least = distances.min(axis=1, keepdims=True)
    # Only shares matter: relative to the largest weight, none overflows.
    relative = least / np.where(distances == 0, 1, distances)
    return np.where(least == 0, distances == 0, relative)


def _count(labels, weights, n_classes):
    """Return the sum of votes for each class, of shape (n_rows, n_classes).

    The labels are of shape (n_rows, k). A label of DROPPED is not counted.
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
