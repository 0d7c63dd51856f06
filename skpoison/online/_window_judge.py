"""A filter on a sliding window in the simulation of a learner, one row a call.

The filter is fitted to the rows of the window that are known to be clean, whenever
enough new ones have come, and judges each row by itself when it comes. The defence
itself lets rows wait, and judges them together: the attacker who is simulated here
knows what the filter compares rows with, and not the delay.
"""

from copy import copy

import numpy as np
from sklearn.base import clone

from skpoison.online._leverage import Leverage
from skpoison.online._passing_rows import best_passing_row, pulls_of

# Where between a row that is known and the exact one the attacker looks.
SHARES = np.array([0.0, 0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 1.0])[:, np.newaxis]
# How many known rows of a label they start from.
N_STARTS = 15


class WindowJudge:
    """Judges rows by a filter that is fitted to the trusted rows of a window.

    Parameters
    ----------
    row_filter : OutlierFilteredClassifier
        The filter.
    window : int
        How many rows are judged together.
    every : int
        After how many new rows the filter is fitted.
    """

    # Whether the weight of a row depends on its margin alone.
    of_margin = False

    def __init__(self, row_filter, window, every):
        self.row_filter, self.window, self.every = row_filter, window, every
        self.leverage = Leverage(None, 1)
        self.X = self.codes = self.trusted = None
        self.n_new, self._accepts = 0, None

    def add(self, X, codes, trusted):
        """Remember rows, and fit the filter if there are enough new ones."""
        if self.X is not None:
            X = np.concatenate([self.X, X])
            codes = np.concatenate([self.codes, codes])
            trusted = np.concatenate([self.trusted, trusted])
        newest = slice(-self.window, None)
        self.X, self.codes = X[newest], codes[newest]
        self.trusted = trusted[newest]
        self.n_new += 1
        if self.n_new >= self.every:
            self.fit()

    def fit(self):
        """Fit the filter to the trusted rows, or to all if a class has none."""
        self.n_new = 0
        rows = self.trusted
        if np.unique(self.codes[rows]).shape[0] < np.unique(self.codes).shape[0]:
            rows = np.ones_like(self.trusted)
        self.known = self.X[rows], self.codes[rows]
        if np.unique(self.known[1]).shape[0] < 2:
            return
        fitted = clone(self.row_filter)
        everything = np.ones(self.known[1].shape[0], dtype=bool)
        fitted.fit(*self.known, trusted=everything)
        score = fitted._new_row_scorer(*self.known)
        limits = np.broadcast_to(fitted.threshold_, fitted.classes_.shape)

        def accepts(X, codes):
            limit = limits[codes]
            return (score(X, codes) < limit) | np.isinf(limit)

        self._accepts = accepts

    def peek_rows(self, state, X, codes):
        """Return the weight that each of some rows would get as the next one."""
        if self._accepts is None:
            return np.ones(len(codes))
        return self._accepts(X, codes).astype(float)

    def peek_row(self, state, x, y):
        """Return the weight of the next row, without remembering it."""
        return float(self.peek_rows(state, x[np.newaxis], np.array([y]))[0])

    def weigh_row(self, state, x, y, *, trusted=False):
        """Return the weight of the next row, and remember it."""
        weight = 1.0 if trusted else self.peek_row(state, x, y)
        self.add(x[np.newaxis], np.array([y]), np.array([trusted]))
        return weight

    def best_row(self, state, v, y, box, find):
        """Return the row that gains most to first order, among some that may pass.

        These lie between the exact row and those known rows of the label that gain
        most themselves, or their mean.

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
            Takes a gradient in the weights and a defence that judges by the margin
            alone or is None, and returns the exact rows for them.

        Returns
        -------
        row : ndarray of shape (n_features,)
        """
        found = find(v, None)
        starts = self.X[self.codes == y] if self._accepts is not None else self.X[:0]
        if starts.shape[0]:
            pulls = pulls_of(state, starts, np.full(starts.shape[0], y))
            gains = pulls[:, 0] * state.responses(starts, v)[:, 0]
            best = starts[np.argsort(-gains)[:N_STARTS]]
            found = [
                each
                for start in [starts.mean(axis=0), *best]
                for each in start + SHARES * (found[0] - start)
            ]
        return best_passing_row(self, state, v, [v], y, box, found, n_angles=1)

    def copy(self):
        """Return an independent copy."""
        return copy(self)
