import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.special import log_softmax
from sklearn.datasets import load_diabetes, load_iris, make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, PolynomialFeatures, StandardScaler
from sklearn.svm import SVC, SVR, LinearSVC, NuSVC

from skpoison.defences import KNNSanitizedClassifier
from skpoison.model_selection._input_gradients import alignment, loss_directions

BINARY = make_classification(60, 5, random_state=0)
IRIS = load_iris(return_X_y=True)


def network(activation="tanh"):
    return MLPClassifier((4, 3), activation=activation, max_iter=40, random_state=0)


def losses(fitted, X, y):
    """Compute the log loss of the scores, or the squared error."""
    if not hasattr(fitted, "classes_"):
        return (fitted.predict(X) - y) ** 2
    if isinstance(fitted, MLPClassifier):
        scores = np.log(fitted.predict_proba(X))
    else:
        scores = fitted.decision_function(X)
    if scores.ndim == 1:
        scores = np.stack([np.zeros_like(scores), scores], axis=1)
    codes = np.searchsorted(fitted.classes_, y)
    return -log_softmax(scores, axis=1)[np.arange(len(y)), codes]


def numerical_directions(fitted, X, y, h=1e-5):
    gradients = np.stack(
        [
            (losses(fitted, X + step, y) - losses(fitted, X - step, y)) / (2 * h)
            for step in h * np.eye(X.shape[1])
        ],
        axis=1,
    )
    return gradients / np.linalg.norm(gradients, axis=1, keepdims=True)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer:UserWarning")
@pytest.mark.parametrize(
    ("estimator", "data"),
    [
        (LogisticRegression(), BINARY),
        (LogisticRegression(max_iter=999), IRIS),
        (RidgeClassifier(), IRIS),
        (LinearSVC(), BINARY),
        (SVC(kernel="linear"), BINARY),
        (SVC(), BINARY),
        (NuSVC(gamma=0.3), BINARY),
        (SVC(kernel="poly", degree=2, coef0=1), BINARY),
        (SVC(kernel="sigmoid", gamma=0.1, coef0=0.3), BINARY),
        (network(), BINARY),
        (network("logistic"), IRIS),
        (network("relu"), BINARY),
        (network("identity"), IRIS),
        (make_pipeline(StandardScaler(), MinMaxScaler(), SVC()), BINARY),
        (Ridge(), load_diabetes(return_X_y=True)),
        (SVR(gamma=0.5, C=100), load_diabetes(return_X_y=True)),
        (
            MLPRegressor(
                hidden_layer_sizes=(3,), activation="tanh", max_iter=40, random_state=0
            ),
            load_diabetes(return_X_y=True),
        ),
    ],
    ids=lambda value: str(value) if hasattr(value, "fit") else "",
)
def test_equals_finite_differences(estimator, data):
    X, y = data
    fitted = estimator.fit(X, y)
    rows = slice(None, None, max(1, len(y) // 30))
    found = loss_directions(fitted, X[rows], y[rows])
    expected = numerical_directions(fitted, X[rows], y[rows])
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


def test_of_a_search_and_a_defence_are_those_of_the_estimator_inside():
    X, y = BINARY
    search = GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}).fit(X, y)
    defence = KNNSanitizedClassifier(search).fit(X, y)
    for outer, inner in (
        (search, search.best_estimator_),
        (defence, defence.estimator_),
    ):
        np.testing.assert_array_equal(
            loss_directions(outer, X, y), loss_directions(inner, X, y)
        )


def test_of_sparse_rows_and_dataframes():
    X, y = BINARY
    expected = loss_directions(make_pipeline(StandardScaler(), SVC()).fit(X, y), X, y)
    frame = pd.DataFrame(X, columns=list("abcde"))
    pipeline = make_pipeline(StandardScaler(), SVC()).fit(frame, y)
    np.testing.assert_allclose(loss_directions(pipeline, frame, y), expected)
    rows = sparse.csr_array(X)
    for machine in (SVC(), LogisticRegression()):
        expected = loss_directions(machine.fit(X, y), X, y)
        found = loss_directions(machine.fit(rows, y), rows, y)
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_rows_far_from_the_boundary_have_a_gradient():
    X, y = IRIS
    fitted = LogisticRegression(C=1e3, max_iter=5000).fit(X, y)
    found = loss_directions(fitted, 1e3 * X, fitted.predict(1e3 * X))
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1)


@pytest.mark.parametrize(
    ("estimator", "data"),
    [
        (RandomForestClassifier(2, random_state=0), BINARY),
        (KNeighborsClassifier(), BINARY),
        (KNNSanitizedClassifier(KNeighborsClassifier()), BINARY),
        (make_pipeline(PolynomialFeatures(), LogisticRegression(max_iter=999)), BINARY),
        (make_pipeline(SelectKBest(k=2), LogisticRegression()), BINARY),
        (SVC(), IRIS),
    ],
    ids=lambda value: str(value) if hasattr(value, "fit") else "",
)
def test_no_gradient(estimator, data):
    X, y = data
    assert loss_directions(estimator.fit(X, y), X, y) is None


def test_alignment():
    first = np.array([[1.0, 0], [0, 0], [0, 1], [1, 0]])
    second = np.array([[0.6, 0.8], [1, 0], [0, -1], [0, 0]])
    assert alignment(first, second) == pytest.approx((0.6 - 1) / 2)
    assert np.isnan(alignment(first, None))
    assert np.isnan(alignment(None, second))
    assert np.isnan(alignment(first, np.zeros_like(first)))
