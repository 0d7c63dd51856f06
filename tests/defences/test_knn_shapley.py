import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.datasets import load_diabetes, make_blobs
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import average_precision_score
from sklearn.preprocessing import scale

from skpoison.attacks import GradientInsertion, RandomInsertion
from skpoison.defences import (
    KNNShapleyFilteredClassifier,
    KNNShapleyFilteredRegressor,
)
from skpoison.defences._knn_shapley_values import knn_shapley
from skpoison.metrics import detection_scores
from skpoison.optimizers import ProjectedAscent

LR = LogisticRegression()


def poisoned_blobs(n_poison=30):
    X, y = make_blobs(150, centers=3, cluster_std=1.5, random_state=4)
    attack = RandomInsertion(budget=n_poison, random_state=0)
    X, y = attack.fit_resample(X, np.array(["b", "c", "a"])[y])
    return X, y, attack.poison_mask_, np.arange(y.shape[0]) < 60


@pytest.mark.parametrize("params", [{}, {"n_neighbors": 1}, {"radius": 1.5}])
def test_scores_are_values(params):
    X, y, _, trusted = poisoned_blobs()
    defence = KNNShapleyFilteredClassifier(LR, **params).fit(X, y, trusted=trusted)
    codes = np.searchsorted(["a", "b", "c"], y)
    values = knn_shapley(X, codes, np.flatnonzero(trusted), n_classes=3, **params)
    assert_allclose(defence.sample_scores_, -180 * values, rtol=1e-12, atol=1e-12)
    for code, threshold in enumerate(defence.threshold_):
        own = np.sort(defence.sample_scores_[trusted & (codes == code)])
        rank = int(np.ceil(0.9 * (own.shape[0] + 1)))
        assert threshold == np.nextafter(own[rank - 1], np.inf)
    suspicious = defence.sample_scores_ >= defence.threshold_[codes]
    assert_array_equal(defence.inlier_mask_, ~suspicious | trusted)


@pytest.mark.parametrize("params", [{}, {"radius": 1.5}])
def test_finds_inserted_rows(params):
    X, y, poison, trusted = poisoned_blobs()
    defence = KNNShapleyFilteredClassifier(LR, **params).fit(X, y, trusted=trusted)
    found = detection_scores(
        poison,
        inlier_mask=defence.inlier_mask_,
        sample_scores=defence.sample_scores_,
    )
    assert found["recall"] >= 0.8
    assert found["average_precision"] > 0.85
    assert (~defence.inlier_mask_[~poison]).mean() < 0.1


def test_finds_what_the_gradient_attack_inserts():
    X, y = make_blobs(240, centers=2, n_features=5, cluster_std=4.0, random_state=1)
    X = scale(X)
    trusted = np.arange(240) < 120
    attack = GradientInsertion(
        LR, budget=40, optimizer=ProjectedAscent(), random_state=0
    )
    X_poisoned, y_poisoned = attack.fit_resample(X, y, trusted=trusted)
    trusted = np.append(trusted, np.zeros(40, dtype=bool))
    defence = KNNShapleyFilteredClassifier(LR)
    defence.fit(X_poisoned, y_poisoned, trusted=trusted)
    plain = LogisticRegression().fit(X_poisoned, y_poisoned).score(X, y)
    clean = LogisticRegression().fit(X, y).score(X, y)
    assert clean - plain > 0.1
    assert clean - defence.score(X, y) < (clean - plain) / 3
    scores = defence.sample_scores_[~trusted]
    is_poison = np.arange(160) >= 120
    assert average_precision_score(is_poison, scores) > 0.8


def test_sparse_rows_stay_sparse():
    class Refuses(LogisticRegression):
        def fit(self, X, y):
            assert sparse.issparse(X)
            return super().fit(X, y)

    X, y, _, trusted = poisoned_blobs()
    X = np.where(np.abs(X) > 3, np.rint(X), 0.0)
    dense = KNNShapleyFilteredClassifier(LR).fit(X, y, trusted=trusted)
    defence = KNNShapleyFilteredClassifier(Refuses())
    defence.fit(sparse.csr_array(X), y, trusted=trusted)
    assert_allclose(defence.sample_scores_, dense.sample_scores_, rtol=0, atol=1e-12)


def test_radius_takes_the_place_of_neighbours():
    X, y, _, trusted = poisoned_blobs()
    defence = KNNShapleyFilteredClassifier(LR, radius=1.0, n_neighbors=3)
    with pytest.raises(ValueError, match="n_neighbors must be 5 if radius is given"):
        defence.fit(X, y, trusted=trusted)
    defence.set_params(n_neighbors=5).fit(X, y, trusted=trusted)


def make_responses():
    X, y = load_diabetes(return_X_y=True)
    X, y_poisoned = scale(X)[:300], y[:300].copy()
    poison = np.arange(300) >= 250
    high = X[poison, 2] > 0
    y_poisoned[poison] = np.where(high, y.min(), y.max())
    return X, y[:300], y_poisoned, poison, np.arange(300) < 120


def test_scores_of_responses():
    X, _, y, _, trusted = make_responses()
    defence = KNNShapleyFilteredRegressor(Ridge(), n_neighbors=3)
    defence.fit(X, y, trusted=trusted)
    centred = y - y[trusted].mean()
    values = knn_shapley(X, centred, np.flatnonzero(trusted), n_neighbors=3)
    assert_allclose(defence.sample_scores_, -300 * values, rtol=1e-9)
    own = np.sort(defence.sample_scores_[trusted])
    assert defence.threshold_ == np.nextafter(own[108], np.inf)


def test_scores_of_responses_do_not_depend_on_their_mean():
    X, _, y, _, trusted = make_responses()
    defence = KNNShapleyFilteredRegressor(Ridge())
    expected = defence.fit(X, y, trusted=trusted).sample_scores_
    moved = defence.fit(X, y + 1000, trusted=trusted).sample_scores_
    assert_allclose(moved, expected, rtol=0, atol=1e-8 * np.abs(expected).max())


def test_finds_wrong_responses():
    X, y, y_poisoned, poison, trusted = make_responses()
    defence = KNNShapleyFilteredRegressor(Ridge())
    defence.fit(X, y_poisoned, trusted=trusted)
    assert (~defence.inlier_mask_[poison]).mean() > 2 * (
        ~defence.inlier_mask_[~poison & ~trusted]
    ).mean()
    assert defence.score(X, y) > Ridge().fit(X, y_poisoned).score(X, y)
