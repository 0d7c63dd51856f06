r"""Losses of stochastic gradient descent, as functions of one number.

A linear learner scores a row by :math:`p = w^\top x + b`. The losses of
:class:`~sklearn.linear_model.SGDClassifier` are functions :math:`\psi(u)` of the margin
:math:`u = t p` with :math:`t = \pm 1`, and those of
:class:`~sklearn.linear_model.SGDRegressor` are functions of the residual
:math:`u = p - t`. In both cases

.. math::

    \frac{\partial \varphi}{\partial p} = \frac{\partial u}{\partial p} \, \psi'(u),
    \qquad
    \frac{\partial^2 \varphi}{\partial p^2} = \psi''(u) .

All of them are convex: :math:`-\psi'` falls, on which the exact search for the best
row relies. A step of the learner asks for a slope thousands of times, hence functions
of NumPy instead of the array API.
"""

from abc import abstractmethod
from dataclasses import dataclass
from math import exp

import numpy as np
from scipy.special import expit

from skpoison.bilevel.losses import SeparableLoss


class StreamLoss(SeparableLoss):
    """A convex function of a margin or of a residual.

    A subclass has `of`, `slope` and `bend`: the function and its two derivatives.

    Parameters
    ----------
    of_residual : bool
        Whether the argument is the residual p - t; otherwise it is the margin t p.
    """

    of_residual: bool
    # Where the slope jumps, or has a kink.
    jumps = ()

    @abstractmethod
    def of(self, u):
        """Compute the function."""

    @abstractmethod
    def slope(self, u):
        """Compute its derivative."""

    @abstractmethod
    def bend(self, u):
        """Compute its second derivative."""

    def slope_at(self, u):
        """Compute the derivative at a single number, for loops over rows."""
        return float(self.slope(np.array(u)))

    def argument(self, z, t):
        """Compute the margin or the residual."""
        return z - t if self.of_residual else z * t

    def values(self, z, t):
        """Compute the loss of each output."""
        return self.of(self.argument(z, t))

    def gradient(self, z, t):
        """Compute the gradient in the score."""
        slope = self.slope(self.argument(z, t))
        return slope if self.of_residual else t * slope

    def curvature(self, z, t):
        """Compute the second derivative in the score."""
        bend = self.bend(self.argument(z, t))
        return bend if self.of_residual else t**2 * bend

    def target_gradient(self, z, t):
        """Compute the gradient in the target."""
        slope = self.slope(self.argument(z, t))
        return -slope if self.of_residual else z * slope

    def response(self, z, t):
        """Compute the second derivative in score and target."""
        u = self.argument(z, t)
        if self.of_residual:
            return -self.bend(u)
        return self.slope(u) + u * self.bend(u)


@dataclass(frozen=True)
class LogLoss(StreamLoss):
    r"""Logistic loss of a margin, :math:`\log(1 + e^{-u})`."""

    of_residual = False

    def of(self, u):
        """Compute the loss."""
        return np.logaddexp(0, -u)

    def slope(self, u):
        """Compute its derivative: minus the probability of the other label."""
        return -expit(-u)

    def slope_at(self, u):
        """Compute the derivative at a single number."""
        if u >= 0:
            small = exp(-u)
            return -small / (1 + small)
        return -1 / (1 + exp(u))

    def bend(self, u):
        """Compute its second derivative."""
        small = np.exp(-np.abs(u))
        return small / (1 + small) ** 2

    def probability(self, u):
        """Compute the probability of a label from its margin."""
        return -self.slope(-np.asarray(u))

    def margin(self, probability):
        """Compute the margin at which a label has a probability."""
        return np.log(probability) - np.log1p(-probability)


@dataclass(frozen=True)
class Hinge(StreamLoss):
    r"""Hinge loss of a margin, :math:`\max(0, c - u)`; the perceptron's has c = 0."""

    at: float = 1.0
    of_residual = False

    @property
    def jumps(self):
        """Where the slope jumps."""
        return (self.at,)

    def of(self, u):
        """Compute the loss."""
        return np.maximum(self.at - u, 0.0)

    def slope(self, u):
        """Compute its derivative, from the left at the kink."""
        return np.where(u <= self.at, -1.0, 0.0)

    def slope_at(self, u):
        """Compute the derivative at a single number."""
        return -1.0 if u <= self.at else 0.0

    def bend(self, u):
        """Compute its second derivative: 0."""
        return np.zeros_like(u)


@dataclass(frozen=True)
class SquaredHinge(StreamLoss):
    r"""Squared hinge loss of a margin, :math:`\max(0, 1 - u)^2`."""

    of_residual = False

    def of(self, u):
        """Compute the loss."""
        return np.maximum(1 - u, 0.0) ** 2

    def slope(self, u):
        """Compute its derivative."""
        return -2 * np.maximum(1 - u, 0.0)

    def bend(self, u):
        """Compute its second derivative."""
        return np.where(u < 1, 2.0, 0.0)


@dataclass(frozen=True)
class ModifiedHuber(StreamLoss):
    r"""Squared hinge loss of a margin, linear below -1."""

    of_residual = False
    jumps = (-1.0,)

    def of(self, u):
        """Compute the loss."""
        return np.where(u < -1, -4 * u, np.maximum(1 - u, 0.0) ** 2)

    def slope(self, u):
        """Compute its derivative."""
        return np.where(u < -1, -4.0, -2 * np.maximum(1 - u, 0.0))

    def bend(self, u):
        """Compute its second derivative."""
        return np.where((u >= -1) & (u < 1), 2.0, 0.0)

    def probability(self, u):
        """Compute the probability of a label from its margin, as scikit-learn does."""
        return (np.clip(u, -1, 1) + 1) / 2

    def margin(self, probability):
        """Compute the margin at which a label has a probability."""
        return 2 * probability - 1


@dataclass(frozen=True)
class ResidualLoss(StreamLoss):
    """A function of the residual; of the margin less 1 if t is -1 or 1.

    Parameters
    ----------
    of_residual : bool
        Whether it is used for responses, and not for labels.
    """

    of_residual: bool = True

    def _residual(self, u):
        return u if self.of_residual else u - 1


@dataclass(frozen=True)
class SquaredError(ResidualLoss):
    r"""Half the squared residual."""

    def of(self, u):
        """Compute the loss."""
        return self._residual(u) ** 2 / 2

    def slope(self, u):
        """Compute its derivative."""
        return self._residual(u)

    def bend(self, u):
        """Compute its second derivative."""
        return np.ones_like(u)


@dataclass(frozen=True)
class HuberError(ResidualLoss):
    r"""Half the squared residual, linear beyond `delta`."""

    delta: float = 0.1

    @property
    def jumps(self):
        """Where the slope has a kink."""
        middle = 0.0 if self.of_residual else 1.0
        return middle - self.delta, middle + self.delta

    def of(self, u):
        """Compute the loss."""
        size = np.abs(self._residual(u))
        linear = self.delta * size - self.delta**2 / 2
        return np.where(size <= self.delta, size**2 / 2, linear)

    def slope(self, u):
        """Compute its derivative."""
        return np.clip(self._residual(u), -self.delta, self.delta)

    def bend(self, u):
        """Compute its second derivative."""
        return np.where(np.abs(self._residual(u)) <= self.delta, 1.0, 0.0)


@dataclass(frozen=True)
class EpsilonInsensitive(ResidualLoss):
    r"""The part of the absolute residual beyond `epsilon`, to a power of 1 or 2."""

    epsilon: float = 0.1
    power: int = 1

    @property
    def jumps(self):
        """Where the slope jumps, or has a kink."""
        middle = 0.0 if self.of_residual else 1.0
        return middle - self.epsilon, middle + self.epsilon

    def _beyond(self, u):
        return np.maximum(np.abs(self._residual(u)) - self.epsilon, 0.0)

    def of(self, u):
        """Compute the loss."""
        return self._beyond(u) ** self.power

    def slope(self, u):
        """Compute its derivative."""
        beyond, side = self._beyond(u), np.sign(self._residual(u))
        return side * (np.sign(beyond) if self.power == 1 else 2 * beyond)

    def bend(self, u):
        """Compute its second derivative."""
        return np.where((self._beyond(u) > 0) & (self.power == 2), 2.0, 0.0)


def stream_loss(estimator, *, of_labels):
    """Return the loss of a learner by stochastic gradient descent.

    Parameters
    ----------
    estimator : SGDClassifier or SGDRegressor
        The learner.
    of_labels : bool
        Whether the targets are labels, -1 and 1, and not responses.

    Returns
    -------
    loss : StreamLoss
    """
    epsilon = float(estimator.epsilon)
    as_responses = {"of_residual": not of_labels}
    losses = {
        "log_loss": LogLoss(),
        "hinge": Hinge(),
        "perceptron": Hinge(0.0),
        "squared_hinge": SquaredHinge(),
        "modified_huber": ModifiedHuber(),
        "squared_error": SquaredError(**as_responses),
        "huber": HuberError(**as_responses, delta=epsilon),
        "epsilon_insensitive": EpsilonInsensitive(**as_responses, epsilon=epsilon),
        "squared_epsilon_insensitive": EpsilonInsensitive(
            **as_responses, epsilon=epsilon, power=2
        ),
    }
    return losses[estimator.loss]
