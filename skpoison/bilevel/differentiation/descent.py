r"""Gradient descent of a learner that stops early, in as few columns as possible.

Descent is equivariant under rotations of the features, and the weights of the features
never leave the span of the rows and of their initial values
(:mod:`skpoison.bilevel.differentiation.row_span`). So n rows of p columns become n rows
of n + m, where m is the number of outputs of a linear learner, or of units in the
first hidden layer of a network. The gradient of the goal at the end lies outside of
that span in at most m directions; they are further columns, of 0 in all rows. Nothing
is approximated.
"""

import numpy as np

from skpoison.bilevel.differentiation.hypergradients import (
    Hypergradient,
    descend,
    unrolled,
)
from skpoison.bilevel.differentiation.row_span import row_span
from skpoison.bilevel.learners.base import ALL, ParametricLearner, Rows
from skpoison.bilevel.learners.columns import column_gradient_of_rows


class Descent:
    """Steps of gradient descent, in the span of the rows if that saves time.

    Parameters
    ----------
    learner : ParametricLearner
        The learner.
    rows : Rows
        Its training rows.
    rate : float
        The learning rate.
    n_steps : int
        Number of steps.
    checkpoint_every : int, default=1
        One of so many steps is stored.
    truncate : int, default=None
        How many of the last steps are differentiated. None: all of them.

    Attributes
    ----------
    W : ndarray of shape (n_parameters, n_outputs)
        The weights after the last step.
    Q : ndarray of shape (n_features, rank) or None
        The basis of the span; None if the learner descends in all columns.
    """

    def __init__(
        self,
        learner: ParametricLearner,
        rows: Rows,
        *,
        rate: float,
        n_steps: int,
        checkpoint_every: int = 1,
        truncate: int | None = None,
    ):
        self.learner, self.truncate = learner, truncate
        self.steps = {
            "rate": rate,
            "n_steps": n_steps,
            "checkpoint_every": checkpoint_every,
        }
        start = learner.start(rows)
        self.X, self.p, self.Q = rows.X, rows.X.shape[1], None
        if self._is_worthwhile(rows, start):
            first, _ = learner.split_features(start, self.p)
            self.Q, XQ, first = row_span(rows.X, first)
            # Room for the part of the goal's gradient outside of the span.
            room = (0, first.shape[1])
            rows = rows.with_features(np.pad(XQ, [(0, 0), room]))
            start = self._replace_first(start, np.pad(first, [room, (0, 0)]), self.p)
        self.W, self.stored = descend(learner, rows, start, **self.steps)
        if self.Q is not None:
            n_columns = rows.X.shape[1]
            moved, _ = learner.split_features(self.W, n_columns)
            lifted = self.Q @ moved[: self.Q.shape[1]]
            self.W = self._replace_first(self.W, lifted, n_columns)

    def hypergradient(
        self, b: np.ndarray, indices: slice = ALL, *, columns: bool = False
    ) -> Hypergradient:
        """Compute the hypergradient through the steps.

        Parameters
        ----------
        b : ndarray of shape (n_parameters, n_outputs)
            The gradient of the goal in the weights after the last step.
        indices : slice, default=slice(None)
            The training rows in question.
        columns : bool, default=False
            Whether the gradient in columns of the training rows is computed, too.

        Returns
        -------
        hypergradient : Hypergradient
        """
        settings = {"truncate": self.truncate, **self.steps}
        if self.Q is None:
            return unrolled(self.stored, b, indices, columns=columns, **settings)
        first, _ = self.learner.split_features(b, self.p)
        inside = self.Q.T @ first
        P, outside = np.linalg.qr(first - self.Q @ inside)
        b = self._replace_first(b, np.concatenate([inside, outside]), self.p)
        # The basis mixes columns, so that those there were need all rows.
        rows = ALL if columns else indices
        found = unrolled(self.stored, b, rows, **settings)
        features, in_columns = found.features @ np.hstack([self.Q, P]).T, None
        parts = features, found.targets, found.weights
        if columns:
            in_columns = column_gradient_of_rows(self.X, features)
            parts = (part[indices] for part in parts)
        return Hypergradient(*parts, columns=in_columns)

    def _is_worthwhile(self, rows: Rows, start: np.ndarray) -> bool:
        """Compare the cost of the basis with that of the columns that it saves."""
        if "row_span" not in self.learner.supports:
            return False
        if not isinstance(rows.X, np.ndarray):
            return False
        n_samples, p = rows.X.shape
        n_units = self.learner.split_features(start, p)[0].shape[1]
        n_columns = n_samples + 2 * n_units
        products = 3 * self.steps["n_steps"] * n_samples * n_units
        return p * n_columns**2 < products * (p - n_columns)

    def _replace_first(
        self, W: np.ndarray, first: np.ndarray, n_features: int
    ) -> np.ndarray:
        """Replace the weights of the features."""
        _, others = self.learner.split_features(W, n_features)
        return np.concatenate([first.reshape(-1, W.shape[1]), others])
