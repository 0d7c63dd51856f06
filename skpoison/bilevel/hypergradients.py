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
series of the implicit one. The weights of all steps are stored, or those of every
:math:`\sqrt T`-th step, from which the others are computed again.
"""

from dataclasses import dataclass

import numpy as np

from skpoison.bilevel.hessians import solve


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
        Relative residual of the linear system; 0 where there is none.
    """

    features: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    residual: float = 0.0


def implicit(learner, rows, optimum, b, of_rows):
    """Differentiate a goal at the optimum of a learner.

    Parameters
    ----------
    learner : LinearLearner
        The learner.
    rows : Rows
        Its training rows.
    optimum : Optimum
        Where it ends up.
    b : ndarray of shape (n_parameters, n_outputs)
        The gradient of the goal in the weights there.
    of_rows : Rows
        The training rows in question, some or all of `rows`.

    Returns
    -------
    hypergradient : Hypergradient
    """
    V, residual = solve(learner, optimum.W, rows, b, optimum.factorisation)
    moved = learner.row_gradients(optimum.W, of_rows, V)
    return Hypergradient(*(-part for part in moved), residual)


def descend(learner, rows, start, *, rate, n_steps, every=1):
    """Take steps of gradient descent.

    Parameters
    ----------
    learner : LinearLearner
        The learner.
    rows : Rows
        Its training rows.
    start : ndarray of shape (n_parameters, n_outputs)
        The weights before the first step.
    rate : float
        Length of a step, relative to the gradient.
    n_steps : int
        Number of steps.
    every : int, default=1
        Of how many steps one set of weights is stored.

    Returns
    -------
    W : ndarray of shape (n_parameters, n_outputs)
        The weights after the last step.
    stored : list of ndarray
        The weights before the steps 0, `every`, 2 `every`, ...
    """
    W, stored = start, []
    for step in range(n_steps):
        if step % every == 0:
            stored.append(W)
        W = W - rate * learner.gradient(W, rows)
    return W, stored


def unrolled(learner, rows, stored, b, of_rows, *, rate, n_steps, every=1, last=None):
    """Differentiate a goal through the steps of gradient descent.

    Parameters
    ----------
    learner : LinearLearner
        The learner.
    rows : Rows
        Its training rows.
    stored : list of ndarray
        The weights that `descend` has stored.
    b : ndarray of shape (n_parameters, n_outputs)
        The gradient of the goal in the weights after the last step.
    of_rows : Rows
        The training rows in question, some or all of `rows`.
    rate, n_steps, every
        What `descend` was given.
    last : int, default=None
        How many of the last steps are differentiated: fewer cost less, and leave the
        rest of the gradient out. None: all of them.

    Returns
    -------
    hypergradient : Hypergradient
    """
    total = [np.zeros(part.shape) for part in (of_rows.X, of_rows.targets)]
    total.append(np.zeros(of_rows.weights.shape))
    first = 0 if last is None else max(0, n_steps - last)
    V = b
    for block in range(len(stored) - 1, first // every - 1, -1):
        begin, end = block * every, min((block + 1) * every, n_steps)
        path = [stored[block]]
        for _ in range(begin + 1, end):
            path.append(path[-1] - rate * learner.gradient(path[-1], rows))
        for step in range(end - 1, max(begin, first) - 1, -1):
            W = path[step - begin]
            for part, moved in zip(
                total, learner.row_gradients(W, of_rows, V), strict=True
            ):
                part -= rate * moved
            V = V - rate * learner.hessian_product(W, rows, V)
    return Hypergradient(*total)


def goal_gradient(learner, goal, X, W):
    """Compute a goal and its gradient in the weights.

    Parameters
    ----------
    learner : LinearLearner
        The learner.
    goal : SmoothedError or MeanLoss
        The goal.
    X : {ndarray, sparse matrix} of shape (n_rows, n_features)
        The attacker's own rows.
    W : ndarray of shape (n_parameters, n_outputs)
        The weights.

    Returns
    -------
    value : float
        The goal.
    gradient : ndarray of shape (n_parameters, n_outputs)
        Its gradient.
    """
    scores = learner.scores(X, W)
    return goal.value(scores), learner.pull_back(X, goal.gradient(scores))
