import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.svm import SVC, LinearSVC

from skpoison.attacks._problem import BilevelProblem
from skpoison.attacks.labels import _held_out
from skpoison.attacks.labels._held_out import HeldOut, can_hold_out
from skpoison.attacks.labels._label_problem import LabelProblem
from skpoison.goals import ErrorGeneric, TargetCoefficients
from skpoison.surrogates import GradientDescentClassifier

EXACT = {"tol": 1e-12, "max_iter": 100_000}
SURROGATES = [
    RidgeClassifier(alpha=0.5),
    RidgeClassifier(alpha=2.0, fit_intercept=False),
    LogisticRegression(C=0.5, **EXACT),
    LinearSVC(C=0.2, dual=False, **EXACT),
]
everywhere = pytest.mark.parametrize("n_classes", [2, 3])


def make_problem(surrogate, n_classes, n_features=5, is_sparse=False, n_samples=60):
    rng = np.random.RandomState(0)
    X = rng.normal(size=(n_samples, n_features))
    noise = rng.normal(size=(n_samples, n_classes))
    codes = (X[:, :4] @ rng.normal(size=(4, n_classes)) + noise).argmax(axis=1)
    rows = sparse.csr_array(X) if is_sparse else X
    problem = BilevelProblem(
        surrogate,
        ErrorGeneric(),
        rows,
        codes,
        classes=np.arange(n_classes),
        X_val=rows,
        y_val=codes,
    )
    return LabelProblem(problem), X, codes


def flipped(codes, n_classes):
    flipped = codes.copy()
    flipped[:12] = (flipped[:12] + 1) % n_classes
    return flipped


def refitted(surrogate, X, codes):
    """Fit without each row, and return its score."""
    scores = []
    for row in range(X.shape[0]):
        rest = np.arange(X.shape[0]) != row
        fitted = clone(surrogate).fit(X[rest], codes[rest])
        scores.append(fitted.decision_function(X[[row]]).ravel())
    return np.array(scores)


@everywhere
@pytest.mark.parametrize("n_features", [5, 90])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_exact_for_the_squared_loss(n_classes, n_features, fit_intercept):
    surrogate = RidgeClassifier(alpha=0.5, fit_intercept=fit_intercept)
    problem, X, codes = make_problem(surrogate, n_classes, n_features)
    codes = flipped(codes, n_classes)
    held_out = HeldOut(problem.minimise(codes).point)
    assert_allclose(held_out.scores, refitted(surrogate, X, codes), rtol=1e-7)


@everywhere
@pytest.mark.parametrize("surrogate", SURROGATES[2:], ids=str)
def test_nearer_to_fits_than_the_scores_with_all_rows(surrogate, n_classes):
    problem, X, codes = make_problem(surrogate, n_classes, n_samples=100)
    codes = flipped(codes, n_classes)
    point = problem.minimise(codes).point
    expected = refitted(surrogate, X, codes)
    if n_classes == 3 and isinstance(surrogate, LogisticRegression):
        expected -= expected.mean(axis=1, keepdims=True)
    gap = np.abs(HeldOut(point).scores - expected).max()
    assert gap < 0.25 * np.abs(point.scores - expected).max()


@everywhere
@pytest.mark.parametrize("surrogate", SURROGATES, ids=str)
def test_in_parts_and_of_sparse_rows(surrogate, n_classes, monkeypatch):
    problem, _, codes = make_problem(surrogate, n_classes)
    whole = HeldOut(problem.minimise(codes).point)
    monkeypatch.setattr(_held_out, "N_STORED", 50)
    parts = HeldOut(problem.minimise(codes).point)
    assert_allclose(parts.scores, whole.scores, rtol=1e-10)
    problem, _, _ = make_problem(surrogate, n_classes, is_sparse=True)
    scarce = HeldOut(problem.minimise(codes).point)
    assert_allclose(scarce.scores, whole.scores, rtol=1e-6)


def test_which_surrogates_leave_out_rows():
    for surrogate in SURROGATES:
        assert can_hold_out(make_problem(surrogate, 3)[0])
    for surrogate in (SVC(), GradientDescentClassifier()):
        assert not can_hold_out(make_problem(surrogate, 2)[0])
    # Too many parameters to factorise the Hessian of all outputs.
    assert not can_hold_out(make_problem(LogisticRegression(), 3, 400, True)[0])
    _, X, codes = make_problem(RidgeClassifier(), 2)
    goal = TargetCoefficients({0: 1.0})
    problem = BilevelProblem(RidgeClassifier(), goal, X, codes, classes=np.arange(2))
    assert not can_hold_out(LabelProblem(problem))
