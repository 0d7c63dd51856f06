"""Linear learners with an l1 penalty."""

from dataclasses import dataclass

import numpy as np

from skpoison.bilevel.learners.linear import LinearLearner


@dataclass(frozen=True, kw_only=True)
class L1Learner(LinearLearner):
    """A linear learner that pays for every feature that it uses.

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
    l1_penalty : float
        Weight of the sum of absolute values of the weights of the features.
    intercept_l1_penalty : float, default=0.0
        Weight of the sum of absolute values of what multiplies that constant.
    """

    l1_penalty: float
    intercept_l1_penalty: float = 0.0

    def l1_penalties(self, n_parameters):
        """Say what the absolute value of each weight costs.

        Parameters
        ----------
        n_parameters : int
            The number of rows of the weights, the intercept's included.

        Returns
        -------
        penalties : ndarray of shape (n_parameters, 1)
        """
        penalties = np.full((n_parameters, 1), float(self.l1_penalty))
        if self.intercept:
            penalties[-1] = self.intercept_l1_penalty
        return penalties

    def l1_value(self, W):
        """Compute what absolute values of weights cost."""
        return float((self.l1_penalties(W.shape[0]) * np.abs(W)).sum())

    def l1_subgradient(self, W):
        """Differentiate what absolute values of weights cost; 0 where weights are."""
        return self.l1_penalties(W.shape[0]) * np.sign(W)

    def active(self, W):
        """Say which weights move with the rows.

        Parameters
        ----------
        W : ndarray of shape (n_parameters, n_outputs)
            The weights.

        Returns
        -------
        active : ndarray of shape (n_parameters, n_outputs) of bool
            Those that are not 0, or may be 0 for free.
        """
        return (W != 0) | (self.l1_penalties(W.shape[0]) == 0)

    def project_out_softmax_nullspace(self, V):
        """Remove from a direction what neither predictions nor penalties depend on."""
        if self.loss.separable:
            return V
        free = self._costs_nothing(V.shape[0])
        return V - free * V.mean(axis=1, keepdims=True)

    def _costs_nothing(self, n_parameters):
        return (self.penalties(n_parameters) == 0) & (
            self.l1_penalties(n_parameters) == 0
        )
