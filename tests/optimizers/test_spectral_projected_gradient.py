import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize

from skpoison.optimizers import SpectralProjectedGradient


def quadratic(n, condition, seed):
    """Make a concave quadratic with a given condition number."""
    rng = np.random.RandomState(seed)
    Q, _ = np.linalg.qr(rng.normal(size=(n, n)))
    A = Q @ np.diag(np.geomspace(1, condition, n)) @ Q.T
    c = rng.normal(size=n)

    def value_and_gradient(x):
        v = x.ravel()
        return c @ v - v @ A @ v / 2, (c - A @ v).reshape(x.shape)

    return value_and_gradient, np.linalg.solve(A, c)


@pytest.mark.parametrize("condition", [1.0, 1e3])
def test_maximum_of_a_quadratic(condition):
    function, top = quadratic(6, condition, 0)
    optimizer = SpectralProjectedGradient(max_iter=1000, tol=None)
    found = optimizer.maximise(function, np.zeros((2, 3)))
    assert_allclose(found.x.ravel(), top, rtol=1e-6, atol=1e-9)
    assert found.path.max() == found.value == function(found.x)[0]


@pytest.mark.parametrize("seed", range(4))
def test_maximum_in_a_box(seed):
    function, _ = quadratic(6, 30.0, seed)
    optimizer = SpectralProjectedGradient(max_iter=1000, tol=None)
    found = optimizer.maximise(
        function, np.zeros((3, 2)), lambda x: np.clip(x, -0.1, 0.2)
    )
    expected = minimize(
        lambda x: tuple(-part for part in function(x)),
        np.zeros(6),
        jac=True,
        bounds=[(-0.1, 0.2)] * 6,
        tol=1e-14,
    )
    assert_allclose(found.value, -expected.fun, rtol=1e-8)
    assert_allclose(found.x.ravel(), expected.x, atol=1e-5)


def test_all_evaluations_count():
    function, _ = quadratic(6, 1e3, 1)
    seen = []

    def counted(x):
        seen.append(x)
        return function(x)

    told = []
    optimizer = SpectralProjectedGradient(max_iter=7)
    found = optimizer.maximise(
        counted, np.zeros((1, 6)), callback=lambda value, x: told.append((value, x))
    )
    assert len(seen) == len(found.path) == 8
    assert [value for value, _ in told] == found.path[1:].tolist()
    for (_, x), evaluated in zip(told, seen[1:], strict=True):
        assert x is evaluated


@pytest.mark.parametrize("n_steps", [1, 3])
def test_ends_when_told(n_steps):
    function, _ = quadratic(6, 1e3, 1)
    told = []

    def callback(value, x):
        told.append(value)
        return len(told) >= n_steps

    SpectralProjectedGradient().maximise(function, np.zeros((1, 6)), callback=callback)
    # A line search that has begun goes on until it is stopped or succeeds.
    assert len(told) == n_steps


def test_stays_where_there_is_nothing_to_gain():
    found = SpectralProjectedGradient().maximise(
        lambda x: (-(x**2).sum(), -2 * x), np.zeros((2, 2))
    )
    assert found.path.tolist() == [0]


def test_values_that_are_not_finite_are_no_steps():
    def function(x):
        value = x.sum() if x.sum() < 0.7 else np.nan
        return value, np.full_like(x, value / value)

    found = SpectralProjectedGradient(max_iter=50).maximise(function, [[0.1]])
    assert 0.6 < found.x.sum() < 0.7


def test_a_start_that_is_not_finite():
    with pytest.raises(ValueError, match="must be finite at the start; got nan"):
        SpectralProjectedGradient().maximise(lambda x: (np.nan, x), np.zeros((1, 1)))
