"""Optimum of a learner by L-BFGS, for objectives that are not surely convex.

Newton's method needs curvature. Targets beyond those of any label, as of corrected
losses (negative shares of a class), reward scores without bound: if classes are far
apart, the penalty alone stops them, so far out that the curvature of the losses is lost
in rounding. L-BFGS (Liu and Nocedal 1989) needs gradients alone.
"""

from dataclasses import dataclass

import numpy as np
from scipy import optimize

from skpoison.bilevel.learners.base import ParametricLearner, Point, Rows


@dataclass(frozen=True)
class Descended:
    """Where L-BFGS has ended.

    Parameters
    ----------
    point : Point
        The objective there.
    gradient_norm : float
        Norm of the gradient there, relative to the terms that it is a sum of.
    n_iter : int
        Number of steps.
    """

    point: Point
    gradient_norm: float
    n_iter: int

    @property
    def W(self) -> np.ndarray:  # noqa: N802
        """The weights, of shape (n_parameters, n_outputs)."""
        return self.point.W


def minimise_lbfgs(
    learner: ParametricLearner,
    rows: Rows,
    start: np.ndarray,
    *,
    max_iter: int = 1000,
) -> Descended:
    """Minimise the objective of a smooth learner by L-BFGS.

    Parameters
    ----------
    learner : ParametricLearner
        The learner.
    rows : Rows
        Its training rows.
    start : ndarray of shape (n_parameters, n_outputs)
        The initial weights.
    max_iter : int, default=1000
        Maximum number of steps.

    Returns
    -------
    descended : Descended
        Whether it has converged is for the caller to judge, by `gradient_norm`.
    """

    def objective(w):
        point = learner.at(w.reshape(start.shape), rows)
        return point.objective(), point.gradient().ravel()

    found = optimize.minimize(
        objective,
        start.ravel(),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": max_iter, "gtol": 1e-8, "ftol": 1e-13, "maxls": 50},
    )
    point = learner.at(found.x.reshape(start.shape), rows)
    gradient_norm = float(np.linalg.norm(point.gradient()) / point.gradient_scale())
    return Descended(point, gradient_norm, found.nit)
