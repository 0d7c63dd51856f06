"""Detectors of all kinds, groups, ties: what the outlier filters have in common."""

import numpy as np
import pytest
from pyod.models.knn import KNN
from scipy import sparse
from scipy.spatial.distance import cdist
from sklearn.datasets import make_blobs, make_regression
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    Perceptron,
    Ridge,
)
from sklearn.mixture import GaussianMixture
from sklearn.naive_bayes import BernoulliNB
from sklearn.neighbors import LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skpoison.defences import OutlierFilteredClassifier, OutlierFilteredRegressor
from skpoison.defences._prediction_scores import fit_label_losses, fit_residuals

ESTIMATOR = LogisticRegression()
X, y = make_blobs(300, centers=3, n_features=3, cluster_std=3.0, random_state=0)
TRUSTED = np.arange(300) < 120
LOF = LocalOutlierFactor(novelty=True)


def fitted(detector=None, *, X=X, y=y, trusted=TRUSTED, **params):
    # What is behind the filter does not matter here.
    defence = OutlierFilteredClassifier(DummyClassifier(), detector=detector, **params)
    return defence.fit(X, y, trusted=trusted)


def in_units_of(scores):
    """Return scores where 0 is the median, and 1 the quantile, of the trusted rows."""
    scaled = np.empty(300)
    for k in range(3):
        own = scores[TRUSTED & (y == k)]
        low, high = np.quantile(own, [0.5, 0.95])
        scaled[y == k] = (scores[y == k] - low) / (high - low)
    return scaled


@pytest.mark.parametrize(
    "detectors",
    [
        ("distance", "prediction"),
        [LOF],
        ["distance", LOF, GaussianMixture(random_state=0)],
        (ESTIMATOR, KNN()),
    ],
)
def test_several_detectors_score_by_the_largest_in_units_of_trusted_rows(detectors):
    alone = [fitted(each).sample_scores_ for each in detectors]
    together = fitted(detectors)
    expected = alone[0]
    if len(detectors) > 1:
        expected = np.max([in_units_of(scores) for scores in alone], axis=0)
    np.testing.assert_allclose(together.sample_scores_, expected, atol=1e-12)
    for k in range(3):
        own = together.sample_scores_[TRUSTED & (y == k)]
        quantile = np.quantile(own, 0.95, method="higher")
        assert together.threshold_[k] == pytest.approx(quantile, rel=1e-9)


def test_default_is_distance_and_prediction():
    together = fitted(["distance", "prediction"])
    np.testing.assert_array_equal(fitted().sample_scores_, together.sample_scores_)
    np.testing.assert_array_equal(fitted().inlier_mask_, together.inlier_mask_)


def test_classifiers_score_labels():
    for model in (ESTIMATOR, make_pipeline(StandardScaler(), ESTIMATOR)):
        own, loss = fit_label_losses(model, X[TRUSTED], y[TRUSTED])
        scores = fitted(model).sample_scores_
        np.testing.assert_allclose(scores[TRUSTED], own)
        np.testing.assert_allclose(scores[~TRUSTED], loss(X[~TRUSTED], y[~TRUSTED]))
    own, _ = fit_label_losses(None, X[TRUSTED], y[TRUSTED])
    np.testing.assert_allclose(fitted("prediction").sample_scores_[TRUSTED], own)


def test_regressors_score_responses():
    rows, r = make_regression(100, 4, noise=20.0, random_state=0)
    trusted = np.arange(100) < 60
    for model in (Ridge(), "prediction"):
        defence = OutlierFilteredRegressor(Ridge(), detector=model)
        scores = defence.fit(rows, r, trusted=trusted).sample_scores_
        own, residual = fit_residuals(
            None if model == "prediction" else model, rows[:60], r[:60]
        )
        np.testing.assert_allclose(scores[:60], own)
        np.testing.assert_allclose(scores[60:], residual(rows[60:], r[60:]))
    both = OutlierFilteredRegressor(LinearRegression(), detector=[LOF, "prediction"])
    assert np.ndim(both.fit(rows, r, trusted=trusted).threshold_) == 0


@pytest.mark.parametrize(
    ("detector", "message"),
    [
        ([], r"a list of one or more .*got \[\] in it"),
        (["distance", "KNN"], "got 'KNN' in it"),
        ([ESTIMATOR, 3], "got 3 in it"),
        (Perceptron(), r"classifier with predict_proba.*got Perceptron\(\)"),
        (["distance", Ridge()], r"classifier with predict_proba.*got Ridge\(\)"),
    ],
)
def test_what_is_no_detector(detector, message):
    with pytest.raises(ValueError, match=message):
        fitted(detector)


def test_classifiers_do_not_score_responses():
    defence = OutlierFilteredRegressor(Ridge(), detector=ESTIMATOR)
    with pytest.raises(ValueError, match=r"a regressor, such as Ridge\(\)"):
        defence.fit(X, X[:, 0])


@pytest.mark.parametrize("metric", ["cosine", "cityblock", cdist])
def test_distances_by_any_metric(metric):
    def first(a, b):
        return abs(a[0] - b[0])

    metric = first if metric is cdist else metric
    scores = fitted("distance", metric=metric, n_neighbors=3).sample_scores_
    for k in range(3):
        own, other = (X[(y == k) & mask] for mask in (TRUSTED, ~TRUSTED))
        expected = np.sort(cdist(other, own, metric))[:, 2]
        np.testing.assert_allclose(scores[(y == k) & ~TRUSTED], expected)


@pytest.mark.parametrize("detector", [None, "distance", "prediction", LOF])
def test_one_threshold_for_all_rows(detector):
    defence = fitted(detector, per_class=False)
    assert np.ndim(defence.threshold_) == 0
    assert defence.n_reference_ == 120
    own = defence.sample_scores_[TRUSTED]
    assert defence.threshold_ == pytest.approx(
        np.quantile(own, 0.95, method="higher"), rel=1e-9
    )
    assert defence.overruled_share_.shape == (3,)
    if detector == "distance":
        expected = np.sort(cdist(X[~TRUSTED], X[TRUSTED]))[:, 4]
        np.testing.assert_allclose(defence.sample_scores_[~TRUSTED], expected)


@pytest.mark.parametrize(
    "detector", [None, "distance", "prediction", LOF, [LOF, KNN()]]
)
@pytest.mark.parametrize("per_class", [True, False])
def test_new_rows_are_scored_as_rows_that_are_not_trusted(detector, per_class):
    defence = fitted(detector, per_class=per_class)
    score = defence._new_row_scorer(X[TRUSTED], y[TRUSTED])
    np.testing.assert_allclose(
        score(X[~TRUSTED], y[~TRUSTED]), defence.sample_scores_[~TRUSTED]
    )


def test_new_responses_are_scored_as_others():
    rows, r = make_regression(100, 4, noise=20.0, random_state=0)
    trusted = np.arange(100) < 60
    defence = OutlierFilteredRegressor(Ridge()).fit(rows, r, trusted=trusted)
    score = defence._new_row_scorer(rows[:60], r[:60])
    np.testing.assert_allclose(score(rows[60:], r[60:]), defence.sample_scores_[60:])


@pytest.mark.parametrize("detector", [None, "distance", "prediction"])
@pytest.mark.parametrize("scale", [1.0, 0.1])
def test_copies_of_trusted_rows_are_kept_however_often_they_occur(detector, scale):
    """Scores of rows that repeat tie, and rounding does not tell them apart."""
    rng = np.random.RandomState(0)
    kinds = scale * rng.randint(2, size=(8, 5))
    drawn = np.repeat(np.arange(8), 20)
    rows, labels = kinds[drawn], (drawn >= 4).astype(int)
    trusted = np.tile(np.arange(20) < 10, 8)
    defence = fitted(detector, X=rows, y=labels, trusted=trusted)
    assert defence.inlier_mask_.all()
    # Also if they come in another order, and columns are standardised.
    order = rng.permutation(160)
    rows = StandardScaler().fit_transform(rows[order])
    defence = fitted(detector, X=rows, y=labels[order], trusted=trusted[order])
    assert defence.inlier_mask_.all()


def test_what_differs_from_rows_that_are_all_the_same_is_dropped():
    rows = np.repeat([[0.0, 0.0], [1.0, 1.0]], 30, axis=0)
    labels = np.repeat([0, 1], 30)
    trusted = np.tile(np.arange(30) < 20, 2)
    rows[[25, 55]] = [[0.0, 0.1], [0.9, 1.0]]
    for detector in (None, "distance"):
        dropped = ~fitted(detector, X=rows, y=labels, trusted=trusted).inlier_mask_
        np.testing.assert_array_equal(np.flatnonzero(dropped), [25, 55])


@pytest.mark.parametrize("detector", [None, "distance", "prediction"])
def test_constant_columns_make_no_difference(detector):
    padded = np.column_stack([X, np.full((300, 2), 1e3), np.zeros(300)])
    np.testing.assert_array_equal(
        fitted(detector, X=padded).inlier_mask_, fitted(detector).inlier_mask_
    )
    assert fitted(detector, X=np.ones((300, 2))).inlier_mask_.all()


@pytest.mark.filterwarnings("ignore:.* overrules .*:UserWarning")
@pytest.mark.filterwarnings("ignore:n_neighbors .*:UserWarning")
@pytest.mark.parametrize("n_trusted", [0, 1, 2, 3])
@pytest.mark.parametrize("detector", [None, "prediction", LOF])
def test_class_of_few_trusted_rows(detector, n_trusted):
    trusted = TRUSTED & (y != 2)
    trusted[np.flatnonzero(y == 2)[:n_trusted]] = True
    defence = fitted(detector, trusted=trusted)
    fewest = 2 if detector is not LOF else 3
    n_compared = n_trusted if n_trusted >= fewest else 100
    assert defence.n_reference_[2] == n_compared
    assert np.isfinite(defence.threshold_).all()
    assert defence.inlier_mask_[y == 2].any()


def test_only_row_of_a_class():
    labels = y.copy()
    labels[7] = 3
    defence = fitted(y=labels)
    assert defence.threshold_[3] == np.inf
    assert defence.sample_scores_[7] == 0
    assert defence.inlier_mask_[7]
    assert np.isfinite(defence.sample_scores_).all()


@pytest.mark.parametrize("make", [sparse.csr_matrix, sparse.csr_array])
@pytest.mark.parametrize("detector", [None, "prediction", [BernoulliNB(), "distance"]])
def test_sparse_rows_are_scored_as_dense_ones(make, detector):
    rows = np.where(np.abs(X) < 2, 0, X)
    np.testing.assert_allclose(
        fitted(detector, X=make(rows)).sample_scores_,
        fitted(detector, X=rows).sample_scores_,
        rtol=1e-5,
        atol=1e-6,
    )


def test_sparse_rows_stay_sparse():
    class Watched(sparse.csr_matrix):
        def toarray(self, *args, **kwargs):
            # Products of rows, which distances are made of, may be dense.
            assert self.shape[1] != X.shape[1], "dense"
            return super().toarray(*args, **kwargs)

        todense = toarray

    rows = Watched(np.where(np.abs(X) < 2, 0, X))
    assert OutlierFilteredClassifier(ESTIMATOR).fit(rows, y).inlier_mask_.any()


def test_rows_of_the_other_class_that_lie_near_everything_are_found():
    """Rows of few words are near to all others: only the prediction tells them."""
    rng = np.random.RandomState(0)
    labels = np.repeat([0, 1], 150)
    chances = np.where(labels[:, np.newaxis] == 0, 0.03, 0.15) * np.ones(200)
    chances[:, :60] = np.where(labels[:, np.newaxis] == 0, 0.1, 0.01)
    rows = (rng.uniform(size=chances.shape) < chances).astype(float)
    trusted = rng.permutation(300) < 200
    flipped = np.flatnonzero((labels == 0) & ~trusted)[:20]
    labels[flipped] = 1
    by_distance = fitted("distance", X=rows, y=labels, trusted=trusted)
    by_both = fitted(X=rows, y=labels, trusted=trusted)
    assert by_distance.inlier_mask_[flipped].all()
    assert not by_both.inlier_mask_[flipped].any()
    others = np.setdiff1d(np.flatnonzero(~trusted), flipped)
    assert by_both.inlier_mask_[others].mean() > 0.85


def test_seeds_of_several_detectors():
    detectors = [GaussianMixture(3), "distance"]
    first, again = (fitted(detectors, random_state=0) for _ in range(2))
    np.testing.assert_array_equal(first.sample_scores_, again.sample_scores_)
    assert (
        fitted(detectors, random_state=1).sample_scores_ != first.sample_scores_
    ).any()
    assert detectors[0].random_state is None
