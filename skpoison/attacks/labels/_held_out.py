r"""Scores of training rows by a surrogate that has not learnt from them.

Approximate leave-one-out: one Newton step from the optimum with all rows leads to the
weights without row i (:mod:`skpoison.bilevel.differentiation.leave_one_out`). Its own
score there is

.. math::

    s_i' = s_i + N_i g_i, \qquad N_i = M_i (I - S_i M_i)^{-1}, \qquad
    M_i = (\tilde x_i \otimes I)^\top H^{-1} (\tilde x_i \otimes I) ,

with :math:`g_i` and :math:`S_i` the gradient and the Hessian of its weighted loss in
its scores. For the squared loss that is exact. So one fit gives all of them.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from skpoison.bilevel.learners.linear import LinearPoint
from skpoison.bilevel.solvers.linear_systems import choose_method, factorise

# Least part of the curvature of a row that others have along it. Below it, a row
# determines its own score alone and one step without it leads too far.
LEAST = 1e-3
# Parameters of the largest Hessian that couples the outputs and is factorised.
LARGEST = 1000
# Numbers in the solutions that are held at once: 64 MB.
N_STORED = 2**23


def can_hold_out(problem):
    """Return whether each row can be left out by one Newton step.

    Parameters
    ----------
    problem : LabelProblem
        The surrogate and its training rows.

    Returns
    -------
    can : bool
        Whether the surrogate is at its optimum, supports it, and its Hessian can be
        factorised.
    """
    learner = problem.learner
    if not problem.engine.has_smooth_optimum or problem.goal.kind != "scores":
        return False
    if "leave_one_out" not in learner.supports:
        return False
    return _method(learner, problem.rows(problem.codes)) != "cg"


def _method(learner, rows):
    """Choose how the Hessian is factorised."""
    n_parameters, n_outputs = learner.shape(rows)
    if learner.loss.couples_outputs and n_parameters * n_outputs <= LARGEST:
        return "cholesky"
    return choose_method(learner, rows)


@dataclass(frozen=True)
class HeldOut:
    """The scores of rows by a surrogate that has learnt from all others.

    Parameters
    ----------
    point : LinearPoint
        The optimum with all rows.
    """

    point: LinearPoint

    @cached_property
    def X(self):  # noqa: N802
        """The rows, with the intercept's column."""
        return self.point.learner.append_intercept_column(self.point.rows.X)

    @cached_property
    def inverse(self):
        """The inverse of the Hessian with all rows."""
        point = self.point
        return factorise(point, _method(point.learner, point.rows)).apply

    @cached_property
    def _is_diagonal(self):
        return not self.point.learner.loss.couples_outputs

    @cached_property
    def curvatures(self):
        """The Hessian of the loss of each row in its scores, S; or its diagonal."""
        point = self.point
        if self._is_diagonal:
            return point.curvatures
        n_rows, n_outputs = point.scores.shape
        S = np.empty((n_rows, n_outputs, n_outputs))
        loss, weights = point.learner.loss, point.rows.weights
        for k, m, block in loss.hessian_blocks(point.scores, point.rows.targets):
            S[:, k, m] = S[:, m, k] = weights * block
        return S

    @cached_property
    def leverages(self):
        """The blocks of the inverse Hessian on each row, M; or their diagonals."""
        n_outputs, p = self.point.W.shape[1], self.X.shape[1]
        n_columns = n_outputs if self._is_diagonal else n_outputs**2
        size = max(1, N_STORED // (p * n_columns))
        parts = [
            self._leverages_of(self.X[start : start + size])
            for start in range(0, self.X.shape[0], size)
        ]
        return np.concatenate(parts)

    def _leverages_of(self, X):
        X = X if isinstance(X, np.ndarray) else X.toarray()
        n_outputs, (n_rows, p) = self.point.W.shape[1], X.shape
        if self._is_diagonal:
            V = self.inverse(np.repeat(X.T, n_outputs, axis=1))
            return np.einsum("ip,pik->ik", X, V.reshape(p, n_rows, n_outputs))
        many = np.einsum("ip,lk->pilk", X, np.eye(n_outputs)).reshape(p, -1)
        V = self.inverse(many).reshape(p, n_rows, n_outputs, n_outputs)
        return np.einsum("ip,pilk->ilk", X, V)

    @cached_property
    def factors(self):
        """N, from gradients to steps of scores; or its diagonals."""
        S, M = self.curvatures, self.leverages
        if self._is_diagonal:
            return M / np.maximum(1 - S * M, LEAST)
        return M @ np.linalg.inv(np.eye(S.shape[1]) - (1 - LEAST) * (S @ M))

    @cached_property
    def scores(self):
        """The scores of the rows, each by the surrogate without it."""
        point = self.point
        gradient = point.rows.weights[:, np.newaxis] * point.score_gradient
        if self._is_diagonal:
            return point.scores + self.factors * gradient
        return point.scores + np.einsum("ikl,il->ik", self.factors, gradient)
