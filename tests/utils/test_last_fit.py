"""What has been learnt from rows last."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from skpoison.utils._last_fit import LastFit

X = np.arange(12.0).reshape(4, 3) % 5
y = np.array([0, 1, 1, 0])


def learner():
    """Return a function that learns, and the rows that it has been given."""
    given = []

    def learn(X, y):
        given.append((X, y))
        return len(given)

    return learn, given


@pytest.mark.parametrize("make", [np.array, sparse.csr_array, sparse.csr_matrix])
def test_the_same_rows_are_learnt_from_once(make):
    memory, (learn, given) = LastFit(), learner()
    rows = make(X)
    assert memory.recall(rows, y, learn) == 1
    assert memory.recall(make(X), y.copy(), learn) == 1
    others = X.copy()
    others[2, 1] += 1e-12
    changes = [(make(others), y), (rows, 1 - y), (rows[:3], y[:3])]
    for n_learnt, change in enumerate([*changes, (rows.astype(np.float32), y)], 2):
        assert memory.recall(*change, learn) == n_learnt
        assert memory.recall(*change, learn) == n_learnt
    assert len(given) == 5


def test_rows_that_are_written_to_are_learnt_from_again():
    memory, (learn, _) = LastFit(), learner()
    rows = X.copy()
    assert memory.recall(rows, y, learn) == 1
    rows[0, 0] = 7
    assert memory.recall(rows, y, learn) == 2


def test_nothing_is_remembered_of_frames():
    memory, (learn, _) = LastFit(), learner()
    frame = pd.DataFrame(X)
    assert [memory.recall(frame, y, learn) for _ in range(2)] == [1, 2]
