r"""Steps of stochastic gradient descent, as scikit-learn takes them.

With :math:`\tilde x = (x, 1)`, the score :math:`p = w^\top x + b` before the step, the
rate :math:`\eta`, the penalty :math:`\alpha`, the share r of its l1 part, the weight s
of the row and the weight c of its class, one step is

.. math::

    w \leftarrow \max(0, 1 - (1 - r) \eta \alpha) \, w + m x, \qquad
    b \leftarrow b + \kappa m ,

with the pull :math:`m = -\eta s c \, \varphi'(p, t)`; for the passive-aggressive
learners :math:`m = \pm s c \tau` with
:math:`\tau = \min(C, \varphi / \|x\|^2)` or
:math:`\tau = \varphi / (\|x\|^2 + 1 / 2C)`. The intercept is not shrunk, and learns
from sparse rows at the rate :math:`\kappa = 0.01`, from others at 1. An l1 penalty
truncates the weights after the step (Tsuruoka et al. 2009), those of the non-zero
features alone if rows are sparse. Several classes are learnt one against the rest.

**Backwards.** Let :math:`v` be the gradient of something in :math:`(w, b)` after the
step, :math:`D = \operatorname{diag}(1, \dots, 1, \kappa)`, and
:math:`\beta = \tilde x^\top D v`. Then its gradients before the step, in the row and in
the weight of the row are

.. math::

    v^- = A v + m_p \beta \tilde x, \qquad
    \nabla_x = m_p \beta w + m v_w + 2 m_n \beta x, \qquad
    \partial_s = m \beta / s ,

with the shrinkage A, and the derivatives :math:`m_p` and :math:`m_n` of the pull in the
score and in :math:`\|x\|^2`. They cost as much as the step.
"""

from copy import copy
from dataclasses import dataclass

import numpy as np

from skpoison.bilevel.learners.linear import LinearLearner

# As in scikit-learn: the largest derivative of a loss.
LARGEST_SLOPE = 1e12
# How much faster weights learn than the intercept if rows are sparse.
SPARSE_INTERCEPT_DECAY = 0.01


@dataclass(frozen=True)
class Step:
    """One step, and what its derivatives need.

    Parameters
    ----------
    x : ndarray of shape (n_features,)
        The row.
    coef : ndarray of shape (n_outputs, n_features)
        The weights before the step.
    decay : float
        By how much they shrink.
    pull : ndarray of shape (n_outputs,)
        The multiple of the row that is added.
    by_score : ndarray of shape (n_outputs,)
        The derivative of the pull in the score.
    by_norm : ndarray of shape (n_outputs,)
        The derivative of the pull in the squared norm of the row.
    kept : ndarray of shape (n_outputs, n_features) of bool, or None
        Which weights an l1 penalty has not set to 0. None: no such penalty.
    """

    x: np.ndarray
    coef: np.ndarray
    decay: float
    pull: np.ndarray
    by_score: np.ndarray
    by_norm: np.ndarray
    kept: np.ndarray | None = None


class SGDState:
    """A linear learner by stochastic gradient descent, as it stands.

    Parameters
    ----------
    loss : StreamLoss
        The loss.
    targets : ndarray of shape (n_classes, n_outputs) or None
        The targets of a row of each class, -1 or 1. None: the target is the response.
    rate : callable
        The rate of the step t, the first being 1.
    shape : tuple of int
        (n_outputs, n_features).
    passive_aggressive : {0, 1, 2}, default=0
        The variant of the passive-aggressive learner, or 0; the rate is then C.
    penalty : float, default=0.0
        The penalty.
    l1_ratio : float, default=0.0
        The share of its l1 part.
    intercept_decay : float, default=1.0
        The rate of the intercept, relative to that of the weights; 0 if there is none.
    class_weight : ndarray of shape (n_classes, n_outputs), default=None
        The weight of a row of each class for each output.
    is_sparse : bool, default=False
        Whether an l1 penalty acts on the non-zero features of a row alone.
    judge : Judge or TrustedJudge, default=None
        A defence around the learner, which weighs each row. None: rows have the weights
        given.

    Attributes
    ----------
    coef : ndarray of shape (n_outputs, n_features)
        The weights.
    intercept : ndarray of shape (n_outputs,)
        The intercepts.
    t : float
        The number of the next step.
    learner : LinearLearner
        Computes scores of many rows, for goals.
    """

    def __init__(
        self,
        loss,
        targets,
        rate,
        shape,
        *,
        passive_aggressive=0,
        penalty=0.0,
        l1_ratio=0.0,
        intercept_decay=1.0,
        class_weight=None,
        is_sparse=False,
        judge=None,
    ):
        self.judge = judge
        self.loss, self.targets, self.rate = loss, targets, rate
        self.passive_aggressive = passive_aggressive
        self.penalty, self.l1_ratio = penalty, l1_ratio
        self.intercept_decay, self.class_weight = intercept_decay, class_weight
        self.is_sparse = is_sparse
        self.coef, self.intercept = np.zeros(shape), np.zeros(shape[0])
        self.t = 1.0
        self._signs = None if targets is None else targets[:, 0].tolist()
        self.learner = LinearLearner(loss, 0.0, float(intercept_decay > 0))

    # Whether a step depends on the gradients before.
    has_memory = False

    @property
    def n_outputs(self):
        """The number of scores."""
        return self.coef.shape[0]

    def encode(self, y):
        """Return the targets of labels, as positions among the classes, or responses.

        Returns
        -------
        targets : ndarray of shape (n_samples, n_outputs)
        """
        if self.targets is None:
            return np.reshape(y, (-1, 1)).astype(float)
        return self.targets[y]

    @property
    def weights(self):
        """The weights in the layout of the learner, (n_parameters, n_outputs)."""
        rows = [self.coef, self.intercept[:, np.newaxis]]
        return np.hstack(rows if self.intercept_decay else rows[:1]).T

    def copy(self):
        """Return an independent copy of the state."""
        twin = copy(self)
        twin.coef, twin.intercept = self.coef.copy(), self.intercept.copy()
        twin.judge = None if self.judge is None else self.judge.copy()
        return twin

    def scores(self, x):
        """Compute the scores of a row, of shape (n_outputs,)."""
        return self.coef @ x + self.intercept

    def target(self, y):
        """Return the targets of a label, as a position among the classes, or response.

        Returns
        -------
        target : ndarray of shape (n_outputs,)
        """
        return np.array([y]) if self.targets is None else self.targets[int(y)]

    def factors(self, y, weight):
        """Return the weight of a row for each output."""
        if self.class_weight is None:
            return weight
        return weight * self.class_weight[int(y)]

    def probability(self, x, y):
        """Return the probability that the learner gives to the label of a row."""
        p = self.loss.probability(self.scores(x))
        if p.shape[0] == 1:
            return float(p[0] if y else 1 - p[0])
        total = p.sum()
        # As scikit-learn: if no class has a probability, all have the same.
        return float(p[int(y)] / total) if total > 0 else 1 / p.shape[0]

    def partial_fit(self, X, y, sample_weight=None):
        """Learn from rows in their order, as one call of scikit-learn's `partial_fit`.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            The rows.
        y : ndarray of shape (n_samples,)
            Their labels, as positions among the classes, or responses.
        sample_weight : ndarray of shape (n_samples,), default=None
            Their weights.

        Returns
        -------
        self : object
        """
        truncation = _Truncation(self) if self.penalty * self.l1_ratio else None
        for i in range(len(y)):
            weight = 1.0 if sample_weight is None else sample_weight[i]
            self._take(self.step(X[i], y[i], weight), truncation)
        return self

    def learn_rows(self, X, y, trusted=None):
        """Learn from rows, each in a call of `partial_fit` of its own.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            The rows.
        y : ndarray of shape (n_samples,)
            Their labels, as positions among the classes, or responses.
        trusted : ndarray of shape (n_samples,) of bool, default=None
            Which rows a defence knows to be clean. None: none of them.
        """
        is_simple = self.coef.shape[0] == 1 and self.judge is None
        if is_simple and not self.passive_aggressive and not self.l1_ratio:
            self._learn_fast(X, y)
        else:
            known = np.zeros(len(y), dtype=bool) if trusted is None else trusted
            for x, label, is_known in zip(X, y, known, strict=True):
                self.learn(x, label, trusted=is_known)

    def _learn_fast(self, X, y):
        """Learn from rows by a loop over numbers: one output, no l1 penalty.

        Most of the time of a stream is spent here.
        """
        coef, intercept, t = self.coef[0].copy(), float(self.intercept[0]), self.t
        slope_at, of_residual = self.loss.slope_at, self.loss.of_residual
        for x, label in zip(X, y, strict=True):
            rate, factor, p = self.rate(t), 1.0, float(x @ coef) + intercept
            if self.class_weight is not None:
                factor = float(self.class_weight[int(label), 0])
            if of_residual:
                slope = slope_at(p - label)
            else:
                target = self._signs[int(label)]
                slope = target * slope_at(target * p)
            slope = min(max(slope, -LARGEST_SLOPE), LARGEST_SLOPE)
            decay = max(0.0, 1.0 - rate * self.penalty)
            if decay != 1.0:
                coef *= decay
            pull = -rate * factor * slope
            if pull:
                coef += pull * x
                intercept += self.intercept_decay * pull
            t += 1
        self.coef, self.intercept, self.t = coef[np.newaxis], np.array([intercept]), t

    def learn(self, x, y, weight=1.0, *, trusted=False):
        """Learn from one row, as one call of `partial_fit`, and return the step.

        Returns
        -------
        step : Step
        """
        if self.judge is not None:
            judged = self.judge.weigh_row(self, x, y, trusted=trusted)
            if judged == 0:  # the defence does not even show the learner such a row
                nothing = np.zeros(self.n_outputs)
                return Step(x, self.coef, 1.0, nothing, nothing, nothing)
            weight = weight * judged
        step = self.step(x, y, weight)
        if not self.penalty * self.l1_ratio:
            self._take(step, None)
            return step
        kept = self._take(step, _Truncation(self))
        return Step(**{**vars(step), "kept": kept})

    def step(self, x, y, weight=1.0):
        """Compute the step that a row would cause, without taking it.

        Parameters
        ----------
        x : ndarray of shape (n_features,)
            The row.
        y : int or float
            Its label, as a position among the classes, or its response.
        weight : float, default=1.0
            Its weight.

        Returns
        -------
        step : Step
        """
        p, target, rate = self.scores(x), self.target(y), self.rate(self.t)
        factor = self.factors(y, weight)
        decay = max(0.0, 1.0 - (1.0 - self.l1_ratio) * rate * self.penalty)
        if self.passive_aggressive:
            pull, by_score, by_norm = self._aggressive(x, p, target, rate)
            if self.passive_aggressive == 1 and not x.any():
                decay = 1.0
            return Step(
                x,
                self.coef,
                decay,
                factor * pull,
                factor * by_score,
                factor * by_norm,
            )
        slope = self.loss.gradient(p, target)
        slope = np.minimum(np.maximum(slope, -LARGEST_SLOPE), LARGEST_SLOPE)
        bend = self.loss.curvature(p, target)
        factor = -rate * factor
        return Step(x, self.coef, decay, factor * slope, factor * bend, 0.0 * slope)

    def _aggressive(self, x, p, target, rate):
        """Return the pull of a passive-aggressive step, and its two derivatives."""
        norm = x @ x
        if self.passive_aggressive == 2:
            norm += 0.5 / rate
        u = self.loss.argument(p, target)
        if norm == 0:
            return np.zeros((3, *p.shape))
        loss, slope = self.loss.of(u), self.loss.gradient(p, target)
        side = np.where(target - p < 0, -1.0, 1.0) if self.loss.of_residual else target
        tau = loss / norm
        free = np.ones_like(p)
        if self.passive_aggressive == 1:
            free = (tau < rate).astype(float)
            tau = np.minimum(tau, rate)
        return side * tau, side * free * slope / norm, -side * free * tau / norm

    def _take(self, step, truncation):
        """Move the weights, and return which of them are not truncated."""
        x, pull = step.x, step.pull
        self.coef = step.decay * step.coef + pull[:, np.newaxis] * x
        if self.intercept_decay:
            self.intercept = self.intercept + self.intercept_decay * pull
        kept = None
        # Scikit-learn skips a row of zeros for the first passive-aggressive learner.
        if truncation is not None and (self.passive_aggressive != 1 or x.any()):
            kept = truncation.apply(self, x)
        self.t += 1
        return kept

    def pull_back(self, step, v):
        """Return a gradient before a step, given the one after it.

        Parameters
        ----------
        step : Step
            The step.
        v : ndarray of shape (n_parameters, n_outputs)
            The gradient of something in the weights after the step.

        Returns
        -------
        before : ndarray of shape (n_parameters, n_outputs)
            Its gradient in the weights before the step.
        by_row : ndarray of shape (n_features,)
            Its gradient in the row.
        """
        n_features = step.x.shape[0]
        v = v.copy()
        features = v[:n_features]
        if step.kept is not None:
            features *= step.kept.T
        beta = self.responses(step.x, v)
        by_row = (
            step.coef.T @ (step.by_score * beta)
            + features @ step.pull
            + 2 * (step.by_norm @ beta) * step.x
        )
        features *= step.decay
        features += np.outer(step.x, step.by_score * beta)
        if self.intercept_decay:
            v[n_features] += step.by_score * beta
        return v, by_row

    def responses(self, x, v):
        """Return how fast something grows with the pull of a row on each output.

        Parameters
        ----------
        x : ndarray of shape (n_features,)
            The row.
        v : ndarray of shape (n_parameters, n_outputs)
            The gradient of something in the weights.

        Returns
        -------
        beta : ndarray of shape (n_outputs,)
        """
        beta = x @ v[: x.shape[-1]]
        if self.intercept_decay:
            beta = beta + self.intercept_decay * v[-1]
        return beta


class _Truncation:
    """Truncated gradients of an l1 penalty, within one call of `partial_fit`."""

    def __init__(self, state):
        self.total = 0.0
        self.paid = np.zeros_like(state.coef)

    def apply(self, state, x):
        """Truncate the weights of a state, and return which of them are left."""
        self.total += state.l1_ratio * state.rate(state.t) * state.penalty
        before = state.coef
        positive = np.maximum(0.0, before - (self.total + self.paid))
        negative = np.minimum(0.0, before + (self.total - self.paid))
        after = np.where(before > 0, positive, np.where(before < 0, negative, before))
        if state.is_sparse:
            after = np.where(x != 0, after, before)
        self.paid += after - before
        state.coef = after
        return (after != 0) | (before == 0)
