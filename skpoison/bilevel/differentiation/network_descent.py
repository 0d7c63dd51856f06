r"""Among how many columns does the descent of a network go on?

Descent does not see by which orthonormal basis the columns
are described, and its first layer never leaves the span of the rows and of the weights
from which it sets out. With Q an orthonormal basis of that span, n rows of p columns
become n rows of n + m, m the units of the first hidden layer:

.. math::

    (X^\top, \, M_1^{(0)}) = Q R, \qquad X Q = R_{:, :n}^\top, \qquad
    Q^\top M_1^{(0)} = R_{:, n:} .

The goal at the end has a gradient outside of that span, in at most m directions. They
are further columns, of 0 in all rows. Nothing is approximated.
"""

from dataclasses import replace

import numpy as np

from skpoison.bilevel.differentiation.hypergradients import descend, unrolled


class NetworkDescent:
    """Steps of gradient descent of a network, among as few columns as it takes.

    Parameters
    ----------
    learner : NetworkLearner
        The learner.
    rows : Rows
        Its training rows.
    rate : float
        Length of a step, relative to the gradient.
    n_steps : int
        Number of steps.
    checkpoint_every : int, default=1
        Of how many steps one is stored.
    truncate : int, default=None
        How many of the last steps are differentiated. None: all of them.

    Attributes
    ----------
    W : ndarray of shape (n_parameters, 1)
        The weights after the last step.
    """

    def __init__(
        self, learner, rows, *, rate, n_steps, checkpoint_every=1, truncate=None
    ):
        self.learner, self.truncate = learner, truncate
        self.steps = {
            "rate": rate,
            "n_steps": n_steps,
            "checkpoint_every": checkpoint_every,
        }
        start = learner.start(rows)
        n_samples, self.p = rows.X.shape
        first = self._first(start, self.p)[:-1]
        n_columns = n_samples + 2 * first.shape[1]
        saved = 3 * n_steps * n_samples * first.shape[1] * (self.p - n_columns)
        self.Q = None
        if isinstance(rows.X, np.ndarray) and self.p * n_columns**2 < saved:
            self.Q, R = np.linalg.qr(np.hstack([rows.X.T, first]))
            # Room for what of the goal's gradient lies outside.
            R = np.pad(R, [(0, first.shape[1]), (0, 0)])
            rows = rows.with_features(np.ascontiguousarray(R[:, :n_samples].T))
            start = self._with_first(start, R[:, n_samples:], self.p)
        self.W, self.stored = descend(learner, rows, start, **self.steps)
        if self.Q is not None:
            moved = self._first(self.W, n_columns)[: self.Q.shape[1]]
            self.W = self._with_first(self.W, self.Q @ moved, n_columns)

    def hypergradient(self, b, indices=slice(None)):
        """Differentiate a goal through the steps.

        Parameters
        ----------
        b : ndarray of shape (n_parameters, 1)
            The gradient of the goal in the weights after the last step.
        indices : slice, default=slice(None)
            The training rows in question.

        Returns
        -------
        hypergradient : Hypergradient
        """
        if self.Q is None:
            return unrolled(
                self.stored, b, indices, truncate=self.truncate, **self.steps
            )
        first = self._first(b, self.p)[:-1]
        inside = self.Q.T @ first
        P, outside = np.linalg.qr(first - self.Q @ inside)
        b = self._with_first(b, np.concatenate([inside, outside]), self.p)
        found = unrolled(self.stored, b, indices, truncate=self.truncate, **self.steps)
        features = found.features @ np.hstack([self.Q, P]).T
        return replace(found, features=features)

    def _first(self, W, n_features):
        return self.learner.layers(W, n_features)[0]

    def _with_first(self, W, first, n_features):
        """Put other weights in the place of those of the features."""
        n_replaced = n_features * first.shape[1]
        return np.concatenate([first.reshape(-1, 1), W[n_replaced:]])
