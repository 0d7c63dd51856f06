"""Rows held out of the search of an attack on rows.

A surrogate that can fit any rows, by its kernel or because it has more features than
rows, can be driven to errors on the rows that the goal is measured on without much harm
to others. So what starts have led to is compared on held-out rows.

With more features than rows these have to be rows that no poison row has been made
from: neither cloned, nor learnt from while rows climb, because poison rows move along
the rows learnt from. A kernel needs these rows more than it gains by that, by
measurement.

Where few rows would be held out, a choice by them is a choice by chance. Then all rows
count, each by a surrogate that has not learnt from it, those that the ascents are
measured on among them.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from skpoison.attacks._validation_data import Fold, make_folds, split_rows
from skpoison.surrogates import as_training_problem
from skpoison.surrogates._scalers import split_scalers

# Share of the training rows that is held out, and in how many folds.
HELD_OUT, N_HELD_OUT = 0.3, 2
# Below so many rows held out all rows count, in so many folds.
FEW, N_COUNTED = 75, 5
# With so many rows for each feature a linear surrogate does not suit single rows.
MANY = 10


@dataclass(frozen=True)
class HeldRows:
    """Rows held out, and why.

    Parameters
    ----------
    folds : list of Fold
        The rows; empty if there are none.
    counted : list of Fold
        The rows whose errors count, and who learns meanwhile.
    is_apart : bool, default=False
        Whether no poison row may be made from the rows held out.
    """

    folds: list
    counted: list
    is_apart: bool = False


def hold_out(known, positions, random_state):
    """Return folds of held-out rows, if what starts have led to is compared on any.

    Parameters
    ----------
    known : Known
        What the attacker knows.
    positions : ndarray of shape (n_positions,) of int
        The rows that may be held out.
    random_state : RandomState
        The only source of randomness.

    Returns
    -------
    held_out : HeldRows
        No rows if the surrogate is linear and has many rows for each feature: what
        raises its error on some rows does so on others. None also if a class has too
        few rows.
    """
    n_classes = None if known.classes is None else known.classes.shape[0]
    problem = as_training_problem(split_scalers(known.surrogate)[1], n_classes)
    is_linear = "coefficients" in problem.learner.supports
    is_linear |= getattr(problem.learner, "kernel", None) == "linear"
    n_rows, n_features = known.X.shape
    is_apart = is_linear and n_features >= n_rows
    if is_linear and n_rows >= MANY * n_features:
        return HeldRows([], [])
    codes, stratify = known.codes[positions], known.classes is not None
    counts = np.bincount(codes, minlength=n_classes) if stratify else [codes.size]
    if HELD_OUT * min(counts) < N_HELD_OUT:
        return HeldRows([], [])
    aside, _ = split_rows(
        "validation", HELD_OUT, known.codes, positions, random_state, stratify=stratify
    )
    if is_apart:  # all learn from the same rows
        X, codes = known.X[aside], known.codes[aside]
        train = np.setdiff1d(np.arange(known.codes.shape[0]), aside)
        folds = [Fold(train, X, codes, aside)]
        return HeldRows(folds, folds, is_apart=True)
    folds = _divided(known, N_HELD_OUT, aside, random_state)
    has_few = aside.shape[0] < FEW
    return HeldRows(
        folds, all_folds(known, positions, random_state) if has_few else folds
    )


def all_rows(known, positions):
    """Return the fold in which all rows are learnt from, and measured.

    Parameters
    ----------
    known : Known
        What the attacker knows.
    positions : ndarray of shape (n_positions,) of int
        The rows that are not replaced.

    Returns
    -------
    fold : Fold
    """
    everything = np.arange(known.codes.shape[0])
    return Fold(everything, known.X[positions], known.codes[positions], positions)


def all_folds(known, positions, random_state):
    """Return folds of all rows.

    Parameters
    ----------
    known : Known
        What the attacker knows.
    positions : ndarray of shape (n_positions,) of int
        The rows that are not replaced.
    random_state : RandomState
        The only source of randomness.

    Returns
    -------
    folds : list of Fold
    """
    return _divided(known, N_COUNTED, positions, random_state)


def _divided(known, n_folds, rows, random_state):
    """Return rows divided into folds."""
    stratify = known.classes is not None
    return make_folds(
        n_folds, known.X, known.codes, rows, random_state, stratify=stratify
    )


def learning_apart(folds, held_out):
    """Return folds whose surrogates do not learn from held-out rows.

    Parameters
    ----------
    folds : list of Fold
        The folds.
    held_out : list of Fold
        The held-out rows.

    Returns
    -------
    folds : list of Fold
    """
    apart = np.concatenate([fold.rows for fold in held_out])
    return [replace(fold, train=np.setdiff1d(fold.train, apart)) for fold in folds]


def together(fold, held_out):
    """Return one fold for the rows of a search and for held-out rows.

    On large data one surrogate has to do for both.

    Parameters
    ----------
    fold : Fold
        The validation rows of the search, and the rows to learn from.
    held_out : Fold
        The held-out rows.

    Returns
    -------
    both : Fold
        It learns from the rows that `fold` does. The held-out rows come last.
    """
    stack = sparse.vstack if sparse.issparse(fold.X) else np.concatenate
    return Fold(
        fold.train,
        stack([fold.X, held_out.X]),
        np.concatenate([fold.y, held_out.y]),
        np.concatenate([fold.rows, held_out.rows]),
    )


def without(known, given, held_out):
    """Return what is known of the rows that are not held out.

    Parameters
    ----------
    known : Known
        What the attacker knows.
    given : ndarray of shape (n_known,) or None
        The label or response that the poison made from each row has.
    held_out : list of Fold
        The held-out rows.

    Returns
    -------
    known : Known
    given : ndarray of shape (n_kept,) or None
    """
    kept = np.ones(known.codes.shape[0], dtype=bool)
    for fold in held_out:
        kept[fold.rows] = False
    parts = {
        name: getattr(known, name)[kept] for name in ("X", "y", "codes", "trusted")
    }
    return replace(known, **parts), None if given is None else given[kept]
