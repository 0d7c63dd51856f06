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

from skpoison.attacks._problem import BilevelProblem
from skpoison.attacks.labels._flip_goal import (
    FitPart,
    ProblemPart,
    Refit,
)
from skpoison.attacks.labels._flip_search import (
    ClosedFormSearch,
    EngineSearch,
    FitSearch,
    WarmStartSearch,
    flip_search,
)
from skpoison.attacks.labels._label_problem import LabelProblem
from skpoison.bilevel.goals import SmoothedError
from skpoison.goals import ErrorGeneric, TargetCoefficients
from skpoison.surrogates import GradientDescentClassifier

EXACT = {"tol": 1e-12, "max_iter": 10_000}
# The spelling of an l1 penalty before and since scikit-learn 1.8.
L1 = (
    {"l1_ratio": 1.0}
    if LogisticRegression().penalty == "deprecated"
    else {"penalty": "l1"}
)
SURROGATES = [
    (RidgeClassifier(alpha=0.5), ClosedFormSearch),
    (RidgeClassifier(alpha=0.5, fit_intercept=False), ClosedFormSearch),
    (make_pipeline(StandardScaler(), RidgeClassifier()), ClosedFormSearch),
    (RidgeClassifier(class_weight="balanced"), WarmStartSearch),
    (LogisticRegression(C=0.5, **EXACT), WarmStartSearch),
    (LogisticRegression(class_weight="balanced", **EXACT), WarmStartSearch),
    (LinearSVC(C=0.2, **EXACT), WarmStartSearch),
    (GradientDescentClassifier(learning_rate=0.1, n_steps=30), FitSearch),
    (RandomForestClassifier(2, random_state=0), FitSearch),
    (LogisticRegression(C=0.5, solver="saga", **L1, **EXACT), FitSearch),
]


def make_data(n_classes, n_features=5):
    rng = np.random.RandomState(0)
    X = rng.normal(size=(60, n_features))
    codes = (X[:, :4] @ rng.normal(size=(4, n_classes))).argmax(axis=1)
    return X, codes, (X[40:], codes[40:])


def state_of(
    surrogate, n_classes, n_features=5, goal=None, sparse_rows=False, **params
):
    X, codes, (X_val, y_val) = make_data(n_classes, n_features)
    X = sparse.csr_array(X) if sparse_rows else X
    X_val = sparse.csr_array(X_val) if sparse_rows else X_val
    classes = np.array([2, 5, 7])[:n_classes]
    goal, refit = ErrorGeneric(sharpness=3.0) if goal is None else goal, None
    if goal.kind == "errors":
        measure = goal.measure(y_val, classes)
        refit = Refit(surrogate, X[:40], codes[:40], classes, X_val, measure)
    else:
        X_val = y_val = None
    problem = None
    if not isinstance(surrogate, RandomForestClassifier):
        problem = LabelProblem(
            BilevelProblem(
                surrogate,
                goal,
                X[:40],
                codes[:40],
                classes=classes,
                X_val=X_val,
                y_val=y_val,
            )
        )
    if problem is None or (refit and not problem.engine.has_smooth_optimum):
        return flip_search(FitPart(refit, problem), **params)
    return flip_search(ProblemPart(problem), **params)


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
def test_values_are_those_of_brute_force(surrogate, kind, n_classes):
    state = state_of(surrogate, n_classes, tol=1e-8)
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


COEFFICIENTS = [
    (RidgeClassifier(alpha=0.5), ClosedFormSearch),
    (RidgeClassifier(alpha=0.5, fit_intercept=False), ClosedFormSearch),
    (LogisticRegression(C=0.5, **EXACT), WarmStartSearch),
    (RidgeClassifier(class_weight="balanced"), WarmStartSearch),
    (LogisticRegression(C=0.5, solver="saga", **L1, **EXACT), EngineSearch),
    (GradientDescentClassifier(learning_rate=0.1, n_steps=30), EngineSearch),
]


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(("surrogate", "kind"), COEFFICIENTS, ids=str)
def test_distances_to_coefficients_are_those_of_brute_force(surrogate, kind, n_classes):
    wanted = {0: 0.3, 2: -0.2}
    state = state_of(surrogate, n_classes, goal=TargetCoefficients(wanted), tol=1e-8)
    assert isinstance(state, kind)
    X, _, _ = make_data(n_classes)
    classes = np.array([2, 5, 7])[:n_classes]

    def goal(codes):
        learnt = np.atleast_2d(clone(surrogate).fit(X[:40], classes[codes]).coef_)
        gaps = [learnt[:, j] - value for j, value in wanted.items()]
        return -0.5 * np.sum(np.square(gaps))

    rows, new = np.nonzero(state.codes[:5, None] != np.arange(n_classes))
    for _ in range(2):
        assert_allclose(state.value(), goal(state.codes), rtol=1e-5)
        expected = []
        for row, code in zip(rows, new, strict=True):
            codes = state.codes.copy()
            codes[row] = code
            expected.append(goal(codes))
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


@pytest.mark.parametrize("goal", [None, TargetCoefficients({0: 0.3})], ids=str)
def test_closed_form_without_a_factorisation(goal, monkeypatch):
    dense = state_of(RidgeClassifier(), 2, goal=goal)
    monkeypatch.setattr("skpoison.bilevel.solvers.linear_systems.LARGEST", 2)
    scarce = state_of(RidgeClassifier(), 2, goal=goal, sparse_rows=True)
    assert_allclose(scarce.influence.stored, dense.influence.stored, atol=1e-9)


@pytest.mark.parametrize("goal", [None, TargetCoefficients({0: 0.3})], ids=str)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_closed_form_in_parts(goal, n_classes):
    """The same without the influence of all rows, whatever fits into memory."""
    whole = state_of(RidgeClassifier(), n_classes, goal=goal)
    assert whole.exact_is_cheap
    rows, new = np.nonzero(whole.codes[:, None] != np.arange(n_classes))
    for n_stored, n_cached in ((1, 1), (7 * whole.followed.shape[0], 100)):
        parts = ClosedFormSearch(whole.problem, n_cached=n_cached, n_stored=n_stored)
        assert parts.influence.stored is None
        assert not parts.exact_is_cheap
        parts.flip(3, 1 - parts.codes[3])
        exact = state_of(RidgeClassifier(), n_classes, goal=goal)
        exact.flip(3, 1 - exact.codes[3])
        assert_allclose(parts.value(), exact.value(), rtol=1e-12)
        assert_allclose(parts.values(rows, new), exact.values(rows, new), rtol=1e-12)


def test_flips_at_once_are_flips_one_by_one():
    state = state_of(LinearSVC(), 3, tol=1e-8)
    assert state.is_batched
    rows, new = np.nonzero(state.codes[:, None] != np.arange(3))
    together = state.values(rows, new)
    state.n_stored = 7 * 40 * 3
    assert_allclose(state.values(rows, new), together, rtol=1e-7)
    state.is_batched = False
    assert_allclose(state.values(rows, new), together, rtol=1e-7)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_gains_are_the_effects_of_small_parts_of_flips(n_classes):
    state = state_of(RidgeClassifier(alpha=0.5), n_classes)
    gains, encoded = state.first_order_gains(), state.problem.encoded
    rows, new = np.nonzero(state.codes[:, None] != np.arange(n_classes))
    for row, code in zip(rows, new, strict=True):
        moved = encoded[code] - encoded[state.codes[row]]
        step = 1e-5 * state.influence.stored[row][:, np.newaxis] * moved
        after, before = (
            state.problem.goal.measure.value(state.followed + sign * step)
            for sign in (1, -1)
        )
        expected = (after - before) / 2e-5
        assert_allclose(gains[row, code], expected, rtol=1e-6, atol=1e-8)
    np.testing.assert_array_equal(gains[np.arange(40), state.codes], 0)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    "surrogate", [LogisticRegression(), LinearSVC(), RidgeClassifier()], ids=str
)
def test_gains_start_from_the_optimum_at_hand(surrogate, n_classes):
    """The same as if the engine found it, before and after a flip."""
    state = state_of(surrogate, n_classes)
    for _ in range(2):
        _, gradient = state.problem.gradient(np.eye(n_classes)[state.codes])
        own = np.take_along_axis(gradient, state.codes[:, np.newaxis], axis=1)
        assert_allclose(state.first_order_gains(), gradient - own, rtol=1e-5, atol=1e-9)
        state.flip(3, (state.codes[3] + 1) % n_classes)


def test_the_optimum_is_found_once_for_each_set_of_labels(monkeypatch):
    state = state_of(LogisticRegression(), 2)
    found = []
    minimise = LabelProblem.minimise

    def counted(problem, codes, start=None, *, tol=None):
        found.append(tol)
        return minimise(problem, codes, start, tol=tol)

    monkeypatch.setattr(LabelProblem, "minimise", counted)
    state.value()
    state.first_order_gains()
    state.values(np.arange(3), 1 - state.codes[:3])
    assert found == [None]
    state.flip(0, 1 - state.codes[0])
    state.values(np.arange(3), 1 - state.codes[:3])
    state.value()
    assert found == [None, None]


def test_trees_have_no_gains():
    assert state_of(RandomForestClassifier(5), 2).first_order_gains() is None
