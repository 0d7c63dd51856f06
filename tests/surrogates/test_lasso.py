import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import is_classifier
from sklearn.datasets import make_classification
from sklearn.linear_model import (
    ElasticNet,
    ElasticNetCV,
    Lasso,
    LassoCV,
    LassoLars,
    LogisticRegression,
    MultiTaskElasticNet,
    MultiTaskElasticNetCV,
    MultiTaskLasso,
    MultiTaskLassoCV,
)

import skpoison.surrogates._lasso  # noqa: F401
from skpoison.bilevel.learners.l1 import L1Learner
from skpoison.bilevel.learners.linear import LinearLearner
from skpoison.bilevel.solvers.l1_newton import minimise_l1
from skpoison.surrogates import as_training_problem

TIGHT = {"tol": 1e-12, "max_iter": 1_000_000}
SAGA = {"solver": "saga", "random_state": 0, **TIGHT}
REGRESSORS = [
    Lasso(alpha=0.2, **TIGHT),
    Lasso(alpha=0.2, fit_intercept=False, **TIGHT),
    ElasticNet(alpha=0.3, l1_ratio=0.6, **TIGHT),
    ElasticNet(alpha=0.3, l1_ratio=0.6, fit_intercept=False, **TIGHT),
]


def logistic(l1_ratio, **parameters):
    """Spell a penalty as this version of scikit-learn has it."""
    if LogisticRegression().penalty == "deprecated":
        return LogisticRegression(l1_ratio=l1_ratio, **parameters)
    if l1_ratio == 1:
        return LogisticRegression(penalty="l1", **parameters)
    return LogisticRegression(penalty="elasticnet", l1_ratio=l1_ratio, **parameters)


CLASSIFIERS = [
    logistic(1.0, C=0.1, **SAGA),
    logistic(1.0, C=0.1, fit_intercept=False, **SAGA),
    logistic(0.4, C=0.1, **SAGA),
    logistic(0.4, C=0.1, class_weight="balanced", **SAGA),
]
LIBLINEAR = [
    logistic(1.0, C=0.1, solver="liblinear", **TIGHT),
    logistic(1.0, C=0.1, solver="liblinear", intercept_scaling=3.0, **TIGHT),
    logistic(1.0, C=0.1, solver="liblinear", fit_intercept=False, **TIGHT),
]


def make_data(n_classes=2, is_sparse=False):
    X, y = make_classification(
        120,
        n_features=10,
        n_informative=4,
        n_classes=n_classes,
        flip_y=0.2,
        random_state=0,
    )
    X /= X.std(axis=0)
    X[np.abs(X) < 0.3] = 0
    return (sparse.csr_array(X) if is_sparse else X), y


def check_same(estimator, X, y, weights, n_classes=None, atol=1e-6):
    surrogate = as_training_problem(estimator, n_classes)
    learner = surrogate.learner
    rows = surrogate.rows(X, y, weights, classes=np.arange(n_classes or 0))
    optimum = minimise_l1(learner, rows)
    estimator.fit(X, y, sample_weight=weights)
    coef, intercept = optimum.W, 0.0
    if estimator.fit_intercept:
        coef, intercept = optimum.W[:-1], learner.intercept * optimum.W[-1]
    fitted = np.reshape(estimator.coef_, (-1, X.shape[1])).T
    assert_allclose(coef, fitted, rtol=0, atol=atol * np.abs(coef).max())
    assert_array_equal(coef != 0, fitted != 0)
    assert 0 < (coef != 0).sum() < coef.size
    assert_allclose(
        intercept * np.ones(coef.shape[1]), estimator.intercept_, rtol=0, atol=atol
    )


@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
@pytest.mark.parametrize("is_sparse", [False, True], ids=["dense", "sparse"])
@pytest.mark.parametrize("estimator", REGRESSORS, ids=str)
def test_optimum_is_what_a_regressor_fits(estimator, is_sparse, weighted):
    X, _ = make_data(is_sparse=is_sparse)
    rng = np.random.RandomState(0)
    y = 5 + X @ (rng.normal(size=10) * (np.arange(10) < 5)) + rng.normal(size=120)
    weights = rng.uniform(0.5, 2, 120) if weighted else None
    check_same(estimator, X, y, weights)


@pytest.mark.parametrize("estimator", REGRESSORS, ids=str)
def test_several_responses(estimator):
    X, _ = make_data()
    rng = np.random.RandomState(0)
    Y = X @ (rng.normal(size=(10, 2)) * (np.arange(10) < 5)[:, np.newaxis])
    check_same(estimator, X, Y + rng.normal(size=(120, 2)), None)


@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
@pytest.mark.parametrize("is_sparse", [False, True], ids=["dense", "sparse"])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("estimator", CLASSIFIERS, ids=str)
def test_optimum_is_what_a_classifier_fits(estimator, n_classes, is_sparse, weighted):
    X, y = make_data(n_classes, is_sparse)
    weights = np.random.RandomState(0).uniform(0.5, 2, 120) if weighted else None
    check_same(estimator, X, y, weights, n_classes)


@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
@pytest.mark.parametrize("is_sparse", [False, True], ids=["dense", "sparse"])
@pytest.mark.parametrize("estimator", LIBLINEAR, ids=str)
def test_optimum_is_what_liblinear_fits(estimator, is_sparse, weighted):
    """Its intercept is the weight of one more feature, penalised as the others are."""
    X, y = make_data(2, is_sparse)
    weights = np.random.RandomState(0).uniform(0.5, 2, 120) if weighted else None
    check_same(estimator, X, y, weights, 2)


@pytest.mark.parametrize(
    ("estimator", "l1_penalty", "penalty"),
    [
        (LogisticRegression(penalty="l1", C=0.5), 2.0, 0.0),
        (LogisticRegression(penalty="elasticnet", l1_ratio=0.25, C=0.5), 0.5, 1.5),
        (LogisticRegression(penalty="l2", l1_ratio=0.25, C=0.5), 0.0, 2.0),
        (LogisticRegression(penalty=None, l1_ratio=0.25, C=0.5), 0.0, 0.0),
        (LogisticRegression(C=0.5), 0.0, 2.0),
        (ElasticNet(alpha=2.0, l1_ratio=0.25), 0.5, 1.5),
        (ElasticNet(alpha=2.0, l1_ratio=0.0), 0.0, 2.0),
        (Lasso(alpha=2), 2.0, 0.0),
        (Lasso(alpha=0.0), 0.0, 0.0),
    ],
    ids=str,
)
def test_every_way_to_spell_a_penalty(estimator, l1_penalty, penalty):
    learner = as_training_problem(
        estimator, 2 if is_classifier(estimator) else None
    ).learner
    assert learner.penalty == penalty
    assert type(learner) is (L1Learner if l1_penalty else LinearLearner)
    assert getattr(learner, "l1_penalty", 0.0) == l1_penalty
    assert learner.intercept_penalty == 0


@pytest.mark.skipif(
    LogisticRegression().penalty != "deprecated", reason="penalty has to be spelled"
)
def test_share_alone_spells_a_penalty():
    learner = as_training_problem(LogisticRegression(l1_ratio=0.25, C=0.5), 2).learner
    assert (learner.l1_penalty, learner.penalty) == (0.5, 1.5)


def test_old_names_fit_the_same():
    X, y = make_data()
    estimator = LogisticRegression(penalty="l1", C=0.1, **SAGA)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        warnings.simplefilter("ignore", UserWarning)
        check_same(estimator, X, y, None, 2)


@pytest.mark.parametrize(
    "estimator",
    [
        ElasticNetCV(),
        LassoCV(),
        LassoLars(),
        MultiTaskElasticNet(),
        MultiTaskElasticNetCV(),
        MultiTaskLasso(),
        MultiTaskLassoCV(),
    ],
    ids=str,
)
def test_others_of_the_family_are_other_problems(estimator):
    message = f"got {type(estimator).__name__}. .* ElasticNet, "
    with pytest.raises(TypeError, match=message):
        as_training_problem(estimator)


@pytest.mark.parametrize("estimator", [Lasso(positive=True), ElasticNet(positive=True)])
def test_signs_that_are_given(estimator):
    with pytest.raises(ValueError, match=r"`positive` of .* must be False"):
        as_training_problem(estimator)


def test_liblinear_of_three_classes():
    with pytest.raises(ValueError, match=r"`solver` of .* must be .*got .liblinear"):
        as_training_problem(LIBLINEAR[0], 3)


def test_repeated_rows_are_weighted_ones():
    X, y = make_data()
    surrogate = as_training_problem(Lasso(alpha=0.01))
    multiplicity = np.ones(120)
    multiplicity[:5] = 3
    y = y.astype(float)
    ours = minimise_l1(
        surrogate.learner, surrogate.rows(X, y, multiplicity=multiplicity)
    )
    X, y = np.vstack([X, X[:5], X[:5]]), np.concatenate([y, y[:5], y[:5]])
    theirs = minimise_l1(surrogate.learner, surrogate.rows(X, y))
    assert_allclose(ours.W, theirs.W, rtol=0, atol=1e-10)
