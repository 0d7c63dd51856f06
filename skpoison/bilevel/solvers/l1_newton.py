r"""Proximal Newton method for the optimum of a learner with an l1 penalty.

For :math:`F(W) = C(W) + \sum_{jk} \rho_j |W_{jk}|`
(:mod:`skpoison.bilevel.learners.l1`) and :math:`G = \nabla C(W)`, the optimum is where

.. math::

    G_{jk} = -\rho_j \operatorname{sign} W_{jk} \quad (W_{jk} \ne 0), \qquad
    |G_{jk}| \le \rho_j \quad (W_{jk} = 0) .

The active set A contains the weights that are not 0 and those without an l1 penalty. A
proximal Newton method (Lee, Sun and Saunders 2014) with a working set finds it: over
the active weights and those that violate their condition most, the quadratic model of
:math:`C` with the penalty is minimised exactly
(:mod:`skpoison.bilevel.solvers.l1_quadratic`), and a line search leads towards that
minimum. If the line search has to cut the step short, as far from the optimum, where
losses have little curvature, the model is damped for the next steps: a multiple of the
sums of squares of the columns is added to its diagonal. Near the optimum A no longer
changes, and it is Newton's method on A.

**How the optimum moves.** As long as A and the signs stay, the conditions on A are
equations, :math:`G_A = -\rho_A s_A`, whose right-hand side is constant. An inactive
weight has a strict inequality as its condition, so that it stays 0 when a row moves a
little: its derivative is 0. By the implicit function theorem, for any quantity
:math:`\theta` of the rows,

.. math::

    H_{AA} \frac{dW_A}{d\theta} = -\partial_\theta G_A, \qquad
    \frac{dW_{jk}}{d\theta} = 0 \text{ elsewhere} ,

so that the adjoint system of a goal with gradient b is :math:`H_{AA} V_A = b_A`, and V
is 0 elsewhere (:func:`skpoison.bilevel.differentiation.hypergradients.implicit`). At a
kink, where :math:`|G_{jk}| = \rho_j` and :math:`W_{jk} = 0`, there are two one-sided
derivatives; the one of the side on which the weight stays 0 is taken. Xiao et al.
(2015) have the case of the squared loss and a goal in W.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse
from scipy.linalg import cho_solve
from sklearn.exceptions import ConvergenceWarning

from skpoison.bilevel.learners.base import Features, Rows
from skpoison.bilevel.learners.l1 import L1Learner
from skpoison.bilevel.learners.linear import LinearPoint
from skpoison.bilevel.solvers.hessians import assemble_hessian, squared_columns
from skpoison.bilevel.solvers.l1_quadratic import EDGE, factorise, minimise_l1_quadratic
from skpoison.bilevel.solvers.line_search import (
    backtrack,
    full_objective,
    starting_point,
)
from skpoison.bilevel.solvers.linear_systems import Solution
from skpoison.bilevel.solvers.newton import VANISHING
from skpoison.utils._warnings import warn_user

# How many weights may enter the working set at once, at least.
AT_ONCE = 100
# First damping of the quadratic model, relative to the scale of its curvatures.
FIRST_DAMPING = 1e-3


@dataclass(frozen=True)
class L1Optimum:
    """The optimum of a learner with an l1 penalty.

    Parameters
    ----------
    point : LinearPoint
        The smooth part of the objective there.
    objective : float
        The objective there, the l1 penalty included.
    gradient_norm : float
        Norm of the violations of the optimality conditions, relative to the terms
        that the gradient is a sum of.
    n_iter : int
        Number of steps.
    """

    point: LinearPoint
    objective: float
    gradient_norm: float
    n_iter: int

    @property
    def W(self) -> np.ndarray:  # noqa: N802
        """The weights, of shape (n_parameters, n_outputs)."""
        return self.point.W

    @cached_property
    def active(self) -> np.ndarray:
        """The active set, of shape (n_parameters, n_outputs) and dtype bool."""
        return self.point.learner.active(self.W)

    @cached_property
    def gradient(self) -> np.ndarray:
        """The gradient of the smooth part of the objective."""
        return self.point.gradient()

    @cached_property
    def _factor(self) -> tuple:
        H = assemble_hessian(self.point, _columns(self.point), self.active)
        return factorise(H)[0]

    def solve(self, b: np.ndarray, *, tol: float = 1e-10) -> Solution:
        """Solve the adjoint system, with the Hessian on the active set.

        Parameters
        ----------
        b : ndarray of shape (n_parameters, n_outputs)
            The right-hand side.
        tol : float, default=1e-10
            Relative residual that is accepted.

        Returns
        -------
        solution : Solution
            0 outside of the active set.

        Warns
        -----
        ConvergenceWarning
            If the rows do not determine the active weights.
        """
        point, active = self.point, self.active
        B = np.where(active, point.learner.project_out_softmax_nullspace(b), 0.0)
        V, residual, n_iter = np.zeros_like(B), 0.0, 0
        norm = np.linalg.norm(B)
        if norm > 0:
            left = B
            # The second solve is for the residual that rounding leaves, and that the
            # regularisation of a singular Hessian leaves.
            for n_iter in (1, 2):  # noqa: B007
                V[active] += cho_solve(self._factor, left[active])
                left = np.where(active, B - point.hessian_product(V), 0.0)
            residual = float(np.linalg.norm(left) / norm)
        if not residual <= max(100 * tol, 1e-6):
            warn_user(
                f"The rows do not determine the {active.sum()} weights that the "
                f"surrogate has selected: the relative residual of their system is "
                f"{residual:.1e}. Add a squared penalty to the surrogate "
                "(l1_ratio < 1).",
                ConvergenceWarning,
            )
        return Solution(V, residual, n_iter)


def minimise_l1(
    learner: L1Learner,
    rows: Rows,
    start: L1Optimum | None = None,
    *,
    tol: float = 1e-10,
    max_iter: int = 100,
) -> L1Optimum:
    """Find the optimum of a learner with an l1 penalty by a proximal Newton method.

    Parameters
    ----------
    learner : L1Learner
        The learner.
    rows : Rows
        Its training rows.
    start : L1Optimum, default=None
        The optimum for rows nearby. None starts from 0.
    tol : float, default=1e-10
        Norm of the violations of the optimality conditions that is accepted, relative
        to the terms that the gradient is a sum of.
    max_iter : int, default=100
        Maximum number of steps.

    Returns
    -------
    optimum : L1Optimum

    Warns
    -----
    ConvergenceWarning
        If the violations are larger after `max_iter` steps.
    """
    point = starting_point(learner, rows, start)
    X = _columns(point)
    l1 = np.broadcast_to(learner.l1_penalties(point.W.shape[0]), point.W.shape)
    objective = full_objective(point)
    first, previous = point.gradient_scale(), np.inf
    # Scales of the curvatures of the model: what damping is measured in. They stay
    # positive where the losses themselves have no curvature at all.
    scales = np.broadcast_to(
        squared_columns(X, rows.weights)[:, np.newaxis], point.W.shape
    )
    damping = 0.0
    for n_iter in range(max_iter + 1):
        gradient = point.gradient()
        violations = _violations(point, gradient)
        scale = max(point.gradient_scale(), VANISHING * first)
        gradient_norm = float(np.linalg.norm(violations) / scale)
        # Near the optimum rounding can prevent further progress.
        stuck = gradient_norm <= 1e-7 and gradient_norm > previous / 2
        if gradient_norm <= tol or stuck:
            break
        if n_iter == max_iter:
            warn_user(
                f"The surrogate is not at its optimum after {max_iter} Newton steps: "
                f"its relative violation of the optimality conditions is "
                f"{gradient_norm:.1e}. Scale the features, or give it a stronger "
                "penalty.",
                ConvergenceWarning,
            )
            break
        # The model is minimised over the working set alone. For u = W on that set it
        # is u' H u / 2 + (G - H W)' u + l1 |u|, up to a constant.
        working = _working_set(point, violations, l1)
        H = assemble_hessian(point, X, working)
        H[np.diag_indices_from(H)] += damping * scales[working]
        here = point.W[working]
        end = point.W.copy()
        end[working] = minimise_l1_quadratic(
            H, gradient[working] - H @ here, l1[working], here
        )
        slope = (gradient * (end - point.W)).sum()
        slope += learner.l1_value(end) - learner.l1_value(point.W)
        before = point.W
        point, objective, length = backtrack(point, objective, end, slope)
        if not (before != point.W).any():
            length = 0.0  # the step was lost in rounding
        # A short step says that the model underestimates curvature: damp it more, by
        # factors of 4, and less again as soon as steps are long. So few steps are
        # damped, and none near the optimum, where convergence is to be quadratic.
        damping = max(4 * damping, FIRST_DAMPING) if length < 0.1 else damping / 4
        damping = damping if damping >= FIRST_DAMPING / 100 else 0.0
        previous = gradient_norm
    return L1Optimum(point, objective, gradient_norm, n_iter)


def _violations(point: LinearPoint, gradient: np.ndarray) -> np.ndarray:
    """Compute by how much each weight violates its optimality condition."""
    l1 = point.learner.l1_penalties(point.W.shape[0])
    of_inactive = np.sign(gradient) * np.maximum(np.abs(gradient) - l1, 0)
    of_active = gradient + point.learner.l1_subgradient(point.W)
    return np.where(point.learner.active(point.W), of_active, of_inactive)


def _working_set(
    point: LinearPoint, violations: np.ndarray, l1: np.ndarray
) -> np.ndarray:
    """Choose the weights that a step may move: active ones, and the worst others."""
    working = point.learner.active(point.W)
    sizes = np.where(working, 0, np.abs(violations))
    # A gradient that exceeds the penalty by no more than rounding is no violation.
    sizes[sizes <= EDGE * l1] = 0
    # The set at most doubles in a step: its Hessian is assembled anew each time, and
    # many weights that violate their condition at first are inactive in the end.
    at_once = max(AT_ONCE, working.sum())
    if (sizes > 0).sum() > at_once:
        sizes[sizes < np.partition(sizes.ravel(), -at_once)[-at_once]] = 0
    return working | (sizes > 0)


def _columns(point: LinearPoint) -> Features:
    """Return the rows with the column of the intercept, fast to take columns of."""
    X = point.learner.append_intercept_column(point.rows.X)
    return X.tocsc() if sparse.issparse(X) else X
