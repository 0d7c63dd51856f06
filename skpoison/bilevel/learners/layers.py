"""Layers of a feed-forward network: activations, forward and backward passes."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy.special import expit

from skpoison.bilevel.learners.base import Features

# The weights of a layer: its intercepts are the last row.
Layers = list[np.ndarray]


class Activation(NamedTuple):
    """An activation function and its derivatives, as functions of its values.

    Parameters
    ----------
    value : callable
        The function.
    derivative : callable
        Takes values of the function; returns its derivatives there.
    curvature : callable
        Takes values of the function; returns the ratio of its second derivatives and
        its first there.
    """

    value: Callable
    derivative: Callable
    curvature: Callable


ACTIVATIONS = {
    "identity": Activation(lambda Z: Z, np.ones_like, lambda A: 0.0),
    "logistic": Activation(expit, lambda A: A * (1 - A), lambda A: 1 - 2 * A),
    "tanh": Activation(np.tanh, lambda A: 1 - A * A, lambda A: -2 * A),
    "relu": Activation(lambda Z: np.maximum(Z, 0), lambda A: A > 0, lambda A: 0.0),
}


def split_layers(W: np.ndarray, units: Sequence[int]) -> Layers:
    """Split a column of weights into layers, as views.

    Parameters
    ----------
    W : ndarray of shape (n_parameters, 1)
        The weights.
    units : sequence of int
        The number of features, and those of units of the hidden layers; that of the
        outputs follows from the number of weights.

    Returns
    -------
    layers : list of ndarray of shape (n_units_in + 1, n_units_out)
        The weights of each layer, its intercepts in the last row.
    """
    flat, layers, end = W.reshape(-1), [], 0
    for m, k in pairwise(units):
        begin, end = end, end + (m + 1) * k
        layers.append(flat[begin:end].reshape(m + 1, k))
    return [*layers, flat[end:].reshape(units[-1] + 1, -1)]


def forward(X: Features, layers: Layers, activation: Activation) -> list[Features]:
    """Compute the values of all units.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        The rows.
    layers : list of ndarray
        The weights.
    activation : Activation
        The activation function of the hidden layers.

    Returns
    -------
    values : list of ndarray of shape (n_samples, n_units)
        The rows, the values of each hidden layer, and the scores.
    """
    values = [X]
    for layer in layers:
        Z = values[-1] @ layer[:-1]
        Z += layer[-1]
        values.append(activation.value(Z) if len(values) < len(layers) else Z)
    return values


def backward(
    layers: Layers,
    values: list[Features],
    of_scores: np.ndarray,
    activation: Activation,
) -> list[np.ndarray]:
    """Backpropagate derivatives in the scores to the inputs of each layer's units.

    Parameters
    ----------
    layers : list of ndarray
        The weights.
    values : list of ndarray of shape (n_samples, n_units)
        What `forward` returns.
    of_scores : ndarray of shape (n_samples, n_outputs)
        The derivatives in the scores.
    activation : Activation
        The activation function of the hidden layers.

    Returns
    -------
    deltas : list of ndarray of shape (n_samples, n_units)
        From the first hidden layer to the scores.
    """
    deltas = [of_scores]
    for layer, A in zip(layers[:0:-1], values[-2:0:-1], strict=True):
        delta = deltas[-1] @ layer[:-1].T
        delta *= activation.derivative(A)
        deltas.append(delta)
    return deltas[::-1]
