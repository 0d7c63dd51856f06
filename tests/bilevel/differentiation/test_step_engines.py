import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.exceptions import ConvergenceWarning

from skpoison.bilevel.differentiation.hypergradients import descend, unrolled
from skpoison.bilevel.differentiation.step_engines import (
    BackGradient,
    ClosedFormDifferentiation,
    UnrolledDifferentiation,
)
from skpoison.bilevel.goals import MeanLoss, OnRows
from skpoison.bilevel.learners.linear import LinearLearner
from skpoison.bilevel.learners.network import NetworkLearner
from skpoison.bilevel.losses import Logistic, Squared

POISON = slice(-4, None)
STEPS = {"rate": 0.02, "n_steps": 40}
SQUARED = LinearLearner(Squared(), 0.3)
LOGISTIC = LinearLearner(Logistic(), 0.3)
NETWORK = NetworkLearner((3,), "tanh", Logistic(), 0.1, np.random.RandomState(0))


def make(learner, make_rows):
    """Make rows and a goal on ten others."""
    rows = make_rows(learner if hasattr(learner, "intercept") else LOGISTIC)
    own = rows.X[:10].copy(), rows.targets[:10]
    return rows, OnRows(own[0], MeanLoss(learner.loss, own[1]))


def assert_same(found, expected):
    assert_allclose(found[0], expected[0], rtol=1e-9)
    for part in ("features", "targets", "weights"):
        assert_allclose(
            getattr(found[1], part), getattr(expected[1], part), rtol=1e-6, atol=1e-12
        )


@pytest.mark.parametrize("truncate", [None, 7])
@pytest.mark.parametrize("is_stored", [True, False])
def test_unrolled(is_stored, truncate, make_rows):
    rows, goal = make(LOGISTIC, make_rows)
    storable = {} if is_stored else {"storable": 0}
    engine = UnrolledDifferentiation(LOGISTIC, **STEPS, truncate=truncate, **storable)
    assert engine.checkpoint_every(rows) == (1 if is_stored else 7)
    W, stored = descend(LOGISTIC, rows, LOGISTIC.start(rows), **STEPS)
    value, b = goal.at(LOGISTIC, W)
    expected = value, unrolled(stored, b, POISON, truncate=truncate, **STEPS)
    assert_same(engine(rows, goal, POISON), expected)
    assert engine.diagnostics() == {"hypergradient": "unrolled"}


def test_the_last_steps_of_a_network(make_rows):
    """As if it had set out where they begin."""
    rows, goal = make(NETWORK, make_rows)
    W, stored = descend(NETWORK, rows, NETWORK.start(rows), **STEPS)
    value, b = goal.at(NETWORK, W)
    for truncate in (None, 5, 40):
        engine = UnrolledDifferentiation(NETWORK, **STEPS, truncate=truncate)
        n_steps = truncate or 40
        part = stored[-n_steps:]
        expected = unrolled(part, b, POISON, rate=0.02, n_steps=n_steps)
        assert_same(engine(rows, goal, POISON), (value, expected))


def test_closed_form(make_rows):
    rows, goal = make(SQUARED, make_rows)
    engine, expected = (
        ClosedFormDifferentiation,
        UnrolledDifferentiation,
    )
    results = [
        each(SQUARED, **STEPS)(rows, goal, POISON) for each in (engine, expected)
    ]
    assert_same(*results)


def test_back_gradient(make_rows):
    rows, goal = make(LOGISTIC, make_rows)
    engine = BackGradient(LOGISTIC, 1e-5, 3)
    value, found = engine(rows, goal, POISON)
    expected, exact = UnrolledDifferentiation(LOGISTIC, 1e-5, 3)(rows, goal, POISON)
    assert_allclose(value, expected, rtol=1e-12)
    assert_allclose(found.features, exact.features, rtol=1e-2, atol=1e-9)
    assert engine.diagnostics() == {
        "hypergradient": "back-gradient",
        "residual": engine.residual,
    }
    with pytest.warns(ConvergenceWarning, match="misses the initial weights"):
        BackGradient(LOGISTIC, 0.05, 200)(rows, goal, POISON)
