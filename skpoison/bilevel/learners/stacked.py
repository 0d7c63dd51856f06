"""Sparse rows with dense rows behind them.

An ascent moves poison rows in most of their features, while the clean rows of sparse
data stay sparse. Stored as one sparse matrix, the dense rows take three times the time
of each product, and are copied several times before the first one.
"""

import numpy as np
from scipy import sparse

# Dense rows that are multiplied by sparse ones at once: they stay in the cache.
BLOCK = 32
# Columns that are converted to another precision at once, for the same reason.
PANEL = 2048


class StackedRows:
    """Sparse rows above dense rows.

    They know products, parts and inner products; `tocsr` returns all else.

    Parameters
    ----------
    top : csr matrix of shape (n_top, n_features)
        The first rows.
    bottom : ndarray of shape (n_bottom, n_features)
        The last rows.
    """

    ndim = 2

    def __init__(self, top: sparse.csr_array, bottom: np.ndarray):
        self.top, self.bottom = top, bottom
        self.shape = top.shape[0] + bottom.shape[0], top.shape[1]

    def __matmul__(self, U: np.ndarray) -> np.ndarray:
        """Multiply the rows by columns."""
        return np.concatenate([self.top @ U, self.bottom @ U])

    @property
    def T(self) -> "_Transposed":  # noqa: N802
        """The transposed rows, which can only be multiplied."""
        return _Transposed(self)

    def __getitem__(
        self, indices: slice
    ) -> "sparse.csr_array | np.ndarray | StackedRows":
        """Return some rows, without a copy if all of them are dense."""
        n_top = self.top.shape[0]
        first, last, _ = indices.indices(self.shape[0])
        if first >= n_top:
            return self.bottom[first - n_top : last - n_top]
        if last <= n_top:
            return self.top[first:last]
        return StackedRows(self.top[first:], self.bottom[: last - n_top])

    def squared_norms(self) -> np.ndarray:
        """Compute the squared norm of each row.

        Returns
        -------
        squares : ndarray of shape (n_samples,)
        """
        of_bottom = np.einsum("ij,ij->i", self.bottom, self.bottom)
        return np.concatenate([squared_norms(self.top), of_bottom])

    def bottom_products(self, dtype: type) -> np.ndarray:
        """Compute the inner products of the dense rows with all rows.

        Parameters
        ----------
        dtype : type
            The precision.

        Returns
        -------
        products : ndarray of shape (n_bottom, n_samples)
        """
        top, bottom = self.top.astype(dtype, copy=False), self.bottom
        (n_top, n_features), n_bottom = top.shape, bottom.shape[0]
        products = np.zeros((n_bottom, self.shape[0]), dtype=dtype)
        for i in range(0, n_bottom, BLOCK):
            some = slice(i, i + BLOCK)
            columns = bottom[some].T.astype(dtype, order="C")
            products[some, :n_top] = (top @ columns).T
        for j in range(0, n_features, PANEL):
            panel = bottom[:, j : j + PANEL].astype(dtype)
            products[:, n_top:] += panel @ panel.T
        return products

    def gram(self) -> np.ndarray:
        """Compute the inner products of all rows.

        Returns
        -------
        gram : ndarray of shape (n_samples, n_samples)
        """
        n_top, below = self.top.shape[0], self.bottom_products(np.float64)
        of_top = (self.top @ self.top.T).toarray()
        return np.vstack([np.hstack([of_top, below[:, :n_top].T]), below])

    def tocsr(self) -> sparse.csr_array:
        """Return the rows as one sparse matrix.

        Returns
        -------
        X : csr matrix of shape (n_samples, n_features)
        """
        return sparse.vstack([self.top, as_csr(self.bottom)], format="csr")


class _Transposed:
    """Stacked rows, transposed."""

    def __init__(self, rows: StackedRows):
        self.rows, self.shape = rows, rows.shape[::-1]

    def __matmul__(self, R: np.ndarray) -> np.ndarray:
        top, bottom = self.rows.top, self.rows.bottom
        n_top = top.shape[0]
        product = bottom.T @ R[n_top:]
        product += top.T @ R[:n_top]
        return product


def squared_norms(X: sparse.csr_array) -> np.ndarray:
    """Compute the squared norm of sparse rows.

    Parameters
    ----------
    X : csr matrix of shape (n_samples, n_features)
        The rows.

    Returns
    -------
    squares : ndarray of shape (n_samples,)
    """
    if not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    squares = sparse.csr_array((X.data**2, X.indices, X.indptr), X.shape)
    return squares @ np.ones(X.shape[1])


def as_csr(X: np.ndarray) -> sparse.csr_array:
    """Return rows as a sparse matrix, faster than SciPy does where most are not 0.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        The rows.

    Returns
    -------
    X : csr matrix of shape (n_samples, n_features)
    """
    is_stored = X != 0
    indptr = np.append(0, is_stored.sum(axis=1).cumsum())
    columns = np.broadcast_to(np.arange(X.shape[1], dtype=np.int32), X.shape)
    return sparse.csr_array((X[is_stored], columns[is_stored], indptr), X.shape)
