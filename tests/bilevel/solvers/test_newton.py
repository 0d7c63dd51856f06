import warnings
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning

from skpoison.bilevel.learners.base import Rows
from skpoison.bilevel.learners.linear import LinearLearner
from skpoison.bilevel.losses import Huber, Logistic, SmoothedHinge, Squared
from skpoison.bilevel.solvers.newton import minimise


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


def test_unconverged_warns(make_rows):
    learner = LinearLearner(Logistic(), 1.0)
    with pytest.warns(ConvergenceWarning, match="not at its optimum after 2 Newton"):
        minimise(learner, make_rows(learner), max_iter=2)


def test_factorisation_is_reused(make_rows):
    """A fresh one would cost more than the iterations that it saves."""
    learner = LinearLearner(Logistic(), 1.0)
    rows = make_rows(learner, 200, 60)
    first = minimise(learner, rows, method="cholesky")
    assert first.factorisation.refactor_after > 3
    X = rows.X.copy()
    X[:5] += 0.02 * np.random.RandomState(1).normal(size=(5, 60))
    moved = rows.with_features(X)
    warm = minimise(learner, moved, first, method="cholesky")
    assert warm.factorisation is first.factorisation
    assert warm.gradient_norm < 1e-9
    assert warm.n_iter > 0
    assert_allclose(warm.W, minimise(learner, moved).W, rtol=1e-7, atol=1e-10)


def test_stale_factorisation_is_renewed(make_rows):
    learner = LinearLearner(Logistic(), 1.0)
    rows = make_rows(learner, 200, 60)
    first = minimise(learner, rows, method="cholesky")
    tired = replace(first.factorisation, refactor_after=0)
    moved = rows.with_features(1.05 * rows.X)
    there = minimise(learner, moved, replace(first, factorisation=tired))
    assert there.factorisation is not tired
    assert there.gradient_norm < 1e-9
    assert_allclose(there.W, minimise(learner, moved).W, rtol=1e-7, atol=1e-10)


def test_warm_start_from_useless_weights(make_rows):
    """Rows on the other side of confident weights."""
    learner = LinearLearner(Logistic(), 0.01)
    rows = make_rows(learner, 100)
    first = minimise(learner, rows)
    found = minimise(learner, rows.with_features(-rows.X), first)
    assert found.factorisation is not first.factorisation
    assert found.gradient_norm < 1e-9
    assert_allclose(found.W[:-1], -first.W[:-1], rtol=1e-6)


def test_no_curvature_at_the_start(make_rows):
    """Where all residuals are large, Huber's loss is linear: down it goes anyway."""
    learner = LinearLearner(Huber(0.5), 0.1)
    rows = make_rows(learner, n_features=2)
    rows = Rows(rows.X, rows.targets[:, :1] + 20, rows.weights)
    start = learner.at(learner.start(rows), rows)
    assert not start.curvatures.any()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        optimum = minimise(learner, rows)
    assert optimum.objective < start.objective() / 10
