"""Search among sets of flips: the best one met, and the path to it."""

from dataclasses import dataclass

import numpy as np

from skpoison.attacks.labels._label_problem import Measured


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
        counts_errors,
        progress,
    ):
        self.goal, self.codes, self.allowed = goal, codes, allowed
        self.n_flips, self.may_be_fewer = n_flips, may_be_fewer
        self.counts_errors, self.progress = counts_errors, progress
        self.clean = FlipSet(codes, goal.measured(codes))
        self.best = self.clean if may_be_fewer else None
        self.path = [self.clean.measured]

    @property
    def stopped(self):
        """Whether a callback has asked to stop."""
        return self.progress.stopped

    def measure(self, codes):
        """Measure a set of flips, and keep it if it is the best one.

        Parameters
        ----------
        codes : ndarray of shape (n_samples,) of int
            The labels, as positions among the classes.

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
        if self.best is None or self.rank(found) > self.rank(self.best):
            self.best = found
        self.note()
        return found

    def note(self):
        """Report a step of the search."""
        best = self.best or self.clean
        self.path.append(best.measured)
        self.progress(best.measured.value)

    def rank(self, found):
        """Return what sets are sorted by.

        Parameters
        ----------
        found : FlipSet
            A set.

        Returns
        -------
        rank : tuple of float
        """
        measured = found.measured
        if self.counts_errors:
            return measured.error, measured.value
        return (measured.value,)
