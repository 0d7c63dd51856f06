r"""Which rows does the attacker do best to take out?

A set of rows is looked for, greedily: at the optimum of what is left it is predicted
what the goal would be without each further row, the best ones are taken out, and the
surrogate is trained again, warm. Then rows are exchanged: each one taken out is put
back for a better one, until no exchange helps. Of two rows that stand in for each other
neither is missed while the other is there, so that this finds no good way to both: then
exchange sets out again from rows drawn at random. Where there are so few sets that all
of them can be tried, they are.

How well is predicted, and what that costs, depends on the learner: a linear one says by
one Newton step where it would be without a row
(:mod:`skpoison.bilevel.differentiation.leave_one_out`), any other one is asked for the
influence of the weight of a row. Whatever is predicted, what counts is the goal after
training.
"""

import warnings
from dataclasses import dataclass, replace
from itertools import combinations
from math import comb

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skpoison.bilevel.differentiation.engines import ImplicitDifferentiation
from skpoison.bilevel.differentiation.leave_one_out import is_direct, leave_one_out
from skpoison.bilevel.goals import OnRows

# Numbers that the weights and scores of all candidates may take.
AT_ONCE = 2**17
# The fewest candidates that are looked at exactly, best by their influence.
SHORTLIST = 32
# By how much an optimum, or what is solved there, is missed where it is not found.
UNSOLVED = 1e-6
# What differs by less, relative to the most that any row does, is the same: rounding
# has no say in which of two clones is taken out.
SAME = 1e-8


@dataclass(frozen=True)
class Removed:
    """Rows taken out.

    Parameters
    ----------
    gone : ndarray of shape (n_rows,) of bool
        Which of the rows that the surrogate learns from.
    value : float
        The goal without them.
    """

    gone: np.ndarray
    value: float


class Remover:
    """Finds rows whose removal raises a goal.

    Parameters
    ----------
    problem : BilevelProblem
        What is learnt, from which rows, and what is wanted.
    removable : ndarray of shape (n_rows,) of bool
        Which of these rows may be taken out.
    progress : Progress
        Told of each training.

    Attributes
    ----------
    best : Removed
        The best set met.
    path : list of float
        The goal for all rows; then the best met, after each training.
    """

    def __init__(self, problem, removable, progress):
        self.problem, self.removable = problem, removable
        self.progress = progress
        # Rows that bear responses are all of one kind.
        self.kinds = np.zeros(removable.shape[0], dtype=int)
        if problem.classes is not None:
            self.kinds = problem.codes
        self.best, self.path = None, []
        self._train(np.zeros_like(removable))
        is_at_optimum = isinstance(problem.engine, ImplicitDifferentiation)
        self.is_direct = is_at_optimum and is_direct(problem.learner, self.rows)
        known = problem.diagnostics()
        missed = max(known.get(key, 0.0) for key in ("residual", "gradient_norm"))
        self.is_solved = missed <= UNSOLVED

    def search(self, n_rows, n_rounds, n_exchanges, random_state):
        """Look for the best rows to take out.

        Parameters
        ----------
        n_rows : int
            The most rows.
        n_rounds : int
            In how many rounds they are taken out.
        n_exchanges : int
            The most sets from which on other rows are tried, after these rounds.
        random_state : RandomState
            Draws the rows from which exchange sets out again.
        """
        n_removable = int(self.removable.sum())
        n_sets = sum(comb(n_removable, size) for size in range(n_rows))
        if self.is_direct and n_sets <= n_exchanges:
            self._exhaustively(n_rows)
            n_left = 0
        else:
            self._greedily(n_rows, n_rounds)
            n_left = self._exchange(n_exchanges)
        while not self.progress.stopped:
            # One draw is seen in any case: at random the attacker could do as well.
            self._train(self._draw(n_rows, random_state))
            n_left = self._exchange(n_left - 1)
            if n_left < n_rows:
                break

    def _exhaustively(self, n_rows):
        """Try every set of fewer rows, and the best one of the others to go with it."""
        removable = np.flatnonzero(self.removable)
        for size in range(n_rows):
            for rows in combinations(removable, size):
                gone = self._take(np.zeros_like(self.removable), rows, size)
                if gone.sum() < size or not self._train(gone):
                    continue
                candidates = self._candidates(gone)
                values = self._predict(candidates)
                if values.max(initial=-np.inf) > self.best.value:
                    gone[candidates[_first_best(values, self.value)]] = True
                    self._train(gone)
                if self.progress.stopped:
                    return

    def _greedily(self, n_rows, n_rounds):
        """Take out rows, the best ones in each round."""
        gone = np.zeros_like(self.removable)
        for n_left in range(n_rounds, 0, -1):
            n_next = -(-(n_rows - int(gone.sum())) // n_left)
            gone = self._without_best(gone, n_next)
            if gone is None or not self._train(gone) or self.progress.stopped:
                break

    def _exchange(self, n_exchanges):
        """Put rows back for better ones, from the last set on; say what is left."""
        current, order = self._state(), self._by_influence()
        while order and n_exchanges > 0 and not self.progress.stopped:
            n_exchanges -= 1
            row = order.pop()
            gone = current.gone.copy()
            gone[row] = False
            if not self._train(gone):
                continue
            candidates = self._candidates(gone)
            values = self._predict(candidates)
            best = _first_best(values, self.value)
            # Both predictions err alike, so that the row is compared with its own.
            if not values[best] > values[candidates == row].max(initial=-np.inf):
                continue
            gone[candidates[best]] = True
            self._train(gone)
            if self.value > current.value + SAME * abs(current.value):
                current, order = self._state(), self._by_influence()
        return n_exchanges

    def _draw(self, n_rows, random_state):
        """Draw rows to be taken out."""
        order = random_state.permutation(np.flatnonzero(self.removable))
        return self._take(np.zeros_like(self.removable), order, n_rows)

    def _train(self, gone):
        """Train without some rows; say whether there is an optimum."""
        problem = self.problem
        self.gone = gone.copy()
        self.rows = self._rows(1.0 * ~gone)
        try:
            with (
                warnings.catch_warnings(),
                np.errstate(over="ignore", invalid="ignore"),
            ):
                if self.best is not None and self.is_solved:
                    warnings.simplefilter("error", ConvergenceWarning)
                self.value, self.hypergradient = problem.engine(
                    self.rows, problem.goal, slice(None)
                )
        except (ValueError, ConvergenceWarning):
            # With all rows there is an optimum, or nothing to attack.
            if self.best is None:
                raise
            self.value = -np.inf
        if self.best is None or self.value > self.best.value:
            self.best = self._state()
        self.path.append(self.best.value)
        self.progress(self.best.value)
        return np.isfinite(self.value)

    def _state(self):
        return Removed(self.gone, self.value)

    def _rows(self, multiplicity):
        problem = self.problem
        return problem.surrogate.rows(
            problem.X, problem.codes, classes=problem.classes, multiplicity=multiplicity
        )

    def _candidates(self, gone):
        """Find rows that may go next: of each class one stays."""
        left = self._n_left(gone)
        return np.flatnonzero(self.removable & ~gone & (left[self.kinds] > 1))

    def _n_left(self, gone):
        """Count the rows that are left of each kind."""
        return np.bincount(self.kinds[~gone], minlength=self.kinds.max() + 1)

    def _take(self, gone, order, n_rows):
        """Take out the first rows in an order, but of each class its last one."""
        gone, left = gone.copy(), self._n_left(gone)
        for row in order:
            if n_rows == 0:
                break
            kind = self.kinds[row]
            if self.removable[row] and not gone[row] and left[kind] > 1:
                gone[row] = True
                left[kind] -= 1
                n_rows -= 1
        return gone

    def _without_best(self, gone, n_rows):
        """Take out the rows without which the goal is predicted to be highest."""
        candidates = self._candidates(gone)
        values = self._predict(candidates, n_rows)
        values, candidates = values[values > -np.inf], candidates[values > -np.inf]
        if not candidates.size:
            return None
        if n_rows == 1:
            order = [_first_best(values, self.value)]
        else:
            order = np.argsort(-_rounded(values, self.value), kind="stable")
        return self._take(gone, candidates[order], n_rows)

    def _by_influence(self):
        """Order the rows that are gone: last the one that the goal misses most."""
        rows = np.flatnonzero(self.gone)
        return rows[np.argsort(self.hypergradient.weights[rows])].tolist()

    def _predict(self, candidates, n_wanted=1):
        """Predict the goal without each of some rows; -inf for the less promising."""
        values = np.full(candidates.shape[0], -np.inf)
        if not candidates.size:
            return values
        engine, learner = self.problem.engine, self.problem.learner
        for members, weights in self._groups(candidates):
            chosen = candidates[members]
            influence = self.hypergradient.weights
            shift = influence @ (weights - self.rows.weights)
            first_order = self.value + shift - influence[chosen] * weights[chosen]
            if not self.is_direct:
                values[members] = first_order
                continue
            n_looked_at = max(self._n_at_once(), 2 * n_wanted)
            places = np.arange(chosen.shape[0])
            if n_looked_at < places.shape[0]:
                order = np.argsort(-_rounded(first_order, self.value), kind="stable")
                places = np.sort(order[:n_looked_at])
            point = learner.at(engine.optimum.W, replace(self.rows, weights=weights))
            W = leave_one_out(point, chosen[places])
            values[members[places]] = goals_of(self.problem.goal, learner, W)
        return values

    def _groups(self, candidates):
        """Yield candidates, and what the weights of the others are without one of them.

        Where losses are divided by the number of rows, or classes balanced, the weights
        of all rows depend on which are left; they do so by class.
        """
        multiplicity, as_they_are = 1.0 * ~self.gone, []
        for kind in np.unique(self.kinds[candidates]):
            alike = self.kinds == kind
            members = np.flatnonzero(alike[candidates])
            left = 1 - 1 / multiplicity[alike].sum()
            weights = self._rows(
                np.where(alike, left * multiplicity, multiplicity)
            ).weights
            weights = np.where(alike, weights / left, weights)
            if np.allclose(weights, self.rows.weights, rtol=1e-12, atol=0):
                as_they_are.append(members)
            else:
                yield members, weights
        if as_they_are:
            yield np.sort(np.concatenate(as_they_are)), self.rows.weights

    def _n_at_once(self):
        """Say how many candidates are looked at exactly."""
        goal, (p, n_outputs) = self.problem.goal, self.problem.engine.optimum.W.shape
        numbers = p * (1 if self.problem.learner.loss.separable else n_outputs)
        if isinstance(goal, OnRows):
            numbers += goal.X.shape[0]
        return max(SHORTLIST, AT_ONCE // (numbers * n_outputs))


def goals_of(goal, learner, W):
    """Compute a goal for many weights.

    Parameters
    ----------
    goal : OnRows or another goal
        The goal.
    learner : LinearLearner
        The learner.
    W : ndarray of shape (n_many, n_parameters, n_outputs)
        The weights; NaN where there are none.

    Returns
    -------
    values : ndarray of shape (n_many,)
        The goal; -inf where there are no weights.
    """
    values = np.full(W.shape[0], -np.inf)
    known = np.flatnonzero(np.isfinite(W).all(axis=(1, 2)))
    if isinstance(goal, OnRows):
        beside = np.moveaxis(W[known], 0, 1).reshape(W.shape[1], -1)
        scores = learner.scores(goal.X, beside)
        scores = scores.reshape(scores.shape[0], known.shape[0], W.shape[2])
        found = [goal.measure.value(scores[:, i]) for i in range(known.shape[0])]
    else:
        found = [goal.at(learner, W[i])[0] for i in known]
    values[known] = found
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
    """Find the first of the largest values."""
    rounded = _rounded(values, reference)
    return int(np.argmax(rounded))
