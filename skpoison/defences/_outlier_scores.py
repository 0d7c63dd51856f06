"""Scores of rows against reference rows: how outlying each is, higher for more.

The reference rows' own scores set the threshold, so they must be those of rows that a
detector has *not* seen, or they come out too small. Each function here returns both:
the reference rows' own scores, and a function that scores other rows.
"""

from functools import cached_property, partial

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import Pipeline
from sklearn.utils import gen_batches

from skpoison.defences._joint_scores import has_gradient
from skpoison.defences._reference_rows import as_sparse_if_alike, usual_values
from skpoison.utils._containers import take_rows
from skpoison.utils._texts import shown

# How many parts of the reference rows are left out in turn of detectors that keep no
# scores of rows that they have not seen.
N_FOLDS = 5
# Of how many rows differences are computed at a time, and of how many gradients.
BLOCK, GRADIENT_BLOCK = 4096, 512


def fit_distances(X, sample, *, n_neighbors, metric, n_jobs):
    """Measure distances of rows to their nearest neighbours among reference rows.

    Parameters
    ----------
    X : {ndarray, csr matrix} of shape (n_reference, n_features)
        The reference rows.
    sample : ndarray of shape (n_sampled,) of int
        Positions of those that are searched; two at least.
    n_neighbors : int
        Which neighbour's distance is returned; the farthest row if there are fewer. A
        row that is in the sample is left out of its own neighbours.
    metric : str or callable
        As in NearestNeighbors.
    n_jobs : int or None
        Number of threads.

    Returns
    -------
    own_scores : ndarray of shape (n_reference,)
        The distances of the reference rows.
    score : callable
        Takes rows, and returns the distance of each.
    """
    score = NeighborDistance(
        take_rows(X, sample),
        n_neighbors=min(n_neighbors, sample.shape[0] - 1),
        metric=metric,
        n_jobs=n_jobs,
    )
    own_scores = np.empty(X.shape[0])
    own_scores[sample] = score.of_searched()
    rest = np.delete(np.arange(X.shape[0]), sample)
    own_scores[rest] = score(take_rows(X, rest))
    return own_scores, score


class NeighborDistance:
    """The distance of a row to its k-th nearest neighbour.

    Euclidean distances to the neighbour found are computed from the difference of the
    two rows: a search by products of rows is inexact where rows are equal or nearly so,
    and scores that tie must be equal.

    Parameters
    ----------
    X : {ndarray, csr matrix} of shape (n_sampled, n_features)
        The rows that are searched.
    n_neighbors : int
        Which neighbour's distance is returned.
    metric, n_jobs
        As in NearestNeighbors.
    """

    def __init__(self, X, *, n_neighbors, metric, n_jobs):
        self.n_neighbors, self.metric = n_neighbors, metric
        X = self._numbers(X)
        self.usual = usual_values(X) if metric == "euclidean" else None
        self.rows = self._moved(X)
        self.index = NearestNeighbors(metric=metric, n_jobs=n_jobs).fit(self.rows)

    def of_searched(self):
        """Return the distances of the rows that are searched, each left out itself."""
        # Without rows given, kneighbors leaves each row out of its own neighbours.
        return self._distances(None, self.rows)

    def __call__(self, X):
        """Return the distances of rows."""
        if not X.shape[0]:
            return np.empty(0)
        X = self._moved(self._numbers(X))
        return self._distances(X, X)

    @property
    def has_gradient(self):
        """Whether `with_gradient` is known."""
        return self.metric == "euclidean"

    def with_gradient(self, X):
        """Return the distances of rows, and how each changes with its row."""
        difference = np.array(X, dtype=np.float64)
        if self.usual is not None:
            difference -= self.usual
        # The rows are few and dense, and asked for often: a product with all others
        # takes less time than the checks of an index.
        for block in gen_batches(X.shape[0], GRADIENT_BLOCK):
            moved = difference[block]
            centre, rows, squares = self._centred
            gaps = squares - 2 * ((moved - centre) @ rows.T)
            nearest = np.argpartition(gaps, self.n_neighbors - 1, axis=1)
            neighbors = self.rows[nearest[:, self.n_neighbors - 1]]
            moved -= neighbors.toarray() if sparse.issparse(neighbors) else neighbors
        distances = _norms(difference)
        difference /= np.where(distances > 0, distances, 1.0)[:, np.newaxis]
        return distances, difference

    @cached_property
    def _centred(self):
        """The mean, the rows without it, and their squares, which then round less."""
        if sparse.issparse(self.rows):
            return 0.0, self.rows, _norms(self.rows) ** 2
        rows = self.rows.astype(np.float64)
        centre = rows.mean(axis=0)
        rows -= centre
        return centre, rows, _norms(rows) ** 2

    def _numbers(self, X):
        """Return booleans as numbers, of which there are differences."""
        return X.astype(float) if self.metric == "euclidean" and X.dtype == bool else X

    def _moved(self, X):
        return X if self.usual is None else as_sparse_if_alike(X, self.usual)

    def _distances(self, queries, X):
        distances, nearest = self.index.kneighbors(queries, self.n_neighbors)
        distances, nearest = distances[:, -1], nearest[:, -1]
        if self.metric == "euclidean":
            for block in gen_batches(X.shape[0], BLOCK):
                difference = X[block] - self.rows[nearest[block]]
                distances[block] = _norms(difference)
        return distances


def _norms(X):
    """Return the Euclidean norm of each row."""
    if sparse.issparse(X):
        return np.sqrt(np.ravel(X.multiply(X).sum(axis=1)))
    return np.linalg.norm(X, axis=1)


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
        Takes rows, and returns the score of each.
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
        Each takes rows, and labels if it needs them, and returns scores.
    """

    def __init__(self, parts):
        self.parts = parts

    def __call__(self, *rows):
        """Return the scores of rows."""
        return sum(score(*rows) / len(self.parts) for score in self.parts)

    @property
    def has_gradient(self):
        """Whether `with_gradient` is known."""
        return all(map(has_gradient, self.parts))

    def with_gradient(self, *rows):
        """Return the scores of rows, and how each changes with its row."""
        found = [score.with_gradient(*rows) for score in self.parts]
        scores, gradients = zip(*found, strict=True)
        return sum(scores) / len(found), sum(gradients) / len(found)
