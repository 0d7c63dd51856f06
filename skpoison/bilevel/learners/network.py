r"""What does a neural network minimise, and how does that move?

A feed-forward network turns rows :math:`A_0 = X` into scores :math:`Z_L` by

.. math::

    Z_l = A_{l-1} M_l + c_l, \qquad A_l = f(Z_l) ,

the activation :math:`f` taken of every number and left out at the last layer. It
minimises the mean of its losses, with the weights of its layers penalised, and their
intercepts not:

.. math::

    C(W) = \frac1s \Bigl( \sum_i a_i \, \varphi(z_i, t_i)
        + \frac\alpha2 \sum_l \|M_l\|^2 \Bigr), \qquad s = \sum_i a_i .

All :math:`M_l` and :math:`c_l` make one column W, so that for the rest of the engine a
network is a learner of one output. Its gradient is backpropagation,

.. math::

    D_L = \tfrac{a}{s} \, g, \qquad D_l = f'(Z_l) \, (D_{l+1} M_{l+1}^\top), \qquad
    \nabla_{M_l} C = A_{l-1}^\top D_l + \tfrac\alpha s M_l, \qquad
    \nabla_{c_l} C = \mathbf 1^\top D_l .

**One pass for all second derivatives.** Along a direction V in the weights, with layers
:math:`N_l` and :math:`d_l`, everything above moves (Pearlmutter 1994, "Fast exact
multiplication by the Hessian"): forwards from :math:`\dot A_0 = 0`,

.. math::

    \dot Z_l = \dot A_{l-1} M_l + A_{l-1} N_l + d_l, \qquad
    \dot A_l = f'(Z_l) \, \dot Z_l ,

and backwards from :math:`\dot D_L = \tfrac{a}{s} \, S \dot Z_L`,

.. math::

    \dot D_l = f'(Z_l) \, (\dot D_{l+1} M_{l+1}^\top + D_{l+1} N_{l+1}^\top)
        + \tfrac{f''}{f'}(Z_l) \, D_l \, \dot Z_l .

The product with the Hessian has the layers :math:`\dot A_{l-1}^\top D_l +
A_{l-1}^\top \dot D_l + \tfrac\alpha s N_l` and :math:`\mathbf 1^\top \dot D_l`. The
same pass, led on to the rows, is the gradient of :math:`\langle V, \nabla C \rangle` in
them: with :math:`h = \langle V, \nabla C \rangle`,

.. math::

    \nabla_X = \dot D_1 M_1^\top + D_1 N_1^\top, \qquad
    \nabla_{t_i} = \tfrac{a_i}{s} R_i \dot z_i, \qquad
    \partial / \partial a_i = \tfrac1s (\langle g_i, \dot z_i \rangle - h) .
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy.special import expit

from skpoison.bilevel.learners.base import STEPS_AT_ONCE, Learner, Point
from skpoison.bilevel.losses import Logistic, Multinomial, Squared, softmax


class Activation(NamedTuple):
    """A function of every unit, and its derivatives, as functions of its values.

    Parameters
    ----------
    value : callable
        The function.
    slope : callable
        Takes values of the function; returns its derivatives there.
    bend : callable
        Takes values of the function; returns what its second derivatives are of its
        first.
    """

    value: Callable
    slope: Callable
    bend: Callable


ACTIVATIONS = {
    "identity": Activation(lambda Z: Z, np.ones_like, lambda A: 0.0),
    "logistic": Activation(expit, lambda A: A * (1 - A), lambda A: 1 - 2 * A),
    "tanh": Activation(np.tanh, lambda A: 1 - A * A, lambda A: -2 * A),
    "relu": Activation(lambda Z: np.maximum(Z, 0), lambda A: A > 0, lambda A: 0.0),
}


@dataclass(frozen=True)
class NetworkLearner(Learner):
    """A feed-forward network that minimises its mean loss.

    Parameters
    ----------
    hidden : tuple of int
        Numbers of units of the hidden layers.
    activation : {"identity", "logistic", "tanh", "relu"}
        The function of each of these units.
    loss : Logistic, Multinomial or Squared
        What a mistake costs.
    penalty : float
        Weight of half the squared norm of the weights, the intercepts' not included,
        beside the sum of the losses.
    random_state : RandomState
        What the weights from which descent sets out are drawn from: the same ones
        every time.
    """

    hidden: tuple
    activation: str
    loss: Logistic | Multinomial | Squared
    penalty: float
    random_state: np.random.RandomState

    def shape(self, rows):
        """Say the shape of the weights: those of all layers, in one column."""
        units = self._units(rows)
        return sum((m + 1) * k for m, k in pairwise(units)), 1

    def start(self, rows):
        """Draw weights, uniformly, as Glorot and Bengio (2010) advise."""
        random_state = deepcopy(self.random_state)
        factor = 2.0 if self.activation == "logistic" else 6.0
        units, drawn = self._units(rows), []
        for m, k in pairwise(units):
            bound = np.sqrt(factor / (m + k))
            drawn.append(random_state.uniform(-bound, bound, (m + 1) * k))
        return np.concatenate(drawn)[:, np.newaxis]

    def storage(self, rows):
        """Say how many numbers a step keeps: weights, and what the units do."""
        n_units = 2 * sum(self._units(rows)[1:]) + rows.targets.shape[1] + 1
        return self.shape(rows)[0] + n_units * rows.targets.shape[0]

    def at(self, W, rows):
        """Take the objective at some weights."""
        return NetworkPoint(self, W, rows)

    def scores(self, X, W):
        """Compute the scores of rows."""
        return self.forward(X, self.layers(W, X.shape[1]))[-1]

    def score_vjp(self, X, W, R):
        r"""Differentiate :math:`\langle R, \mathrm{scores}(X, W) \rangle` in W."""
        layers = self.layers(W, X.shape[1])
        values = self.forward(X, layers)
        gradient = np.empty_like(W)
        deltas = self.backward(layers, values, R)
        parts = self.layers(gradient, X.shape[1])
        for part, A, D in zip(parts, values, deltas, strict=False):
            part[:-1], part[-1] = A.T @ D, D.sum(axis=0)
        return gradient

    def reverse_pass(self, points, V, indices, rate):
        """Add up over steps of descent what each of them makes of the rows.

        One pass serves both a step and what it makes of the rows, and the outer
        products of many steps are one product of matrices.
        """
        total, steps = [0.0, 0.0, 0.0], []

        def add():
            for place, part in enumerate(self.data_vjp(steps, indices)):
                total[place] = total[place] - rate * part
            steps.clear()

        for point in points:
            product, delta, u = point.forward_over_reverse(V)
            steps.append((point, V, delta, u))
            V = V - rate * product
            if len(steps) == STEPS_AT_ONCE:
                add()
        if steps:
            add()
        return total

    def data_vjp(self, steps, indices):
        r"""Differentiate a sum of :math:`\langle V, \nabla C(W) \rangle` in rows.

        Parameters
        ----------
        steps : list of tuple (NetworkPoint, ndarray, ndarray, ndarray)
            The objective at W, V, and how deltas and scores move along V.
        indices : slice
            The rows in question.

        Returns
        -------
        features, targets, weights : ndarray
            The gradients in the features, the targets and the weights of the rows.
        """
        left, right, of_losses, of_targets, of_mean = [], [], 0.0, 0.0, 0.0
        for point, V, delta, u in steps:
            direction = point.split_layers(V)
            left += [delta[indices], point.deltas[0][indices]]
            right += [point.layers[0][:-1], direction[0][:-1]]
            z, t = point.values[-1][indices], point.rows.targets[indices]
            of_targets = of_targets + self.loss.response_product(z, t, u[indices])
            of_losses = of_losses + point.score_gradient[indices] * u[indices]
            of_mean += np.vdot(point.deltas[-1], u)
            pairs = zip(point.layers, direction, strict=True)
            squares = sum(np.vdot(layer[:-1], part[:-1]) for layer, part in pairs)
            of_mean += self.penalty * squares / point.total
        return (
            np.concatenate(left, axis=1) @ np.concatenate(right, axis=1).T,
            point.shares[indices] * of_targets,
            (of_losses.sum(axis=1) - of_mean) / point.total,
        )

    @property
    def of_units(self):
        """The activation, with its derivatives."""
        return ACTIVATIONS[self.activation]

    def _units(self, rows):
        """Say the numbers of units of all layers."""
        return rows.X.shape[1], *self.hidden, rows.targets.shape[1]

    def layers(self, W, n_features):
        """Cut weights into layers, without a copy.

        Parameters
        ----------
        W : ndarray of shape (n_parameters, 1)
            The weights.
        n_features : int
            Number of features.

        Returns
        -------
        layers : list of ndarray of shape (n_units_in + 1, n_units_out)
            The weights of each layer, its intercepts in the last row.
        """
        flat, layers, end = W.reshape(-1), [], 0
        for m, k in zip((n_features, *self.hidden), self.hidden, strict=False):
            begin, end = end, end + (m + 1) * k
            layers.append(flat[begin:end].reshape(m + 1, k))
        last = self.hidden[-1] if self.hidden else n_features
        return [*layers, flat[end:].reshape(last + 1, -1)]

    def forward(self, X, layers):
        """Compute the values of all units.

        Parameters
        ----------
        X : {ndarray, sparse matrix} of shape (n_samples, n_features)
            The rows.
        layers : list of ndarray
            The weights.

        Returns
        -------
        values : list of ndarray of shape (n_samples, n_units)
            The rows, the values of each hidden layer, and the scores.
        """
        values = [X]
        for layer in layers:
            Z = values[-1] @ layer[:-1]
            Z += layer[-1]
            values.append(self.of_units.value(Z) if len(values) < len(layers) else Z)
        return values

    def backward(self, layers, values, of_scores):
        """Lead derivatives in the scores back to what goes into each layer's units.

        Parameters
        ----------
        layers : list of ndarray
            The weights.
        values : list of ndarray of shape (n_samples, n_units)
            The rows, the values of each hidden layer, and the scores.
        of_scores : ndarray of shape (n_samples, n_outputs)
            The derivatives in the scores.

        Returns
        -------
        deltas : list of ndarray of shape (n_samples, n_units)
            From the first hidden layer to the scores.
        """
        deltas = [of_scores]
        for layer, A in zip(layers[:0:-1], values[-2:0:-1], strict=True):
            delta = deltas[-1] @ layer[:-1].T
            delta *= self.of_units.slope(A)
            deltas.append(delta)
        return deltas[::-1]


class NetworkPoint(Point):
    """The objective of a network at some weights."""

    @cached_property
    def total(self):
        """The sum of the weights of the rows."""
        return self.rows.weights.sum()

    @cached_property
    def shares(self):
        """The weights of the rows, in a column, with a sum of 1."""
        return (self.rows.weights / self.total)[:, np.newaxis]

    @cached_property
    def layers(self):
        """The weights of each layer, its intercepts in the last row."""
        return self.split_layers(self.W)

    @cached_property
    def values(self):
        """The values of all units, from the rows to the scores."""
        return self.learner.forward(self.rows.X, self.layers)

    @cached_property
    def score_gradient(self):
        """The gradient of the loss of each row in its scores."""
        return self.learner.loss.gradient(self.values[-1], self.rows.targets)

    @cached_property
    def deltas(self):
        """The gradient of the objective in what goes into the units of each layer."""
        of_scores = self.shares * self.score_gradient
        return self.learner.backward(self.layers, self.values, of_scores)

    def objective(self):
        """Compute the objective."""
        losses = self.learner.loss.value(self.values[-1], self.rows.targets)
        squares = sum((layer[:-1] ** 2).sum() for layer in self.layers)
        return float(
            self.shares[:, 0] @ losses
            + self.learner.penalty * squares / (2 * self.total)
        )

    def gradient(self):
        """Differentiate the objective in the weights."""
        gradient = np.empty_like(self.W)
        parts = zip(
            self.split_layers(gradient),
            self.layers,
            self.values,
            self.deltas,
            strict=False,
        )
        for part, layer, A, D in parts:
            self._collect(part, A.T @ D, D, layer)
        return gradient

    def data_gradient(self, indices=slice(None)):
        """Differentiate the objective in rows."""
        loss, z, t = (
            self.learner.loss,
            self.values[-1][indices],
            self.rows.targets[indices],
        )
        of_targets = t - z if isinstance(loss, Squared) else -z
        if isinstance(loss, Multinomial):
            of_targets = of_targets + softmax(z)[1][:, np.newaxis]
        return (
            self.deltas[0][indices] @ self.layers[0][:-1].T,
            self.shares[indices] * of_targets,
            (loss.value(z, t) - self.objective()) / self.total,
        )

    def hessian_product(self, U):
        """Multiply the Hessian of the objective with a direction."""
        return self.forward_over_reverse(U)[0]

    def data_vjp(self, V, indices=slice(None)):
        r"""Differentiate :math:`\langle V, \nabla C(W) \rangle` in rows."""
        return self.learner.data_vjp(
            [(self, V, *self.forward_over_reverse(V)[1:])], indices
        )

    def forward_over_reverse(self, V):
        """Move along a direction, forwards and backwards.

        Parameters
        ----------
        V : ndarray of shape (n_parameters, 1)
            The direction.

        Returns
        -------
        product : ndarray of shape (n_parameters, 1)
            The product of the Hessian with it.
        delta : ndarray of shape (n_samples, n_units)
            How the first of `deltas` moves.
        u : ndarray of shape (n_samples, n_outputs)
            How the scores move.
        """
        direction, values, deltas = self.split_layers(V), self.values, self.deltas
        loss, (_, slope, bend) = self.learner.loss, self.learner.of_units
        slopes = [slope(A) for A in values[1:-1]]
        moved, inputs = self._forward_along(direction, slopes)
        hvp_scores = loss.hessian_product(values[-1], self.rows.targets, inputs[-1])
        delta = self.shares * hvp_scores
        product = np.empty_like(V)
        parts = self.split_layers(product)
        for i in range(len(direction))[::-1]:
            pulled = values[i].T @ delta
            if i > 0:
                pulled += moved[i].T @ deltas[i]
            self._collect(parts[i], pulled, delta, direction[i])
            if i > 0:
                both = np.concatenate([delta, deltas[i]], axis=1)
                layers = np.concatenate([self.layers[i], direction[i]], axis=1)
                curved = bend(values[i]) * deltas[i - 1]
                curved *= inputs[i - 1]
                delta = both @ layers[:-1].T
                delta *= slopes[i - 1]
                delta += curved
        return product, delta, inputs[-1]

    def _forward_along(self, direction, slopes):
        """Say how units move along a direction, and what goes into them."""
        u = self.rows.X @ direction[0][:-1]
        u += direction[0][-1]
        inputs, moved = [u], [None]
        for i, slope in enumerate(slopes, start=1):
            moved.append(slope * u)
            u = moved[i] @ self.layers[i][:-1]
            u += self.values[i] @ direction[i][:-1]
            u += direction[i][-1]
            inputs.append(u)
        return moved, inputs

    def _collect(self, part, pulled, delta, layer):
        """Put together what a layer of a gradient consists of."""
        np.multiply(layer[:-1], self.learner.penalty / self.total, out=part[:-1])
        part[:-1] += pulled
        part[-1] = delta.sum(axis=0)

    def split_layers(self, W):
        """Cut weights, or a direction, into layers, without a copy."""
        return self.learner.layers(W, self.rows.X.shape[1])
