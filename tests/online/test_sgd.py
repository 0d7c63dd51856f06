"""Derivatives of steps against finite differences."""

import numpy as np
import pytest
from sklearn.linear_model import SGDClassifier, SGDRegressor

from skpoison.online._losses import Hinge
from skpoison.online._victims import as_stream_learner

rng = np.random.RandomState(0)
N_FEATURES = 5
W = rng.normal(size=(3, N_FEATURES))
DIRECTION = rng.normal(size=(N_FEATURES + 1, 3))
ROW = rng.normal(size=N_FEATURES)
H = 1e-6
LEARNERS = [
    SGDClassifier("log_loss", learning_rate="constant", eta0=0.3, alpha=0.1),
    SGDClassifier("squared_hinge", learning_rate="constant", eta0=0.1, penalty=None),
    SGDClassifier(
        "modified_huber", penalty="l1", alpha=0.1, learning_rate="constant", eta0=0.3
    ),
    SGDRegressor("squared_error", penalty="elasticnet", alpha=0.2, eta0=0.1),
    SGDRegressor("huber", epsilon=50, eta0=0.1, fit_intercept=False),
]


def stand(estimator, **params):
    """Return a learner with some weights."""
    classes = np.arange(3) if isinstance(estimator, SGDClassifier) else None
    state = as_stream_learner(estimator, N_FEATURES, classes, **params)
    state.coef = W[: state.coef.shape[0]].copy()
    state.intercept = 0.3 * state.coef[:, 0] * bool(state.intercept_decay)
    return state


def after(state, x, coef, intercept, y=1, weight=1.7):
    """Return a linear function of the weights after a step."""
    twin = state.copy()
    twin.coef, twin.intercept = coef, intercept
    twin.learn(x, y, weight)
    weights = twin.weights
    return (weights * DIRECTION[: weights.shape[0], : weights.shape[1]]).sum()


def difference(f, x):
    """Differentiate a function of an array by central differences."""
    gradient = np.empty_like(x)
    for i in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[i] += H
        down[i] -= H
        gradient[i] = (f(up) - f(down)) / (2 * H)
    return gradient


def check_pull_back(state):
    coef, intercept = state.coef.copy(), state.intercept.copy()
    step = state.copy().learn(ROW, 1, 1.7)
    n_parameters, n_outputs = state.weights.shape
    before, by_row = state.pull_back(step, DIRECTION[:n_parameters, :n_outputs])
    expected = difference(lambda x: after(state, x, coef, intercept), ROW)
    np.testing.assert_allclose(by_row, expected, rtol=1e-6, atol=1e-8)
    expected = difference(lambda each: after(state, ROW, each, intercept), coef)
    np.testing.assert_allclose(before[:N_FEATURES].T, expected, rtol=1e-6, atol=1e-8)
    if state.intercept_decay:
        expected = difference(lambda each: after(state, ROW, coef, each), intercept)
        np.testing.assert_allclose(before[-1], expected, rtol=1e-6, atol=1e-8)
    up, down = (after(state, ROW, coef, intercept, weight=1.7 + h) for h in (H, -H))
    responses = state.responses(ROW, DIRECTION[:n_parameters, :n_outputs])
    if step.kept is None:
        np.testing.assert_allclose(
            step.pull @ responses / 1.7, (up - down) / (2 * H), rtol=1e-6
        )


@pytest.mark.parametrize("is_sparse", [False, True])
@pytest.mark.parametrize("estimator", LEARNERS, ids=str)
def test_pull_back(estimator, is_sparse):
    check_pull_back(stand(estimator, is_sparse=is_sparse))


@pytest.mark.parametrize("variant", [1, 2])
@pytest.mark.parametrize("C", [0.05, 50.0])
@pytest.mark.parametrize("of_labels", [True, False])
def test_pull_back_of_passive_aggressive_steps(variant, C, of_labels):
    estimator = SGDClassifier("hinge", penalty=None, eta0=C)
    if not of_labels:
        estimator = SGDRegressor("epsilon_insensitive", penalty=None, eta0=C)
    state = stand(estimator)
    state.rate = lambda t: C
    state.passive_aggressive = variant
    assert not of_labels or isinstance(state.loss, Hinge)
    check_pull_back(state)


def test_step_does_not_move_the_learner():
    state = stand(LEARNERS[0])
    before = state.weights.copy()
    state.step(ROW, 1)
    np.testing.assert_array_equal(state.weights, before)
    state.learn(ROW, 1)
    assert np.abs(state.weights - before).max() > 1e-3


@pytest.mark.parametrize(
    "estimator",
    [
        SGDClassifier("log_loss", alpha=0.1, class_weight={0: 2.0, 1: 0.3}),
        SGDClassifier("hinge", penalty=None, learning_rate="constant", eta0=0.5),
        SGDRegressor("huber", epsilon=0.3, alpha=0.1, fit_intercept=False),
        SGDClassifier("log_loss", penalty="l1", alpha=0.1),
    ],
    ids=str,
)
def test_many_rows_at_once_are_single_rows(estimator):
    X, y = rng.normal(size=(30, N_FEATURES)), rng.randint(2, size=30)
    classes = np.arange(2) if isinstance(estimator, SGDClassifier) else None
    fast = as_stream_learner(estimator, N_FEATURES, classes)
    slow = fast.copy()
    fast.learn_rows(X, y)
    for i in range(30):
        slow.learn(X[i], y[i])
    np.testing.assert_allclose(fast.weights, slow.weights, rtol=1e-13)
    assert fast.t == slow.t
