"""L-BFGS for the optimum of a learner whose curvature is lost in rounding."""

import numpy as np
from scipy import optimize
from sklearn.exceptions import ConvergenceWarning

from skpoison.bilevel.learners.base import ParametricLearner, Point, Rows
from skpoison.utils._warnings import warn_user


def minimise_lbfgs(
    learner: ParametricLearner,
    rows: Rows,
    start: np.ndarray,
    *,
    max_iter: int = 15_000,
    tol: float = 1e-4,
    user: str = "The objective",
) -> tuple[Point, int]:
    """Find the optimum of a smooth learner by L-BFGS (Liu and Nocedal 1989).

    It needs gradients alone. :func:`~skpoison.bilevel.solvers.newton.minimise` is
    faster and more exact if the Hessian can be trusted.

    Parameters
    ----------
    learner : ParametricLearner
        The learner.
    rows : Rows
        Its training rows.
    start : ndarray of shape (n_parameters, n_outputs)
        The weights to start from.
    max_iter : int, default=15_000
        Maximum number of steps.
    tol : float, default=1e-4
        Norm of the gradient, relative to the terms that it is a sum of, that is
        accepted without a warning. The descent ends only when it cannot go on.
    user : str, default="The objective"
        What is minimised, in the words of the warning.

    Returns
    -------
    point : Point
        The objective at the optimum.
    n_iter : int
        Number of steps.

    Warns
    -----
    ConvergenceWarning
        If the gradient is not that small at the end.
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
    error = np.linalg.norm(point.gradient()) / point.gradient_scale()
    if error > tol:
        warn_user(
            f"{user} is not at its minimum after {found.nit} steps: its relative "
            f"gradient is {error:.1e}. Scale the features, or give the estimator a "
            "stronger penalty.",
            ConvergenceWarning,
        )
    return point, found.nit
