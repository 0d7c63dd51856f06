import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from skpoison.attacks._fold_mean import FoldMean
from skpoison.attacks._problem import BilevelProblem
from skpoison.attacks.labels._flip_goal import (
    FitPart,
    FlipGoal,
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
LOGISTIC = LogisticRegression(tol=1e-10)
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
@pytest.mark.parametrize("surrogate", [LOGISTIC, SVC(tol=1e-8)], ids=str)
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


@pytest.mark.parametrize("by_fits", [True, False])
def test_another_measure(by_fits):
    """It replaces that of the goal, in values and gradients."""
    ((train, own), *_), part = SPLITS, make_goal(LOGISTIC, by_fits).folds.parts[0]
    measure = SmoothedError(1 - codes[own], sharpness=2.0)
    part.measure_by(measure)
    fitted = clone(LOGISTIC).fit(X[train], codes[train])
    expected = measure.value(fitted.decision_function(X[own])[:, np.newaxis])
    assert_allclose(part.measured(codes[train]).value, expected, rtol=1e-6)
    shares = np.eye(2)[codes[train]]
    other = make_goal(LOGISTIC, by_fits).folds.parts[0]
    # For the other labels at the same sharpness it is minus the gradient.
    other.measure_by(SmoothedError(codes[own], sharpness=2.0))
    assert_allclose(part.gradient(shares), -other.gradient(shares), rtol=1e-9)


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
