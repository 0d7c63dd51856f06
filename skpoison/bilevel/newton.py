r"""Where does a learner end up? At its optimum.

The optimum of :math:`C` is found by Newton's method with a line search. Warm-started
from the optimum of nearly the same rows it needs one to three steps, and the last
factorisation of the Hessian is kept: it serves the hypergradient.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skpoison.bilevel.hessians import Factorisation, factorise, solve


@dataclass(frozen=True)
class Optimum:
    """The optimum of a learner.

    Parameters
    ----------
    W : ndarray of shape (n_parameters, n_outputs)
        The weights.
    factorisation : Factorisation
        Of the Hessian there, or at the last step before.
    gradient_norm : float
        Norm of the gradient there, relative to what it is a sum of.
    n_iter : int
        Number of steps.
    """

    W: np.ndarray
    factorisation: Factorisation
    gradient_norm: float
    n_iter: int


def minimise(learner, rows, start=None, *, method="auto", tol=1e-10, max_iter=100):
    """Find the optimum of a learner.

    Parameters
    ----------
    learner : LinearLearner
        The learner.
    rows : Rows
        Its training rows.
    start : Optimum, default=None
        The optimum for rows nearby. None starts from weights of 0.
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
    W = np.zeros(learner.shape(rows))
    if start is not None:
        # Where rows have moved far, large weights can be worse than none: confident
        # mistakes have no curvature, and Newton's method gets lost among them.
        shorter = [length * start.W for length in (1, 0.5, 0.25)]
        W = min([*shorter, W], key=lambda W: learner.objective(W, rows))
    factorisation, previous = None, np.inf
    objective = learner.objective(W, rows)
    for n_iter in range(max_iter + 1):
        gradient = learner.gradient(W, rows)
        gradient_norm = np.linalg.norm(gradient) / _scale(learner, W, rows)
        # Near the optimum rounding may stand in the way of more.
        stuck = gradient_norm <= 1e-7 and gradient_norm > previous / 2
        if gradient_norm <= tol or stuck:
            break
        if n_iter == max_iter:
            _complain(learner, rows, W, gradient_norm, max_iter)
            break
        factorisation = factorise(learner, W, rows, method)
        # Far from the optimum a rough step does; near it the step is made exact.
        rough = min(1e-2, gradient_norm)
        step, _ = solve(learner, W, rows, gradient, factorisation, tol=rough)
        W, objective = _line_search(learner, W, rows, objective, gradient, step)
        previous = gradient_norm
    if factorisation is None:
        factorisation = factorise(learner, W, rows, method)
    return Optimum(W, factorisation, float(gradient_norm), n_iter)


def _scale(learner, W, rows):
    """Say how large the gradient would be if nothing in its sum cancelled."""
    slopes = np.abs(learner.loss.gradient(learner.scores(rows.X, W), rows.targets))
    size = np.abs(rows.X) if isinstance(rows.X, np.ndarray) else abs(rows.X)
    total = learner.pull_back(size, rows.weights[:, np.newaxis] * slopes)
    return np.linalg.norm(total + learner.penalties(W.shape[0]) * np.abs(W)) or 1.0


def _line_search(learner, W, rows, objective, gradient, step):
    """Go down along a step, halving it until the objective falls enough."""
    slope = (gradient * step).sum()
    length = 1.0
    for _ in range(40):
        trial = W - length * step
        value = learner.objective(trial, rows)
        # The last term lets steps pass that are lost in rounding.
        if value <= objective - 1e-4 * length * slope + 1e-14 * abs(objective):
            return trial, value
        length /= 2
    return W, objective


def _complain(learner, rows, W, gradient_norm, max_iter):
    if learner.penalty == 0 and np.abs(learner.scores(rows.X, W)).max() > 30:
        raise ValueError(
            "The surrogate has no optimum: without a penalty its weights grow without "
            "end where a hyperplane separates the classes. Give it a penalty (a "
            "finite C, a positive alpha), or take a surrogate that stops early: "
            "GradientDescentClassifier."
        )
    warnings.warn(
        f"The surrogate is not at its optimum after {max_iter} Newton steps: its "
        f"relative gradient is {gradient_norm:.1e}. Scale the features, or give it a "
        "stronger penalty.",
        ConvergenceWarning,
        stacklevel=3,
    )
