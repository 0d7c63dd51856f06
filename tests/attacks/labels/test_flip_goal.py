import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from skpoison.attacks._fold_mean import FoldMean
from skpoison.attacks._problem import BilevelProblem
from skpoison.attacks.labels._flip_goal import (
    FitPart,
    FlipGoal,
    HeldOutPart,
    ProblemPart,
    Refit,
)
from skpoison.attacks.labels._label_problem import LabelProblem
from skpoison.bilevel.goals import SmoothedError
from skpoison.goals import ErrorGeneric

rng = np.random.RandomState(0)
X = rng.normal(size=(60, 4))
codes = (X[:, 0] + 0.5 * rng.normal(size=60) > 0).astype(int)
CLASSES = np.array([3, 8])
SPLITS = [(np.arange(20, 60), np.arange(20)), (np.arange(40), np.arange(40, 60))]


def make_goal(surrogate, by_fits):
    parts = []
    for train, own in SPLITS:
        problem = None
        if not isinstance(surrogate, DecisionTreeClassifier):
            problem = LabelProblem(
                BilevelProblem(
                    surrogate,
                    ErrorGeneric(),
                    X[train],
                    codes[train],
                    classes=CLASSES,
                    X_val=X[own],
                    y_val=codes[own],
                )
            )
        measure = SmoothedError(codes[own])
        refit = Refit(surrogate, X[train], codes[train], CLASSES, X[own], measure)
        parts.append(FitPart(refit, problem) if by_fits else ProblemPart(problem))
    folds = FoldMean(parts, [train for train, _ in SPLITS], 60)
    return FlipGoal(folds, codes)


@pytest.mark.parametrize("by_fits", [True, False])
@pytest.mark.parametrize(
    "surrogate", [LogisticRegression(tol=1e-10), SVC(tol=1e-8)], ids=str
)
def test_mean_over_folds(surrogate, by_fits):
    labels = codes.copy()
    labels[::7] = 1 - labels[::7]
    measured = make_goal(surrogate, by_fits).measured(labels)
    values, errors = [], []
    for train, own in SPLITS:
        fitted = clone(surrogate).fit(X[train], labels[train])
        scores = fitted.decision_function(X[own])[:, np.newaxis]
        values.append(SmoothedError(codes[own]).value(scores))
        errors.append(np.mean((scores[:, 0] > 0) != codes[own]))
    assert_allclose(measured.value, np.mean(values), rtol=1e-5)
    assert_allclose(measured.error, np.mean(errors), rtol=1e-9)
    assert measured.rows.shape == (40,)
    assert_allclose(measured.rows.mean(), measured.value, rtol=1e-9)


@pytest.mark.parametrize("surrogate", [RidgeClassifier(), SVC(tol=1e-8)], ids=str)
def test_the_mean_with_rows_left_out(surrogate):
    goal, other = make_goal(surrogate, True), make_goal(LogisticRegression(), True)
    both = FlipGoal(goal.folds, codes, left_out=other)
    labels = codes.copy()
    labels[::7] = 1 - labels[::7]
    one, two, mean = (each.measured(labels) for each in (goal, other, both))
    assert_allclose(mean.value, (one.value + two.value) / 2, rtol=1e-12)
    assert_allclose(mean.error, (one.error + two.error) / 2, rtol=1e-12)
    assert_allclose(mean.rows, [one.rows, two.rows], rtol=1e-12)
    shares = np.eye(2)[labels]
    assert_allclose(both.gradient(shares), goal.gradient(shares), rtol=1e-12)
    labels[20:] = 1
    assert both.measured(labels) is None


def test_each_row_by_the_surrogate_that_learns_from_the_others():
    problem = BilevelProblem(
        RidgeClassifier(),
        ErrorGeneric(),
        X,
        codes,
        classes=CLASSES,
        X_val=X,
        y_val=codes,
    )
    scores = [
        RidgeClassifier()
        .fit(np.delete(X, i, axis=0), np.delete(codes, i))
        .decision_function(X[[i]])
        for i in range(60)
    ]
    measured = HeldOutPart(LabelProblem(problem)).measured(codes)
    expected = SmoothedError(codes).of_rows(np.array(scores))
    assert_allclose(measured.rows, expected, rtol=1e-7)


def test_the_gradient_is_that_of_the_engine():
    shares = np.eye(2)[codes]
    by_fits, by_engine = (
        make_goal(LogisticRegression(), by_fits).gradient(shares)
        for by_fits in (True, False)
    )
    assert_allclose(by_fits, by_engine, rtol=1e-12)
    assert make_goal(DecisionTreeClassifier(), True).gradient(shares) is None


def test_no_surrogate_loses_a_class():
    goal = make_goal(LogisticRegression(), False)
    labels = codes.copy()
    labels[20:] = 1  # what the first surrogate learns from
    assert goal.measured(labels) is None
    labels[20] = 0
    assert goal.measured(labels) is not None
