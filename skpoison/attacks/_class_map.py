"""Class maps: which labels may become which."""

import numpy as np

from skpoison.utils._class_map import wanted_codes
from skpoison.utils._texts import shown


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


def budget_error(budget, n_poison, n_rows, class_map):
    """Return the error for a budget of more rows than can be poisoned.

    Parameters
    ----------
    budget : float or int
        The budget.
    n_poison : int
        The number of rows that it amounts to.
    n_rows : int
        The number of rows that can be poisoned.
    class_map : dict or None
        The new label of each class among its keys.

    Returns
    -------
    error : ValueError
    """
    of_class = "" if class_map is None else f", of a class among {shown([*class_map])}"
    return ValueError(
        f"`budget` must not exceed the {n_rows} rows that can be poisoned (known, not "
        f"trusted{of_class}); got {budget!r}, which is {n_poison} rows. Lower it."
    )
