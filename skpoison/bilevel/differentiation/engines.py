r"""Engines: training of a learner, and differentiation of a goal through it.

An engine takes training rows :math:`D` to the value of a goal :math:`A(W(D))` and to
its gradient in these rows, and keeps from one call to the next what makes the next one
cheaper:

* :class:`ImplicitDifferentiation`: at a smooth optimum, by the implicit function
  theorem;
* :class:`L1ImplicitDifferentiation`: the same on the active set of an l1 penalty;
* :class:`SVMImplicitDifferentiation`: the same on the margin of a support vector
  machine, whose scores are not a function of a few weights;
* :class:`UnrolledDifferentiation`: through the steps of a learner that stops early,
  stored or checkpointed, all of them or the last ones;
* :class:`ClosedFormDifferentiation`: the same for the squared loss, all steps at once;
* :class:`BackGradient`: the same, the steps run backwards, as published.

:func:`make_engine` chooses by what the learner supports.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from scipy import sparse

from skpoison.bilevel.differentiation.closed_form import SpectralDescent
from skpoison.bilevel.differentiation.descent import Descent
from skpoison.bilevel.differentiation.feature_selection import feature_selection
from skpoison.bilevel.differentiation.hypergradients import (
    Hypergradient,
    descend,
    implicit,
    reversed_descent,
)
from skpoison.bilevel.differentiation.svm import (
    is_stalled,
    svm_hypergradient,
    to_margin,
)
from skpoison.bilevel.goals import Goal
from skpoison.bilevel.learners.base import Features, Learner, ParametricLearner, Rows
from skpoison.bilevel.learners.kernels import make_kernel
from skpoison.bilevel.learners.svm import SVMLearner
from skpoison.bilevel.solvers.l1_newton import minimise_l1
from skpoison.bilevel.solvers.newton import minimise
from skpoison.bilevel.solvers.svm import minimise_svm

# Numbers that the steps of a descent may take to store: 256 MB.
STORABLE = 2**25
# The largest eigendecomposition that costs less than the steps that it replaces.
SPECTRAL = 1000
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
    tol : float
        How exactly the learner is taken to its optimum, if it goes there.
    residual : float or None
        How well the last gradient is known; None if it is exact.
    """

    method: ClassVar[str] = ""

    def __init__(self, learner: Learner):
        self.learner = learner
        self.tol: float = TOL
        self.residual: float | None = None

    def __call__(
        self, rows: Rows, goal: Goal, indices: slice
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
        if goal.kind not in self.learner.supports:
            raise ValueError(goal.requirement)
        return self._evaluate(rows, goal, indices)

    @abstractmethod
    def _evaluate(
        self, rows: Rows, goal: Goal, indices: slice
    ) -> tuple[float, Hypergradient]:
        """Train, and differentiate a goal that means something for the learner."""

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
    optimum = None

    def _evaluate(self, rows, goal, indices):
        self.optimum = minimise(self.learner, rows, self.optimum, tol=self.tol)
        value, b = goal.at(self.learner, self.optimum.W)
        hypergradient = implicit(self.optimum, b, indices, tol=self.tol)
        self.residual = hypergradient.residual
        return value, hypergradient

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

    def _evaluate(self, rows, goal, indices):
        self.optimum = minimise_l1(self.learner, rows, self.optimum, tol=self.tol)
        if goal.kind == "features":
            if self.selection is None:
                self.selection = feature_selection(
                    self.optimum, goal.wanted, goal.unwanted
                )
            value = self.selection.value(self.optimum)
            b, direct = self.selection.gradients(self.optimum)
        else:
            (value, b), direct = goal.at(self.learner, self.optimum.W), None
        hypergradient = implicit(self.optimum, b, indices, direct, tol=self.tol)
        self.residual = hypergradient.residual
        return value, hypergradient

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

    def _evaluate(self, rows, goal, indices):
        rows, learner = rows.with_features(_dense(rows.X)), self.learner
        X_val = _dense(goal.X)
        if self.kernel is None:  # gamma="scale" is that of the first rows
            self.kernel = make_kernel(
                learner.kernel,
                rows.X,
                gamma=learner.gamma,
                degree=learner.degree,
                coef0=learner.coef0,
            )
        self.optimum = minimise_svm(learner, rows, self.kernel)
        scores = self.optimum.scores(X_val)
        score_gradient = goal.measure.gradient(scores)
        hypergradient = svm_hypergradient(self.optimum, X_val, score_gradient, indices)
        self.residual = hypergradient.residual
        return goal.measure.value(scores), hypergradient

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


class _StepsEngine(Engine):
    """Training by a number of steps of gradient descent."""

    learner: ParametricLearner

    def __init__(self, learner: ParametricLearner, rate: float, n_steps: int):
        super().__init__(learner)
        self.steps = {"rate": rate, "n_steps": n_steps}


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

    def _evaluate(self, rows, goal, indices):
        descent = Descent(
            self.learner,
            rows,
            checkpoint_every=self.checkpoint_every(rows),
            truncate=self.truncate,
            **self.steps,
        )
        value, b = goal.at(self.learner, descent.W)
        return value, descent.hypergradient(b, indices)

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

    method = "spectral"

    def _evaluate(self, rows, goal, indices):
        descent = SpectralDescent(self.learner, rows, **self.steps)
        value, b = goal.at(self.learner, descent.W)
        return value, descent.hypergradient(b, indices)


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

    def _evaluate(self, rows, goal, indices):
        learner, start = self.learner, self.learner.start(rows)
        W, _ = descend(learner, rows, start, checkpoint_every=None, **self.steps)
        value, b = goal.at(learner, W)
        hypergradient = reversed_descent(
            learner, rows, start, W, b, indices, **self.steps
        )
        self.residual = hypergradient.residual
        return value, hypergradient


# What a learner must support to be differentiated at its optimum, and by which engine.
IMPLICIT = {
    "smooth": ImplicitDifferentiation,
    "l1": L1ImplicitDifferentiation,
    "svm_dual": SVMImplicitDifferentiation,
}


def make_engine(
    learner: Learner,
    hypergradient: str = "auto",
    *,
    shape: tuple[int, int],
    n_steps: int | None = None,
    rate: float | None = None,
    truncate: int | None = None,
) -> Engine:
    """Choose how a learner is trained and differentiated.

    Parameters
    ----------
    learner : Learner
        The learner.
    hypergradient : {"auto", "implicit", "unrolled", "back-gradient"}, default="auto"
        The method. "auto": the implicit gradient of a learner that goes to its
        optimum; otherwise the closed form if there is one, or the unrolled steps.
    shape : tuple of int
        (n_samples, n_features) of the training rows, approximately.
    n_steps : int, default=None
        Number of steps of gradient descent. None: the learner goes to its optimum.
    rate : float, default=None
        The learning rate of these steps.
    truncate : int, default=None
        How many of the last steps are differentiated. None: all of them.

    Returns
    -------
    engine : Engine

    Raises
    ------
    ValueError
        If the learner cannot be differentiated in this way.
    """
    if hypergradient == "implicit" or n_steps is None:
        if hypergradient not in ("auto", "implicit"):
            raise ValueError(
                f"hypergradient={hypergradient!r} differentiates the steps of a "
                "surrogate that stops early, but this one is trained to its optimum: "
                "use hypergradient='implicit', or a GradientDescentClassifier as the "
                "surrogate."
            )
        if truncate is not None:
            raise ValueError(
                f"Only the last {truncate} steps of the surrogate are to be "
                "differentiated, but the implicit hypergradient takes none: use "
                "hypergradient='unrolled'."
            )
        return _make_implicit(learner)
    steps = learner, rate, n_steps
    if hypergradient == "back-gradient":
        return BackGradient(*steps)
    smaller, larger = sorted(shape)
    is_small = smaller <= SPECTRAL and smaller * larger <= STORABLE
    has_closed_form = "closed_form" in learner.supports and truncate is None
    if hypergradient == "auto" and has_closed_form and is_small:
        return ClosedFormDifferentiation(*steps)
    return UnrolledDifferentiation(*steps, truncate)


def _make_implicit(learner: Learner) -> Engine:
    """Choose the engine for the optimum of a learner."""
    for way, engine in IMPLICIT.items():
        if way in learner.supports:
            return engine(learner)
    raise ValueError(
        "hypergradient='implicit' needs a surrogate with a unique optimum, and a "
        "neural network has many: use hypergradient='unrolled' or 'auto'."
    )


def _dense(X: Features) -> np.ndarray:
    return X.toarray() if sparse.issparse(X) else X
