r"""Linear systems with the Hessian of a learner.

The Hessian is :math:`H = \tilde X^\top D \tilde X + \Lambda`, where D holds the row
weights and the second derivatives of the losses. There are three methods for
:math:`H^{-1} B`:

* **Cholesky** of the :math:`p \times p` matrix, for few columns;
* **Woodbury**, an :math:`n \times n` matrix, for fewer rows than columns; if it is
  large and well-conditioned, conjugate gradients in its place
  (:mod:`skpoison.bilevel.solvers.row_systems`);
* **conjugate gradients** if neither matrix would fit, with a preconditioner.

They are implemented in :mod:`skpoison.bilevel.solvers.factorisations`.

A factorisation of a Hessian nearby is itself the best preconditioner: `solve` takes
one, and returns how many iterations it took. As long as these are few, one
factorisation serves while rows and weights move on.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.linalg import LinAlgError
from sklearn.exceptions import ConvergenceWarning

from skpoison.bilevel.learners.base import ParametricLearner, Point, Rows
from skpoison.bilevel.solvers.factorisations import (
    Inverse,
    cholesky,
    preconditioner,
    woodbury,
)
from skpoison.bilevel.solvers.row_systems import (
    inverse_by_row_system,
    prefers_row_systems,
)
from skpoison.utils._warnings import warn_user

# The largest matrix that is factorised: 128 MB.
LARGEST = 4000
# The largest one that couples the outputs: separate blocks cost less.
COUPLED = 200
# Tolerance above which the residual need not be computed exactly.
ROUGH = 1e-3
# How many times faster a number is processed in a product of matrices than in that of a
# matrix and a vector.
MATRIX_SPEEDUP = 5


def choose_method(learner: ParametricLearner, rows: Rows) -> str:
    """Choose how systems with the Hessian are solved.

    Parameters
    ----------
    learner : ParametricLearner
        The learner.
    rows : Rows
        Its training rows.

    Returns
    -------
    method : {"cholesky", "woodbury", "cg"}
    """
    if "hessian" not in learner.supports:
        return "cg"
    if prefers_row_systems(learner, rows):
        return "woodbury"
    n_samples = rows.targets.shape[0]
    n_parameters, n_outputs = learner.shape(rows)
    if learner.loss.couples_outputs:
        return "cholesky" if n_parameters * n_outputs <= COUPLED else "cg"
    # Products with sparse rows cost so little that many of them are cheaper.
    largest = LARGEST // 4 if sparse.issparse(rows.X) else LARGEST
    if n_samples < n_parameters and n_samples <= largest and learner.penalty > 0:
        return "woodbury"
    return "cholesky" if n_parameters <= largest else "cg"


@dataclass(frozen=True)
class Factorisation:
    """The inverse of a Hessian, or an approximation to it.

    Parameters
    ----------
    method : {"cholesky", "woodbury", "cg"}
        How it was made.
    apply : callable
        Takes and returns arrays of shape (n_parameters, n_outputs).
    refactor_after : float
        Number of iterations with it as a preconditioner after which a new one pays.
    """

    method: str
    apply: Inverse
    refactor_after: float


@dataclass(frozen=True)
class Solution:
    """The solution of a system with a Hessian.

    Parameters
    ----------
    V : ndarray of shape (n_parameters, n_outputs)
        The solution.
    residual : float
        Norm of its residual, relative to that of the right-hand side.
    n_iter : int
        Number of conjugate gradient steps.
    """

    V: np.ndarray
    residual: float
    n_iter: int


def factorise(point: Point, method: str = "auto") -> Factorisation:
    """Factorise the Hessian of an objective.

    Parameters
    ----------
    point : Point
        The objective at the weights in question.
    method : {"auto", "cholesky", "woodbury", "cg"}, default="auto"
        How; "auto": by `choose_method`.

    Returns
    -------
    factorisation : Factorisation

    Raises
    ------
    ValueError
        If the Hessian is singular.
    """
    if method == "auto":
        method = choose_method(point.learner, point.rows)
    make = {"cholesky": cholesky, "woodbury": woodbury, "cg": preconditioner}
    if method == "woodbury" and prefers_row_systems(point.learner, point.rows):
        make["woodbury"] = inverse_by_row_system
    try:
        return Factorisation(
            method, make[method](point), _refactor_after(point, method)
        )
    except LinAlgError as error:
        raise ValueError(
            "The Hessian of the surrogate is singular: its optimum is not unique, or "
            "its rows are too large. Give the surrogate a penalty (a finite C, a "
            "positive alpha), or scale the features."
        ) from error
    except ValueError as error:
        raise ValueError(
            "The Hessian of the surrogate is not finite: its weights grow without "
            "bound, or its rows are too large. Give the surrogate a penalty (a finite "
            "C, a positive alpha), or scale the features."
        ) from error


def _refactor_after(point: Point, method: str) -> float:
    """Compare the cost of a factorisation with that of an iteration."""
    if method == "cg":
        # Without a preconditioner there is nothing to renew; a diagonal one costs next
        # to nothing.
        if "hessian" not in point.learner.supports:
            return np.inf
        if not point.learner.loss.couples_outputs:
            return 1
    n = point.rows.targets.shape[0]
    p, n_outputs = point.W.shape
    if method == "woodbury" and prefers_row_systems(point.learner, point.rows):
        return 3
    if method == "woodbury":
        return 1 + n**3 / 3 / MATRIX_SPEEDUP / (8 * n * p + 2 * n**2)
    if method == "cholesky" and point.learner.loss.couples_outputs:
        p = p * n_outputs
    products = n * p**2 + p**3 / 3
    return 1 + products / MATRIX_SPEEDUP / (4 * n * p + 2 * p**2)


def solve(
    point: Point,
    B: np.ndarray,
    factorisation: Factorisation,
    *,
    tol: float = 1e-10,
    max_iter: int = 1000,
) -> Solution:
    """Solve a system with the Hessian by preconditioned conjugate gradients.

    An exact factorisation needs one iteration.

    Parameters
    ----------
    point : Point
        The objective at the weights in question.
    B : ndarray of shape (n_parameters, n_outputs)
        The right-hand side.
    factorisation : Factorisation
        Of this Hessian or of one nearby.
    tol : float, default=1e-10
        Norm of the residual that is accepted, relative to that of B.
    max_iter : int, default=1000
        Maximum number of iterations.

    Returns
    -------
    solution : Solution

    Warns
    -----
    ConvergenceWarning
        If the residual is larger, and above 1e-6.
    """
    project = point.learner.project_out_softmax_nullspace
    B = project(B)
    norm = np.linalg.norm(B)
    if norm == 0:
        return Solution(np.zeros_like(B), 0.0, 0)
    V, left, direction, previous = np.zeros_like(B), B, 0.0, np.inf
    residual = 1.0
    for n_iter in range(1, max_iter + 1):
        improved = project(factorisation.apply(left))
        slope = np.vdot(left, improved)
        direction = improved + slope / previous * direction
        product = point.hessian_product(direction)
        curvature = np.vdot(direction, product)
        if not curvature > 1e-14 * slope:
            # Direction of non-positive curvature: stop. On the first iteration return
            # the preconditioned residual, a descent direction.
            V = V if n_iter > 1 else direction
            break
        step = slope / curvature
        V = V + step * direction
        left = left - step * product
        residual = np.linalg.norm(left) / norm
        previous = slope
        if residual <= tol:
            break
    if tol < ROUGH and n_iter > 3:
        # After many steps the recurrence of the residual has lost its digits.
        residual = np.linalg.norm(point.hessian_product(V) - B) / norm
    if not residual <= max(100 * tol, 1e-6):
        warn_user(
            f"A system with the Hessian of the surrogate ({B.size} unknowns) is not "
            f"solved after {n_iter} conjugate gradient steps: its relative residual "
            f"is {residual:.1e}. Give the surrogate a stronger penalty, or scale the "
            "features.",
            ConvergenceWarning,
        )
    return Solution(V, float(residual), n_iter)
