import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.linear_model import RidgeClassifier

from skpoison.attacks._problem import BilevelProblem
from skpoison.attacks.labels._label_influence import LabelInfluence
from skpoison.attacks.labels._label_problem import LabelProblem
from skpoison.goals import ErrorGeneric, TargetCoefficients

X = np.random.RandomState(0).normal(size=(50, 3))
CODES = (X[:, 0] > 0).astype(int)
GOALS = [ErrorGeneric(), TargetCoefficients({0: 1.0})]
KNOWN, VALIDATION = slice(0, 30), slice(30, 50)


def influence_on(goal, make=np.asarray, **params):
    validation = {}
    if goal.kind == "errors":
        validation = {"X_val": make(X[VALIDATION]), "y_val": CODES[VALIDATION]}
    problem = BilevelProblem(
        RidgeClassifier(alpha=0.7),
        goal,
        make(X[KNOWN]),
        CODES[KNOWN],
        classes=np.array([0, 1]),
        **validation,
    )
    return LabelInfluence(LabelProblem(problem), **params)


def ridge(targets):
    """Solve the normal equations; return the weights, the intercept last."""
    ones = np.column_stack([X[KNOWN], np.ones(30)])
    return np.linalg.solve(
        ones.T @ ones + np.diag([0.7, 0.7, 0.7, 0.0]), ones.T @ targets
    )


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("n_stored", [1, 2**20])
@pytest.mark.parametrize(
    "goal", [ErrorGeneric(), TargetCoefficients({0: 1.0})], ids=str
)
def test_influence_is_the_effect_of_a_target(goal, n_stored, make):
    influence = influence_on(goal, make, n_stored=n_stored)
    assert (influence.stored is None) == (n_stored == 1)
    follow = np.eye(4)
    if goal.kind == "errors":
        follow = np.column_stack([X[VALIDATION], np.ones(20)])
    targets = 2.0 * CODES[KNOWN] - 1
    assert_allclose(influence.followed[:, 0], follow @ ridge(targets), atol=1e-10)
    rows = np.array([4, 17])
    expected = [follow @ ridge(np.eye(30)[row]) for row in rows]
    assert_allclose(influence.of(rows), expected, atol=1e-10)


@pytest.mark.parametrize(
    "goal", [ErrorGeneric(), TargetCoefficients({0: 1.0})], ids=str
)
def test_slopes_are_those_of_the_goal(goal):
    influence = influence_on(goal)
    followed = influence.followed

    def value(followed):
        if goal.kind == "errors":
            return influence.goal.measure.value(followed)
        return influence.goal.at(influence.learner, followed)[0]

    slopes = influence.slopes(followed)[:, 0]
    for row in range(0, 30, 7):
        step = 1e-5 * influence.of(np.array([row])).T
        expected = (value(followed + step) - value(followed - step)) / 2e-5
        assert_allclose(slopes[row], expected, rtol=1e-6, atol=1e-10)
