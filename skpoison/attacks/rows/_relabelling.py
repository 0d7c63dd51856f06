"""Other labels for poison rows between the steps of an ascent.

With several classes an ascent decides where a row goes, and not which of the wrong
labels it has there. The first-order effect of a label is known from one adjoint system
for all rows and labels (:meth:`BilevelProblem.label_gains`). The labels that promise
most are changed together; if the objective does not rise, half as many are, and so on,
as in a backtracking line search.
"""

import numpy as np

from skpoison.optimizers._coordinates import PoisonRows

# How many sets of changes are tried at most.
N_TRIALS = 4


def relabelled(objective, rows, value, allowed):
    """Give some poison rows other labels, if the objective rises by it.

    Parameters
    ----------
    objective : PoisonObjective
        The objective.
    rows : PoisonRows
        The poison rows, with labels as positions among the classes.
    value : float
        The objective there.
    allowed : ndarray of shape (n_rows, n_classes) of bool
        Which labels each row may have.

    Returns
    -------
    rows : PoisonRows
        The same rows, with other labels if that is better.
    value : float
        The objective there, never less than before.
    """
    gains = sum(problem.label_gains(rows.X, rows.y) for problem in objective.problems)
    gains = np.where(allowed & np.isfinite(gains), gains, -np.inf)
    gains[np.arange(len(rows)), rows.y] = -np.inf
    new = gains.argmax(axis=1)
    best = gains.max(axis=1)
    order = np.argsort(-best, kind="stable")
    size = int((best > 0).sum())
    for _ in range(N_TRIALS):
        if size == 0:
            break
        labels = rows.y.copy()
        labels[order[:size]] = new[order[:size]]
        found = PoisonRows(rows.X, labels)
        after, *_ = objective(found, 0)
        if after > value:
            return found, after
        size //= 2
    return rows, value
