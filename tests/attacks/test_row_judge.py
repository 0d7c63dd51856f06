"""A fitted defence as a judge of single rows."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skpoison.attacks._defended import Defended, TrainingSet
from skpoison.attacks._row_judge import make_judge
from skpoison.defences import (
    KNNSanitizedClassifier,
    NoisyLabelClassifier,
    OutlierFilteredClassifier,
    OutlierFilteredRegressor,
)

X, y = make_classification(120, 4, random_state=0)
X, X_new, y, y_new = X[:80], 1.5 * X[80:], y[:80], 1 - y[80:]
TRUSTED = np.arange(80) < 40
GIVEN = TrainingSet(X, y, TRUSTED, np.arange(80))
LR = LogisticRegression()
FILTER = OutlierFilteredClassifier(LR, quantile=0.8)


@pytest.mark.parametrize(
    "defence",
    [
        FILTER,
        OutlierFilteredClassifier(
            LR, detector=IsolationForest(n_estimators=5, random_state=0), quantile=0.6
        ),
    ],
)
@pytest.mark.parametrize("is_scaled", [False, True])
def test_verdicts_are_those_of_a_fit_with_the_row(defence, is_scaled):
    surrogate = make_pipeline(MinMaxScaler(), defence) if is_scaled else defence
    judge = make_judge(Defended(surrogate), GIVEN, np.array([0, 1]))
    scaler = MinMaxScaler().fit(X)
    expected = []
    for row, label in zip(X_new, y_new, strict=True):
        rows = np.vstack([X, row])
        # The scaler that the judge has is that of the rows without the new one.
        rows = scaler.transform(rows) if is_scaled else rows
        fitted = clone(defence).fit(
            rows, np.append(y, label), trusted=np.append(TRUSTED, False)
        )
        expected.append(fitted.inlier_mask_[-1])
    accepted = judge.accepts(X_new, y_new)
    assert_array_equal(accepted, expected)
    assert 0 < accepted.sum() < 40


def test_without_trusted_rows_new_ones_are_compared_with_the_clean_ones():
    given = TrainingSet(
        np.vstack([X, X_new]),
        np.append(y, y_new),
        np.zeros(120, dtype=bool),
        np.append(np.arange(80), np.full(40, -1)),
    )
    judge = make_judge(Defended(FILTER), given, np.array([0, 1]))
    fitted = clone(FILTER).fit(given.X, given.codes)
    scores = clone(FILTER).fit(X, y)._new_row_scorer(X, y)(X_new, y_new)
    expected = scores < fitted.threshold_[y_new]
    assert_array_equal(judge.accepts(X_new, y_new), expected)


@pytest.mark.parametrize(
    "surrogate",
    [
        KNNSanitizedClassifier(LR),
        NoisyLabelClassifier(LR),
        OutlierFilteredClassifier(KNNSanitizedClassifier(LR)),
    ],
)
def test_others_judge_no_single_row(surrogate):
    assert make_judge(Defended(surrogate), GIVEN, np.array([0, 1])) is None


def test_responses_are_not_judged_singly():
    surrogate = OutlierFilteredRegressor(Ridge())
    given = TrainingSet(X, X[:, 0], TRUSTED, np.arange(80))
    assert make_judge(Defended(surrogate), given, None) is None
