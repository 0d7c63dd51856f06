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

from dataclasses import dataclass, replace

import numpy as np

from skpoison.bilevel.losses import Multinomial, SeparableLoss


@dataclass(frozen=True)
class Rows:
    """Training rows as a learner sees them.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        The features.
    targets : ndarray of shape (n_samples, n_outputs)
        The targets.
    weights : ndarray of shape (n_samples,)
        The weights of the rows in the objective, :math:`a_i`.
    """

    X: np.ndarray
    targets: np.ndarray
    weights: np.ndarray

    def last(self, n):
        """Take the last n rows: those that an attack has inserted.

        Parameters
        ----------
        n : int
            How many.

        Returns
        -------
        rows : Rows
        """
        start = self.targets.shape[0] - n
        return Rows(self.X[start:], self.targets[start:], self.weights[start:])

    def with_features(self, X):
        """Put other features in the place of these.

        Parameters
        ----------
        X : {ndarray, sparse matrix} of shape (n_samples, n_features)
            The features.

        Returns
        -------
        rows : Rows
        """
        return replace(self, X=X)


@dataclass(frozen=True)
class LinearLearner:
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
        """Say the shape of the weights: (n_features, with the intercept, n_outputs).

        Parameters
        ----------
        rows : Rows
            The training rows.

        Returns
        -------
        shape : tuple of int
        """
        return rows.X.shape[1] + bool(self.intercept), rows.targets.shape[1]

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

    def scores(self, X, W):
        """Compute the scores of rows.

        Parameters
        ----------
        X : {ndarray, sparse matrix} of shape (n_samples, n_features)
            The rows.
        W : ndarray of shape (n_parameters, n_outputs)
            The weights.

        Returns
        -------
        scores : ndarray of shape (n_samples, n_outputs)
        """
        if not self.intercept:
            return X @ W
        return X @ W[:-1] + self.intercept * W[-1]

    def pull_back(self, X, R):
        """Multiply the transposed rows with values: the adjoint of `scores`.

        Parameters
        ----------
        X : {ndarray, sparse matrix} of shape (n_samples, n_features)
            The rows.
        R : ndarray of shape (n_samples, n_outputs)
            A value for each score.

        Returns
        -------
        product : ndarray of shape (n_parameters, n_outputs)
        """
        product = X.T @ R
        if not self.intercept:
            return product
        return np.concatenate([product, self.intercept * R.sum(axis=0, keepdims=True)])

    def objective(self, W, rows):
        """Compute the objective.

        Parameters
        ----------
        W : ndarray of shape (n_parameters, n_outputs)
            The weights.
        rows : Rows
            The training rows.

        Returns
        -------
        objective : float
        """
        losses = self.loss.value(self.scores(rows.X, W), rows.targets)
        penalty = (self.penalties(W.shape[0]) * W**2).sum() / 2
        return float(rows.weights @ losses + penalty)

    def gradient(self, W, rows):
        """Compute the gradient of the objective.

        Parameters
        ----------
        W : ndarray of shape (n_parameters, n_outputs)
            The weights.
        rows : Rows
            The training rows.

        Returns
        -------
        gradient : ndarray of shape (n_parameters, n_outputs)
        """
        slopes = self.loss.gradient(self.scores(rows.X, W), rows.targets)
        pulled = self.pull_back(rows.X, rows.weights[:, np.newaxis] * slopes)
        return pulled + self.penalties(W.shape[0]) * W

    def hessian_product(self, W, rows, U, scores=None):
        """Multiply the Hessian of the objective with a direction.

        Parameters
        ----------
        W, U : ndarray of shape (n_parameters, n_outputs)
            The weights and the direction.
        rows : Rows
            The training rows.
        scores : ndarray of shape (n_samples, n_outputs), default=None
            The scores of the rows by W, where they are known.

        Returns
        -------
        product : ndarray of shape (n_parameters, n_outputs)
        """
        if scores is None:
            scores = self.scores(rows.X, W)
        bent = self.loss.hessian_product(scores, rows.targets, self.scores(rows.X, U))
        pulled = self.pull_back(rows.X, rows.weights[:, np.newaxis] * bent)
        return pulled + self.penalties(U.shape[0]) * U

    def without_shift(self, V):
        """Remove from a direction what neither predictions nor penalties depend on.

        One number added to all outputs of a weight leaves the multinomial loss as it
        is. Where no penalty chooses among such weights, the smallest are chosen.

        Parameters
        ----------
        V : ndarray of shape (n_parameters, n_outputs)
            The direction.

        Returns
        -------
        V : ndarray of shape (n_parameters, n_outputs)
        """
        free = self.penalties(V.shape[0]) == 0
        if self.loss.separable or not free.any():
            return V
        return V - free * V.mean(axis=1, keepdims=True)

    def row_gradients(self, W, rows, V):
        r"""Differentiate :math:`\langle V, \nabla C(W) \rangle` in rows.

        Parameters
        ----------
        W, V : ndarray of shape (n_parameters, n_outputs)
            The weights and the direction.
        rows : Rows
            The rows in question; any of the training rows.

        Returns
        -------
        features : ndarray of shape (n_rows, n_features)
            The gradient in the features.
        targets : ndarray of shape (n_rows, n_outputs)
            The gradient in the targets.
        weights : ndarray of shape (n_rows,)
            The gradient in the weights of the rows.
        """
        n_features = rows.X.shape[1]
        scores, u = self.scores(rows.X, W), self.scores(rows.X, V)
        slopes = self.loss.gradient(scores, rows.targets)
        bent = self.loss.hessian_product(scores, rows.targets, u)
        answer = self.loss.response_product(scores, rows.targets, u)
        weights = rows.weights[:, np.newaxis]
        return (
            weights * (bent @ W[:n_features].T + slopes @ V[:n_features].T),
            weights * answer,
            (slopes * u).sum(axis=1),
        )
