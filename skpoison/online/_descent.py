r"""Steps of learners that descend the gradient of an objective, a batch at a time.

Linear models by gradient descent and neural networks take the step
:math:`W' = W + U(g)`, :math:`g = \nabla C(W)`, with the objective C over the rows of
the batch. The update U is :math:`-\eta g` for plain descent; with momentum
:math:`\mu` and the velocity :math:`h`,

.. math::

    h' = \mu h - \eta g, \qquad U = h' \quad\text{or}\quad U = \mu h' - \eta g
    \text{ (Nesterov)} ,

and for Adam (Kingma and Ba 2015) a function of g and of running means, elementwise. In
each case :math:`J = \partial U / \partial g` is diagonal, and for a gradient v of
something after the step

.. math::

    \nabla_X = \nabla_X \langle J v, \nabla C(W) \rangle, \qquad
    v^- = v + \nabla^2 C(W) \, J v .
"""

from copy import copy, deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np

from skpoison.bilevel.learners.base import Rows


@dataclass(frozen=True)
class DescentStep:
    """One step, and what its derivatives need.

    Parameters
    ----------
    point : Point
        The objective before the step.
    slope : float or ndarray of shape (n_parameters, 1)
        The derivative of the update in the gradient.
    """

    point: Any
    slope: Any


class Momentum:
    """Updates of stochastic gradient descent, with momentum or without.

    Parameters
    ----------
    rate : callable
        The rate as a function of the number of rows learnt from.
    momentum : float, default=0.0
        How much of the velocity is kept.
    nesterov : bool, default=False
        Whether the velocity is looked ahead, as Nesterov's method does.
    velocity : float or ndarray of shape (n_parameters, n_outputs), default=0.0
        The velocity.
    n_seen : int, default=0
        The number of rows learnt from.
    """

    def __init__(self, rate, momentum=0.0, nesterov=False, velocity=0.0, n_seen=0):
        self.rate, self.momentum, self.nesterov = rate, momentum, nesterov
        self.velocity, self.n_seen = velocity, n_seen

    @property
    def has_memory(self):
        """Whether an update depends on the gradients before."""
        return self.momentum > 0

    def __call__(self, gradient, n_rows):
        """Return an update and its derivative in the gradient."""
        rate, slope = self.rate(self.n_seen), -self.rate(self.n_seen)
        self.n_seen += n_rows
        self.velocity = self.momentum * self.velocity - rate * gradient
        if not self.nesterov:
            return self.velocity, slope
        update = self.momentum * self.velocity - rate * gradient
        return update, (1 + self.momentum) * slope


class Adam:
    """Updates of Adam.

    Parameters
    ----------
    rate, beta_1, beta_2, epsilon : float
        Its parameters.
    first, second : float or ndarray of shape (n_parameters, 1), default=0.0
        The running means of the gradient and of its square.
    n_steps : int, default=0
        The number of steps taken.
    """

    has_memory = True

    def __init__(self, rate, beta_1, beta_2, epsilon, first=0.0, second=0.0, n_steps=0):
        self.rate, self.epsilon = rate, epsilon
        self.beta_1, self.beta_2 = beta_1, beta_2
        self.first, self.second, self.n_steps = first, second, n_steps

    def __call__(self, gradient, n_rows):
        """Return an update and its derivative in the gradient."""
        self.n_steps += 1
        keep, of_square = 1 - self.beta_1, 1 - self.beta_2
        self.first = self.beta_1 * self.first + keep * gradient
        self.second = self.beta_2 * self.second + of_square * gradient**2
        rate = self.rate * np.sqrt(1 - self.beta_2**self.n_steps)
        rate /= 1 - self.beta_1**self.n_steps
        root = np.sqrt(self.second)
        size = root + self.epsilon
        # The derivative of the root is 0 where all gradients have been 0.
        of_root = of_square * gradient / np.where(root > 0, root, 1)
        slope = -rate * (keep / size - self.first * of_root / size**2)
        return -rate * self.first / size, slope


class DescentState:
    """A learner that descends the gradient of an objective, as it stands.

    Parameters
    ----------
    learner : ParametricLearner
        The objective.
    encode : callable
        Takes labels, as positions among the classes, or responses, and returns targets.
    weights : ndarray of shape (n_parameters, n_outputs)
        The weights.
    update : Momentum or Adam
        Takes a gradient and a number of rows; returns an update of the weights, and its
        derivative in the gradient.
    normalise : bool
        Whether the objective is a mean over rows whose weights must sum to 1.
    """

    def __init__(self, learner, encode, weights, update, *, normalise):
        self.learner, self.encode = learner, encode
        self.weights, self.update = weights, update
        self.normalise = normalise

    @property
    def has_memory(self):
        """Whether a step depends on the gradients before."""
        return self.update.has_memory

    @property
    def n_outputs(self):
        """The number of scores."""
        return self.encode(np.zeros(1, dtype=int)).shape[1]

    def learn_rows(self, X, y, trusted=None):
        """Learn from rows, each in a call of `partial_fit` of its own, trusted or not.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            The rows.
        y : ndarray of shape (n_samples,)
            Their labels, as positions among the classes, or responses.
        """
        for x, label in zip(X, y, strict=True):
            self.learn(x, label)

    def copy(self):
        """Return an independent copy of the state."""
        twin = copy(self)
        twin.update = deepcopy(self.update)
        return twin

    def partial_fit(self, X, y, sample_weight=None):
        """Take one step over all rows, as one call of `partial_fit`.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            The rows.
        y : ndarray of shape (n_samples,)
            Their labels, as positions among the classes, or responses.
        sample_weight : ndarray of shape (n_samples,), default=None
            Their weights.

        Returns
        -------
        self : object
        """
        self._descend(X, y, sample_weight)
        return self

    def learn(self, x, y, weight=1.0, *, trusted=False):
        """Learn from one row, trusted or not, and return the step.

        Returns
        -------
        step : DescentStep
        """
        return self._descend(x[np.newaxis], np.array([y]), np.array([weight]))

    def _descend(self, X, y, sample_weight):
        if sample_weight is None:
            sample_weight = np.ones(X.shape[0])
        if self.normalise:
            sample_weight = sample_weight / sample_weight.sum()
        rows = Rows(X, self.encode(y), sample_weight)
        point = self.learner.at(self.weights, rows)
        update, slope = self.update(point.gradient(), X.shape[0])
        self.weights = self.weights + update
        return DescentStep(point, slope)

    def pull_back(self, step, v):
        """Return a gradient before a step over one row, given the one after it.

        Parameters
        ----------
        step : DescentStep
            The step.
        v : ndarray of shape (n_parameters, n_outputs)
            The gradient of something in the weights after the step.

        Returns
        -------
        before : ndarray of shape (n_parameters, n_outputs)
            Its gradient in the weights before the step, apart from the velocity.
        by_row : ndarray of shape (n_features,)
            Its gradient in the row.
        """
        direction = step.slope * v
        product, tangent = step.point.forward_over_reverse(direction)
        parts = self.learner.sum_data_vjp(
            [(step.point, direction, tangent)], slice(None)
        )
        return v + product, np.asarray(parts[0])[0]
