r"""Linear learners: a convex loss of linear scores with a squared penalty.

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

The vector-Jacobian product with the mixed second derivative, the gradient of
:math:`\langle V, \nabla C(W) \rangle` in a row, is with :math:`u_i = V^\top \tilde x_i`

.. math::

    \nabla_{x_i} &= a_i \, ( W_x S_i u_i + V_x g_i ), \\
    \nabla_{t_i} &= a_i \, R_i u_i, \\
    \partial / \partial a_i &= \langle g_i, u_i \rangle ,

where :math:`W_x` is W without the row of the intercept. One product with each matrix
serves all rows.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from skpoison.bilevel.learners.base import (
    ALL,
    Features,
    ParametricLearner,
    Point,
    RowGradients,
    Rows,
    Step,
)
from skpoison.bilevel.learners.columns import (
    Clipped,
    ColumnGradient,
    column_gradient_of_products,
)
from skpoison.bilevel.losses import Loss


@dataclass(frozen=True)
class LinearLearner(ParametricLearner):
    """A learner that minimises a convex function of linear scores.

    Parameters
    ----------
    loss : Loss
        The loss of scores and targets.
    penalty : float
        Weight of half the squared norm of the weights of the features.
    intercept : float, default=1.0
        The constant that is appended to the features; 0 for no intercept.
    intercept_penalty : float, default=0.0
        Weight of half the squared norm of the weights of that constant.
    """

    loss: Loss
    penalty: float
    intercept: float = 1.0
    intercept_penalty: float = 0.0

    @property
    def supports(self) -> frozenset[str]:
        """What the learner can do; see :class:`~skpoison.bilevel.learners.base`."""
        closed_form = {"closed_form"} if self.loss.is_quadratic else set()
        more = {"hessian", "leave_one_out", "row_span"} | closed_form
        return super().supports | more

    def shape(self, rows: Rows) -> tuple[int, int]:
        """Return the shape of the weights, the intercept's included."""
        return rows.X.shape[1] + bool(self.intercept), rows.targets.shape[1]

    def at(self, W: np.ndarray, rows: Rows) -> "LinearPoint":
        """Return the objective at some weights."""
        return LinearPoint(self, W, rows)

    def penalties(self, n_parameters: int) -> np.ndarray:
        """Return the squared penalty of each row of the weights.

        Parameters
        ----------
        n_parameters : int
            Number of rows of the weights, the intercept's included.

        Returns
        -------
        penalties : ndarray of shape (n_parameters, 1)
        """
        penalties = np.full((n_parameters, 1), float(self.penalty))
        if self.intercept:
            penalties[-1] = self.intercept_penalty
        return penalties

    def append_intercept_column(self, X: Features) -> Features:
        """Append the constant to the features.

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

    def scores(self, X: Features, W: np.ndarray) -> np.ndarray:
        """Compute the scores of rows."""
        if not self.intercept:
            return X @ W
        return X @ W[:-1] + self.intercept * W[-1]

    def score_vjp(self, X: Features, W: np.ndarray, R: np.ndarray) -> np.ndarray:
        """Multiply the transposed rows by values: the adjoint of `scores`."""
        product = X.T @ R
        if not self.intercept:
            return product
        return np.concatenate([product, self.intercept * R.sum(axis=0, keepdims=True)])

    def input_vjp(self, X: Features, W: np.ndarray, R: np.ndarray) -> np.ndarray:
        r"""Compute the gradient of :math:`\langle R, \mathrm{scores} \rangle` in X."""
        return R @ W[: X.shape[1]].T

    def _known_columns(
        self, X: Features, W: np.ndarray, R: np.ndarray, product: np.ndarray
    ) -> ColumnGradient:
        features = slice(X.shape[1])
        return column_gradient_of_products(
            (W[features], product[features], R.sum(axis=0))
        )

    def softmax_nullspace(self, n_parameters: int) -> np.ndarray:
        """Find the weights that are determined only up to a shift.

        One number added to all outputs of a weight leaves the multinomial loss as it
        is. Without a penalty on that weight, it leaves the objective as it is.

        Parameters
        ----------
        n_parameters : int
            Number of rows of the weights, the intercept's included.

        Returns
        -------
        is_free : ndarray of shape (n_parameters, 1) of bool
        """
        return self.loss.couples_outputs & (self.penalties(n_parameters) == 0)

    def project_out_softmax_nullspace(self, V: np.ndarray) -> np.ndarray:
        """Remove from a direction what neither predictions nor penalties depend on.

        Among weights of the same objective the smallest are chosen.
        """
        if not self.loss.couples_outputs:
            return V
        is_free = self.softmax_nullspace(V.shape[0])
        return V - is_free * V.mean(axis=1, keepdims=True)

    def split_features(
        self, W: np.ndarray, n_features: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Split weights into those that multiply features and the others.

        Parameters
        ----------
        W : ndarray of shape (n_parameters, n_outputs)
            The weights.
        n_features : int
            Number of features.

        Returns
        -------
        first : ndarray of shape (n_features, n_outputs)
            The weights of the features.
        others : ndarray of shape (0 or 1, n_outputs)
            The weights of the intercept.
        """
        return W[:n_features], W[n_features:]

    def sum_data_vjp(self, steps: list[Step], indices: slice) -> RowGradients:
        r"""Sum the gradients of :math:`\langle V, \nabla C(W) \rangle` in rows.

        The outer products of all steps are one product of matrices.
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
        gradients = np.concatenate(
            [point.score_gradient[indices] for point, _, _ in steps]
        )
        u = np.concatenate([u for _, _, u in steps])
        many = np.tile(targets, (n_steps, 1))
        hvp_scores = self.loss.hessian_product(scores, many, u)
        responses = self.loss.response_product(scores, many, u)
        W = [point.W[:n_features] for point, _, _ in steps]
        V = [V[:n_features] for _, V, _ in steps]
        left = np.hstack([hstack_steps(hvp_scores), hstack_steps(gradients)])
        return (
            left @ np.hstack([*W, *V]).T,
            weights * responses.reshape(n_steps, n_rows, n_outputs).sum(axis=0),
            (gradients * u).sum(axis=1).reshape(n_steps, n_rows).sum(axis=0),
        )


class LinearPoint(Point):
    """The objective of a linear learner at some weights."""

    @cached_property
    def scores(self) -> np.ndarray:
        """The scores of the rows."""
        return self.learner.scores(self.rows.X, self.W)

    @cached_property
    def score_gradient(self) -> np.ndarray:
        """The gradient of the loss of each row in its scores."""
        return self.learner.loss.gradient(self.scores, self.rows.targets)

    @cached_property
    def curvatures(self) -> np.ndarray:
        """The diagonal of the Hessian of each weighted loss in its scores."""
        curvatures = self.learner.loss.curvature(self.scores, self.rows.targets)
        return self.rows.weights[:, np.newaxis] * curvatures

    @cached_property
    def penalties(self) -> np.ndarray:
        """The squared penalty of each row of the weights."""
        return self.learner.penalties(self.W.shape[0])

    def objective(self) -> float:
        """Compute the objective."""
        losses = self.learner.loss.value(self.scores, self.rows.targets)
        penalty = (self.penalties * self.W**2).sum() / 2
        return float(self.rows.weights @ losses + penalty)

    def gradient(self) -> np.ndarray:
        """Compute the gradient of the objective in the weights."""
        return self._loss_gradient()[0] + self.penalties * self.W

    def _loss_gradient(self) -> tuple[np.ndarray, np.ndarray]:
        """Compute the gradients of the weighted losses, in weights and in scores."""
        weighted = self.rows.weights[:, np.newaxis] * self.score_gradient
        return self.learner.score_vjp(self.rows.X, self.W, weighted), weighted

    def gradient_scale(self) -> float:
        """Return how large the gradient would be if nothing in its sum cancelled."""
        n_samples = len(self.score_gradient)
        size = np.hypot(self.rows.norm, self.learner.intercept * n_samples**0.5)
        weighted = self.rows.weights[:, np.newaxis] * self.score_gradient
        of_losses = size * np.linalg.norm(weighted)
        return of_losses + np.linalg.norm(self.penalties * self.W) or 1.0

    def hessian_product(self, U: np.ndarray) -> np.ndarray:
        """Multiply the Hessian of the objective by a direction."""
        return self.forward_over_reverse(U)[0]

    def forward_over_reverse(
        self, V: np.ndarray, indices: slice = ALL
    ) -> tuple[np.ndarray, np.ndarray]:
        """Compute a Hessian-vector product, and keep the scores by the direction."""
        u = self.learner.scores(self.rows.X, V)
        product = self.learner.score_vjp(self.rows.X, self.W, self._hvp_scores(u))
        return product + self.penalties * V, u[indices]

    def _hvp_scores(self, u: np.ndarray) -> np.ndarray:
        """Multiply the Hessian of the weighted losses in the scores by a direction."""
        if not self.learner.loss.couples_outputs:
            return self.curvatures * u  # once for all directions
        product = self.learner.loss.hessian_product(self.scores, self.rows.targets, u)
        return self.rows.weights[:, np.newaxis] * product

    def data_vjp(self, V: np.ndarray, indices: slice = ALL) -> RowGradients:
        r"""Compute the gradient of :math:`\langle V, \nabla C(W) \rangle` in rows."""
        u = self.learner.scores(self.rows.X[indices], V)
        return self.learner.sum_data_vjp([(self, V, u)], indices)

    def column_vjp(self, V: np.ndarray, product: np.ndarray) -> ColumnGradient:
        r"""Compute the column gradient of :math:`\langle V, \nabla C(W) \rangle`."""
        learner, features = self.learner, slice(self.rows.X.shape[1])
        of_V, in_scores = self._loss_gradient()
        of_W = product - self.penalties * V
        if learner.intercept:
            hvp_scores = of_W[-1] / learner.intercept
        else:
            u = learner.scores(self.rows.X, V)
            hvp_scores = self._hvp_scores(u).sum(axis=0)
        return column_gradient_of_products(
            (self.W[features], of_W[features], hvp_scores),
            (V[features], of_V[features], in_scores.sum(axis=0)),
        )

    def column_gradient(self, clipped: Clipped = None) -> ColumnGradient:
        """Compute the gradient of the objective in columns."""
        of_W, in_scores = self._loss_gradient()
        return self.learner.input_column_vjp(
            self.rows.X, self.W, in_scores, of_W, clipped
        )
