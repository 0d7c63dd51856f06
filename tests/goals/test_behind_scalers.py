from types import SimpleNamespace

import numpy as np
from numpy.testing import assert_allclose

from skpoison.bilevel.goals import OnObjective, OnRows, SmoothedError
from skpoison.bilevel.learners.base import Rows
from skpoison.bilevel.learners.linear import LinearLearner
from skpoison.bilevel.losses import Logistic
from skpoison.goals._base import BaseGoal, GoalContext
from skpoison.goals._behind_scalers import BehindScalers

rng = np.random.RandomState(0)
X, W, codes = rng.normal(size=(9, 3)), rng.normal(size=(4, 1)), np.arange(9) % 2
LEARNER = LinearLearner(Logistic(), 0.5)


class Given(BaseGoal):
    """A goal of the package, of which only `at` is seen."""

    kind = "errors"

    def __init__(self, make):
        self.make = make

    def resolve(self, context):
        return SimpleNamespace(at=self.make(context.X_val).at)


def test_gradients_are_those_of_goals_that_know_them():
    clipped = X < -0.3, X > 0.4
    scaling = SimpleNamespace(transform_new=lambda X: (X, clipped))
    targets, weights = 1.0 * codes[:, np.newaxis], np.ones(9)
    for make in (
        lambda X: OnRows(X, SmoothedError(codes)),
        lambda X: OnObjective(Rows(X, targets, weights)),
    ):
        goal = BehindScalers(Given(make), GoalContext(None, 3, 1, X_val=X))
        value, b, found = goal.scaled(scaling).at_with_columns(LEARNER, W)
        known = make(X).scaled(scaling).at_with_columns(LEARNER, W)
        assert value == known[0]
        assert_allclose(b, known[1])
        for part in ("shift", "scale", "below", "above"):
            ours, theirs = getattr(found, part), getattr(known[2], part)
            assert_allclose(ours, theirs, rtol=1e-6, atol=1e-8)
