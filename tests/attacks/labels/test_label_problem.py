import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

from skpoison.attacks._problem import BilevelProblem
from skpoison.attacks.labels._label_problem import LabelProblem
from skpoison.goals import (
    ErrorGeneric,
    ErrorSpecific,
    TargetCoefficients,
    TargetFeatures,
)
from skpoison.surrogates import GradientDescentClassifier

SURROGATES = [
    LogisticRegression(C=0.5),
    make_pipeline(StandardScaler(), RidgeClassifier()),
    LinearSVC(C=0.5),
    GradientDescentClassifier(learning_rate=0.1, n_steps=30),
    GradientDescentClassifier("squared_error", learning_rate=0.05, n_steps=30),
]
NETWORK = MLPClassifier(
    3,
    solver="sgd",
    momentum=0,
    learning_rate_init=0.5,
    max_iter=20,
    n_iter_no_change=20,
    tol=0,
    random_state=0,
)
# The spelling of an l1 penalty before and since scikit-learn 1.8.
L1 = (
    {"l1_ratio": 1.0}
    if LogisticRegression().penalty == "deprecated"
    else {"penalty": "l1"}
)
LASSO = LogisticRegression(C=0.2, solver="saga", **L1)
# Which goals and surrogates go together.
COMBINATIONS = [
    (LogisticRegression(C=0.5), TargetCoefficients({0: 0.5})),
    (make_pipeline(StandardScaler(), RidgeClassifier()), TargetCoefficients({0: 0.5})),
    (LinearSVC(C=0.5), TargetCoefficients({0: 0.5, 2: 0.0})),
    (GradientDescentClassifier(n_steps=30), TargetCoefficients({0: 0.5})),
    (LogisticRegression(C=0.5), ErrorGeneric("surrogate")),
    (LinearSVC(C=0.5), ErrorGeneric("objective")),
    (RidgeClassifier(), ErrorSpecific({5: 6})),
    (NETWORK, ErrorGeneric()),
    (LASSO, ErrorGeneric()),
    (LASSO, TargetFeatures(select=[0], discard=[2])),
    (SVC(C=0.5, gamma=0.3), ErrorGeneric()),
]


def make_problem(surrogate, n_classes, is_sparse=False, goal=None):
    rng = np.random.RandomState(0)
    X = rng.normal(size=(60, 4)) * [1, 2, 0.5, 1]
    codes = (X @ rng.normal(size=(4, n_classes))).argmax(axis=1)
    codes[rng.rand(60) < 0.2] = 0
    X = sparse.csr_array(X) if is_sparse else X
    return label_problem(surrogate, X[:40], codes[:40], X[40:], codes[40:], goal)


def label_problem(surrogate, X, codes, X_val, y_val, goal=None):
    goal = ErrorGeneric(sharpness=2.0) if goal is None else goal
    if not goal.needs_validation:
        X_val = y_val = None
    problem = BilevelProblem(
        surrogate,
        goal,
        X,
        codes,
        classes=np.unique(codes) + 5,
        X_val=X_val,
        y_val=y_val,
        tol=1e-13,
    )
    return LabelProblem(problem)


def check_gradient(problem):
    """Compare with a central difference along a random direction."""
    n_classes = problem.classes.shape[0]
    rng = np.random.RandomState(1)
    # Labels keep most of their share, so that rounding leaves them as they are.
    shares = 0.8 * np.eye(n_classes)[problem.codes] + 0.2 / n_classes
    direction = rng.normal(size=shares.shape)
    direction -= direction.mean(axis=1, keepdims=True)
    h = 1e-5
    after, before = (problem.gradient(shares + s * h * direction)[0] for s in (1, -1))
    _, gradient = problem.gradient(shares)
    assert_allclose((gradient * direction).sum(), (after - before) / (2 * h), rtol=1e-6)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("surrogate", SURROGATES, ids=str)
def test_gradient_against_differences(surrogate, n_classes):
    check_gradient(make_problem(surrogate, n_classes))


@pytest.mark.parametrize(("surrogate", "goal"), COMBINATIONS, ids=str)
def test_gradient_of_every_goal(surrogate, goal):
    check_gradient(make_problem(surrogate, 2, goal=goal))


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("surrogate", SURROGATES, ids=str)
def test_whole_shares_are_labels(surrogate, n_classes):
    problem = make_problem(surrogate, n_classes)
    value, _ = problem.gradient(np.eye(n_classes)[problem.codes])
    assert_allclose(problem.evaluate(problem.codes)[1], value, rtol=1e-9)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("surrogate", SURROGATES, ids=str)
def test_errors_are_those_of_the_surrogate(surrogate, n_classes):
    problem = make_problem(surrogate, n_classes)
    measure = problem.goal.measure
    error, value = problem.evaluate(problem.codes)
    # What scalers do has been done.
    victim = surrogate[-1] if hasattr(surrogate, "steps") else surrogate
    fitted = clone(victim).fit(problem.X, problem.codes)
    predicted = fitted.predict(problem.goal.X)
    assert_allclose(error, (predicted != measure.codes).mean(), atol=1e-9)
    assert_allclose(value, problem.gradient(np.eye(n_classes)[problem.codes])[0])


@pytest.mark.parametrize(
    "goal", [TargetCoefficients({0: 0.5}), ErrorGeneric("surrogate")], ids=str
)
def test_only_errors_are_counted(goal):
    problem = make_problem(LogisticRegression(), 2, goal=goal)
    error, value = problem.evaluate(problem.codes)
    assert error == value


@pytest.mark.parametrize("surrogate", [LogisticRegression(), LinearSVC()], ids=str)
def test_sparse_rows(surrogate):
    dense, scarce = (make_problem(surrogate, 3, is_sparse=s) for s in (False, True))
    shares = np.eye(3)[dense.codes]
    for ours, theirs in zip(
        dense.gradient(shares), scarce.gradient(shares), strict=True
    ):
        assert_allclose(ours, theirs, rtol=1e-7, atol=1e-12)


def test_other_labels_leave_the_rows_known():
    problem = make_problem(LogisticRegression(), 2)
    gram = problem.rows(problem.codes).gram
    assert problem.rows(1 - problem.codes).gram is gram


def test_class_weights_follow_the_labels():
    problem = make_problem(LogisticRegression(class_weight={5: 3.0}), 2)
    weights = problem.rows(1 - problem.codes).weights
    np.testing.assert_array_equal(weights, np.where(problem.codes == 1, 3, 1))


@pytest.mark.parametrize("surrogate", [LogisticRegression(), LinearSVC()], ids=str)
def test_few_rows_of_many_features(surrogate):
    """They are learnt from in coordinates of their span, with the same scores."""
    rng = np.random.RandomState(0)
    X, codes = rng.normal(size=(20, 50)), np.arange(20) % 2
    X_val, y_val = rng.normal(size=(30, 50)), np.arange(30) % 2
    problem = label_problem(surrogate, X, codes, X_val, y_val)
    assert problem.X.shape == (20, 20)
    whole = label_problem(
        surrogate, sparse.csr_array(X), codes, sparse.csr_array(X_val), y_val
    )
    assert whole.X.shape == (20, 50)
    shares = np.eye(2)[codes]
    for ours, theirs in zip(
        problem.gradient(shares), whole.gradient(shares), strict=True
    ):
        assert_allclose(ours, theirs, rtol=1e-6, atol=1e-10)


def test_goals_on_features_keep_the_features():
    rng = np.random.RandomState(0)
    X, codes = rng.normal(size=(20, 50)), np.arange(20) % 2
    goal = TargetCoefficients({3: 0.1})
    problem = label_problem(LogisticRegression(), X, codes, None, None, goal)
    assert problem.X.shape == (20, 50)
    fitted = LogisticRegression(tol=1e-10, max_iter=1000).fit(X, codes)
    expected = -0.5 * (fitted.coef_[0, 3] - 0.1) ** 2
    assert_allclose(problem.evaluate(codes)[1], expected, rtol=1e-6)
