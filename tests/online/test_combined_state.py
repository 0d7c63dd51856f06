"""A combination of learners by gradient descent, as it stands."""

import numpy as np
import pytest
from sklearn.linear_model import SGDClassifier

from skpoison.online import AdaptiveCombinationClassifier, RejectionClassifier
from skpoison.online._defended_victims import as_stream_learner

rng = np.random.RandomState(0)
X = rng.normal(size=(30, 3))
y = rng.randint(2, size=30)
FAST = SGDClassifier("log_loss", learning_rate="constant", eta0=0.5, alpha=0.01)
BARE = SGDClassifier(
    "log_loss", learning_rate="constant", eta0=0.1, fit_intercept=False
)


def combined():
    defence = AdaptiveCombinationClassifier(
        [("fast", FAST), ("bare", BARE), ("judged", RejectionClassifier(FAST))]
    )
    state = as_stream_learner(defence, 3, np.arange(2))
    state.learn_rows(X, y, np.arange(30) % 2 == 0)
    return state


def test_derivative_of_the_scores():
    state = combined()
    W, R = state.weights, rng.normal(size=(30, 1))
    assert W.shape == (4 + 3 + 4, 1)
    gradient = state.learner.score_vjp(X, W, R)
    h = 1e-5
    for j in range(W.shape[0]):
        e = np.zeros_like(W)
        e[j] = h
        up, down = (state.learner.scores(X, W + s * e) for s in (1, -1))
        np.testing.assert_allclose(
            gradient[j, 0], ((up - down) * R).sum() / (2 * h), rtol=1e-6, atol=1e-9
        )


def test_step_back():
    """The gradient before a step, and in its row, of a function of what follows."""
    state = combined()
    state.members = state.members[:2]  # rejection has no derivative
    state.logits = state.logits[:2]
    state.X = None  # the weights of the members are constants
    V = rng.normal(size=(7, 1))
    x, label = rng.normal(size=3), 1

    def after(x, moved=None):
        twin = state.copy()
        if moved is not None:
            for member, part in zip(twin.members, twin.split(moved), strict=True):
                member.coef = part[:3].T.copy()
                if part.shape[0] > 3:
                    member.intercept = part[3].copy()
        twin.learn(x, label)
        return float((twin.weights * V).sum())

    twin = state.copy()
    before, by_row = twin.pull_back(twin.learn(x, label), V)
    h = 1e-5
    for j in range(3):
        e = h * np.eye(3)[j]
        slope = (after(x + e) - after(x - e)) / (2 * h)
        np.testing.assert_allclose(by_row[j], slope, rtol=1e-6, atol=1e-9)
    for j in range(7):
        e = h * np.eye(7)[:, [j]]
        W = state.weights
        slope = (after(x, W + e) - after(x, W - e)) / (2 * h)
        np.testing.assert_allclose(before[j, 0], slope, rtol=1e-6, atol=1e-9)


def test_copies_are_independent():
    state = combined()
    twin = state.copy()
    logits, weights = state.logits.copy(), state.weights
    twin.learn(X[0], 1 - y[0], trusted=True)
    np.testing.assert_array_equal(state.logits, logits)
    np.testing.assert_array_equal(state.weights, weights)
    assert len(state.codes) == len(twin.codes) - 1
    assert twin.weights[0] != pytest.approx(weights[0], rel=1e-9)
