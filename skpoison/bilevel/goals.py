r"""What does the attacker want of the learnt weights?

A goal is a function :math:`A` of the weights that is to be climbed. Most goals speak of
the scores that the learner gives to rows of the attacker's own, :class:`OnRows`. With
scores :math:`z_j`, labels :math:`y_j` and m rows, what is measured there is

* the **smoothed error**, the mean of
  :math:`1 - \operatorname{softmax}(\kappa z_j / s)_{y_j}`, which for one output is
  :math:`\sigma(-\kappa t_j z_j / s)`. It is bounded by 1, as the error is that he is
  after, and tends to it as :math:`\kappa` grows. The scale :math:`s` is the root mean
  square over the rows of what the highest score is above the second (of |z| for one
  output): without it the goal could be raised by smaller weights, which change no
  prediction. The scores of a single row are measured as they are: in units of itself a
  row cannot move;
* the **loss**, the mean of :math:`\varphi(z_j, t_j)`, as most of the literature has it.
  It is not bounded: a few rows of enormous loss can carry it.

*Error-generic* attacks climb either of them for the true labels. *Error-specific*
attacks descend it for the labels that the attacker wants to see (Muñoz-González et al.
2017, Equations 3 to 5). The penalty of the learner is no part of either.

Others speak of what is learnt:

* :class:`OnObjective`: the learner's own objective on rows of the attacker's own, its
  penalty included, as Xiao et al. (2015) have it;
* :class:`OnCoefficients`: minus half the squared distance to weights that the attacker
  wants to see, as in machine teaching (Mei and Zhu 2015);
* :class:`OnFeatures`: which features are selected;
  :mod:`skpoison.bilevel.differentiation.feature_selection` has it.
"""

from dataclasses import dataclass

import numpy as np

from skpoison.bilevel.learners.base import Rows
from skpoison.bilevel.losses import Multinomial, SeparableLoss, sigmoid, softmax


@dataclass(frozen=True)
class SmoothedError:
    """The mean of a smooth step in the margin.

    Parameters
    ----------
    codes : ndarray of shape (n_rows,) of int
        The label of each row, as a position among the classes.
    sharpness : float, default=4.0
        What scores of unit scale are multiplied with: the larger, the closer to the
        error itself.
    sign : {1, -1}, default=1
        1 to climb the error of these labels, -1 to descend it.
    """

    codes: np.ndarray
    sharpness: float = 4.0
    sign: int = 1

    def value(self, scores):
        """Compute the goal.

        Parameters
        ----------
        scores : ndarray of shape (n_rows, n_outputs)
            The scores of the attacker's rows.

        Returns
        -------
        value : float
        """
        unit = scores / _scale(_leads(scores)[0])
        return self.sign * float((1 - self._right(unit)[0]).mean())

    def gradient(self, scores):
        """Differentiate the goal in the scores.

        Parameters
        ----------
        scores : ndarray of shape (n_rows, n_outputs)
            The scores of the attacker's rows.

        Returns
        -------
        gradient : ndarray of shape (n_rows, n_outputs)
        """
        n_rows, n_outputs = scores.shape
        leads, lead_slopes = _leads(scores)
        scale = _scale(leads)
        unit = scores / scale
        right, p = self._right(unit)
        if n_outputs == 1:
            slopes = ((2 * self.codes - 1) * right * (1 - right))[:, np.newaxis]
        else:
            slopes = -right[:, np.newaxis] * p
            slopes[np.arange(n_rows), self.codes] += right
        slopes *= -self.sign * self.sharpness / n_rows
        if n_rows == 1:
            return slopes
        # The scale moves with the scores, too.
        of_scale = (slopes * unit).sum() / (n_rows * scale)
        return (slopes - of_scale * leads[:, np.newaxis] * lead_slopes) / scale

    def _right(self, unit):
        """Compute smoothed indicators of right predictions, and of all classes."""
        if unit.shape[1] == 1:
            signs = 2 * self.codes - 1
            return sigmoid(self.sharpness * signs * unit[:, 0]), None
        p, _ = softmax(self.sharpness * unit)
        return p[np.arange(p.shape[0]), self.codes], p


def _leads(scores):
    """Say by how much the highest score of each row leads, and differentiate that."""
    if scores.shape[1] == 1:
        return np.abs(scores[:, 0]), np.sign(scores)
    rows = np.arange(scores.shape[0])
    second, first = np.argsort(scores, axis=1)[:, -2:].T
    slopes = np.zeros_like(scores)
    slopes[rows, first], slopes[rows, second] = 1, -1
    return scores[rows, first] - scores[rows, second], slopes


def _scale(leads):
    """Take the root mean square; of a single row nothing would be left in its units."""
    return (np.sqrt((leads**2).mean()) or 1.0) if leads.shape[0] > 1 else 1.0


@dataclass(frozen=True)
class MeanLoss:
    """The mean of a loss.

    Parameters
    ----------
    loss : SeparableLoss or Multinomial
        The loss.
    targets : ndarray of shape (n_rows, n_outputs)
        The target of each row.
    sign : {1, -1}, default=1
        1 to climb the loss for these targets, -1 to descend it.
    """

    loss: SeparableLoss | Multinomial
    targets: np.ndarray
    sign: int = 1

    def value(self, scores):
        """Compute the goal.

        Parameters
        ----------
        scores : ndarray of shape (n_rows, n_outputs)
            The scores of the attacker's rows.

        Returns
        -------
        value : float
        """
        return self.sign * float(self.loss.value(scores, self.targets).mean())

    def gradient(self, scores):
        """Differentiate the goal in the scores.

        Parameters
        ----------
        scores : ndarray of shape (n_rows, n_outputs)
            The scores of the attacker's rows.

        Returns
        -------
        gradient : ndarray of shape (n_rows, n_outputs)
        """
        slopes = self.loss.gradient(scores, self.targets)
        return self.sign * slopes / scores.shape[0]


@dataclass(frozen=True)
class OnRows:
    """What is measured on rows of the attacker's own.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_rows, n_features)
        The rows.
    measure : SmoothedError or MeanLoss
        What of their scores is climbed.
    """

    X: np.ndarray
    measure: SmoothedError | MeanLoss

    def at(self, learner, W):
        """Compute the goal and its gradient in the weights.

        Parameters
        ----------
        learner : Learner
            The learner.
        W : ndarray of shape (n_parameters, n_outputs)
            The weights.

        Returns
        -------
        value : float
            The goal.
        gradient : ndarray of shape (n_parameters, n_outputs)
            Its gradient.
        """
        scores = learner.scores(self.X, W)
        pulled = learner.score_vjp(self.X, W, self.measure.gradient(scores))
        return self.measure.value(scores), pulled


@dataclass(frozen=True)
class OnObjective:
    """The objective of the learner on rows of the attacker's own.

    Parameters
    ----------
    rows : Rows
        The rows.
    sign : {1, -1}, default=1
        1 to climb the objective, -1 to descend it.
    """

    rows: Rows
    sign: int = 1
    of = "the objective"

    def at(self, learner, W):
        """Compute the goal and its gradient in the weights.

        Parameters
        ----------
        learner : Learner
            The learner.
        W : ndarray of shape (n_parameters, n_outputs)
            The weights.

        Returns
        -------
        value : float
            The goal.
        gradient : ndarray of shape (n_parameters, n_outputs)
            Its gradient.
        """
        point = learner.at(W, self.rows)
        value = point.objective() + learner.l1_value(W)
        # A weight that is 0 stays so, and what its kink is does not matter.
        gradient = point.gradient() + learner.l1_subgradient(W)
        return self.sign * value, self.sign * gradient


@dataclass(frozen=True)
class OnCoefficients:
    """Minus half the squared distance to weights that are wanted.

    Parameters
    ----------
    wanted : ndarray of shape (n_features, n_outputs)
        The weights of the features; NaN for those that do not matter.
    """

    wanted: np.ndarray
    of = "coefficients"

    def at(self, learner, W):
        """Compute the goal and its gradient in the weights.

        Parameters
        ----------
        learner : Learner
            The learner.
        W : ndarray of shape (n_parameters, n_outputs)
            The weights.

        Returns
        -------
        value : float
            The goal.
        gradient : ndarray of shape (n_parameters, n_outputs)
            Its gradient.
        """
        gradient = np.zeros_like(W)
        gap = self.wanted - W[: self.wanted.shape[0]]
        gradient[: gap.shape[0]] = np.where(np.isnan(gap), 0, gap)
        return -float((gradient**2).sum()) / 2, gradient


@dataclass(frozen=True)
class OnFeatures:
    """Which features are selected.

    Parameters
    ----------
    wanted, unwanted : ndarray of int
        The places of features that are to be selected, and to be discarded.
    """

    wanted: np.ndarray
    unwanted: np.ndarray
    of = "features"

    def at(self, learner, W):
        """Say that only learners that select features can be asked for them."""
        raise ValueError(
            "A goal on features needs a surrogate that selects some of them: take "
            "Lasso, ElasticNet, or LogisticRegression with an l1 penalty."
        )
