"""A penalty on how suspicious poison rows are."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.covariance import EllipticEnvelope
from sklearn.datasets import load_breast_cancer, make_classification
from sklearn.ensemble import IsolationForest
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import MinMaxScaler
from sklearn.svm import OneClassSVM

from skpoison.attacks import GradientInsertion
from skpoison.defences import OutlierFilteredClassifier, OutlierFilteredRegressor
from skpoison.optimizers import ProjectedAscent
from skpoison.penalties import Detectability
from skpoison.penalties._detectability import N_DIRECTIONS

X, y = make_classification(120, 4, n_redundant=0, random_state=0)
X, X_new, y, y_new = X[:80], 2 * X[80:], y[:80], 1 - y[80:]
FILTER = OutlierFilteredClassifier(LogisticRegression(), detector="distance")


def charge(penalty, rows=X_new, labels=y_new):
    return penalty.value_and_gradient(rows, labels, rows, labels)


def along(penalty, rows, labels, U, h=1e-5):
    """Differentiate the penalty by a central difference of fourth order."""
    near, far = (
        [charge(penalty, rows + s * U, labels)[0] for s in (step, -step)]
        for step in (h, 2 * h)
    )
    return (8 * (near[0] - near[1]) - (far[0] - far[1])) / (12 * h)


def test_gradient_of_distances_is_exact():
    penalty = Detectability(weight=0.7).fit(X, y)
    U = np.random.RandomState(0).normal(size=X_new.shape)
    value, in_features, in_responses = charge(penalty)
    assert value > 0
    assert_allclose((in_features * U).sum(), along(penalty, X_new, y_new, U), rtol=1e-6)
    assert_array_equal(in_responses, 0)


@pytest.mark.parametrize(
    "detector", [EllipticEnvelope(random_state=0), OneClassSVM(gamma=0.05)]
)
def test_gradient_of_smooth_scores(detector):
    penalty = Detectability(detector, weight=0.7).fit(X, y)
    U = np.random.RandomState(0).normal(size=X_new.shape)
    _, in_features, _ = charge(penalty)
    expected = along(penalty, X_new, y_new, U, h=1e-4)
    assert_allclose((in_features * U).sum(), expected, rtol=1e-3)


def test_gradient_along_random_directions_is_unbiased():
    rng = np.random.RandomState(0)
    wide, many = rng.normal(size=(60, 2 * N_DIRECTIONS)), 3 * rng.normal(size=(1, 64))
    labels = np.repeat([0, 1], 30)
    penalty = Detectability(OneClassSVM(gamma=0.002)).fit(wide, labels)
    one = labels[:1]
    exact = np.array(
        [along(penalty, many, one, e[np.newaxis], h=1e-4) for e in np.eye(64)]
    )
    found = [charge(penalty, many, one)[1][0] for _ in range(1000)]
    assert_allclose(np.mean(found, axis=0), exact, atol=0.15 * np.abs(exact).max())
    # Those of one fit are those of the next.
    fits = (clone(penalty).fit(wide, labels) for _ in range(2))
    assert_array_equal(*(charge(each, many, one)[1] for each in fits))


def test_units_are_those_of_the_clean_rows_of_a_label():
    penalty = Detectability(FILTER, weight=3.0).fit(X, y)
    fitted = clone(FILTER).fit(X, y, trusted=np.ones(80, dtype=bool))
    scores = fitted._new_row_scorer(X, y)(X_new, y_new)
    expected = []
    for score, label in zip(scores, y_new, strict=True):
        own = fitted.sample_scores_[y == label]
        median, high = np.median(own), np.quantile(own, 0.95)
        expected.append(max(0, (score - median) / (high - median)))
    assert_allclose(charge(penalty)[0], 3 * np.mean(expected))
    # A filter by the distance to the fifth neighbour is what no detector stands for.
    assert_allclose(
        charge(Detectability(weight=3.0).fit(X, y))[0], 3 * np.mean(expected)
    )


def test_rows_in_the_middle_cost_nothing():
    centres = np.array([X[y == k].mean(axis=0) for k in (0, 1)])
    for detector in (None, IsolationForest(random_state=0), EllipticEnvelope()):
        penalty = Detectability(detector).fit(X, y)
        if detector is None:
            median = [np.argmin(penalty._score.own[y == k]) for k in (0, 1)]
            centres = np.array([X[y == k][i] for k, i in enumerate(median)])
        value, in_features, _ = charge(penalty, centres, np.array([0, 1]))
        assert value == 0
        assert_array_equal(in_features, 0)


def test_a_frozen_detector_is_not_fitted_again():
    seen = IsolationForest(random_state=0).fit(X[:20])
    penalty = Detectability(FrozenEstimator(seen)).fit(X, y)
    scores = -seen.score_samples(X[y == 0])
    assert_allclose(penalty.median_[0], np.median(scores))


def test_sparse_rows():
    dense, in_sparse = (
        Detectability().fit(rows, y) for rows in (X, sparse.csr_array(X))
    )
    for one, other in zip(charge(dense), charge(in_sparse), strict=True):
        assert_allclose(one, other, atol=1e-9)


def test_responses():
    r = X @ [1.0, 2, 0, -1]
    for detector in (None, OutlierFilteredRegressor(Ridge())):
        penalty = Detectability(detector).fit(X, r)
        value, in_features, _ = charge(penalty, X_new, r[:40])
        assert value > 0
        assert np.abs(in_features).max() > 0


def test_a_label_of_a_single_row_costs_nothing():
    labels = np.append(np.zeros(79, dtype=int), 1)
    penalty = Detectability().fit(X, labels)
    assert charge(penalty, X_new, np.ones(40, dtype=int))[0] == 0


def test_from_free_to_undetectable():
    """The larger the weight, the less is found and the less harm is done."""
    rows, labels = load_breast_cancer(return_X_y=True)
    rows, labels = MinMaxScaler().fit_transform(rows[:120]), labels[:120]
    trusted = np.append(np.arange(120) < 60, np.zeros(15, dtype=bool))
    learner = LogisticRegression(C=10)
    found, errors = [], []
    for weight in (0.0, 0.03, 2.0):
        attack = GradientInsertion(
            learner,
            15,
            penalties=[Detectability(weight=weight)],
            optimizer=ProjectedAscent(max_iter=60),
            random_state=0,
        )
        X_out, y_out = attack.fit_resample(rows, labels)
        defence = clone(FILTER).fit(X_out, y_out, trusted=trusted)
        found.append(1 - defence.inlier_mask_[120:].mean())
        errors.append(1 - clone(learner).fit(X_out, y_out).score(rows, labels))
    assert found[0] > found[1] > found[2]
    assert errors[0] > errors[1] > errors[2]
    assert found[0] > 0.9
    assert found[2] < 0.2
