"""A row filter on a sliding window of a stream."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import SGDClassifier, SGDRegressor
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import scale

from skpoison.defences import (
    KNNSanitizedClassifier,
    KNNShapleyFilteredClassifier,
    OutlierFilteredClassifier,
)
from skpoison.online import SlidingWindowClassifier

rng = np.random.RandomState(0)
y = rng.randint(2, size=300)
X = scale(rng.normal(size=(300, 4)) + 1.5 * y[:, np.newaxis])
flipped = np.where(np.arange(300) % 6 == 0, 1 - y, y)
LEARNER = SGDClassifier("log_loss", learning_rate="constant", eta0=0.2, shuffle=False)


@pytest.mark.parametrize("action", ["drop", "relabel"])
def test_the_learner_gets_what_the_filter_keeps(action):
    """The filter by its own fit on each window, the learner by its partial_fit."""
    row_filter = KNNSanitizedClassifier(LEARNER, n_neighbors=5, action=action)
    defence = SlidingWindowClassifier(row_filter, window=60, every=15)
    plain = clone(LEARNER).partial_fit(X[:40], flipped[:40], classes=[0, 1])
    defence.partial_fit(X[:40], flipped[:40], classes=[0, 1])
    for first in range(40, 200, 5):
        last = first + 5
        defence.partial_fit(X[first:last], flipped[first:last])
        if (last - 40) % 15:
            assert defence.inlier_mask_.all()
        else:
            judged, new = np.arange(max(0, last - 60), last), np.arange(last - 15, last)
            fitted = clone(row_filter).fit(X[judged], flipped[judged])
            if action == "drop":
                kept = new[fitted.inlier_mask_[-15:]]
                plain.partial_fit(X[kept], flipped[kept])
            else:
                plain.partial_fit(X[new], fitted.y_sanitized_[-15:])
            np.testing.assert_array_equal(
                defence.inlier_mask_, fitted.inlier_mask_[-5:]
            )
        np.testing.assert_array_equal(defence.coef_, plain.coef_)
    assert defence.score(X, y) > 0.8


def test_many_rows_in_one_call():
    row_filter = KNNSanitizedClassifier(LEARNER, n_neighbors=5, action="drop")
    defence = SlidingWindowClassifier(row_filter, window=20, every=10)
    defence.partial_fit(X[:10], y[:10], classes=[0, 1])
    defence.partial_fit(X[10:], flipped[10:])
    fitted = clone(row_filter).fit(X[10:], flipped[10:])
    np.testing.assert_array_equal(defence.inlier_mask_, fitted.inlier_mask_)
    one_class = y == 1
    defence.partial_fit(X[one_class], y[one_class])
    assert defence.inlier_mask_.all()


@pytest.mark.parametrize("make", [pd.DataFrame, sparse.csr_matrix])
def test_trusted_rows_containers_and_other_learners(make):
    trusted = np.arange(300) % 4 == 1
    inner = GaussianNB() if make is pd.DataFrame else LEARNER
    defence = SlidingWindowClassifier(
        KNNShapleyFilteredClassifier(inner, quantile=0.8), window=100, every=30
    )
    rows = make(X)
    take = rows.iloc if make is pd.DataFrame else rows
    for first in range(0, 300, 30):
        part = slice(first, first + 30)
        defence.partial_fit(
            take[part], flipped[part], classes=[0, 1], trusted=trusted[part]
        )
    assert defence.score(rows, y) > 0.8
    # Trusted rows are kept; of those with another label some are dropped.
    assert defence.inlier_mask_[trusted[part]].all()
    assert not defence.inlier_mask_.all()


def test_fit_is_that_of_the_filter():
    row_filter = OutlierFilteredClassifier(LEARNER, quantile=0.9)
    defence = SlidingWindowClassifier(row_filter).fit(X, y, trusted=y == 1)
    expected = clone(row_filter).fit(X, y, trusted=y == 1)
    np.testing.assert_array_equal(defence.inlier_mask_, expected.inlier_mask_)
    np.testing.assert_array_equal(defence.predict(X), expected.predict(X))


def test_classifier_without_partial_fit():
    defence = SlidingWindowClassifier(KNNSanitizedClassifier(RandomForestClassifier()))
    with pytest.raises(ValueError, match="around a classifier with partial_fit"):
        defence.partial_fit(X, y, classes=[0, 1])
    defence = SlidingWindowClassifier(OutlierFilteredClassifier(SGDRegressor()))
    with pytest.raises(ValueError, match=r"a classifier .* got SGDRegressor\(\)"):
        defence.partial_fit(X, y, classes=[0, 1])
    with pytest.raises(ValueError, match=r"a filter of skpoison\.defences"):
        SlidingWindowClassifier(LEARNER).partial_fit(X, y, classes=[0, 1])


def test_a_stream_goes_on_after_fit():
    row_filter = KNNSanitizedClassifier(LEARNER, n_neighbors=5)
    defence = SlidingWindowClassifier(row_filter, window=60, every=30).fit(X, y)
    before = defence.coef_.copy()
    defence.partial_fit(X[:29], y[:29])
    np.testing.assert_array_equal(defence.coef_, before)
    defence.partial_fit(X[29:30], y[29:30])
    assert not np.array_equal(defence.coef_, before)


@config_context(enable_metadata_routing=True)
def test_fit_with_metadata_routing():
    trusted = np.arange(len(y)) < 50
    learner = clone(LEARNER).set_fit_request(sample_weight=True)
    row_filter = OutlierFilteredClassifier(learner).set_fit_request(
        trusted=True, sample_weight=True
    )
    defence = SlidingWindowClassifier(row_filter)
    for params in ({}, {"sample_weight": np.ones(len(y))}):
        found = clone(defence).fit(X, y, trusted=trusted, **params)
        alone = clone(row_filter).fit(X, y, trusted=trusted, **params)
        np.testing.assert_array_equal(found.inlier_mask_, alone.inlier_mask_)
    clone(defence).fit(X, y)


def test_weights_of_rows():
    """They go to the learner; a row of weight 0 is absent."""
    row_filter = KNNSanitizedClassifier(LEARNER, n_neighbors=5, action="drop")
    defence = SlidingWindowClassifier(row_filter, window=60, every=15)
    weights = rng.uniform(0.5, 2, size=len(y))
    weights[::4] = 0.0
    plain, other = clone(LEARNER), clone(defence)
    given = np.flatnonzero(weights)
    other.partial_fit(X[given[:30]], flipped[given[:30]], classes=[0, 1])
    first = given[:30]
    plain.partial_fit(X[first], flipped[first], [0, 1], sample_weight=weights[first])
    defence.partial_fit(X[:40], flipped[:40], [0, 1], weights[:40])
    np.testing.assert_array_equal(defence.coef_, plain.coef_)
    for first in range(40, 200, 20):
        rows = slice(first, first + 20)
        new = given[(given >= first) & (given < first + 20)]
        other.partial_fit(X[new], flipped[new])
        defence.partial_fit(X[rows], flipped[rows], sample_weight=weights[rows])
        kept = new[other.verdicts_]
        plain.partial_fit(X[kept], flipped[kept], sample_weight=weights[kept])
        np.testing.assert_array_equal(defence.coef_, plain.coef_)
        np.testing.assert_array_equal(
            defence.verdicts_[weights[rows] > 0], other.verdicts_
        )
        assert not defence.inlier_mask_[weights[rows] == 0].any()
