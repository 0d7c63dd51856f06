r"""Where does a learner end up? At its optimum.

The optimum of :math:`C` is found by Newton's method with a line search. Its systems are
solved as roughly as the step deserves, by conjugate gradients that start from a
factorisation of the Hessian. Warm-started from the optimum of nearly the same rows it
needs a few steps and most often no new factorisation, and the hypergradient goes on
with the one that there is.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skpoison.bilevel.learners.base import Point
from skpoison.bilevel.solvers.linear_systems import Factorisation, factorise, solve

# Share of what the gradient was a sum of at the start, below which it is rounding.
VANISHING = 1e-6


@dataclass(frozen=True)
class Optimum:
    """The optimum of a learner.

    Parameters
    ----------
    point : Point
        The objective there.
    objective : float
        The objective there.
    factorisation : Factorisation
        Of the Hessian there, or of one nearby.
    gradient_norm : float
        Norm of the gradient there, relative to what it is a sum of.
    n_iter : int
        Number of steps.
    """

    point: Point
    objective: float
    factorisation: Factorisation
    gradient_norm: float
    n_iter: int

    @property
    def W(self):  # noqa: N802
        """The weights, of shape (n_parameters, n_outputs)."""
        return self.point.W


def minimise(learner, rows, start=None, *, method="auto", tol=1e-10, max_iter=100):
    """Find the optimum of a learner.

    Parameters
    ----------
    learner : Learner
        The learner.
    rows : Rows
        Its training rows.
    start : Optimum, default=None
        The optimum for rows nearby. None starts from `learner.start`.
    method : {"auto", "cholesky", "woodbury", "cg"}, default="auto"
        How systems with the Hessian are solved.
    tol : float, default=1e-10
        Norm of the gradient that is good enough, relative to what it is a sum of.
    max_iter : int, default=100
        The most steps.

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
        If there is no optimum, or no single one.
    """
    point, factorisation = _start(learner, rows, start)
    previous = np.inf
    first = point.gradient_scale()
    objective = point.objective()
    for n_iter in range(max_iter + 1):
        gradient = point.gradient()
        # Where all terms of the sum vanish, what is left is rounding.
        scale = point.gradient_scale()
        gradient_norm = float(np.linalg.norm(gradient) / max(scale, VANISHING * first))
        # Near the optimum rounding may stand in the way of more.
        stuck = gradient_norm <= 1e-7 and gradient_norm > previous / 2
        if gradient_norm <= tol or stuck:
            if scale < 10 * VANISHING * first:
                _check_growth(point)
            break
        if n_iter == max_iter:
            _complain(point, gradient_norm, max_iter)
            break
        if factorisation is None:
            factorisation = factorise(point, method)
        # Far from the optimum a rough step does; near it the step is made exact.
        rough = min(0.1, np.sqrt(gradient_norm))
        step = solve(point, gradient, factorisation, tol=rough)
        if step.n_iter > factorisation.refactor_after:
            factorisation = None
        point, objective = _line_search(point, objective, gradient, step.V)
        previous = gradient_norm
    if factorisation is None:
        factorisation = factorise(point, method)
    return Optimum(point, objective, factorisation, gradient_norm, n_iter)


def _start(learner, rows, start):
    """Say where to start, and from which factorisation."""
    if start is None:
        return learner.at(learner.start(rows), rows), None
    point = learner.at(start.W, rows)
    if point.objective() <= 2 * start.objective:
        return point, start.factorisation
    # Where rows have moved far, large weights can be worse than none: confident
    # mistakes have no curvature, and Newton's method gets lost among them.
    others = [learner.at(length * start.W, rows) for length in (0.5, 0.25)]
    others.append(learner.at(learner.start(rows), rows))
    best = min([point, *others], key=lambda point: point.objective())
    return best, start.factorisation if best is point else None


def _line_search(point, objective, gradient, step):
    """Go down along a step, halving it until the objective falls enough."""
    slope = (gradient * step).sum()
    length = 1.0
    for _ in range(40):
        trial = point.learner.at(point.W - length * step, point.rows)
        value = trial.objective()
        # The last term lets steps pass that are lost in rounding.
        if value <= objective - 1e-4 * length * slope + 1e-14 * abs(objective):
            return trial, value
        length /= 2
    return point, objective


def _check_growth(point):
    """Raise an error if weights have grown so far that they will not end."""
    penalty = getattr(point.learner, "penalty", None)
    if penalty == 0 and np.abs(point.scores).max() > 20:
        raise ValueError(
            "The surrogate has no optimum: without a penalty its weights grow without "
            "end where a hyperplane separates the classes. Give it a penalty (a "
            "finite C, a positive alpha), or take a surrogate that stops early: "
            "GradientDescentClassifier."
        )


def _complain(point, gradient_norm, max_iter):
    _check_growth(point)
    warnings.warn(
        f"The surrogate is not at its optimum after {max_iter} Newton steps: its "
        f"relative gradient is {gradient_norm:.1e}. Scale the features, or give it a "
        "stronger penalty.",
        ConvergenceWarning,
        stacklevel=3,
    )
