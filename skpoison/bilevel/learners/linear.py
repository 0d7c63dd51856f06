r"""What does a linear learner minimise?

With :math:`\tilde x = (x, c)` for a learner with an intercept, weights
:math:`W \in \mathbb R^{p \times K}` and row weights :math:`a_i`,

.. math::

    C(W) = \sum_i a_i \, \varphi(W^\top \tilde x_i, t_i)
        + \tfrac12 \langle W, \Lambda W \rangle ,

where :math:`\Lambda` is diagonal: the same penalty for every feature, another for the
intercept, most often 0. With :math:`g_i` and :math:`S_i` the gradient and the Hessian
of the loss in the scores,

.. math::

    \nabla C(W) = \tilde X^\top (a \, g) + \Lambda W, \qquad
    \nabla^2 C(W) \, U = \tilde X^\top (a \, S \tilde X U) + \Lambda U .

Poisoning asks how :math:`\langle V, \nabla C(W) \rangle` moves with a row, for a
direction :math:`V` in the weights. With :math:`u_i = V^\top \tilde x_i`,

.. math::

    \nabla_{x_i} &= a_i \, ( W_x S_i u_i + V_x g_i ), \\
    \nabla_{t_i} &= a_i \, R_i u_i, \\
    \partial / \partial a_i &= \langle g_i, u_i \rangle ,

where :math:`W_x` is W less the row of the intercept. All rows come from one product
with each matrix.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from skpoison.bilevel.learners.base import STEPS_AT_ONCE, Learner, Point
from skpoison.bilevel.losses import Multinomial, SeparableLoss


@dataclass(frozen=True)
class LinearLearner(Learner):
    """A learner that minimises a convex function of linear scores.

    Parameters
    ----------
    loss : SeparableLoss or Multinomial
        What a mistake costs.
    penalty : float
        Weight of half the squared norm of the weights of the features.
    intercept : float, default=1.0
        The constant that stands behind the features; 0 for no intercept.
    intercept_penalty : float, default=0.0
        Weight of half the squared norm of what multiplies that constant.
    """

    loss: SeparableLoss | Multinomial
    penalty: float
    intercept: float = 1.0
    intercept_penalty: float = 0.0

    def shape(self, rows):
        """Say the shape of the weights: (n_features, with the intercept, n_outputs)."""
        return rows.X.shape[1] + bool(self.intercept), rows.targets.shape[1]

    def at(self, W, rows):
        """Take the objective at some weights."""
        return LinearPoint(self, W, rows)

    def penalties(self, n_parameters):
        """Say the penalty of each row of the weights.

        Parameters
        ----------
        n_parameters : int
            Their number, the intercept's included.

        Returns
        -------
        penalties : ndarray of shape (n_parameters, 1)
        """
        penalties = np.full((n_parameters, 1), float(self.penalty))
        if self.intercept:
            penalties[-1] = self.intercept_penalty
        return penalties

    def append_intercept_column(self, X):
        """Put the constant behind the features.

        Parameters
        ----------
        X : {ndarray, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        X : {ndarray, csr matrix} of shape (n_samples, n_parameters)
        """
        if not self.intercept:
            return X
        constant = np.full((X.shape[0], 1), float(self.intercept))
        if isinstance(X, np.ndarray):
            return np.concatenate([X, constant], axis=1)
        return sparse.hstack([X.tocsr(), constant], format="csr")

    def scores(self, X, W):
        """Compute the scores of rows."""
        if not self.intercept:
            return X @ W
        return X @ W[:-1] + self.intercept * W[-1]

    def score_vjp(self, X, W, R):
        """Multiply the transposed rows with values: the adjoint of `scores`."""
        product = X.T @ R
        if not self.intercept:
            return product
        return np.concatenate([product, self.intercept * R.sum(axis=0, keepdims=True)])

    def project_out_softmax_nullspace(self, V):
        """Remove from a direction what neither predictions nor penalties depend on.

        One number added to all outputs of a weight leaves the multinomial loss as it
        is. Where no penalty chooses among such weights, the smallest are chosen.
        """
        if self.loss.separable:
            return V
        free = self.penalties(V.shape[0]) == 0
        return V - free * V.mean(axis=1, keepdims=True)

    def reverse_pass(self, points, V, indices, rate):
        """Add up over steps of descent what each of them makes of the rows.

        One product with the rows serves both a step and what it makes of them, and the
        outer products of many steps are one product of matrices.
        """
        total, steps = [0.0, 0.0, 0.0], []

        def add():
            for place, part in enumerate(self.data_vjp(steps, indices)):
                total[place] = total[place] - rate * part
            steps.clear()

        for point in points:
            u = self.scores(point.rows.X, V)
            steps.append((point, V, u[indices]))
            V = V - rate * point.finish_hvp(u, V)
            if len(steps) == STEPS_AT_ONCE:
                add()
        if steps:
            add()
        return total

    def data_vjp(self, steps, indices):
        r"""Differentiate a sum of :math:`\langle V, \nabla C(W) \rangle` in rows.

        Parameters
        ----------
        steps : list of tuple (LinearPoint, ndarray, ndarray)
            The objective at W, with V and the scores of the rows in question by V.
        indices : slice
            These rows.

        Returns
        -------
        features, targets, weights : ndarray
            The gradients in the features, the targets and the weights of the rows.
        """
        rows = steps[0][0].rows
        n_features = rows.X.shape[1]
        weights, targets = rows.weights[indices, np.newaxis], rows.targets[indices]
        n_steps, (n_rows, n_outputs) = len(steps), targets.shape

        def hstack_steps(parts):
            # (n_steps n_rows, n_outputs) to (n_rows, n_steps n_outputs).
            parts = parts.reshape(n_steps, n_rows, n_outputs).swapaxes(0, 1)
            return weights * parts.reshape(n_rows, -1)

        scores = np.concatenate([point.scores[indices] for point, _, _ in steps])
        u = np.concatenate([u for _, _, u in steps])
        many = np.tile(targets, (n_steps, 1))
        score_gradient = np.concatenate(
            [point.score_gradient[indices] for point, _, _ in steps]
        )
        hvp_scores = self.loss.hessian_product(scores, many, u)
        answers = self.loss.response_product(scores, many, u)
        W = np.concatenate([point.W[:n_features] for point, _, _ in steps], axis=1)
        V = np.concatenate([V[:n_features] for _, V, _ in steps], axis=1)
        return (
            hstack_steps(hvp_scores) @ W.T + hstack_steps(score_gradient) @ V.T,
            weights * answers.reshape(n_steps, n_rows, n_outputs).sum(axis=0),
            (score_gradient * u).sum(axis=1).reshape(n_steps, n_rows).sum(axis=0),
        )


class LinearPoint(Point):
    """The objective of a linear learner at some weights."""

    @cached_property
    def scores(self):
        """The scores of the rows."""
        return self.learner.scores(self.rows.X, self.W)

    @cached_property
    def score_gradient(self):
        """The gradient of the loss of each row in its scores."""
        return self.learner.loss.gradient(self.scores, self.rows.targets)

    @cached_property
    def curvatures(self):
        """The second derivatives of a separable loss in the scores, weighted."""
        curvatures = self.learner.loss.curvature(self.scores, self.rows.targets)
        return self.rows.weights[:, np.newaxis] * curvatures

    @cached_property
    def penalties(self):
        """The penalty of each row of the weights."""
        return self.learner.penalties(self.W.shape[0])

    def objective(self):
        """Compute the objective."""
        losses = self.learner.loss.value(self.scores, self.rows.targets)
        penalty = (self.penalties * self.W**2).sum() / 2
        return float(self.rows.weights @ losses + penalty)

    def gradient(self):
        """Differentiate the objective in the weights."""
        pulled = self._pull_back(self.rows.weights[:, np.newaxis] * self.score_gradient)
        return pulled + self.penalties * self.W

    def gradient_scale(self):
        """Say how large the gradient would be if nothing in its sum cancelled."""
        size = np.hypot(
            self.rows.norm, self.learner.intercept * len(self.score_gradient) ** 0.5
        )
        of_loss = size * np.linalg.norm(
            self.rows.weights[:, np.newaxis] * self.score_gradient
        )
        return of_loss + np.linalg.norm(self.penalties * self.W) or 1.0

    def hessian_product(self, U):
        """Multiply the Hessian of the objective with a direction."""
        return self.finish_hvp(self.learner.scores(self.rows.X, U), U)

    def finish_hvp(self, u, U):
        """Finish the product of the Hessian with a direction of known scores.

        Parameters
        ----------
        u : ndarray of shape (n_samples, n_outputs)
            The scores of the rows by the direction.
        U : ndarray of shape (n_parameters, n_outputs)
            The direction.

        Returns
        -------
        product : ndarray of shape (n_parameters, n_outputs)
        """
        return self._pull_back(self._hvp_scores(u)) + self.penalties * U

    def data_vjp(self, V, indices=slice(None)):
        r"""Differentiate :math:`\langle V, \nabla C(W) \rangle` in rows."""
        u = self.learner.scores(self.rows.X[indices], V)
        return self.learner.data_vjp([(self, V, u)], indices)

    def _pull_back(self, R):
        return self.learner.score_vjp(self.rows.X, self.W, R)

    def _hvp_scores(self, u):
        """Multiply the Hessian of each weighted loss in its scores with a direction."""
        if self.learner.loss.separable:
            return self.curvatures * u
        hvp_scores = self.learner.loss.hessian_product(
            self.scores, self.rows.targets, u
        )
        return self.rows.weights[:, np.newaxis] * hvp_scores
