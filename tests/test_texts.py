"""Texts through attacks, pipelines, defences and curves.

A row is one text, in a list, an array or a series, as scikit-learn's vectorizers take
it. What reads numbers only must say so, with a way out that works.
"""

from functools import cache

import numpy as np
import pandas as pd
import polars as pl
import pytest
from imblearn.pipeline import make_pipeline
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

from skpoison.attacks import (
    ALFA,
    GradientInsertion,
    GradientModification,
    GreedyDeletion,
    GreedyLabelFlip,
    MarginLabelFlip,
    RandomInsertion,
    RandomLabelFlip,
    RelaxedLabelFlip,
)
from skpoison.defences import (
    ConfidentLearningClassifier,
    KNNSanitizedClassifier,
    NoisyLabelClassifier,
    OutlierFilteredClassifier,
)
from skpoison.model_selection import RobustnessReport, robustness_curve
from skpoison.optimizers import ProjectedAscent

N_SAMPLES = 60
WORDS = {"ham": ["meeting", "lunch", "team"], "spam": ["win", "money", "click"]}


def make_texts():
    draw = np.random.RandomState(0)
    y = np.array(["ham", "spam"])[np.arange(N_SAMPLES) % 2]
    texts = [" ".join(draw.choice([*WORDS[label], "the", "it"], 6)) for label in y]
    return texts, y


TEXTS, y = make_texts()
CONTAINERS = {
    "list": TEXTS,
    "tuple": tuple(TEXTS),
    "array": np.array(TEXTS),
    "objects": np.array(TEXTS, dtype=object),
    "pandas": pd.Series(TEXTS, [f"row {i}" for i in range(N_SAMPLES)], name="text"),
    "pandas, string": pd.Series(TEXTS, dtype="string"),
    "pandas, array": pd.array(TEXTS, dtype="string"),
    "polars": pl.Series("text", TEXTS),
}
containers = pytest.mark.parametrize("X", CONTAINERS.values(), ids=CONTAINERS.keys())


def of_texts():
    return make_pipeline(TfidfVectorizer(), LogisticRegression())


FOR_TEXTS = [
    RandomLabelFlip(random_state=0),
    RandomInsertion(random_state=0),
    MarginLabelFlip(of_texts(), random_state=0),
    MarginLabelFlip(of_texts(), known_fraction=0.8, random_state=0),
    ALFA(of_texts(), random_state=0),
    GreedyLabelFlip(of_texts(), 2, n_candidates=1, validation=0.3, random_state=0),
    GreedyLabelFlip(of_texts(), 2, n_candidates=1, validation=2, random_state=0),
]


@cache
def poison_of_a_list(attack):
    return clone(attack).fit_resample(TEXTS, y)


@containers
@pytest.mark.parametrize("attack", FOR_TEXTS, ids=str)
def test_attacks(attack, X):
    X_out, y_out = attack.fit_resample(X, y)
    assert type(X_out) is type(X)
    assert getattr(X_out, "name", None) == getattr(X, "name", None)
    expected = poison_of_a_list(attack)
    assert list(X_out) == expected[0]
    assert_array_equal(y_out, expected[1])
    assert list(X_out)[:N_SAMPLES] == TEXTS
    assert attack.poison_mask_.sum() == (6 if attack.budget == 0.1 else 2)
    assert not hasattr(attack, "n_features_in_")


def test_series_reach_the_surrogate_as_they_are():
    lower = FunctionTransformer(lambda X: X.str.lower())
    surrogate = make_pipeline(lower, *of_texts())
    attack = MarginLabelFlip(surrogate, budget=2, random_state=0)
    X = CONTAINERS["pandas"]
    assert_array_equal(
        attack.fit_resample(X, y)[1],
        attack.set_params(surrogate=of_texts()).fit_resample(X, y)[1],
    )


def test_dictionaries():
    X = [dict.fromkeys(text.split(), 1) for text in TEXTS]
    attack = MarginLabelFlip(make_pipeline(DictVectorizer(), LogisticRegression()))
    X_out, _ = attack.fit_resample(X, y)
    assert X_out == X
    assert attack.poison_mask_.sum() == 6


@pytest.mark.parametrize("case", ["list", "array", "pandas", "polars"])
def test_validation_rows(case):
    X = CONTAINERS[case]
    attack = GreedyLabelFlip(of_texts(), budget=3, n_candidates=2, random_state=0)
    _, y_out = attack.fit_resample(X, y, X_val=X, y_val=y)
    assert (y_out != y).sum() == 3
    numbers = np.ones((N_SAMPLES, 2))
    for rows, X_val in ((X, numbers), (numbers, X)):
        with pytest.raises(ValueError, match="X_val must hold texts as X does, or"):
            attack.fit_resample(rows, y, X_val=X_val, y_val=y)


@containers
def test_pipelines(X):
    pipeline = make_pipeline(RandomLabelFlip(random_state=0), *of_texts())
    assert pipeline.fit(X, y).score(X, y) > 0.9
    scores = cross_validate(pipeline, X, y, cv=3, error_score="raise")["test_score"]
    assert scores.mean() > 0.8
    grid = {"randomlabelflip__budget": [0.0, 0.5]}
    search = GridSearchCV(pipeline, grid, cv=3, error_score="raise").fit(X, y)
    assert search.best_params_ == {"randomlabelflip__budget": 0.0}


@containers
@pytest.mark.parametrize("attack", [FOR_TEXTS[0], FOR_TEXTS[2]], ids=str)
def test_curves(attack, X):
    curve = robustness_curve(
        of_texts(), X, y, attack=attack, budgets=[0.0, 0.4], cv=3, error_score="raise"
    )
    clean, poisoned = curve.test_scores.mean(axis=1)
    assert clean > 0.95
    assert poisoned < clean


@pytest.mark.parametrize("case", ["list", "pandas", "polars"])
def test_report(case):
    defended = ConfidentLearningClassifier(
        of_texts(), classifiers=[of_texts()], cv=3, random_state=0
    )
    report = RobustnessReport(
        {"plain": of_texts(), "defended": defended},
        {"flips": RandomLabelFlip(random_state=0)},
        budgets=[0.2],
        cv=3,
    )
    curves = report.fit(CONTAINERS[case], y).curves_
    plain, kept = (
        curves["flips", name].test_scores[-1].mean() for name in ("plain", "defended")
    )
    assert kept >= plain > 0.5


@containers
def test_confident_learning(X):
    attack = RandomLabelFlip(random_state=0)
    X_out, y_out = attack.fit_resample(X, y)
    judge = of_texts()
    defence = ConfidentLearningClassifier(judge, classifiers=[judge], random_state=0)
    defence.fit(X_out, y_out)
    assert defence.inlier_mask_[attack.poison_mask_].sum() <= 1
    assert defence.inlier_mask_[~attack.poison_mask_].mean() > 0.9
    assert defence.score(X, y) > 0.95
    assert not hasattr(defence, "n_features_in_")


NUMBERS_ONLY = [
    RelaxedLabelFlip(max_iter=2, random_state=0),
    GreedyDeletion(n_rounds=2, n_exchanges=0, random_state=0),
    GradientInsertion(optimizer=ProjectedAscent(max_iter=2), random_state=0),
    MarginLabelFlip(random_state=0),
    ALFA(random_state=0),
    GreedyLabelFlip(n_candidates=1, random_state=0),
    KNNSanitizedClassifier(LogisticRegression()),
    OutlierFilteredClassifier(LogisticRegression()),
    NoisyLabelClassifier(LogisticRegression()),
    ConfidentLearningClassifier(LogisticRegression()),
]


def fit(estimator, X):
    if hasattr(estimator, "fit_resample"):
        return estimator.fit_resample(X, y)
    return estimator.fit(X, y)


@containers
@pytest.mark.parametrize(
    "estimator", NUMBERS_ONLY, ids=lambda each: type(each).__name__
)
def test_numbers_only(estimator, X):
    with pytest.raises(ValueError, match="computes with numbers, but X holds texts"):
        fit(estimator, X)


def test_flips_on_numbers_only_name_flips_on_texts():
    attack = RelaxedLabelFlip()
    with pytest.raises(ValueError, match="or take GreedyLabelFlip with a `surrogate` "):
        attack.fit_resample(TEXTS, y)


def test_frames_of_words():
    frame = pd.DataFrame({"text": TEXTS, "city": "Rome"})
    for estimator in NUMBERS_ONLY:
        if not isinstance(estimator, NoisyLabelClassifier):
            with pytest.raises(ValueError, match="these columns hold none: text, city"):
                fit(estimator, frame)


@pytest.mark.parametrize(
    "estimator", NUMBERS_ONLY, ids=lambda each: type(each).__name__
)
def test_the_way_out_is_a_step_before(estimator):
    if isinstance(estimator, GradientInsertion | GradientModification):
        estimator = estimator.set_params(surrogate=LogisticRegression())
    steps = [TfidfVectorizer(), estimator]
    if hasattr(estimator, "fit_resample"):
        steps.append(LogisticRegression())
    assert make_pipeline(*steps).fit(TEXTS, y).score(TEXTS, y) > 0.8


@pytest.mark.parametrize("attack", FOR_TEXTS[2:], ids=str)
@pytest.mark.parametrize("package", [pd, pl])
def test_frames_with_texts(attack, package):
    numbers = np.arange(N_SAMPLES) % 7.0
    numbers[::9] = np.nan
    frame = package.DataFrame(
        {"text": TEXTS, "city": ["Rome", "Oslo", "Bern"] * 20, "number": numbers}
    )
    encoder = make_column_transformer(
        (TfidfVectorizer(), "text"),
        (OneHotEncoder(), ["city"]),
        (SimpleImputer(), ["number"]),
    )
    attack.set_params(surrogate=make_pipeline(encoder, LogisticRegression()))
    X_out, y_out = attack.fit_resample(frame, y)
    assert X_out.equals(frame)
    assert (y_out != y).sum() == (6 if attack.budget == 0.1 else 2)
    judge = attack.surrogate
    defence = ConfidentLearningClassifier(judge, classifiers=[judge], cv=3)
    assert defence.fit(X_out, y_out).score(frame, y) > 0.6
