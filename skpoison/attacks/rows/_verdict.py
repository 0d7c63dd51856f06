r"""Comparison of poisoned training sets by errors that no ascent has been measured on.

An ascent raises the smoothed error on the rows that it is measured on, and the more
flexible the surrogate is, the less of that is seen on other rows. The smoothed error
also counts rows that are near the decision boundary as half an error, and poison that
makes a surrogate unsure gains by it. So sets are compared by the error itself, smoothed
a little to break ties. Its value is the mean of two estimates.

The first one is on rows held out of the ascents, by surrogates that have not learnt
from them; where they would be few, on all rows, by surrogates that have not learnt from
the rows in question. But these surrogates learn from a part of the rows, each from
another part, and not what the victim will learn: how poison acts depends on the rows
beside it. So the second one is on the training rows, by the surrogate that has learnt
all of them. It is too low, by about as much for one set as for another, and has no
noise but that of the rows. A learner by stochastic gradient descent that has a seed is
fitted to the very training set that the victim will be given.

A linear surrogate with many rows for each feature suits no single rows. So no rows are
held out, and the second estimate is enough. One with at least as many features as rows
reproduces any labels, and the second estimate says nothing. There starts are compared
on all rows, S of them the validation rows of the ascents, H held out, and what they
have led to by the same plus the gain on the rows held out,

.. math::

    e_{S \cup H}(\text{start}) + e_H(\text{end}) - e_H(\text{start}) .

The second term is free of what the ascent owes to its own rows, and the first one,
which has more rows, keeps most of the noise of the second out of the comparison (it is
a control variate).

The best of many by a count of a hundred rows owes a part of its lead to chance. So the
best eight are assessed once more, by surrogates that have not learnt from other folds
of all rows, and what is returned is the best of them by .2 of each estimate of the
first kind and .6 of the second one, which has less noise. That is done where both kinds
count, for classes, and on small data.

All rows count, those that poison is made of, too. A clone with another label is an
error at its own place that test rows do not see. But without these rows a set of one
pair of classes would be compared on fewer rows of the very class that it harms. (Of 32
starts against an RBF kernel, 45 poison rows beside 300, the one with most errors on the
rows learnt cost .071 on test rows, and .020 if such rows did not count; 14 runs.)
"""

from copy import deepcopy
from dataclasses import dataclass, replace

import numpy as np

from skpoison.attacks._refits import make_refits
from skpoison.attacks.rows._hold_out import all_folds, all_rows, together
from skpoison.bilevel.goals import OnRows, SmoothedError

# Sharpness of the smoothed error by which sets are compared.
SHARP = 16.0
# How exactly surrogates are trained whose errors are counted.
TOL = 1e-3


@dataclass(frozen=True)
class Assessment:
    """How much harm a start does.

    Parameters
    ----------
    left_out : float or None
        The mean error on rows that surrogates have not learnt from; None if it does not
        count.
    on_held_out : float or None
        The same on the rows held out; None if there are none.
    in_sample : float or None
        The mean error on the rows learnt from; None if it does not count.
    """

    left_out: float | None
    on_held_out: float | None
    in_sample: float | None

    @property
    def value(self):
        """What sets are compared by: the mean of the two that count."""
        known = [each for each in (self.left_out, self.in_sample) if each is not None]
        return sum(known) / len(known)


class EngineErrors:
    """Errors on clean rows by the engine of the surrogate.

    Parameters
    ----------
    problems : list of BilevelProblem
        The surrogate and the validation rows of each fold.
    """

    def __init__(self, problems):
        self.problems = problems

    def of_rows(self, X, y, replaced=()):
        """Return the error of each row with poison rows.

        Parameters
        ----------
        X : ndarray of shape (n_poison, n_features)
            The poison rows.
        y : ndarray of shape (n_poison,)
            Their labels, as positions among the classes, or their responses.
        replaced : ndarray of shape (n_replaced,) of int, default=()
            The training rows that they take the place of, which the problems do not
            have.

        Returns
        -------
        values : ndarray of shape (n_val,)
            The goal at each validation row, one fold after the other; -inf if the
            surrogate diverges.
        """
        values = []
        for problem in self.problems:
            measure, scores = problem.raw_goal.measure, _scores(problem, X, y)
            if isinstance(measure, SmoothedError):
                measure = replace(measure, sharpness=SHARP)
            found = measure.of_rows(scores)
            values.append(np.where(np.isfinite(found), found, -np.inf))
        return np.concatenate(values)


def _scores(problem, X, y):
    """Return scores of a surrogate that has not seen other poison, for the most part.

    Its engine may be that of the ascents, which need the optimum more exactly.
    """
    engine = problem.engine
    engine.restart()
    exactly, engine.tol = engine.tol, max(engine.tol, TOL)
    try:
        return problem.scores(X, y)
    finally:
        engine.tol = exactly


class Verdict:
    """Comparison of starts, and of what they have led to.

    Parameters
    ----------
    searched : EngineErrors, Refits or None
        The errors on the validation rows of the ascents; None if they do not count.
    held_out : EngineErrors, Refits or None, default=None
        The errors on rows held out; None if there are none.
    in_sample : EngineErrors, Refits or None, default=None
        The errors on the rows learnt from; None if they do not count.
    again : Verdict or None, default=None
        What assesses the best few once more, on other rows left out and on the rows
        learnt from; None if nothing does.
    """

    def __init__(self, searched, held_out=None, in_sample=None, again=None):
        self.searched, self.held_out = searched, held_out
        self.in_sample, self.again = in_sample, again

    def of_start(self, rows, initial):
        """Assess a start.

        Parameters
        ----------
        rows : PoisonRows
            The rows of the start.
        initial : InitialRows
            What they are made of.

        Returns
        -------
        assessment : Assessment
        """
        parts = self._left_out(rows, initial)
        left_out = np.concatenate(parts).mean() if parts else None
        aside = None if self.held_out is None else parts[-1].mean()
        return Assessment(left_out, aside, self._in_sample(rows, initial))

    def of_end(self, rows, initial, start):
        """Assess what a start has led to.

        Parameters
        ----------
        rows : PoisonRows
            The rows.
        initial : InitialRows
            What they are made of.
        start : Assessment
            That of the start.

        Returns
        -------
        assessment : Assessment
        """
        if self.held_out is None:
            return self.of_start(rows, initial)
        aside = self._on_held_out(rows, initial).mean()
        gain = aside - start.on_held_out
        left_out = start.left_out + gain if np.isfinite(gain) else -np.inf
        return Assessment(left_out, aside, self._in_sample(rows, initial))

    def once_more(self, rows, initial, value):
        """Assess one of the best once more.

        The best of many owes a part of its value to the folds that it was compared on.

        Parameters
        ----------
        rows : PoisonRows
            The rows.
        initial : InitialRows
            What they are made of.
        value : float
            What they have been compared by so far, the mean of two estimates.

        Returns
        -------
        value : float
            What to compare them by now: .2 of each of two estimates on rows left out,
            and .6 of that on the rows learnt from, which has less noise.
        """
        if self.again is None:
            return value
        second = self.again.of_start(rows, initial)
        return (2 * value + second.left_out + 2 * second.in_sample) / 5

    def _in_sample(self, rows, initial):
        if self.in_sample is None:
            return None
        return self._values(self.in_sample, rows, initial).mean()

    def _left_out(self, rows, initial):
        """Return errors on validation rows of the ascents, and on rows held out."""
        parts = []
        if self.searched is not None:
            parts.append(self._values(self.searched, rows, initial))
        if self.held_out is not None:
            parts.append(self._on_held_out(rows, initial))
        return parts

    def _on_held_out(self, rows, initial):
        return self._values(self.held_out, rows, initial)

    def _values(self, errors, rows, initial):
        return errors.of_rows(rows.X, rows.y, initial.replaced)


class SharedVerdict(Verdict):
    """Comparison by one surrogate for all rows that it does not learn from.

    Parameters
    ----------
    errors : EngineErrors
        The errors on the validation rows of the ascents and, behind them, on the rows
        held out.
    folds : list of Fold
        The former, and the latter.
    """

    def __init__(self, errors, folds):
        super().__init__(errors, errors)
        self.folds = folds

    def _on_held_out(self, rows, initial):
        return self._left_out(rows, initial)[1]

    def _left_out(self, rows, initial):
        values = self.searched.of_rows(rows.X, rows.y, initial.replaced)
        return np.split(values, [self.folds[0].y.shape[0]])


def make_verdict(
    known,
    searched,
    held,
    positions,
    make_problems,
    random_state,
    *,
    is_shared=False,
    is_repeated=False,
):
    """Return how sets are compared.

    Parameters
    ----------
    known : Known
        What the attacker knows.
    searched : tuple (list of BilevelProblem, list of Fold)
        The validation rows of the ascents.
    held : HeldRows or None
        The rows held out; None if validation rows are given, or asked for.
    positions : ndarray of shape (n_positions,) of int
        The rows that are not replaced.
    make_problems : callable
        Takes a list of folds; returns a BilevelProblem for each of them.
    random_state : RandomState
        The source of the seeds of a stochastic surrogate, and of further folds; copies
        of it are used.
    is_shared : bool, default=False
        Whether one surrogate has to do for all rows left out, if it can.
    is_repeated : bool, default=False
        Whether the best few may be compared once more.

    Returns
    -------
    verdict : Verdict or None
        None for by the objective.
    """
    problem, nothing = searched[0][0], ([], [])
    is_stochastic = problem.training_problem.is_stochastic
    goal = problem.raw_goal
    # A goal of the user may have no value for each row.
    can_count = isinstance(goal, OnRows) and hasattr(goal.measure, "of_rows")
    can_count = can_count and held is not None
    if not (is_stochastic or can_count):
        return None
    parts = [searched, nothing, nothing]
    if held is not None and held.is_apart and not is_stochastic:
        if is_shared and len(searched[1]) == 1:
            folds = [*searched[1], *held.folds]
            return SharedVerdict(EngineErrors(make_problems([together(*folds)])), folds)
        parts[1] = make_problems(held.folds), held.folds
    elif held is not None:
        everything = [all_rows(known, positions)]
        parts = [
            (make_problems(folds), folds) for folds in ([], held.counted, everything)
        ]
        if is_repeated and held.counted and known.classes is not None:
            folds = all_folds(known, positions, deepcopy(random_state))
            parts.append((make_problems(folds), folds))

    def errors(problems, folds):
        if not folds:
            return None
        refits = make_refits(known, folds, problem.training_problem, random_state)
        if refits is not None:
            return refits
        return EngineErrors(problems) if can_count else None

    searched, held_out, in_sample, *more = (errors(*part) for part in parts)
    if not (searched or held_out or in_sample):
        return None
    again = Verdict(None, *more, in_sample) if more else None
    return Verdict(searched, held_out, in_sample, again)
