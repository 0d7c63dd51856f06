r"""Hypergradients: the gradient of a goal on the learnt weights in training rows.

The goal :math:`A` is a function of the weights, and these are a function of the
training rows. Let :math:`b = \nabla_W A`.

**Implicit.** At the optimum :math:`\nabla C(W) = 0`, so that by the implicit function
theorem, for any quantity :math:`\theta` of the rows,

.. math::

    \frac{dA}{d\theta} = -\partial_\theta \langle V, \nabla C(W) \rangle,
    \qquad \nabla^2 C(W) \, V = b .

One adjoint system, whose solution :math:`V` serves every row, its features, its target
and its weight at once (Muñoz-González et al. 2017, Equation 8, solves it for one row).

A goal may depend on the gradient :math:`G = \nabla C(W)` of the objective, too, as if
that were free. G moves with the rows directly, and with the weights:
:math:`dG = \partial_\theta G + \nabla^2 C(W) \, dW`. With :math:`U = \nabla_G A`,

.. math::

    \frac{dA}{d\theta} = \partial_\theta \langle U, G \rangle
        + \Bigl\langle \nabla^2 C(W) \, U + b, \frac{dW}{d\theta} \Bigr\rangle
    = \partial_\theta \langle U - V, \nabla C(W) \rangle, \qquad
    \nabla^2 C(W) \, V = \nabla^2 C(W) \, U + b .

At a smooth optimum U cancels, since G is 0 there whatever the rows. At an optimum with
an l1 penalty the system is restricted to the active set
(:mod:`skpoison.bilevel.solvers.l1_newton`), and U matters outside of it.

**Unrolled.** A learner that takes T steps
:math:`W_{t+1} = W_t - \eta \nabla C(W_t)` is differentiated backwards through them
(reverse mode):

.. math::

    \frac{dA}{d\theta} \mathrel{-}= \eta \,
    \partial_\theta \langle V_{t+1}, \nabla C(W_t) \rangle, \qquad
    V_t = V_{t+1} - \eta \nabla^2 C(W_t) V_{t+1}, \qquad V_T = b ,

for t from T - 1 down to 0. It attacks the learner that stops early, which the implicit
gradient does not; for many steps the two agree. From the optimum on it is the Neumann
series of the implicit one. The steps are stored, or checkpointed: every
:math:`\sqrt T`-th of them is stored, and the others are computed again from these.

**Back-gradient.** The published variant stores nothing: earlier weights are found by
stepping back, :math:`W_{t-1} \approx W_t + \eta \nabla C(W_t)` (Muñoz-González et al.
2017, Algorithm 2). Descent contracts, so that its reversal expands, and errors grow
with every step. How far it misses the initial weights is known at the end, and a
warning is given if that matters.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skpoison.bilevel.learners.base import (
    ALL,
    ParametricLearner,
    Point,
    RowGradients,
    Rows,
)
from skpoison.bilevel.learners.columns import ColumnGradient
from skpoison.bilevel.solvers.linear_systems import Solution
from skpoison.utils._warnings import warn_user

# Distance between the initial weights and those that reversed descent returns to,
# relative to the path of descent, above which its gradient is not to be relied on.
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
        How well it is known: the relative residual of the linear system, or the
        distance by which reversed descent misses its start; 0 if there is neither.
    columns : ColumnGradient or None
        In a shift and a scale of each column, of all training rows and of the rows
        that the goal is measured on; None if it was not asked for.
    """

    features: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    residual: float = 0.0
    columns: ColumnGradient | None = None


class DifferentiableOptimum(Protocol):
    """An optimum of a parametric learner that brings its adjoint system."""

    point: Point

    def solve(self, b: np.ndarray, *, tol: float) -> Solution:
        """Solve the adjoint system for a gradient in the weights."""


def implicit(
    optimum: DifferentiableOptimum,
    b: np.ndarray,
    indices: slice = ALL,
    direct: np.ndarray | None = None,
    *,
    tol: float = 1e-10,
    columns: bool = False,
) -> Hypergradient:
    r"""Compute the hypergradient at an optimum, by the implicit function theorem.

    Parameters
    ----------
    optimum : Optimum or L1Optimum
        The optimum of the learner.
    b : ndarray of shape (n_parameters, n_outputs)
        The gradient of the goal in the weights there.
    indices : slice, default=slice(None)
        The training rows in question.
    direct : ndarray of shape (n_parameters, n_outputs), default=None
        The gradient of the goal in :math:`\nabla C(W)`. None: the goal depends on
        the weights alone.
    tol : float, default=1e-10
        Relative residual of the linear system that is accepted.
    columns : bool, default=False
        Whether the gradient in columns of the training rows is computed, too.

    Returns
    -------
    hypergradient : Hypergradient
    """
    if direct is not None:
        b = b + optimum.point.hessian_product(direct)
    solution = optimum.solve(b, tol=tol)
    V = solution.V if direct is None else solution.V - direct
    # With -V in the place of V: its products take less memory than the negated rows.
    parts, in_columns = optimum.point.data_vjp(-V, indices), None
    if columns:
        product = optimum.point.hessian_product(V)
        in_columns = optimum.point.column_vjp(V, product) * -1.0
    return Hypergradient(*parts, solution.residual, in_columns)


def descend(
    learner: ParametricLearner,
    rows: Rows,
    start: np.ndarray,
    *,
    rate: float,
    n_steps: int,
    checkpoint_every: int | None = 1,
) -> tuple[np.ndarray, list[Point]]:
    """Take steps of gradient descent.

    Parameters
    ----------
    learner : ParametricLearner
        The learner.
    rows : Rows
        Its training rows.
    start : ndarray of shape (n_parameters, n_outputs)
        The initial weights.
    rate : float
        The learning rate: length of a step, relative to the gradient.
    n_steps : int
        Number of steps.
    checkpoint_every : int or None, default=1
        One of so many steps is stored; None stores none.

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
    stored: list[Point],
    b: np.ndarray,
    indices: slice = ALL,
    *,
    rate: float,
    n_steps: int,
    checkpoint_every: int = 1,
    truncate: int | None = None,
    columns: bool = False,
) -> Hypergradient:
    """Compute the hypergradient through the steps of gradient descent.

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
    columns : bool, default=False
        Whether the gradient in columns of the training rows is computed, too.

    Returns
    -------
    hypergradient : Hypergradient
    """
    first = 0 if truncate is None else max(0, n_steps - truncate)
    points = _from_last_to(first, stored, rate, n_steps, checkpoint_every)
    parts, in_columns = reverse_pass(points, b, indices, rate, columns=columns)
    return Hypergradient(*parts, columns=in_columns)


def _from_last_to(
    first: int, stored: list[Point], rate: float, n_steps: int, checkpoint_every: int
) -> Iterator[Point]:
    """Yield points from last to first, recomputing those between stored ones."""
    learner, rows = stored[0].learner, stored[0].rows
    for block in reversed(range(first // checkpoint_every, len(stored))):
        begin = block * checkpoint_every
        end = min(begin + checkpoint_every, n_steps)
        path = [stored[block]]
        for _ in range(begin + 1, end):
            W = path[-1].W - rate * path[-1].gradient()
            path.append(learner.at(W, rows))
        yield from reversed(path[max(0, first - begin) :])


def reverse_pass(
    points: Iterable[Point],
    V: np.ndarray,
    indices: slice,
    rate: float,
    *,
    at_once: int = 64,
    columns: bool = False,
) -> tuple[RowGradients, ColumnGradient | None]:
    """Differentiate through steps of gradient descent, the last step first.

    Parameters
    ----------
    points : iterable of Point
        The objective before each step, the last step first.
    V : ndarray of shape (n_parameters, n_outputs)
        The gradient of the goal in the weights after the last step.
    indices : slice
        The training rows in question.
    rate : float
        The learning rate.
    at_once : int, default=64
        Number of steps whose contributions are summed together: the outer products of
        many steps are one product of matrices.
    columns : bool, default=False
        Whether the gradient in columns of the training rows is computed, too.

    Returns
    -------
    parts : list of ndarray
        The gradients in the features, the targets and the weights of the rows.
    in_columns : ColumnGradient or None
        The gradient in columns of all rows.
    """
    total, in_columns, steps = [0.0, 0.0, 0.0], None, []

    def flush():
        parts = steps[0][0].learner.sum_data_vjp(steps, indices)
        for place, part in enumerate(parts):
            total[place] = total[place] - rate * part
        steps.clear()

    for point in points:
        product, tangent = point.forward_over_reverse(V, indices)
        steps.append((point, V, tangent))
        if columns:
            in_columns = point.column_vjp(V, product) * -rate + in_columns
        V = V - rate * product
        if len(steps) == at_once:
            flush()
    if steps:
        flush()
    return total, in_columns


def reversed_descent(
    learner: ParametricLearner,
    rows: Rows,
    start: np.ndarray,
    W: np.ndarray,
    b: np.ndarray,
    indices: slice = ALL,
    *,
    rate: float,
    n_steps: int,
    columns: bool = False,
) -> Hypergradient:
    """Compute the hypergradient by back-gradient descent, which stores no steps.

    Muñoz-González et al. 2017, Algorithm 2.

    Parameters
    ----------
    learner : ParametricLearner
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
    columns : bool, default=False
        Whether the gradient in columns of the training rows is computed, too.

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

    with np.errstate(over="ignore", invalid="ignore"):  # a warning follows
        parts, in_columns = reverse_pass(back(), b, indices, rate, columns=columns)
        miss = float(np.linalg.norm(point.W - start) / (way or 1.0))
    if not miss <= LARGEST_MISS:
        warn_user(
            f"Run backwards for {n_steps} steps, gradient descent misses the initial "
            f"weights by {miss:.1e} of its path: the gradient cannot be relied on. "
            "Take hypergradient='unrolled', which stores the steps, or fewer steps.",
            ConvergenceWarning,
        )
    return Hypergradient(*parts, miss, in_columns)
