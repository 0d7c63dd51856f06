r"""How does the goal move when a training row moves?

The goal :math:`A` is a function of the weights, and these are a function of the
training rows. Let :math:`b = \nabla_W A`.

**Implicit.** At the optimum :math:`\nabla C(W) = 0`, so that by the implicit function
theorem, for anything :math:`\theta` about the rows,

.. math::

    \frac{dA}{d\theta} = -\partial_\theta \langle V, \nabla C(W) \rangle,
    \qquad \nabla^2 C(W) \, V = b .

One system, whose solution :math:`V` serves every row, its features, its target and its
weight at once (Muñoz-González et al. 2017, Equation 8, solves it for one row).

**Unrolled.** A learner that takes T steps
:math:`W_{t+1} = W_t - \eta \nabla C(W_t)` is differentiated backwards through them:

.. math::

    \frac{dA}{d\theta} \mathrel{-}= \eta \,
    \partial_\theta \langle V_{t+1}, \nabla C(W_t) \rangle, \qquad
    V_t = V_{t+1} - \eta \nabla^2 C(W_t) V_{t+1}, \qquad V_T = b ,

for t from T - 1 down to 0. It attacks the learner that stops early, which the implicit
gradient does not; for many steps the two agree. From the optimum on it is the Neumann
series of the implicit one. The steps are stored, or every :math:`\sqrt T`-th of them,
from which the others are computed again.

**Reversed.** Published is a third way, without memory: the weights of earlier steps are
had by stepping back, :math:`W_{t-1} \approx W_t + \eta \nabla C(W_t)` (Muñoz-González
et al. 2017, Algorithm 2). Descent contracts, so that its reversal expands, and errors
grow with every step. How far it misses the weights from which descent set out is known
at the end, and said where it matters.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skpoison.bilevel.solvers.linear_systems import solve

# Weights that the reversed descent may miss, relative to the way that descent went.
LARGEST_MISS = 0.1


@dataclass(frozen=True)
class Hypergradient:
    """The gradient of a goal in training rows.

    Parameters
    ----------
    features : ndarray of shape (n_rows, n_features)
        In the features.
    targets : ndarray of shape (n_rows, n_outputs)
        In the targets.
    weights : ndarray of shape (n_rows,)
        In the weights of the rows: the influence function.
    residual : float
        How well it is known: the relative residual of the linear system, or by how
        much the reversed descent misses its start; 0 where there is neither.
    """

    features: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    residual: float = 0.0


def implicit(optimum, b, indices=slice(None), *, tol=1e-10):
    """Differentiate a goal at the optimum of a learner.

    Parameters
    ----------
    optimum : Optimum
        Where the learner ends up.
    b : ndarray of shape (n_parameters, n_outputs)
        The gradient of the goal in the weights there.
    indices : slice, default=slice(None)
        The training rows in question.
    tol : float, default=1e-10
        Relative residual of the linear system that is good enough.

    Returns
    -------
    hypergradient : Hypergradient
    """
    solution = solve(optimum.point, b, optimum.factorisation, tol=tol)
    moved = optimum.point.data_vjp(solution.V, indices)
    return Hypergradient(*(-part for part in moved), solution.residual)


def descend(learner, rows, start, *, rate, n_steps, checkpoint_every=1):
    """Take steps of gradient descent.

    Parameters
    ----------
    learner : Learner
        The learner.
    rows : Rows
        Its training rows.
    start : ndarray of shape (n_parameters, n_outputs)
        The weights before the first step.
    rate : float
        Length of a step, relative to the gradient.
    n_steps : int
        Number of steps.
    checkpoint_every : int or None, default=1
        Of how many steps one is stored; None for none of them.

    Returns
    -------
    W : ndarray of shape (n_parameters, n_outputs)
        The weights after the last step.
    stored : list of Point
        The objective before the steps 0, `checkpoint_every`, 2 `checkpoint_every`, ...
    """
    W, stored = start, []
    for step in range(n_steps):
        point = learner.at(W, rows)
        if checkpoint_every is not None and step % checkpoint_every == 0:
            stored.append(point)
        W = W - rate * point.gradient()
    return W, stored


def unrolled(
    stored, b, indices=slice(None), *, rate, n_steps, checkpoint_every=1, truncate=None
):
    """Differentiate a goal through the steps of gradient descent.

    Parameters
    ----------
    stored : list of Point
        The steps that `descend` has stored.
    b : ndarray of shape (n_parameters, n_outputs)
        The gradient of the goal in the weights after the last step.
    indices : slice, default=slice(None)
        The training rows in question.
    rate, n_steps, checkpoint_every
        What `descend` was given.
    truncate : int, default=None
        How many of the last steps are differentiated: fewer cost less, and leave the
        rest of the gradient out. None: all of them.

    Returns
    -------
    hypergradient : Hypergradient
    """
    first = 0 if truncate is None else max(0, n_steps - truncate)
    points = _from_last_to(first, stored, rate, n_steps, checkpoint_every)
    return Hypergradient(*stored[0].learner.reverse_pass(points, b, indices, rate))


def _from_last_to(first, stored, rate, n_steps, checkpoint_every):
    """Go through stored steps backwards, computing again those between."""
    learner, rows = stored[0].learner, stored[0].rows
    for block in reversed(range(first // checkpoint_every, len(stored))):
        begin, end = (
            block * checkpoint_every,
            min((block + 1) * checkpoint_every, n_steps),
        )
        path = [stored[block]]
        for _ in range(begin + 1, end):
            W = path[-1].W - rate * path[-1].gradient()
            path.append(learner.at(W, rows))
        yield from reversed(path[max(0, first - begin) :])


def reversed_descent(learner, rows, start, W, b, indices=slice(None), *, rate, n_steps):
    """Differentiate a goal through gradient descent, run backwards from its end.

    Parameters
    ----------
    learner : Learner
        The learner.
    rows : Rows
        Its training rows.
    start, W : ndarray of shape (n_parameters, n_outputs)
        The weights before the first step and after the last.
    b : ndarray of shape (n_parameters, n_outputs)
        The gradient of the goal in the weights after the last step.
    indices : slice, default=slice(None)
        The training rows in question.
    rate, n_steps
        What `descend` was given.

    Returns
    -------
    hypergradient : Hypergradient

    Warns
    -----
    ConvergenceWarning
        If the weights come out far from `start`.
    """
    point = learner.at(W, rows)
    way = np.linalg.norm(W - start)

    def back():
        nonlocal point
        for _ in range(n_steps):
            point = learner.at(point.W + rate * point.gradient(), rows)
            yield point

    with np.errstate(over="ignore", invalid="ignore"):  # said below
        parts = learner.reverse_pass(back(), b, indices, rate)
        miss = float(np.linalg.norm(point.W - start) / (way or 1.0))
    if not miss <= LARGEST_MISS:
        warnings.warn(
            f"Run backwards for {n_steps} steps, gradient descent misses the weights "
            f"from which it set out by {miss:.1e} of its way: the gradient cannot be "
            "relied on. Take hypergradient='unrolled', which stores the steps, or "
            "fewer steps.",
            ConvergenceWarning,
            stacklevel=2,
        )
    return Hypergradient(*parts, miss)
