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
from sklearn.svm import SVC, LinearSVC

from skpoison.attacks import GradientPoisoner
from skpoison.attacks._gradient_problem import BilevelProblem
from skpoison.bilevel.differentiation import engine, engines
from skpoison.bilevel.goals import OnRows
from skpoison.surrogates import GradientDescentClassifier

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
GOALS = ["error-generic", "error-specific", {0: 1}]


def make_problem(
    surrogate,
    n_classes=2,
    goal="error-generic",
    loss="error",
    hypergradient="auto",
    is_sparse=False,
):
    """Make a problem with poison rows, and where they are."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(N + 20, P)) * [1, 2, 0.5, 1, 3] + [0, 1, 0, -2, 0]
    codes = (X @ rng.normal(size=(P, n_classes)) + rng.normal(size=n_classes)).argmax(
        axis=1
    )
    codes[rng.rand(N + 20) < 0.2] = 0
    if is_sparse:
        X[rng.rand(*X.shape) < 0.5] = 0
        X = sparse.csr_array(X)
    problem = BilevelProblem(
        surrogate,
        hypergradient,
        X[:N],
        codes[:N],
        np.arange(0, N, 2),
        1.7,
        np.arange(n_classes),
    )
    problem.aim(goal, loss, 2.0, X[N:], codes[N:])
    problem.label(rng.randint(n_classes, size=N_POISON))
    problem.engine.tol = 1e-13
    poison = X[:N_POISON].toarray() if is_sparse else X[:N_POISON].copy()
    return problem, poison + 0.1 * rng.normal(size=poison.shape)


def check_against_differences(problem, poison):
    _, gradient = problem(poison)
    assert gradient.shape == poison.shape
    rng = np.random.RandomState(1)
    h, actual, expected = 1e-4, [], []
    for _ in range(4):
        U = rng.normal(size=poison.shape)
        near, far = (
            problem(poison + step * U)[0] - problem(poison - step * U)[0]
            for step in (h, 2 * h)
        )
        expected.append((8 * near - far) / (12 * h))
        actual.append((gradient * U).sum())
    assert np.abs(expected).max() > 1e-5
    assert_allclose(actual, expected, rtol=0, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize("loss", ["error", "log_loss"])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("surrogate", SURROGATES, ids=str)
def test_gradient(surrogate, n_classes, loss):
    check_against_differences(*make_problem(surrogate, n_classes, loss=loss))


@pytest.mark.parametrize("loss", ["error", "log_loss"])
@pytest.mark.parametrize("goal", GOALS, ids=str)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_gradient_of_goals(goal, loss, n_classes):
    for surrogate in (LogisticRegression(), ADALINE):
        check_against_differences(*make_problem(surrogate, n_classes, goal, loss))


@pytest.mark.parametrize("surrogate", BEHIND_SCALERS, ids=str)
def test_gradient_behind_scalers(surrogate):
    check_against_differences(*make_problem(surrogate))


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
    problem, poison = make_problem(surrogate, is_sparse=True)
    check_against_differences(problem, poison)
    dense, _ = make_problem(surrogate, is_sparse=True)
    dense.X = dense.X.toarray()
    dense.goal = OnRows(dense.goal.X.toarray(), dense.goal.measure)
    assert_allclose(problem(poison)[0], dense(poison)[0], rtol=1e-9)
    assert_allclose(problem(poison)[1], dense(poison)[1], rtol=1e-6, atol=1e-10)


@pytest.mark.parametrize("surrogate", SURROGATES, ids=str)
def test_some_rows_alone(surrogate):
    problem, poison = make_problem(surrogate, 3)
    value, gradient = problem(poison)
    for which in (slice(2, 4), slice(5, None), slice(None, 1)):
        again, part = problem(poison, which)
        assert_allclose(again, value, rtol=1e-12)
        assert_allclose(part, gradient[which], rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize("surrogate", SURROGATES, ids=str)
def test_first_rows_alone(surrogate):
    """As a sequential schedule has them, one more each time."""
    problem, poison = make_problem(surrogate, 3)
    labels = problem.labels
    for k in (1, 2, N_POISON, 3):
        value, gradient = problem(poison[:k], slice(k - 1, None))
        fresh, _ = make_problem(surrogate, 3)
        fresh.label(labels[:k])
        expected, whole = fresh(poison[:k])
        assert_allclose(value, expected, rtol=1e-9)
        assert gradient.shape == (1, P)
        assert_allclose(gradient, whole[-1:], rtol=1e-6, atol=1e-10)


def test_labels_can_change():
    problem, poison = make_problem(LogisticRegression())
    before, labels = problem(poison)[0], problem.labels
    problem.label(1 - labels)
    after = problem(poison)[0]
    assert abs(after - before) > 1e-4
    problem.label(labels)
    assert_allclose(problem(poison)[0], before, rtol=1e-9)


@pytest.mark.parametrize(
    "surrogate",
    [LogisticRegression(), LOG, ADALINE, SGDClassifier("log_loss", alpha=0.01)],
    ids=str,
)
def test_weights_are_repeated_rows(surrogate):
    """The rows learnt from stand for others like them."""
    X = np.random.RandomState(0).normal(size=(30, P))
    codes = (X[:, 0] + X[:, 1] > 0).astype(int)
    results = []
    for repeats, weight in ((1, 3.0), (3, 1.0)):
        problem = BilevelProblem(
            surrogate,
            "auto",
            np.tile(X, (repeats, 1)),
            np.tile(codes, repeats),
            np.arange(30 * repeats),
            weight,
            np.arange(2),
        )
        problem.aim("error-generic", "error", 2.0, X, codes)
        problem.label(1 - codes[:4])
        problem.engine.tol = 1e-13
        results.append(problem(X[:4]))
    (value, gradient), (expected, expected_gradient) = results
    assert_allclose(value, expected, rtol=1e-9)
    assert_allclose(gradient, expected_gradient, rtol=1e-7)


@pytest.mark.parametrize("loss", ["error", "log_loss"])
def test_what_goals_measure(loss):
    """On the attacker's own rows, with the surrogate that scikit-learn would fit."""
    values = {}
    for goal in (*GOALS, "back-gradient"):
        problem, poison = make_problem(
            LogisticRegression(),
            2,
            {0: 1, 1: 0} if goal == "back-gradient" else goal,
            loss,
        )
        values[str(goal)] = problem(poison)[0]
        rows = problem._rows(poison)
        surrogate = LogisticRegression(tol=1e-10).fit(
            rows.X, rows.targets[:, 0], rows.weights
        )
        scores = surrogate.decision_function(problem.goal.X)
        W = np.append(surrogate.coef_[0], surrogate.intercept_)
        assert_allclose(problem.engine.optimum.W[:, 0], W, rtol=1e-4, atol=1e-5)
    codes = make_problem(LogisticRegression())[0].goal.measure.codes
    assert values["error-specific"] == -values["error-generic"]
    wrong = {
        "error": lambda wanted: 1 / (1 + np.exp(2 * (2 * wanted - 1) * unit)),
        "log_loss": lambda wanted: np.log1p(np.exp(-(2 * wanted - 1) * scores)),
    }[loss]
    unit = scores / np.sqrt((scores**2).mean())
    for goal, sign, wanted in (
        ("error-generic", 1, codes),
        ("{0: 1}", -1, np.ones_like(codes)),
        ("back-gradient", -1, 1 - codes),
    ):
        assert_allclose(values[goal], sign * wrong(wanted).mean(), rtol=1e-3)


@pytest.mark.parametrize("surrogate", [LOG, ADALINE], ids=str)
def test_steps_stored_here_and_there(surrogate, monkeypatch):
    problem, poison = make_problem(surrogate, 3, hypergradient="unrolled")
    assert problem.engine.checkpoint_every(problem._rows(poison)) == 1
    expected = problem(poison)
    problem.engine.storable = 0
    assert problem.engine.checkpoint_every(problem._rows(poison)) == 7
    for found, each in zip(problem(poison), expected, strict=True):
        assert_allclose(found, each, rtol=1e-12, atol=1e-15)


def test_unrolled_is_spectral():
    (spectral, poison), (unrolled, _) = (
        make_problem(ADALINE, 3, hypergradient=way) for way in ("auto", "unrolled")
    )
    assert (spectral.engine.method, unrolled.engine.method) == (
        "spectral",
        "unrolled",
    )
    for found, expected in zip(spectral(poison), unrolled(poison), strict=True):
        assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_reversed_is_nearly_unrolled():
    mild = GradientDescentClassifier(learning_rate=1e-4, n_steps=10)
    (reverse, poison), (unrolled, _) = (
        make_problem(mild, 3, hypergradient=way)
        for way in ("back-gradient", "unrolled")
    )
    assert_allclose(reverse(poison)[0], unrolled(poison)[0], rtol=1e-12)
    expected = unrolled(poison)[1]
    assert_allclose(reverse(poison)[1], expected, atol=1e-2 * np.abs(expected).max())
    assert 0 < reverse.diagnostics()["residual"] < 1e-2


@pytest.mark.parametrize(
    ("surrogate", "wanted", "method"),
    [
        (LogisticRegression(), "auto", "implicit"),
        (LogisticRegression(), "implicit", "implicit"),
        (make_pipeline(StandardScaler(), RidgeClassifier()), "auto", "implicit"),
        (LOG, "auto", "unrolled"),
        (LOG, "implicit", "implicit"),
        (LOG, "back-gradient", "back-gradient"),
        (ADALINE, "auto", "spectral"),
        (ADALINE, "unrolled", "unrolled"),
        (make_pipeline(StandardScaler(), ADALINE), "back-gradient", "back-gradient"),
    ],
)
def test_choice_of_method(surrogate, wanted, method):
    problem, poison = make_problem(surrogate, hypergradient=wanted)
    assert problem.engine.method == method
    with np.errstate(all="raise"):
        if method != "back-gradient":
            problem(poison)
    assert problem.diagnostics()["hypergradient"] == method


def test_large_problems_are_unrolled(monkeypatch):
    monkeypatch.setattr(engines, "SPECTRAL", 4)
    assert make_problem(ADALINE)[0].engine.method == "unrolled"
    monkeypatch.setattr(engines, "SPECTRAL", P)
    assert make_problem(ADALINE)[0].engine.method == "spectral"


@pytest.mark.parametrize("wanted", ["unrolled", "back-gradient"])
def test_no_steps_to_go_through(wanted):
    message = (
        f"hypergradient='{wanted}' differentiates the steps .* this one is trained to "
        "its optimum: use hypergradient='implicit', or a Gradient"
    )
    for surrogate in SURROGATES[0], make_pipeline(StandardScaler(), SURROGATES[0]):
        with pytest.raises(ValueError, match=message):
            make_problem(surrogate, hypergradient=wanted)


def test_no_classifier():
    with pytest.raises(ValueError, match=r"surrogate=Ridge\(\) is no classifier"):
        make_problem(Ridge())


def test_diagnostics():
    problem, poison = make_problem(LogisticRegression())
    problem(poison)
    known = problem.diagnostics()
    assert known.keys() == {
        "hypergradient",
        "linear_solver",
        "gradient_norm",
        "residual",
    }
    assert known["linear_solver"] == "cholesky"
    assert 0 <= known["gradient_norm"] < 1e-9
    assert 0 <= known["residual"] < 1e-9
    for surrogate, method in ((LOG, "unrolled"), (ADALINE, "spectral")):
        problem, poison = make_problem(surrogate)
        problem(poison)
        assert problem.diagnostics() == {"hypergradient": method}


@pytest.mark.parametrize("surrogate", [*SURROGATES, *BEHIND_SCALERS], ids=str)
def test_difference_error(surrogate, monkeypatch):
    problem, poison = make_problem(surrogate, 3)
    width = np.array([4.0, 8, 2, 4, 12])
    error = problem.difference_error(poison, width, np.random.RandomState(0))
    assert 0 <= error < 1e-5
    assert problem.engine.tol == engine.TOL
    differentiate = problem.engine

    def broken(rows, goal, which):
        value, hypergradient = differentiate(rows, goal, which)
        hypergradient.features[0] *= -1
        return value, hypergradient

    monkeypatch.setattr(problem, "engine", broken)
    error = problem.difference_error(poison, width, np.random.RandomState(0))
    assert error > 1e-2


def test_warm_starts_lead_to_the_same_place():
    """Wherever the climb has been before."""
    problem, poison = make_problem(LogisticRegression(), 3)
    expected = problem(poison)
    for seed in range(3):
        problem(poison + np.random.RandomState(seed).normal(size=poison.shape))
    for found, each in zip(problem(poison), expected, strict=True):
        assert_allclose(found, each, rtol=1e-6, atol=1e-10)


def test_difference_error_of_no_gradient():
    """Nothing moves the goal: what differs is rounding, and no error."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(40, 2))
    y = (X[:, 0] > 0).astype(int)
    attack = GradientPoisoner(
        SVC(kernel="linear", C=100.0),
        budget=1,
        poison_labels="keep",
        max_iter=0,
        check_gradient=True,
        random_state=0,
    )
    attack.fit_resample(X, y, X_val=X, y_val=y)
    assert attack.diagnostics_["n_stalled"] == 1
    assert attack.diagnostics_["difference_error"] == 0
