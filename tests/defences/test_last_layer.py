import numpy as np
import pytest
from scipy import sparse
from sklearn.base import is_regressor
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import (
    ElasticNet,
    LogisticRegression,
    Ridge,
    RidgeClassifier,
    SGDRegressor,
)
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

from skpoison.defences._last_layer import last_layer_gradients, last_layer_inputs
from skpoison.surrogates import GradientDescentClassifier, as_training_problem

X, y = make_classification(
    40, 5, n_classes=3, n_informative=4, n_redundant=0, random_state=0
)
TWO = y < 2
WORDS = np.array(["b", "c", "a"])[y]
RESPONSES = X @ [1.0, 2.0, 0.0, -1.0, 0.5] + 3


def matrix(gradients):
    """Return the gradients as the rows of a matrix."""
    X = gradients.X.toarray() if sparse.issparse(gradients.X) else gradients.X
    if gradients.intercept:
        X = np.column_stack([X, np.full(X.shape[0], gradients.intercept)])
    return np.einsum("ij,ik->ijk", X, gradients.R).reshape(X.shape[0], -1)


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(),
        RidgeClassifier(),
        LinearSVC(loss="squared_hinge", intercept_scaling=2.0),
        LinearSVC(fit_intercept=False),
        GradientDescentClassifier(n_steps=20),
        GradientDescentClassifier("squared_error", learning_rate=0.01),
        Ridge(),
        ElasticNet(0.1),
        SGDRegressor("huber", epsilon=0.5, random_state=0),
    ],
)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_gradients_equal_finite_differences(estimator, n_classes):
    responses = is_regressor(estimator)
    rows = TWO if n_classes == 2 else np.ones(40, dtype=bool)
    target = RESPONSES[rows] if responses else WORDS[rows]
    model = estimator.fit(X[rows], target)
    found = matrix(last_layer_gradients(model, X[rows], target))
    codes = target if responses else np.searchsorted(model.classes_, target)
    problem = as_training_problem(estimator, None if responses else n_classes)
    learner, targets = problem.learner, problem.encode(codes)
    W = np.atleast_2d(model.coef_).T
    if learner.intercept:
        b = np.reshape(model.intercept_, (1, -1)) / learner.intercept
        W = np.vstack([W, b])
    expected = np.empty_like(found)
    h = 1e-6
    for k in range(W.size):
        step = np.zeros(W.size)
        step[k] = h
        step = step.reshape(W.shape)
        up, down = (
            learner.loss.value(learner.scores(X[rows], W + s * step), targets)
            for s in (1, -1)
        )
        expected[:, k] = (up - down) / (2 * h)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
@pytest.mark.parametrize("task", ["two", "three", "responses"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_network_from_its_last_hidden_layer(activation, task):
    rows = TWO if task == "two" else np.ones(40, dtype=bool)
    kind = MLPRegressor if task == "responses" else MLPClassifier
    target = RESPONSES[rows] if task == "responses" else WORDS[rows]
    params = {"max_iter": 5, "random_state": 0}
    network = kind(hidden_layer_sizes=(4, 3), activation=activation, **params)
    model = make_pipeline(StandardScaler(), network).fit(X[rows], target)
    hidden = last_layer_inputs(model, X[rows])
    assert hidden.shape == (rows.sum(), 3)
    last = hidden @ network.coefs_[-1] + network.intercepts_[-1]
    gradients = last_layer_gradients(model, X[rows], target)
    if task == "responses":
        np.testing.assert_allclose(last[:, 0], model.predict(X[rows]))
        expected = last - target[:, np.newaxis]
    elif task == "two":
        p = model.predict_proba(X[rows])[:, 1:]
        np.testing.assert_allclose(1 / (1 + np.exp(-last)), p)
        expected = p - (target == model.classes_[1])[:, np.newaxis]
    else:
        expected = model.predict_proba(X) - (target[:, np.newaxis] == model.classes_)
    np.testing.assert_allclose(gradients.R, expected)
    np.testing.assert_array_equal(gradients.X, hidden)
    assert gradients.intercept == 1


def test_pipeline_and_sparse_rows():
    scaled = StandardScaler().fit_transform(X)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    np.testing.assert_array_equal(last_layer_inputs(model, X), scaled)
    expected = last_layer_gradients(model[-1], scaled, y)
    found = last_layer_gradients(model, X, y)
    np.testing.assert_array_equal(matrix(found), matrix(expected))
    of_sparse = last_layer_gradients(model[-1], sparse.csr_matrix(scaled), y)
    assert sparse.issparse(of_sparse.X)
    np.testing.assert_allclose(matrix(of_sparse), matrix(expected), atol=1e-12)
    alone = make_pipeline(LogisticRegression()).fit(X, y)
    assert last_layer_inputs(alone, X).shape == X.shape


@pytest.mark.parametrize("estimator", [RandomForestClassifier(2), SVC()])
def test_others_are_refused(estimator):
    model = make_pipeline(estimator).fit(X, y)
    with pytest.raises(ValueError, match="Take TrimmedClassifier"):
        last_layer_gradients(model, X, y)
