import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skpoison.attacks.labels import _flip_search
from skpoison.attacks.labels._flip_search import (
    ClosedForm,
    Fits,
    WarmFits,
    flip_values,
)
from skpoison.bilevel.goals import SmoothedError
from skpoison.surrogates import GradientDescentClassifier

EXACT = {"tol": 1e-12, "max_iter": 10_000}
SURROGATES = [
    (RidgeClassifier(alpha=0.5), ClosedForm),
    (RidgeClassifier(alpha=0.5, fit_intercept=False), ClosedForm),
    (make_pipeline(StandardScaler(), RidgeClassifier()), ClosedForm),
    (RidgeClassifier(class_weight="balanced"), WarmFits),
    (LogisticRegression(C=0.5, **EXACT), WarmFits),
    (LogisticRegression(class_weight="balanced", **EXACT), WarmFits),
    (LinearSVC(C=0.2, **EXACT), WarmFits),
    (GradientDescentClassifier(learning_rate=0.1, n_steps=30), Fits),
    (RandomForestClassifier(5, random_state=0), Fits),
    (LogisticRegression(C=0.5, l1_ratio=1, solver="saga", **EXACT), Fits),
]


def make_data(n_classes, n_features=5):
    rng = np.random.RandomState(0)
    X = rng.normal(size=(60, n_features))
    codes = (X[:, :4] @ rng.normal(size=(4, n_classes))).argmax(axis=1)
    return X, codes, (X[40:], codes[40:])


def state_of(surrogate, n_classes, n_features=5, **params):
    X, codes, own = make_data(n_classes, n_features)
    classes = np.array([2, 5, 7])[:n_classes]
    train = np.arange(40)
    return flip_values(
        surrogate, X[:40], codes[:40], train, classes, own, 3.0, **params
    )


def brute_force(surrogate, n_classes, codes, n_features=5):
    X, _, own = make_data(n_classes, n_features)
    classes = np.array([2, 5, 7])[:n_classes]
    fitted = clone(surrogate).fit(X[:40], classes[codes])
    if hasattr(fitted, "decision_function"):
        scores = fitted.decision_function(own[0]).reshape(20, -1)
    else:
        tiny = np.finfo(float).tiny
        scores = np.log(np.maximum(fitted.predict_proba(own[0]), tiny))
        if n_classes == 2:
            scores = scores[:, 1:] - scores[:, :1]
    return SmoothedError(own[1], 3.0).value(scores)


@pytest.mark.filterwarnings("ignore:.*max_iter was reached:UserWarning")
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(("surrogate", "kind"), SURROGATES, ids=str)
def test_values_are_those_of_brute_force(surrogate, kind, n_classes, monkeypatch):
    monkeypatch.setattr(_flip_search, "TOL", 1e-8)
    state = state_of(surrogate, n_classes)
    assert isinstance(state, kind)
    for _ in range(2):
        assert_allclose(
            state.value(), brute_force(surrogate, n_classes, state.codes), rtol=1e-5
        )
        rows, new = np.nonzero(state.codes[:7, None] != np.arange(n_classes))
        expected = []
        for row, code in zip(rows, new, strict=True):
            codes = state.codes.copy()
            codes[row] = code
            expected.append(brute_force(surrogate, n_classes, codes))
        assert_allclose(state.values(rows, new), expected, rtol=1e-5)
        state.flip(rows[-1], new[-1])


@pytest.mark.parametrize("n_features", [5, 60])
def test_in_closed_form_to_the_last_digits(n_features):
    surrogate = RidgeClassifier(alpha=0.5)
    state = state_of(surrogate, 2, n_features)
    state.flip(3, 1 - state.codes[3])
    rows = np.arange(10)
    expected = []
    for row in rows:
        codes = state.codes.copy()
        codes[row] = 1 - codes[row]
        expected.append(brute_force(surrogate, 2, codes, n_features))
    actual = state.values(rows, 1 - state.codes[rows])
    assert_allclose(actual, expected, rtol=1e-9)


def test_closed_form_where_nothing_is_factorised(monkeypatch):
    X, codes, own = make_data(2)
    args = np.arange(40), np.arange(2)
    dense = flip_values(RidgeClassifier(), X, codes, *args, own, 3.0)
    monkeypatch.setattr("skpoison.bilevel.solvers.linear_systems.LARGEST", 2)
    own = sparse.csr_array(own[0]), own[1]
    scarce = flip_values(RidgeClassifier(), sparse.csr_array(X), codes, *args, own, 3.0)
    assert_allclose(scarce.influence, dense.influence, atol=1e-9)


def test_flips_at_once_are_flips_one_by_one(monkeypatch):
    monkeypatch.setattr(_flip_search, "TOL", 1e-8)
    state = state_of(LinearSVC(), 3)
    assert state.at_once
    rows, new = np.nonzero(state.codes[:, None] != np.arange(3))
    together = state.values(rows, new)
    monkeypatch.setattr(_flip_search, "AT_ONCE", 7 * 40 * 3)
    assert_allclose(state.values(rows, new), together, rtol=1e-7)
    state.at_once = False
    assert_allclose(state.values(rows, new), together, rtol=1e-7)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_promises_are_what_small_parts_of_flips_do(n_classes):
    state = state_of(RidgeClassifier(alpha=0.5), n_classes)
    promises, encoded = state.promises(), state.problem.encoded
    rows, new = np.nonzero(state.codes[:, None] != np.arange(n_classes))
    for row, code in zip(rows, new, strict=True):
        moved = encoded[code] - encoded[state.codes[row]]
        step = 1e-5 * state.influence[row][:, np.newaxis] * moved
        after, before = (
            state.problem.goal.measure.value(state.scores + sign * step)
            for sign in (1, -1)
        )
        expected = (after - before) / 2e-5
        assert_allclose(promises[row, code], expected, rtol=1e-6, atol=1e-8)
    np.testing.assert_array_equal(promises[np.arange(40), state.codes], 0)


def test_trees_promise_nothing():
    assert state_of(RandomForestClassifier(5), 2).promises() is None
