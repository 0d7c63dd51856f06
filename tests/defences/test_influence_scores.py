import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.base import clone
from sklearn.linear_model import Lasso, LogisticRegression, Ridge, RidgeClassifier
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

from skpoison.defences import _influence_scores
from skpoison.defences._influence_scores import InfluenceProblem, retrained_influences

TESTS = np.arange(0, 30, 3)
LR = LogisticRegression(C=2.0, tol=1e-12, max_iter=10_000)


def make_data(n_classes=2):
    rng = np.random.RandomState(0)
    X = rng.randn(40, 4)
    y = np.argmax(X @ rng.randn(4, n_classes) + 0.5 * rng.randn(40, n_classes), axis=1)
    return X, y, np.arange(40) < 30


def make_responses():
    X, _, learnt = make_data()
    return X, X @ [1.0, -2.0, 0.5, 0.0] + np.random.RandomState(1).randn(40), learnt


def half_squared_error(model, X, y):
    return np.mean((model.predict(X) - y) ** 2) / 2


def mean_log_loss(model, X, y):
    return log_loss(y, model.predict_proba(X), labels=model.classes_)


def exact(estimator, X, y, learnt, loss):
    """Train with and without each row."""

    def loss_of(mask):
        fitted = clone(estimator).fit(X[mask], y[mask])
        return loss(fitted, X[TESTS], y[TESTS])

    influences = np.empty(y.shape[0])
    for i in range(y.shape[0]):
        with_row, without = learnt.copy(), learnt.copy()
        with_row[i], without[i] = True, False
        influences[i] = loss_of(with_row) - loss_of(without)
    return influences


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_newton_is_leave_one_out_for_least_squares(fit_intercept, container):
    """And add-one-in, of rows that are not learnt from."""
    X, y, learnt = make_responses()
    ridge = Ridge(0.3, fit_intercept=fit_intercept)
    problem = InfluenceProblem(ridge, container(X), y, learnt)
    expected = exact(ridge, X, y, learnt, half_squared_error)
    assert_allclose(problem.by_newton(TESTS), expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_newton_for_least_squares_on_labels(n_classes):
    X, y, learnt = make_data(n_classes)
    problem = InfluenceProblem(
        RidgeClassifier(0.3), X, y, learnt, classes=np.arange(n_classes)
    )
    targets = 2.0 * (y[:, np.newaxis] == np.arange(n_classes)) - 1
    targets = targets[:, 1:] if n_classes == 2 else targets
    expected = exact(
        Ridge(0.3),
        X,
        targets,
        learnt,
        lambda model, X, t: (
            ((model.predict(X).reshape(t.shape) - t) ** 2).sum() / (2 * len(t))
        ),
    )
    assert_allclose(problem.by_newton(TESTS), expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_adjoint_is_the_derivative(n_classes):
    """In the weights of rows, those of weight 0 included."""
    X, y, learnt = make_data(n_classes)
    problem = InfluenceProblem(LR, X, y, learnt, classes=np.arange(n_classes))
    found = problem.by_adjoint(TESTS)
    for i in (0, 7, 35):
        losses = []
        for step in (1e-3, -1e-3, 2e-3, -2e-3):
            weights = learnt.astype(float)
            weights[i] += step
            model = clone(LR).set_params(solver="newton-cholesky")
            model.fit(X, y, sample_weight=weights)
            losses.append(mean_log_loss(model, X[TESTS], y[TESTS]))
        slope = (8 * (losses[0] - losses[1]) - (losses[2] - losses[3])) / 12e-3
        assert_allclose(found[i], slope, rtol=1e-6)


@pytest.mark.parametrize("method", ["by_adjoint", "by_newton"])
def test_close_to_training_anew(method):
    X, y, learnt = make_data()
    problem = InfluenceProblem(LR, X, y, learnt, classes=np.arange(2))
    expected = exact(LR, X, y, learnt, mean_log_loss)
    found = getattr(problem, method)(TESTS)
    least = {"by_adjoint": 0.85, "by_newton": 0.93}[method]
    assert np.corrcoef(found, expected)[0, 1] > least


@pytest.mark.parametrize("method", ["by_adjoint", "by_newton"])
@pytest.mark.parametrize(
    "settings",
    [
        {"class_weight": {"ham": 3.0, "spam": 0.5}},
        {"class_weight": "balanced"},
        {"fit_intercept": False},
    ],
)
def test_in_blocks(settings, method, monkeypatch):
    X, y, learnt = make_data()
    classes = np.array(["ham", "spam"])
    problem = InfluenceProblem(
        clone(LR).set_params(**settings), X, y, learnt, classes=classes
    )
    expected = getattr(problem, method)(TESTS)
    monkeypatch.setattr(_influence_scores, "BLOCK_SIZE", 30)
    assert_allclose(getattr(problem, method)(TESTS), expected, rtol=1e-6, atol=1e-12)


def test_class_weights_are_those_of_the_row():
    X, y, learnt = make_data()
    plain, weighted = (
        InfluenceProblem(
            clone(LR).set_params(class_weight=each), X, y, learnt, np.arange(2)
        )
        for each in (None, {0: 2.0, 1: 1.0})
    )
    assert_allclose(weighted.unit, np.where(y == 0, 2.0, 1.0) * plain.unit)


def test_scalers_are_fitted_to_rows_that_are_learnt_from():
    X, y, learnt = make_data()
    X = X * [1.0, 100.0, 0.1, 5.0]
    X[~learnt] *= 50
    pipeline = make_pipeline(StandardScaler(), LR)
    found = InfluenceProblem(pipeline, X, y, learnt, classes=np.arange(2))
    scaled = StandardScaler().fit(X[learnt]).transform(X)
    expected = InfluenceProblem(LR, scaled, y, learnt, classes=np.arange(2))
    assert_allclose(found.by_adjoint(TESTS), expected.by_adjoint(TESTS), rtol=1e-9)


@pytest.mark.parametrize(
    "estimator",
    [
        LinearSVC(),
        SVC(C=10.0),
        MLPClassifier(
            (4,),
            solver="sgd",
            momentum=0,
            batch_size=40,
            max_iter=200,
            n_iter_no_change=200,
            learning_rate_init=0.5,
            random_state=0,
        ),
    ],
)
def test_other_learners(estimator):
    """Rows whose labels are wrong have larger influences."""
    X, y, learnt = make_data()
    wrong = np.arange(40) >= 36
    wrong[20:23] = True
    y = np.where(wrong, 1 - y, y)
    tests = np.setdiff1d(TESTS, np.flatnonzero(wrong))
    found = InfluenceProblem(estimator, X, y, learnt, np.arange(2)).by_adjoint(tests)
    assert found[wrong].mean() > found[~wrong].mean()
    assert (found != 0).any()


def test_lasso():
    X, y, learnt = make_responses()
    found = InfluenceProblem(Lasso(0.05), X, y, learnt).by_adjoint(TESTS)
    expected = exact(Lasso(0.05, tol=1e-12), X, y, learnt, half_squared_error)
    assert np.corrcoef(found, expected)[0, 1] > 0.9


def test_newton_refuses_other_learners():
    """The error says what to do instead, and that works."""
    X, y, learnt = make_data()
    problem = InfluenceProblem(SVC(), X, y, learnt, classes=np.arange(2))
    with pytest.raises(ValueError, match="Take method='adjoint', or 'retrain'"):
        problem.by_newton(TESTS)
    assert np.isfinite(problem.by_adjoint(TESTS)).all()


def test_inputs_are_not_written():
    X, y, learnt = make_data()
    copies = X.copy(), y.copy(), learnt.copy()
    pipeline = make_pipeline(StandardScaler(), LR)
    InfluenceProblem(pipeline, X, y, learnt, np.arange(2)).by_newton(TESTS)
    for one, other in zip((X, y, learnt), copies, strict=True):
        assert (one == other).all()


def test_training_anew():
    X, y, learnt = make_responses()
    rows = np.array([2, 35, 9])

    def scores_of(model):
        return np.array([-half_squared_error(model, X[TESTS], y[TESTS])])

    found = retrained_influences(Ridge(0.3), X, y, learnt, rows, scores_of)
    expected = InfluenceProblem(Ridge(0.3), X, y, learnt).by_newton(TESTS)
    assert_allclose(found[:, 0], expected[rows], rtol=0, atol=1e-10)


def test_training_anew_without_a_class():
    X, y, learnt = make_data()
    y = np.where(np.arange(40) == 5, 2, y)
    found = retrained_influences(
        LR, X, y, learnt, np.arange(7), lambda model: np.array([model.score(X, y)])
    )
    assert np.isnan(found[:, 0]).nonzero()[0].tolist() == [5]
