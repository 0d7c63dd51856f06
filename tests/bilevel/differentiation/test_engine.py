import numpy as np
import pytest

from skpoison.bilevel.differentiation.engines import make_engine
from skpoison.bilevel.goals import (
    MeanLoss,
    OnCoefficients,
    OnFeatures,
    OnObjective,
    OnRows,
)
from skpoison.bilevel.learners.base import Rows
from skpoison.bilevel.learners.l1 import L1Learner
from skpoison.bilevel.learners.linear import LinearLearner
from skpoison.bilevel.learners.network import NetworkLearner
from skpoison.bilevel.learners.svm import SVMLearner
from skpoison.bilevel.losses import Logistic

ROWS = Rows(
    np.random.RandomState(0).normal(size=(20, 3)),
    1.0 * (np.arange(20) % 2)[:, np.newaxis],
    np.ones(20),
)
LEARNERS = {
    "linear": LinearLearner(Logistic(), 1.0),
    "l1": L1Learner(Logistic(), 0.1, l1_penalty=0.1),
    "network": NetworkLearner((2,), "tanh", Logistic(), 0.1, np.random.RandomState(0)),
    "svm": SVMLearner("linear", 1.0),
}
GOALS = {
    "scores": OnRows(ROWS.X, MeanLoss(Logistic(), ROWS.targets)),
    "parameters": OnObjective(ROWS),
    "coefficients": OnCoefficients(np.zeros((3, 1))),
    "features": OnFeatures(np.array([0]), np.array([1])),
}
NEEDS = {
    "parameters": "A goal on weights needs a surrogate that learns .* LinearSVC",
    "coefficients": "A goal on coefficients needs .* weight of each feature, .* layers",
    "features": "A goal on features needs .* selects some of them: take Lasso",
}


@pytest.mark.parametrize("kind", GOALS)
@pytest.mark.parametrize("name", LEARNERS)
def test_goals_that_mean_something_for_a_learner(name, kind):
    learner, goal = LEARNERS[name], GOALS[kind]
    steps = {"n_steps": 5, "rate": 0.1} if name == "network" else {}
    engine = make_engine(learner, shape=ROWS.X.shape, **steps)
    assert goal.kind == kind
    if kind in learner.supports:
        value, hypergradient = engine(ROWS, goal, slice(-4, None))
        assert np.isfinite(value)
        assert hypergradient.features.shape == (4, 3)
    else:
        with pytest.raises(ValueError, match=NEEDS[kind]):
            engine(ROWS, goal, slice(-4, None))


def test_supported_kinds():
    kinds = {name: set(GOALS) & LEARNERS[name].supports for name in LEARNERS}
    assert kinds == {
        "linear": {"scores", "parameters", "coefficients"},
        "l1": {"scores", "parameters", "coefficients", "features"},
        "network": {"scores", "parameters"},
        "svm": {"scores"},
    }


def test_goals_from_outside_are_functions_of_the_weights():
    class SmallWeights:
        def at(self, learner, W):
            return -(W**2).sum() / 2, -W

    engine = make_engine(LEARNERS["linear"], shape=ROWS.X.shape)
    value, _ = engine(ROWS, SmallWeights(), slice(None))
    assert value == -(engine.optimum.W**2).sum() / 2
    engine = make_engine(LEARNERS["svm"], shape=ROWS.X.shape)
    with pytest.raises(ValueError, match=NEEDS["parameters"]):
        engine(ROWS, SmallWeights(), slice(None))
