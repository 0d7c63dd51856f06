"""Steps of learners against scikit-learn's own partial_fit."""

import warnings

import numpy as np
import pytest
import sklearn
from scipy import sparse
from sklearn.linear_model import SGDClassifier, SGDRegressor
from sklearn.neural_network import MLPClassifier
from sklearn.utils.fixes import parse_version

from skpoison.online._victims import as_stream_learner
from skpoison.surrogates import GradientDescentClassifier

rng = np.random.RandomState(0)
X = rng.normal(size=(36, 7)) * (rng.uniform(size=(36, 7)) < 0.7)
y3 = rng.randint(3, size=36)
y2 = (y3 > 0).astype(int)
r = X[:, 0] - X[:, 1] + 0.3 * rng.normal(size=36)
WEIGHTS = rng.uniform(0.2, 3, size=36)
RATES = [("constant", 0.3), ("invscaling", 0.5), ("optimal", 0.01)]
# The passive-aggressive learners have been rates of these classes since version 1.8.
if parse_version(sklearn.__version__) >= parse_version("1.8"):
    RATES += [("pa1", 0.3), ("pa2", 0.3)]
PENALTIES = [
    {"penalty": None},
    {"penalty": "l2", "alpha": 0.05},
    {"penalty": "l1", "alpha": 0.05},
    {"penalty": "elasticnet", "alpha": 0.05, "l1_ratio": 0.4},
]
OF_LABELS = [
    "log_loss",
    "hinge",
    "perceptron",
    "squared_hinge",
    "modified_huber",
    "squared_error",
    "huber",
    "epsilon_insensitive",
    "squared_epsilon_insensitive",
]


def assert_same(state, estimator):
    for own, other in (
        (state.coef, np.atleast_2d(estimator.coef_)),
        (state.intercept, estimator.intercept_),
    ):
        np.testing.assert_allclose(own, other, rtol=1e-12, atol=1e-12)
    assert state.t == estimator.t_


def assert_learns_alike(estimator, y, *, is_sparse=False, size=1, weighted=True):
    """Learn from a stream in calls of some size, by steps and by scikit-learn."""
    classes = np.unique(y) if isinstance(estimator, SGDClassifier) else None
    state = as_stream_learner(estimator, X.shape[1], classes, is_sparse=is_sparse)
    given = {} if classes is None else {"classes": classes}
    for i in range(0, len(y), size):
        rows, weights = slice(i, i + size), WEIGHTS[i : i + size]
        X_call = sparse.csr_array(X[rows]) if is_sparse else X[rows]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            estimator.partial_fit(
                X_call, y[rows], sample_weight=weights if weighted else None, **given
            )
        state.partial_fit(X[rows], y[rows], weights if weighted else None)
    assert_same(state, estimator)
    assert np.abs(state.coef).max() > 1e-3
    return state


@pytest.mark.parametrize("is_sparse", [False, True])
@pytest.mark.parametrize("penalty", PENALTIES, ids=str)
@pytest.mark.parametrize(("rate", "eta0"), RATES)
@pytest.mark.parametrize("y", [y2, y3], ids=["2 classes", "3 classes"])
def test_classifier(y, rate, eta0, penalty, is_sparse):
    weights = {0: 0.5, 1: 2.0}
    losses = ["hinge"] if rate.startswith("pa") else ["log_loss", "hinge"]
    for loss in losses:
        victim = SGDClassifier(
            loss,
            learning_rate=rate,
            eta0=eta0,
            shuffle=False,
            class_weight=weights,
            **({"alpha": 0.01} | penalty),
        )
        assert_learns_alike(victim, y, is_sparse=is_sparse)


@pytest.mark.parametrize("is_sparse", [False, True])
@pytest.mark.parametrize("penalty", PENALTIES, ids=str)
@pytest.mark.parametrize(("rate", "eta0"), RATES)
def test_regressor(rate, eta0, penalty, is_sparse):
    loss = "epsilon_insensitive" if rate.startswith("pa") else "squared_error"
    victim = SGDRegressor(
        loss,
        learning_rate=rate,
        eta0=eta0 / 10,
        shuffle=False,
        **({"alpha": 0.5} | penalty),
    )
    assert_learns_alike(victim, r, is_sparse=is_sparse)


@pytest.mark.parametrize("loss", OF_LABELS)
def test_losses_of_labels(loss):
    assert_learns_alike(
        SGDClassifier(loss, learning_rate="constant", eta0=0.01, shuffle=False), y3
    )


@pytest.mark.parametrize("loss", OF_LABELS[5:])
def test_losses_of_responses(loss):
    victim = SGDRegressor(loss, learning_rate="constant", eta0=0.01, shuffle=False)
    assert_learns_alike(victim, r)


@pytest.mark.parametrize("penalty", PENALTIES, ids=str)
def test_calls_of_many_rows_without_an_intercept(penalty):
    victim = SGDClassifier(
        "log_loss",
        learning_rate="constant",
        eta0=0.3,
        shuffle=False,
        fit_intercept=False,
        **penalty,
    )
    assert_learns_alike(victim, y3, size=8, weighted=False)


def test_goes_on_from_where_the_learner_stands():
    victim = SGDClassifier("log_loss", learning_rate="invscaling", eta0=0.3)
    victim.partial_fit(X[:20], y3[:20], classes=[0, 1, 2])
    state = as_stream_learner(victim, 7, np.arange(3))
    for i in range(20, 36):
        victim.partial_fit(X[i : i + 1], y3[i : i + 1])
        state.learn(X[i], y3[i])
    assert_same(state, victim)


@pytest.mark.skipif(len(RATES) < 5, reason="this version has no such rates")
def test_a_row_of_zeros_is_skipped_by_the_first_passive_aggressive_learner():
    rows = np.concatenate([X[:20], np.zeros((3, 7)), X[20:]])
    labels = np.r_[y2[:20], 1, 0, 1, y2[20:]]
    victim = SGDClassifier(
        "hinge", penalty="l1", alpha=0.1, learning_rate="pa1", eta0=1.0, shuffle=False
    ).partial_fit(rows, labels, classes=[0, 1])
    state = as_stream_learner(
        SGDClassifier(**victim.get_params()), 7, np.arange(2)
    ).partial_fit(rows, labels)
    assert_same(state, victim)


def test_large_slopes_are_clipped_as_in_scikit_learn():
    victim = SGDRegressor(
        "squared_error", learning_rate="constant", eta0=1e-14, shuffle=False
    ).partial_fit([[1.0]], [1e15])
    state = as_stream_learner(SGDRegressor(**victim.get_params()), 1)
    state.learn(np.ones(1), 1e15)
    np.testing.assert_allclose(state.coef, [victim.coef_], rtol=1e-12)
    np.testing.assert_allclose(state.coef, 0.01)


def test_average_and_balanced_weights_are_refused():
    for params in ({"average": True}, {"learning_rate": "adaptive", "eta0": 1.0}):
        with pytest.raises(ValueError, match=r"one after the other.*Set "):
            as_stream_learner(SGDClassifier(**params), 7, np.arange(2))
    with pytest.raises(ValueError, match="`class_weight` of the surrogate"):
        as_stream_learner(SGDClassifier(class_weight="balanced"), 7, np.arange(2))


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (SGDClassifier(early_stopping=True), "early_stopping"),
        (SGDClassifier("log_los"), "'loss'"),
        (SGDClassifier(penalty="l3"), "'penalty'"),
        (SGDClassifier(learning_rate="fast"), "'learning_rate'"),
        (SGDClassifier(learning_rate="constant", eta0=-1.0), "eta0"),
        (SGDClassifier(alpha=0.0, learning_rate="optimal"), "alpha must be > 0"),
        (SGDRegressor(epsilon=-1.0), "'epsilon'"),
        (MLPClassifier((3,), activation="rel"), "'activation'"),
        (MLPClassifier((0,)), "hidden_layer_sizes must be > 0"),
        (GradientDescentClassifier(learning_rate=-1.0), "'learning_rate'"),
    ],
    ids=str,
)
def test_what_the_estimator_refuses_itself(estimator, message):
    classes = None if isinstance(estimator, SGDRegressor) else np.arange(2)
    with pytest.raises(ValueError, match=message):
        as_stream_learner(estimator, 7, classes)


@pytest.mark.parametrize(
    "estimator",
    [MLPClassifier((3,), batch_size=32, verbose=True), SGDClassifier(verbose=1)],
    ids=lambda each: type(each).__name__,
)
def test_what_the_estimator_says_while_it_is_checked(estimator, capfd):
    """Neither warnings, which are errors here, nor what it prints."""
    as_stream_learner(estimator, 7, np.arange(2))
    assert capfd.readouterr().out == ""
