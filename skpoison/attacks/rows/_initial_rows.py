"""Initial poison rows of attacks that optimise rows.

Clones of training rows with other labels, as :class:`RandomInsertion` inserts them;
training rows with other labels, as :class:`RandomLabelFlip` flips them; or either with
their own labels. The drawing is shared with these baselines, so that for one seed an
attack starts exactly there.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from skpoison.attacks._class_map import draw_wrong_labels
from skpoison.optimizers._coordinates import PoisonRows
from skpoison.utils._texts import listed


@dataclass(frozen=True)
class InitialRows:
    """Poison rows before the first step.

    Parameters
    ----------
    rows : PoisonRows
        The rows, with labels as positions among the classes, or responses.
    replaced : ndarray of shape (n_replaced,) of int
        The training rows that they take the place of; none for inserted rows.
    origins : ndarray of shape (n_rows,) of int
        The training rows that they are made of.
    """

    rows: PoisonRows
    replaced: np.ndarray
    origins: np.ndarray


def rows_to_insert(known, n_poison, label_map, given, random_state):
    """Clone training rows.

    Parameters
    ----------
    known : Known
        What the attacker knows.
    n_poison : int
        Number of clones.
    label_map : dict or None
        The new label of each class among its keys; None for any other label.
    given : ndarray of shape (n_known,) or None
        The label, as a position among the classes, or the response that a clone of each
        row has. None: another label than its row.
    random_state : RandomState
        The only source of randomness.

    Returns
    -------
    initial : InitialRows

    Raises
    ------
    ValueError
        If there is no row to clone.
    """
    candidates = np.arange(known.codes.shape[0])
    rows, codes = _draw(known, candidates, label_map, given, random_state)
    if not rows.size:
        raise ValueError(
            "`known_fraction` and `goal` must leave a row to clone; got no row of the "
            f"classes {listed(list(label_map))} among the {candidates.shape[0]} known. "
            "Raise `known_fraction`, or take a goal that names other classes."
        )
    # No row is cloned twice before all are cloned once.
    rows, codes = np.resize(rows, n_poison), np.resize(codes, n_poison)
    return clones(known, rows, codes)


def clones(known, rows, codes):
    """Return clones of given training rows, with given labels or responses.

    Parameters
    ----------
    known : Known
        What the attacker knows.
    rows : ndarray of shape (n_poison,) of int
        The training rows.
    codes : ndarray of shape (n_poison,)
        The labels, as positions among the classes, or the responses.

    Returns
    -------
    initial : InitialRows
    """
    nothing = np.empty(0, dtype=int)
    return InitialRows(PoisonRows(_dense(known.X[rows]), codes), nothing, rows)


def rows_to_modify(known, n_poison, label_map, given, random_state):
    """Choose training rows to modify, none of which is trusted.

    Parameters
    ----------
    known : Known
        What the attacker knows.
    n_poison : int
        Number of rows.
    label_map : dict or None
        The new label of each class among its keys; None for any other label.
    given : ndarray of shape (n_known,) or None
        The label, as a position among the classes, or the response that each row gets.
        None: another label than it has.
    random_state : RandomState
        The only source of randomness.

    Returns
    -------
    initial : InitialRows

    Raises
    ------
    ValueError
        If there are fewer rows to modify.
    """
    candidates = np.flatnonzero(~known.trusted)
    rows, codes = _draw(known, candidates, label_map, given, random_state)
    if n_poison > rows.shape[0]:
        raise ValueError(
            f"`budget` must not exceed the {rows.shape[0]} rows that can be modified "
            "(known, not trusted, not set aside as validation rows"
            + ("" if label_map is None else " and of a class that the goal names")
            + f"); got {n_poison} rows. Lower the budget."
        )
    order = np.argsort(rows[:n_poison])
    rows, codes = rows[order], codes[order]
    return InitialRows(PoisonRows(_dense(known.X[rows]), codes), rows, rows)


def _draw(known, candidates, label_map, given, random_state):
    """Shuffle rows, and return them with the labels or responses of their poison."""
    if given is None:
        rows, labels = draw_wrong_labels(
            label_map, known.classes, known.y, candidates, random_state
        )
        return rows, np.searchsorted(known.classes, labels)
    if label_map is not None:
        wanted = np.isin(known.y[candidates], list(label_map.values()))
        candidates = candidates[wanted]
    rows = random_state.permutation(candidates)
    return rows, given[rows]


def _dense(X):
    return X.toarray() if sparse.issparse(X) else X
