r"""Judgement of rows by the probability that the current model gives to their labels.

A row whose label has the probability p, and a threshold :math:`\beta`: hard rejection
learns it with the weight :math:`1[p \ge \beta]`, soft rejection with
:math:`\min(1, p / \beta)`. What rows have lost of their weights, as a mean over the
last `window` rows, never exceeds `max_rejected`: a row that would exceed it is learnt
in full. Without this cap a model that is wrong, after a drift or an attack, rejects
what would correct it, for ever. Rows that lie far out lose weight as well
(:mod:`skpoison.online._leverage`), which the cap does not count.
"""

from collections import deque

import numpy as np

from skpoison.online._leverage import Leverage, squared_norms
from skpoison.online._passing_rows import best_passing_row


class Judge:
    """Weighs rows one after the other.

    Parameters
    ----------
    threshold : float
        The probability below which a row loses weight.
    is_hard : bool, default=False
        Whether it loses all of it.
    burn_in : int, default=0
        Number of rows that are learnt in full at first.
    max_rejected : float, default=1.0
        The largest mean loss of weight over the last `window` rows.
    window : int, default=1000
        The number of rows.
    max_leverage : float, default=None
        The squared norm above which a row loses weight, as a multiple of the median of
        the last `window` rows. None: no row does.

    Attributes
    ----------
    n_seen : int
        Number of rows judged.
    """

    def __init__(
        self,
        threshold,
        *,
        is_hard=False,
        burn_in=0,
        max_rejected=1.0,
        window=1000,
        max_leverage=None,
    ):
        self.n_seen, self._lost, self._total = 0, deque(), 0.0
        self.leverage = Leverage(max_leverage, window)
        self.adjust(
            threshold,
            is_hard=is_hard,
            burn_in=burn_in,
            max_rejected=max_rejected,
            window=window,
            max_leverage=max_leverage,
        )

    def adjust(
        self, threshold, *, is_hard, burn_in, max_rejected, window, max_leverage
    ):
        """Judge the next rows with other parameters."""
        self.leverage.adjust(max_leverage, window)
        self.threshold, self.is_hard = threshold, is_hard
        self.burn_in, self.max_rejected, self.window = burn_in, max_rejected, window
        while len(self._lost) > window:
            self._total -= self._lost.popleft()

    @property
    def of_margin(self):
        """Whether the weight of a row depends on its margin alone."""
        return self.leverage.largest is None

    def factors(self, probability):
        """Compute the weights of rows by their probabilities alone.

        Parameters
        ----------
        probability : ndarray
            The probabilities of their labels.

        Returns
        -------
        factors : ndarray of the same shape
        """
        if self.is_hard:
            return np.where(probability >= self.threshold, 1.0, 0.0)
        return np.minimum(1.0, probability / self.threshold)

    @property
    def is_open(self):
        """Whether the next row is learnt in full, whatever it is."""
        return self.n_seen < self.burn_in

    def peek(self, probability):
        """Return the weight of the next row, without remembering it.

        Parameters
        ----------
        probability : float
            The probability of its label.

        Returns
        -------
        weight : float
        """
        if self.is_open or probability >= self.threshold:
            return 1.0
        lost = 1.0 if self.is_hard else 1.0 - probability / self.threshold
        is_full = len(self._lost) == self.window
        total = self._total - (self._lost[0] if is_full else 0.0)
        return 1.0 if total + lost > self.max_rejected * self.window else 1.0 - lost

    def weigh(self, probability):
        """Return the weight of the next row, and remember it.

        Parameters
        ----------
        probability : float
            The probability of its label.

        Returns
        -------
        weight : float
        """
        weight = self.peek(probability)
        self.n_seen += 1
        if len(self._lost) == self.window:
            self._total -= self._lost.popleft()
        self._lost.append(1.0 - weight)
        self._total += 1.0 - weight
        return weight

    def weigh_known(self, probability, norm, *, trusted=False):
        """Return the weight of the next row, and whether it is not suspicious.

        Parameters
        ----------
        probability : float
            The probability of its label.
        norm : float
            Its squared norm.
        trusted : bool, default=False
            Whether it is known to be clean, and learnt in full.

        Returns
        -------
        weight : float
        is_inlier : bool
            Whether it loses nothing by its probability.
        """
        in_full = trusted or self.is_open
        factor = self.leverage.weigh(norm, in_full=in_full)
        weight = self.weigh(1.0 if trusted else probability)
        return factor * weight, weight == 1

    def peek_rows(self, state, X, codes):
        """Return the weights that rows would get as the next one of a learner.

        Parameters
        ----------
        state : SGDState
            The learner, with one score.
        X : ndarray of shape (n_rows, n_features)
            The rows.
        codes : ndarray of shape (n_rows,) of int
            Their labels, as positions among the classes.

        Returns
        -------
        weights : ndarray of shape (n_rows,)
        """
        if self.is_open:
            return np.ones(len(codes))
        p = state.loss.probability(X @ state.coef[0] + state.intercept[0])
        lost = 1.0 - self.factors(np.where(codes == 1, p, 1 - p))
        is_full = len(self._lost) == self.window
        total = self._total - (self._lost[0] if is_full else 0.0)
        lost[total + lost > self.max_rejected * self.window] = 0.0
        return (1.0 - lost) * self.leverage.peek(squared_norms(X))

    def peek_row(self, state, x, y):
        """Return the weight of the next row of a learner, without remembering it."""
        factor = 1.0 if self.is_open else self.leverage.peek(1.0 + x @ x)
        return float(factor * self.peek(state.probability(x, y)))

    def weigh_row(self, state, x, y, *, trusted=False):
        """Return the weight of the next row of a learner, and remember it."""
        probability = 1.0 if trusted else state.probability(x, y)
        return self.weigh_known(probability, float(1.0 + x @ x), trusted=trusted)[0]

    def best_row(self, state, v, y, box, find):
        """Return the row that gains most to first order, among many that may pass.

        Parameters
        ----------
        state : SGDState
            The learner, with one score.
        v : ndarray of shape (n_parameters, 1)
            The gradient of the goal in the weights after the step.
        y : int
            The label of the row, as a position among the classes.
        box : Box
            The box, fitted.
        find : callable
            Takes a gradient in the weights and a list of defences that judge by the
            margin alone or are None, and returns the exact row for them.

        Returns
        -------
        row : ndarray of shape (n_features,)
        """
        judges = [None] if self.is_open else [None, self]
        found = [row for judge in judges for row in find(v, judge)]
        return best_passing_row(self, state, v, [v], y, box, found, n_angles=11)

    def copy(self):
        """Return an independent copy."""
        twin = Judge(
            self.threshold,
            is_hard=self.is_hard,
            burn_in=self.burn_in,
            max_rejected=self.max_rejected,
            window=self.window,
        )
        twin.leverage = self.leverage.copy()
        twin.n_seen, twin._lost, twin._total = (
            self.n_seen,
            self._lost.copy(),
            self._total,
        )
        return twin
