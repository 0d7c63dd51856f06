r"""How far out a row lies: its squared norm beside those of the newest rows.

A step of a linear learner on a row :math:`\tilde x = (x, 1)` moves the score of the row
itself by its slope times :math:`\|\tilde x\|^2`, and no other score by more than its
slope times the product of two norms. Rows made to do harm lie far out. As in Mallows'
bounded-influence regression, a row that lies further out than a multiple c of the
median of the newest rows is learnt with the weight

.. math::

    \min\!\left(1, \frac{c \, \mathrm{med}_i \|\tilde x_i\|^2}{\|\tilde x\|^2}\right) .

The median holds as long as more than half of the rows are genuine, and the weight does
not depend on what the learner knows: after a drift it does not lock the learner up.
"""

from bisect import bisect_left, insort
from collections import deque
from copy import copy

import numpy as np
from scipy import sparse

from skpoison.utils._containers import as_numbers


class Leverage:
    """Weighs rows one after the other by how far out they lie.

    Parameters
    ----------
    largest : float or None
        The squared norm above which a row loses weight, as a multiple of the median.
        None: no row does.
    window : int
        The number of rows, the newest, whose median it is.
    """

    def __init__(self, largest, window):
        self.largest, self.window = largest, window
        self._norms, self._sorted = deque(), []

    def adjust(self, largest, window):
        """Weigh the next rows with other parameters."""
        self.largest, self.window = largest, window
        while len(self._norms) > window:
            self._forget()

    @property
    def limit(self):
        """The squared norm above which the next row loses weight; infinite if none."""
        if self.largest is None or not self._sorted:
            return np.inf
        n = len(self._sorted)
        middle = (self._sorted[(n - 1) // 2] + self._sorted[n // 2]) / 2
        return self.largest * middle

    def peek(self, norms):
        """Return the weights that rows would get as the next one.

        Parameters
        ----------
        norms : float or ndarray of shape (n_rows,)
            Their squared norms, as `squared_norms` returns them.

        Returns
        -------
        weights : float or ndarray of shape (n_rows,)
        """
        return np.minimum(1.0, self.limit / norms)

    def weigh(self, norm, *, in_full=False):
        """Return the weight of the next row, and remember its norm.

        Parameters
        ----------
        norm : float
            Its squared norm.
        in_full : bool, default=False
            Whether it is learnt in full, however far out it lies.

        Returns
        -------
        weight : float
        """
        weight = 1.0 if in_full else min(1.0, self.limit / norm)
        if self.largest is not None:
            if len(self._norms) == self.window:
                self._forget()
            self._norms.append(norm)
            insort(self._sorted, norm)
        return weight

    def _forget(self):
        del self._sorted[bisect_left(self._sorted, self._norms.popleft())]

    def copy(self):
        """Return an independent copy."""
        twin = copy(self)
        twin._norms, twin._sorted = self._norms.copy(), self._sorted.copy()
        return twin


def squared_norms(X):
    """Return the squared norms of rows, a one for the intercept included.

    Parameters
    ----------
    X : {ndarray, csr matrix, dataframe} of shape (n_samples, n_features)
        The rows. Missing values count as 0.

    Returns
    -------
    norms : ndarray of shape (n_samples,)
    """
    # Squares of short integers would wrap around.
    X = as_numbers(X)
    if sparse.issparse(X):
        return 1.0 + np.asarray(X.multiply(X).sum(axis=1)).ravel()
    return 1.0 + np.nansum(X * X, axis=1)
