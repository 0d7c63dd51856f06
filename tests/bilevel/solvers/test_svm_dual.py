from itertools import product

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.exceptions import ConvergenceWarning

from skpoison.bilevel.learners.kernels import make_kernel
from skpoison.bilevel.solvers.svm_dual import BorderedSystem, solve_svm_dual

KERNELS = {
    name: make_kernel(name, np.empty((0, 0)), gamma=0.2, degree=3, coef0=0.5)
    for name in ("linear", "rbf", "poly", "sigmoid")
}


def make_data(name, cap=1.0, n_samples=40, seed=0):
    """Make kernels, signs and caps of two classes that overlap."""
    rng = np.random.RandomState(seed)
    codes = np.arange(n_samples) % 2
    X = rng.normal(size=(n_samples, 4))
    X[:, :2] += 1.3 * np.eye(2)[codes]
    upper_bounds = cap * rng.uniform(0.5, 2, n_samples)
    return KERNELS[name].matrix(X, X), 2.0 * codes - 1, upper_bounds


def check_optimal(solution, K, signs, upper_bounds):
    """Check the conditions of optimality."""
    beta, size = solution.coefficients, 1 + np.abs(K) @ np.abs(solution.coefficients)
    assert abs(beta.sum()) < 1e-12 * (1 + np.abs(beta).sum())
    assert (signs * beta >= 0).all()
    assert (signs * beta <= upper_bounds).all()
    margins = (signs * (K @ beta + solution.intercept) - 1) / size
    assert (margins[signs * beta < upper_bounds] > -1e-12).all()
    assert (margins[beta != 0] < 1e-12).all()


@pytest.mark.parametrize("start", ["nothing", "everything", "anything"])
@pytest.mark.parametrize("name", ["linear", "rbf", "poly"])
@pytest.mark.parametrize("cap", [0.01, 1, 1e4])
def test_active_sets_find_the_optimum_from_anywhere(name, start, cap):
    K, signs, upper_bounds = make_data(name, cap)
    expected = solve_svm_dual(K, signs, upper_bounds)
    share = {
        "nothing": 0,
        "everything": 1,
        "anything": np.repeat(np.random.RandomState(0).rand(20), 2),
    }[start]
    beta = share * signs * upper_bounds
    total = beta.sum()
    beta[signs == np.sign(total)] *= 1 - abs(total) / (
        np.abs(beta[signs == np.sign(total)]).sum() or 1
    )
    solution = solve_svm_dual(K, signs, upper_bounds, start=beta)
    check_optimal(solution, K, signs, upper_bounds)
    size = 1 + np.abs(K) @ np.abs(solution.coefficients)
    assert_allclose(
        K @ solution.coefficients + solution.intercept,
        K @ expected.coefficients + expected.intercept,
        atol=1e-10 * size.max(),
    )


def by_trying_all_sets(K, signs, upper_bounds):
    """Find coefficients by trying every way in which rows can be in their sets."""
    n_samples = signs.shape[0]
    for places in product((0, 1, 2), repeat=n_samples):
        on_margin, bounded = (np.array(places) == place for place in (1, 2))
        beta, S = np.where(bounded, signs * upper_bounds, 0), np.flatnonzero(on_margin)
        if not S.size:
            continue
        system = np.ones((S.size + 1, S.size + 1))
        system[:-1, :-1], system[-1, -1] = K[np.ix_(S, S)], 0
        right = np.append(signs[S] - K[S] @ beta, -beta.sum())
        *beta[S], b = np.linalg.solve(system, right)
        margins = signs * (K @ beta + b)
        if (
            (signs * beta >= 0).all()
            and (signs * beta <= upper_bounds).all()
            and (margins[bounded] <= 1).all()
            and (margins[~bounded & ~on_margin] >= 1).all()
        ):
            return beta, b
    raise AssertionError("No way satisfies the conditions.")


@pytest.mark.parametrize("seed", range(3))
def test_is_what_trying_all_sets_finds(seed):
    K, signs, upper_bounds = make_data("rbf", n_samples=7, seed=seed)
    solution = solve_svm_dual(K, signs, upper_bounds)
    beta, b = by_trying_all_sets(K, signs, upper_bounds)
    assert_allclose(solution.coefficients, beta, rtol=1e-10, atol=1e-13)
    assert_allclose(solution.intercept, b, rtol=1e-10)


def test_no_margin():
    """Two bounded rows: the intercept is halfway between what both allow."""
    K = np.array([[5.0, 0.1], [0.1, 0.34]])
    solution = solve_svm_dual(K, np.array([1.0, -1.0]), np.full(2, 0.01))
    assert_allclose(solution.coefficients, [0.01, -0.01])
    assert solution.system is None
    scores = K @ solution.coefficients
    assert_allclose(solution.intercept, -scores.mean())
    v, w, residual = solution.adjoint(np.array([3.0, 4.0]), 2.0)
    assert v.tolist() == [1.0, 1.0]
    assert (w, residual) == (0.0, 0.0)


def test_singular_system_has_the_solution_of_least_norm():
    rng = np.random.RandomState(0)
    factor = rng.normal(size=(6, 3))
    system = BorderedSystem(factor @ factor.T)
    assert system.null.shape == (6, 2)
    top = factor @ rng.normal(size=3)
    v, w, residual = system.solve(top, 0.0)
    assert residual < 1e-12
    assert_allclose(factor @ (factor.T @ v) + w, top)
    assert_allclose(system.null.T @ v, 0, atol=1e-12)


def test_unconverged_active_set_is_reported():
    K, signs, upper_bounds = make_data("rbf")
    start = np.where(signs > 0, 0.1, -0.1)
    with pytest.warns(ConvergenceWarning, match="violates its optimality") as told:
        solution = solve_svm_dual(K, signs, upper_bounds, start=start, max_changes=0)
    assert len(told) == 1
    # What it misses by is what the optimum is not: two rows that could still trade.
    slope = K @ solution.coefficients - signs
    shares = signs * solution.coefficients / upper_bounds
    rises = np.where(signs > 0, shares < 1, shares > 0)
    falls = np.where(signs > 0, shares > 0, shares < 1)
    assert_allclose(solution.kkt_violation, slope[falls].max() - slope[rises].min())
    assert solution.kkt_violation > 0.1
