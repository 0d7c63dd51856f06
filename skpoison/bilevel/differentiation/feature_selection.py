r"""Goals on which features a learner with an l1 penalty selects.

With an l1 penalty :math:`\rho` a feature is selected if its weight is not 0. If it is
0, its gradient :math:`G_j` measures how far it is from being selected, which it would
be if :math:`|G_j|` exceeded :math:`\rho`. With the other weights held constant, and
:math:`h_j` the curvature of the objective in :math:`W_j`, the gradient at
:math:`W_j = 0` is :math:`G_j - h_j W_j`. It exceeds the penalty by

.. math::

    e_j = \frac{|G_j - h_j W_j|}{\rho} - 1 =
    \begin{cases}
        |G_j| / \rho - 1 \le 0 & \text{not selected}, \\
        h_j |W_j| / \rho > 0 & \text{selected},
    \end{cases}

one dimensionless number for both cases. The score of a feature,

.. math::

    s_j = e_j \text{ if } e_j \le 0, \quad \frac{e_j}{1 + e_j} \text{ else},

lies between -1 and 1, has slopes of at most 1 in :math:`e_j`, and is continuously
differentiable at 0: no single weight, however large, is worth more than the selection
of a second feature. The goal is the sum of the scores of the features wanted, minus
that of the features unwanted; of several outputs the one with the highest score counts,
since a feature is selected if any of them uses it.

The curvatures are constants of the goal, those where the attack begins, so that

.. math::

    \frac{\partial s_j}{\partial W_j}
        = \frac{h_j \operatorname{sign} W_j}{\rho (1 + e_j)^2}
        \text{ if selected}, \qquad
    \frac{\partial s_j}{\partial G_j} = \frac{\operatorname{sign} G_j}{\rho}
        \text{ if not} ,

the b and the U of :mod:`skpoison.bilevel.differentiation.hypergradients`. If
:math:`G_j = 0`, as for a feature that is 0 in all rows, it can only grow: a wanted
feature takes the one-sided slope.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from skpoison.bilevel.solvers.hessians import squared_columns
from skpoison.bilevel.solvers.l1_newton import L1Optimum


@dataclass(frozen=True)
class FeatureSelection:
    """The scores of wanted features minus those of unwanted ones.

    Parameters
    ----------
    wanted, unwanted : ndarray of int
        The places of these features among the columns.
    curvatures : ndarray of shape (n_features, n_outputs)
        The curvature of the objective in each weight, all positive.

    See Also
    --------
    feature_selection : Takes the curvatures from an optimum.
    """

    wanted: np.ndarray
    unwanted: np.ndarray
    curvatures: np.ndarray

    def value(self, optimum: L1Optimum) -> float:
        """Compute the goal.

        Parameters
        ----------
        optimum : L1Optimum
            The optimum of the learner.

        Returns
        -------
        value : float
        """
        scores = self.scores(optimum)
        return float(scores[self.wanted].sum() - scores[self.unwanted].sum())

    def scores(self, optimum: L1Optimum) -> np.ndarray:
        """Compute the score of each feature: positive if it is selected.

        Parameters
        ----------
        optimum : L1Optimum
            The optimum of the learner.

        Returns
        -------
        scores : ndarray of shape (n_features,)
            Between -1 and 1.
        """
        excess = self._excess(optimum).max(axis=1)
        return np.where(excess <= 0, excess, excess / (1 + np.abs(excess)))

    def gradients(self, optimum: L1Optimum) -> tuple[np.ndarray, np.ndarray]:
        """Compute the gradients of the goal in the weights and in the gradient there.

        Parameters
        ----------
        optimum : L1Optimum
            The optimum of the learner.

        Returns
        -------
        b : ndarray of shape (n_parameters, n_outputs)
            The gradient in the weights.
        U : ndarray of shape (n_parameters, n_outputs)
            The gradient in the gradient of the objective, as if that were free.
        """
        b, U = np.zeros_like(optimum.W), np.zeros_like(optimum.W)
        l1 = optimum.point.learner.l1_penalty
        excess = self._excess(optimum)
        output = excess.argmax(axis=1)
        for features, sign in ((self.wanted, 1), (self.unwanted, -1)):
            at = features, output[features]
            W, G = optimum.W[at], optimum.gradient[at]
            selected = W != 0
            slopes = self.curvatures[at] * np.sign(W) / (1 + np.abs(excess[at])) ** 2
            sides = np.where(G == 0, sign > 0, np.sign(G))
            np.add.at(b, at, sign * np.where(selected, slopes, 0) / l1)
            np.add.at(U, at, sign * np.where(selected, 0, sides) / l1)
        return b, U

    def _excess(self, optimum: L1Optimum) -> np.ndarray:
        """Compute by how much the gradients at 0 would exceed the penalty."""
        n_features = self.curvatures.shape[0]
        l1 = optimum.point.learner.l1_penalty
        W, G = optimum.W[:n_features], optimum.gradient[:n_features]
        return np.where(W != 0, self.curvatures * np.abs(W), np.abs(G) - l1) / l1


def feature_selection(
    optimum: L1Optimum, wanted: Sequence[int] = (), unwanted: Sequence[int] = ()
) -> FeatureSelection:
    """Make a goal on features, with the curvatures of an optimum.

    Parameters
    ----------
    optimum : L1Optimum
        The optimum of the learner before the attack.
    wanted : array-like of int, default=()
        The features that are to be selected.
    unwanted : array-like of int, default=()
        The features that are to be discarded.

    Returns
    -------
    goal : FeatureSelection
    """
    point = optimum.point
    curvatures = squared_columns(point.rows.X, point.curvatures)
    curvatures += point.learner.penalty
    # A feature that is 0 in all rows is taken to be like the others.
    positive = curvatures > 0
    usual = curvatures[positive].mean() if positive.any() else 1.0
    return FeatureSelection(
        np.asarray(wanted, dtype=int),
        np.asarray(unwanted, dtype=int),
        np.where(positive, curvatures, usual),
    )
