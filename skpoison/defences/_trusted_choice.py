"""Choice among strengths of a defence, by rows that are known to be clean.

The trusted rows are split into two folds. For each, the defence is fitted with the
other one still trusted, and without these rows, on which its models are then compared:
what poison does to a model shows on clean rows that the model has not seen.
"""

import numpy as np

from skpoison.defences._reference_rows import sample_rows

N_FOLDS = 2
# With fewer trusted rows nothing can be compared.
MIN_TRUSTED = 10
# Mean losses that differ by less, relative to themselves, are equal: those of two fits
# to the same rows, from different starts.
ROUNDING = 1e-6


def trusted_folds(codes, trusted, random_state):
    """Split trusted rows into folds.

    Parameters
    ----------
    codes : ndarray of shape (n_samples,) of int
        The class of each row; for regression 0.
    trusted : ndarray of shape (n_samples,) of bool
        The trusted rows.
    random_state : RandomState instance
        Draws the folds.

    Returns
    -------
    folds : list of ndarray of int
        Positions of the rows that are left out. Each class keeps its share. Empty if
        too few rows are trusted, or none is not.
    """
    rows = np.flatnonzero(trusted)
    if rows.shape[0] < MIN_TRUSTED or trusted.all():
        return []
    half = sample_rows(codes[rows], rows.shape[0] // N_FOLDS, random_state)
    return [rows[half], np.delete(rows, half)]


def weakest_of_the_best(losses, tolerance):
    """Return the weakest candidate of about the lowest mean loss.

    Parameters
    ----------
    losses : ndarray of shape (n_candidates, n_rows)
        The losses of each candidate on each row, the weakest candidate first.
    tolerance : float
        By what part of the lowest mean loss that of a weaker candidate may exceed it.

    Returns
    -------
    candidate : int
    """
    means = losses.mean(axis=1)
    return int(np.argmax(means <= (1 + max(tolerance, ROUNDING)) * means.min()))
