import numpy as np
import pytest

from skpoison.attacks._goal_values import goal_values
from skpoison.bilevel.goals import MeanLoss, OnCoefficients, OnRows, SmoothedError
from skpoison.bilevel.learners.linear import LinearLearner
from skpoison.bilevel.losses import Multinomial, Squared

RNG = np.random.RandomState(0)
X_VAL, CODES = RNG.normal(size=(20, 3)), np.arange(20) % 3
GOALS = [
    OnRows(X_VAL, SmoothedError(CODES)),
    OnRows(X_VAL, MeanLoss(Squared(), np.eye(3)[CODES])),
    OnCoefficients(np.ones((3, 3))),
]


@pytest.mark.parametrize("goal", GOALS, ids=lambda goal: type(goal).__name__)
def test_goal_of_each(goal):
    learner = LinearLearner(Multinomial(), 1.0)
    W = RNG.normal(size=(5, 4, 3))
    W[2] = np.nan
    values = goal_values(goal, learner, W)
    assert values[2] == -np.inf
    for i in (0, 1, 3, 4):
        np.testing.assert_allclose(values[i], goal.at(learner, W[i])[0], rtol=1e-12)
