r"""Where does descent on least squares end up, and how does that move?

For the squared loss the gradient is affine in the weights,
:math:`\nabla C(W) = H W - \tilde X^\top (a \, t)`, and T steps from weights of 0 have a
closed form. In the eigenvectors of :math:`H`, with eigenvalues :math:`\lambda_i`,
:math:`\rho_i = 1 - \eta \lambda_i`, :math:`g = \nabla C(0)` and
:math:`S_t(\rho) = 1 + \rho + \dots + \rho^{t-1}`,

.. math::

    W_t = - \eta \, S_t(\rho) \, g, \qquad V_{t+1} = \rho^{T - 1 - t} \, b ,

so that all that the reverse pass adds up over the steps is

.. math::

    \sum_t V_{t+1} = S_T(\rho) \, b, \qquad
    \Bigl( \sum_t V_{t+1} W_t^\top \Bigr)_{ij} = - \eta \, b_i \, E_{ij} \, g_j, \qquad
    E_{ij} = \sum_t \rho_i^{T - 1 - t} S_t(\rho_j) .

Doubling the number of steps gives :math:`S` and :math:`E` without a division,

.. math::

    S_{2m}(\rho) = (1 + \rho^m) \, S_m(\rho), \qquad
    E^{(2m)}_{ij} = (\rho_i^m + \rho_j^m) \, E^{(m)}_{ij} + S_m(\rho_i) S_m(\rho_j) ,

and so to the last digit. One eigendecomposition, of the size of the columns or of the
rows, whichever are fewer, takes the place of all steps.
"""

import numpy as np
from scipy import sparse
from scipy.linalg import eigh, qr

from skpoison.bilevel.differentiation.hypergradients import Hypergradient


class SpectralDescent:
    """Steps of gradient descent on least squares from 0, taken all at once.

    Parameters
    ----------
    learner : LinearLearner
        The learner, of squared loss.
    rows : Rows
        Its training rows.
    rate : float
        Length of a step, relative to the gradient.
    n_steps : int
        Number of steps.

    Attributes
    ----------
    W : ndarray of shape (n_parameters, n_outputs)
        The weights after the last step.
    """

    def __init__(self, learner, rows, *, rate, n_steps):
        self.learner, self.rows = learner, rows
        self.rate, self.n_steps = rate, n_steps
        X = self._extended(slice(None))
        n_samples, p = X.shape
        if n_samples + 1 < p:
            # Outside of the span of the rows and of the intercept, which may be
            # penalised otherwise, the Hessian is the penalty.
            unit = np.zeros((p, 1))
            unit[-1] = 1
            X_dense = X.toarray() if sparse.issparse(X) else X
            Q, _ = qr(np.hstack([X_dense.T, unit]), mode="economic")
        else:
            Q = np.eye(p)
        XQ = X @ Q
        penalties = learner.penalties(p)
        H = (XQ.T * rows.weights) @ XQ + Q.T @ (penalties * Q)
        self.eigenvalues, U = eigh(H, overwrite_a=True)
        self.Q = Q @ U
        slope = learner.at(np.zeros(learner.shape(rows)), rows).gradient()
        self.slope = self.Q.T @ slope
        # Where descent diverges, its weights are no numbers.
        with np.errstate(over="ignore", invalid="ignore"):
            S, _ = _sums(1 - rate * self.eigenvalues, n_steps)
            self.W = -rate * self.Q @ (S[:, np.newaxis] * self.slope)

    def hypergradient(self, b, indices=slice(None)):
        """Differentiate a goal through the steps.

        Parameters
        ----------
        b : ndarray of shape (n_parameters, n_outputs)
            The gradient of the goal in the weights after the last step.
        indices : slice, default=slice(None)
            The training rows in question.

        Returns
        -------
        hypergradient : Hypergradient
        """
        rows = self.rows
        if not np.isfinite(b).all():  # as descent that diverges makes it
            parts = rows.X, rows.targets, rows.weights
            return Hypergradient(*(np.full(p[indices].shape, np.nan) for p in parts))
        # What of b lies outside of the span needs directions of its own.
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

        X = self._extended(indices) @ Q
        weights, targets = rows.weights[indices, np.newaxis], rows.targets[indices]
        VX = X @ V
        features = weights * (X @ (VW + VW.T) - targets @ V.T)
        of_weights = ((X @ VW) * X).sum(axis=1) - (targets * VX).sum(axis=1)
        return Hypergradient(
            -self.rate * features @ Q[: rows.X.shape[1]].T,
            self.rate * weights * VX,
            -self.rate * of_weights,
        )

    def _extended(self, indices):
        """Put the constant behind the features."""
        return self.learner.append_intercept_column(self.rows.X[indices])


def _sums(rho, n_steps):
    """Compute S and E, going through the binary digits of the number of steps."""
    power, S = np.ones_like(rho), np.zeros_like(rho)
    E = np.zeros((rho.shape[0], rho.shape[0]))
    for digit in f"{n_steps:b}":
        E = (power[:, np.newaxis] + power) * E + np.outer(S, S)
        S, power = (1 + power) * S, power**2
        if digit == "1":
            E = rho[:, np.newaxis] * E + S
            S, power = 1 + rho * S, power * rho
    return S, E
