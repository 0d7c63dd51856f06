"""Where does an attack that climbs set out?

From rows of the training set with other labels, or with their own.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from skpoison.attacks.labels._random import RandomLabelFlip
from skpoison.attacks.rows._random import RandomInsertion


@dataclass(frozen=True)
class Start:
    """Poison rows before the first step.

    Parameters
    ----------
    rows : ndarray of shape (n_poison, n_features)
        The rows.
    labels : ndarray of shape (n_poison,)
        Their labels.
    positions : ndarray of shape (n_poison,) of int, default=None
        The training rows that they take the place of; None where they are inserted.
    """

    rows: np.ndarray
    labels: np.ndarray
    positions: np.ndarray | None = None


def start_inserting(
    X, y, n_poison, poison_labels, class_map, random_state, *, mirrored=None
):
    """Clone training rows.

    Parameters
    ----------
    X : {ndarray, csr matrix} of shape (n_samples, n_features)
        The training rows.
    y : ndarray of shape (n_samples,)
        Their labels, or responses.
    n_poison : int
        Number of rows to insert.
    poison_labels : {"flip", "keep"}
        Whether clones get another label.
    class_map : dict or None
        Which rows are cloned, and which label they get; None for any.
    random_state : RandomState
        The only source of randomness.
    mirrored : ndarray of shape (n_samples,), default=None
        What responses are where they are flipped; None where y holds labels.

    Returns
    -------
    start : Start
    """
    if poison_labels == "flip" and mirrored is None:
        attack = RandomInsertion(
            n_poison, class_map=class_map, random_state=random_state
        )
        rows, labels = (out[y.shape[0] :] for out in attack.fit_resample(X, y))
        return Start(_dense(rows), labels)
    rows = random_state.permutation(np.flatnonzero(_bears_wanted_label(y, class_map)))
    rows = np.resize(rows, n_poison)
    labels = y if poison_labels == "keep" else mirrored
    return Start(_dense(X[rows]), labels[rows])


def start_modifying(
    X, y, trusted, n_poison, poison_labels, class_map, random_state, *, mirrored=None
):
    """Choose training rows to modify.

    Parameters
    ----------
    X : {ndarray, csr matrix} of shape (n_samples, n_features)
        The training rows.
    y : ndarray of shape (n_samples,)
        Their labels, or responses.
    trusted : ndarray of shape (n_samples,) of bool
        Rows that must stay as they are.
    n_poison : int
        Number of rows to modify.
    poison_labels : {"flip", "keep"}
        Whether they get another label.
    class_map : dict or None
        Which rows are chosen, and which label they get; None for any.
    random_state : RandomState
        The only source of randomness.
    mirrored : ndarray of shape (n_samples,), default=None
        What responses are where they are flipped; None where y holds labels.

    Returns
    -------
    start : Start

    Raises
    ------
    ValueError
        If fewer rows can be modified than shall be.
    """
    if poison_labels == "flip" and mirrored is None:
        attack = RandomLabelFlip(
            n_poison, class_map=class_map, random_state=random_state
        )
        _, labels = attack.fit_resample(X, y, trusted=trusted)
        positions = np.flatnonzero(attack.poison_mask_)
        return Start(_dense(X[positions]), labels[positions], positions)
    free = np.flatnonzero(~trusted & _bears_wanted_label(y, class_map))
    if n_poison > free.shape[0]:
        which = "" if class_map is None else " of the classes that the goal aims at"
        raise ValueError(
            f"The budget asks for {n_poison} rows to be modified, but only "
            f"{free.shape[0]}{which} can be: lower the budget, or trust fewer rows."
        )
    positions = np.sort(random_state.permutation(free)[:n_poison])
    labels = y if poison_labels == "keep" else mirrored
    return Start(_dense(X[positions]), labels[positions], positions)


def _bears_wanted_label(y, class_map):
    """Tell which rows have a label that others are to be taken for."""
    if class_map is None:
        return np.ones(y.shape[0], dtype=bool)
    return np.isin(y, list(class_map.values()))


def _dense(rows):
    return rows.toarray() if sparse.issparse(rows) else rows
