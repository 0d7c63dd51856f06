"""Search among sets of flips: which of two sets is better, and which is the best one.

Where the attacker measures the goal on the rows that they poison, a search finds sets
that happen to suit these few rows. So a set replaces another one only if its smoothed
error is higher by several standard errors of their difference, over the rows measured:
by twice as many for a set that was chosen by the goal on these very rows. On validation
rows that are given, and for other goals, the higher goal wins.
"""

from dataclasses import dataclass

import numpy as np

from skpoison.attacks.labels._label_problem import Measured

# How many times as many standard errors a set needs that was chosen by the goal.
CHOSEN = 2.0


@dataclass(frozen=True)
class FlipSet:
    """A set of flips, and what it reaches.

    Parameters
    ----------
    codes : ndarray of shape (n_samples,) of int
        The labels, as positions among the classes.
    measured : Measured
        What it reaches.
    """

    codes: np.ndarray
    measured: Measured


class SetSearch:
    """The best of the sets of flips met.

    Parameters
    ----------
    goal : FlipGoal
        The goal.
    codes : ndarray of shape (n_samples,) of int
        The clean labels, as positions among the classes.
    allowed : ndarray of shape (n_samples, n_classes) of bool
        Which labels each row may be given.
    n_flips : int
        The number of flips.
    may_be_fewer : bool
        Whether fewer flips will do: whether the goal can be overshot.
    n_errors : float
        By how many standard errors a set must be better than another one.
    counts_errors : bool
        Whether errors counted come before the goal.
    progress : Progress
        Told of each set measured.

    Attributes
    ----------
    clean : FlipSet
        No flips.
    best : FlipSet or None
        The best set met; None before the first one.
    path : list of Measured
        What is reached without flips; then by the best set met, after each set.
    """

    def __init__(
        self,
        goal,
        codes,
        allowed,
        n_flips,
        *,
        may_be_fewer,
        n_errors,
        counts_errors,
        progress,
    ):
        self.goal, self.codes, self.allowed = goal, codes, allowed
        self.n_flips, self.may_be_fewer = n_flips, may_be_fewer
        self.n_errors, self.counts_errors = n_errors, counts_errors
        self.progress = progress
        self.clean = FlipSet(codes, goal.measured(codes))
        self.best = self.clean if may_be_fewer else None
        self.path = [self.clean.measured]

    @property
    def stopped(self):
        """Whether a callback has asked to stop."""
        return self.progress.stopped

    def measure(self, codes, *, is_chosen=False):
        """Measure a set of flips, and keep it if it is the best one.

        Parameters
        ----------
        codes : ndarray of shape (n_samples,) of int
            The labels, as positions among the classes.
        is_chosen : bool, default=False
            Whether all of its flips were chosen by the goal.

        Returns
        -------
        found : FlipSet or None
            None if a surrogate would lose the last row of a class, or there are too
            many flips.
        """
        n_flips = int((codes != self.codes).sum())
        is_fitting = n_flips <= self.n_flips
        is_fitting &= self.may_be_fewer or n_flips == self.n_flips
        measured = self.goal.measured(codes) if is_fitting else None
        if measured is None:
            return None
        found = FlipSet(codes, measured)
        factor = CHOSEN if is_chosen else 1.0
        if self.best is None or self.is_better(found, self.best, factor):
            self.best = found
        self.note()
        return found

    def note(self):
        """Report a step of the search."""
        best = self.best or self.clean
        self.path.append(best.measured)
        self.progress(best.measured.value)

    def is_better(self, found, other, factor=1.0):
        """Return whether a set of flips is better than another one.

        Parameters
        ----------
        found, other : FlipSet
            The sets.
        factor : float, default=1.0
            How many times as many standard errors it takes.

        Returns
        -------
        is_better : bool
        """
        new, old = found.measured, other.measured
        if self.n_errors and new.rows is not None:
            gains = new.rows - old.rows
            error = gains.std() / np.sqrt(gains.shape[0])
            return bool(gains.mean() > max(0.0, factor * self.n_errors * error))
        return self.rank(new) > self.rank(old)

    def rank(self, measured):
        """Return what sets are sorted by.

        Parameters
        ----------
        measured : Measured
            What a set reaches.

        Returns
        -------
        rank : tuple of float
        """
        if self.counts_errors:
            return measured.error, measured.value
        return (measured.value,)
