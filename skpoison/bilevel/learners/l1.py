r"""Linear learners with an l1 penalty on their weights.

To the objective :math:`C` of a linear learner
(:mod:`skpoison.bilevel.learners.linear`) they add the absolute values of the weights,

.. math::

    F(W) = C(W) + \sum_{jk} \rho_j |W_{jk}| ,

with :math:`\rho_j = \rho` for features and most often 0 for the intercept. Lasso and
the elastic net have the squared loss in :math:`C`, sparse logistic regression the
logistic or the multinomial one. A :class:`~skpoison.bilevel.learners.base.Point` of
such a learner is the smooth part, :math:`C`.
"""

from dataclasses import dataclass

import numpy as np

from skpoison.bilevel.learners.linear import LinearLearner


@dataclass(frozen=True, kw_only=True)
class L1Learner(LinearLearner):
    """A linear learner with an l1 penalty, which selects features.

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
    l1_penalty : float
        Weight of the sum of absolute values of the weights of the features.
    intercept_l1_penalty : float, default=0.0
        Weight of the sum of absolute values of the weights of that constant.
    """

    l1_penalty: float
    intercept_l1_penalty: float = 0.0

    supports = frozenset({"scores", "parameters", "coefficients", "features", "l1"})

    def l1_penalties(self, n_parameters: int) -> np.ndarray:
        """Return the l1 penalty of each row of the weights.

        Parameters
        ----------
        n_parameters : int
            Number of rows of the weights, the intercept's included.

        Returns
        -------
        penalties : ndarray of shape (n_parameters, 1)
        """
        penalties = np.full((n_parameters, 1), float(self.l1_penalty))
        if self.intercept:
            penalties[-1] = self.intercept_l1_penalty
        return penalties

    def l1_value(self, W: np.ndarray) -> float:
        """Compute the l1 penalty."""
        return float((self.l1_penalties(W.shape[0]) * np.abs(W)).sum())

    def l1_subgradient(self, W: np.ndarray) -> np.ndarray:
        """Return a subgradient of the l1 penalty, 0 for weights of 0."""
        return self.l1_penalties(W.shape[0]) * np.sign(W)

    def active(self, W: np.ndarray) -> np.ndarray:
        """Find the active set: the weights that move with the rows.

        Parameters
        ----------
        W : ndarray of shape (n_parameters, n_outputs)
            The weights.

        Returns
        -------
        active : ndarray of shape (n_parameters, n_outputs) of bool
            Weights that are not 0, or have no l1 penalty.
        """
        return (W != 0) | (self.l1_penalties(W.shape[0]) == 0)

    def softmax_nullspace(self, n_parameters: int) -> np.ndarray:
        """Find the weights that are determined only up to a shift."""
        unpenalised = self.l1_penalties(n_parameters) == 0
        return super().softmax_nullspace(n_parameters) & unpenalised
