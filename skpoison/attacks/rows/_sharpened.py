r"""Ascent from what a search has found, by a sharper error.

A smooth error leads from far away, and a sharp one is nearer to what counts. So where
validation rows are given, the best rows climb on by the error smoothed less, or rows
that a few steps by it from the first start lead to, if these are better by it.

That fits the validation rows more closely, too, and of many a gain there nothing is
seen on other rows. The rows learnt from are clean rows that no ascent has been measured
on. What is found is kept if the surrogate errs there on more rows than before, by more
than one standard error in McNemar's test,

.. math::

    s = \frac{n_{01} - n_{10}}{\sqrt{n_{01} + n_{10}}} > 1 ,

with the number :math:`n_{01}` of rows that have become errors and :math:`n_{10}` of
those that no longer are, and on no fewer of the validation rows. A surrogate that can
reproduce most labels says little there: not fewer errors by two standard errors on the
rows learnt from, and more by four on the validation rows, are enough, too.
"""

from copy import copy
from dataclasses import replace

import numpy as np

from skpoison.attacks._sharper_error import sharper
from skpoison.attacks.rows._effort import default_effort
from skpoison.attacks.rows._hold_out import all_rows
from skpoison.bilevel.goals import COUNTED
from skpoison.optimizers import SuccessiveHalving

# Sharpness of the error by which the best rows climb on.
SHARPER = 10.0
# What shows that more harm is done: so many standard errors on the rows learnt from, or
# not so many against it there, and so many on the validation rows.
SHOWN, AGAINST, ON_OWN = 1, -2, 4


def sharper_goal(known, n_poison):
    """Return the goal by which the best rows climb on, if they do.

    Parameters
    ----------
    known : Known
        What the attacker knows.
    n_poison : int
        Number of poison rows.

    Returns
    -------
    goal : BaseGoal or None
    """
    if known.X_val is None:
        return None
    if default_effort(known.X, n_poison, known.surrogate).share < 1:
        return None
    goal = sharper(known.goal, known.classes, SHARPER)
    return None if goal is known.goal else goal


def n_steps_of(optimizer, n_poison, kind, is_sharpened):
    """Return the largest number of steps of an attack.

    Parameters
    ----------
    optimizer : BaseOptimizer or SuccessiveHalving
        How rows climb.
    n_poison : int
        Number of poison rows.
    kind : {"convex", "discrete", "neither"}
        The kind of the feasible set.
    is_sharpened : bool
        Whether a search goes on by a sharper error.

    Returns
    -------
    n_steps : int
    """
    # A discrete search follows each ascent through the relaxation.
    n_searches = 2 if kind == "discrete" else 1
    if isinstance(optimizer, SuccessiveHalving):
        n_steps = optimizer._n_steps()
        if is_sharpened:
            n_steps += sum(_n_steps(optimizer._ascent()))
        return optimizer.n_starts + n_searches * n_steps
    n_searches *= n_poison if optimizer.schedule == "sequential" else 1
    return n_searches * (1 + optimizer.n_restarts) * optimizer.max_iter


def sharpened(attack, best, search, ascent, known, folds, positions):
    """Climb on by a sharper error.

    Parameters
    ----------
    attack : BaseGradientAttack
        The attack.
    best : Contender
        What the search has found.
    search : StartSearch
        The search.
    ascent : BaseOptimizer
        How starts climb.
    known : Known
        What the attacker knows, with the sharper goal.
    folds : list of Fold
        The validation rows.
    positions : ndarray of shape (n_positions,) of int
        The rows that are not replaced.

    Returns
    -------
    best : Contender
        What that has led to, if it is shown to do more harm; otherwise what the search
        has found.
    search : StartSearch
        The search, with the problems that these rows have climbed by.
    """
    n_trial, n_more = _n_steps(ascent)
    # Fits of a stochastic surrogate compare sets by what the victim will learn.
    if search.verdict is not None or search.progress.stopped or not n_trial:
        return best, search
    sharp = copy(search)
    sharp.problems = attack._problems(known, folds, best.start.initial)
    trial = sharp.climb(ascent._shortened(n_trial), sharp.measured_anew(search.first))
    # The best rows are near a maximum: long steps would leave it.
    after, n_done = sharp.measured_anew(best), ascent.max_iter // 2
    if trial.found.value > after.found.value:
        after, n_done = trial, n_trial
    after = sharp.climb(ascent._continued(n_done, n_more), after)
    learnt = attack._problems(known, [all_rows(known, positions)], best.start.initial)
    pair = best.found.rows, after.found.rows
    on_learnt, on_own = gain(learnt, *pair), gain(sharp.problems, *pair)
    is_shown = on_learnt > SHOWN and on_own >= 0
    if is_shown or (on_learnt > AGAINST and on_own > ON_OWN):
        return after, sharp
    return best, search


def gain(problems, before, now):
    """Return how many more rows are errors, in standard errors.

    Parameters
    ----------
    problems : list of BilevelProblem
        The surrogate, and the validation rows of each fold.
    before, now : PoisonRows
        The poison rows before, and now.

    Returns
    -------
    gain : float
    """
    gains = []
    for problem in problems:
        measure = replace(problem.raw_goal.measure, sharpness=COUNTED)
        errors = []
        for rows in (before, now):
            problem.engine.restart()
            errors.append(measure.of_rows(problem.scores(rows.X, rows.y)))
        gains.append(errors[1] - errors[0])
    gains = np.concatenate(gains)
    return gains.sum() / max(1.0, np.sqrt((gains**2).sum()))


def _n_steps(ascent):
    """Return how many steps the first start climbs, and how many the better one."""
    return ascent.max_iter // 5, 2 * ascent.max_iter // 5
