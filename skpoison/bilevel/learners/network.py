r"""Feed-forward neural networks as learners.

A feed-forward network turns rows :math:`A_0 = X` into scores :math:`Z_L` by

.. math::

    Z_l = A_{l-1} M_l + c_l, \qquad A_l = f(Z_l) ,

the activation :math:`f` applied elementwise, except at the last layer. It minimises
the mean loss, with a squared penalty on the weights of its layers, but not on their
intercepts:

.. math::

    C(W) = \frac1s \Bigl( \sum_i a_i \, \varphi(z_i, t_i)
        + \frac\alpha2 \sum_l \|M_l\|^2 \Bigr), \qquad s = \sum_i a_i .

All :math:`M_l` and :math:`c_l` make one column W, so that for everything else a network
is a learner of one output. Its gradient is backpropagation,

.. math::

    D_L = \tfrac{a}{s} \, g, \qquad D_l = f'(Z_l) \, (D_{l+1} M_{l+1}^\top), \qquad
    \nabla_{M_l} C = A_{l-1}^\top D_l + \tfrac\alpha s M_l, \qquad
    \nabla_{c_l} C = \mathbf 1^\top D_l .

**One pass for all second derivatives.** Along a direction V in the weights, with layers
:math:`N_l` and :math:`d_l`, everything above is differentiated (forward over reverse
mode; Pearlmutter 1994, "Fast exact multiplication by the Hessian"): forwards from
:math:`\dot A_0 = 0`,

.. math::

    \dot Z_l = \dot A_{l-1} M_l + A_{l-1} N_l + d_l, \qquad
    \dot A_l = f'(Z_l) \, \dot Z_l ,

and backwards from :math:`\dot D_L = \tfrac{a}{s} \, S \dot Z_L`,

.. math::

    \dot D_l = f'(Z_l) \, (\dot D_{l+1} M_{l+1}^\top + D_{l+1} N_{l+1}^\top)
        + \tfrac{f''}{f'}(Z_l) \, D_l \, \dot Z_l .

The product with the Hessian has the layers :math:`\dot A_{l-1}^\top D_l +
A_{l-1}^\top \dot D_l + \tfrac\alpha s N_l` and :math:`\mathbf 1^\top \dot D_l`. The
same pass, continued to the rows, is the gradient of
:math:`\langle V, \nabla C \rangle` in them: with
:math:`h = \langle V, \nabla C \rangle`,

.. math::

    \nabla_X = \dot D_1 M_1^\top + D_1 N_1^\top, \qquad
    \nabla_{t_i} = \tfrac{a_i}{s} R_i \dot z_i, \qquad
    \partial / \partial a_i = \tfrac1s (\langle g_i, \dot z_i \rangle - h) .
"""

from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from skpoison.bilevel.learners.base import (
    ALL,
    Features,
    ParametricLearner,
    Point,
    RowGradients,
    Rows,
    Step,
)
from skpoison.bilevel.learners.columns import (
    ColumnGradient,
    column_gradient_of_products,
)
from skpoison.bilevel.learners.layers import (
    ACTIVATIONS,
    Activation,
    Layers,
    backward,
    forward,
    split_layers,
)
from skpoison.bilevel.losses import Loss


@dataclass(frozen=True)
class NetworkLearner(ParametricLearner):
    """A feed-forward network that minimises its mean loss by gradient descent.

    Parameters
    ----------
    hidden : tuple of int
        Numbers of units of the hidden layers.
    activation : {"identity", "logistic", "tanh", "relu"}
        The activation function of these units.
    loss : Loss
        The loss of scores and targets.
    penalty : float
        Weight of half the squared norm of the weights, those of the intercepts not
        included, relative to the sum of the losses.
    random_state : RandomState
        Draws the initial weights: the same ones every time.
    """

    hidden: tuple
    activation: str
    loss: Loss
    penalty: float
    random_state: np.random.RandomState

    supports = frozenset({"scores", "parameters", "row_span"})

    def shape(self, rows: Rows) -> tuple[int, int]:
        """Return the shape of the weights: those of all layers, in one column."""
        units = self._units(rows)
        return sum((m + 1) * k for m, k in pairwise(units)), 1

    def start(self, rows: Rows) -> np.ndarray:
        """Draw the initial weights uniformly, as Glorot and Bengio (2010) advise."""
        random_state = deepcopy(self.random_state)
        factor = 2.0 if self.activation == "logistic" else 6.0
        units, drawn = self._units(rows), []
        for m, k in pairwise(units):
            bound = np.sqrt(factor / (m + k))
            drawn.append(random_state.uniform(-bound, bound, (m + 1) * k))
        return np.concatenate(drawn)[:, np.newaxis]

    def storage(self, rows: Rows) -> int:
        """Return how many numbers a stored step takes: weights and all units."""
        n_units = 2 * sum(self._units(rows)[1:]) + rows.targets.shape[1] + 1
        return self.shape(rows)[0] + n_units * rows.targets.shape[0]

    def at(self, W: np.ndarray, rows: Rows) -> "NetworkPoint":
        """Return the objective at some weights."""
        return NetworkPoint(self, W, rows)

    def scores(self, X: Features, W: np.ndarray) -> np.ndarray:
        """Compute the scores of rows."""
        return forward(X, self.layers(W, X.shape[1]), self.activation_function)[-1]

    def score_vjp(self, X: Features, W: np.ndarray, R: np.ndarray) -> np.ndarray:
        r"""Compute the gradient of :math:`\langle R, \mathrm{scores}(X, W) \rangle`."""
        layers = self.layers(W, X.shape[1])
        values = forward(X, layers, self.activation_function)
        gradient = np.empty_like(W)
        deltas = backward(layers, values, R, self.activation_function)
        parts = self.layers(gradient, X.shape[1])
        for part, A, D in zip(parts, values, deltas, strict=False):
            part[:-1], part[-1] = A.T @ D, D.sum(axis=0)
        return gradient

    def input_vjp(self, X: Features, W: np.ndarray, R: np.ndarray) -> np.ndarray:
        r"""Compute the gradient of :math:`\langle R, \mathrm{scores} \rangle` in X."""
        layers = self.layers(W, X.shape[1])
        values = forward(X, layers, self.activation_function)
        deltas = backward(layers, values, R, self.activation_function)
        return deltas[0] @ layers[0][:-1].T

    def _known_columns(
        self, X: Features, W: np.ndarray, R: np.ndarray, product: np.ndarray
    ) -> ColumnGradient:
        first, of_first = (self.layers(each, X.shape[1])[0] for each in (W, product))
        return column_gradient_of_products((first[:-1], of_first[:-1], of_first[-1]))

    def sum_data_vjp(self, steps: list[Step], indices: slice) -> RowGradients:
        r"""Sum the gradients of :math:`\langle V, \nabla C(W) \rangle` in rows.

        The outer products of all steps are one product of matrices.
        """
        left, right, of_losses, of_targets, of_mean = [], [], 0.0, 0.0, 0.0
        for point, V, (delta, u) in steps:
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
    def activation_function(self) -> Activation:
        """The activation function and its derivatives."""
        return ACTIVATIONS[self.activation]

    def _units(self, rows: Rows) -> tuple[int, ...]:
        """Return the numbers of units of all layers."""
        return rows.X.shape[1], *self.hidden, rows.targets.shape[1]

    def layers(self, W: np.ndarray, n_features: int) -> Layers:
        """Split weights into layers, as views.

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
        return split_layers(W, (n_features, *self.hidden))

    def split_features(
        self, W: np.ndarray, n_features: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Split weights into those that multiply features and the others.

        Parameters
        ----------
        W : ndarray of shape (n_parameters, 1)
            The weights.
        n_features : int
            Number of features.

        Returns
        -------
        first : ndarray of shape (n_features, n_units)
            The weights of the first layer, without its intercepts.
        others : ndarray of shape (n_others, 1)
            All other weights.
        """
        first = self.layers(W, n_features)[0][:-1]
        return first, W[first.size :]


class NetworkPoint(Point):
    """The objective of a network at some weights."""

    @cached_property
    def total(self) -> float:
        """The sum of the weights of the rows."""
        return self.rows.weights.sum()

    @cached_property
    def shares(self) -> np.ndarray:
        """The weights of the rows as a column that sums to 1."""
        return (self.rows.weights / self.total)[:, np.newaxis]

    @cached_property
    def layers(self) -> Layers:
        """The weights of each layer, its intercepts in the last row."""
        return self.split_layers(self.W)

    @cached_property
    def values(self) -> list[Features]:
        """The values of all units, from the rows to the scores."""
        activation = self.learner.activation_function
        return forward(self.rows.X, self.layers, activation)

    @cached_property
    def score_gradient(self) -> np.ndarray:
        """The gradient of the loss of each row in its scores."""
        return self.learner.loss.gradient(self.values[-1], self.rows.targets)

    @cached_property
    def deltas(self) -> list[np.ndarray]:
        """The gradient of the objective in the inputs of the units of each layer."""
        of_scores = self.shares * self.score_gradient
        activation = self.learner.activation_function
        return backward(self.layers, self.values, of_scores, activation)

    def objective(self) -> float:
        """Compute the objective."""
        losses = self.learner.loss.value(self.values[-1], self.rows.targets)
        squares = sum((layer[:-1] ** 2).sum() for layer in self.layers)
        return float(
            self.shares[:, 0] @ losses
            + self.learner.penalty * squares / (2 * self.total)
        )

    def gradient(self) -> np.ndarray:
        """Compute the gradient of the objective in the weights."""
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

    def data_gradient(self, indices: slice = ALL) -> RowGradients:
        """Compute the gradient of the objective in training rows."""
        loss, z = self.learner.loss, self.values[-1][indices]
        targets = self.rows.targets[indices]
        return (
            self.deltas[0][indices] @ self.layers[0][:-1].T,
            self.shares[indices] * loss.target_gradient(z, targets),
            (loss.value(z, targets) - self.objective()) / self.total,
        )

    def hessian_product(self, U: np.ndarray) -> np.ndarray:
        """Multiply the Hessian of the objective by a direction."""
        return self.forward_over_reverse(U)[0]

    def data_vjp(self, V: np.ndarray, indices: slice = ALL) -> RowGradients:
        r"""Compute the gradient of :math:`\langle V, \nabla C(W) \rangle` in rows."""
        _, tangent = self.forward_over_reverse(V)
        return self.learner.sum_data_vjp([(self, V, tangent)], indices)

    def column_vjp(self, V: np.ndarray, product: np.ndarray) -> ColumnGradient:
        r"""Compute the column gradient of :math:`\langle V, \nabla C(W) \rangle`."""
        penalty = self.learner.penalty / self.total
        first, direction, of_first = (
            self.split_layers(each)[0] for each in (self.W, V, product)
        )
        delta = self.deltas[0]
        of_first = of_first[:-1] - penalty * direction[:-1], of_first[-1]
        return column_gradient_of_products(
            (first[:-1], *of_first),
            (direction[:-1], self.values[0].T @ delta, delta.sum(axis=0)),
        )

    def forward_over_reverse(
        self, V: np.ndarray, indices: slice = ALL
    ) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
        """Compute a Hessian-vector product by one pass forwards and one backwards.

        Parameters
        ----------
        V : ndarray of shape (n_parameters, 1)
            The direction.
        indices : slice, default=slice(None)
            Not needed: derivatives of the mean loss are sums over all rows.

        Returns
        -------
        product : ndarray of shape (n_parameters, 1)
            The product of the Hessian and the direction.
        delta : ndarray of shape (n_samples, n_units)
            The derivative of the first of `deltas` along the direction.
        u : ndarray of shape (n_samples, n_outputs)
            The derivative of the scores.
        """
        direction, values, deltas = self.split_layers(V), self.values, self.deltas
        loss, activation = self.learner.loss, self.learner.activation_function
        slopes = [activation.derivative(A) for A in values[1:-1]]
        moved, inputs = self._forward_tangents(direction, slopes)
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
                curved = activation.curvature(values[i]) * deltas[i - 1]
                curved *= inputs[i - 1]
                delta = both @ layers[:-1].T
                delta *= slopes[i - 1]
                delta += curved
        return product, (delta, inputs[-1])

    def _forward_tangents(
        self, direction: Layers, slopes: list[np.ndarray]
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Differentiate the units and their inputs along a direction."""
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

    def _collect(
        self, part: np.ndarray, pulled: np.ndarray, delta: np.ndarray, layer: np.ndarray
    ) -> None:
        """Write the gradient of a layer: its losses, its penalty, its intercepts."""
        np.multiply(layer[:-1], self.learner.penalty / self.total, out=part[:-1])
        part[:-1] += pulled
        part[-1] = delta.sum(axis=0)

    def split_layers(self, W: np.ndarray) -> Layers:
        """Split weights, or a direction, into layers, as views."""
        return self.learner.layers(W, self.rows.X.shape[1])
