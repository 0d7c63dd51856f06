r"""What does a learner of few features minimise, and how does that move?

To the objective :math:`C` of a linear learner
(:mod:`skpoison.bilevel.learners.linear`) it adds the absolute values of the weights,

.. math::

    F(W) = C(W) + \sum_{jk} \rho_j |W_{jk}| ,

with :math:`\rho_j = \rho` for features and 0 for the intercept. Lasso and the elastic
net have the squared loss in :math:`C`, sparse logistic regression the logistic or the
multinomial one.

**The optimum.** With :math:`G = \nabla C(W)`, it is where

.. math::

    G_{jk} = -\rho_j \operatorname{sign} W_{jk} \quad (W_{jk} \ne 0), \qquad
    |G_{jk}| \le \rho_j \quad (W_{jk} = 0) .

The entries A that are not 0, and those without such a penalty, are active. A proximal
Newton method finds them: of active entries and the worst of those that violate their
condition, the quadratic model of :math:`C` with the penalty is minimised exactly
(:mod:`skpoison.bilevel.solvers.l1_quadratic`), and the objective descends along the
line to there. Where that way has to be cut short, as far from the optimum, where losses
hardly bend, a multiple of the columns' squares is added to the curvatures for the next
steps. Near the optimum A no longer changes, and it is Newton's method on A.

**How it moves.** As long as A and the signs stay, the conditions on A are equations,
:math:`G_A = -\rho_A s_A`, whose right-hand side is constant. An inactive weight has a
condition that holds with room to spare, so that it stays 0 when a row moves a little:
its derivative is 0. By the implicit function theorem, for anything :math:`\theta` about
the rows,

.. math::

    H_{AA} \frac{dW_A}{d\theta} = -\partial_\theta G_A, \qquad
    \frac{dW_{jk}}{d\theta} = 0 \text{ elsewhere} .

At a kink, where :math:`|G_{jk}| = \rho_j` and :math:`W_{jk} = 0`, there are two
derivatives, one for each side; the one of the side where it stays 0 is taken.

**A goal** :math:`A(W)` with gradient b therefore has, as that of any learner but on A,

.. math::

    \frac{dA}{d\theta} = -\partial_\theta \langle V, \nabla C(W) \rangle,
    \qquad H_{AA} V_A = b_A, \quad V = 0 \text{ elsewhere} .

A goal may also look at the gradient G, which says of a feature that is not selected how
far it is from that. G moves with the rows directly, and with the weights:
:math:`dG = \partial_\theta G + H \, dW`. With U the gradient of the goal in G,

.. math::

    \frac{dA}{d\theta} = \partial_\theta \langle U, G \rangle
        + \Bigl\langle H U + b, \frac{dW}{d\theta} \Bigr\rangle
    = \partial_\theta \langle U - V, \nabla C(W) \rangle, \qquad
    H_{AA} V_A = (H U + b)_A .

Where U lies on A, V is U and nothing moves: there G is held by its equations.
Xiao et al. (2015) have the case of the squared loss and a goal in W.
"""

import warnings
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse
from scipy.linalg import cho_solve
from sklearn.exceptions import ConvergenceWarning

from skpoison.bilevel.differentiation.hypergradients import Hypergradient
from skpoison.bilevel.learners.linear import LinearPoint
from skpoison.bilevel.solvers.l1_quadratic import EDGE, factorise, minimise_l1_quadratic
from skpoison.bilevel.solvers.newton import VANISHING

# How many entries may become active at once, at least.
AT_ONCE = 100
# What is added to curvatures at first where they mislead, relative to their scale.
FIRST_DAMPING = 1e-3
# Relative residual from which on a hypergradient is not to be relied on.
LARGEST_RESIDUAL = 1e-6


@dataclass(frozen=True)
class L1Optimum:
    """The optimum of a learner of few features.

    Parameters
    ----------
    point : LinearPoint
        The objective there, but for the penalty on absolute values.
    objective : float
        The objective there, that penalty included.
    gradient_norm : float
        By how much the conditions of optimality are missed, relative to what the
        gradient is a sum of.
    n_iter : int
        Number of steps.
    """

    point: LinearPoint
    objective: float
    gradient_norm: float
    n_iter: int

    @property
    def W(self):  # noqa: N802
        """The weights, of shape (n_parameters, n_outputs)."""
        return self.point.W

    @cached_property
    def active(self):
        """Which weights are active, of shape (n_parameters, n_outputs)."""
        return self.point.learner.active(self.W)

    @cached_property
    def gradient(self):
        """The gradient of the objective but for the penalty on absolute values."""
        return self.point.gradient()

    @cached_property
    def _factor(self):
        X = _columns(self.point)
        return factorise(_active_hessian(self.point, X, self.active))[0]

    def hypergradient(self, b, indices=slice(None), direct=None):
        r"""Differentiate a goal in training rows, while the same weights are active.

        Parameters
        ----------
        b : ndarray of shape (n_parameters, n_outputs)
            The gradient of the goal in the weights.
        indices : slice, default=slice(None)
            The training rows in question.
        direct : ndarray of shape (n_parameters, n_outputs), default=None
            The gradient of the goal in :math:`\nabla C(W)`. None: it depends on the
            weights alone.

        Returns
        -------
        hypergradient : Hypergradient

        Warns
        -----
        ConvergenceWarning
            If active weights are not determined by the rows.
        """
        point, active = self.point, self.active
        U = np.zeros_like(self.W) if direct is None else direct
        if direct is not None:
            b = b + point.hessian_product(U)
        B = np.where(active, point.learner.project_out_softmax_nullspace(b), 0.0)
        V, residual = np.zeros_like(B), 0.0
        norm = np.linalg.norm(B)
        if norm > 0:
            left = B
            for _ in range(2):  # the second time for what rounding has left
                V[active] += cho_solve(self._factor, left[active])
                left = np.where(active, B - point.hessian_product(V), 0.0)
            residual = float(np.linalg.norm(left) / norm)
        if not residual <= LARGEST_RESIDUAL:
            warnings.warn(
                f"The rows do not determine the {active.sum()} weights that the "
                f"surrogate has selected: the relative residual of their system is "
                f"{residual:.1e}. Give the surrogate a squared penalty, too "
                "(l1_ratio < 1).",
                ConvergenceWarning,
                stacklevel=2,
            )
        return Hypergradient(*point.data_vjp(U - V, indices), residual)


def minimise_l1(learner, rows, start=None, *, tol=1e-10, max_iter=100):
    """Find the optimum of a learner of few features.

    Parameters
    ----------
    learner : L1Learner
        The learner.
    rows : Rows
        Its training rows.
    start : L1Optimum, default=None
        The optimum for rows nearby. None starts from 0.
    tol : float, default=1e-10
        By how much the conditions of optimality may be missed, relative to what the
        gradient is a sum of.
    max_iter : int, default=100
        The most steps.

    Returns
    -------
    optimum : L1Optimum

    Warns
    -----
    ConvergenceWarning
        If they are missed by more after `max_iter` steps.
    """
    point = _start(learner, rows, start)
    X = _columns(point)
    l1 = np.broadcast_to(learner.l1_penalties(point.W.shape[0]), point.W.shape)
    objective = _objective(point)
    first, previous = point.gradient_scale(), np.inf
    bounds, damping = _bounds(point, X), 0.0
    for n_iter in range(max_iter + 1):
        gradient = point.gradient()
        misses = _misses(point, gradient)
        scale = max(point.gradient_scale(), VANISHING * first)
        gradient_norm = float(np.linalg.norm(misses) / scale)
        # Near the optimum rounding may stand in the way of more.
        stuck = gradient_norm <= 1e-7 and gradient_norm > previous / 2
        if gradient_norm <= tol or stuck:
            break
        if n_iter == max_iter:
            warnings.warn(
                f"The surrogate is not at its optimum after {max_iter} Newton steps: "
                f"its conditions of optimality are missed by {gradient_norm:.1e}, "
                "relatively. Scale the features, or give it a stronger penalty.",
                ConvergenceWarning,
                stacklevel=2,
            )
            break
        working = _working_set(point, misses, l1)
        H = _active_hessian(point, X, working)
        H[np.diag_indices_from(H)] += damping * bounds[working]
        here = point.W[working]
        W = point.W.copy()
        W[working] = minimise_l1_quadratic(
            H, gradient[working] - H @ here, l1[working], here
        )
        point, objective, length = _line_search(point, objective, gradient, W)
        # Where curvature says little of the way to go, steps are kept short.
        damping = max(4 * damping, FIRST_DAMPING) if length < 0.1 else damping / 4
        damping = damping if damping >= FIRST_DAMPING / 100 else 0.0
        previous = gradient_norm
    return L1Optimum(point, objective, gradient_norm, n_iter)


def _objective(point):
    return point.objective() + point.learner.l1_value(point.W)


def _start(learner, rows, start):
    """Say where to start."""
    if start is None:
        return learner.at(learner.start(rows), rows)
    point = learner.at(start.W, rows)
    if _objective(point) <= 2 * start.objective:
        return point
    # Where rows have moved far, large weights can be worse than none.
    others = [learner.at(length * start.W, rows) for length in (0.5, 0.25, 0)]
    return min([point, *others], key=_objective)


def _misses(point, gradient):
    """Say by how much each weight misses its condition of optimality."""
    l1 = point.learner.l1_penalties(point.W.shape[0])
    outside = np.sign(gradient) * np.maximum(np.abs(gradient) - l1, 0)
    inside = gradient + point.learner.l1_subgradient(point.W)
    return np.where(point.learner.active(point.W), inside, outside)


def _working_set(point, misses, l1):
    """Choose the weights that a step may move: active ones, and the worst others."""
    working = point.learner.active(point.W)
    sizes = np.where(working, 0, np.abs(misses))
    sizes[sizes <= EDGE * l1] = 0
    at_once = max(AT_ONCE, working.sum())
    if (sizes > 0).sum() > at_once:
        sizes[sizes < np.partition(sizes.ravel(), -at_once)[-at_once]] = 0
    return working | (sizes > 0)


def _line_search(point, objective, gradient, W):
    """Go down towards other weights, halving the way until the objective falls.

    Returns the point, its objective, and which share of the way it is; 0 for none.
    """
    learner, step = point.learner, W - point.W
    slope = (gradient * step).sum() + learner.l1_value(W) - learner.l1_value(point.W)
    length = 1.0
    for _ in range(40):
        trial = learner.at(W if length == 1 else point.W + length * step, point.rows)
        value = _objective(trial)
        # The last term lets steps pass that are lost in rounding.
        if value <= objective + 1e-4 * length * slope + 1e-14 * abs(objective):
            moved = (trial.W != point.W).any()
            return trial, value, length if moved else 0.0
        length /= 2
    return point, objective, 0.0


def _bounds(point, X):
    """Sum the squares of each column, over weighted rows: scales of curvatures."""
    squares = X.multiply(X) if sparse.issparse(X) else X**2
    bounds = (squares.T @ point.rows.weights)[:, np.newaxis]
    return np.broadcast_to(bounds, point.W.shape)


def _columns(point):
    """Give the rows with the constant behind them, ready to be taken by columns."""
    X = point.learner.append_intercept_column(point.rows.X)
    return X.tocsc() if sparse.issparse(X) else X


def _active_hessian(point, X, active):
    """Compute the Hessian of the objective on some weights.

    Parameters
    ----------
    point : LinearPoint
        Where it is taken.
    X : {ndarray, csc matrix} of shape (n_samples, n_parameters)
        The rows, the constant behind them.
    active : ndarray of shape (n_parameters, n_outputs) of bool
        The weights.

    Returns
    -------
    H : ndarray of shape (n_active, n_active)
        In the order of the weights that the mask takes.
    """
    learner, n_outputs = point.learner, point.W.shape[1]
    feature, output = np.nonzero(active)
    places = [np.flatnonzero(output == k) for k in range(n_outputs)]
    columns = [X[:, feature[place]] for place in places]
    H = np.zeros((feature.size, feature.size))
    for k in range(n_outputs):
        for m, curvatures in _curvatures(point, k):
            block = _weighted_products(columns[k], curvatures, columns[m])
            H[np.ix_(places[k], places[m])] = block
            H[np.ix_(places[m], places[k])] = block.T
    H[np.diag_indices_from(H)] += point.penalties[feature, 0]
    if not learner.loss.separable:
        # Something must stand in the directions of `project_out_softmax_nullspace`;
        # what, does not matter.
        free = learner._costs_nothing(point.W.shape[0])[:, 0]
        scale = np.trace(H) / max(feature.size, 1) or 1.0
        same = (feature[:, np.newaxis] == feature) & free[feature]
        H[same] += scale
    return H


def _curvatures(point, k):
    """Yield outputs m up to k, with the second derivatives of the losses in k and m."""
    if point.learner.loss.separable:
        yield k, point.curvatures[:, k]
        return
    unit = np.zeros_like(point.scores)
    unit[:, k] = 1
    bent = point.learner.loss.hessian_product(point.scores, point.rows.targets, unit)
    for m in range(k + 1):
        yield m, point.rows.weights * bent[:, m]


def _weighted_products(left, weights, right):
    """Compute inner products of columns, over weighted rows."""
    if isinstance(left, np.ndarray):
        return (left.T * weights) @ right
    return (left.T.multiply(weights).tocsr() @ right).toarray()
