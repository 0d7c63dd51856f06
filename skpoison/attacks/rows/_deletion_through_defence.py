"""Deletion of rows that a defence believes.

A row that the defence drops anyway need not be deleted. So the attack chooses among the
rows that are believed; after each choice the defence judges the rows that are left, and
the attack chooses again. The deletion without the defence is the first candidate. What
counts in the end is the goal through the defence.
"""

from dataclasses import replace

import numpy as np

from skpoison.attacks._defended import Defended, TrainingSet
from skpoison.attacks._through_defence import DefendedGoal
from skpoison.utils._containers import take_rows

# How often rows are chosen, the first time without the defence.
N_ROUNDS = 4


def delete_through_defence(attack, known, n_poison, random_state):
    """Choose the rows to delete if the surrogate is a defence.

    Parameters
    ----------
    attack : GreedyDeletion
        The attack.
    known : Known
        What the attacker knows.
    n_poison : int
        The largest number of rows to delete.
    random_state : RandomState
        The only source of randomness.

    Returns
    -------
    deleted : ndarray of shape (n_deleted,) of int
        The rows.
    """
    defended = Defended(known.surrogate)
    bare = replace(known, surrogate=defended.learner)
    everything = np.arange(known.codes.shape[0])
    among, best, tried = everything, (-np.inf, None, None), set()
    goal = None
    for _ in range(N_ROUNDS):
        deleted = among[attack._delete(_part(bare, among), n_poison, random_state)]
        if goal is None:
            goal = DefendedGoal(defended, known, attack._folds(known, random_state))
        if deleted.tobytes() in tried:
            break
        tried.add(deleted.tobytes())
        left = np.setdiff1d(everything, deleted)
        given = TrainingSet(
            take_rows(known.X, left), known.codes[left], known.trusted[left], left
        )
        judged = goal.judge(given)
        results = attack.goal_path_, attack.diagnostics_
        if best[1] is None or judged.value > best[0]:
            best = judged.value, deleted, results
        if judged.belief is None:
            break
        among = np.union1d(left[judged.belief.weights > 0], deleted)
    attack.goal_path_, attack.diagnostics_ = best[2]
    return best[1]


def _part(known, rows):
    """Return what the attacker knows of some rows."""
    if rows.shape[0] == known.codes.shape[0]:
        return known
    return replace(
        known,
        X=take_rows(known.X, rows),
        y=known.y[rows],
        codes=known.codes[rows],
        trusted=known.trusted[rows],
        n_samples=rows.shape[0],
        groups=None if known.groups is None else known.groups[rows],
    )
