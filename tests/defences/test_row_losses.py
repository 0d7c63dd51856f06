import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC, LinearSVC

from skpoison.defences._row_losses import (
    large_log_losses,
    large_squared_error,
    log_losses,
    squared_errors,
)

X, y = make_classification(90, n_classes=3, n_informative=5, random_state=0)
WORDS = np.array(["a", "b", "c"])[y]


def test_log_losses_of_probabilities():
    model = KNeighborsClassifier().fit(X, WORDS)
    losses = log_losses(model, X, WORDS)
    assert losses.mean() == pytest.approx(log_loss(WORDS, model.predict_proba(X)))
    assert losses.max() <= -np.log(np.finfo(float).eps)


def test_log_losses_of_two_decision_values():
    two = y < 2
    logistic = LogisticRegression(C=10).fit(X[two], y[two])
    svc = LinearSVC().fit(X[two], y[two])
    svc.coef_ = logistic.coef_ / np.log(9)
    svc.intercept_ = logistic.intercept_ / np.log(9)
    np.testing.assert_allclose(
        log_losses(svc, X[two], y[two]),
        log_losses(logistic, X[two], y[two]),
        atol=1e-14,
    )


def test_log_losses_of_decision_values_of_classes():
    logistic = LogisticRegression(C=10).fit(X, WORDS)
    svc = LinearSVC().fit(X, WORDS)
    svc.coef_ = logistic.coef_ / np.log(9)
    svc.intercept_ = logistic.intercept_ / np.log(9)
    np.testing.assert_allclose(
        log_losses(svc, X, WORDS), log_losses(logistic, X, WORDS), atol=1e-14
    )


def test_unknown_label_has_the_largest_loss():
    model = LogisticRegression().fit(X[y < 2], y[y < 2])
    losses = log_losses(model, X, y)
    assert (losses[y == 2] == -np.log(np.finfo(float).eps)).all()
    np.testing.assert_allclose(losses[y < 2], log_losses(model, X[y < 2], y[y < 2]))


def test_one_against_one_has_no_value_for_each_class():
    X, y = make_classification(200, n_classes=4, n_informative=5, random_state=0)
    with pytest.raises(ValueError, match="CalibratedClassifierCV"):
        log_losses(SVC(decision_function_shape="ovo").fit(X, y), X, y)


def test_squared_errors():
    r = X[:, 0] + 1.0
    model = Ridge().fit(X, r)
    np.testing.assert_array_equal(
        squared_errors(model, X, r), (model.predict(X) - r) ** 2
    )


def test_label_is_contradicted_below_a_probability_of_one_tenth():
    balanced = large_log_losses(np.array([0, 1, 0, 1]), 2)
    np.testing.assert_allclose(np.exp(-balanced), 0.1)


def test_label_is_contradicted_if_its_odds_fall_by_nine():
    codes = np.repeat([0, 1, 2], [70, 25, 5])
    p = np.exp(-large_log_losses(codes, 3))
    prior = np.array([0.7, 0.25, 0.05])
    np.testing.assert_allclose(9 * p / (1 - p), prior / (1 - prior))


def test_residual_is_large_from_three_robust_deviations():
    residuals = np.random.RandomState(0).normal(scale=2.0, size=100_001)
    limit = large_squared_error(residuals**2, residuals, 3)
    assert np.sqrt(limit) == pytest.approx(3 * 1.4826 * np.median(np.abs(residuals)))
    assert np.sqrt(limit) == pytest.approx(6, rel=0.02)


def test_no_residual_is_large_from_infinitely_many_deviations():
    assert large_squared_error(np.arange(5.0), np.arange(5.0), np.inf) == [np.inf]
    assert large_squared_error(np.zeros(5), np.arange(5.0), np.inf) == [np.inf]


def test_rounding_is_not_large():
    r = np.linspace(0, 5, 50)
    assert (large_squared_error(np.full(50, 1e-32), r, 3) > 1e-30).all()
