"""Prequential evaluation of learners from a stream."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import SGDClassifier, SGDRegressor
from sklearn.metrics import log_loss, make_scorer, r2_score
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import LabelEncoder

from skpoison.attacks import RandomInsertion, RandomLabelFlip
from skpoison.defences import KNNSanitizedClassifier
from skpoison.model_selection import prequential_curve
from skpoison.online import (
    AdaptiveCombinationClassifier,
    OnlineInsertion,
    OnlineLabelFlip,
    RejectionClassifier,
    SlidingWindowClassifier,
    TrustedStepClassifier,
)

rng = np.random.RandomState(0)
y = rng.randint(2, size=230)
X = rng.normal(size=(230, 3)) + y[:, np.newaxis]
LEARNER = SGDClassifier("log_loss", learning_rate="constant", eta0=0.1, shuffle=False)


def test_by_hand():
    curve = prequential_curve(LEARNER, X, y, batch_size=50, scoring="accuracy")
    learner, scores = clone(LEARNER), [np.nan]
    learner.partial_fit(X[:50], y[:50], classes=[0, 1])
    for first in (50, 100, 150, 200):
        rows = slice(first, min(first + 50, 230))
        scores.append(learner.score(X[rows], y[rows]))
        learner.partial_fit(X[rows], y[rows])
    assert_array_equal(curve.test_scores, scores)
    assert_array_equal(curve.n_rows, [50, 50, 50, 50, 30])
    assert_array_equal(curve.n_poison, 0)
    assert_array_equal(curve.estimator.coef_, learner.coef_)
    assert np.isnan(curve.rejected).all()
    same = y[1:] == y[:-1]
    assert_allclose(curve.no_change_scores[0], same[:49].mean())
    assert_allclose(curve.no_change_scores[-1], same[199:].mean())
    expected = np.average(scores[1:], weights=[50, 50, 50, 30])
    assert_allclose(curve.running_scores[-1], expected)
    assert np.isnan(curve.running_scores[0])


def test_running_means():
    curve = prequential_curve(LEARNER, X, y, batch_size=50, window=2)
    scores = curve.test_scores
    assert_allclose(curve.running_scores[1], scores[1])
    assert_allclose(curve.running_scores[3], scores[2:4].mean())
    assert_allclose(curve.running_scores[4], (50 * scores[3] + 30 * scores[4]) / 80)
    curve = prequential_curve(LEARNER, X, y, batch_size=50, fading=0.5)
    weights = np.array([50, 50, 50, 30]) * [0.125, 0.25, 0.5, 1]
    assert_allclose(curve.running_scores[4], np.average(scores[1:], weights=weights))
    with pytest.raises(ValueError, match="`window` and `fading` must not both"):
        prequential_curve(LEARNER, X, y, window=2, fading=0.5)


def test_labels_that_come_late():
    curve = prequential_curve(LEARNER, X, y, batch_size=50, delay=2)
    assert np.isnan(curve.test_scores[:3]).all()
    learner = clone(LEARNER).partial_fit(X[:50], y[:50], classes=[0, 1])
    assert curve.test_scores[3] == learner.score(X[150:200], y[150:200])
    learner.partial_fit(X[50:100], y[50:100])
    assert curve.test_scores[4] == learner.score(X[200:], y[200:])


def test_poison_is_learnt_and_not_counted():
    attack = OnlineInsertion(LEARNER, 0.2, random_state=0)
    X_out, y_out = attack.fit_resample(X, y)
    defence = RejectionClassifier(LEARNER, burn_in=20, threshold=0.3)
    curve = prequential_curve(defence, X, y, attack=attack, batch_size=46)
    assert curve.n_rows.sum() == 230
    assert curve.n_poison.sum() == 46
    learner = clone(defence).partial_fit(X_out[:46], y_out[:46], classes=[0, 1])
    genuine = ~attack.poison_mask_[46:92]
    expected = learner.score(X_out[46:92][genuine], y_out[46:92][genuine])
    assert curve.test_scores[1] == expected
    inliers = learner.partial_fit(X_out[46:92], y_out[46:92]).inlier_mask_
    assert_allclose(curve.rejected[1], 1 - inliers[genuine].mean())
    assert_allclose(curve.rejected_poison[1], 1 - inliers[~genuine].mean())


def test_flips_and_frames():
    names = pd.Series(np.array(["ham", "spam"])[y])
    frame = pd.DataFrame(X, columns=list("abc"))
    attack = RandomLabelFlip(0.1, random_state=0)
    curve = prequential_curve(GaussianNB(), frame, names, attack=attack)
    assert curve.n_poison.sum() == 23
    assert curve.n_rows.sum() == 207
    assert curve.running_scores[-1] > 0.7
    with pytest.raises(ValueError, match=r"`attack` must keep the order.*OnlineInser"):
        prequential_curve(LEARNER, X, y, attack=RandomInsertion())


def test_regression():
    r = X @ [1.0, -1.0, 2.0]
    curve = prequential_curve(SGDRegressor(), X, r, batch_size=40)
    assert curve.no_change_scores is None
    assert curve.test_scores[-1] > 0.8


def test_trusted_rows_go_along():
    trusted = np.arange(230) % 5 == 0
    learners = [("fast", LEARNER), ("slow", clone(LEARNER).set_params(eta0=0.001))]
    attack = OnlineInsertion(LEARNER, 0.1, random_state=0)
    X_out, y_out = attack.fit_resample(X, y)
    is_trusted = np.isin(attack.source_indices_, np.flatnonzero(trusted))
    for defence in (
        AdaptiveCombinationClassifier(learners),
        TrustedStepClassifier(LEARNER),
    ):
        curve = prequential_curve(
            defence, X, y, attack=attack, batch_size=46, trusted=trusted, delay=1
        )
        expected = clone(defence)
        for first in range(0, 207, 46):
            rows = slice(first, first + 46)
            expected.partial_fit(
                X_out[rows], y_out[rows], classes=[0, 1], trusted=is_trusted[rows]
            )
        probabilities = curve.estimator.predict_proba(X)
        assert_array_equal(probabilities, expected.predict_proba(X))
    assert curve.weights is None
    curve = prequential_curve(AdaptiveCombinationClassifier(learners), X, y, delay=1)
    assert curve.weights.shape == (3, 2)
    assert curve.weight_names == ["fast", "slow"]
    assert np.isnan(curve.weights[-1]).all()
    assert_array_equal(curve.weights[1], curve.estimator.weights_path_[1])
    # An attack that changes labels leaves the rows where they are.
    flips = OnlineLabelFlip(LEARNER, 0.1)
    curve = prequential_curve(
        defence, X, y, attack=flips, batch_size=46, trusted=trusted
    )
    assert curve.n_poison.sum() == 23
    with pytest.raises(ValueError, match="`trusted` must be None for an estimator"):
        prequential_curve(LEARNER, X, y, trusted=trusted)


def test_rows_that_wait_count_in_their_own_batch():
    flipped = np.where(np.arange(230) % 7 == 0, 1 - y, y)
    row_filter = KNNSanitizedClassifier(LEARNER, n_neighbors=5, action="drop")
    defence = SlidingWindowClassifier(row_filter, window=50, every=15)
    apart = X + 3 * y[:, np.newaxis]
    curve = prequential_curve(defence, apart[:220], flipped[:220], batch_size=10)
    alone, kept = clone(defence), []
    for first in range(0, 220, 10):
        rows = slice(first, first + 10)
        alone.partial_fit(apart[rows], flipped[rows], classes=[0, 1])
        kept.extend(alone.verdicts_)
    assert len(kept) == 210  # the first ten, then twenty each; the last ten wait
    expected = 1 - np.reshape(kept, (-1, 10)).mean(axis=1)
    assert expected.max() > 0
    found = curve.rejected[: expected.shape[0]]
    assert_allclose(found, expected)
    assert np.isnan(curve.rejected[expected.shape[0] :]).all()


def test_learners_of_river():
    """River's own wrapper, with labels 0 and 1: others it predicts wrongly."""
    compat = pytest.importorskip("river.compat")
    linear_model = pytest.importorskip("river.linear_model")
    optim = pytest.importorskip("river.optim")
    learner = compat.convert_river_to_sklearn(
        linear_model.LogisticRegression(optim.SGD(0.3))
    )
    # Its intercept learns slowly: the rows are centred.
    apart = X + 2 * y[:, np.newaxis] - 1.5
    attack = OnlineInsertion(LEARNER, 0.1, random_state=0)
    scores = {}
    for name, victim in (
        ("plain", learner),
        ("rejection", RejectionClassifier(learner, action="drop")),
    ):
        for made in (None, attack):
            curve = prequential_curve(victim, apart, y, attack=made, batch_size=5)
            scores[name, made is not None] = curve.running_scores[-1]
    assert scores["plain", False] > 0.9
    assert scores["plain", True] < scores["plain", False] - 0.05
    assert scores["rejection", True] > scores["plain", True] + 0.02, scores
    # An encoder stands before labels of other kinds.
    words = np.array(["ham", "spam"])[y]
    with pytest.raises(ValueError, match="sum to 1; got a sum of 0"):
        prequential_curve(RejectionClassifier(learner, action="drop"), apart, words)
    codes = LabelEncoder().fit_transform(words)
    row_filter = KNNSanitizedClassifier(learner)
    curve = prequential_curve(
        SlidingWindowClassifier(row_filter), apart, codes, batch_size=20
    )
    assert curve.running_scores[-1] > 0.9


def test_batches_without_all_classes():
    runs = np.repeat([0, 1, 0, 1], [70, 90, 40, 30])
    with pytest.warns(UserWarning, match="of 2 of 5 batches is NaN") as caught:
        curve = prequential_curve(
            LEARNER, X, runs, batch_size=50, scoring="neg_log_loss"
        )
    assert sum("batches is NaN" in str(each.message) for each in caught) == 1
    assert_array_equal(np.isnan(curve.test_scores), [1, 0, 1, 0, 1])
    assert np.isfinite(curve.running_scores[1:]).all()
    # The way out that the warning names.
    scorer = make_scorer(
        log_loss,
        response_method="predict_proba",
        greater_is_better=False,
        labels=[0, 1],
    )
    known = prequential_curve(LEARNER, X, runs, batch_size=50, scoring=scorer)
    assert np.isfinite(known.test_scores[1:]).all()
    assert_allclose(known.test_scores[1], curve.test_scores[1])


def test_a_delay_as_long_as_the_stream():
    with pytest.raises(ValueError, match=r"`delay` must be less than 4.*got 4 for 5"):
        prequential_curve(LEARNER, X, y, batch_size=50, delay=4)
    curve = prequential_curve(LEARNER, X, y, batch_size=50, delay=3)
    assert np.isfinite(curve.test_scores[4])
    with pytest.raises(ValueError, match=r"`batch_size` must be less.*got 230"):
        prequential_curve(LEARNER, X, y, batch_size=230)


@pytest.mark.parametrize("scoring", [None, "r2", make_scorer(r2_score)])
def test_r2_of_single_rows(scoring):
    learner = SGDRegressor()
    with pytest.warns(UserWarning, match="of 19 of 20 batches is NaN, because R2"):
        curve = prequential_curve(
            learner, X[:20], X[:20, 0], batch_size=1, scoring=scoring
        )
    assert np.isnan(curve.test_scores).all()
    # The ways out that the warning names.
    for given in (
        {"batch_size": 5},
        {"batch_size": 1, "scoring": "neg_mean_absolute_error"},
    ):
        curve = prequential_curve(learner, X[:20], X[:20, 0], **given)
        assert np.isfinite(curve.test_scores[1:]).all()
