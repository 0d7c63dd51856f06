r"""Goals of the attacker, as functions of the learnt weights.

A goal is a function :math:`A` of the weights that is to be maximised. Most goals read
the scores that the learner gives to validation rows, :class:`OnRows`. With scores
:math:`z_j`, labels :math:`y_j` and m rows, what is measured there is

* the **smoothed error**, the mean of
  :math:`1 - \operatorname{softmax}(\kappa z_j / s)_{y_j}`, which for one output is
  :math:`\sigma(-\kappa t_j z_j / s)`. It is bounded by 1, as the error is that the
  attacker is after, and tends to it as :math:`\kappa` grows. The scale :math:`s` is the
  root mean square over the rows of the difference between the highest score and the
  second (of |z| for one output): without it the goal could be raised by smaller
  weights, which change no prediction. The scores of a single row are not scaled: by
  itself a row would always be at distance 1;
* the **loss**, the mean of :math:`\varphi(z_j, t_j)`, as in most of the literature.
  It is not bounded: a few rows of enormous loss can dominate it.

*Error-generic* attacks maximise either of them for the true labels. *Error-specific*
attacks minimise it for the labels that the attacker wants to be predicted
(Muñoz-González et al. 2017, Equations 3 to 5). The penalty of the learner is not part
of either.

Other goals read what is learnt:

* :class:`OnObjective`: the learner's own objective on validation rows, its penalty
  included (Xiao et al. 2015);
* :class:`OnCoefficients`: minus half the squared distance to weights that the attacker
  wants, as in machine teaching (Mei and Zhu 2015);
* :class:`OnFeatures`: which features are selected; implemented in
  :mod:`skpoison.bilevel.differentiation.feature_selection`.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol

import numpy as np

from skpoison.bilevel.learners.base import (
    Features,
    Learner,
    ParametricLearner,
    Point,
    Rows,
)
from skpoison.bilevel.learners.columns import Clipped, ColumnGradient
from skpoison.bilevel.losses import Loss, sigmoid, softmax

# Sharpness at which the smoothed error is the error itself.
COUNTED = 1e9


class Measure(ABC):
    """A function of the scores of validation rows.

    Scores are arrays of shape (n_rows, n_outputs); many of them are one array of shape
    (n_rows, n_many, n_outputs).
    """

    def value(self, scores: np.ndarray) -> float:
        """Compute the goal."""
        return float(self.values(scores[:, np.newaxis])[0])

    @abstractmethod
    def values(self, scores: np.ndarray) -> np.ndarray:
        """Compute the goal for many scores at once, an array of shape (n_many,)."""

    @abstractmethod
    def gradient(self, scores: np.ndarray) -> np.ndarray:
        """Compute the gradient of the goal in the scores, an array of their shape."""


@dataclass(frozen=True)
class SmoothedError(Measure):
    """The mean of a smooth step function of the margin.

    Parameters
    ----------
    codes : ndarray of shape (n_rows,) of int
        The label of each row, as a position among the classes.
    sharpness : float, default=4.0
        Factor of scores of unit scale: the larger, the closer to the error itself.
    sign : {1, -1}, default=1
        1 to maximise the error for these labels, -1 to minimise it.
    """

    codes: np.ndarray
    sharpness: float = 4.0
    sign: int = 1

    def of_rows(self, scores: np.ndarray) -> np.ndarray:
        """Compute the smoothed error of each row, whose mean is the goal."""
        return self._each(scores[:, np.newaxis])[:, 0]

    def values(self, scores: np.ndarray) -> np.ndarray:
        """Compute the goal for many scores at once."""
        return self._each(scores).mean(axis=0)

    def _each(self, scores: np.ndarray) -> np.ndarray:
        """Compute the smoothed error of each row for many scores at once."""
        n_rows, n_many, n_outputs = scores.shape
        if n_outputs == 1:
            leads = np.abs(scores[:, :, 0])
        else:
            second, first = np.moveaxis(np.partition(scores, (-2, -1))[:, :, -2:], 2, 0)
            leads = first - second
        scale = np.ones(n_many)
        if n_rows > 1:
            scale = np.sqrt((leads**2).mean(axis=0))
            scale[scale == 0] = 1
        unit = scores / scale[:, np.newaxis]
        flat = np.repeat(self.codes, n_many)
        right, _ = replace(self, codes=flat)._right(unit.reshape(-1, n_outputs))
        return self.sign * (1 - right.reshape(n_rows, n_many))

    def gradient(self, scores: np.ndarray) -> np.ndarray:
        """Compute the gradient of the goal in the scores."""
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
        # The scale depends on the scores, too.
        of_scale = (slopes * unit).sum() / (n_rows * scale)
        return (slopes - of_scale * leads[:, np.newaxis] * lead_slopes) / scale

    def _right(self, unit: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Compute smoothed indicators of correct predictions, and of all classes."""
        if unit.shape[1] == 1:
            signs = 2 * self.codes - 1
            return sigmoid(self.sharpness * signs * unit[:, 0]), None
        p, _ = softmax(self.sharpness * unit)
        return p[np.arange(p.shape[0]), self.codes], p


def _leads(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute the lead of the highest score of each row, and its gradient."""
    if scores.shape[1] == 1:
        return np.abs(scores[:, 0]), np.sign(scores)
    rows = np.arange(scores.shape[0])
    second, first = np.argsort(scores, axis=1)[:, -2:].T
    slopes = np.zeros_like(scores)
    slopes[rows, first], slopes[rows, second] = 1, -1
    return scores[rows, first] - scores[rows, second], slopes


def _scale(leads: np.ndarray) -> float:
    """Compute the root mean square; 1 for a single row, which it would normalise."""
    return (np.sqrt((leads**2).mean()) or 1.0) if leads.shape[0] > 1 else 1.0


@dataclass(frozen=True)
class MeanLoss(Measure):
    """The mean of a loss.

    Parameters
    ----------
    loss : Loss
        The loss.
    targets : ndarray of shape (n_rows, n_outputs)
        The target of each row.
    sign : {1, -1}, default=1
        1 to maximise the loss for these targets, -1 to minimise it.
    """

    loss: Loss
    targets: np.ndarray
    sign: int = 1

    def of_rows(self, scores: np.ndarray) -> np.ndarray:
        """Compute the loss of each row, whose mean is the goal."""
        return self.sign * self.loss.value(scores, self.targets)

    def values(self, scores: np.ndarray) -> np.ndarray:
        """Compute the goal for many scores at once."""
        n_rows, n_many, n_outputs = scores.shape
        targets = np.repeat(self.targets, n_many, axis=0)
        losses = self.loss.value(scores.reshape(-1, n_outputs), targets)
        return self.sign * losses.reshape(n_rows, n_many).mean(axis=0)

    def gradient(self, scores: np.ndarray) -> np.ndarray:
        """Compute the gradient of the goal in the scores."""
        slopes = self.loss.gradient(scores, self.targets)
        return self.sign * slopes / scores.shape[0]


class Scaling(Protocol):
    """Fitted scalers; see :mod:`skpoison.bilevel.differentiation.scaling`."""

    def transform_new(self, X: Features) -> tuple[Features, Clipped]:
        """Scale rows that they were not fitted on; also return what was clipped."""


# What an error says if a goal of some kind means nothing for a learner.
REQUIREMENTS = {
    "scores": "A goal on scores needs a surrogate that computes some.",
    "parameters": (
        "A goal on weights needs a surrogate that learns weights, and a support vector "
        "machine with a kernel learns none: take LinearSVC."
    ),
    "coefficients": (
        "A goal on coefficients needs a surrogate that learns one weight of each "
        "feature, but a neural network learns layers of weights, and a support vector "
        "machine with a kernel learns none: take a linear surrogate, such as "
        "LogisticRegression or LinearSVC."
    ),
    "features": (
        "A goal on features needs a surrogate that selects some of them: take Lasso, "
        "ElasticNet, or LogisticRegression with an l1 penalty."
    ),
}


class Goal:
    """A goal of the attacker.

    Attributes
    ----------
    kind : {"scores", "parameters", "coefficients", "features"}
        What the goal reads; learners list in `supports` which kinds mean something for
        them.
    """

    kind: ClassVar[str] = "parameters"

    def scaled(self, scaling: Scaling) -> "Goal":
        """Return the goal after scalers have been fitted.

        Parameters
        ----------
        scaling : Scaling
            Scales validation rows.

        Returns
        -------
        goal : Goal
            With scaled validation rows, if it has any.
        """
        return self


class WeightGoal(Goal, ABC):
    """A goal that is a function of the weights."""

    @abstractmethod
    def at(self, learner: ParametricLearner, W: np.ndarray) -> tuple[float, np.ndarray]:
        """Compute the goal and its gradient in the weights.

        Parameters
        ----------
        learner : ParametricLearner
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

    def at_with_columns(
        self, learner: ParametricLearner, W: np.ndarray
    ) -> tuple[float, np.ndarray, ColumnGradient | None]:
        """Compute the goal and its gradients in the weights and in columns.

        Parameters
        ----------
        learner : ParametricLearner
            The learner.
        W : ndarray of shape (n_parameters, n_outputs)
            The weights.

        Returns
        -------
        value : float
            The goal.
        gradient : ndarray of shape (n_parameters, n_outputs)
            Its gradient in the weights.
        columns : ColumnGradient or None
            Its gradient in a shift and a scale of each column of the validation rows,
            with the weights held; None for a goal without such rows.
        """
        return *self.at(learner, W), None


@dataclass(frozen=True)
class OnRows(WeightGoal):
    """A function of the scores of validation rows.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_rows, n_features)
        The validation rows.
    measure : SmoothedError or MeanLoss
        The function of their scores that is maximised.
    clipped : tuple of ndarray of shape (n_rows, n_features) of bool, default=None
        Where a scaler has clipped the rows from below and from above.
    """

    X: Features
    measure: Measure
    clipped: Clipped = None
    kind = "scores"

    def at(self, learner: ParametricLearner, W: np.ndarray) -> tuple[float, np.ndarray]:
        """Compute the goal and its gradient in the weights."""
        return self._at(learner, W)[:2]

    def at_with_columns(
        self, learner: ParametricLearner, W: np.ndarray
    ) -> tuple[float, np.ndarray, ColumnGradient]:
        """Compute the goal and its gradients in the weights and in columns."""
        value, gradient, R = self._at(learner, W)
        columns = learner.input_column_vjp(self.X, W, R, gradient, self.clipped)
        return value, gradient, columns

    def _at(
        self, learner: ParametricLearner, W: np.ndarray
    ) -> tuple[float, np.ndarray, np.ndarray]:
        """Compute the goal and its gradients in the weights and in the scores."""
        scores = learner.scores(self.X, W)
        R = self.measure.gradient(scores)
        return self.measure.value(scores), learner.score_vjp(self.X, W, R), R

    def scaled(self, scaling: Scaling) -> "OnRows":
        """Return the goal on scaled rows."""
        X, clipped = scaling.transform_new(self.X)
        return replace(self, X=X, clipped=clipped)


@dataclass(frozen=True)
class OnObjective(WeightGoal):
    """The objective of the learner on validation rows.

    Parameters
    ----------
    rows : Rows
        The validation rows.
    sign : {1, -1}, default=1
        1 to maximise the objective, -1 to minimise it.
    clipped : tuple of ndarray of shape (n_rows, n_features) of bool, default=None
        Where a scaler has clipped the rows from below and from above.
    """

    rows: Rows
    sign: int = 1
    clipped: Clipped = None
    kind = "parameters"

    def at(self, learner: ParametricLearner, W: np.ndarray) -> tuple[float, np.ndarray]:
        """Compute the goal and its gradient in the weights."""
        return self._at(learner.at(W, self.rows))

    def at_with_columns(
        self, learner: ParametricLearner, W: np.ndarray
    ) -> tuple[float, np.ndarray, ColumnGradient]:
        """Compute the goal and its gradients in the weights and in columns."""
        point = learner.at(W, self.rows)
        return *self._at(point), point.column_gradient(self.clipped) * self.sign

    def scaled(self, scaling: Scaling) -> "OnObjective":
        """Return the goal on scaled rows."""
        X, clipped = scaling.transform_new(self.rows.X)
        return replace(self, rows=self.rows.with_features(X), clipped=clipped)

    def _at(self, point: Point) -> tuple[float, np.ndarray]:
        learner, W = point.learner, point.W
        value = point.objective() + learner.l1_value(W)
        # A weight of 0 stays 0 when rows move a little, so that any subgradient at its
        # kink will do.
        gradient = point.gradient() + learner.l1_subgradient(W)
        return self.sign * value, self.sign * gradient


@dataclass(frozen=True)
class OnCoefficients(WeightGoal):
    """Minus half the squared distance to the weights wanted.

    Parameters
    ----------
    wanted : ndarray of shape (n_features, n_outputs)
        The weights of the features; NaN for those that do not matter.
    """

    wanted: np.ndarray
    kind = "coefficients"

    def at(self, learner: ParametricLearner, W: np.ndarray) -> tuple[float, np.ndarray]:
        """Compute the goal and its gradient in the weights."""
        gradient = np.zeros_like(W)
        gap = self.wanted - W[: self.wanted.shape[0]]
        gradient[: gap.shape[0]] = np.where(np.isnan(gap), 0, gap)
        return -float((gradient**2).sum()) / 2, gradient


@dataclass(frozen=True)
class OnFeatures(Goal):
    """Which features are selected.

    Parameters
    ----------
    wanted, unwanted : ndarray of int
        The positions of features that are to be selected, and to be discarded.

    See Also
    --------
    skpoison.bilevel.differentiation.feature_selection.feature_selection
    """

    wanted: np.ndarray
    unwanted: np.ndarray
    kind = "features"


def check_goal(goal: Goal, learner: Learner) -> None:
    """Check that a goal means something for a learner.

    Parameters
    ----------
    goal : Goal or object
        The goal. From outside, any object with a method `at`, as of `WeightGoal`.
    learner : Learner
        The learner.

    Raises
    ------
    ValueError
        If it does not.
    """
    kind = getattr(goal, "kind", "parameters")
    if kind not in REQUIREMENTS:  # of a goal from outside that resolves to itself
        kind = "parameters"
    if kind not in learner.supports:
        raise ValueError(REQUIREMENTS[kind])
