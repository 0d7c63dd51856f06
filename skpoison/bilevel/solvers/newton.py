r"""Truncated Newton method for the optimum of a smooth learner.

The optimum of :math:`C` is found by Newton's method with a backtracking line search.
Its systems are solved only as exactly as the step deserves, by conjugate gradients that
are preconditioned by a factorisation of a Hessian. Warm-started from the optimum of
nearly the same rows it needs a few steps, and most often no new factorisation; the
hypergradient then reuses the factorisation that there is.

With thousands of columns and fewer rows, it starts from an optimum that is found in the
coefficients of the rows (:mod:`skpoison.bilevel.solvers.row_space`), and confirms it.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError
from sklearn.exceptions import ConvergenceWarning

from skpoison.bilevel.learners.base import ParametricLearner, Point, Rows
from skpoison.bilevel.learners.linear import LinearLearner
from skpoison.bilevel.solvers.line_search import backtrack, starting_point
from skpoison.bilevel.solvers.linear_systems import (
    Factorisation,
    Solution,
    factorise,
    solve,
)
from skpoison.bilevel.solvers.row_space import minimise_in_row_space
from skpoison.bilevel.solvers.row_systems import prefers_row_systems
from skpoison.utils._warnings import warn_user

# Where the terms of a gradient are all below this share of those at the start, the
# gradient is rounding.
VANISHING = 1e-6


@dataclass(frozen=True)
class Optimum:
    """The optimum of a smooth learner.

    Parameters
    ----------
    point : Point
        The objective there.
    objective : float
        The value of the objective there.
    factorisation : Factorisation
        Of the Hessian there, or of one nearby.
    gradient_norm : float
        Norm of the gradient there, relative to the terms that it is a sum of.
    n_iter : int
        Number of steps.
    """

    point: Point
    objective: float
    factorisation: Factorisation
    gradient_norm: float
    n_iter: int

    @property
    def W(self) -> np.ndarray:  # noqa: N802
        """The weights, of shape (n_parameters, n_outputs)."""
        return self.point.W

    def solve(self, b: np.ndarray, *, tol: float = 1e-10) -> Solution:
        """Solve the adjoint system, with the Hessian at the optimum.

        Parameters
        ----------
        b : ndarray of shape (n_parameters, n_outputs)
            The right-hand side.
        tol : float, default=1e-10
            Relative residual that is accepted.

        Returns
        -------
        solution : Solution
        """
        return solve(self.point, b, self.factorisation, tol=tol)


def minimise(
    learner: ParametricLearner,
    rows: Rows,
    start: Optimum | None = None,
    *,
    method: str = "auto",
    tol: float = 1e-10,
    max_iter: int = 100,
) -> Optimum:
    """Find the optimum of a smooth learner by a truncated Newton method.

    Parameters
    ----------
    learner : ParametricLearner
        The learner.
    rows : Rows
        Its training rows.
    start : Optimum, default=None
        The optimum for rows nearby. None starts from `learner.start`.
    method : {"auto", "cholesky", "woodbury", "cg"}, default="auto"
        How systems with the Hessian are solved.
    tol : float, default=1e-10
        Norm of the gradient that is accepted, relative to the terms that it is a sum
        of.
    max_iter : int, default=100
        Maximum number of steps.

    Returns
    -------
    optimum : Optimum

    Warns
    -----
    ConvergenceWarning
        If the gradient is not that small after `max_iter` steps.

    Raises
    ------
    ValueError
        If there is no optimum, or no unique one.
    """
    point, factorisation = None, None
    if method == "auto" and prefers_row_systems(learner, rows):
        point = _by_inner_products(learner, rows, start, tol)
    point = point or starting_point(learner, rows, start)
    if start is not None and point.W is start.W:
        factorisation = start.factorisation
    previous = np.inf
    first = point.gradient_scale()
    objective = point.objective()
    for n_iter in range(max_iter + 1):
        gradient = point.gradient()
        # When all terms of the sum vanish, what is left is rounding.
        scale = point.gradient_scale()
        gradient_norm = float(np.linalg.norm(gradient) / max(scale, VANISHING * first))
        # Near the optimum rounding can prevent further progress.
        stuck = gradient_norm <= 1e-7 and gradient_norm > previous / 2
        if gradient_norm <= tol or stuck:
            if scale < 10 * VANISHING * first:
                _check_growth(point)
            break
        if n_iter == max_iter:
            _warn_unconverged(point, gradient_norm, max_iter)
            break
        if factorisation is None:
            factorisation = factorise(point, method)
        # Far from the optimum a rough step will do; near it the step is made exact.
        rough = min(0.1, np.sqrt(gradient_norm))
        step = solve(point, gradient, factorisation, tol=rough)
        if step.n_iter > factorisation.refactor_after:
            factorisation = None
        slope = -(gradient * step.V).sum()
        point, objective, _ = backtrack(point, objective, point.W - step.V, slope)
        previous = gradient_norm
    if factorisation is None:
        factorisation = factorise(point, method)
    return Optimum(point, objective, factorisation, gradient_norm, n_iter)


def _by_inner_products(
    learner: LinearLearner, rows: Rows, start: Optimum | None, tol: float
) -> Point | None:
    """Find the optimum in the coefficients of the rows."""
    scores = None if start is None else start.point.scores
    try:
        found = minimise_in_row_space(learner, rows, scores, tol=tol / 2)
    except LinAlgError:  # rows that are not finite: a factorisation says so
        return None
    return learner.at(found.weights(learner, rows), rows)


def _check_growth(point: Point) -> None:
    """Raise an error if the weights have grown so far that they will not stop."""
    penalty = getattr(point.learner, "penalty", None)
    if penalty == 0 and np.abs(point.scores).max() > 20:
        raise ValueError(
            "The surrogate has no optimum: without a penalty its weights grow without "
            "bound if a hyperplane separates the classes. Give it a penalty (a "
            "finite C, a positive alpha), or use a surrogate that stops early: "
            "GradientDescentClassifier."
        )


def _warn_unconverged(point: Point, gradient_norm: float, max_iter: int) -> None:
    """Warn that the optimum is not reached, and say what helps."""
    _check_growth(point)
    warn_user(
        f"The surrogate is not at its optimum after {max_iter} Newton steps: its "
        f"relative gradient is {gradient_norm:.1e}. Scale the features, or give it a "
        "stronger penalty.",
        ConvergenceWarning,
    )
