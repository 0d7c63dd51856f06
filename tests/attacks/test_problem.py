import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler
from sklearn.svm import LinearSVC

from skpoison.attacks._problem import BilevelProblem
from skpoison.bilevel.solvers import row_systems
from skpoison.goals import (
    BaseGoal,
    ErrorGeneric,
    ErrorSpecific,
    TargetCoefficients,
    TargetLabels,
)

RNG = np.random.RandomState(0)
X = RNG.normal(size=(60, 4)) * [1, 2, 0.5, 1] + [0, 1, 0, -2]
codes = (X @ [1.0, -0.5, 2.0, 0.0] + RNG.normal(size=60) > 0).astype(int)
X_VAL, y_val = X[40:], codes[40:]
X, codes = X[:40], codes[:40]
CLASSES = np.arange(2)
SETTINGS = {"classes": CLASSES, "X_val": X_VAL, "y_val": y_val, "tol": 1e-12}
EXACT = LogisticRegression(tol=1e-12, max_iter=10_000)


def test_goal_is_that_of_the_fitted_surrogate():
    """Weights, multiplicities and scalers are those of scikit-learn."""
    surrogate = make_pipeline(MinMaxScaler(), EXACT)
    goal = ErrorGeneric(sharpness=2.0)
    problem = BilevelProblem(surrogate, goal, X, codes, weight=3.0, **SETTINGS)
    for other, multiplicity in (
        (None, None),
        (1 - codes, None),
        (None, np.arange(40.0) % 3),
    ):
        value, _ = problem.evaluate(problem.rows(other, multiplicity))
        weights = np.full(40, 3.0) if multiplicity is None else multiplicity
        scaler = MinMaxScaler().fit(X)
        fitted = EXACT.fit(
            scaler.transform(X), codes if other is None else other, weights
        )
        scores = fitted.decision_function(scaler.transform(X_VAL))
        unit = scores / np.sqrt((scores**2).mean())
        expected = 1 / (1 + np.exp(2 * (2 * y_val - 1) * unit))
        assert_allclose(value, expected.mean(), rtol=1e-6)


def test_gradient_in_the_weights_is_that_of_differences():
    problem = BilevelProblem(EXACT, ErrorGeneric(), X, codes, **SETTINGS)
    weights, h = np.ones(40), 1e-4
    _, hypergradient = problem.evaluate(problem.rows(multiplicity=weights))
    direction = RNG.normal(size=40)
    values = [
        problem.evaluate(problem.rows(multiplicity=weights + step * direction))[0]
        for step in (h, -h, 2 * h, -2 * h)
    ]
    expected = (8 * (values[0] - values[1]) - (values[2] - values[3])) / (12 * h)
    assert_allclose(hypergradient.weights @ direction, expected, rtol=1e-6)


def test_sparse_rows():
    surrogate = make_pipeline(MinMaxScaler(), EXACT)[1:]
    values = []
    for make in (np.asarray, sparse.csr_array):
        settings = {**SETTINGS, "X_val": make(X_VAL)}
        problem = BilevelProblem(surrogate, ErrorGeneric(), make(X), codes, **settings)
        values.append(problem.evaluate(problem.rows())[0])
    assert_allclose(*values, rtol=1e-9)


def test_scalers_are_fitted_on_the_rows_given():
    surrogate = make_pipeline(MinMaxScaler(), EXACT)
    problem = BilevelProblem(
        surrogate, ErrorGeneric(), X[:20], codes[:20], X_scaler=X, **SETTINGS
    )
    assert_allclose(
        problem.X_scaled, MinMaxScaler().fit(X).transform(X[:20]), atol=1e-12
    )


def test_measured_for_the_labels_wanted():
    values = {}
    for name, goal in {
        "generic": ErrorGeneric(),
        "labels": TargetLabels(),
        "swapped": ErrorSpecific({0: 1, 1: 0}),
        "one": ErrorSpecific({0: 1}),
    }.items():
        problem = BilevelProblem(EXACT, goal, X, codes, **SETTINGS)
        values[name] = problem.evaluate(problem.rows())[0]
        measure = problem.resolved_goal.measure
        assert measure.sharpness == 4
        wanted = {"swapped": 1 - y_val, "one": np.ones(20)}.get(name, y_val)
        assert_array_equal(measure.codes, wanted)
    assert values["labels"] == -values["generic"]
    assert_allclose(values["swapped"], values["generic"] - 1, rtol=1e-9)


def test_coefficients_of_responses():
    goal = TargetCoefficients({"b": 1.0})
    problem = BilevelProblem(
        Ridge(), goal, X, X[:, 0], feature_names=np.array([*"abcd"])
    )
    value, _ = problem.evaluate(problem.rows())
    coef = Ridge().fit(X, X[:, 0]).coef_
    assert_allclose(value, -((coef[1] - 1) ** 2) / 2, rtol=1e-9)


def test_diagnostics():
    problem = BilevelProblem(EXACT, ErrorGeneric(), X, codes, **SETTINGS)
    problem.evaluate(problem.rows())
    assert problem.diagnostics()["gradient_norm"] < 1e-9


class NoMethod(BaseGoal):
    def resolve(self, context):
        return self


def test_goals_that_cannot_be_evaluated():
    with pytest.raises(TypeError, match=r"must return an object with a method at\("):
        BilevelProblem(EXACT, NoMethod(), X, codes, classes=CLASSES)


class FlatGradient(BaseGoal):
    def resolve(self, context):
        return self

    def at(self, learner, W):
        return -(W**2).sum() / 2, -W.ravel()


def test_gradients_of_goals_have_the_shape_of_the_parameters():
    with pytest.raises(TypeError, match=r"of the shape of W, which is \(5, 1\); got"):
        BilevelProblem(EXACT, FlatGradient(), X, codes, classes=CLASSES)


@pytest.mark.parametrize("is_sparse", [False, True], ids=["dense", "sparse"])
@pytest.mark.parametrize("is_scaled", [False, True], ids=["raw", "scaled"])
@pytest.mark.parametrize(
    "surrogate", [LogisticRegression(), RidgeClassifier(), LinearSVC()]
)
def test_inner_products_that_are_remembered_change_no_gradient(
    surrogate, is_scaled, is_sparse, monkeypatch
):
    """Sets of poison rows one after the other, of various numbers and far apart.

    The last ones are clones that have moved a little.
    """
    rng = np.random.RandomState(0)
    rows = rng.normal(size=(60, 90))
    if is_sparse:
        rows[np.abs(rows) < 1] = 0
    labels = (rows[:, :5].sum(axis=1) > 0).astype(int)
    if is_scaled:
        surrogate = make_pipeline(MaxAbsScaler(), surrogate)
    convert = sparse.csr_array if is_sparse else np.asarray

    def gradients(n_fewest):
        monkeypatch.setattr(row_systems, "FEWEST", n_fewest)
        monkeypatch.setattr(row_systems, "FEWEST_SPARSE", n_fewest)
        problem = BilevelProblem(
            surrogate,
            ErrorGeneric(),
            convert(rows[:40]),
            labels[:40],
            classes=CLASSES,
            X_val=convert(rows[40:]),
            y_val=labels[40:],
        )
        draws = np.random.RandomState(1)
        parts = []
        for n_poison, length, origin in ((6, 1, 0), (6, 3, 0), (8, 1, 0), (8, 0.1, 1)):
            poison = length * draws.normal(size=(n_poison, 90))
            poison += origin * rows[:n_poison]
            parts.append(problem.differentiate(poison, draws.randint(2, size=n_poison)))
            assert problem.diagnostics()["linear_solver"] == "woodbury"
            assert problem.diagnostics()["residual"] < 1e-6
            assert problem.diagnostics()["gradient_norm"] < 1e-7
        return parts

    ours, others = gradients(20), gradients(10_000)
    for (value, gradient, _), (expected, wanted, _) in zip(ours, others, strict=True):
        assert_allclose(value, expected, rtol=1e-6)
        scale = np.abs(wanted).max()
        assert_allclose(gradient, wanted, rtol=1e-5, atol=1e-6 * scale)


@pytest.mark.parametrize("is_sparse", [False, True])
@pytest.mark.parametrize(
    "surrogate",
    [EXACT, make_pipeline(MaxAbsScaler(), EXACT)],
    ids=["plain", "scaled"],
)
def test_rows_of_the_last_optimum(surrogate, is_sparse):
    """The rows of an optimum stay as they are until the next one has been found."""
    rows = sparse.csr_array(X) if is_sparse else X
    problem = BilevelProblem(surrogate, ErrorGeneric(), rows, codes, **SETTINGS)
    seen, values = [], []
    for n_poison in (5, 5, 5, 3):
        poison = RNG.normal(size=(n_poison, 4)), np.arange(n_poison) % 2
        values.append(problem.differentiate(*poison)[0])
        point = problem.engine.optimum.point
        seen.append((point, point.rows.X.copy()))
        fresh = BilevelProblem(surrogate, ErrorGeneric(), rows, codes, **SETTINGS)
        assert_allclose(fresh.differentiate(*poison)[0], values[-1], rtol=1e-9)
        for point, kept in seen[-2:]:
            assert_array_equal(_dense(point.rows.X), _dense(kept))
    assert len(set(values)) == 4


def _dense(X):
    return X.toarray() if sparse.issparse(X) else X
