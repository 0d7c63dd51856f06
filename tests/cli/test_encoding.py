import sys

import numpy as np
import polars as pl
import pytest
from scipy import sparse
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags

from skpoison.cli._encoding import Layout, is_mostly_zero, make_encoder, make_frame

NUMBERS = {"a": np.array([1.0, np.nan, 3.0, 8.0]), "b": np.array([0.0, 1.0, 2.0, 3.0])}
CITIES = {"city": np.array(["Ulm", "", "Bonn", "Ulm"], dtype=object)}
TEXTS = {"text": np.array(["good film", "bad film", "", "good"], dtype=object)}


def encode(layout, estimator=None):
    steps = make_encoder(estimator or LogisticRegression(), layout=layout)
    return Pipeline(steps), Pipeline(steps).fit_transform(layout.rows())


@pytest.mark.parametrize(("is_sparse", "name"), [(False, "Standard"), (True, "MaxAbs")])
def test_numbers_without_a_layout(is_sparse, name):
    ((step, scaler),) = make_encoder(LogisticRegression(), is_sparse=is_sparse)
    assert type(scaler).__name__ == f"{name}Scaler"
    assert step == f"{name.lower()}scaler"


def test_numbers():
    layout = Layout({"b": NUMBERS["b"]}, {}, {})
    assert layout.rows().dtype == float
    pipeline, X = encode(layout)
    assert list(pipeline.named_steps) == ["standardscaler"]
    np.testing.assert_allclose(X[:, 0], (np.arange(4) - 1.5) / np.sqrt(1.25))


def test_missing_numbers_are_the_median():
    layout = Layout(NUMBERS, {}, {})
    assert layout.rows().dtype == float
    pipeline, X = encode(layout)
    assert list(pipeline.named_steps) == ["simpleimputer", "standardscaler"]
    filled = np.array([1.0, 3.0, 3.0, 8.0])
    np.testing.assert_allclose(X[:, 0], (filled - filled.mean()) / filled.std())
    # In the rows of a fold all of them may be missing.
    rows = layout.rows()
    rows[:, 0] = np.nan
    assert pipeline.fit_transform(rows).shape == (4, 2)


def test_categories():
    layout = Layout({"b": NUMBERS["b"]}, CITIES, {})
    rows = layout.rows()
    assert rows.dtype == object
    pipeline, X = encode(layout)
    assert isinstance(X, np.ndarray)
    assert X.dtype == float
    np.testing.assert_array_equal(
        X[:, 1:], [[0, 0, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]]
    )
    # A city that was not among the training rows.
    new = pipeline.transform(np.array([[1.5, "Rom"]], dtype=object))
    np.testing.assert_array_equal(new, [[0, 0, 0, 0]])


@pytest.mark.skipif(
    not get_tags(LogisticRegression()).input_tags.sparse,
    reason="estimators do not say that they take sparse rows before scikit-learn 1.7",
)
def test_texts_are_sparse():
    layout = Layout(NUMBERS, CITIES, TEXTS)
    assert layout.names == ["a", "b", "city", "text"]
    _, X = encode(layout)
    assert sparse.issparse(X)
    assert X.shape == (4, 2 + 3 + 3)
    np.testing.assert_allclose(np.sqrt((X.toarray()[:, 5:] ** 2).sum(1)), [1, 1, 0, 1])


def test_estimator_that_takes_no_sparse_matrix():
    _, X = encode(Layout(NUMBERS, CITIES, TEXTS), HistGradientBoostingClassifier())
    assert isinstance(X, np.ndarray)
    assert X.shape == (4, 8)
    words = np.array([f"w{i} v{i}" for i in range(1000)], dtype=object)
    _, X = encode(Layout({}, {}, {"t": words}), HistGradientBoostingClassifier())
    assert X.shape == (1000, 1000)


@pytest.mark.skipif(
    not get_tags(LogisticRegression()).input_tags.sparse,
    reason="estimators do not say that they take sparse rows before scikit-learn 1.7",
)
def test_many_categories_are_sparse():
    words = np.array([f"w{i}" for i in range(300)] * 2, dtype=object)
    assert sparse.issparse(encode(Layout({}, {"c": words}, {}))[1])


def test_several_texts_of_any_name():
    texts = dict.fromkeys(("a__b", "a", ""), TEXTS["text"])
    assert encode(Layout({}, {}, texts))[1].shape == (4, 9)


@pytest.mark.parametrize(
    ("layout", "text"),
    [
        (Layout({"b": NUMBERS["b"]}, {}, {}), "columns: 1 of numbers"),
        (
            Layout(NUMBERS, CITIES, TEXTS),
            "columns: 2 of numbers (1 missing: the median instead), 1 of categories "
            "(one-hot), 1 of text (TF-IDF)",
        ),
        (Layout({}, CITIES, {}), "columns: 1 of categories (one-hot)"),
    ],
)
def test_description(layout, text):
    assert layout.describe() == text


def test_frame(monkeypatch):
    layout = Layout(NUMBERS, CITIES, TEXTS)
    frame = make_frame(layout)
    assert type(frame).__module__.startswith("pandas")
    assert list(frame.columns) == ["a", "b", "city", "text"]
    assert frame["a"].dtype == float
    assert frame["city"].tolist() == CITIES["city"].tolist()
    monkeypatch.setitem(sys.modules, "pandas", None)
    assert isinstance(make_frame(layout), pl.DataFrame)
    monkeypatch.setitem(sys.modules, "polars", None)
    assert make_frame(layout) is None


@pytest.mark.parametrize(
    ("shape", "share", "expected"),
    [((1001, 1000), 0.09, True), ((1001, 1000), 0.11, False), ((10, 10), 0.0, False)],
)
def test_mostly_zero(shape, share, expected):
    X = np.zeros(shape)
    X.ravel()[: int(share * X.size)] = 1
    assert is_mostly_zero(X) == expected
