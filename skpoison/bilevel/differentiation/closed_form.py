r"""Gradient descent on least squares in closed form, and its hypergradient.

For the squared loss the gradient is affine in the weights,
:math:`\nabla C(W) = H W - \tilde X^\top (a \, t)`, and T steps from weights of 0 have a
closed form. In the eigenvectors of :math:`H`, with eigenvalues :math:`\lambda_i`,
:math:`\rho_i = 1 - \eta \lambda_i`, :math:`g = \nabla C(0)` and
:math:`S_t(\rho) = 1 + \rho + \dots + \rho^{t-1}`,

.. math::

    W_t = - \eta \, S_t(\rho) \, g, \qquad V_{t+1} = \rho^{T - 1 - t} \, b ,

so that the sums over steps of the reverse pass are

.. math::

    \sum_t V_{t+1} = S_T(\rho) \, b, \qquad
    \Bigl( \sum_t V_{t+1} W_t^\top \Bigr)_{ij} = - \eta \, b_i \, E_{ij} \, g_j, \qquad
    E_{ij} = \sum_t \rho_i^{T - 1 - t} S_t(\rho_j) .

Doubling the number of steps gives :math:`S` and :math:`E` without a division and
therefore to the last digit,

.. math::

    S_{2m}(\rho) = (1 + \rho^m) \, S_m(\rho), \qquad
    E^{(2m)}_{ij} = (\rho_i^m + \rho_j^m) \, E^{(m)}_{ij} + S_m(\rho_i) S_m(\rho_j) .

One eigendecomposition, of the size of the columns or of the rows, whichever are fewer,
replaces all steps.
"""

import numpy as np
from scipy.linalg import eigh

from skpoison.bilevel.differentiation.hypergradients import Hypergradient
from skpoison.bilevel.differentiation.row_span import row_span
from skpoison.bilevel.learners.base import ALL, Features, RowGradients, Rows
from skpoison.bilevel.learners.columns import ColumnGradient
from skpoison.bilevel.learners.linear import LinearLearner
from skpoison.bilevel.solvers.hessians import weighted_gram
from skpoison.bilevel.solvers.step_size import has_diverged


class SpectralDescent:
    """Steps of gradient descent on least squares from 0, taken all at once.

    Parameters
    ----------
    learner : LinearLearner
        The learner, of squared loss.
    rows : Rows
        Its training rows.
    rate : float
        The learning rate.
    n_steps : int
        Number of steps.

    Attributes
    ----------
    W : ndarray of shape (n_parameters, n_outputs)
        The weights after the last step; NaN if descent has diverged.
    """

    def __init__(
        self, learner: LinearLearner, rows: Rows, *, rate: float, n_steps: int
    ):
        self.learner, self.rows = learner, rows
        self.rate, self.n_steps = rate, n_steps
        X = self._with_intercept(ALL)
        n_samples, p = X.shape
        if n_samples + 1 < p:
            # Outside of the span of the rows and of the intercept, which may be
            # penalised otherwise, the Hessian is the penalty.
            unit = np.zeros((p, 1))
            unit[-1] = 1
            Q, XQ, _ = row_span(X, unit)
        else:
            Q, XQ = np.eye(p), X
        H = weighted_gram(XQ, rows.weights)
        H += Q.T @ (learner.penalties(p) * Q)
        self.eigenvalues, U = eigh(H, overwrite_a=True)
        self.Q = Q @ U
        slope = learner.at(np.zeros(learner.shape(rows)), rows).gradient()
        self.slope = self.Q.T @ slope
        # If descent diverges, its weights are not finite.
        with np.errstate(over="ignore", invalid="ignore"):
            S, _ = _sums(1 - rate * self.eigenvalues, n_steps)
            self.W = -rate * self.Q @ (S[:, np.newaxis] * self.slope)
        if has_diverged(learner, rows, np.zeros_like(self.W), self.W):
            self.W = np.full_like(self.W, np.nan)

    def hypergradient(
        self, b: np.ndarray, indices: slice = ALL, *, columns: bool = False
    ) -> Hypergradient:
        """Compute the hypergradient through the steps.

        Parameters
        ----------
        b : ndarray of shape (n_parameters, n_outputs)
            The gradient of the goal in the weights after the last step.
        indices : slice, default=slice(None)
            The training rows in question.
        columns : bool, default=False
            Whether the gradient in columns of the training rows is computed, too.

        Returns
        -------
        hypergradient : Hypergradient
        """
        rows = self.rows
        if not np.isfinite(b).all():  # descent has diverged
            parts = rows.X, rows.targets, rows.weights
            unknown = np.full(rows.X.shape[1], np.nan)
            return Hypergradient(
                *(np.full(part[indices].shape, np.nan) for part in parts),
                columns=ColumnGradient(unknown, unknown) if columns else None,
            )
        # The part of b outside of the span needs directions of its own.
        outside = b - self.Q @ (self.Q.T @ b)
        extra, sizes, _ = np.linalg.svd(outside, full_matrices=False)
        extra = extra[:, sizes > 1e-10 * np.linalg.norm(b)]
        penalty = np.full(extra.shape[1], float(self.learner.penalty))
        eigenvalues = np.concatenate([self.eigenvalues, penalty])
        Q = np.hstack([self.Q, extra])
        slope = np.vstack([self.slope, np.zeros((extra.shape[1], b.shape[1]))])
        b = Q.T @ b
        S, E = _sums(1 - self.rate * eigenvalues, self.n_steps)
        V = S[:, np.newaxis] * b
        VW = -self.rate * E * (b @ slope.T)

        first, in_columns = Q[: rows.X.shape[1]], None
        parts = self._data_vjp(Q, V, VW, ALL if columns else indices)
        if columns:
            in_columns = ColumnGradient(
                first @ parts[0].sum(axis=0),
                (first * (rows.X.T @ parts[0])).sum(axis=1),
            )
            parts = [part[indices] for part in parts]
        features, *others = parts
        return Hypergradient(features @ first.T, *others, columns=in_columns)

    def _data_vjp(
        self, Q: np.ndarray, V: np.ndarray, VW: np.ndarray, indices: slice
    ) -> RowGradients:
        """Compute the gradients in rows, in their features in the basis Q."""
        X = self._with_intercept(indices) @ Q
        weights = self.rows.weights[indices, np.newaxis]
        targets = self.rows.targets[indices]
        VX = X @ V
        features = weights * (X @ (VW + VW.T) - targets @ V.T)
        of_weights = ((X @ VW) * X).sum(axis=1) - (targets * VX).sum(axis=1)
        return (
            -self.rate * features,
            self.rate * weights * VX,
            -self.rate * of_weights,
        )

    def _with_intercept(self, indices: slice) -> Features:
        """Return rows with the column of the intercept."""
        return self.learner.append_intercept_column(self.rows.X[indices])


def _sums(rho: np.ndarray, n_steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Compute S and E by the binary digits of the number of steps."""
    power, S = np.ones_like(rho), np.zeros_like(rho)
    E = np.zeros((rho.shape[0], rho.shape[0]))
    for digit in f"{n_steps:b}":
        E = (power[:, np.newaxis] + power) * E + np.outer(S, S)
        S, power = (1 + power) * S, power**2
        if digit == "1":
            E = rho[:, np.newaxis] * E + S
            S, power = 1 + rho * S, power * rho
    return S, E
