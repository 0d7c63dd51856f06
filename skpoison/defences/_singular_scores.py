r"""Scores along the direction in which row vectors vary most.

Row :math:`i` has the matrix :math:`x_i r_i^\top`, an outer product: the gradient of its
loss in the weights of a linear layer, with :math:`x_i` what the layer sees and
:math:`r_i` the gradient of the loss in its outputs; or, with :math:`r_i = 1`, the row
:math:`x_i` itself. With :math:`g_i` its entries as a vector, and :math:`\bar g` the
mean of these, the score is

.. math::

    \tau_i = \langle g_i - \bar g, v \rangle^2 ,

where v is the top right singular vector of the matrix whose rows are
:math:`g_i - \bar g` (Tran, Li, Madry 2018; Diakonikolas et al. 2019). A few rows that
push the weights together make their own direction the top one.

Of few columns, or few rows, v follows from the eigenvectors of the smaller one of the
two matrices of inner products, of columns or of rows. Otherwise it is found by an
iteration in which the vectors are never formed. With :math:`V` the entries of v as a
matrix and :math:`U = X V`, the products with the matrix and with its transpose are

.. math::

    \langle g_i, v \rangle = \langle r_i, u_i \rangle, \qquad
    \sum_i a_i g_i = X^\top (a \, R) ,

so that sparse rows stay sparse, and the memory is that of a few vectors. The inner
products of rows are :math:`\langle x_i, x_j \rangle \langle r_i, r_j \rangle`.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.linalg import eigh
from scipy.sparse.linalg import LinearOperator, svds

# How exactly singular vectors are found.
TOL = 1e-8
# The largest matrix of inner products whose eigenvectors are computed.
LARGEST = 128


@dataclass(frozen=True)
class OuterProducts:
    """Outer products of two vectors for each row.

    Parameters
    ----------
    X : {ndarray, csr matrix} of shape (n_samples, n_inputs)
        What a linear layer sees.
    R : ndarray of shape (n_samples, n_outputs)
        The gradients of the losses in its outputs.
    intercept : float, default=0.0
        A constant that is one more input; 0 for none.
    """

    X: np.ndarray | sparse.csr_matrix
    R: np.ndarray
    intercept: float = 0.0

    @property
    def n_entries(self) -> int:
        """The number of entries of each product."""
        return (self.X.shape[1] + bool(self.intercept)) * self.R.shape[1]

    @property
    def squared_norms(self) -> np.ndarray:
        """The squared norm of each row's entries."""
        squares = self.X.multiply(self.X) if sparse.issparse(self.X) else self.X**2
        of_inputs = np.ravel(squares.sum(axis=1)) + self.intercept**2
        return of_inputs * np.square(self.R).sum(axis=1)

    @property
    def entries(self) -> np.ndarray:
        """The entries of each product, of shape (n_samples, n_entries)."""
        X = self.X.toarray() if sparse.issparse(self.X) else self.X
        if self.intercept:
            X = np.column_stack([X, np.full(X.shape[0], self.intercept)])
        products = X[:, :, np.newaxis] * self.R[:, np.newaxis]
        return products.reshape(X.shape[0], -1)

    @property
    def inner_products(self) -> np.ndarray:
        """The inner products of the entries, of shape (n_samples, n_samples)."""
        of_inputs = self.X @ self.X.T
        if sparse.issparse(of_inputs):
            of_inputs = of_inputs.toarray()
        return (of_inputs + self.intercept**2) * (self.R @ self.R.T)

    def take(self, rows: np.ndarray) -> "OuterProducts":
        """Return the products of some rows.

        Parameters
        ----------
        rows : ndarray of shape (n_rows,) of int
            Their positions.

        Returns
        -------
        products : OuterProducts
        """
        return OuterProducts(self.X[rows], self.R[rows], self.intercept)

    def along(self, v: np.ndarray) -> np.ndarray:
        """Return the inner product of each row's entries with a vector.

        Parameters
        ----------
        v : ndarray of shape (n_entries,)
            The vector.

        Returns
        -------
        products : ndarray of shape (n_samples,)
        """
        V = v.reshape(-1, self.R.shape[1])
        U = self.X @ V[: self.X.shape[1]]
        if self.intercept:
            U = U + self.intercept * V[-1]
        return np.einsum("ik,ik->i", U, self.R)

    def sum(self, a: np.ndarray) -> np.ndarray:
        """Return the sum of the rows' entries, each multiplied by a number.

        Parameters
        ----------
        a : ndarray of shape (n_samples,)
            The numbers.

        Returns
        -------
        sum : ndarray of shape (n_entries,)
        """
        R = a.reshape(-1, 1) * self.R
        total = self.X.T @ R
        if self.intercept:
            total = np.vstack([total, self.intercept * R.sum(axis=0)])
        return np.ravel(total)


def singular_scores(products, weights, random_state):
    """Return the squared deviations of rows along their top singular vector.

    Parameters
    ----------
    products : OuterProducts
        The rows.
    weights : ndarray of shape (n_samples,)
        How many times each row counts in the mean and in the singular vector. They are
        not negative, and not all 0.
    random_state : RandomState instance
        Draws the vector from which an iteration starts.

    Returns
    -------
    scores : ndarray of shape (n_samples,)
    """
    mean = products.sum(weights) / weights.sum()
    roots = np.sqrt(weights)
    shape = weights.shape[0], products.n_entries

    def matvec(v):
        v = np.ravel(v)
        return roots * (products.along(v) - mean @ v)

    def rmatvec(u):
        u = roots * np.ravel(u)
        return products.sum(u) - u.sum() * mean

    # Of rows that are all alike only rounding is left.
    probe = random_state.standard_normal(shape[0])
    rounding = np.finfo(np.float64).eps * weights @ products.squared_norms
    if np.sum(np.square(rmatvec(probe))) <= rounding:
        return np.zeros(shape[0])
    if shape[1] <= min(LARGEST, shape[0]):
        G = roots[:, np.newaxis] * (products.entries - mean)
        v = _top_eigenvector(G.T @ G)
    elif shape[0] <= LARGEST:
        K = products.inner_products
        shares = weights / weights.sum()
        of_mean = K @ shares
        K = K - of_mean - of_mean[:, np.newaxis] + shares @ of_mean
        v = rmatvec(_top_eigenvector(roots[:, np.newaxis] * K * roots))
        v /= np.linalg.norm(v)
    else:
        start = random_state.standard_normal(min(shape))
        centred = LinearOperator(shape, matvec, rmatvec=rmatvec, dtype=np.float64)
        v = svds(centred, k=1, v0=start, tol=TOL, return_singular_vectors="vh")[2][0]
    return np.square(products.along(v) - mean @ v)


def _top_eigenvector(matrix):
    last = matrix.shape[0] - 1
    return eigh(matrix, subset_by_index=[last, last])[1][:, 0]
