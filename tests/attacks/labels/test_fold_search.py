import numpy as np
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.linear_model import RidgeClassifier

from skpoison.attacks._fold_mean import FoldMean
from skpoison.attacks._problem import BilevelProblem
from skpoison.attacks.labels._flip_goal import ProblemPart
from skpoison.attacks.labels._flip_search import flip_search
from skpoison.attacks.labels._fold_search import FoldSearch
from skpoison.attacks.labels._label_problem import LabelProblem
from skpoison.bilevel.goals import SmoothedError
from skpoison.goals import ErrorGeneric

CLASSES = np.array([2, 5])


def make_data():
    rng = np.random.RandomState(0)
    X = rng.normal(size=(60, 5))
    codes = (X[:, :4] @ rng.normal(size=(4, 2))).argmax(axis=1)
    return X, codes


def make_search(X, codes, folds):
    searches = [
        flip_search(
            ProblemPart(
                LabelProblem(
                    BilevelProblem(
                        RidgeClassifier(),
                        ErrorGeneric(sharpness=3.0),
                        X[train],
                        codes[train],
                        classes=CLASSES,
                        X_val=X_val,
                        y_val=y_val,
                    )
                )
            )
        )
        for train, (X_val, y_val) in folds
    ]
    trains = [train for train, _ in folds]
    return FoldSearch(FoldMean(searches, trains, codes.shape[0]), codes)


def test_folds_are_surrogates_of_their_own():
    """A flip moves those that learn from the row, and leaves the others."""
    X, codes = make_data()
    parts = np.arange(60) % 3
    folds = [
        (np.flatnonzero(parts != k), (X[parts == k], codes[parts == k]))
        for k in range(3)
    ]
    state = make_search(X, codes, folds)
    assert state.exact_is_cheap

    def goal(codes):
        values = []
        for train, (X_val, y_val) in folds:
            fitted = clone(RidgeClassifier()).fit(X[train], codes[train])
            scores = fitted.decision_function(X_val)[:, np.newaxis]
            values.append(SmoothedError(y_val, 3.0).value(scores))
        return np.mean(values)

    rows = np.arange(9)
    for row in (4, 7):
        assert_allclose(state.value(), goal(state.codes), rtol=1e-9)
        flipped = np.tile(state.codes, (9, 1))
        flipped[rows, rows] = 1 - flipped[rows, rows]
        expected = [goal(codes) for codes in flipped]
        assert_allclose(state.values(rows, 1 - state.codes[rows]), expected, rtol=1e-9)
        state.flip(row, 1 - state.codes[row])
    single = [search.first_order_gains() for search in state.folds.parts]
    in_first = np.searchsorted(folds[0][0], 1)
    in_third = np.searchsorted(folds[2][0], 1)
    assert_allclose(
        state.first_order_gains()[1], (single[0][in_first] + single[2][in_third]) / 3
    )
