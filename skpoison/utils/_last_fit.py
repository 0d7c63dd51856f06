"""What has been learnt from rows last, for who learns from the same rows again."""

import numpy as np
from scipy import sparse


class LastFit:
    """A memory of what has been learnt last, and from which rows.

    Attributes
    ----------
    last : tuple or None
        The rows and their labels or responses, and what has been learnt from them; None
        if nothing has been learnt. It is replaced as a whole, so that threads may share
        a memory.
    """

    def __init__(self):
        self.last = None

    def recall(self, X, y, learn):
        """Return what is learnt from rows.

        Parameters
        ----------
        X : {ndarray, csr matrix, dataframe} of shape (n_samples, n_features)
            The rows. Nothing is remembered of a dataframe.
        y : ndarray of shape (n_samples,)
            Their labels or responses.
        learn : callable
            Takes both.

        Returns
        -------
        result : object
        """
        if not (isinstance(X, np.ndarray) or sparse.issparse(X)):
            return learn(X, y)
        last = self.last
        if last is None or not _is_same((X, y), last[0]):
            self.last = last = (X.copy(), y.copy()), learn(X, y)
        return last[1]


def _is_same(rows, others):
    """Return whether rows and their labels are the same, and of the same types."""
    (X, y), (X_before, y_before) = rows, others
    if type(X) is not type(X_before) or X.shape != X_before.shape:
        return False
    if X.dtype != X_before.dtype or not np.array_equal(y, y_before):
        return False
    if sparse.issparse(X):
        return (X_before != X).nnz == 0
    return np.array_equal(X, X_before)
