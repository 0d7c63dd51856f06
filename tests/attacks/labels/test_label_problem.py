import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skpoison.attacks.labels._label_problem import CrossValidatedProblem, LabelProblem
from skpoison.surrogates import GradientDescentClassifier

SURROGATES = [
    LogisticRegression(C=0.5),
    make_pipeline(StandardScaler(), RidgeClassifier()),
    LinearSVC(C=0.5),
    GradientDescentClassifier(learning_rate=0.1, n_steps=30),
    GradientDescentClassifier("squared_error", learning_rate=0.05, n_steps=30),
]


def make_problem(surrogate, n_classes, is_sparse=False):
    rng = np.random.RandomState(0)
    X = rng.normal(size=(60, 4)) * [1, 2, 0.5, 1]
    codes = (X @ rng.normal(size=(4, n_classes))).argmax(axis=1)
    codes[rng.rand(60) < 0.2] = 0
    X = sparse.csr_array(X) if is_sparse else X
    own = X[40:], codes[40:]
    classes = np.arange(n_classes) + 5
    problem = LabelProblem(
        surrogate, X[:40], codes[:40], np.arange(40), classes, own, 2.0
    )
    problem.engine.tol = 1e-13
    return problem


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("surrogate", SURROGATES, ids=str)
def test_gains_against_differences(surrogate, n_classes):
    problem = make_problem(surrogate, n_classes)
    rng = np.random.RandomState(1)
    # Labels keep most of their share, so that rounding leaves them as they are.
    shares = 0.8 * np.eye(n_classes)[problem.codes] + 0.2 / n_classes
    direction = rng.normal(size=shares.shape)
    direction -= direction.mean(axis=1, keepdims=True)
    h = 1e-5
    after, before = (problem.gains(shares + s * h * direction)[0] for s in (1, -1))
    _, gains = problem.gains(shares)
    assert_allclose((gains * direction).sum(), (after - before) / (2 * h), rtol=1e-6)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("surrogate", SURROGATES, ids=str)
def test_whole_shares_are_labels(surrogate, n_classes):
    problem = make_problem(surrogate, n_classes)
    value, _ = problem.gains(np.eye(n_classes)[problem.codes])
    assert_allclose(problem.value(problem.codes), value, rtol=1e-9)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("surrogate", SURROGATES, ids=str)
def test_errors_are_those_of_the_surrogate(surrogate, n_classes):
    problem = make_problem(surrogate, n_classes)
    X = problem.goal.X * 1.0
    own = problem.goal.measure.codes
    error, value = problem.reached(problem.codes)
    # What scalers do has been done.
    victim = surrogate[-1] if hasattr(surrogate, "steps") else surrogate
    predicted = clone(victim).fit(problem.X, problem.codes).predict(X)
    assert_allclose(error, (predicted != own).mean(), atol=1e-9)
    assert value == problem.value(problem.codes)


def test_folds_are_averaged():
    rng = np.random.RandomState(0)
    X, codes, classes = rng.normal(size=(30, 4)), np.arange(30) % 2, np.arange(2)
    parts = np.arange(30) % 5
    folds = [
        (np.flatnonzero(parts != k), (X[parts == k], codes[parts == k])) for k in (0, 3)
    ]
    settings = classes, 2.0
    both = CrossValidatedProblem(LogisticRegression(), X, codes, folds, *settings)
    each = [
        LabelProblem(LogisticRegression(), X, codes, train, classes, own, 2.0)
        for train, own in folds
    ]
    reached = [p.reached(codes[t]) for p, (t, _) in zip(each, folds, strict=True)]
    assert_allclose(both.reached(codes), np.mean(reached, axis=0), rtol=1e-9)
    expected = np.zeros((30, 2))
    for problem, (train, _) in zip(each, folds, strict=True):
        expected[train] += problem.gains(np.eye(2)[codes[train]])[1] / 2
    assert_allclose(both.gains(np.eye(2)[codes]), expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("surrogate", [LogisticRegression(), LinearSVC()], ids=str)
def test_sparse_rows(surrogate):
    dense, scarce = (make_problem(surrogate, 3, is_sparse=s) for s in (False, True))
    shares = np.eye(3)[dense.codes]
    for ours, theirs in zip(dense.gains(shares), scarce.gains(shares), strict=True):
        assert_allclose(ours, theirs, rtol=1e-7, atol=1e-12)


def test_other_labels_leave_the_rows_known():
    problem = make_problem(LogisticRegression(), 2)
    gram = problem.rows_of(problem.codes).gram
    assert problem.rows_of(1 - problem.codes).gram is gram


def test_class_weights_follow_the_labels():
    problem = make_problem(LogisticRegression(class_weight={5: 3.0}), 2)
    weights = problem.rows_of(1 - problem.codes).weights
    np.testing.assert_array_equal(weights, np.where(problem.codes == 1, 3, 1))


@pytest.mark.parametrize("surrogate", [LogisticRegression(), LinearSVC()], ids=str)
def test_few_rows_of_many_features(surrogate):
    """They are learnt from in coordinates among the rows, with the same scores."""
    rng = np.random.RandomState(0)
    X, codes = rng.normal(size=(20, 50)), np.arange(20) % 2
    own = rng.normal(size=(30, 50)), np.arange(30) % 2
    problem = LabelProblem(surrogate, X, codes, np.arange(20), np.arange(2), own, 2.0)
    assert problem.X.shape == (20, 20)
    arguments = np.arange(20), np.arange(2), (sparse.csr_array(own[0]), own[1]), 2.0
    whole = LabelProblem(surrogate, sparse.csr_array(X), codes, *arguments)
    assert whole.X.shape == (20, 50)
    shares = np.eye(2)[codes]
    for ours, theirs in zip(problem.gains(shares), whole.gains(shares), strict=True):
        assert_allclose(ours, theirs, rtol=1e-6, atol=1e-10)
