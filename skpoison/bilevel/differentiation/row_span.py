r"""Exact dimension reduction to the span of the training rows.

With fewer rows than columns, n < p, and Q an orthonormal basis of the span of the rows
and of some further directions E,

.. math::

    (X^\top, E) = Q R, \qquad X Q = R_{:, :n}^\top, \qquad Q^\top E = R_{:, n:} .

A learner whose penalty is the same in all directions of the features learns weights in
this span, and the coordinates :math:`X Q` have the same inner products as the rows: it
can be trained on them. Nothing is approximated.
"""

import numpy as np
from scipy import sparse

from skpoison.bilevel.learners.base import Features


def row_span(
    X: Features, extra: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Compute an orthonormal basis of the span of rows by a QR decomposition.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        The rows.
    extra : ndarray of shape (n_features, n_extra), default=None
        Further directions that the span is to contain.

    Returns
    -------
    Q : ndarray of shape (n_features, rank)
        The basis; rank = min(n_samples + n_extra, n_features).
    XQ : ndarray of shape (n_samples, rank)
        The coordinates of the rows.
    QE : ndarray of shape (rank, n_extra)
        The coordinates of the further directions.
    """
    X = X.toarray() if sparse.issparse(X) else X
    n_samples, n_features = X.shape
    extra = np.empty((n_features, 0)) if extra is None else extra
    Q, R = np.linalg.qr(np.hstack([X.T, extra]))
    return Q, np.ascontiguousarray(R[:, :n_samples].T), R[:, n_samples:]
