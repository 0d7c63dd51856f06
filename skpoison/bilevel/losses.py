r"""Loss functions of scores and targets, and their derivatives.

A linear learner scores a row :math:`x` by :math:`z = W^\top \tilde x \in \mathbb R^K`
and pays :math:`\varphi(z, t)` for the target :math:`t \in \mathbb R^K`. All that
hypergradients need of a loss is

.. math::

    g = \nabla_z \varphi, \qquad
    S u = \nabla^2_z \varphi \, u, \qquad
    R u = \nabla_z \langle \nabla_t \varphi, u \rangle ,

the gradient in the scores, Hessian-vector products in the scores, and vector products
with the mixed second derivative in targets and scores. Solvers that factorise a Hessian
ask for the entries of :math:`S` itself (`hessian_blocks`, in the manner of
scikit-learn's ``LinearModelLoss``). Every loss here except the multinomial one is
separable, a sum over the K outputs, so that :math:`S` and :math:`R` are diagonal.

Targets are 0 or 1 for the logistic losses (or any real number: soft labels), -1 or 1
for the hinge losses, and real numbers for the others. All functions take arrays of
shape (n_samples, n_outputs), from any namespace of the array API.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from array_api_compat import array_namespace

# An array of any library that follows the array API.
Array = Any


def _softplus(z: Array) -> Array:
    """Compute log(1 + exp(z)) without overflow."""
    xp = array_namespace(z)
    return xp.maximum(z, xp.zeros_like(z)) + xp.log1p(xp.exp(-xp.abs(z)))


def sigmoid(z: Array) -> Array:
    """Compute 1 / (1 + exp(-z)) without overflow.

    Parameters
    ----------
    z : array
        Real numbers.

    Returns
    -------
    sigmoid : array
    """
    xp = array_namespace(z)
    small = xp.exp(-xp.abs(z))
    return xp.where(z >= 0, 1 / (1 + small), small / (1 + small))


def softmax(z: Array) -> tuple[Array, Array]:
    """Compute the softmax of scores without overflow.

    Parameters
    ----------
    z : array of shape (n_samples, n_outputs)
        The scores.

    Returns
    -------
    probabilities : array of shape (n_samples, n_outputs)
        They sum to 1 in each row.
    log_sums : array of shape (n_samples,)
        Logarithms of the sums of exponentials.
    """
    xp = array_namespace(z)
    top = xp.max(z, axis=1, keepdims=True)
    exponentials = xp.exp(z - top)
    total = xp.sum(exponentials, axis=1, keepdims=True)
    return exponentials / total, (top + xp.log(total))[:, 0]


class Loss(ABC):
    """A loss of scores and targets.

    All methods take scores z, targets t and directions u in the scores, as arrays of
    shape (n_samples, n_outputs).

    Attributes
    ----------
    couples_outputs : bool
        Whether the loss depends on several scores of a row jointly, so that its
        Hessian in the scores is not diagonal.
    is_quadratic : bool
        Whether the loss is quadratic in the scores: its curvature is constant.
    linear_in_targets : bool
        Whether the loss is linear in the targets, except for terms that do not depend
        on the scores: the expected loss of a random target is then the loss of the
        expected target.
    """

    couples_outputs = False
    is_quadratic = False
    linear_in_targets = False

    @abstractmethod
    def value(self, z: Array, t: Array) -> Array:
        """Compute the loss of each row, of shape (n_samples,)."""

    @abstractmethod
    def gradient(self, z: Array, t: Array) -> Array:
        """Compute the gradient in the scores, of shape (n_samples, n_outputs)."""

    @abstractmethod
    def curvature(self, z: Array, t: Array) -> Array:
        """Compute the diagonal of the Hessian in the scores, for each row.

        Returns an array of shape (n_samples, n_outputs).
        """

    def hessian_blocks(self, z: Array, t: Array) -> Iterator[tuple[int, int, Array]]:
        """Yield the entries of the Hessian in the scores that are not always 0.

        Yields
        ------
        k, m : int
            A pair of outputs, m <= k: the Hessian is symmetric.
        values : array of shape (n_samples,)
            The second derivative in the scores k and m of each row.
        """
        curvature = self.curvature(z, t)
        for k in range(z.shape[1]):
            yield k, k, curvature[:, k]

    @abstractmethod
    def hessian_product(self, z: Array, t: Array, u: Array) -> Array:
        """Multiply the Hessian in the scores by directions, row by row."""

    @abstractmethod
    def target_gradient(self, z: Array, t: Array) -> Array:
        """Compute the gradient in the targets, of shape (n_samples, n_outputs)."""

    @abstractmethod
    def response_product(self, z: Array, t: Array, u: Array) -> Array:
        """Multiply the second derivative in targets and scores by directions.

        Returns an array of shape (n_samples, n_outputs), in the targets.
        """


class SeparableLoss(Loss):
    """A loss that is a sum over outputs of a function of one score and one target.

    A subclass has `values`, `gradient`, `curvature`, `target_gradient` and `response`,
    each elementwise.
    """

    @abstractmethod
    def values(self, z: Array, t: Array) -> Array:
        """Compute the loss of each output, elementwise."""

    @abstractmethod
    def response(self, z: Array, t: Array) -> Array:
        """Compute the second derivative in score and target, elementwise."""

    def value(self, z: Array, t: Array) -> Array:
        """Compute the loss of each row."""
        return array_namespace(z).sum(self.values(z, t), axis=1)

    def hessian_product(self, z: Array, t: Array, u: Array) -> Array:
        """Multiply the Hessian in the scores by directions."""
        return self.curvature(z, t) * u

    def response_product(self, z: Array, t: Array, u: Array) -> Array:
        """Multiply the second derivative in targets and scores by directions."""
        return self.response(z, t) * u


@dataclass(frozen=True)
class Squared(SeparableLoss):
    r"""Half the squared error, :math:`\tfrac12 (z - t)^2`."""

    is_quadratic = True
    linear_in_targets = True

    def values(self, z: Array, t: Array) -> Array:
        """Compute the loss of each output."""
        return (z - t) ** 2 / 2

    def gradient(self, z: Array, t: Array) -> Array:
        """Compute the gradient in the score."""
        return z - t

    def curvature(self, z: Array, t: Array) -> Array:
        """Compute the second derivative in the score."""
        return array_namespace(z).ones_like(z)

    def target_gradient(self, z: Array, t: Array) -> Array:
        """Compute the gradient in the target."""
        return t - z

    def response(self, z: Array, t: Array) -> Array:
        """Compute the second derivative in score and target."""
        return -array_namespace(z).ones_like(z)


@dataclass(frozen=True)
class Huber(SeparableLoss):
    r"""Huber loss: half the squared error, linear beyond `delta`.

    .. math::

        \varphi = \tfrac12 r^2 \text{ if } |r| \le \delta, \quad
        \delta |r| - \tfrac12 \delta^2 \text{ else}, \qquad r = z - t .
    """

    delta: float = 1.35

    def values(self, z: Array, t: Array) -> Array:
        """Compute the loss of each output."""
        xp = array_namespace(z)
        size = xp.abs(z - t)
        linear = self.delta * size - self.delta**2 / 2
        return xp.where(size <= self.delta, size**2 / 2, linear)

    def gradient(self, z: Array, t: Array) -> Array:
        """Compute the gradient in the score."""
        return array_namespace(z).clip(z - t, -self.delta, self.delta)

    def curvature(self, z: Array, t: Array) -> Array:
        """Compute the second derivative in the score."""
        xp = array_namespace(z)
        return xp.astype(xp.abs(z - t) <= self.delta, z.dtype)

    def target_gradient(self, z: Array, t: Array) -> Array:
        """Compute the gradient in the target."""
        return -self.gradient(z, t)

    def response(self, z: Array, t: Array) -> Array:
        """Compute the second derivative in score and target."""
        return -self.curvature(z, t)


class CanonicalLoss(SeparableLoss):
    r"""The loss :math:`b(z) - t z` of a generalised linear model with canonical link.

    It is a negative log-likelihood without the terms that do not depend on z. A
    subclass has the cumulant function :math:`b` of the distribution and its first two
    derivatives, which are the mean and the variance of the target.
    """

    linear_in_targets = True

    @abstractmethod
    def cumulant(self, z: Array) -> Array:
        """Compute the cumulant function, elementwise."""

    @abstractmethod
    def mean(self, z: Array) -> Array:
        """Compute its derivative, elementwise."""

    @abstractmethod
    def variance(self, z: Array) -> Array:
        """Compute its second derivative, elementwise."""

    def values(self, z: Array, t: Array) -> Array:
        """Compute the loss of each output."""
        return self.cumulant(z) - t * z

    def gradient(self, z: Array, t: Array) -> Array:
        """Compute the gradient in the score."""
        return self.mean(z) - t

    def curvature(self, z: Array, t: Array) -> Array:
        """Compute the second derivative in the score."""
        return self.variance(z)

    def target_gradient(self, z: Array, t: Array) -> Array:
        """Compute the gradient in the target."""
        return -z

    def response(self, z: Array, t: Array) -> Array:
        """Compute the second derivative in score and target."""
        return -array_namespace(z).ones_like(z)


@dataclass(frozen=True)
class Logistic(CanonicalLoss):
    r"""Logistic loss, :math:`\log(1 + e^z) - t z`, of targets 0 and 1."""

    def cumulant(self, z: Array) -> Array:
        """Compute the cumulant function of the Bernoulli distribution."""
        return _softplus(z)

    def mean(self, z: Array) -> Array:
        """Compute the probability of the target 1."""
        return sigmoid(z)

    def variance(self, z: Array) -> Array:
        """Compute the variance of the target."""
        p = sigmoid(z)
        return p * (1 - p)


class _MarginLoss(SeparableLoss):
    r"""A function :math:`\psi` of the margin :math:`t z`, of targets -1 and 1.

    A subclass has `of_margin`, which returns :math:`\psi` and its two derivatives.
    """

    @abstractmethod
    def of_margin(self, margin: Array) -> tuple[Array, Array, Array]:
        """Compute the function of the margin and its two derivatives."""

    def values(self, z: Array, t: Array) -> Array:
        """Compute the loss of each output."""
        return self.of_margin(t * z)[0]

    def gradient(self, z: Array, t: Array) -> Array:
        """Compute the gradient in the score."""
        return t * self.of_margin(t * z)[1]

    def curvature(self, z: Array, t: Array) -> Array:
        """Compute the second derivative in the score."""
        return t**2 * self.of_margin(t * z)[2]

    def target_gradient(self, z: Array, t: Array) -> Array:
        """Compute the gradient in the target."""
        return z * self.of_margin(t * z)[1]

    def response(self, z: Array, t: Array) -> Array:
        """Compute the second derivative in score and target."""
        _, slope, curvature = self.of_margin(t * z)
        return slope + t * z * curvature


@dataclass(frozen=True)
class SquaredHinge(_MarginLoss):
    r"""Squared hinge loss, :math:`\max(0, 1 - t z)^2`."""

    def of_margin(self, margin: Array) -> tuple[Array, Array, Array]:
        """Compute the function of the margin and its two derivatives."""
        xp = array_namespace(margin)
        short = xp.maximum(1 - margin, xp.zeros_like(margin))
        return short**2, -2 * short, 2 * xp.astype(margin < 1, margin.dtype)


@dataclass(frozen=True)
class SmoothedHinge(_MarginLoss):
    r"""Smoothed hinge loss, :math:`\tau \log(1 + e^{(1 - t z) / \tau})`.

    It lies above the hinge loss by at most :math:`\tau \log 2`.
    """

    tau: float = 0.1

    def of_margin(self, margin: Array) -> tuple[Array, Array, Array]:
        """Compute the function of the margin and its two derivatives."""
        short = (1 - margin) / self.tau
        p = sigmoid(short)
        return self.tau * _softplus(short), -p, p * (1 - p) / self.tau


@dataclass(frozen=True)
class Multinomial(Loss):
    r"""Multinomial logistic loss, of targets that are 1 for a class and 0 for others.

    .. math::

        \varphi = \Bigl(\sum_k t_k\Bigr) \log \sum_k e^{z_k} - \langle t, z \rangle,
        \qquad g = \Bigl(\sum_k t_k\Bigr) p - t, \qquad
        S = \Bigl(\sum_k t_k\Bigr) (\operatorname{diag} p - p p^\top) .
    """

    couples_outputs = True
    linear_in_targets = True

    def value(self, z: Array, t: Array) -> Array:
        """Compute the loss of each row."""
        xp = array_namespace(z)
        return xp.sum(t, axis=1) * softmax(z)[1] - xp.sum(t * z, axis=1)

    def gradient(self, z: Array, t: Array) -> Array:
        """Compute the gradient in the score."""
        xp = array_namespace(z)
        return xp.sum(t, axis=1, keepdims=True) * softmax(z)[0] - t

    def curvature(self, z: Array, t: Array) -> Array:
        """Compute the diagonal of the Hessian in the scores of each row."""
        p, _ = softmax(z)
        return array_namespace(z).sum(t, axis=1, keepdims=True) * p * (1 - p)

    def hessian_blocks(self, z: Array, t: Array) -> Iterator[tuple[int, int, Array]]:
        """Yield all entries of the Hessian in the scores, m <= k."""
        xp = array_namespace(z)
        p, _ = softmax(z)
        total = xp.sum(t, axis=1)
        for k in range(z.shape[1]):
            for m in range(k + 1):
                yield k, m, total * p[:, m] * (float(k == m) - p[:, k])

    def hessian_product(self, z: Array, t: Array, u: Array) -> Array:
        """Multiply the Hessian in the scores by directions."""
        xp = array_namespace(z)
        p, _ = softmax(z)
        spread = p * (u - xp.sum(p * u, axis=1, keepdims=True))
        return xp.sum(t, axis=1, keepdims=True) * spread

    def target_gradient(self, z: Array, t: Array) -> Array:
        """Compute the gradient in the targets."""
        return softmax(z)[1][:, None] - z

    def response_product(self, z: Array, t: Array, u: Array) -> Array:
        """Multiply the second derivative in targets and scores by directions."""
        xp = array_namespace(z)
        p, _ = softmax(z)
        return xp.sum(p * u, axis=1, keepdims=True) - u
