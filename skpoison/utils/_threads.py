"""On how many threads does a computation on given rows run fastest?"""

from scipy import sparse
from threadpoolctl import threadpool_limits

# Below so many numbers threads of BLAS cost more time than they save.
SMALL = 1_000_000


def few_threads(X):
    """Limit BLAS to one thread where the rows are few.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        The rows.

    Returns
    -------
    limits : context manager
    """
    n_stored = X.nnz if sparse.issparse(X) else X.size
    return threadpool_limits(1 if n_stored < SMALL else None, "blas")
