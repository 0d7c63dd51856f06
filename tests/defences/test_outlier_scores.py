import pickle

import numpy as np
import pytest
from pyod.models.knn import KNN
from scipy import sparse
from scipy.spatial.distance import cdist
from sklearn.base import BaseEstimator
from sklearn.neighbors import KernelDensity, LocalOutlierFactor
from sklearn.preprocessing import StandardScaler

from skpoison.defences._outlier_scores import MeanScore, fit_detector, fit_distances

X = np.random.RandomState(0).normal(size=(60, 3))
REFERENCE, OTHERS = np.arange(0, 60, 2), np.arange(1, 60, 2)


def distances_to(X, sample, **params):
    settings = {"n_neighbors": 1, "metric": "euclidean", "n_jobs": None} | params
    return fit_distances(X, sample, **settings)


@pytest.mark.parametrize("sample", [np.arange(30), np.array([0, 3, 4, 9, 20, 29])])
@pytest.mark.parametrize("n_neighbors", [1, 3, 99])
@pytest.mark.parametrize("metric", ["euclidean", "cosine", "cityblock", "minkowski"])
def test_distances_to_the_kth_row_of_a_sample_but_the_row_itself(
    sample, n_neighbors, metric
):
    own, score = distances_to(
        X[REFERENCE], sample, n_neighbors=n_neighbors, metric=metric
    )
    distances = cdist(X, X[REFERENCE[sample]], metric)
    distances[REFERENCE[sample], np.arange(sample.shape[0])] = np.inf
    k = min(n_neighbors, sample.shape[0] - 1)
    kth = np.sort(distances)[:, k - 1]
    np.testing.assert_allclose(own, kth[REFERENCE])
    np.testing.assert_allclose(score(X[OTHERS]), kth[OTHERS])
    assert score(X[:0]).shape == (0,)


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix, sparse.csr_array])
def test_equal_rows_are_at_distance_0(make):
    """A search by products finds distances of 1e-8 here, and of 1e-4 in float32."""
    for dtype in (np.float64, np.float32):
        rows = (1000 + X).astype(dtype)
        copies = make(np.r_[rows, rows])
        own, score = distances_to(copies, np.arange(120))
        assert (own == 0).all()
        assert (score(make(rows)) == 0).all()


def test_distances_of_words_are_the_same_dense_and_sparse():
    words = np.random.RandomState(0).poisson(0.05, size=(80, 120)).astype(float)
    scaled = StandardScaler().fit_transform(words)
    own, score = distances_to(scaled[:50], np.arange(50), n_neighbors=3)
    assert sparse.issparse(score.rows)
    distances = cdist(scaled, scaled[:50])
    np.fill_diagonal(distances, np.inf)
    expected = np.sort(distances)[:, 2]
    np.testing.assert_allclose(own, expected[:50])
    np.testing.assert_allclose(score(scaled[50:]), expected[50:])


def test_booleans():
    marks = X > 0
    own, score = distances_to(marks, np.arange(60), n_neighbors=9)
    expected, _ = distances_to(marks.astype(float), np.arange(60), n_neighbors=9)
    np.testing.assert_array_equal(own, expected)
    own, score = distances_to(marks, np.arange(60), n_neighbors=9, metric="jaccard")
    distances = cdist(marks, marks, "jaccard")
    np.testing.assert_allclose(score(marks), np.sort(distances)[:, 8])


def test_detectors_that_keep_the_scores_of_rows_not_seen_are_fitted_once():
    for detector, sign in ((LocalOutlierFactor(5, novelty=True), -1), (KNN(), 1)):
        own, score_others = fit_detector(detector, X[REFERENCE])
        fitted = detector.fit(X[REFERENCE])
        kept = "negative_outlier_factor_" if sign < 0 else "decision_scores_"
        score = fitted.score_samples if sign < 0 else fitted.decision_function
        np.testing.assert_allclose(own, sign * getattr(fitted, kept))
        np.testing.assert_allclose(score_others(X[OTHERS]), sign * score(X[OTHERS]))


def test_others_are_fitted_without_each_fifth():
    own, score = fit_detector(KernelDensity(), X[REFERENCE])
    expected = np.zeros(30)
    for fold in range(5):
        learnt = KernelDensity().fit(X[np.delete(REFERENCE, np.s_[fold::5])])
        left_out = X[REFERENCE[fold::5]]
        np.testing.assert_allclose(own[fold::5], -learnt.score_samples(left_out))
        expected -= learnt.score_samples(X[OTHERS]) / 5
    np.testing.assert_allclose(score(X[OTHERS]), expected)
    assert score(X[:0]).shape == (0,)


class NoScores(BaseEstimator):
    def fit(self, X):
        return self


def test_detector_without_scores():
    with pytest.raises(ValueError, match=r"detector must score .*got NoScores\(\)"):
        fit_detector(NoScores(), X)


@pytest.mark.parametrize(
    "detector", [KernelDensity(), LocalOutlierFactor(5, novelty=True), KNN()], ids=repr
)
def test_functions_can_be_pickled(detector):
    _, score = fit_detector(detector, X[REFERENCE])
    again = pickle.loads(pickle.dumps(score))
    np.testing.assert_array_equal(again(X[OTHERS]), score(X[OTHERS]))


def test_means():
    mean = MeanScore([lambda X: X[:, 0], lambda X: X[:, 1]])
    np.testing.assert_allclose(mean(X), X[:, :2].mean(axis=1))


@pytest.mark.parametrize("make", [np.array, sparse.csr_array])
def test_gradients_of_distances(make):
    """By differences, also where the rows that are searched are sparse."""
    euclidean = {"metric": "euclidean", "n_jobs": None}
    rows = make(X[REFERENCE])
    _, score = fit_distances(rows, np.arange(30), n_neighbors=3, **euclidean)
    assert score.has_gradient
    distances, gradients = score.with_gradient(X[OTHERS])
    np.testing.assert_allclose(distances, score(X[OTHERS]))
    for j, step in enumerate(1e-6 * np.eye(3)):
        slope = (score(X[OTHERS] + step) - score(X[OTHERS] - step)) / 2e-6
        np.testing.assert_allclose(gradients[:, j], slope, atol=1e-8)
    # At the row itself there is no direction.
    twice = np.repeat(X[:1], 4, axis=0)
    _, score = fit_distances(twice, np.arange(4), n_neighbors=1, **euclidean)
    assert not score.with_gradient(twice)[1].any()
    _, score = fit_distances(
        X, np.arange(60), n_neighbors=1, metric="manhattan", n_jobs=None
    )
    assert not score.has_gradient


@pytest.mark.parametrize(("make", "rtol"), [(np.float32, 1e-3), (np.float64, 1e-9)])
def test_gradients_of_distances_far_from_the_origin(make, rtol):
    offset = 1e3 if make is np.float32 else 1e8
    rows, others = make(offset + X[REFERENCE]), make(offset + X[OTHERS])
    _, score = distances_to(rows, np.arange(30), n_neighbors=3)
    distances, gradients = score.with_gradient(others)
    np.testing.assert_allclose(distances, score(others), rtol)
    np.testing.assert_allclose(np.linalg.norm(gradients, axis=1), 1)
