r"""What does one mistake cost?

A linear learner scores a row :math:`x` by :math:`z = W^\top \tilde x \in \mathbb R^K`
and pays :math:`\varphi(z, t)` where the target is :math:`t \in \mathbb R^K`. All that
gradients of poisoning need of a loss is

.. math::

    g = \nabla_z \varphi, \qquad
    S u = \nabla^2_z \varphi \, u, \qquad
    R u = \nabla_z \langle \nabla_t \varphi, u \rangle ,

the gradient in the score, the product of the Hessian in the score with a direction, and
the product of the mixed second derivative with a direction, which says how the gradient
moves with the target. Every loss here but the multinomial one treats the K outputs
apart, so that :math:`S` and :math:`R` are diagonal.

Targets are 0 or 1 for the logistic losses (or any real number: soft labels), -1 or 1
for the hinges, real numbers for the others. All functions take arrays of shape
(n_samples, n_outputs), on any namespace of the array API.
"""

from dataclasses import dataclass

from array_api_compat import array_namespace


def _softplus(z):
    """Compute log(1 + exp(z)) without overflow."""
    xp = array_namespace(z)
    return xp.maximum(z, xp.zeros_like(z)) + xp.log1p(xp.exp(-xp.abs(z)))


def sigmoid(z):
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


def softmax(z):
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


class SeparableLoss:
    """A loss that is a sum over outputs of a function of one score and one target.

    A subclass has `values`, `gradient`, `curvature` and `response`, each elementwise.
    """

    separable = True

    def value(self, z, t):
        """Compute the loss of each row.

        Parameters
        ----------
        z, t : array of shape (n_samples, n_outputs)
            Scores and targets.

        Returns
        -------
        value : array of shape (n_samples,)
        """
        return array_namespace(z).sum(self.values(z, t), axis=1)

    def hessian_product(self, z, t, u):
        """Multiply the Hessian in the scores with directions.

        Parameters
        ----------
        z, t, u : array of shape (n_samples, n_outputs)
            Scores, targets and directions.

        Returns
        -------
        product : array of shape (n_samples, n_outputs)
        """
        return self.curvature(z, t) * u

    def response_product(self, z, t, u):
        """Multiply the second derivative in target and score with directions.

        Parameters
        ----------
        z, t, u : array of shape (n_samples, n_outputs)
            Scores, targets and directions in the scores.

        Returns
        -------
        product : array of shape (n_samples, n_outputs)
            In the targets.
        """
        return self.response(z, t) * u


@dataclass(frozen=True)
class Squared(SeparableLoss):
    r"""Half the squared error, :math:`\tfrac12 (z - t)^2`."""

    def values(self, z, t):
        """Compute the loss of each output."""
        return (z - t) ** 2 / 2

    def gradient(self, z, t):
        """Differentiate in the score."""
        return z - t

    def curvature(self, z, t):
        """Differentiate twice in the score."""
        return array_namespace(z).ones_like(z)

    def response(self, z, t):
        """Differentiate in score and target."""
        return -array_namespace(z).ones_like(z)


@dataclass(frozen=True)
class Huber(SeparableLoss):
    r"""Half the squared error, continued linearly where it exceeds `delta`.

    .. math::

        \varphi = \tfrac12 r^2 \text{ if } |r| \le \delta, \quad
        \delta |r| - \tfrac12 \delta^2 \text{ else}, \qquad r = z - t .
    """

    delta: float = 1.35

    def values(self, z, t):
        """Compute the loss of each output."""
        xp = array_namespace(z)
        size = xp.abs(z - t)
        linear = self.delta * size - self.delta**2 / 2
        return xp.where(size <= self.delta, size**2 / 2, linear)

    def gradient(self, z, t):
        """Differentiate in the score."""
        return array_namespace(z).clip(z - t, -self.delta, self.delta)

    def curvature(self, z, t):
        """Differentiate twice in the score."""
        xp = array_namespace(z)
        return xp.astype(xp.abs(z - t) <= self.delta, z.dtype)

    def response(self, z, t):
        """Differentiate in score and target."""
        return -self.curvature(z, t)


@dataclass(frozen=True)
class Logistic(SeparableLoss):
    r"""Logistic loss, :math:`\log(1 + e^z) - t z`, of targets 0 and 1."""

    def values(self, z, t):
        """Compute the loss of each output."""
        return _softplus(z) - t * z

    def gradient(self, z, t):
        """Differentiate in the score."""
        return sigmoid(z) - t

    def curvature(self, z, t):
        """Differentiate twice in the score."""
        p = sigmoid(z)
        return p * (1 - p)

    def response(self, z, t):
        """Differentiate in score and target."""
        return -array_namespace(z).ones_like(z)


class _MarginLoss(SeparableLoss):
    r"""A function :math:`\psi` of the margin :math:`t z`, of targets -1 and 1.

    A subclass has `of_margin`, which gives :math:`\psi` and its two derivatives.
    """

    def values(self, z, t):
        """Compute the loss of each output."""
        return self.of_margin(t * z)[0]

    def gradient(self, z, t):
        """Differentiate in the score."""
        return t * self.of_margin(t * z)[1]

    def curvature(self, z, t):
        """Differentiate twice in the score."""
        return t**2 * self.of_margin(t * z)[2]

    def response(self, z, t):
        """Differentiate in score and target."""
        _, slope, curvature = self.of_margin(t * z)
        return slope + t * z * curvature


@dataclass(frozen=True)
class SquaredHinge(_MarginLoss):
    r"""Squared hinge loss, :math:`\max(0, 1 - t z)^2`."""

    def of_margin(self, margin):
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

    def of_margin(self, margin):
        """Compute the function of the margin and its two derivatives."""
        short = (1 - margin) / self.tau
        p = sigmoid(short)
        return self.tau * _softplus(short), -p, p * (1 - p) / self.tau


@dataclass(frozen=True)
class Multinomial:
    r"""Multinomial logistic loss, of targets that are 1 for a class and 0 for others.

    .. math::

        \varphi = \Bigl(\sum_k t_k\Bigr) \log \sum_k e^{z_k} - \langle t, z \rangle,
        \qquad g = \Bigl(\sum_k t_k\Bigr) p - t, \qquad
        S = \Bigl(\sum_k t_k\Bigr) (\operatorname{diag} p - p p^\top) .
    """

    separable = False

    def value(self, z, t):
        """Compute the loss of each row.

        Parameters
        ----------
        z, t : array of shape (n_samples, n_outputs)
            Scores and targets.

        Returns
        -------
        value : array of shape (n_samples,)
        """
        xp = array_namespace(z)
        return xp.sum(t, axis=1) * softmax(z)[1] - xp.sum(t * z, axis=1)

    def gradient(self, z, t):
        """Differentiate in the score."""
        xp = array_namespace(z)
        return xp.sum(t, axis=1, keepdims=True) * softmax(z)[0] - t

    def hessian_product(self, z, t, u):
        """Multiply the Hessian in the scores with directions.

        Parameters
        ----------
        z, t, u : array of shape (n_samples, n_outputs)
            Scores, targets and directions.

        Returns
        -------
        product : array of shape (n_samples, n_outputs)
        """
        xp = array_namespace(z)
        p, _ = softmax(z)
        spread = p * (u - xp.sum(p * u, axis=1, keepdims=True))
        return xp.sum(t, axis=1, keepdims=True) * spread

    def response_product(self, z, t, u):
        """Multiply the second derivative in target and score with directions.

        Parameters
        ----------
        z, t, u : array of shape (n_samples, n_outputs)
            Scores, targets and directions in the scores.

        Returns
        -------
        product : array of shape (n_samples, n_outputs)
            In the targets.
        """
        xp = array_namespace(z)
        p, _ = softmax(z)
        return xp.sum(p * u, axis=1, keepdims=True) - u
