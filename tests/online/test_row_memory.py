"""The rows that a defence of a stream remembers."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.naive_bayes import GaussianNB

from skpoison.online._row_memory import RowMemory, class_probabilities

X = np.arange(24.0).reshape(12, 2)
y = np.array(["a", "b", "b"] * 4)


@pytest.mark.parametrize("make", [np.array, sparse.csr_matrix, pd.DataFrame])
def test_the_newest_rows_are_kept(make):
    memory = RowMemory(5)
    assert len(memory) == 0
    memory.add(make(X[:0]), y[:0])
    assert memory.X is None
    for first, last in ((0, 3), (3, 3), (3, 5), (5, 7)):
        memory.add(make(X[first:last]), y[first:last])
        rows = memory.X.toarray() if sparse.issparse(memory.X) else np.array(memory.X)
        np.testing.assert_array_equal(rows, X[max(0, last - 5) : last])
        np.testing.assert_array_equal(memory.y, y[max(0, last - 5) : last])
    memory.add(make(X), y)
    assert isinstance(memory.X, type(make(X)))
    assert len(memory) == memory.X.shape[0] == 5


@pytest.mark.parametrize("make", [np.array, sparse.csr_matrix, pd.DataFrame, "polars"])
def test_no_value_changes(make):
    if make == "polars":
        polars = pytest.importorskip("polars")
        make = lambda X: polars.DataFrame(X, schema=["a", "b"])  # noqa: E731
    memory = RowMemory(5)
    memory.add(make(X[:2].astype(np.uint8)), y[:2])
    memory.add(make(X[:2] - 0.5), y[:2])
    rows = memory.X.toarray() if sparse.issparse(memory.X) else np.array(memory.X)
    np.testing.assert_array_equal(rows, np.concatenate([X[:2], X[:2] - 0.5]))


@pytest.mark.parametrize("make", [np.array, pd.DataFrame, "polars"])
def test_rows_of_words(make):
    if make == "polars":
        polars = pytest.importorskip("polars")
        make = lambda X: polars.DataFrame(X, schema=["a", "b"], orient="row")  # noqa: E731
    words = np.array([["one", "two"], ["three", "four"], ["five", "six"]], dtype=object)
    memory = RowMemory(2)
    for i in range(3):
        memory.add(make(words[i : i + 1]), y[i : i + 1])
    np.testing.assert_array_equal(np.array(memory.X), words[1:])


def test_rows_in_containers_of_different_kinds():
    for first in (pd.DataFrame, sparse.csr_matrix, np.array):
        for second in (pd.DataFrame, sparse.csr_matrix, np.array):
            memory = RowMemory(9)
            memory.add(first(X[:2]), y[:2])
            memory.add(second(X[2:4]), y[2:4])
            is_sparse = sparse.issparse(memory.X)
            rows = memory.X.toarray() if is_sparse else np.array(memory.X)
            np.testing.assert_array_equal(rows, X[:4])
            assert isinstance(memory.X, type(first(X)))


def test_probabilities_are_those_of_the_labels():
    memory = RowMemory(6)
    memory.add(X, y)
    learner = GaussianNB().fit(X, y)
    expected = learner.predict_proba(X[6:])[np.arange(6), (y[6:] == "b").astype(int)]
    np.testing.assert_array_equal(memory.probabilities(learner), expected)
    sure = GaussianNB(priors=[0.0, 1.0], var_smoothing=1.0)
    with np.errstate(divide="ignore"):
        found = memory.probabilities(sure.fit(X, y))
    assert set(found) == {1e-15, 1.0}


def test_probabilities_that_do_not_sum_to_1():
    learner = GaussianNB().fit(X, y)
    assert class_probabilities(learner, X).shape == (12, 2)
    learner.predict_proba = lambda X: np.zeros((len(X), 2))
    with pytest.raises(ValueError, match=r"a sum of 0 from GaussianNB\(\)"):
        class_probabilities(learner, X)
