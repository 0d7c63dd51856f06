r"""Kernels and their gradients, parametrised as in scikit-learn.

The linear, Gaussian, polynomial and sigmoid kernels are

.. math::

    \langle x, z \rangle, \qquad
    \exp(-\gamma \lVert x - z \rVert^2), \qquad
    (\gamma \langle x, z \rangle + r)^d, \qquad
    \tanh(\gamma \langle x, z \rangle + r) .

Hypergradients need weighted sums of their gradients in the first argument, vector
products with the Jacobian of the kernel matrix,
:math:`\sum_j A_{ij} \nabla_{x_i} K(x_i, z_j)`, with weights of low rank,
:math:`A = L R^\top`. For a function :math:`h` of the inner product and for the
Gaussian these are

.. math::

    \gamma \, ( A \circ h'(\gamma X Z^\top + r) ) \, Z
    \qquad \text{and} \qquad
    2 \gamma \, ( W Z - \operatorname{diag}(W \mathbf 1) X ), \quad W = A \circ K ,

one product of matrices each. The linear kernel needs no matrix of kernels at all:
:math:`A Z = L (R^\top Z)`.

Every kernel here is symmetric, so that :math:`\tfrac{d}{dx} K(x, x)` is twice the
gradient in the first argument.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np


class Kernel(ABC):
    """A symmetric function of two rows."""

    @abstractmethod
    def matrix(self, X: np.ndarray, Z: np.ndarray) -> np.ndarray:
        """Compute the kernel of each row with each.

        Parameters
        ----------
        X : ndarray of shape (n, n_features)
            Rows.
        Z : ndarray of shape (m, n_features)
            Rows.

        Returns
        -------
        matrix : ndarray of shape (n, m)
        """

    @abstractmethod
    def vjp(
        self, X: np.ndarray, Z: np.ndarray, L: np.ndarray, R: np.ndarray
    ) -> np.ndarray:
        r"""Compute :math:`\sum_j (L R^\top)_{ij} \nabla_{x_i} K(x_i, z_j)`.

        Parameters
        ----------
        X : ndarray of shape (n, n_features)
            The rows that move.
        Z : ndarray of shape (m, n_features)
            The rows that stay.
        L : ndarray of shape (n, rank)
            The left factor of the weights.
        R : ndarray of shape (m, rank)
            The right factor of the weights.

        Returns
        -------
        vjp : ndarray of shape (n, n_features)
        """

    def product(self, X: np.ndarray, Z: np.ndarray, B: np.ndarray) -> np.ndarray:
        """Multiply the kernel matrix.

        Parameters
        ----------
        X : ndarray of shape (n, n_features)
            Rows.
        Z : ndarray of shape (m, n_features)
            Rows.
        B : ndarray of shape (m, n_outputs)
            The right factor.

        Returns
        -------
        product : ndarray of shape (n, n_outputs)
        """
        return self.matrix(X, Z) @ B


@dataclass(frozen=True)
class LinearKernel(Kernel):
    """The linear kernel: the inner product."""

    def matrix(self, X: np.ndarray, Z: np.ndarray) -> np.ndarray:
        """Compute the kernel of each row with each."""
        return X @ Z.T

    def product(self, X: np.ndarray, Z: np.ndarray, B: np.ndarray) -> np.ndarray:
        """Multiply the kernel matrix, without computing it."""
        return X @ (Z.T @ B)

    def vjp(
        self, X: np.ndarray, Z: np.ndarray, L: np.ndarray, R: np.ndarray
    ) -> np.ndarray:
        """Compute a weighted sum of gradients."""
        return L @ (R.T @ Z)


@dataclass(frozen=True)
class RBFKernel(Kernel):
    """The Gaussian kernel.

    Parameters
    ----------
    gamma : float
        Factor of the squared distance.
    """

    gamma: float

    def matrix(self, X: np.ndarray, Z: np.ndarray) -> np.ndarray:
        """Compute the kernel of each row with each."""
        squares = (X**2).sum(axis=1)[:, np.newaxis] + (Z**2).sum(axis=1)
        return np.exp(-self.gamma * np.maximum(squares - 2 * (X @ Z.T), 0))

    def vjp(
        self, X: np.ndarray, Z: np.ndarray, L: np.ndarray, R: np.ndarray
    ) -> np.ndarray:
        """Compute a weighted sum of gradients."""
        W = (L @ R.T) * self.matrix(X, Z)
        return 2 * self.gamma * (W @ Z - W.sum(axis=1, keepdims=True) * X)


@dataclass(frozen=True)
class PolynomialKernel(Kernel):
    """The polynomial kernel: a power of the inner product.

    Parameters
    ----------
    gamma : float
        Factor of the inner product.
    degree : int
        The power.
    coef0 : float
        Constant that is added to the inner product.
    """

    gamma: float
    degree: int
    coef0: float

    def matrix(self, X: np.ndarray, Z: np.ndarray) -> np.ndarray:
        """Compute the kernel of each row with each."""
        return (self.gamma * (X @ Z.T) + self.coef0) ** self.degree

    def vjp(
        self, X: np.ndarray, Z: np.ndarray, L: np.ndarray, R: np.ndarray
    ) -> np.ndarray:
        """Compute a weighted sum of gradients."""
        base = self.gamma * (X @ Z.T) + self.coef0
        of_base = self.degree * base ** max(self.degree - 1, 0)
        return self.gamma * ((L @ R.T) * of_base) @ Z


@dataclass(frozen=True)
class SigmoidKernel(Kernel):
    """The sigmoid kernel: a hyperbolic tangent, and not positive definite.

    Parameters
    ----------
    gamma : float
        Factor of the inner product.
    coef0 : float
        Constant that is added to the inner product.
    """

    gamma: float
    coef0: float

    def matrix(self, X: np.ndarray, Z: np.ndarray) -> np.ndarray:
        """Compute the kernel of each row with each."""
        return np.tanh(self.gamma * (X @ Z.T) + self.coef0)

    def vjp(
        self, X: np.ndarray, Z: np.ndarray, L: np.ndarray, R: np.ndarray
    ) -> np.ndarray:
        """Compute a weighted sum of gradients."""
        return self.gamma * ((L @ R.T) * (1 - self.matrix(X, Z) ** 2)) @ Z


def make_kernel(
    name: str,
    X: np.ndarray,
    *,
    gamma: str | float = "scale",
    degree: int = 3,
    coef0: float = 0.0,
) -> Kernel:
    """Make a kernel from the parameters of scikit-learn's SVC.

    Parameters
    ----------
    name : {"linear", "rbf", "poly", "sigmoid"}
        The kernel.
    X : ndarray of shape (n_samples, n_features)
        The rows that determine `gamma`. It stays the same when rows move.
    gamma : {"scale", "auto"} or float, default="scale"
        "scale": 1 / (n_features * X.var()). "auto": 1 / n_features.
    degree : int, default=3
        Degree of the polynomial kernel.
    coef0 : float, default=0.0
        Constant of the polynomial and the sigmoid kernel.

    Returns
    -------
    kernel : Kernel

    Raises
    ------
    ValueError
        If the kernel is not one of these.
    """
    if gamma == "scale":
        variance = X.var()
        gamma = 1 / (X.shape[1] * variance) if variance > 0 else 1.0
    elif gamma == "auto":
        gamma = 1 / X.shape[1]
    if name == "linear":
        return LinearKernel()
    if name == "rbf":
        return RBFKernel(gamma)
    if name == "poly":
        return PolynomialKernel(gamma, degree, coef0)
    if name == "sigmoid":
        return SigmoidKernel(gamma, coef0)
    raise ValueError(
        f"`kernel` must be 'linear', 'rbf', 'poly' or 'sigmoid' to be differentiated; "
        f"got {name!r}."
    )
