import numpy as np
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.linear_model import RidgeClassifier

from skpoison.attacks.labels._fold_mean import cross_validated
from skpoison.bilevel.goals import SmoothedError


def make_data():
    rng = np.random.RandomState(0)
    X = rng.normal(size=(60, 5))
    codes = (X[:, :4] @ rng.normal(size=(4, 2))).argmax(axis=1)
    return X, codes, (X[40:], codes[40:])


def test_folds_are_surrogates_of_their_own():
    """A flip moves those that learn from the row, and leaves the others."""
    X, codes, _ = make_data()
    surrogate, classes = RidgeClassifier(), np.array([2, 5])
    parts = np.arange(60) % 3
    folds = [
        (np.flatnonzero(parts != k), (X[parts == k], codes[parts == k]))
        for k in range(3)
    ]
    state = cross_validated(surrogate, X, codes, folds, classes, 3.0)

    def goal(codes):
        values = []
        for train, own in folds:
            fitted = clone(surrogate).fit(X[train], codes[train])
            scores = fitted.decision_function(own[0])[:, np.newaxis]
            values.append(SmoothedError(own[1], 3.0).value(scores))
        return np.mean(values)

    rows = np.arange(9)
    for row in (4, 7):
        assert_allclose(state.value(), goal(state.codes), rtol=1e-9)
        flipped = np.tile(state.codes, (9, 1))
        flipped[rows, rows] = 1 - flipped[rows, rows]
        expected = [goal(codes) for codes in flipped]
        assert_allclose(state.values(rows, 1 - state.codes[rows]), expected, rtol=1e-9)
        state.flip(row, 1 - state.codes[row])
    single = [promises.promises() for promises in state.states]
    in_first = np.searchsorted(folds[0][0], 1)
    in_third = np.searchsorted(folds[2][0], 1)
    assert_allclose(
        state.promises()[1], (single[0][in_first] + single[2][in_third]) / 3
    )


def test_the_last_of_a_class():
    X, _, own = make_data()
    codes = (np.arange(60) < 2).astype(int)
    folds = [(np.arange(1, 60), own), (np.arange(60), own)]
    state = cross_validated(RidgeClassifier(), X, codes, folds, np.arange(2), 3.0)
    np.testing.assert_array_equal(np.flatnonzero(state.last_of_class()), [1])
