r"""Inner products of training rows, in single precision, and their largest components.

With fewer rows than columns a linear learner is trained in the coefficients of its rows
(:mod:`skpoison.bilevel.solvers.row_space`), and needs the rows only by products with
the Gram matrix :math:`K = X X^\top`. These products direct an iteration whose residuals
are computed from the rows themselves, in double precision: an error of K costs further
steps, and no digits of the result. So K is held in single precision, which takes half
the time and half the memory.

**What is kept.** An attack trains on the same clean rows each time, with other poison
rows behind them. The block of K of the clean rows is computed once; what is new are the
products with poison rows, a share of :math:`n_p / n` of the work.

**The largest components.** A preconditioner asks for an approximation of low rank,

.. math::

    \hat K = F F^\top, \qquad F = K U (U^\top K U)^{-1/2} ,

Nyström's, for which :math:`\hat K \preceq K`. U is a basis of the largest components
of the last K: one product with the new K is one step of subspace iteration, so that the
basis follows the poison rows.

**Pairs.** Which of the clean rows a poison row is like is seen by the inner products,
where those with poison rows are stored apart.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy import sparse
from scipy.linalg.blas import dsymv, ssymv

from skpoison.bilevel.learners.stacked import StackedRows, squared_norms

Features = np.ndarray | sparse.sparray | sparse.spmatrix | StackedRows

# Rank of the approximation to K.
RANK = 128
# Share of the mean square of the rows that is left around their mean, below which
# single precision would lose too many digits of what distinguishes the rows.
CENTRED = 1e-2
# Sum of squares above which products may overflow in single precision.
OVERFLOWS = 1e30
# Components below this share of the largest one are left out of a basis.
NEGLIGIBLE = 1e-6
# Columns that are multiplied one by one.
FEW = 4
# Squared norm that stands for that of rows of zeros.
TINY = 1e-30
# Steps of subspace iteration from a random basis.
FIRST_STEPS = 3


class Gram:
    """The inner products of rows.

    Parameters
    ----------
    X : {ndarray, sparse matrix, StackedRows} of shape (n_samples, n_features)
        The rows.
    matrix : ndarray of shape (n_samples, n_samples), default=None
        Their inner products. None: they are not stored, and each product with them is
        two products with the rows. Of dense rows behind sparse ones, the inner products
        with all rows are stored in any case.
    dtype : type, default=float32
        The precision in which those are stored.

    Attributes
    ----------
    is_single : bool
        Whether products are in single precision.
    accuracy : float
        To which share of itself a solution by these products is known.
    rank : int
        The rank of an approximation that pays.
    """

    def __init__(
        self, X: Features, matrix: np.ndarray | None = None, dtype: type = np.float32
    ):
        self.X, self.matrix, self.tail = X, matrix, None
        self.is_single = matrix is not None and matrix.dtype == np.float32
        if isinstance(X, StackedRows):
            self.tail = X.bottom_products(dtype)
            self.is_single = dtype == np.float32
        self.accuracy = 1e-5 if self.is_single else 1e-9
        self.rank = RANK if matrix is not None else RANK // 4
        if matrix is not None:
            self.diagonal = matrix.diagonal().astype(float)
        elif isinstance(X, np.ndarray):
            self.diagonal = np.einsum("ij,ij->i", X, X)
        else:
            is_stacked = isinstance(X, StackedRows)
            self.diagonal = X.squared_norms() if is_stacked else squared_norms(X)

    @cached_property
    def pairs(self) -> np.ndarray | None:
        """The sparse and the dense row of each pair that are most alike, by cosine.

        Of shape (n_pairs, 2), each row in one pair at most; None without dense rows
        behind sparse ones.
        """
        if self.tail is None:
            return None
        n_top = self.X.top.shape[0]
        sizes = np.sqrt(np.maximum(self.diagonal, TINY)).astype(self.tail.dtype)
        cosines = self.tail[:, :n_top] / sizes[:n_top]
        cosines /= sizes[n_top:, np.newaxis]
        np.abs(cosines, out=cosines)
        of_dense, of_sparse = cosines.argmax(axis=1), cosines.argmax(axis=0)
        dense = np.arange(cosines.shape[0])
        is_mutual = of_sparse[of_dense] == dense
        return np.column_stack([of_dense[is_mutual], n_top + dense[is_mutual]])

    @property
    def products_of_pairs(self) -> np.ndarray:
        """The inner product of the rows of each pair."""
        first, second = self.pairs.T
        return self.tail[second - self.X.top.shape[0], first]

    def product(self, U: np.ndarray) -> np.ndarray:
        """Multiply the inner products by columns.

        Parameters
        ----------
        U : ndarray of shape (n_samples, n_columns)
            The columns.

        Returns
        -------
        product : ndarray of shape (n_samples, n_columns)
        """
        if self.tail is not None:
            top, rounded = self.X.top, U.astype(self.tail.dtype)
            n_top = top.shape[0]
            first = top @ (top.T @ U[:n_top])
            first += self.tail[:, :n_top].T @ rounded[n_top:]
            return np.concatenate([first, self.tail @ rounded])
        if self.matrix is None:
            return self.X @ (self.X.T @ U)
        K = self.matrix
        U = U.astype(K.dtype)
        if U.shape[1] > FEW:
            return (K @ U).astype(float)
        # Reads one half of the matrix: what takes the time is to read it.
        multiply = ssymv if K.dtype == np.float32 else dsymv
        product = np.empty(U.shape)
        for column, of_column in zip(U.T, product.T, strict=True):
            of_column[:] = multiply(1.0, K.T, column, lower=1)
        return product

    def exact_product(self, U: np.ndarray) -> np.ndarray:
        """Multiply the inner products by columns, in double precision.

        Parameters
        ----------
        U : ndarray of shape (n_samples, n_columns)
            The columns.

        Returns
        -------
        product : ndarray of shape (n_samples, n_columns)
        """
        return self.X @ (self.X.T @ U) if self.is_single else self.product(U)

    def largest(self, U: np.ndarray | None) -> np.ndarray:
        """Compute an approximation of low rank.

        Parameters
        ----------
        U : ndarray of shape (n, rank) or None
            That of other inner products, of at most as many rows. None: there is none.

        Returns
        -------
        F : ndarray of shape (n_samples, rank)
            The inner products are F times its transpose, and a remainder that is
            positive semidefinite.
        """
        n_samples = self.diagonal.shape[0]
        n_steps = 1
        if U is None or U.shape[0] > n_samples:
            n_steps = FIRST_STEPS
            # Any basis will do that is not orthogonal to the largest components.
            rank = min(self.rank, n_samples // 4)
            U = np.random.RandomState(0).normal(size=(n_samples, rank))
        elif U.shape[0] < n_samples:  # a sequential schedule adds rows
            U = np.pad(U, ((0, n_samples - U.shape[0]), (0, 0)))
        for _ in range(n_steps):
            U = _orthonormal(U)
            KU = self.product(U)
            U = _times_inverse_root(KU, U.T @ KU)
        return U


def _orthonormal(U: np.ndarray) -> np.ndarray:
    """Return a basis of the span of some columns, without negligible components."""
    return _times_inverse_root(U, U.T @ U)


def _times_inverse_root(U: np.ndarray, square: np.ndarray) -> np.ndarray:
    """Multiply columns by the inverse root of a positive semidefinite matrix."""
    if not np.isfinite(square).all():
        raise np.linalg.LinAlgError("inner products are not finite")
    sizes, V = np.linalg.eigh((square + square.T) / 2)
    kept = sizes > NEGLIGIBLE * max(sizes.max(initial=0), 0)
    return U @ (V[:, kept] / np.sqrt(sizes[kept]))


@dataclass
class GramMemory:
    """What inner products of rows are kept from one training set to the next.

    Parameters
    ----------
    clean : {ndarray, csr matrix} of shape (n_clean, n_features) or None
        The rows that every training set begins with; None if there are none, since
        scalers change all rows.

    Attributes
    ----------
    basis : ndarray or None
        The largest components of the last inner products.
    is_single : bool
        Whether single precision will do.
    """

    clean: Features | None = None
    basis: np.ndarray | None = field(default=None, repr=False)
    is_single: bool = True
    _clean: dict[type, tuple[np.ndarray, np.ndarray]] = field(
        default_factory=dict, repr=False
    )

    @property
    def dtype(self) -> type:
        """The precision that will do."""
        return np.float32 if self.is_single else np.float64

    def matrix(self, X: np.ndarray, dtype: type) -> np.ndarray:
        """Compute the inner products of rows in some precision.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            The rows, which begin with `clean`.
        dtype : type
            The precision.

        Returns
        -------
        matrix : ndarray of shape (n_samples, n_samples)
        """
        if self.clean is None:
            rows = X.astype(dtype, copy=False)
            return rows @ rows.T
        if dtype not in self._clean:
            rows = self.clean.astype(dtype, copy=False)
            self._clean[dtype] = rows, rows @ rows.T
        rows, known = self._clean[dtype]
        n_clean = rows.shape[0]
        added = X[n_clean:].astype(dtype, copy=False)
        K = np.empty((X.shape[0], X.shape[0]), dtype=dtype)
        K[:n_clean, :n_clean] = known
        K[n_clean:, :n_clean] = added @ rows.T
        K[:n_clean, n_clean:] = K[n_clean:, :n_clean].T
        K[n_clean:, n_clean:] = added @ added.T
        return K

    def gram(self, X: Features) -> Gram:
        """Compute the inner products of rows roughly; sparse rows stay as they are.

        Parameters
        ----------
        X : {ndarray, sparse matrix, StackedRows} of shape (n_samples, n_features)
            The rows, which begin with `clean`.

        Returns
        -------
        gram : Gram
        """
        if not isinstance(X, np.ndarray):
            X = X if isinstance(X, StackedRows) else X.tocsr()
            return Gram(X, dtype=self.dtype)
        if self.basis is None and self.is_single:
            self.is_single = is_centred(X)
        return Gram(X, self.matrix(X, self.dtype))


def is_centred(X: np.ndarray) -> bool:
    """Find out whether single precision keeps what distinguishes the rows.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        The rows.

    Returns
    -------
    is_centred : bool
    """
    total = np.einsum("ij,ij->", X, X)
    mean = X.mean(axis=0)
    around = total - X.shape[0] * (mean @ mean)
    return bool(CENTRED * total < around < OVERFLOWS)
