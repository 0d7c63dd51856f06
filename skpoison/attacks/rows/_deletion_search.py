"""Greedy search for rows to delete, followed by swaps.

Rows are deleted greedily: at the optimum for what is left, the goal without each
further row is predicted, the best rows are deleted and the surrogate is trained again,
warm-started. Then rows are swapped: each deleted row is put back for a better one,
until no swap helps. Of two rows that can replace each other neither has an influence
while the other is there, so that swaps find no good way to delete both: the search then
restarts from rows drawn at random. If there are few enough sets, all of them are tried.

Whatever is predicted, the goal after training decides.
"""

from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np

# Values that differ by less, relative to the largest effect of a row, count as equal:
# rounding must not decide which of two clones is deleted.
SAME = 1e-8


@dataclass(frozen=True)
class Deletion:
    """A set of deleted rows.

    Parameters
    ----------
    deleted : ndarray of shape (n_rows,) of bool
        The rows.
    value : float
        The goal without them.
    """

    deleted: np.ndarray
    value: float


class DeletionSearch:
    """Search for rows whose deletion raises a goal.

    Parameters
    ----------
    folds : FoldMean
        A DeletionProblem for each fold.
    kinds : ndarray of shape (n_rows,) of int
        The class of each row; all the same for responses.
    deletable : ndarray of shape (n_rows,) of bool
        Which rows may be deleted.
    progress : Progress
        Told of each training.

    Attributes
    ----------
    best : Deletion
        The best set met.
    path : list of float
        The goal with all rows; then the best one met, after each training.
    """

    def __init__(self, folds, kinds, deletable, progress):
        self.folds, self.kinds, self.deletable = folds, kinds, deletable
        self.n_kinds, self.progress = kinds.max() + 1, progress
        self.deleted = np.zeros_like(deletable)
        self.value = float(folds.mean(lambda problem, _: problem.value()))
        self.best, self.path = self._state(), []
        self._record()
        self.is_direct = all(problem.is_direct for problem in folds.parts)

    def search(self, n_rows, n_rounds, n_exchanges, random_state):
        """Search for the best rows to delete.

        Parameters
        ----------
        n_rows : int
            The largest number of rows.
        n_rounds : int
            Number of greedy rounds.
        n_exchanges : int
            The largest number of swaps tried after the greedy rounds.
        random_state : RandomState
            Draws the rows from which swaps restart.
        """
        n_deletable = int(self.deletable.sum())
        n_sets = sum(comb(n_deletable, size) for size in range(n_rows))
        if self.is_direct and n_sets <= n_exchanges:
            self._exhaustively(n_rows)
            n_left = 0
        else:
            self._greedily(n_rows, n_rounds)
            n_left = self._exchange(n_exchanges)
        while not self.progress.stopped:
            # One random set is tried in any case: the attack is never weaker than that.
            self._train(self._draw(n_rows, random_state))
            n_left = self._exchange(n_left - 1)
            if n_left < n_rows:
                break

    def _exhaustively(self, n_rows):
        """Try every smaller set, with the best further row of each."""
        deletable = np.flatnonzero(self.deletable)
        for size in range(n_rows):
            for rows in combinations(deletable, size):
                deleted = self._delete(np.zeros_like(self.deletable), rows, size)
                if deleted.sum() < size or not self._train(deleted):
                    continue
                candidates = self._candidates(deleted)
                values = self._predict(candidates)
                if values.max(initial=-np.inf) > self.best.value:
                    deleted[candidates[_first_best(values, self.value)]] = True
                    self._train(deleted)
                if self.progress.stopped:
                    return

    def _greedily(self, n_rows, n_rounds):
        """Delete rows, the best ones in each round."""
        deleted = np.zeros_like(self.deletable)
        for n_left in range(n_rounds, 0, -1):
            n_next = -(-(n_rows - int(deleted.sum())) // n_left)
            deleted = self._without_best(deleted, n_next)
            if deleted is None or not self._train(deleted) or self.progress.stopped:
                break

    def _exchange(self, n_exchanges):
        """Swap deleted rows for better ones; return how many swaps are left."""
        current, order = self._state(), self._by_influence()
        while order and n_exchanges > 0 and not self.progress.stopped:
            n_exchanges -= 1
            row = order.pop()
            deleted = current.deleted.copy()
            deleted[row] = False
            if not self._train(deleted):
                continue
            candidates = self._candidates(deleted)
            values = self._predict(candidates)
            best = _first_best(values, self.value)
            # Both predictions err alike, so the row is compared with its own.
            if not values[best] > values[candidates == row].max(initial=-np.inf):
                continue
            deleted[candidates[best]] = True
            self._train(deleted)
            if self.value > current.value + SAME * abs(current.value):
                current, order = self._state(), self._by_influence()
        return n_exchanges

    def _draw(self, n_rows, random_state):
        """Draw rows to delete."""
        order = random_state.permutation(np.flatnonzero(self.deletable))
        return self._delete(np.zeros_like(self.deletable), order, n_rows)

    def _train(self, deleted):
        """Train without some rows; return whether there is an optimum."""
        self.deleted = deleted.copy()
        for problem, train in zip(self.folds.parts, self.folds.trains, strict=True):
            if not np.array_equal(problem.deleted, deleted[train]):
                problem.train(deleted[train])
        self.value = float(self.folds.mean(lambda problem, _: problem.value()))
        if self.value > self.best.value:
            self.best = self._state()
        self._record()
        return np.isfinite(self.value)

    def _record(self):
        self.path.append(self.best.value)
        self.progress(self.best.value)

    def _state(self):
        return Deletion(self.deleted, self.value)

    def _candidates(self, deleted):
        """Return the rows that may go next: one of each class stays in each fold."""
        left = self.folds.smallest_class_counts(self.kinds, ~deleted)
        return np.flatnonzero(self.deletable & ~deleted & (left > 1))

    def _delete(self, deleted, order, n_rows):
        """Delete the first rows in an order, but not the last one of a class."""
        deleted = deleted.copy()
        learnt = self.folds.places >= 0
        # How many rows of each class are left to the surrogate of each fold.
        left = np.stack(
            [
                np.bincount(self.kinds[is_learnt & ~deleted], minlength=self.n_kinds)
                for is_learnt in learnt
            ]
        )
        for row in order:
            if n_rows == 0:
                break
            if not self.deletable[row] or deleted[row]:
                continue
            learners, kind = learnt[:, row], self.kinds[row]
            if left[learners, kind].min(initial=2) > 1:
                deleted[row] = True
                left[learners, kind] -= 1
                n_rows -= 1
        return deleted

    def _without_best(self, deleted, n_rows):
        """Delete the rows without which the goal is predicted to be highest."""
        candidates = self._candidates(deleted)
        values = self._predict(candidates, n_rows)
        values, candidates = values[values > -np.inf], candidates[values > -np.inf]
        if not candidates.size:
            return None
        if n_rows == 1:
            order = [_first_best(values, self.value)]
        else:
            order = np.argsort(-_rounded(values, self.value), kind="stable")
        return self._delete(deleted, candidates[order], n_rows)

    def _by_influence(self):
        """Return the deleted rows, the one that the goal misses most last."""
        rows = np.flatnonzero(self.deleted)
        influence = self.folds.scatter_mean(lambda problem, _: problem.influence)
        return rows[np.argsort(influence[rows])].tolist()

    def _predict(self, candidates, n_wanted=1):
        """Predict the goal without each candidate; -inf for the less promising."""
        if not candidates.size:
            return np.empty(0)
        first_order = self.folds.mean_of_changes(
            candidates, lambda problem, places, _: problem.first_order(places)
        )
        if not self.is_direct:
            return first_order
        n_looked_at = min(problem.n_at_once() for problem in self.folds.parts)
        n_looked_at = max(n_looked_at, 2 * n_wanted)
        places = np.arange(candidates.shape[0])
        if n_looked_at < places.shape[0]:
            order = np.argsort(-_rounded(first_order, self.value), kind="stable")
            places = np.sort(order[:n_looked_at])
        values = np.full(candidates.shape[0], -np.inf)
        values[places] = self.folds.mean_of_changes(
            candidates[places], lambda problem, rows, _: problem.newton_step(rows)
        )
        return values


def _rounded(values, reference):
    """Round values, so that those of clones are the same."""
    effects = values - reference
    known = np.isfinite(effects)
    largest = np.abs(effects[known]).max(initial=0.0)
    if not largest:
        return effects
    step = SAME * largest
    return np.where(known, np.round(effects / step), effects)


def _first_best(values, reference):
    """Return the position of the first of the largest values."""
    return int(np.argmax(_rounded(values, reference)))
