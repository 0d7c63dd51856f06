import pickle

import numpy as np
import pytest
from pyod.models.knn import KNN
from scipy.spatial.distance import cdist
from sklearn.base import BaseEstimator
from sklearn.neighbors import KernelDensity, LocalOutlierFactor

from skpoison.defences._outlier_scores import (
    GroupedScore,
    MeanScore,
    detector_scores,
    distances_to_sample,
    fit_detector,
    fit_distances,
)

X = np.random.RandomState(0).normal(size=(60, 3))
REFERENCE, OTHERS = np.arange(0, 60, 2), np.arange(1, 60, 2)


@pytest.mark.parametrize("sample", [np.arange(30), np.array([0, 3, 4, 9, 20, 29])])
@pytest.mark.parametrize("n_neighbors", [1, 3, 99])
def test_distances_to_the_kth_row_of_a_sample_but_the_row_itself(sample, n_neighbors):
    own, other = distances_to_sample(
        X, REFERENCE, OTHERS, sample, n_neighbors=n_neighbors, n_jobs=None
    )
    distances = cdist(X, X[REFERENCE[sample]])
    distances[REFERENCE[sample], np.arange(sample.shape[0])] = np.inf
    k = min(n_neighbors, sample.shape[0] - 1)
    kth = np.sort(distances)[:, k - 1]
    np.testing.assert_allclose(own, kth[REFERENCE])
    np.testing.assert_allclose(other, kth[OTHERS])


def test_no_other_rows():
    own, other = distances_to_sample(
        X, REFERENCE, OTHERS[:0], np.arange(30), n_neighbors=1, n_jobs=None
    )
    assert own.shape == (30,)
    assert other.shape == (0,)
    assert detector_scores(KernelDensity(), X, X[:0])[1].shape == (0,)


def test_detectors_that_keep_the_scores_of_rows_not_seen_are_fitted_once():
    for detector, sign in ((LocalOutlierFactor(5, novelty=True), -1), (KNN(), 1)):
        own, other = detector_scores(detector, X[REFERENCE], X[OTHERS])
        fitted = detector.fit(X[REFERENCE])
        kept = "negative_outlier_factor_" if sign < 0 else "decision_scores_"
        score = fitted.score_samples if sign < 0 else fitted.decision_function
        np.testing.assert_allclose(own, sign * getattr(fitted, kept))
        np.testing.assert_allclose(other, sign * score(X[OTHERS]))


def test_others_are_fitted_without_each_fifth():
    own, other = detector_scores(KernelDensity(), X[REFERENCE], X[OTHERS])
    expected = np.zeros(30)
    for fold in range(5):
        learnt = KernelDensity().fit(X[np.delete(REFERENCE, np.s_[fold::5])])
        left_out = X[REFERENCE[fold::5]]
        np.testing.assert_allclose(own[fold::5], -learnt.score_samples(left_out))
        expected -= learnt.score_samples(X[OTHERS]) / 5
    np.testing.assert_allclose(other, expected)


class NoScores(BaseEstimator):
    def fit(self, X):
        return self


def test_detector_without_scores():
    with pytest.raises(ValueError, match=r"detector must score .*got NoScores\(\)"):
        detector_scores(NoScores(), X, X)


@pytest.mark.parametrize(
    "detector", [KernelDensity(), LocalOutlierFactor(5, novelty=True), KNN()], ids=repr
)
def test_new_rows_are_scored_as_others_are(detector):
    own, score = fit_detector(detector, X[REFERENCE])
    expected = detector_scores(detector, X[REFERENCE], X[OTHERS])
    np.testing.assert_allclose(own, expected[0])
    np.testing.assert_allclose(score(X[OTHERS]), expected[1])
    again = pickle.loads(pickle.dumps(score))
    np.testing.assert_array_equal(again(X[OTHERS]), score(X[OTHERS]))


@pytest.mark.parametrize("n_neighbors", [1, 3, 99])
def test_distances_of_new_rows(n_neighbors):
    score = fit_distances(X[REFERENCE], n_neighbors=n_neighbors, n_jobs=None)
    _, expected = distances_to_sample(
        X, REFERENCE, OTHERS, np.arange(30), n_neighbors=n_neighbors, n_jobs=None
    )
    np.testing.assert_allclose(score(X[OTHERS]), expected)
    assert score(X[:0]).shape == (0,)


def test_scores_of_groups_and_means():
    parts = [lambda X: X[:, 0], None, lambda X: X[:, 1]]
    score = GroupedScore(lambda y: [np.flatnonzero(y == k) for k in range(3)], parts)
    y = np.arange(60) % 3
    expected = np.select([y == 0, y == 2], [X[:, 0], X[:, 1]], 0.0)
    np.testing.assert_array_equal(score(X, y), expected)
    mean = MeanScore([lambda X: X[:, 0], lambda X: X[:, 1]])
    np.testing.assert_allclose(mean(X), X[:, :2].mean(axis=1))
