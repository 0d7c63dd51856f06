"""The attacker's gradients and exact rows against finite differences and searches."""

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.datasets import make_classification
from sklearn.linear_model import SGDClassifier, SGDRegressor
from sklearn.neural_network import MLPClassifier

from skpoison.feasible_sets import Box
from skpoison.goals import ErrorGeneric, ErrorSpecific, TargetCoefficients
from skpoison.online import OnlineInsertion, OnlineLabelFlip
from skpoison.online._attacker import (
    Attacker,
    best_step,
    exact_row,
    first_order_gain,
    has_sorted_rows,
)
from skpoison.online._victims import as_stream_learner

X, y2 = make_classification(60, 5, n_informative=4, n_redundant=0, random_state=0)
y3 = np.digitize(X[:, 0], [-0.5, 0.5])
r = X @ [1.0, -1.0, 0.5, 0.0, 0.2]
BOX = Box().fit(X)
SGD = {"learning_rate": "constant", "eta0": 0.3}


def attack(estimator, y, goal, look_ahead=1):
    classes = None if isinstance(estimator, SGDRegressor) else np.unique(y)
    state = as_stream_learner(estimator, 5, classes)
    state.learn_rows(X[:30], y[:30])
    attacker = Attacker(
        state, goal, classes, np.random.RandomState(0), look_ahead=look_ahead
    )
    attacker.aim(X[30:], y[30:])
    return attacker


CASES = [
    (SGDClassifier("log_loss", **SGD), y2, ErrorGeneric()),
    (SGDClassifier("log_loss", **SGD), y3, ErrorGeneric("surrogate")),
    (SGDClassifier("modified_huber", penalty="l1", **SGD), y3, ErrorSpecific({0: 1})),
    (SGDClassifier("log_loss", **SGD), y2, TargetCoefficients({0: -3.0})),
    (SGDClassifier("log_loss", **SGD), y2, ErrorGeneric("objective")),
    (SGDRegressor("squared_error", eta0=0.02), r, ErrorGeneric()),
    (
        MLPClassifier((3,), "tanh", solver="sgd", momentum=0, random_state=0),
        y3,
        ErrorGeneric(),
    ),
]


@pytest.mark.parametrize(("look_ahead", "n_repeats"), [(1, 1), (3, 1), (4, 3)])
@pytest.mark.parametrize(("estimator", "y", "goal"), CASES, ids=str)
def test_gradient_in_the_row(estimator, y, goal, look_ahead, n_repeats):
    attacker, x = attack(estimator, y, goal, look_ahead), X[0] + 0.1
    label = y[5]
    value, gradient = attacker.value_and_gradient(x, label, n_repeats)
    h, expected = 1e-6, np.empty(5)
    for j in range(5):
        up, down = (
            attacker.value_and_gradient(x + s * h * np.eye(5)[j], label, n_repeats)[0]
            for s in (1, -1)
        )
        expected[j] = (up - down) / (2 * h)
    np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=1e-9)
    # The value is that of steps taken one after the other.
    state = attacker.state.copy()
    for _ in range(n_repeats):
        state.learn(x, label)
    for row in attacker._future:
        state.learn(*row)
    assert value == attacker.value(state)


@pytest.mark.parametrize("look_ahead", [1, 4])
def test_direction_is_the_gradient_after_the_next_step(look_ahead):
    """The first-order gain of a short step is what it gains."""
    attacker = attack(CASES[0][0], y2, ErrorGeneric("surrogate"), look_ahead)
    v, h = attacker.direction()[1], 1e-5
    state = attacker.state

    def goal_after(weight):
        twin = state.copy()
        twin.penalty = 0.0
        twin.learn(X[0], 1 - y2[0], weight)
        twin.penalty = state.penalty
        for row in attacker._future:
            twin.learn(*row)
        return attacker.value(twin)

    gain = first_order_gain(state, v, X[0], 1 - y2[0])
    rise = (goal_after(h) - goal_after(-h)) / (2 * h)
    np.testing.assert_allclose(gain, rise, rtol=1e-6)


@pytest.mark.parametrize("label", [0, 1])
@pytest.mark.parametrize(
    "estimator",
    [
        SGDClassifier("log_loss", class_weight={0: 3.0, 1: 0.5}, **SGD),
        SGDClassifier("squared_hinge", penalty=None, **SGD),
        SGDClassifier("squared_error", fit_intercept=False, **SGD),
        SGDRegressor("squared_error", eta0=0.02),
    ],
    ids=str,
)
def test_exact_row_against_many_starts(estimator, label):
    y = r if isinstance(estimator, SGDRegressor) else y2
    attacker = attack(estimator, y, ErrorGeneric("surrogate"))
    v = attacker.direction()[1]
    assert has_sorted_rows(attacker.state, BOX)
    row = exact_row(attacker.state, v, label, BOX)
    gain = first_order_gain(attacker.state, v, row, label)
    assert BOX.contains(row[np.newaxis]).all()

    def gain_of(x):
        return first_order_gain(attacker.state, v, x, label)

    np.testing.assert_allclose(gain, gain_of(row))
    starts = np.random.RandomState(0).uniform(BOX.lower_, BOX.upper_, size=(15, 5))
    bounds = list(zip(BOX.lower_, BOX.upper_, strict=True))
    found = [
        -minimize(lambda x: -gain_of(x), x, bounds=bounds, method="L-BFGS-B").fun
        for x in np.concatenate([starts, X[:5], row[np.newaxis]])
    ]
    np.testing.assert_allclose(gain, max(found), rtol=1e-7)


@pytest.mark.parametrize(
    "estimator",
    [
        SGDClassifier("log_loss", penalty="l1", **SGD),
        MLPClassifier((3,), solver="sgd", momentum=0, random_state=0),
    ],
    ids=str,
)
def test_no_exact_row(estimator):
    assert not has_sorted_rows(as_stream_learner(estimator, 5, np.arange(2)), BOX)
    linear = as_stream_learner(SGDClassifier(), 5, np.arange(2))
    assert not has_sorted_rows(linear, Box(0, np.inf).fit(X))
    assert not has_sorted_rows(as_stream_learner(SGDClassifier(), 5, np.arange(3)), BOX)


@pytest.mark.parametrize("label", [0, 1])
def test_refined_row_against_many_starts(label):
    """By the goal itself, whose steps are long, no start leads higher."""
    estimator = SGDClassifier("log_loss", learning_rate="constant", eta0=1.0)
    attacker = attack(estimator, y2, ErrorGeneric("surrogate"))
    value, v = attacker.direction()
    row, chosen, found = best_step(attacker, v, [label], BOX)
    assert chosen == label
    first = exact_row(attacker.state, v, label, BOX)
    assert found >= attacker.direction(first, label)[0] > value
    starts = np.random.RandomState(0).uniform(BOX.lower_, BOX.upper_, size=(10, 5))
    bounds = list(zip(BOX.lower_, BOX.upper_, strict=True))
    reached = [
        -minimize(
            lambda x: [-each for each in attacker.value_and_gradient(x, label, 1)],
            x,
            jac=True,
            bounds=bounds,
        ).fun
        for x in np.concatenate([starts, X[:5], row[np.newaxis]])
    ]
    np.testing.assert_allclose(found, max(reached), rtol=1e-3)


@pytest.mark.parametrize("rate", [1e155, 1e300])
@pytest.mark.parametrize("penalty", ["l2", "l1"])
@pytest.mark.parametrize("attack", [OnlineInsertion, OnlineLabelFlip])
def test_steps_that_overflow(attack, penalty, rate):
    surrogate = SGDClassifier(
        "squared_error", penalty=penalty, learning_rate="constant", eta0=rate
    )
    rng = np.random.RandomState(0)
    X = rng.normal(size=(50, 3))
    with (
        np.errstate(all="ignore"),
        pytest.raises(ValueError, match="`surrogate` must take steps after"),
    ):
        attack(surrogate, 0.2, random_state=0).fit_resample(
            X, (X[:, 0] > 0).astype(int)
        )
