r"""Comparison of poisoned training sets by errors that no ascent has been measured on.

An ascent raises the smoothed error on the rows that it is measured on, and the more
flexible the surrogate is, the less of that is seen on other rows. The smoothed error
also counts rows that are near the decision boundary as half an error, and poison that
makes a surrogate unsure gains by it. So sets are compared by the error itself, smoothed
a little to break ties, of surrogates that did not learn from the row in question:

* a start by all rows, S of them the validation rows of the ascents, H held out;
* what it has led to by the same plus the gain on the rows held out,

.. math::

    e_{S \cup H}(\text{start}) + e_H(\text{end}) - e_H(\text{start}) .

The second term is free of what the ascent owes to its own rows, and the first one,
which has more rows, keeps most of the noise of the second out of the comparison (it is
a control variate). A stiff surrogate, which suits no single rows, is compared by the
objective: the smoother the error, the less it depends on chance. So only fits of a
stochastic surrogate are compared without rows held out, on S.

If rows are held out, the surrogate can fit any rows: a clone with another label changes
the prediction for the row that it is a clone of and for few others. That row does not
count then.
"""

from dataclasses import dataclass, replace

import numpy as np

from skpoison.attacks._refits import make_refits
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
    on_all : float
        The mean error on all rows that surrogates have not learnt from.
    on_held_out : float
        The same on the rows held out; 0 if there are none.
    """

    on_all: float
    on_held_out: float


class EngineErrors:
    """Errors on clean rows by the engine of the surrogate.

    Parameters
    ----------
    problems : list of BilevelProblem
        The surrogate and the validation rows of each fold.
    folds : list of Fold
        The folds.
    """

    def __init__(self, problems, folds):
        self.problems, self.folds = problems, folds

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
    searched : EngineErrors or Refits
        The errors on the validation rows of the ascents.
    held_out : EngineErrors, Refits or None, default=None
        The errors on rows held out; None if there are none.
    """

    def __init__(self, searched, held_out=None):
        self.searched, self.held_out = searched, held_out

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
        if self.held_out is None:
            return Assessment(self._on_searched(rows, initial).mean(), 0.0)
        values, aside = self._on_both(rows, initial)
        both = np.concatenate([values, aside])
        return Assessment(both.mean(), aside.mean())

    def of_end(self, rows, initial, start):
        """Return how much harm is done by what a start has led to.

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
        value : float
            Comparable with `on_all` of starts.
        """
        if self.held_out is None:
            return self._on_searched(rows, initial).mean()
        gain = self._on_held_out(rows, initial).mean() - start.on_held_out
        return start.on_all + gain if np.isfinite(gain) else -np.inf

    def _on_searched(self, rows, initial):
        return self.searched.of_rows(rows.X, rows.y, initial.replaced)

    def _on_held_out(self, rows, initial):
        values = self.held_out.of_rows(rows.X, rows.y, initial.replaced)
        return _counted(values, self.held_out.folds, initial)

    def _on_both(self, rows, initial):
        searched = self._on_searched(rows, initial)
        return (
            _counted(searched, self.searched.folds, initial),
            self._on_held_out(rows, initial),
        )


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
        return self._on_both(rows, initial)[1]

    def _on_both(self, rows, initial):
        values = self.searched.of_rows(rows.X, rows.y, initial.replaced)
        split = np.split(values, [self.folds[0].y.shape[0]])
        return [
            _counted(part, [fold], initial)
            for part, fold in zip(split, self.folds, strict=True)
        ]


def _counted(values, folds, initial):
    """Return the values of rows that no poison row is made of."""
    positions = np.concatenate([fold.rows for fold in folds])
    counted = ~np.isin(positions, initial.origins)
    # With a large budget poison is made of nearly all rows.
    return values[counted] if 2 * counted.sum() >= counted.size else values


def make_verdict(known, searched, held_out, random_state, *, by_engine, is_shared):
    """Return how sets are compared.

    Parameters
    ----------
    known : Known
        What the attacker knows.
    searched, held_out : tuple (list of BilevelProblem, list of Fold)
        The validation rows of the ascents, and those held out; empty if there are none.
    random_state : RandomState
        The source of the seeds of a stochastic surrogate; a copy of it is used.
    by_engine : bool
        Whether to count the errors of a surrogate that is not stochastic.
    is_shared : bool
        Whether the problem given for the rows held out has those of the ascents before
        them, all learning from the same rows.

    Returns
    -------
    verdict : Verdict or None
        None for by the objective.
    """
    problem = searched[0][0]
    parts = [part for part in (searched, held_out) if part[1]]
    refits = [
        make_refits(known, folds, problem.training_problem, random_state)
        for _, folds in parts
    ]
    if refits[0] is not None:
        return Verdict(*refits)
    if not (by_engine and held_out[1] and isinstance(problem.raw_goal, OnRows)):
        return None
    if is_shared:
        (fold,), (problems, (aside,)) = searched[1], held_out
        return SharedVerdict(EngineErrors(problems, [fold, aside]), [fold, aside])
    return Verdict(*(EngineErrors(*part) for part in parts))
