"""Engines for learners that stop after a number of steps of gradient descent."""

import numpy as np

from skpoison.bilevel.differentiation.closed_form import SpectralDescent
from skpoison.bilevel.differentiation.descent import Descent
from skpoison.bilevel.differentiation.engine import Engine
from skpoison.bilevel.differentiation.hypergradients import (
    Hypergradient,
    descend,
    reversed_descent,
)
from skpoison.bilevel.goals import Goal
from skpoison.bilevel.learners.base import ParametricLearner, Rows
from skpoison.bilevel.learners.columns import ColumnGradient
from skpoison.bilevel.solvers.step_size import divergence_error, has_diverged

# Numbers that the steps of a descent may take to store: 256 MB.
STORABLE = 2**25


class _StepsEngine(Engine):
    """Training by a number of steps of gradient descent."""

    learner: ParametricLearner

    def __init__(self, learner: ParametricLearner, rate: float, n_steps: int):
        super().__init__(learner)
        self.steps = {"rate": rate, "n_steps": n_steps}

    def check_rows(self, rows: Rows) -> None:
        """Raise an error if descent diverges on rows that are not poisoned yet.

        Parameters
        ----------
        rows : Rows
            The training rows.

        Raises
        ------
        ValueError
            If it diverges, with the largest step size for which it does not.
        """
        # Any other objective has bounded gradients: long steps do not diverge.
        if "closed_form" not in self.learner.supports:
            return
        if np.isnan(SpectralDescent(self.learner, rows, **self.steps).W).any():
            raise divergence_error(self.learner, rows, self.steps["rate"])

    def _train(self, rows: Rows) -> np.ndarray:
        start = self.learner.start(rows)
        W, _ = descend(self.learner, rows, start, checkpoint_every=None, **self.steps)
        return self._checked(rows, W)

    def _checked(self, rows: Rows, W: np.ndarray) -> np.ndarray:
        """Return NaN if descent has diverged: what it would say of a goal is void."""
        if has_diverged(self.learner, rows, self.learner.start(rows), W):
            return np.full_like(W, np.nan)
        return W


class UnrolledDifferentiation(_StepsEngine):
    r"""Steps of gradient descent, stored or checkpointed to be differentiated.

    Parameters
    ----------
    learner : ParametricLearner
        The learner.
    rate : float
        The learning rate.
    n_steps : int
        Number of steps.
    truncate : int, default=None
        How many of the last steps are differentiated. None: all of them.
    storable : int, default=2**25
        How many numbers the stored steps may take: 256 MB. If all steps take more, one
        of :math:`\sqrt T` is stored.
    """

    method = "unrolled"

    def __init__(
        self,
        learner: ParametricLearner,
        rate: float,
        n_steps: int,
        truncate: int | None = None,
        *,
        storable: int = STORABLE,
    ):
        super().__init__(learner, rate, n_steps)
        self.truncate, self.storable = truncate, storable

    def _evaluate(
        self, rows: Rows, goal: Goal, indices: slice, columns: bool
    ) -> tuple[float, Hypergradient, ColumnGradient | None]:
        descent = Descent(
            self.learner,
            rows,
            checkpoint_every=self.checkpoint_every(rows),
            truncate=self.truncate,
            **self.steps,
        )
        value, b, of_rows = self._goal_at(goal, self._checked(rows, descent.W), columns)
        return value, descent.hypergradient(b, indices, columns=columns), of_rows

    def checkpoint_every(self, rows: Rows) -> int:
        """Return of how many steps one is stored.

        Parameters
        ----------
        rows : Rows
            The training rows.

        Returns
        -------
        checkpoint_every : int
        """
        n_steps = self.steps["n_steps"]
        is_storable = n_steps * self.learner.storage(rows) <= self.storable
        return 1 if is_storable else int(np.ceil(np.sqrt(n_steps)))


class ClosedFormDifferentiation(_StepsEngine):
    """Steps of gradient descent on the squared loss, taken all at once.

    Parameters
    ----------
    learner : LinearLearner
        The learner, of squared loss.
    rate : float
        The learning rate.
    n_steps : int
        Number of steps.
    """

    method = "closed-form"

    def _train(self, rows: Rows) -> np.ndarray:
        return SpectralDescent(self.learner, rows, **self.steps).W

    def _evaluate(
        self, rows: Rows, goal: Goal, indices: slice, columns: bool
    ) -> tuple[float, Hypergradient, ColumnGradient | None]:
        descent = SpectralDescent(self.learner, rows, **self.steps)
        value, b, of_rows = self._goal_at(goal, descent.W, columns)
        return value, descent.hypergradient(b, indices, columns=columns), of_rows


class BackGradient(_StepsEngine):
    """Steps of gradient descent, run backwards to be differentiated.

    Parameters
    ----------
    learner : ParametricLearner
        The learner.
    rate : float
        The learning rate.
    n_steps : int
        Number of steps.
    """

    method = "back-gradient"

    def _evaluate(
        self, rows: Rows, goal: Goal, indices: slice, columns: bool
    ) -> tuple[float, Hypergradient, ColumnGradient | None]:
        learner, start = self.learner, self.learner.start(rows)
        W = self._train(rows)
        value, b, of_rows = self._goal_at(goal, W, columns)
        hypergradient = reversed_descent(
            learner, rows, start, W, b, indices, columns=columns, **self.steps
        )
        self.residual = hypergradient.residual
        return value, hypergradient, of_rows
