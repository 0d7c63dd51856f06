"""Stratified folds in which rare classes do not limit the number of folds."""

import numpy as np
from sklearn.model_selection import StratifiedKFold
from sklearn.utils import check_random_state

from skpoison.utils._texts import listed
from skpoison.utils._warnings import warn_user


def classes_to_judge(defence, codes):
    """Return the classes of which a row can be left out, and warn of the others.

    No classifier can learn a class from its other rows if there is only one row. That
    row keeps its label, and the other classes are judged without it.

    Parameters
    ----------
    defence : classifier
        The defence; it has `classes_`.
    codes : ndarray of shape (n_samples,) of int
        The labels, as positions in `classes_`.

    Returns
    -------
    judged : ndarray of shape (n_classes,) of bool
        The classes of two rows or more; all False if there is at most one.
    """
    counts = np.bincount(codes, minlength=defence.classes_.shape[0])
    judged = counts > 1
    if counts.shape[0] > 1 and not judged.all():
        lone = listed(defence.classes_[~judged])
        warn_user(
            f"{type(defence).__name__} believes the label of the only row of each of "
            f"the classes {lone}: there are no other rows to compare it with. The "
            "other classes are judged without it. Add rows of these classes, or leave "
            "them out."
        )
    return judged if judged.sum() > 1 else np.zeros_like(judged)


def stratified_folds(codes, n_folds, random_state):
    """Return the training and the test rows of stratified folds.

    They are those of :class:`~sklearn.model_selection.StratifiedKFold`. The rows of a
    class that has fewer rows than there are folds are each in another fold at random.

    Parameters
    ----------
    codes : ndarray of shape (n_samples,) of int
        The labels: 0 to n_classes - 1, each of at least two rows.
    n_folds : int
        Number of folds; at most the number of rows of the largest class.
    random_state : int, RandomState instance or None
        Seed of the folds.

    Returns
    -------
    folds : list of pairs of ndarray of int
        Every class is among the training rows of each.
    """
    random_state = check_random_state(random_state)
    counts = np.bincount(codes)
    n_folds = min(n_folds, counts.max())
    is_rare = counts < n_folds
    fold = np.empty(codes.shape[0], dtype=int)
    rows = np.flatnonzero(~is_rare[codes])
    splitter = StratifiedKFold(n_folds, shuffle=True, random_state=random_state)
    for number, (_, test) in enumerate(splitter.split(rows, codes[rows])):
        fold[rows[test]] = number
    for code in np.flatnonzero(is_rare):
        fold[codes == code] = random_state.permutation(n_folds)[: counts[code]]
    return [
        (np.flatnonzero(fold != number), np.flatnonzero(fold == number))
        for number in range(n_folds)
    ]
