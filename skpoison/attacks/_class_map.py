"""Class maps: which labels may become which."""

import numpy as np

from skpoison.utils._class_map import wanted_codes


def allowed_flips(class_map, classes, codes, is_free):
    """Return which labels each row may be given.

    Parameters
    ----------
    class_map : dict or None
        The new label of each class among its keys; None for any other label.
    classes : ndarray of shape (n_classes,)
        The classes.
    codes : ndarray of shape (n_samples,) of int
        The labels of the rows, as positions among the classes.
    is_free : ndarray of shape (n_samples,) of bool
        Which rows may be flipped at all.

    Returns
    -------
    allowed : ndarray of shape (n_samples, n_classes) of bool
    """
    others = np.arange(classes.shape[0])
    if class_map is None:
        allowed = codes[:, np.newaxis] != others
    else:
        allowed = wanted_codes(class_map, classes)[codes][:, np.newaxis] == others
    return allowed & is_free[:, np.newaxis]


def draw_wrong_labels(class_map, classes, y, candidates, random_state):
    """Shuffle rows and draw a wrong label for each of them.

    All candidates are drawn, whatever the budget: for one seed the poison of a smaller
    budget is then the beginning of that of a larger one.

    Parameters
    ----------
    class_map : dict or None
        The new label of each class among its keys; None for any other label, each with
        the same probability.
    classes : ndarray of shape (n_classes,)
        The classes.
    y : ndarray of shape (n_samples,)
        The labels of the rows.
    candidates : ndarray of shape (n_candidates,) of int
        The rows to draw from; those of a class without a new label are left out.
    random_state : RandomState
        The only source of randomness.

    Returns
    -------
    rows : ndarray of shape (n_drawn,) of int
        The rows in random order.
    labels : ndarray of shape (n_drawn,)
        The new label of each of them.
    """
    codes = np.searchsorted(classes, y)
    if class_map is not None:
        wanted = wanted_codes(class_map, classes)
        candidates = candidates[wanted[codes[candidates]] >= 0]
    rows = random_state.permutation(candidates)
    if class_map is not None:
        return rows, classes[wanted[codes[rows]]]
    shifts = random_state.randint(1, classes.shape[0], size=rows.shape[0])
    return rows, classes[(codes[rows] + shifts) % classes.shape[0]]


def budget_error(
    budget, n_poison, n_rows, *, class_map=None, trusted=(), known_fraction=1.0
):
    """Return the error for a budget of more rows than can be flipped.

    Parameters
    ----------
    budget : float or int
        The budget.
    n_poison : int
        The number of rows that it amounts to.
    n_rows : int
        The number of rows that can be flipped.
    class_map : dict, default=None
        The new label of each class among its keys; None for any other label.
    trusted : array-like of bool, default=()
        Which rows must not be flipped.
    known_fraction : float, default=1.0
        The share of the rows that the attacker knows.

    Returns
    -------
    error : ValueError
    """
    which, ways_out = [], ["Lower it"]
    if class_map is not None:
        which.append(f"of the classes {list(class_map)} that `class_map` relabels")
        ways_out.append("relabel more classes")
    if np.any(trusted):
        which.append("not trusted")
        ways_out.append("trust fewer rows")
    if known_fraction < 1:
        which.append("known to the attacker")
        ways_out.append("raise `known_fraction`")
    *first, last = ways_out
    return ValueError(
        f"`budget` must not exceed the {n_rows} rows that can be flipped"
        + (f" ({', '.join(which)})" if which else "")
        + f"; got {budget!r}, which is {n_poison} rows. "
        + (f"{', '.join(first)} or {last}." if first else f"{last}.")
    )
