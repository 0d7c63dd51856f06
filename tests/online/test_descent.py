"""Steps of networks and of gradient descent against the estimators' partial_fit."""

import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier, MLPRegressor

from skpoison.online._victims import as_stream_learner
from skpoison.surrogates import GradientDescentClassifier, GradientDescentRegressor

rng = np.random.RandomState(0)
X = rng.normal(size=(24, 4))
y3 = np.arange(24) % 3
y2 = (y3 > 0).astype(int)
r = X[:, 0] - X[:, 1]
WEIGHTS = rng.uniform(0.5, 2, size=24)
H = 1e-6
SGD = {"solver": "sgd", "random_state": 0, "learning_rate_init": 0.1, "alpha": 0.1}
NETWORKS = [
    MLPClassifier((3,), momentum=0, activation="tanh", **SGD),
    MLPClassifier((3, 2), momentum=0.9, activation="logistic", **SGD),
    MLPClassifier(
        (4,), momentum=0.5, nesterovs_momentum=False, learning_rate="invscaling", **SGD
    ),
    MLPClassifier((3,), random_state=0, learning_rate_init=0.05, activation="tanh"),
    MLPRegressor(hidden_layer_sizes=(3,), momentum=0, activation="tanh", **SGD),
    MLPRegressor(hidden_layer_sizes=(3,), random_state=0, learning_rate_init=0.05),
]
DESCENT = [
    GradientDescentClassifier(alpha=0.1),
    GradientDescentClassifier("squared_error", learning_rate=0.1, fit_intercept=False),
    GradientDescentRegressor(),
]


def weights_of(estimator):
    if hasattr(estimator, "coefs_"):
        layers = zip(estimator.coefs_, estimator.intercepts_, strict=True)
        return np.concatenate([np.vstack(layer).ravel() for layer in layers])
    rows = [np.atleast_2d(estimator.coef_).T]
    if estimator.fit_intercept:
        rows.append(np.atleast_2d(estimator.intercept_))
    return np.vstack(rows).ravel()


def labels_for(estimator, labels):
    return r if "Regressor" in type(estimator).__name__ else labels


@pytest.mark.parametrize("labels", [y2, y3], ids=["2 classes", "3 classes"])
@pytest.mark.parametrize("size", [1, 5])
@pytest.mark.parametrize("estimator", NETWORKS + DESCENT, ids=str)
def test_partial_fit(estimator, labels, size):
    y = labels_for(estimator, labels)
    classes = None if y is r else np.unique(y)
    estimator = type(estimator)(**estimator.get_params())
    state = as_stream_learner(estimator, 4, classes)
    given = {} if classes is None else {"classes": classes}
    weights = None if hasattr(estimator, "batch_size") else WEIGHTS
    for i in range(0, 24, size):
        if i == 10:  # it goes on from where the learner stands
            state = as_stream_learner(estimator, 4, classes)
        rows = slice(i, i + size)
        sample_weight = None if weights is None else weights[rows]
        if weights is not None:
            given["sample_weight"] = sample_weight
        estimator.partial_fit(X[rows], y[rows], **given)
        state.partial_fit(X[rows], y[rows], sample_weight)
    np.testing.assert_allclose(
        state.weights.ravel(), weights_of(estimator), rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize("estimator", NETWORKS[:2] + NETWORKS[3:5] + DESCENT, ids=str)
def test_pull_back(estimator):
    y = labels_for(estimator, y3)
    classes = None if y is r else np.unique(y)
    state = as_stream_learner(estimator, 4, classes)
    for i in range(4):
        state.learn(X[i], y[i])
    direction = rng.normal(size=state.weights.shape)

    def after(x, weights=state.weights):
        twin = state.copy()
        twin.weights = weights
        twin.learn(x, y[5])
        return (twin.weights * direction).sum()

    step = state.copy().learn(X[5], y[5])
    before, by_row = state.pull_back(step, direction)
    expected = np.empty(4)
    for j in range(4):
        e = H * np.eye(4)[j]
        expected[j] = (after(X[5] + e) - after(X[5] - e)) / (2 * H)
    np.testing.assert_allclose(by_row, expected, rtol=1e-6, atol=1e-8)
    expected = np.empty_like(before)
    for i in np.ndindex(before.shape):
        e = np.zeros_like(before)
        e[i] = H
        up, down = (after(X[5], state.weights + s * e) for s in (1, -1))
        expected[i] = (up - down) / (2 * H)
    np.testing.assert_allclose(before, expected, rtol=1e-6, atol=1e-8)


def test_copies_are_independent():
    state = as_stream_learner(NETWORKS[3], 4, np.arange(3))
    state.learn(X[0], 0)
    twin = state.copy()
    before, n_steps = state.weights.copy(), state.update.n_steps
    twin.learn(X[1], 1)
    np.testing.assert_array_equal(state.weights, before)
    assert state.update.n_steps == n_steps


@pytest.mark.parametrize(
    "params",
    [
        {"early_stopping": True},
        {"solver": "sgd", "learning_rate": "adaptive"},
    ],
    ids=str,
)
def test_other_networks_are_refused(params):
    with pytest.raises(ValueError, match=r"by one step.*Set "):
        as_stream_learner(MLPClassifier(**params), 4, np.arange(2))
