"""Label flips that a defence accepts and that do harm behind it.

The flips of the attack without the defence come first. The defence then judges the
flipped training set, and the flips that it does not believe are not allowed any more
when the attack chooses again. If it judges each row by itself, then all flips that it
would not believe are excluded at once. What counts in the end is the goal through the
defence.
"""

from dataclasses import replace

import numpy as np

from skpoison.attacks._defended import Defended, TrainingSet
from skpoison.attacks._row_judge import make_judge
from skpoison.attacks._through_defence import DefendedGoal
from skpoison.attacks._validation_data import make_folds
from skpoison.goals import ErrorGeneric
from skpoison.utils._warnings import collect_warnings

# How often flips are chosen, the first time without the defence.
N_ROUNDS = 5
# Folds on which the attacks that measure nothing are compared.
N_FOLDS = 5
# What an attack says about the way to its flips.
RESULTS = ("goal_path_", "error_path_", "n_iter_")


def flip_through_defence(attack, known, allowed, n_poison, random_state):
    """Choose rows, and a label for each, if the surrogate is a defence.

    Parameters
    ----------
    attack : BaseLabelFlip
        The attack.
    known : Known
        What the attacker knows.
    allowed : ndarray of shape (n_known, n_classes) of bool
        Which labels each row may be given.
    n_poison : int
        The number of rows to flip.
    random_state : RandomState
        The only source of randomness.

    Returns
    -------
    rows : ndarray of shape (n_flips,) of int
        The rows.
    new : ndarray of shape (n_flips,) of int
        Their labels, as positions among the classes.
    """
    defended, allowed = Defended(known.surrogate), allowed.copy()
    bare = replace(known, surrogate=defended.learner)
    goal, best = None, (-np.inf, None, None)
    for i in range(N_ROUNDS):
        rows, new = attack._flip(bare, allowed, n_poison, random_state)
        if goal is None:
            goal = _goal(attack, defended, known, random_state)
        given = _flipped(known, rows, new)
        judged = goal.judge(given)
        results = {name: getattr(attack, name, None) for name in RESULTS}
        if best[1] is None or judged.value > best[0]:
            best = judged.value, (rows, new), results
        if judged.belief is None:
            break
        doubted = ~judged.belief.as_given[rows]
        allowed[rows[doubted], new[doubted]] = False
        if i == 0:
            allowed &= _accepted(defended, given, known)
        if not doubted.any() or allowed.any(axis=1).sum() < n_poison:
            break
    for name, value in best[2].items():
        if value is not None:
            setattr(attack, name, value)
    return best[1]


def _goal(attack, defended, known, random_state):
    """Return the goal through the defence: the error if the attack has none."""
    if known.goal is not None:
        return DefendedGoal(defended, known, attack._folds(known, random_state))
    fewest = int(np.unique(known.codes, return_counts=True)[1].min())
    everything = np.arange(known.codes.shape[0])
    folds = make_folds(
        max(2, min(N_FOLDS, fewest)),
        known.X,
        known.codes,
        everything,
        random_state,
        stratify=fewest >= 2,
    )
    return DefendedGoal(defended, replace(known, goal=ErrorGeneric()), folds)


def _flipped(known, rows, new):
    """Return the training set with some labels flipped."""
    codes = known.codes.copy()
    codes[rows] = new
    return TrainingSet(known.X, codes, known.trusted, np.arange(codes.shape[0]))


def _accepted(defended, given, known):
    """Return which labels of each row a judge of single rows would believe."""
    accepted = np.ones((known.codes.shape[0], known.classes.shape[0]), dtype=bool)
    with collect_warnings():
        judge = make_judge(defended, given, known.classes)
        if judge is not None:
            for code in range(known.classes.shape[0]):
                codes = np.full(known.codes.shape[0], code)
                accepted[:, code] = judge.accepts(known.X, codes)
    return accepted
