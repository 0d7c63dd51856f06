r"""Influence of labels on what a surrogate with the squared loss learns.

Its weights are linear in the targets, :math:`W = H^{-1} \tilde X^\top A T`. So the
influence of a target on the scores of the validation rows is a row of

.. math::

    G = A \tilde X H^{-1} \tilde X_{val}^\top ,

whatever the labels are, and that on the weights a row of :math:`A \tilde X H^{-1}`.
"""

import numpy as np

from skpoison.bilevel.solvers.linear_systems import solve
from skpoison.bilevel.solvers.newton import minimise

# Numbers in the influence that are stored: 64 MB.
N_STORED = 2**23


class LabelInfluence:
    """How far scores of validation rows, or weights, move with targets.

    Parameters
    ----------
    problem : LabelProblem
        The goal, on scores or on weights, and a surrogate with the squared loss.
    n_stored : int, default=2**23
        How many numbers the influence of all rows may take. If it takes more, that of
        the rows in question is computed anew each time.

    Attributes
    ----------
    followed : ndarray of shape (n_followed, n_outputs)
        The scores or weights for the current labels.
    n_rows_at_once : int
        The number of rows whose influence takes `n_stored` numbers.
    stored : ndarray of shape (n_train, n_followed) or None
        The influence of all rows.
    """

    def __init__(self, problem, *, n_stored=N_STORED):
        self.learner, self.goal = problem.learner, problem.goal
        rows = problem.rows(problem.codes)
        # All outputs have the same Hessian: that of the first one.
        one = rows.with_targets(rows.targets[:, :1])
        self.optimum = minimise(self.learner, one, tol=problem.engine.tol)
        self.X = self.learner.append_intercept_column(rows.X)
        self.weights = rows.weights[:, np.newaxis]
        self.followed = self._follow(
            self._solve(self.X.T @ (self.weights * rows.targets))
        )
        self.n_rows_at_once = max(1, n_stored // self.followed.shape[0])
        is_small = self.X.shape[0] <= self.n_rows_at_once
        self.stored = self._of_all() if is_small else None

    def of(self, rows):
        """Return the influence of some rows.

        Parameters
        ----------
        rows : ndarray of shape (n_rows,) of int
            The rows.

        Returns
        -------
        influence : ndarray of shape (n_rows, n_followed)
        """
        if self.stored is not None:
            return self.stored[rows]
        moved = self._follow(self._solve(_dense(self.X[rows]).T))
        return self.weights[rows] * moved.T

    def slopes(self, followed):
        """Differentiate the goal in the targets, by one linear system for all rows.

        Parameters
        ----------
        followed : ndarray of shape (n_followed, n_outputs)
            The current scores or weights.

        Returns
        -------
        slopes : ndarray of shape (n_train, n_outputs)
        """
        if self.goal.kind == "scores":
            R = self.goal.measure.gradient(followed)
            slope = self.learner.append_intercept_column(self.goal.X).T @ R
        else:
            _, slope = self.goal.at(self.learner, followed)
        return self.weights * (self.X @ self._solve(slope))

    def _of_all(self):
        if self.goal.kind == "scores":  # there are fewer validation rows
            X = self.learner.append_intercept_column(self.goal.X)
            return self.weights * (self.X @ self._solve(_dense(X).T))
        return self.weights * self._solve(_dense(self.X).T).T

    def _follow(self, W):
        """Return scores of the validation rows for some weights, or the weights."""
        if self.goal.kind == "scores":
            return self.learner.scores(self.goal.X, W)
        return W

    def _solve(self, B):
        """Solve a system with the Hessian of one output for each column."""
        point, factorisation = self.optimum.point, self.optimum.factorisation
        if factorisation.method != "cg":
            return factorisation.apply(B)
        columns = np.split(B, B.shape[1], axis=1)
        return np.concatenate(
            [solve(point, b, factorisation).V for b in columns], axis=1
        )


def _dense(X):
    return X if isinstance(X, np.ndarray) else X.toarray()
