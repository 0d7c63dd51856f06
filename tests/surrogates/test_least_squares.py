import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skpoison.attacks import GradientInsertion
from skpoison.attacks._problem import BilevelProblem
from skpoison.bilevel.solvers.newton import minimise
from skpoison.goals import ErrorGeneric
from skpoison.optimizers import ProjectedAscent
from skpoison.surrogates import as_training_problem


def wide(rng):
    return rng.standard_normal((20, 35))


def one_hot(rng):
    """Return two groups of columns that sum to 1 each, and two numbers."""
    groups = [np.eye(3)[rng.randint(3, size=40)] for _ in range(2)]
    return np.hstack([*groups, rng.standard_normal((40, 2))])


def tall(rng):
    return rng.standard_normal((40, 6))


def data(make, seed=0):
    rng = np.random.RandomState(seed)
    X = make(rng)
    return X, X[:, :4] @ [1.0, -2.0, 0.5, 1.0] + rng.standard_normal(X.shape[0])


singular = pytest.mark.parametrize("make", [wide, one_hot])


@singular
@pytest.mark.parametrize("weight", [1.0, 1.7])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("is_sparse", [False, True])
def test_optimum_has_minimum_norm(make, weight, fit_intercept, is_sparse):
    X, y = data(make)
    estimator = LinearRegression(fit_intercept=fit_intercept)
    problem = as_training_problem(estimator)
    given = sparse.csr_array(X) if is_sparse else X
    problem = problem.for_rows(given, weight)
    rows = problem.rows(given, y, np.full(y.shape[0], weight))
    W = minimise(problem.learner, rows).W
    coef = W[:-1] if fit_intercept else W
    expected = estimator.fit(X, y).coef_
    assert_allclose(coef[:, 0], expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("is_sparse", [False, True])
def test_nothing_is_added_if_the_solution_is_unique(is_sparse):
    X, _ = data(tall)
    X = sparse.csr_array(X) if is_sparse else X
    problem = as_training_problem(LinearRegression())
    assert problem.for_rows(X) is problem


def test_constant_columns_leave_nothing_to_compare_with():
    problem = as_training_problem(LinearRegression())
    assert problem.for_rows(np.ones((5, 3))) is problem


@singular
@pytest.mark.parametrize("scaled", [False, True])
def test_gradient_is_that_of_what_the_estimator_fits(make, scaled):
    """Compare it with central differences of LinearRegression itself."""
    X, y = data(make)
    rng = np.random.RandomState(1)
    X_val, y_val = rng.standard_normal((15, X.shape[1])), rng.standard_normal(15)
    X_poison, y_poison = rng.standard_normal((3, X.shape[1])), rng.standard_normal(3)
    victim = LinearRegression()
    if scaled:
        victim = make_pipeline(StandardScaler(), victim)
    problem = BilevelProblem(victim, ErrorGeneric(), X, y, X_val=X_val, y_val=y_val)

    def harm(moved, responses):
        victim.fit(np.vstack([X, moved]), np.append(y, responses))
        return ((victim.predict(X_val) - y_val) ** 2).mean() / 2

    value, in_features, in_responses = problem.differentiate(
        X_poison, y_poison, slice(None)
    )
    assert_allclose(value, harm(X_poison, y_poison), rtol=1e-4)
    for _ in range(3):
        U, u = rng.standard_normal(X_poison.shape), rng.standard_normal(3)
        h = 1e-4
        ahead, behind = (
            harm(X_poison + step * U, y_poison + step * u) for step in (h, -h)
        )
        analytic = (in_features * U).sum() + in_responses @ u
        assert_allclose(analytic, (ahead - behind) / (2 * h), rtol=1e-3)


@singular
def test_attack(make):
    X, y = data(make)
    attack = GradientInsertion(
        LinearRegression(),
        0.2,
        optimizer=ProjectedAscent(max_iter=20),
        random_state=0,
    )
    X_val, y_val = data(make, 1)
    out = attack.fit_resample(X, y, X_val=X_val, y_val=y_val)
    errors = [
        ((LinearRegression().fit(*rows).predict(X_val) - y_val) ** 2).mean()
        for rows in ((X, y), out)
    ]
    assert errors[1] > 2 * errors[0]
    assert_allclose(2 * attack.goal_path_.max(), errors[1], rtol=1e-3)
