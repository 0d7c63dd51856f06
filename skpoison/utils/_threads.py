"""Limits on the number of BLAS threads: one is the fastest for small problems."""

from functools import cache
from math import prod

from scipy import linalg, sparse  # noqa: F401  (loads the BLAS of scipy)
from threadpoolctl import ThreadpoolController

# Below this number of stored values, starting the threads costs more than they save.
SMALL = 1_000_000


def limit_blas_threads(X, *, small=SMALL):
    """Limit BLAS to one thread if X is small.

    Parameters
    ----------
    X : {ndarray, sparse matrix, dataframe} of shape (n_samples, n_features)
        The rows that the computation is about.
    small : int, default=1_000_000
        Number of stored values from which BLAS keeps its threads.

    Returns
    -------
    limits : context manager
    """
    n_stored = X.nnz if sparse.issparse(X) else prod(X.shape)
    limit = 1 if n_stored < small else None
    return _controller().limit(limits=limit, user_api="blas")


@cache
def _controller():
    """Look for BLAS once: it takes longer than a small fit."""
    return ThreadpoolController()
