from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

from skpoison.surrogates import GradientDescentClassifier, GradientDescentRegressor

LEAST_SQUARES = {
    "least squares": (LinearRegression(), None),
    "ridge": (Ridge(0.3), None),
    "two classes": (RidgeClassifier(0.5), 2),
    "three classes": (RidgeClassifier(0.5), 3),
    "balanced": (RidgeClassifier(0.5, class_weight="balanced"), 3),
    "weighted": (RidgeClassifier(0.5, class_weight={0: 3.0, 1: 1.0}), 2),
    "a mean of losses": (SGDClassifier("squared_error", alpha=0.1), 2),
}


@pytest.mark.parametrize("kind", LEAST_SQUARES.values(), ids=LEAST_SQUARES.keys())
def test_newton_step_is_exact_for_least_squares(kind, deletions):
    """With a row deleted already, and weights of all rows that depend on which are."""
    problem = deletions.make_problem(*kind)
    problem.train(np.arange(deletions.n_rows) == 7)
    assert problem.is_direct
    assert np.isfinite(problem.value())
    left = np.bincount(problem.kinds[np.arange(deletions.n_rows) != 7])
    candidates = np.flatnonzero(
        (np.arange(deletions.n_rows) != 7) & (left[problem.kinds] > 1)
    )
    assert candidates.shape[0] >= 8
    expected = [deletions.goal_without(problem, [7, i]) for i in candidates]
    np.testing.assert_allclose(problem.newton_step(candidates), expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("surrogate", "n_classes"),
    [
        (LogisticRegression(C=0.5), 3),
        (LogisticRegression(C=0.5, class_weight="balanced"), 2),
        (GradientDescentClassifier(n_steps=30), 2),
        (GradientDescentRegressor(n_steps=30, learning_rate=0.05), None),
    ],
)
def test_predictions_of_others_go_the_right_way(surrogate, n_classes, deletions):
    problem = deletions.make_problem(surrogate, n_classes, n_rows=60, seed=1)
    candidates = np.arange(60)
    predict = problem.newton_step if problem.is_direct else problem.first_order
    found = predict(candidates) - problem.value()
    expected = [
        deletions.goal_without(problem, [i]) - problem.value() for i in candidates
    ]
    assert np.corrcoef(found, expected)[0, 1] > 0.97


@pytest.mark.parametrize(
    ("surrogate", "n_classes"),
    [
        (LogisticRegression(class_weight="balanced"), 3),
        (GradientDescentClassifier(n_steps=30), 2),
        (GradientDescentRegressor(n_steps=30, learning_rate=0.05), None),
    ],
)
def test_first_order_is_a_derivative(surrogate, n_classes, deletions):
    """Along the line of all weights from their values to those without the row."""
    problem = deletions.make_problem(surrogate, n_classes, tol=1e-13)
    candidates = np.arange(deletions.n_rows)
    found = problem.first_order(candidates) - problem.value()
    bilevel = problem.problem
    for i in candidates:
        without = bilevel.rows(multiplicity=1.0 * (candidates != i))
        change = without.weights - problem.rows.weights

        def value_at(h, change=change):
            weights = problem.rows.weights + h * change
            return bilevel.evaluate(replace(problem.rows, weights=weights))[0]

        near = value_at(1e-3) - value_at(-1e-3)
        far = value_at(2e-3) - value_at(-2e-3)
        expected = (8 * near - far) / 12e-3
        np.testing.assert_allclose(found[i], expected, rtol=1e-6, atol=1e-9)


SCALERS = [StandardScaler(), MinMaxScaler(), RobustScaler()]


@pytest.mark.parametrize("scaler", SCALERS)
@pytest.mark.parametrize("estimator", [Ridge(), LogisticRegression()], ids=str)
def test_scalers_are_fitted_on_the_rows_left(estimator, scaler, deletions):
    n_classes = None if isinstance(estimator, Ridge) else 3
    surrogate = make_pipeline(scaler, estimator)
    problem = deletions.make_problem(surrogate, n_classes, n_rows=30, tol=1e-12)
    for deleted in ([], [2, 3], [2, 7, 11]):
        problem.train(np.isin(np.arange(30), deleted))
        expected = deletions.goal_without(problem, deleted)
        np.testing.assert_allclose(problem.value(), expected, rtol=1e-6)


@pytest.mark.parametrize("n_classes", [None, 2])
def test_predictions_know_of_means_and_deviations(n_classes, deletions):
    estimator = Ridge(30.0) if n_classes is None else LogisticRegression(C=0.05)
    surrogate = make_pipeline(StandardScaler(), estimator)
    problem = deletions.make_problem(surrogate, n_classes, n_rows=80, tol=1e-12)
    candidates = np.arange(80)
    expected = np.array([deletions.goal_without(problem, [i]) for i in candidates])
    found = problem.newton_step(candidates)
    of_all = np.linalg.norm(found - expected)
    of_learner = np.linalg.norm(found + problem._scaler_influence - expected)
    assert of_all < 0.2 * of_learner


def test_rows_without_which_there_is_no_optimum(deletions):
    """Three features and the intercept need four rows."""
    problem = deletions.make_problem(LinearRegression(), n_rows=6)
    problem.train(np.arange(6) < 3)
    assert problem.value() == -np.inf
    problem.train(np.arange(6) < 2)
    assert np.isfinite(problem.value())


def test_memory_limits_how_many_newton_steps_are_taken(deletions):
    few, many = (
        deletions.make_problem(Ridge(), n_stored=n_stored).n_at_once()
        for n_stored in (0, 34 * 50)
    )
    # Four weights and 30 validation rows are stored for each candidate.
    assert (few, many) == (32, 50)
