from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skpoison.bilevel.learners.layers import (
    ACTIVATIONS,
    backward,
    forward,
    split_layers,
)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_derivatives_of_activations(name, difference):
    activation = ACTIVATIONS[name]
    Z = np.random.RandomState(0).normal(size=50)
    ones, A = np.ones_like(Z), activation.value(Z)
    slope = difference(activation.value, Z, ones, 1e-4)
    assert_allclose(activation.derivative(A), slope, rtol=1e-8, atol=1e-10)

    def derivative(Z):
        return 1.0 * activation.derivative(activation.value(Z))

    second = difference(derivative, Z, ones, 1e-4)
    product = activation.curvature(A) * activation.derivative(A)
    assert_allclose(product, second, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("hidden", [(), (4,), (4, 2)])
def test_layers_are_views(hidden):
    units = (3, *hidden, 5)
    sizes = [(m + 1) * k for m, k in pairwise(units)]
    W = np.arange(1.0 * sum(sizes))[:, np.newaxis]
    layers = split_layers(W, units[:-1])
    shapes = [(m + 1, k) for m, k in pairwise(units)]
    assert [layer.shape for layer in layers] == shapes
    assert_allclose(np.concatenate([layer.ravel() for layer in layers]), W[:, 0])
    layers[-1][-1, -1] = -1
    assert W[-1] == -1


def test_backward_is_the_derivative_of_forward(difference):
    activation, rng = ACTIVATIONS["tanh"], np.random.RandomState(0)
    layers = [rng.normal(size=(4, 5)), rng.normal(size=(6, 2))]
    X, U, R = rng.normal(size=(7, 3)), rng.normal(size=(7, 3)), rng.normal(size=(7, 2))
    values = forward(X, layers, activation)
    assert_allclose(values[1], np.tanh(X @ layers[0][:-1] + layers[0][-1]))
    first = backward(layers, values, R, activation)[0]
    gradient = first @ layers[0][:-1].T
    expected = difference(
        lambda X: (forward(X, layers, activation)[-1] * R).sum(), X, U
    )
    assert_allclose((gradient * U).sum(), expected, rtol=1e-8)
