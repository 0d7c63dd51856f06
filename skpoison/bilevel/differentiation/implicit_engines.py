"""Engines for learners that are trained to their optimum: implicit differentiation.

They warm-start from the optimum of the last call.
"""

import numpy as np
from scipy import sparse

from skpoison.bilevel.differentiation.engine import Engine
from skpoison.bilevel.differentiation.feature_selection import feature_selection
from skpoison.bilevel.differentiation.hypergradients import Hypergradient, implicit
from skpoison.bilevel.differentiation.svm import (
    is_stalled,
    svm_hypergradient,
    svm_input_vjp,
    to_margin,
)
from skpoison.bilevel.goals import Goal
from skpoison.bilevel.learners.base import Features, Rows
from skpoison.bilevel.learners.columns import ColumnGradient, column_gradient_of_rows
from skpoison.bilevel.learners.kernels import make_kernel
from skpoison.bilevel.learners.stacked import StackedRows
from skpoison.bilevel.learners.svm import SVMLearner
from skpoison.bilevel.solvers.l1_newton import minimise_l1
from skpoison.bilevel.solvers.newton import minimise
from skpoison.bilevel.solvers.svm import minimise_svm


class ImplicitDifferentiation(Engine):
    """Training to a smooth optimum, warm-started from that of the last call.

    Parameters
    ----------
    learner : ParametricLearner
        The learner.

    Attributes
    ----------
    optimum : Optimum or None
        The optimum of the last call.
    """

    method = "implicit"
    has_smooth_optimum = True
    optimum = None

    def _train(self, rows: Rows) -> np.ndarray:
        self.optimum = minimise(self.learner, rows, self.optimum, tol=self.tol)
        return self.optimum.W

    def restart(self) -> None:
        """Forget the optimum for dense rows behind sparse ones.

        Scores for other poison rows mislead the training, which is most often by these
        rows: from nothing it takes half of the steps, in single precision.
        """
        last = self.optimum
        if last is not None and isinstance(last.point.rows.X, StackedRows):
            self.optimum = None

    def _evaluate(
        self, rows: Rows, goal: Goal, indices: slice, columns: bool
    ) -> tuple[float, Hypergradient, ColumnGradient | None]:
        value, b, of_rows = self._goal_at(goal, self._train(rows), columns)
        hypergradient = implicit(
            self.optimum, b, indices, tol=self.tol, columns=columns
        )
        self.residual = hypergradient.residual
        return value, hypergradient, of_rows

    def diagnostics(self) -> dict:
        """Return how well the last gradient is known."""
        known = super().diagnostics()
        if self.optimum is not None:
            known["linear_solver"] = self.optimum.factorisation.method
            known["gradient_norm"] = self.optimum.gradient_norm
        return known


class L1ImplicitDifferentiation(Engine):
    """Training to the optimum of a learner with an l1 penalty, warm-started.

    Parameters
    ----------
    learner : L1Learner
        The learner.

    Attributes
    ----------
    optimum : L1Optimum or None
        The optimum of the last call.
    """

    method = "implicit"
    optimum = selection = None

    def _train(self, rows: Rows) -> np.ndarray:
        self.optimum = minimise_l1(self.learner, rows, self.optimum, tol=self.tol)
        return self.optimum.W

    def _evaluate(
        self, rows: Rows, goal: Goal, indices: slice, columns: bool
    ) -> tuple[float, Hypergradient, ColumnGradient | None]:
        W = self._train(rows)
        direct = of_rows = None
        if goal.kind == "features":
            if self.selection is None:
                self.selection = feature_selection(
                    self.optimum, goal.wanted, goal.unwanted
                )
            value = self.selection.value(self.optimum)
            b, direct = self.selection.gradients(self.optimum)
        else:
            value, b, of_rows = self._goal_at(goal, W, columns)
        hypergradient = implicit(
            self.optimum, b, indices, direct, tol=self.tol, columns=columns
        )
        self.residual = hypergradient.residual
        return value, hypergradient, of_rows

    def diagnostics(self) -> dict:
        """Return how well the last gradient is known."""
        known = super().diagnostics()
        if self.optimum is not None:
            known["linear_solver"] = "cholesky"
            known["gradient_norm"] = self.optimum.gradient_norm
            known["n_active"] = int((self.optimum.W != 0).sum())
        return known


class SVMImplicitDifferentiation(Engine):
    """Training of a support vector machine to its optimum.

    Parameters
    ----------
    learner : SVMLearner
        The learner.

    Attributes
    ----------
    optimum : SVMOptimum or None
        The optimum of the last call.
    n_stalled : int
        How many of the rows in question its gradient did not move.
    """

    method = "implicit"
    learner: SVMLearner
    kernel = optimum = None
    n_stalled = 0

    def scores(self, rows: Rows, X: Features) -> np.ndarray:
        """Train, and compute the scores of other rows, without a gradient."""
        self._train(rows)
        return self.optimum.scores(_dense(X))

    def _train(self, rows: Rows) -> object:
        rows, learner = rows.with_features(_dense(rows.X)), self.learner
        if self.kernel is None:  # gamma="scale" is that of the first rows
            self.kernel = make_kernel(
                learner.kernel,
                rows.X,
                gamma=learner.gamma,
                degree=learner.degree,
                coef0=learner.coef0,
            )
        self.optimum = minimise_svm(learner, rows, self.kernel)
        return self.optimum

    def _evaluate(
        self, rows: Rows, goal: Goal, indices: slice, columns: bool
    ) -> tuple[float, Hypergradient, ColumnGradient | None]:
        self._train(rows)
        X_val = _dense(goal.X)
        scores = self.optimum.scores(X_val)
        score_gradient = goal.measure.gradient(scores)
        hypergradient = svm_hypergradient(
            self.optimum, X_val, score_gradient, indices, columns=columns
        )
        self.residual, of_rows = hypergradient.residual, None
        if columns:
            of_rows = column_gradient_of_rows(
                X_val, svm_input_vjp(self.optimum, X_val, score_gradient), goal.clipped
            )
        return goal.measure.value(scores), hypergradient, of_rows

    def restart(self) -> None:
        """Forget the kernel, whose scale may be that of the first rows."""
        self.kernel = None

    def directions(self, hypergradient: Hypergradient, indices: slice) -> np.ndarray:
        """Move rows that the gradient does not move towards the margin."""
        stalled = is_stalled(hypergradient)
        self.n_stalled = int(stalled.sum())
        if not self.n_stalled:
            return hypergradient.features
        out = to_margin(self.optimum, indices)
        return np.where(stalled[:, np.newaxis], out, hypergradient.features)

    def diagnostics(self) -> dict:
        """Return how well the last gradient is known."""
        known = super().diagnostics()
        if self.optimum is not None:
            known["gradient_norm"] = self.optimum.kkt_violation
            known["n_stalled"] = self.n_stalled
        return known


def _dense(X: Features) -> np.ndarray:
    return X.toarray() if sparse.issparse(X) else X
