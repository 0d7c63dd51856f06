"""Gradients of bilevel problems in poison rows."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.linear_model import (
    LogisticRegression,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import LinearSVC

from skpoison.attacks._problem import BilevelProblem
from skpoison.bilevel.differentiation import engines
from skpoison.bilevel.differentiation.step_engines import ClosedFormDifferentiation
from skpoison.goals import ErrorGeneric, ErrorSpecific, TargetLabels, WeightedScores
from skpoison.surrogates import GradientDescentClassifier, Unrolled

N, P, N_POISON = 40, 5, 6
LOG = GradientDescentClassifier(learning_rate=0.1, n_steps=40)
ADALINE = GradientDescentClassifier("squared_error", learning_rate=0.05, n_steps=40)
SURROGATES = [
    LogisticRegression(),
    LogisticRegression(C=0.1, fit_intercept=False, class_weight="balanced"),
    RidgeClassifier(),
    LinearSVC(),
    LOG,
    ADALINE,
]
BEHIND_SCALERS = [
    make_pipeline(StandardScaler(), LogisticRegression()),
    make_pipeline(MinMaxScaler((-1, 2)), LogisticRegression()),
    make_pipeline(RobustScaler(), ADALINE),
    make_pipeline(StandardScaler(), MaxAbsScaler(), LinearSVC()),
]


def weights_of_rows(X, y):
    """Return weights of scores, for two classes or for three."""
    weights = np.sin(np.arange(60.0)).reshape(20, 3)
    return weights[:, 0] if y.max() == 1 else weights


WEIGHTED = WeightedScores(weights_of_rows)
GOALS = [
    ErrorGeneric(sharpness=2.0),
    TargetLabels(sharpness=2.0),
    ErrorSpecific({0: 1}, sharpness=2.0),
    ErrorGeneric("surrogate"),
    TargetLabels("surrogate"),
    ErrorSpecific({0: 1}, "objective"),
    WEIGHTED,
]


def make_problem(
    surrogate,
    n_classes=2,
    goal=GOALS[0],
    hypergradient="auto",
    make_rows=np.asarray,
):
    """Make a problem, and poison rows with their labels."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(N + 20, P)) * [1, 2, 0.5, 1, 3] + [0, 1, 0, -2, 0]
    codes = (X @ rng.normal(size=(P, n_classes)) + rng.normal(size=n_classes)).argmax(
        axis=1
    )
    codes[rng.rand(N + 20) < 0.2] = 0
    if make_rows is not np.asarray:
        X[rng.rand(*X.shape) < 0.5] = 0
    labels = rng.randint(n_classes, size=N_POISON)
    poison = X[:N_POISON] + 0.1 * rng.normal(size=(N_POISON, P))
    problem = BilevelProblem(
        surrogate,
        goal,
        make_rows(X[:N:2]),
        codes[:N:2],
        classes=np.arange(n_classes),
        X_val=make_rows(X[N:]),
        y_val=codes[N:],
        X_scaler=make_rows(X[:N]),
        weight=1.7,
        hypergradient=hypergradient,
        tol=1e-13,
    )
    return problem, poison, labels


def check_against_differences(problem, poison, labels, h=1e-4):
    _, gradient, _ = problem.differentiate(poison, labels)
    assert gradient.shape == poison.shape
    rng = np.random.RandomState(1)
    actual, expected = [], []
    for _ in range(4):
        U = rng.normal(size=poison.shape)
        near, far = (
            problem.differentiate(poison + step * U, labels)[0]
            - problem.differentiate(poison - step * U, labels)[0]
            for step in (h, 2 * h)
        )
        expected.append((8 * near - far) / (12 * h))
        actual.append((gradient * U).sum())
    assert np.abs(expected).max() > 1e-5
    assert_allclose(actual, expected, rtol=0, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize("goal", [GOALS[0], GOALS[3]], ids=str)
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("surrogate", SURROGATES, ids=str)
def test_gradient(surrogate, n_classes, goal):
    check_against_differences(*make_problem(surrogate, n_classes, goal))


@pytest.mark.parametrize("goal", GOALS, ids=lambda goal: type(goal).__name__)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_gradient_of_goals(goal, n_classes):
    for surrogate in (LogisticRegression(), ADALINE):
        check_against_differences(*make_problem(surrogate, n_classes, goal))


@pytest.mark.parametrize("surrogate", BEHIND_SCALERS, ids=str)
def test_gradient_behind_scalers(surrogate):
    # A short step, which does not take a row across a quantile or an extreme.
    check_against_differences(*make_problem(surrogate), h=1e-5)
    check_against_differences(*make_problem(surrogate, goal=WEIGHTED), h=1e-5)


def test_gradient_in_responses():
    rng = np.random.RandomState(0)
    X = rng.normal(size=(30, P))
    y = X[:, 0] + rng.normal(size=30)
    problem = BilevelProblem(
        Ridge(), ErrorGeneric(), X, y, X_val=X[:9] + 1, y_val=y[:9], tol=1e-13
    )
    poison, responses, u = X[:4] + 0.1, y[:4] + 1, rng.normal(size=4)
    _, _, gradient = problem.differentiate(poison, responses)
    after, before = (
        problem.differentiate(poison, responses + h * u)[0] for h in (1e-3, -1e-3)
    )
    assert_allclose(gradient @ u, (after - before) / 2e-3, rtol=1e-6)


@pytest.mark.parametrize(
    "surrogate",
    [
        LogisticRegression(),
        make_pipeline(StandardScaler(with_mean=False), LinearSVC()),
        make_pipeline(MaxAbsScaler(), LOG),
        ADALINE,
    ],
    ids=str,
)
def test_sparse_rows(surrogate):
    problem, poison, labels = make_problem(surrogate, make_rows=sparse.csr_array)
    check_against_differences(problem, poison, labels)
    dense, _, _ = make_problem(
        surrogate, make_rows=lambda X: sparse.csr_array(X).toarray()
    )
    found, expected = (each.differentiate(poison, labels) for each in (problem, dense))
    assert_allclose(found[0], expected[0], rtol=1e-9)
    assert_allclose(found[1], expected[1], rtol=1e-6, atol=1e-10)


@pytest.mark.parametrize("surrogate", SURROGATES, ids=str)
def test_gradient_in_some_rows(surrogate):
    problem, poison, labels = make_problem(surrogate, 3)
    value, gradient, _ = problem.differentiate(poison, labels)
    for indices in (slice(2, 4), slice(5, None), slice(None, 1)):
        again, part, _ = problem.differentiate(poison, labels, indices)
        assert_allclose(again, value, rtol=1e-12)
        assert_allclose(part, gradient[indices], rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize("surrogate", SURROGATES, ids=str)
def test_one_more_row_each_time(surrogate):
    """As in a sequential schedule; the last optimum is only where training starts."""
    problem, poison, labels = make_problem(surrogate, 3)
    for k in (1, 2, N_POISON, 3):
        value, gradient, _ = problem.differentiate(
            poison[:k], labels[:k], slice(k - 1, None)
        )
        fresh, _, _ = make_problem(surrogate, 3)
        expected, whole, _ = fresh.differentiate(poison[:k], labels[:k])
        assert_allclose(value, expected, rtol=1e-9)
        assert gradient.shape == (1, P)
        assert_allclose(gradient, whole[-1:], rtol=1e-6, atol=1e-10)


def test_labels_decide():
    problem, poison, labels = make_problem(LogisticRegression())
    before, after, again = (
        problem.differentiate(poison, each)[0] for each in (labels, 1 - labels, labels)
    )
    assert abs(after - before) > 1e-4
    assert_allclose(again, before, rtol=1e-9)


@pytest.mark.parametrize(
    "surrogate",
    [LogisticRegression(), LOG, ADALINE, SGDClassifier("log_loss", alpha=0.01)],
    ids=str,
)
def test_weights_are_repeated_rows(surrogate):
    X = np.random.RandomState(0).normal(size=(30, P))
    codes = (X[:, 0] + X[:, 1] > 0).astype(int)
    results = []
    for repeats, weight in ((1, 3.0), (3, 1.0)):
        problem = BilevelProblem(
            surrogate,
            GOALS[0],
            np.tile(X, (repeats, 1)),
            np.tile(codes, repeats),
            classes=np.arange(2),
            X_val=X,
            y_val=codes,
            weight=weight,
            tol=1e-13,
        )
        results.append(problem.differentiate(X[:4], 1 - codes[:4]))
    (value, gradient, _), (expected, expected_gradient, _) = results
    assert_allclose(value, expected, rtol=1e-9)
    assert_allclose(gradient, expected_gradient, rtol=1e-7)


def test_unrolled_is_the_closed_form():
    (closed, *rows), (unrolled, *_) = (
        make_problem(ADALINE, 3, hypergradient=each) for each in ("auto", "unrolled")
    )
    assert closed.engine.method != unrolled.engine.method == "unrolled"
    for found, expected in zip(
        closed.differentiate(*rows), unrolled.differentiate(*rows), strict=True
    ):
        assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_truncation_of_all_steps_is_none():
    (some, *rows), (every, *_), (few, *_) = (
        make_problem(LOG, 3, hypergradient=each)
        for each in (Unrolled(last=40), "unrolled", Unrolled(last=2))
    )
    whole = every.differentiate(*rows)[1]
    assert_allclose(some.differentiate(*rows)[1], whole, rtol=1e-12)
    assert np.abs(few.differentiate(*rows)[1] - whole).max() > 0.1 * whole.max()


def test_back_gradient_is_nearly_unrolled():
    mild = GradientDescentClassifier(learning_rate=1e-4, n_steps=10)
    (back, *rows), (unrolled, *_) = (
        make_problem(mild, 3, hypergradient=each)
        for each in ("back-gradient", "unrolled")
    )
    value, gradient, _ = back.differentiate(*rows)
    expected_value, expected, _ = unrolled.differentiate(*rows)
    assert_allclose(value, expected_value, rtol=1e-12)
    assert_allclose(gradient, expected, atol=1e-2 * np.abs(expected).max())
    assert 0 < back.diagnostics()["residual"] < 1e-2


@pytest.mark.parametrize(
    ("surrogate", "wanted", "method"),
    [
        (LogisticRegression(), "auto", "implicit"),
        (LogisticRegression(), "implicit", "implicit"),
        (make_pipeline(StandardScaler(), RidgeClassifier()), "auto", "implicit"),
        (LOG, "auto", "unrolled"),
        (LOG, "implicit", "implicit"),
        (LOG, "back-gradient", "back-gradient"),
        (LOG, Unrolled(last=3), "unrolled"),
        (ADALINE, "auto", ClosedFormDifferentiation.method),
        (ADALINE, "unrolled", "unrolled"),
        (make_pipeline(StandardScaler(), ADALINE), "back-gradient", "back-gradient"),
    ],
)
def test_choice_of_engine(surrogate, wanted, method):
    problem, *rows = make_problem(surrogate, hypergradient=wanted)
    assert problem.engine.method == method
    if method != "back-gradient":
        problem.differentiate(*rows)
    assert problem.diagnostics()["hypergradient"] == method


def test_large_problems_are_unrolled(monkeypatch):
    monkeypatch.setattr(engines, "SPECTRAL", 4)
    assert make_problem(ADALINE)[0].engine.method == "unrolled"
    monkeypatch.setattr(engines, "SPECTRAL", P)
    assert make_problem(ADALINE)[0].engine.method != "unrolled"


@pytest.mark.parametrize("wanted", ["unrolled", "back-gradient", Unrolled(last=2)])
def test_no_steps_to_go_through(wanted):
    for surrogate in SURROGATES[0], make_pipeline(StandardScaler(), SURROGATES[0]):
        with pytest.raises(
            ValueError, match=r"hypergradient=.* differentiates the steps of a"
        ):
            make_problem(surrogate, hypergradient=wanted)


def test_diagnostics():
    problem, *rows = make_problem(LogisticRegression())
    problem.differentiate(*rows)
    known = problem.diagnostics()
    assert known["linear_solver"] == "cholesky"
    assert 0 <= known["gradient_norm"] < 1e-9
    assert 0 <= known["residual"] < 1e-9
    for surrogate in (LOG, ADALINE):
        problem, *rows = make_problem(surrogate)
        problem.differentiate(*rows)
        assert problem.diagnostics() == {"hypergradient": problem.engine.method}


def test_warm_starts_lead_to_the_same_optimum():
    problem, poison, labels = make_problem(LogisticRegression(), 3)
    expected = problem.differentiate(poison, labels)
    for seed in range(3):
        noise = np.random.RandomState(seed).normal(size=poison.shape)
        problem.differentiate(poison + noise, labels)
    for found, each in zip(
        problem.differentiate(poison, labels), expected, strict=True
    ):
        assert_allclose(found, each, rtol=1e-6, atol=1e-10)
