"""What every part of an attack or a defence accepts, the whole accepts.

Missing values, words, and frames of which columns are taken by name: an attack or a
defence that does not compute with X itself must not refuse them.
"""

from functools import partial

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from pyod.models.knn import KNN
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, IsolationForest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skpoison.attacks import ALFA, GreedyLabelFlip, MarginLabelFlip, RelaxedLabelFlip
from skpoison.defences import (
    ConfidentLearningClassifier,
    KNNSanitizedClassifier,
    NoisyLabelClassifier,
    OutlierFilteredClassifier,
    OutlierFilteredRegressor,
)

rng = np.random.RandomState(0)
y = np.arange(60) % 2
X = rng.normal(size=(60, 3)) + 2 * y[:, np.newaxis]
MISSING = np.where(np.arange(60)[:, np.newaxis] % 7 == [0, 9, 9], np.nan, X)
COLUMNS = {"a": X[:, 0], "b": X[:, 1], "city": np.where(X[:, 2] > 1, "Oslo", "Rome")}
BOOSTING = HistGradientBoostingClassifier(max_iter=2, min_samples_leaf=5)
FOREST = IsolationForest(n_estimators=10, random_state=0)


def by_name(last):
    """An estimator behind a choice of columns by their names."""
    encode = OneHotEncoder(sparse_output=False, handle_unknown="ignore")
    return make_pipeline(
        make_column_transformer((StandardScaler(), ["a", "b"]), (encode, ["city"])),
        last,
    )


def imputed(last):
    return make_pipeline(SimpleImputer(), StandardScaler(), last)


def is_labels(defence):
    return sklearn.base.is_classifier(defence)


@pytest.mark.parametrize(
    "defence",
    [
        KNNSanitizedClassifier(imputed(LogisticRegression()), metric="nan_euclidean"),
        KNNSanitizedClassifier(
            BOOSTING, neighbors=NearestNeighbors(metric="nan_euclidean")
        ),
        ConfidentLearningClassifier(BOOSTING, classifiers=[BOOSTING], random_state=0),
        ConfidentLearningClassifier(
            imputed(LogisticRegression()),
            classifiers=[imputed(LogisticRegression())],
            random_state=0,
        ),
        OutlierFilteredClassifier(imputed(LogisticRegression()), detector=FOREST),
        OutlierFilteredClassifier(
            BOOSTING, detector=imputed(LocalOutlierFactor(novelty=True))
        ),
        OutlierFilteredClassifier(BOOSTING, detector=imputed(KNN())),
        OutlierFilteredRegressor(imputed(Ridge()), detector=FOREST),
        NoisyLabelClassifier(BOOSTING, method="weighted", noise=0.1),
        NoisyLabelClassifier(BOOSTING, method="weighted", noise="anchors"),
    ],
    ids=lambda defence: type(defence).__name__,
)
@pytest.mark.parametrize("make", [np.asarray, pd.DataFrame, np.ndarray.tolist])
def test_missing_values_in_a_defence(defence, make):
    target = y if is_labels(defence) else y + X[:, 0]
    fitted = defence.fit(make(MISSING), target)
    assert fitted.score(make(MISSING), target) > 0.6
    assert fitted.inlier_mask_.mean() > 0.5


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
@pytest.mark.parametrize(
    "defence",
    [
        ConfidentLearningClassifier(
            by_name(LogisticRegression()),
            classifiers=[by_name(LogisticRegression())],
            random_state=0,
        ),
        OutlierFilteredClassifier(
            by_name(LogisticRegression()), detector=by_name(FOREST)
        ),
        OutlierFilteredRegressor(by_name(Ridge()), detector=by_name(FOREST)),
    ],
    ids=lambda defence: type(defence).__name__,
)
def test_frames_reach_the_parts_of_a_defence(defence, make):
    target = y if is_labels(defence) else y + X[:, 0]
    frame = make(COLUMNS)
    if make is pd.DataFrame:
        frame.index = np.arange(60)[::-1]
    fitted = defence.fit(frame, target)
    assert fitted.score(frame, target) > 0.8
    assert fitted.feature_names_in_.tolist() == ["a", "b", "city"]


def test_response_is_a_column_of_the_frame_that_a_detector_sees():
    seen = []

    class Records(IsolationForest):
        def fit(self, X, y=None):
            seen.append(X)
            return super().fit(X[["a", "b"]])

        def score_samples(self, X):
            return super().score_samples(X[["a", "b"]])

    frame = pd.DataFrame(COLUMNS, index=np.arange(60)[::-1])
    frame["response"] = 1.0
    OutlierFilteredRegressor(
        by_name(Ridge()), detector=Records(n_estimators=5, random_state=0)
    ).fit(frame, 10 * X[:, 0])
    assert list(seen[0].columns) == ["a", "b", "city", "response", "response_"]
    numbers = frame[["a", "b", "response"]].to_numpy()
    scale = np.sqrt(numbers.var(axis=0).sum() / (10 * X[:, 0]).var())
    np.testing.assert_allclose(seen[0]["response_"], scale * 10 * X[:, 0])


def test_frame_without_names():
    frame = pd.DataFrame(X)
    expected = OutlierFilteredRegressor(Ridge(), detector=FOREST).fit(X, X[:, 0])
    fitted = OutlierFilteredRegressor(Ridge(), detector=FOREST).fit(frame, X[:, 0])
    np.testing.assert_array_equal(fitted.sample_scores_, expected.sample_scores_)


@pytest.mark.parametrize("as_list", [True, False])
def test_words_in_arrays_and_lists_that_nobody_computes_with(as_list):
    words = np.column_stack([np.where(y, "u", "v"), np.where(X[:, 0] > 1, 1, 0)])
    words = words.astype(object)
    words[:, 1] = words[:, 1].astype(int)
    words = words.tolist() if as_list else words
    with sklearn.config_context(enable_metadata_routing=True):
        last = LogisticRegression().set_fit_request(sample_weight=True)
        pipeline = make_pipeline(OneHotEncoder(handle_unknown="ignore"), last)
        for noise in ("anchors", {0: 0.1}):
            defence = NoisyLabelClassifier(pipeline, method="weighted", noise=noise)
            assert defence.fit(words, y).score(words, y) == 1
        judged = ConfidentLearningClassifier(pipeline, classifiers=[pipeline])
        assert judged.fit(words, y).inlier_mask_.all()


def test_what_the_defence_computes_with_is_checked():
    for defence in (
        KNNSanitizedClassifier(BOOSTING),
        ConfidentLearningClassifier(BOOSTING),
        OutlierFilteredClassifier(BOOSTING),
        NoisyLabelClassifier(LogisticRegression()),
        NoisyLabelClassifier(LogisticRegression(), noise=0.1),
    ):
        for rows in (MISSING, pd.DataFrame(MISSING)):
            with pytest.raises(ValueError, match="contains NaN"):
                defence.fit(rows, y)


GREEDY = partial(GreedyLabelFlip, validation=2, n_candidates=2)
FLIPS = pytest.mark.parametrize("attack", [MarginLabelFlip, ALFA, GREEDY])


@FLIPS
@pytest.mark.parametrize("surrogate", [BOOSTING, imputed(LogisticRegression())])
def test_missing_values_in_a_flip(attack, surrogate):
    attack = attack(surrogate, 2, random_state=0)
    for rows in (MISSING, pd.DataFrame(MISSING)):
        X_out, y_out = attack.fit_resample(rows, y)
        np.testing.assert_array_equal(np.asarray(X_out), MISSING)
        assert (y_out != y).sum() == 2


@FLIPS
@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
def test_frames_reach_the_surrogate_of_a_flip(attack, make):
    """The poison is that of the same surrogate on encoded rows."""
    surrogate = by_name(LogisticRegression())
    encoded = surrogate[0].fit_transform(pd.DataFrame(COLUMNS))
    attack = attack(surrogate, 4, known_fraction=0.8, random_state=0)
    _, y_out = attack.fit_resample(make(COLUMNS), y)
    assert (y_out != y).sum() == 4
    if isinstance(attack, MarginLabelFlip):
        attack.set_params(surrogate=LogisticRegression())
        # With all rows known, the encoded rows are the surrogate's own.
        attack.set_params(known_fraction=1.0)
        _, expected = attack.fit_resample(encoded, y)
        attack.set_params(surrogate=surrogate)
        _, y_out = attack.fit_resample(make(COLUMNS), y)
        np.testing.assert_array_equal(y_out, expected)


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
def test_validation_rows_in_a_frame(make):
    attack = partial(GreedyLabelFlip, n_candidates=2)(
        by_name(LogisticRegression()), 2, random_state=0
    )
    frame = make(COLUMNS)
    _, y_out = attack.fit_resample(frame, y, X_val=frame, y_val=y)
    assert (y_out != y).sum() == 2


def test_numbers_in_a_frame_are_differentiated():
    """A frame that the surrogate could do without gives the poison of its numbers."""
    attack = GreedyLabelFlip(imputed(LogisticRegression())[1:], 3, random_state=0)
    _, expected = attack.fit_resample(X, y)
    _, y_out = attack.fit_resample(pd.DataFrame(X, columns=list("abc")), y)
    np.testing.assert_array_equal(y_out, expected)


def test_what_the_attack_computes_with_is_checked():
    for attack in (
        MarginLabelFlip(),
        GreedyLabelFlip(),
        RelaxedLabelFlip(LogisticRegression()),
        MarginLabelFlip(LogisticRegression()),
        GreedyLabelFlip(LogisticRegression()),
    ):
        with pytest.raises(ValueError, match="contains NaN"):
            attack.fit_resample(MISSING, y)
