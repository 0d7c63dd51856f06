"""Label sanitisation by k nearest neighbours."""

from itertools import chain
from numbers import Integral, Real

import numpy as np
from sklearn.base import clone
from sklearn.neighbors import NearestNeighbors
from sklearn.neighbors._base import VALID_METRICS
from sklearn.utils import InputTags, check_random_state, gen_batches, get_tags
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import has_fit_parameter

from skpoison.base import BaseRowFilter
from skpoison.base._row_filter import DROPPED
from skpoison.defences._reference_rows import as_sparse_if_alike, sample_rows
from skpoison.utils._callbacks import Progress
from skpoison.utils._containers import take_rows
from skpoison.utils._texts import shown
from skpoison.utils._validation import InstanceWith, check_default
from skpoison.utils._warnings import warn_user

# Neighbours are searched for this many rows at a time, which bounds the memory.
BATCH_SIZE = 16384

# What is added to the observed and to the expected votes before they are compared, as
# in Norén et al. (2013). Without it a label that hardly occurs would be contradicted by
# any few neighbours, though none of that label can be expected among them.
SHRINKAGE = 0.5

# The metrics that are functions of two rows, without parameters to be fitted. A
# function of one's own is passed itself instead of the name "pyfunc".
METRICS = set(chain.from_iterable(VALID_METRICS.values())) - {
    "mahalanobis",
    "precomputed",
    "pyfunc",
    "seuclidean",
}


class KNNSanitizedClassifier(BaseRowFilter):
    r"""Relabel or drop the rows whose nearest neighbours agree on another label.

    The `n_neighbors` nearest neighbours of a row, the row itself excluded, vote with
    their labels. If another label has more votes than the row's own, the share of the
    votes for it is the score of the row; otherwise the score is 0. By default it must
    also have more than its own label relative to how often each occurs. A row whose
    score reaches `threshold` gets the other label or is dropped. All rows are judged at
    once, by the labels given or, in further passes, by the labels after the pass
    before. Then a clone of `estimator` is fitted.

    Parameters
    ----------
    estimator : classifier
        Fitted on the sanitised training set.
    n_neighbors : int, default=10
        Number of neighbours that vote. If there are fewer other rows, all of them
        vote, with a warning.
    threshold : float, default=0.5
        Score, in (0, 1], from which on a row is overruled: the share of the votes that
        another label needs.
    prior_correction : bool, default=True
        Whether the score allows for the frequencies of the classes. A label that few
        rows have is outvoted nearly everywhere, also where it is far more frequent
        than elsewhere; so the votes are compared with those to be expected, too (see
        the notes). False: they are only counted, as in the paper [1]_, which overrules
        most rows of a rare class on clean data.
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
    max_reference : int or None, default=10_000
        Largest number of rows among which neighbours are searched. If there are more
        rows, a random sample of so many votes, in which each class keeps its share: the
        cost then grows as the number of rows, and not as its square. None: all rows
        vote.
    neighbors : estimator, default=None
        Searches the neighbours instead of
        :class:`~sklearn.neighbors.NearestNeighbors`: any estimator with
        ``fit(X)`` and ``kneighbors(X, n_neighbors, return_distance)``, for example
        around an approximate index. All rows vote. It has its own metric and number of
        jobs: `metric`, `max_reference` and `n_jobs` must then have their defaults.
    random_state : int, RandomState instance or None, default=None
        Seed of the sample of rows that vote. Nothing is random if all of them do.
    n_jobs : int, default=None
        Number of threads of the search for neighbours.

    Attributes
    ----------
    estimator_ : classifier
        The clone of `estimator`, fitted on the sanitised training set.
    sample_scores_ : ndarray of shape (n_samples,)
        Share of the votes for the label that overrules a row's own, or its share of
        the ratios to the votes expected if that is less; 0 if there is none, NaN for
        rows of weight 0. After several passes, the score in the last pass that decided
        on the row.
    threshold_ : float
        The parameter `threshold`.
    inlier_mask_ : ndarray of shape (n_samples,) of bool
        Which rows keep their label.
    overruled_share_ : ndarray of shape (n_classes,)
        Share of each class that does not keep its label. `fit` warns if it is
        significantly more than one half.
    n_iter_ : int
        Number of passes.
    n_reference_ : int
        Number of rows that vote.
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
    With ``prior_correction=False``, one pass and equal votes this is Algorithm 1 of
    [1]_. Two things that the paper leaves open are fixed here: a tie with the row's own
    label keeps that label, and if several other labels tie, the one that comes first in
    `classes_` wins.

    The prior correction compares the :math:`v_c` votes for class :math:`c`, of
    :math:`v` in all, with those to be expected from its share :math:`\pi_c` of the rows
    that vote, by the shrunk ratio of [2]_,

    .. math:: r_c = \frac{v_c + 1/2}{v \, \pi_c + 1/2} .

    The score is the smaller of :math:`v_j / v` and :math:`r_j / (r_j + r_i)`, of a
    label :math:`j` against a row's own label :math:`i`. If both classes of two are
    equally frequent, it decides as the paper does at ``threshold=0.5``.

    It costs accuracy on clean data whose classes overlap, and an attacker who flips
    all labels of a region evades it.

    References
    ----------
    .. [1] A. Paudice, L. Muñoz-González, E. C. Lupu, "Label sanitization against label
       flipping poisoning attacks", ECML PKDD Workshops 2018.
    .. [2] G. N. Norén, J. Hopstadius, A. Bate, "Shrinkage observed-to-expected ratios
       for robust and transparent large-scale pattern discovery", Statistical Methods in
       Medical Research 22, 2013.

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
        "prior_correction": ["boolean"],
        "action": [StrOptions({"relabel", "drop"})],
        "weights": [StrOptions({"uniform", "distance"})],
        "n_passes": [Interval(Integral, 1, None, closed="left")],
        "metric": [StrOptions(METRICS), callable],
        "max_reference": [Interval(Integral, 2, None, closed="left"), None],
        "neighbors": [InstanceWith(["fit", "kneighbors"]), None],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        estimator,
        *,
        n_neighbors=10,
        threshold=0.5,
        prior_correction=True,
        action="relabel",
        weights="uniform",
        n_passes=1,
        metric="euclidean",
        max_reference=10_000,
        neighbors=None,
        random_state=None,
        n_jobs=None,
    ):
        self.estimator = estimator
        self.n_neighbors = n_neighbors
        self.threshold = threshold
        self.prior_correction = prior_correction
        self.action = action
        self.weights = weights
        self.n_passes = n_passes
        self.metric = metric
        self.max_reference = max_reference
        self.neighbors = neighbors
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _score_rows(self, X, y, *, trusted):
        if self.neighbors is not None:
            reason = "if neighbors is given, which has its own"
            check_default(
                self, reason, metric="euclidean", max_reference=10_000, n_jobs=None
            )
        elif self.metric == "haversine" and X.shape[1] != 2:
            raise ValueError(
                "metric='haversine' is for two columns, latitude and longitude; X has "
                f"{X.shape[1]}. Choose another metric, or pass those two alone."
            )
        reference = self._reference(y)
        self.n_reference_ = reference.shape[0]
        k = min(int(self.n_neighbors), self.n_reference_ - 1)
        if k < self.n_neighbors:
            warn_user(
                f"n_neighbors={self.n_neighbors} is more than the {k} other rows; all "
                "of them vote."
            )
        scores, labels = np.zeros(y.shape[0]), y
        self.n_iter_ = 1
        if k == 0:
            return scores, labels
        neighbourhoods = self._neighbourhoods(X, y, reference, k)
        if self.n_passes > 1:
            neighbourhoods = list(neighbourhoods)
        while True:
            before = labels
            priors = self._priors(labels[reference])
            scores, labels = self._vote(
                neighbourhoods, priors, y, trusted, scores, labels
            )
            if self.n_iter_ == self.n_passes or (labels == before).all():
                return scores, labels
            self.n_iter_ += 1

    def _reference(self, y):
        """Return the positions of the rows that vote."""
        n_samples = y.shape[0]
        most = self.max_reference
        if self.neighbors is not None or most is None or n_samples <= most:
            return np.arange(n_samples)
        return sample_rows(y, most, check_random_state(self.random_state))

    def _neighbourhoods(self, X, y, reference, k):
        """Yield batches of rows, with their neighbours and the weights of the votes.

        The neighbours are of shape (n_rows, k). So are the weights, which are None if
        all votes are equal.
        """
        if self.neighbors is None and self.metric == "euclidean":
            X = as_sparse_if_alike(X)
        voters = take_rows(X, reference) if reference.shape[0] < y.shape[0] else X
        index = self._index()
        # A classifier has kneighbors too, and cannot be fitted without labels.
        if has_fit_parameter(index, "y"):
            index.fit(voters, y[reference])
        else:
            index.fit(voters)
        by_distance = self.weights == "distance"
        n_batches = -(-y.shape[0] // BATCH_SIZE)
        progress = Progress(self, "search for neighbours", n_batches, every=0)
        for rows in gen_batches(y.shape[0], BATCH_SIZE):
            found = index.kneighbors(X[rows], k + 1, return_distance=by_distance)
            nearest = found[1] if by_distance else found
            if np.min(nearest) < 0:
                raise ValueError(
                    f"neighbors must find the {k + 1} rows asked for; got fewer from "
                    f"{shown(self.neighbors)}. Let it search more widely, or lower "
                    "n_neighbors."
                )
            nearest = reference[nearest]
            others = _others(nearest, rows.start)
            weights = None
            if by_distance:
                weights = _inverse(found[0][others].reshape(-1, k))
            yield rows, nearest[others].reshape(-1, k), weights
            if progress(rows.stop):
                break  # the other rows are believed
        progress.end()

    def _priors(self, labels):
        """Return the share of each class among the rows that vote."""
        counts = np.bincount(labels[labels >= 0], minlength=self.classes_.shape[0])
        return counts / max(counts.sum(), 1)

    def _vote(self, neighbourhoods, priors, y, trusted, scores, labels):
        """Let all neighbours vote once.

        Takes the scores and labels after the pass before, and returns those after this
        one. The label of a dropped row is DROPPED.
        """
        scores, after = scores.copy(), labels.copy()
        n_classes = self.classes_.shape[0]
        for rows, nearest, weights in neighbourhoods:
            own = labels[rows]
            votes = _count(labels[nearest], weights, n_classes)
            winner = votes.argmax(axis=1)
            share = _share(votes, winner, own)
            if self.prior_correction:
                expected = votes.sum(axis=1, keepdims=True) * priors
                ratios = (votes + SHRINKAGE) / (expected + SHRINKAGE)
                share = np.minimum(share, _share_of_two(ratios, winner, own))
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

    def _how_to_overrule_less(self):
        sentence = super()._how_to_overrule_less()
        if self.prior_correction:
            return sentence
        return f"Set prior_correction=True for rare classes. {sentence}"

    def _instead_of_missing(self):
        return (
            "Or set metric='nan_euclidean', which leaves them out, if the estimator "
            "takes missing values."
        )

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


def _share(votes, winner, own):
    """Return the share of the votes for a label that beats a row's own; otherwise 0."""
    rows = np.arange(votes.shape[0])
    most = votes[rows, winner]
    total = np.maximum(votes.sum(axis=1), np.finfo(np.float64).tiny)
    return np.where(votes[rows, own] < most, most / total, 0.0)


def _share_of_two(ratios, winner, own):
    """Return the part of the winner in the sum of its ratio and that of a row's own."""
    rows = np.arange(ratios.shape[0])
    return ratios[rows, winner] / (ratios[rows, winner] + ratios[rows, own])


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
