"""Engines: training of a learner, and differentiation of a goal through it.

An engine takes training rows :math:`D` to the value of a goal :math:`A(W(D))` and to
its gradient in these rows, and keeps from one call to the next what makes the next one
cheaper.
"""

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import ClassVar

import numpy as np

from skpoison.bilevel.differentiation.hypergradients import Hypergradient
from skpoison.bilevel.goals import Goal, check_goal
from skpoison.bilevel.learners.base import Features, Learner, Rows
from skpoison.bilevel.learners.columns import ColumnGradient

# How exactly a learner is taken to its optimum, and the linear system solved.
TOL = 1e-7


class Engine(ABC):
    """Training of a learner, and differentiation of a goal through it.

    Parameters
    ----------
    learner : Learner
        The learner.

    Attributes
    ----------
    method : str
        The name of the method.
    has_smooth_optimum : bool
        Whether the learner is taken to a smooth optimum, which `optimum` is after a
        call.
    tol : float
        How exactly the learner is taken to its optimum, if it goes there.
    residual : float or None
        How well the last gradient is known; None if it is exact.
    """

    method: ClassVar[str] = ""
    has_smooth_optimum: ClassVar[bool] = False

    def __init__(self, learner: Learner):
        self.learner = learner
        self.tol: float = TOL
        self.residual: float | None = None

    def __call__(
        self, rows: Rows, goal: Goal, indices: slice, *, columns: bool = False
    ) -> tuple[float, Hypergradient]:
        """Train, and differentiate.

        Parameters
        ----------
        rows : Rows
            The training rows.
        goal : OnRows or another goal
            The attacker's goal.
        indices : slice
            The training rows in question.
        columns : bool, default=False
            Whether the gradient in columns is computed, too, in a shift and a scale of
            each column of all training and validation rows: what scalers need.

        Returns
        -------
        value : float
            The goal.
        hypergradient : Hypergradient
            Its gradient in these rows.

        Raises
        ------
        ValueError
            If the goal means nothing for the learner.
        """
        check_goal(goal, self.learner)
        value, hypergradient, direct = self._evaluate(rows, goal, indices, columns)
        if direct is not None:
            both = direct + hypergradient.columns
            hypergradient = replace(hypergradient, columns=both)
        return value, hypergradient

    def check_rows(self, rows: Rows) -> None:  # noqa: B027
        """Raise an error if the learner cannot learn from clean rows.

        Parameters
        ----------
        rows : Rows
            The training rows, without poison.

        Raises
        ------
        ValueError
            If descent diverges on them.
        """

    def scores(self, rows: Rows, X: Features) -> np.ndarray:
        """Train, and compute the scores of other rows, without a gradient.

        Parameters
        ----------
        rows : Rows
            The training rows.
        X : {ndarray, sparse matrix} of shape (n_rows, n_features)
            The other rows.

        Returns
        -------
        scores : ndarray of shape (n_rows, n_outputs)
        """
        return self.learner.scores(X, self._train(rows))

    @abstractmethod
    def _train(self, rows: Rows) -> object:
        """Return what is learnt: weights, NaN if the training diverges."""

    @abstractmethod
    def _evaluate(
        self, rows: Rows, goal: Goal, indices: slice, columns: bool
    ) -> tuple[float, Hypergradient, ColumnGradient | None]:
        """Train, and differentiate a goal that means something for the learner.

        Also return the gradient in columns of the validation rows, weights held.
        """

    def _goal_at(
        self, goal: Goal, W: np.ndarray, columns: bool
    ) -> tuple[float, np.ndarray, ColumnGradient | None]:
        """Compute a goal and its gradients in the weights and in columns."""
        if columns and hasattr(goal, "at_with_columns"):
            return goal.at_with_columns(self.learner, W)
        # Any other object with `at` is a function of the weights alone.
        return *goal.at(self.learner, W), None

    def restart(self) -> None:
        """Forget what depends on the rows of earlier calls, beyond rounding."""
        return

    def directions(self, hypergradient: Hypergradient, indices: slice) -> np.ndarray:
        """Return the directions in which rows are to move: the gradient by default.

        Parameters
        ----------
        hypergradient : Hypergradient
            What the last call returned.
        indices : slice
            The training rows in question.

        Returns
        -------
        directions : ndarray of shape (n_rows, n_features)
        """
        return hypergradient.features

    def diagnostics(self) -> dict:
        """Return how well the last gradient is known.

        Returns
        -------
        diagnostics : dict
        """
        known = {"hypergradient": self.method}
        if self.residual is not None:
            known["residual"] = self.residual
        return known
