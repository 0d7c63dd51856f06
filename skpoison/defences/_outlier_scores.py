"""Scores of rows against reference rows: how outlying each is, higher for more.

The reference rows' own scores set the threshold, so they must be those of rows that a
detector has *not* seen, or they come out too small.
"""

from functools import partial

import numpy as np
from sklearn.base import clone
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import Pipeline

from skpoison.utils._containers import take_rows
from skpoison.utils._texts import shown

# How many parts of the reference rows are left out in turn of detectors that keep no
# scores of rows that they have not seen.
N_FOLDS = 5


def distances_to_sample(X, reference, others, sample, *, n_neighbors, n_jobs):
    """Return the distances of rows to their nearest neighbours in a sample.

    A row that is in the sample is left out of its own neighbours.

    Parameters
    ----------
    X : {ndarray, csr matrix} of shape (n_samples, n_features)
        All rows.
    reference, others : ndarray of int
        Positions of two sets of rows.
    sample : ndarray of shape (n_sampled,) of int
        Positions in `reference` of the rows that are searched; two at least.
    n_neighbors : int
        Which neighbour's distance is returned; the farthest row if there are fewer.
    n_jobs : int or None
        Number of threads.

    Returns
    -------
    own_distances, other_distances : ndarray
        Those of both sets.
    """
    k = min(n_neighbors, sample.shape[0] - 1)
    index = NearestNeighbors(n_jobs=n_jobs).fit(take_rows(X, reference[sample]))
    own_distances = np.empty(reference.shape[0])
    # Without rows given, kneighbors leaves each row out of its own neighbours.
    own_distances[sample] = index.kneighbors(n_neighbors=k)[0][:, -1]
    rest = np.delete(np.arange(reference.shape[0]), sample)
    own_distances[rest] = _distances(index, take_rows(X, reference[rest]), k)
    return own_distances, _distances(index, take_rows(X, others), k)


def _distances(index, X, k):
    """Return the distances of rows to their k-th nearest neighbours."""
    return index.kneighbors(X, k)[0][:, -1] if X.shape[0] else np.empty(0)


def detector_scores(detector, reference, others):
    """Score two sets of rows against the first by a detector of outliers.

    Parameters
    ----------
    detector : outlier detector
        It is cloned.
    reference, others : {ndarray, csr matrix, dataframe} of shape (n_rows, n_features)
        The rows.

    Returns
    -------
    own_scores, other_scores : ndarray
        The scores of both sets.
    """
    own_scores, score = fit_detector(detector, reference)
    return own_scores, score(others)


def fit_detector(detector, reference):
    """Fit a detector of outliers to reference rows.

    Parameters
    ----------
    detector : outlier detector
        It is cloned.
    reference : {ndarray, csr matrix, dataframe} of shape (n_reference, n_features)
        The rows.

    Returns
    -------
    own_scores : ndarray of shape (n_reference,)
        Their scores.
    score : callable
        Returns the scores of other rows.
    """
    fitted = clone(detector).fit(reference)
    score, kept = _scores_of(fitted)
    if kept is not None and not np.allclose(kept, score(reference)):
        return kept, score
    # The rows that each detector has left out, and all other rows: the scores of
    # both are those of detectors of as many rows, so that they can be compared.
    n_rows = reference.shape[0]
    n_folds = min(N_FOLDS, n_rows)
    own_scores, parts = np.empty(n_rows), []
    for fold in range(n_folds):
        is_left_out = np.arange(n_rows) % n_folds == fold
        left_out = np.flatnonzero(is_left_out)
        learnt = take_rows(reference, np.flatnonzero(~is_left_out))
        score, _ = _scores_of(clone(detector).fit(learnt))
        own_scores[left_out] = score(take_rows(reference, left_out))
        parts.append(score)
    return own_scores, MeanScore(parts)


def fit_distances(X, *, n_neighbors, n_jobs):
    """Return a function that measures distances of new rows to their neighbours.

    Parameters
    ----------
    X : {ndarray, csr matrix} of shape (n_sampled, n_features)
        The rows among which neighbours are searched; two at least.
    n_neighbors : int
        Which neighbour's distance is returned; at most the number of rows minus one, as
        for these rows themselves.
    n_jobs : int or None
        Number of threads.

    Returns
    -------
    score : callable
        Takes rows, returns the distance of each.
    """
    k = min(n_neighbors, X.shape[0] - 1)
    index = NearestNeighbors(n_jobs=n_jobs).fit(X)
    return partial(_distances, index, k=k)


def _scores_of(detector):
    """Return a function that scores rows, and the scores of the rows learnt from.

    In both higher is more outlying. The second is None if the detector keeps none. It
    can still be that of rows that the detector has seen.
    """
    last = detector
    while isinstance(last, Pipeline):
        last = last.steps[-1][1]
    if hasattr(last, "decision_scores_"):  # PyOD: high is outlying
        sign, method, kept = 1, "decision_function", last.decision_scores_
    elif hasattr(detector, "score_samples"):
        sign, method = -1, "score_samples"
        kept = getattr(last, "negative_outlier_factor_", None)
    else:
        raise ValueError(
            f"detector must score rows that it was not fitted on; got "
            f"{shown(detector)}. Give one with score_samples (LocalOutlierFactor has "
            "it with novelty=True), or one of PyOD's."
        )

    score = partial(_score, detector, method, sign)
    return score, None if kept is None else sign * np.ravel(kept)


def _score(detector, method, sign, X):
    """Return the scores of rows by a fitted detector; higher is more outlying."""
    if not X.shape[0]:
        return np.empty(0)
    return sign * np.ravel(getattr(detector, method)(X))


class MeanScore:
    """The mean of several scores of a row.

    Parameters
    ----------
    parts : list of callable
        Each takes rows, and returns their scores.
    """

    def __init__(self, parts):
        self.parts = parts

    def __call__(self, X):
        """Return the scores of rows."""
        return sum(score(X) / len(self.parts) for score in self.parts)


class GroupedScore:
    """Scores of rows, each by the function of its group.

    Parameters
    ----------
    groups : callable
        Takes labels, returns the positions of the rows of each group.
    parts : list of callable
        For each group: takes rows, and returns their scores. None: all of them are 0.
    """

    def __init__(self, groups, parts):
        self.groups, self.parts = groups, parts

    def __call__(self, X, y):
        """Return the scores of rows with given labels."""
        scores = np.zeros(y.shape[0])
        for rows, score in zip(self.groups(y), self.parts, strict=True):
            if rows.size and score is not None:
                scores[rows] = score(take_rows(X, rows))
        return scores
