r"""How is a system with the Hessian of a learner solved?

The Hessian is :math:`H = \tilde X^\top D \tilde X + \Lambda`, where D holds the row
weights and the curvatures of the loss. Three ways lead to :math:`H^{-1} B`:

* **Cholesky** of the :math:`p \times p` matrix, for few columns;
* **Woodbury**, an :math:`n \times n` matrix, for fewer rows than columns;
* **conjugate gradients** where neither matrix would fit, with a preconditioner.

What each of them does is in :mod:`skpoison.bilevel.solvers.factorisations`.

A factorisation of a Hessian nearby is itself the best preconditioner: `solve` takes
one, and says how many iterations it took. As long as these are few, one
factorisation serves while rows and weights move on.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.linalg import LinAlgError
from sklearn.exceptions import ConvergenceWarning

from skpoison.bilevel.learners.linear import LinearLearner
from skpoison.bilevel.solvers.factorisations import cholesky, preconditioner, woodbury

# The largest matrix that is factorised: 128 MB.
LARGEST = 4000
# The largest one that couples the outputs: blocks beside each other cost less.
COUPLED = 200
# Tolerance from which on nobody asks for the last digits.
ROUGH = 1e-3
# How many times faster numbers are multiplied in products of matrices than in those of
# a matrix and a vector.
OF_MATRICES = 5


def choose_method(learner, rows):
    """Choose how systems with the Hessian are solved.

    Parameters
    ----------
    learner : Learner
        The learner.
    rows : Rows
        Its training rows.

    Returns
    -------
    method : {"cholesky", "woodbury", "cg"}
    """
    if not isinstance(learner, LinearLearner):
        return "cg"
    n_samples = rows.targets.shape[0]
    n_parameters, n_outputs = learner.shape(rows)
    if not learner.loss.separable:
        return "cholesky" if n_parameters * n_outputs <= COUPLED else "cg"
    # Products with sparse rows cost so little that many of them are cheaper.
    largest = LARGEST // 4 if sparse.issparse(rows.X) else LARGEST
    if n_samples < n_parameters and n_samples <= largest and learner.penalty > 0:
        return "woodbury"
    return "cholesky" if n_parameters <= largest else "cg"


@dataclass(frozen=True)
class Factorisation:
    """A way to apply the inverse of a Hessian, or of what stands for it.

    Parameters
    ----------
    method : {"cholesky", "woodbury", "cg"}
        How it was made.
    apply : callable
        Takes and returns arrays of shape (n_parameters, n_outputs).
    refactor_after : float
        After how many iterations that start from it a fresh one is worth its price.
    """

    method: str
    apply: callable
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


def factorise(point, method="auto"):
    """Factorise the Hessian of an objective.

    Parameters
    ----------
    point : Point
        Where the Hessian is taken.
    method : {"auto", "cholesky", "woodbury", "cg"}, default="auto"
        How; "auto" takes what `choose_method` says.

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
    try:
        return Factorisation(
            method, make[method](point), _refactor_after(point, method)
        )
    except LinAlgError as error:
        raise ValueError(
            "The Hessian of the surrogate is singular: its optimum is not unique. "
            "Give the surrogate a penalty (a finite C, a positive alpha)."
        ) from error
    except ValueError as error:
        raise ValueError(
            "The Hessian of the surrogate is not finite: its weights grow without end, "
            "or its rows are too large. Give the surrogate a penalty (a finite C, a "
            "positive alpha), or scale the features."
        ) from error


def _refactor_after(point, method):
    """Compare what a factorisation costs with what an iteration costs."""
    if method == "cg":
        # The diagonal costs next to nothing; with nothing, nothing is to be renewed.
        if not isinstance(point.learner, LinearLearner):
            return np.inf
        if point.learner.loss.separable:
            return 1
    n = point.rows.targets.shape[0]
    p, n_outputs = point.W.shape
    if method == "woodbury":
        return 1 + n**3 / 3 / OF_MATRICES / (8 * n * p + 2 * n**2)
    if method == "cholesky" and not point.learner.loss.separable:
        p = p * n_outputs
    products = n * p**2 + p**3 / 3
    return 1 + products / OF_MATRICES / (4 * n * p + 2 * p**2)


def solve(point, B, factorisation, *, tol=1e-10, max_iter=1000):
    """Solve a system with the Hessian, exactly.

    Parameters
    ----------
    point : Point
        Where the Hessian is taken.
    B : ndarray of shape (n_parameters, n_outputs)
        The right-hand side.
    factorisation : Factorisation
        Of this Hessian or of one nearby.
    tol : float, default=1e-10
        Norm of the residual that is good enough, relative to that of B.
    max_iter : int, default=1000
        The most iterations.

    Returns
    -------
    solution : Solution
    """
    project = point.learner.project_out_softmax_nullspace
    B = project(B)
    norm = np.linalg.norm(B)
    if norm == 0:
        return Solution(np.zeros_like(B), 0.0, 0)
    # Preconditioned conjugate gradients: an exact factorisation needs one iteration.
    V, left, direction, previous = np.zeros_like(B), B, 0.0, np.inf
    residual = 1.0
    for n_iter in range(1, max_iter + 1):
        improved = project(factorisation.apply(left))
        slope = np.vdot(left, improved)
        direction = improved + slope / previous * direction
        product = point.hessian_product(direction)
        curvature = np.vdot(direction, product)
        if not curvature > 1e-14 * slope:
            # Nothing bends that way: as a step it leads down, as a solution it is none.
            V = V if n_iter > 1 else direction
            break
        step = slope / curvature
        V = V + step * direction
        left = left - step * product
        residual = np.linalg.norm(left) / norm
        previous = slope
        if residual <= tol:
            break
    if tol < ROUGH:
        # What rounding makes of the residual, its recurrence does not know.
        residual = np.linalg.norm(point.hessian_product(V) - B) / norm
    if not residual <= max(100 * tol, 1e-6):
        warnings.warn(
            f"A system with the Hessian of the surrogate ({B.size} unknowns) is not "
            f"solved after {n_iter} conjugate gradient steps: its relative residual "
            f"is {residual:.1e}. Give the surrogate a stronger penalty, or scale the "
            "features.",
            ConvergenceWarning,
            stacklevel=2,
        )
    return Solution(V, float(residual), n_iter)
