import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.base import BaseEstimator, is_classifier
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    LogisticRegressionCV,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
    SGDRegressor,
)
from sklearn.svm import LinearSVC

from skpoison.bilevel.differentiation.hypergradients import descend
from skpoison.bilevel.learners.linear import LinearLearner
from skpoison.bilevel.losses import Squared
from skpoison.bilevel.solvers.newton import minimise
from skpoison.surrogates import (
    GradientDescentClassifier,
    GradientDescentRegressor,
    as_training_problem,
)
from skpoison.surrogates._training_problem import TrainingProblem

TIGHT = {"tol": 1e-12, "max_iter": 1_000_000}
CLASSIFIERS = [
    LogisticRegression(**TIGHT),
    LogisticRegression(C=0.1, fit_intercept=False, **TIGHT),
    LogisticRegression(class_weight="balanced", **TIGHT),
    LogisticRegression(class_weight={0: 3.0, 1: 0.5}, **TIGHT),
    RidgeClassifier(tol=1e-12),
    RidgeClassifier(alpha=30, fit_intercept=False, tol=1e-12),
    RidgeClassifier(class_weight="balanced", tol=1e-12),
    LinearSVC(**TIGHT),
    LinearSVC(C=0.1, fit_intercept=False, **TIGHT),
    LinearSVC(intercept_scaling=3.0, **TIGHT),
    GradientDescentClassifier(n_steps=100),
    GradientDescentClassifier("squared_error", learning_rate=0.05, n_steps=100),
    GradientDescentClassifier(alpha=0.3, fit_intercept=False, n_steps=100),
]
REGRESSORS = [
    LinearRegression(),
    LinearRegression(fit_intercept=False),
    Ridge(),
    Ridge(alpha=30, fit_intercept=False),
    GradientDescentRegressor(n_steps=100),
]


def make_data(n_classes, is_sparse=False):
    X, y = make_classification(
        200,
        n_features=8,
        n_informative=5,
        n_classes=n_classes,
        flip_y=0.2,
        random_state=0,
    )
    X[np.abs(X) < 0.3] = 0
    return (sparse.csr_array(X) if is_sparse else X), y


def learnt(surrogate, rows):
    """Solve the training problem, or take its steps."""
    if surrogate.n_steps is None:
        return minimise(surrogate.learner, rows).W
    start = np.zeros(surrogate.learner.shape(rows))
    return descend(
        surrogate.learner, rows, start, rate=surrogate.rate, n_steps=surrogate.n_steps
    )[0]


def check_same(estimator, X, y, weights, n_classes):
    surrogate = as_training_problem(estimator, n_classes)
    rows = surrogate.rows(X, y, weights, classes=np.arange(n_classes or 0))
    W = learnt(surrogate, rows)
    estimator.fit(X, y, sample_weight=weights)
    coef, intercept = W, 0.0
    if estimator.fit_intercept:
        coef, intercept = W[:-1], surrogate.learner.intercept * W[-1]
    scale = np.abs(coef).max()
    fitted = np.atleast_2d(estimator.coef_).T
    assert_allclose(coef, fitted, rtol=0, atol=1e-5 * scale)
    assert_allclose(
        intercept * np.ones(coef.shape[1]), estimator.intercept_, rtol=0, atol=1e-5
    )


@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
@pytest.mark.parametrize("is_sparse", [False, True], ids=["dense", "sparse"])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("estimator", CLASSIFIERS, ids=str)
def test_optimum_is_what_a_classifier_fits(estimator, n_classes, is_sparse, weighted):
    X, y = make_data(n_classes, is_sparse)
    weights = np.random.RandomState(0).uniform(0.5, 2, 200) if weighted else None
    check_same(estimator, X, y, weights, n_classes)


@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
def test_linear_svm_of_weighted_classes(weighted):
    X, y = make_data(2)
    weights = np.random.RandomState(0).uniform(0.5, 2, 200) if weighted else None
    for class_weight in ("balanced", {0: 3.0}):
        estimator = LinearSVC(class_weight=class_weight, **TIGHT)
        check_same(estimator, X, y, weights, 2)
        with pytest.raises(ValueError, match=r"`class_weight` of .* must be None"):
            as_training_problem(estimator, 3)


@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
@pytest.mark.parametrize("estimator", REGRESSORS, ids=str)
def test_optimum_is_what_a_regressor_fits(estimator, weighted):
    X, _ = make_data(2)
    rng = np.random.RandomState(0)
    y = X @ rng.normal(size=8) + rng.normal(size=200)
    weights = rng.uniform(0.5, 2, 200) if weighted else None
    check_same(estimator, X, y, weights, None)


@pytest.mark.parametrize(
    "estimator",
    [
        SGDClassifier("log_loss", alpha=0.1),
        SGDClassifier("squared_hinge", alpha=0.1),
        SGDClassifier("hinge", alpha=0.1),
        SGDClassifier("huber", alpha=0.1, fit_intercept=False),
        SGDRegressor(alpha=0.1),
        SGDRegressor("huber", alpha=0.1),
    ],
    ids=lambda estimator: f"{type(estimator).__name__}-{estimator.loss}",
)
def test_stochastic_descent_comes_near_the_optimum(estimator):
    """Its objective, not its path: what it fits is a rough minimum of ours."""
    X, y = make_data(2)
    X = X / X.std(axis=0)
    if not is_classifier(estimator):
        y = X @ np.arange(8.0) + y
    surrogate = as_training_problem(estimator, 2 if is_classifier(estimator) else None)
    rows = surrogate.rows(X, y)
    optimum = minimise(surrogate.learner, rows).W
    estimator.set_params(
        max_iter=5000, tol=None, average=True, random_state=0, eta0=0.002
    )
    estimator.set_params(learning_rate="constant").fit(X, y)
    fitted = np.atleast_2d(estimator.coef_).T
    if estimator.fit_intercept:
        fitted = np.vstack([fitted, estimator.intercept_])
    least = surrogate.learner.at(optimum, rows).objective()
    assert least <= surrogate.learner.at(fitted, rows).objective() <= 1.003 * least


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (Ridge(positive=True), "`positive` of Ridge must be False"),
        (LinearSVC(penalty="l1"), "`penalty` of .* must be 'l2'"),
        (
            SGDClassifier("modified_huber"),
            "`loss` of SGDClassifier must be .*got 'modified_huber'",
        ),
        (SGDRegressor(penalty="elasticnet"), "`penalty` of .* must be 'l2'"),
    ],
)
def test_parameters_that_cannot_be_differentiated(estimator, message):
    with pytest.raises(ValueError, match=message):
        as_training_problem(estimator, 2)


def test_types_that_cannot_be_differentiated():
    message = "got RandomForestClassifier. .* LogisticRegression, .* by transfer"
    with pytest.raises(TypeError, match=message):
        as_training_problem(RandomForestClassifier(), 2)


class Mine(BaseEstimator):
    """A victim of a third party."""


def test_a_type_of_ones_own_is_registered():
    learner = LinearLearner(Squared(), 1.0)

    def translate(estimator, n_classes=None):
        return TrainingProblem(learner, lambda y: y[:, np.newaxis])

    as_training_problem.register(Mine, translate)
    assert as_training_problem(Mine()).learner is learner


@pytest.mark.parametrize(
    ("estimator", "error", "message"),
    [
        (
            SGDClassifier(class_weight="balanced"),
            ValueError,
            "`class_weight` of .* must be None",
        ),
        (
            LogisticRegression(solver="liblinear"),
            ValueError,
            "`solver` of .* must be 'lbfgs'",
        ),
        (LogisticRegressionCV(), TypeError, "got LogisticRegressionCV"),
    ],
)
def test_what_is_not_the_estimators_problem(estimator, error, message):
    with pytest.raises(error, match=message):
        as_training_problem(estimator, 3)


@pytest.mark.parametrize(
    ("way", "n_classes", "wanted"),
    [("multinomial", 2, "ovr"), ("ovr", 3, "multinomial")],
)
def test_sigmoid_for_two_classes_and_softmax_for_more(way, n_classes, wanted):
    # For some versions it is a parameter.
    estimator = LogisticRegression()
    estimator.multi_class = way
    with pytest.raises(ValueError, match=f"must be '{wanted}' .* got '{way}'"):
        as_training_problem(estimator, n_classes)
    estimator.multi_class = wanted
    usual = as_training_problem(LogisticRegression(), n_classes)
    assert as_training_problem(estimator, n_classes).learner == usual.learner


def test_weights_of_classes_that_are_not_there():
    surrogate = as_training_problem(LogisticRegression(class_weight={7: 2}), 2)
    with pytest.raises(ValueError, match=r"must name classes of y.* got \[7\]"):
        surrogate.rows(np.eye(2), np.arange(2), classes=np.arange(2))
