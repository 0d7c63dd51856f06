import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris, make_classification
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import scale
from sklearn.utils.estimator_checks import parametrize_with_checks

from skpoison.surrogates import GradientDescentClassifier, GradientDescentRegressor


@parametrize_with_checks([GradientDescentClassifier(learning_rate=1e-4, n_steps=400)])
def test_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(
    [
        GradientDescentClassifier("squared_error", learning_rate=9e-5),
        GradientDescentRegressor(learning_rate=9e-5, n_steps=9000),
    ]
)
def test_scikit_learn_for_other_losses(estimator, check):
    check(estimator)


def test_one_step_by_hand():
    X, y = np.array([[1.0, 2.0], [3.0, -1.0]]), np.array([0, 1])
    classifier = GradientDescentClassifier(learning_rate=0.5, n_steps=1).fit(X, y)
    # From weights of 0 the slopes are 1/2 and -1/2.
    assert_allclose(classifier.coef_, -0.5 * (X[0] - X[1])[np.newaxis] / 4)
    assert_allclose(classifier.intercept_, [0])
    adaline = GradientDescentClassifier("squared_error", learning_rate=0.5, n_steps=1)
    assert_allclose(adaline.fit(X, y).coef_, -0.5 * (X[0] - X[1])[np.newaxis] / 2)


def test_many_steps_reach_the_optimum():
    X, y = make_classification(200, n_features=5, flip_y=0.2, random_state=0)
    classifier = GradientDescentClassifier(alpha=0.05, n_steps=5000).fit(X, y)
    expected = LogisticRegression(C=1 / (200 * 0.05), tol=1e-10).fit(X, y)
    assert_allclose(classifier.coef_, expected.coef_, rtol=1e-5)
    assert_allclose(classifier.predict_proba(X), expected.predict_proba(X), rtol=1e-4)
    regressor = GradientDescentRegressor(alpha=0.05, n_steps=5000).fit(X, y)
    assert_allclose(regressor.coef_, Ridge(200 * 0.05).fit(X, y).coef_, rtol=1e-5)


def test_three_classes():
    X, y = load_iris(return_X_y=True)
    names = np.array(["a", "b", "c"])[y]
    for loss in ("log_loss", "squared_error"):
        classifier = GradientDescentClassifier(loss, learning_rate=0.1)
        classifier.fit(scale(X), names)
        assert classifier.coef_.shape == (3, 4)
        assert classifier.score(scale(X), names) > 0.8
    assert not hasattr(classifier, "predict_proba")


def test_weights_are_repeated_rows():
    X, y = make_classification(50, random_state=0)
    weights = np.random.RandomState(0).randint(0, 3, 50)
    weighted = GradientDescentClassifier(n_steps=50).fit(X, y, weights)
    repeated = GradientDescentClassifier(n_steps=50).fit(
        np.repeat(X, weights, axis=0), np.repeat(y, weights)
    )
    assert_allclose(weighted.coef_, repeated.coef_)


def largest_rate(X):
    """Compute 2 / L from the singular values of the rows, intercept included."""
    rows = np.column_stack([X, np.ones(X.shape[0])])
    return 2 * X.shape[0] / np.linalg.norm(rows, 2) ** 2


@pytest.mark.parametrize("n_features", [5, 80, 200])
def test_divergence_names_the_largest_learning_rate(n_features):
    X, y = make_classification(50, n_features, random_state=0)
    rate = largest_rate(X)
    adaline = GradientDescentClassifier(
        "squared_error", learning_rate=1.01 * rate, n_steps=5000
    )
    message = f"diverges with .* converges below {rate:.3g}, .*={rate / 2:.3g}, or"
    with pytest.raises(ValueError, match=message):
        adaline.fit(X, y)
    adaline.set_params(learning_rate=0.99 * rate).fit(X, y)


def test_finite_weights_can_have_diverged():
    X, y = load_diabetes(return_X_y=True)
    X = scale(X)
    rate = largest_rate(X)
    regressor = GradientDescentRegressor(learning_rate=1.05 * rate, n_steps=1000)
    with pytest.raises(ValueError, match="diverges"):
        regressor.fit(X, y)


@pytest.mark.parametrize("loss", ["log_loss", "squared_error"])
def test_steps_go_on_from_weights_given(loss):
    X, y = load_iris(return_X_y=True)
    whole = GradientDescentClassifier(loss, learning_rate=0.01, n_steps=30).fit(X, y)
    first = clone(whole).set_params(n_steps=10).fit(X, y)
    second = clone(whole).set_params(n_steps=20)
    second.fit(X, y, coef_init=first.coef_, intercept_init=first.intercept_)
    np.testing.assert_allclose(second.coef_, whole.coef_, rtol=1e-12)
    np.testing.assert_allclose(second.intercept_, whole.intercept_, rtol=1e-12)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"coef_init": [1.0]}, r"`coef_init` must have the shape \(3, 4\); got \(1,\)"),
        ({"intercept_init": [[1.0]]}, r"`intercept_init` must have .* got \(1, 1\)"),
    ],
)
def test_weights_given_are_checked(given, message):
    X, y = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match=message):
        GradientDescentClassifier().fit(X, y, **given)
    regressor = GradientDescentRegressor(fit_intercept=False)
    with pytest.raises(ValueError, match="None if fit_intercept=False"):
        regressor.fit(X, y, intercept_init=0.0)


def test_underflow_is_zero():
    X = np.array([[-500.0], [-400.0], [400.0], [500.0]])
    y = [0, 0, 1, 2]
    surrogate = GradientDescentClassifier(learning_rate=1.0, n_steps=5)
    with np.errstate(all="raise"):
        probabilities = surrogate.fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(
        probabilities, clone(surrogate).fit(X, y).predict_proba(X)
    )
    assert probabilities.min() < 1e-300


@pytest.mark.parametrize(
    "estimator", [GradientDescentClassifier, GradientDescentRegressor]
)
def test_memory_does_not_grow_with_steps(estimator):
    X = np.random.RandomState(0).normal(size=(2000, 2))
    y, peaks = (X[:, 0] > 0).astype(int), []
    for n_steps in (2, 200):
        tracemalloc.start()
        estimator(n_steps=n_steps).fit(X, y)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]
