r"""Judgement of rows by the probability that the current model gives to their labels.

A row whose label has the probability p, and a threshold :math:`\beta`: hard rejection
learns it with the weight :math:`1[p \ge \beta]`, soft rejection with
:math:`\min(1, p / \beta)`. What rows have lost of their weights, as a mean over the
last `window` rows, never exceeds `max_rejected`: a row that would exceed it is learnt
in full. Without this cap a model that is wrong, after a drift or an attack, rejects
what would correct it, for ever.
"""

from collections import deque

import numpy as np


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

    Attributes
    ----------
    n_seen : int
        Number of rows judged.
    """

    # Whether the weight of a row depends on its margin alone.
    of_margin = True

    def __init__(
        self, threshold, *, is_hard=False, burn_in=0, max_rejected=1.0, window=1000
    ):
        self.n_seen, self._lost, self._total = 0, deque(), 0.0
        self.adjust(
            threshold,
            is_hard=is_hard,
            burn_in=burn_in,
            max_rejected=max_rejected,
            window=window,
        )

    def adjust(self, threshold, *, is_hard, burn_in, max_rejected, window):
        """Judge the next rows with other parameters."""
        self.threshold, self.is_hard = threshold, is_hard
        self.burn_in, self.max_rejected, self.window = burn_in, max_rejected, window
        while len(self._lost) > window:
            self._total -= self._lost.popleft()

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

    def peek_row(self, state, x, y):
        """Return the weight of the next row of a learner, without remembering it."""
        return self.peek(state.probability(x, y))

    def weigh_row(self, state, x, y, *, trusted=False):
        """Return the weight of the next row of a learner, and remember it."""
        return self.weigh(1.0 if trusted else state.probability(x, y))

    def copy(self):
        """Return an independent copy."""
        twin = Judge(
            self.threshold,
            is_hard=self.is_hard,
            burn_in=self.burn_in,
            max_rejected=self.max_rejected,
            window=self.window,
        )
        twin.n_seen, twin._lost, twin._total = (
            self.n_seen,
            self._lost.copy(),
            self._total,
        )
        return twin
