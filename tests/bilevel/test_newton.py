import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning

from skpoison.bilevel.learners import LinearLearner
from skpoison.bilevel.losses import Logistic, SmoothedHinge, Squared
from skpoison.bilevel.newton import minimise


@pytest.mark.parametrize("method", ["auto", "cholesky", "cg"])
@pytest.mark.parametrize("n_features", [5, 50])
def test_gradient_vanishes(learner, method, n_features, make_rows):
    rows = make_rows(learner, n_features=n_features)
    optimum = minimise(learner, rows, method=method)
    assert optimum.gradient_norm < 1e-9
    gradient = learner.at(optimum.W, rows).gradient()
    assert np.abs(gradient).max() < 1e-7
    if method != "auto":
        assert optimum.factorisation.method == method


def test_no_lower_objective_is_found_by_another_solver(learner, make_rows):
    rows = make_rows(learner)
    optimum = minimise(learner, rows)
    shape = optimum.W.shape
    other = minimize(
        lambda w: learner.at(w.reshape(shape), rows).objective(),
        np.zeros(optimum.W.size),
        jac=lambda w: learner.at(w.reshape(shape), rows).gradient().ravel(),
        method="L-BFGS-B",
        options={"ftol": 1e-15, "gtol": 1e-12, "maxiter": 10_000},
    )
    ours = learner.at(optimum.W, rows).objective()
    assert ours <= other.fun + 1e-12 * abs(other.fun)
    assert_allclose(ours, other.fun, rtol=1e-9)


def test_warm_start_saves_steps(learner, make_rows):
    rows = make_rows(learner)
    first = minimise(learner, rows)
    again = minimise(learner, rows, first)
    assert again.n_iter == 0
    assert_allclose(again.W, first.W, rtol=1e-12)
    X = rows.X.copy()
    X[0] += 0.01
    warm = minimise(learner, rows.with_features(X), first)
    cold = minimise(learner, rows.with_features(X))
    assert warm.n_iter <= cold.n_iter + 1
    assert_allclose(warm.W, cold.W, rtol=1e-6, atol=1e-8)


def test_least_squares_need_one_step(make_rows):
    learner = LinearLearner(Squared(), 0.3)
    assert minimise(learner, make_rows(learner)).n_iter == 1


def test_sharp_losses_converge(make_rows):
    learner = LinearLearner(SmoothedHinge(0.05), 0.1)
    rows = make_rows(learner, 100)
    assert minimise(learner, rows).gradient_norm < 1e-7


def test_no_optimum_without_penalty_on_separable_rows(make_rows):
    learner = LinearLearner(Logistic(), 0.0)
    rows = make_rows(learner, n_samples=4, n_features=3)
    with pytest.raises(ValueError, match=r"no optimum|is singular"):
        minimise(learner, rows)


def test_unconverged_is_said(make_rows):
    learner = LinearLearner(Logistic(), 1.0)
    with pytest.warns(ConvergenceWarning, match="not at its optimum after 2 Newton"):
        minimise(learner, make_rows(learner), max_iter=2)
