r"""A combination of learners by gradient descent, as it stands.

The members score a row by :math:`z_k = w_k^\top \tilde x`, and the combination gives
the label 1 the probability :math:`p = \sum_k \lambda_k \sigma(z_k)`. Its score is the
margin of that probability, :math:`z = \log p - \log(1 - p)`, so that goals on scores
mean the same as for a single learner, and

.. math::

    \frac{\partial z}{\partial z_k} =
    \frac{\lambda_k \, \sigma(z_k) (1 - \sigma(z_k))}{p (1 - p)} .

The weights :math:`\lambda` follow the trusted rows; in derivatives they are constants.
"""

from copy import copy
from dataclasses import dataclass

import numpy as np

from skpoison.bilevel.learners.linear import LinearLearner
from skpoison.online._losses import LogLoss
from skpoison.online._mixing import fading_step, logit_step, softmax
from skpoison.online._row_memory import SMALLEST


@dataclass(frozen=True)
class MixtureLearner(LinearLearner):
    """A weighted mean of the probabilities of linear learners with the log loss.

    Parameters
    ----------
    sizes : tuple of int
        The number of parameters of each member.
    weights : ndarray of shape (n_members,)
        The weights of the members.
    """

    sizes: tuple = ()
    weights: np.ndarray | None = None

    @property
    def supports(self):
        """What the learner can do: its parameters are those of several models."""
        return frozenset({"scores"})

    def _members(self, X, W):
        """Return the rows as each member sees them, and its probabilities."""
        first = 0
        for size in self.sizes:
            w = W[first : first + size, 0]
            z = X @ w[: X.shape[1]] + (w[-1] if size > X.shape[1] else 0.0)
            yield LogLoss().probability(z)
            first += size

    def _mixed(self, members):
        return np.clip(self.weights @ members, SMALLEST, 1 - SMALLEST)

    def scores(self, X, W):
        """Compute the scores of rows: the margins of the mean probabilities."""
        p = self._mixed(np.array([*self._members(X, W)]))
        return LogLoss().margin(p)[:, np.newaxis]

    def score_vjp(self, X, W, R):
        """Multiply the transposed derivatives of the scores by values."""
        members = np.array([*self._members(X, W)])
        p = self._mixed(members)
        parts = []
        for size, weight, each in zip(self.sizes, self.weights, members, strict=True):
            values = R[:, 0] * weight * each * (1 - each) / (p * (1 - p))
            parts.append(X.T @ values)
            if size > X.shape[1]:
                parts.append([values.sum()])
        return np.concatenate(parts)[:, np.newaxis]


class CombinedState:
    """An adaptive combination of two-class learners, one row a call.

    Parameters
    ----------
    members : list of SGDState
        The learners, with the log loss and one score each.
    rule : tuple
        The rule of the weights, "prequential" or "remembered", the rate of the logits,
        and their fading.
    size : int
        How many trusted rows are remembered.
    logits : ndarray of shape (n_members,), default=None
        The logits of the weights.
    X : ndarray of shape (n_trusted, n_features), default=None
        The trusted rows remembered so far.
    codes : ndarray of shape (n_trusted,) of int, default=None
        Their labels, as positions among the classes.
    is_first : bool, default=True
        Whether nothing has been learnt yet.
    """

    # Whether a step depends on the gradients before.
    has_memory = False
    n_outputs = 1

    def __init__(
        self,
        members,
        rule,
        size,
        *,
        logits=None,
        X=None,
        codes=None,
        is_first=True,
    ):
        self.members, self.rule, self.size = members, rule, size
        self.logits = np.zeros(len(members)) if logits is None else logits
        self.X, self.codes, self.is_first = X, codes, is_first

    @property
    def learner(self):
        """Computes scores of many rows, for goals."""
        sizes = tuple(each.weights.shape[0] for each in self.members)
        return MixtureLearner(LogLoss(), 0.0, sizes=sizes, weights=softmax(self.logits))

    @property
    def weights(self):
        """The weights of all members in one column."""
        return np.concatenate([each.weights for each in self.members])

    def encode(self, y):
        """Return the targets of labels, as positions among the classes."""
        return self.members[0].encode(y)

    def copy(self):
        """Return an independent copy of the state."""
        twin = copy(self)
        twin.members = [each.copy() for each in self.members]
        return twin

    def learn_rows(self, X, y, trusted=None):
        """Learn from rows, each in a call of `partial_fit` of its own."""
        known = np.zeros(len(y), dtype=bool) if trusted is None else trusted
        for x, label, is_known in zip(X, y, known, strict=True):
            self.learn(x, label, trusted=is_known)

    def learn(self, x, y, *, trusted=False):
        """Learn from one row, as one call of `partial_fit`, and return the steps.

        Returns
        -------
        steps : list of Step
            That of each member.
        """
        if trusted:
            rows, codes = x[np.newaxis], np.array([y])
            if self.X is not None:
                rows = np.concatenate([self.X, rows])
                codes = np.concatenate([self.codes, codes])
            self.X, self.codes = rows[-self.size :], codes[-self.size :]
        if self.X is not None and not self.is_first:
            self._follow(trusted)
        self.is_first = False
        return [each.learn(x, y, trusted=trusted) for each in self.members]

    def _follow(self, trusted):
        """Let the weights follow the trusted row that has come, or all of them."""
        rule, rate, fading = self.rule
        if rule == "prequential" and not trusted:
            return
        rows = slice(-1 if rule == "prequential" else None, None)
        X, signs = self.X[rows], 2 * self.codes[rows] - 1
        margins = [X @ each.coef[0] + each.intercept[0] for each in self.members]
        found = np.maximum(LogLoss().probability(signs * np.array(margins)), SMALLEST)
        if rule == "prequential":
            self.logits = fading_step(self.logits, found, rate, fading)
        else:
            self.logits = logit_step(self.logits, found, rate)

    def split(self, v):
        """Return the part of a gradient in the weights that belongs to each member."""
        sizes = [each.weights.shape[0] for each in self.members]
        return np.split(v, np.cumsum(sizes)[:-1])

    def pull_back(self, steps, v):
        """Return a gradient before a step, given the one after it.

        Parameters
        ----------
        steps : list of Step
            The step of each member.
        v : ndarray of shape (n_parameters, 1)
            The gradient of something in the weights after the step.

        Returns
        -------
        before : ndarray of shape (n_parameters, 1)
            Its gradient in the weights before the step.
        by_row : ndarray of shape (n_features,)
            Its gradient in the row.
        """
        found = [
            each.pull_back(step, part)
            for each, step, part in zip(self.members, steps, self.split(v), strict=True)
        ]
        before, by_row = zip(*found, strict=True)
        return np.concatenate(before), sum(by_row)
