import numpy as np
import pytest

from skpoison.bilevel.differentiation.engines import make_engine
from skpoison.bilevel.differentiation.implicit_engines import (
    ImplicitDifferentiation,
    L1ImplicitDifferentiation,
    SVMImplicitDifferentiation,
)
from skpoison.bilevel.differentiation.step_engines import (
    BackGradient,
    ClosedFormDifferentiation,
    UnrolledDifferentiation,
)
from skpoison.bilevel.goals import OnRows, SmoothedError
from skpoison.bilevel.learners.base import Rows
from skpoison.bilevel.learners.l1 import L1Learner
from skpoison.bilevel.learners.linear import LinearLearner
from skpoison.bilevel.learners.network import NetworkLearner
from skpoison.bilevel.learners.svm import SVMLearner
from skpoison.bilevel.losses import Logistic, Squared

SQUARED = LinearLearner(Squared(), 0.3)
LOGISTIC = LinearLearner(Logistic(), 0.3)
NETWORK = NetworkLearner((3,), "tanh", Logistic(), 0.1, np.random.RandomState(0))
STEPS = {"n_steps": 40, "rate": 0.02}
SMALL = {"shape": (100, 10)}


@pytest.mark.parametrize("hypergradient", ["auto", "implicit"])
@pytest.mark.parametrize(
    ("learner", "expected"),
    [
        (LOGISTIC, ImplicitDifferentiation),
        (SQUARED, ImplicitDifferentiation),
        (L1Learner(Squared(), 0.0, l1_penalty=1.0), L1ImplicitDifferentiation),
        (SVMLearner("rbf", 1.0), SVMImplicitDifferentiation),
    ],
)
def test_learners_at_their_optimum(learner, expected, hypergradient):
    assert type(make_engine(learner, hypergradient, **SMALL)) is expected


@pytest.mark.parametrize(
    ("learner", "hypergradient", "expected"),
    [
        (LOGISTIC, "auto", UnrolledDifferentiation),
        (SQUARED, "auto", ClosedFormDifferentiation),
        (NETWORK, "auto", UnrolledDifferentiation),
        (SQUARED, "unrolled", UnrolledDifferentiation),
        (SQUARED, "back-gradient", BackGradient),
        (NETWORK, "back-gradient", BackGradient),
        (LOGISTIC, "implicit", ImplicitDifferentiation),
    ],
)
def test_learners_that_stop_early(learner, hypergradient, expected):
    engine = make_engine(learner, hypergradient, **SMALL, **STEPS)
    assert type(engine) is expected
    if expected is not ImplicitDifferentiation:
        assert engine.steps == STEPS


@pytest.mark.parametrize(
    ("learner", "hypergradient", "steps"),
    [
        (LOGISTIC, "auto", {}),
        (L1Learner(Logistic(), 0.0, l1_penalty=1.0), "auto", {}),
        (SVMLearner("rbf", 1.0), "auto", {}),
        (LOGISTIC, "auto", STEPS),
        (NETWORK, "auto", STEPS),
        (SQUARED, "auto", STEPS),
    ],
)
def test_scores_are_those_that_a_goal_reads(learner, hypergradient, steps):
    rng = np.random.RandomState(0)
    X, X_val = rng.standard_normal((30, 4)), rng.standard_normal((8, 4))
    codes = (X[:, :1] > 0).astype(int)
    is_svm = isinstance(learner, SVMLearner)
    targets = 2.0 * codes - 1 if is_svm else codes.astype(float)
    rows = Rows(X, targets, np.ones(30))
    measure = SmoothedError((X_val[:, 0] > 0).astype(int))
    values = []
    for evaluate in (
        lambda engine: measure.value(engine.scores(rows, X_val)),
        lambda engine: engine(rows, OnRows(X_val, measure), slice(0, 1))[0],
    ):
        engine = make_engine(learner, hypergradient, shape=(30, 4), **steps)
        values.append(evaluate(engine))
    assert values[0] == pytest.approx(values[1], rel=1e-6)


@pytest.mark.parametrize("shape", [(1001, 1001), (900, 40_000)])
def test_closed_form_of_large_problems_costs_more_than_the_steps(shape):
    engine = make_engine(SQUARED, shape=shape, **STEPS)
    assert type(engine) is UnrolledDifferentiation
    engine = make_engine(SQUARED, shape=(1000, 2000), **STEPS)
    assert type(engine) is ClosedFormDifferentiation


def test_the_last_steps_alone_have_no_closed_form():
    engine = make_engine(SQUARED, truncate=3, **SMALL, **STEPS)
    assert type(engine) is UnrolledDifferentiation
    assert engine.truncate == 3


@pytest.mark.parametrize("hypergradient", ["unrolled", "back-gradient"])
def test_no_steps_to_differentiate(hypergradient):
    with pytest.raises(ValueError, match="this one is trained to its optimum: use"):
        make_engine(LOGISTIC, hypergradient, **SMALL)


@pytest.mark.parametrize("steps", [{}, STEPS])
def test_no_steps_to_truncate(steps):
    with pytest.raises(ValueError, match=r"the last 5 steps .* takes none"):
        make_engine(LOGISTIC, "implicit", truncate=5, **SMALL, **steps)


def test_more_steps_than_there_are():
    with pytest.raises(ValueError, match="`last` of Unrolled must not exceed the"):
        make_engine(SQUARED, truncate=STEPS["n_steps"] + 1, **SMALL, **STEPS)


def test_networks_have_many_optima():
    with pytest.raises(ValueError, match="unique optimum, and a neural network has"):
        make_engine(NETWORK, "implicit", **SMALL, **STEPS)
