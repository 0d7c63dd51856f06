import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from skpoison import attacks, defences
from skpoison.optimizers import ProjectedAscent
from skpoison.utils._targets import check_labels, check_responses


@pytest.mark.parametrize(
    "y",
    [
        ["a", "b", "a"],
        np.array(["a", "b", "a"], dtype=object),
        pd.Series(["a", "b", "a"], dtype="category"),
        pd.Series(["a", "b", "a"], dtype="string"),
        pl.Series(["a", "b", "a"], dtype=pl.Categorical),
    ],
)
def test_check_labels(y):
    assert check_labels(LogisticRegression(), y).tolist() == ["a", "b", "a"]


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "LogisticRegression requires y to be passed"),
        ([0.1, 0.2, 0.7], "Unknown label type"),
        ([0.0, np.nan, 1.0], "Input y contains NaN"),
        (["a", None, "b"], "Input y contains None"),
        (pd.Series(["a", None, "b"], dtype="category"), "contains N"),
        (pl.Series(["a", None, "b"]), "Input y contains None"),
        (pd.Series(["a", pd.NA, "b"], dtype="string"), "Input y contains <NA>"),
        (pd.Series([True, pd.NA, False], dtype="boolean"), "Input y contains <NA>"),
        (["a", pd.NA, "b"], "Input y contains <NA>"),
        (["a", pd.NaT, "b"], "Input y contains NaT"),
        (np.array(["2020", "NaT", "2021"], dtype="M8[s]"), "Input y contains .*NaT"),
        (["a", np.nan, "b"], "Input y contains NaN"),
        (np.array([[0, 1], [2, 1], [1, 1]]), "multioutput targets are not supported"),
    ],
)
def test_check_labels_refuses(y, message):
    with pytest.raises(ValueError, match=message):
        check_labels(LogisticRegression(), y)


MANY = np.arange(60) % 21


@pytest.mark.parametrize(
    ("y", "n_values"),
    [
        (MANY, 21),
        (MANY.astype(float), 21),
        (MANY[:, np.newaxis], 21),
        (MANY.tolist(), 21),
        (pd.Series(MANY), 21),
        (pl.Series(MANY), 21),
        (np.array([0.5, 1.5, 0.5]), 2),
        (np.arange(60), 60),
        (np.linspace(0, 1, 60), 60),
    ],
)
def test_responses_are_no_labels(y, n_values):
    message = rf"Unknown label type: .* {n_values} different numbers in {len(y)} rows"
    with pytest.raises(ValueError, match=message):
        check_labels(LogisticRegression(), y)


@pytest.mark.parametrize(
    "y",
    [
        np.arange(63) % 21,
        np.arange(20),
        MANY.astype(str),
        MANY.astype(str).astype(object),
        pd.Series(MANY.astype(str), dtype="category"),
        np.eye(30, dtype=int),
        MANY > 7,
    ],
)
@pytest.mark.filterwarnings("ignore:The number of unique classes is greater than 50%")
def test_many_labels(y):
    np.testing.assert_array_equal(check_labels(LogisticRegression(), y), np.asarray(y))


@pytest.mark.filterwarnings("ignore:The number of unique classes is greater than 50%")
def test_labels_of_other_rows_can_all_be_different():
    y = np.arange(30)
    assert check_labels(LogisticRegression(), y, training=False).tolist() == y.tolist()


@pytest.mark.parametrize("y", [MANY, MANY.astype(float), MANY / 2])
def test_ways_out_for_responses(y):
    """Each names what to give instead, and that works."""
    X = np.random.RandomState(0).normal(size=(60, 2))
    ridge, few = Ridge(), {"optimizer": ProjectedAscent(max_iter=1), "random_state": 0}
    for attack in (
        attacks.GradientInsertion(**few),
        attacks.GradientModification(LogisticRegression(), **few),
        attacks.GreedyDeletion(budget=1, random_state=0),
    ):
        with pytest.raises(ValueError, match=r"give a regressor: surrogate=Ridge\(\)"):
            attack.fit_resample(X, y)
        attack.set_params(surrogate=ridge).fit_resample(X, y)
    for attack in (
        attacks.RandomLabelFlip(),
        attacks.RandomInsertion(),
        attacks.MarginLabelFlip(),
        attacks.ALFA(),
        attacks.GreedyLabelFlip(),
        attacks.RelaxedLabelFlip(),
    ):
        with pytest.raises(ValueError, match=r"GradientInsertion\(surrogate=Ridge\(\)"):
            attack.fit_resample(X, y)
    for name in defences.__all__:
        if name.endswith("Classifier"):
            defence = getattr(defences, name)(LogisticRegression())
            with pytest.raises(ValueError, match=r"OutlierFilteredRegressor\(Ridge\("):
                defence.fit(X, y)
    defences.OutlierFilteredRegressor(ridge).fit(X, y)
    words = np.asarray(y).astype(str)
    attacks.RandomLabelFlip().fit_resample(X, words)
    defences.KNNSanitizedClassifier(LogisticRegression(max_iter=999)).fit(X, words)


@pytest.mark.parametrize("make", [np.asarray, list, pd.Series, pl.Series])
def test_check_responses(make):
    found = check_responses(Ridge(), make([1, 2, 4]))
    assert found.tolist() == [1.0, 2.0, 4.0]
    assert found.dtype == np.float64


@pytest.mark.parametrize(
    "make",
    [np.asarray, list, pd.Series, pl.Series, lambda y: np.array(y, dtype=object)],
)
def test_words_are_no_responses(make):
    words = make(["ham", "spam"] * 20)
    X = np.random.RandomState(0).normal(size=(40, 3))
    for attack in (
        attacks.GradientInsertion(Ridge()),
        attacks.GradientModification(Ridge()),
        attacks.GreedyDeletion(Ridge()),
    ):
        message = r"`surrogate` must be .* as 'ham'; got Ridge\(\)\. Take Log"
        with pytest.raises(ValueError, match=message):
            attack.fit_resample(X, words)
        attack.set_params(surrogate=LogisticRegression()).fit_resample(X, words)
    defence = defences.OutlierFilteredRegressor(Ridge())
    message = r"must hold numbers for .*; got 'ham'\. If .* class labels, take a class"
    with pytest.raises(ValueError, match=message):
        defence.fit(X, words)
    defences.OutlierFilteredClassifier(LogisticRegression()).fit(X, words)
    with pytest.raises(ValueError, match=message):
        check_responses(Ridge(), words)


def test_numbers_as_words_are_responses():
    assert check_responses(Ridge(), ["1", "2.5"]).tolist() == [1.0, 2.5]


def test_labels_of_several_types():
    y = np.array(["a", 1, 2.5], dtype=object)
    with pytest.raises(ValueError, match="of one type; got float and int and str"):
        check_labels(LogisticRegression(), y)
    labels = [str(label) for label in y]  # the way out
    assert check_labels(LogisticRegression(), labels).tolist() == labels


def test_x_and_y_swapped():
    y = np.linspace(0, 1, 8).reshape(4, 2)
    message = r"Unknown label type: .* shape \(4, 2\)\. Are X and y swapped\?"
    with pytest.raises(ValueError, match=message):
        check_labels(LogisticRegression(), y)
