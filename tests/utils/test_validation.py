import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from skpoison.utils._validation import (
    check_default,
    check_labels,
    check_trusted,
    numeric_features,
)

X = np.arange(6.0).reshape(3, 2)
MASK = [True, False, True]


@pytest.mark.parametrize(
    "trusted",
    [MASK, np.array(MASK), np.array([1, 0, 1]), pd.Series(MASK), pl.Series(MASK)],
)
def test_check_trusted(trusted):
    checked = check_trusted(trusted, X)
    assert checked.dtype == bool
    np.testing.assert_array_equal(checked, MASK)


def test_check_trusted_none():
    assert not check_trusted(None, X).any()


def test_check_trusted_refuses_another_length():
    with pytest.raises(ValueError, match=r"trusted has 2 entries, but X has 3 rows"):
        check_trusted([True, False], X)


@pytest.mark.parametrize("trusted", ["abc", True, np.ones((3, 2), dtype=bool)])
def test_check_trusted_refuses_other_shapes(trusted):
    with pytest.raises(ValueError, match="trusted must be a one-dimensional mask"):
        check_trusted(trusted, X)


@pytest.mark.parametrize("trusted", [[0, 2, 1], [0.0, np.nan, 1.0], ["a", "b", "a"]])
def test_check_trusted_refuses_what_is_no_mask(trusted):
    with pytest.raises(ValueError, match="trusted must be a mask of booleans"):
        check_trusted(trusted, X)


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
        (np.array([[0, 1], [2, 1], [1, 1]]), "multioutput targets are not supported"),
    ],
)
def test_check_labels_refuses(y, message):
    with pytest.raises(ValueError, match=message):
        check_labels(LogisticRegression(), y)


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_numeric_features_names_columns_of_words(frame):
    data = frame({"age": [1, 2], "city": ["Rome", "Oslo"], "ok": [True, False]})
    with pytest.raises(ValueError, match=r"these columns hold none: city\. Encode"):
        numeric_features(LogisticRegression(), data)


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_numeric_features(frame):
    data = frame({"age": [1, 2], "ok": [True, False]})
    np.testing.assert_array_equal(
        numeric_features(LogisticRegression(), data), [[1, 1], [2, 0]]
    )


def test_numeric_features_of_objects():
    data = pd.DataFrame({"a": [1, 2.5]}, dtype=object)
    assert numeric_features(LogisticRegression(), data).tolist() == [[1.0], [2.5]]


def test_parameters_without_a_meaning_must_have_their_default():
    ridge = Ridge(alpha=2.0, solver="svd")
    check_default(ridge, "if asked", solver="svd", tol=1e-4)
    with pytest.raises(ValueError, match=r"alpha must be 1\.0 if asked; got 2\.0\."):
        check_default(ridge, "if asked", solver="svd", alpha=1.0)
