import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.metrics.pairwise import pairwise_kernels
from sklearn.svm import SVC

from skpoison.bilevel.learners.kernels import (
    LinearKernel,
    PolynomialKernel,
    RBFKernel,
    SigmoidKernel,
    make_kernel,
)

KERNELS = {
    "linear": (LinearKernel(), {}),
    "rbf": (RBFKernel(0.3), {"gamma": 0.3}),
    "poly": (
        PolynomialKernel(0.3, 3, 0.7),
        {"gamma": 0.3, "degree": 3, "coef0": 0.7},
    ),
    "sigmoid": (SigmoidKernel(0.3, -0.2), {"gamma": 0.3, "coef0": -0.2}),
}


@pytest.fixture(params=KERNELS)
def name(request):
    return request.param


def make_arrays(*shapes):
    rng = np.random.RandomState(0)
    return [rng.normal(size=shape) for shape in shapes]


def test_values_are_those_of_scikit_learn(name):
    kernel, settings = KERNELS[name]
    X, Z, B = make_arrays((6, 3), (5, 3), (5, 2))
    expected = pairwise_kernels(X, Z, metric=name, **settings)
    assert_allclose(kernel.matrix(X, Z), expected, rtol=1e-12)
    assert_allclose(kernel.product(X, Z, B), expected @ B, rtol=1e-12, atol=1e-14)


def test_weighted_sums_of_gradients(name, difference):
    kernel, _ = KERNELS[name]
    X, Z, L, R, U = make_arrays((6, 3), (5, 3), (6, 2), (5, 2), (6, 3))

    def sums(X):
        return ((L @ R.T) * kernel.matrix(X, Z)).sum(axis=1)

    slopes = kernel.vjp(X, Z, L, R)
    expected = difference(sums, X, U, 1e-3)
    assert_allclose((slopes * U).sum(axis=1), expected, rtol=1e-8, atol=1e-10)


def test_gradient_of_a_row_with_itself_is_twice_that_in_one_argument(name, difference):
    kernel, _ = KERNELS[name]
    x, u, one = *make_arrays((1, 3), (1, 3)), np.ones((1, 1))
    slope = (2 * kernel.vjp(x, x, one, one) * u).sum()
    expected = difference(lambda x: kernel.matrix(x, x), x, u, 1e-3)
    assert_allclose(slope, expected.item(), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("degree", [0, 1, 2])
def test_small_powers(degree):
    x, one = np.zeros((1, 2)), np.ones((1, 1))
    kernel = PolynomialKernel(0.5, degree, 0.0)
    assert kernel.matrix(x, x) == (degree == 0)
    assert_allclose(kernel.vjp(x, x + 1, one, one), 0.5 * (degree == 1))


def test_no_weights_no_gradient(name):
    kernel, _ = KERNELS[name]
    X, Z, R = make_arrays((6, 3), (5, 3), (5, 2))
    assert not kernel.vjp(X, Z, np.zeros((6, 2)), R).any()


@pytest.mark.parametrize("gamma", ["scale", "auto", 0.2])
def test_parameters_are_read_as_scikit_learn_reads_them(name, gamma):
    X, Z = make_arrays((20, 3), (5, 3))
    settings = {"gamma": gamma, "degree": 2, "coef0": 0.5}
    machine = SVC(kernel=name, **settings).fit(X, X[:, 0] > 0)
    kernel = make_kernel(name, X, **settings)
    decisions = kernel.matrix(Z, machine.support_vectors_) @ machine.dual_coef_[0]
    assert_allclose(decisions + machine.intercept_, machine.decision_function(Z))


def test_rows_that_do_not_vary_have_a_scale():
    assert make_kernel("rbf", np.ones((4, 2))) == RBFKernel(1.0)


def test_other_kernels_are_refused():
    with pytest.raises(ValueError, match=r"`kernel` must be .* got 'precomputed'"):
        make_kernel("precomputed", np.ones((4, 2)))
