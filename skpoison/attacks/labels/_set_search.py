"""Search among sets of flips: the best one met, and the path to it.

Where the attacker measures the goal on the rows that they flip, flips that are chosen
by the goal suit these rows better than any others. So they replace flips that are not
only if their smoothed error is higher by more than the standard error of the
difference, over the rows, and by each of the two estimates of the goal. Otherwise the
higher goal wins.

The goal has to be measured often, so that it costs little. The best sets may be
compared once more by estimates that cost more.
"""

from dataclasses import dataclass

import numpy as np

from skpoison.attacks.labels._label_problem import Measured

# How many sets are compared once more: of those that are not chosen by the goal, and of
# those that are.
N_FINALISTS = {False: 20, True: 3}


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
        By how many standard errors flips that are chosen by the goal must be better
        than others.
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
        self.progress, self._is_chosen = progress, False
        self.clean = FlipSet(codes, goal.measured(codes))
        self.best = self.clean if may_be_fewer else None
        self.path = [self.clean.measured]
        self._finalists = {is_chosen: [] for is_chosen in N_FINALISTS}

    @property
    def stopped(self):
        """Whether a callback has asked to stop."""
        return self.progress.stopped

    def measure(self, codes, *, is_chosen=True):
        """Measure a set of flips, and keep it if it is the best one.

        Parameters
        ----------
        codes : ndarray of shape (n_samples,) of int
            The labels, as positions among the classes.
        is_chosen : bool, default=True
            Whether its flips are chosen by the goal.

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
        if self._is_better(found, is_chosen):
            self.best, self._is_chosen = found, is_chosen
        finalists = self._finalists[is_chosen]
        if not any((codes == each.codes).all() for each in finalists):
            finalists.append(found)
            finalists.sort(key=self.rank, reverse=True)
            del finalists[N_FINALISTS[is_chosen] :]
        self.note()
        return found

    def decide(self, estimates):
        """Compare the best sets once more, and keep the best one.

        That is the one with the largest mean of the estimates; but flips that are
        chosen by the goal replace others only if each of the estimates is higher.

        Parameters
        ----------
        estimates : RowEstimates
            By what.
        """
        best = {}
        for is_chosen, finalists in self._finalists.items():
            found = [(each, estimates.errors(each.codes)) for each in finalists]
            best[is_chosen] = max(
                found, key=lambda each: each[1].mean(), default=(None, -np.inf)
            )
        (simple, low), (chosen, high) = best[False], best[True]
        if simple is not None or chosen is not None:
            self.best = chosen if np.all(high > low) else simple
            self.note()

    def _is_better(self, found, is_chosen):
        """Return whether a set takes the place of the best one."""
        if self.best is None:
            return True
        if self.rank(found) <= self.rank(self.best):
            return False
        has_rows = found.measured.rows is not None
        if not (self.n_errors and has_rows and is_chosen) or self._is_chosen:
            return True
        gains = found.measured.rows - self.best.measured.rows
        errors = gains.std(axis=-1) / np.sqrt(gains.shape[-1])
        return bool((gains.mean(axis=-1) > self.n_errors * errors).all())

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
