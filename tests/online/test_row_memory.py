"""The rows that a defence of a stream remembers."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.naive_bayes import GaussianNB

from skpoison.online._row_memory import RowMemory

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
