"""A fitted defence as a judge of single rows."""

import numpy as np
from sklearn.base import is_classifier

from skpoison.base import BaseRowFilter
from skpoison.utils._containers import take_rows

# The fewest trusted rows of each class that new rows are compared with.
FEWEST = 3


class RowJudge:
    """A fitted defence as a judge of single rows.

    Parameters
    ----------
    steps : list of transformer
        The steps before the defence, fitted.
    defence : BaseRowFilter
        The defence, which has judged the training set.
    score : callable
        Takes rows and labels; returns the score of each row.
    """

    def __init__(self, steps, defence, score):
        self.steps, self.defence, self.score = steps, defence, score

    def transform(self, X):
        """Return rows as the defence sees them."""
        for step in self.steps:
            X = step.transform(X)
        return X

    @property
    def has_gradient(self):
        """Whether `with_gradient` is known."""
        return not self.steps and getattr(self.score, "has_gradient", False)

    def thresholds(self, codes):
        """Return the score from which on the defence does not believe a row."""
        thresholds = self.defence.threshold_
        return np.broadcast_to(thresholds, self.defence.classes_.shape)[codes]

    def accepts(self, X, codes):
        """Return which rows the defence would believe.

        Parameters
        ----------
        X : {ndarray, csr matrix} of shape (n_rows, n_features)
            The rows.
        codes : ndarray of shape (n_rows,) of int
            Their labels, as positions among the classes.

        Returns
        -------
        accepted : ndarray of shape (n_rows,) of bool
        """
        thresholds = self.thresholds(codes)
        scores = self.score(self.transform(X), codes)
        return (scores < thresholds) | np.isinf(thresholds)


def make_judge(defended, given, classes):
    """Return the judge of single rows that a defence is, beside a training set.

    Parameters
    ----------
    defended : Defended
        The surrogate.
    given : TrainingSet
        The training set.
    classes : ndarray of shape (n_classes,) or None
        The class labels; None for responses.

    Returns
    -------
    judge : RowJudge or None
        None if the defence does not judge each row by itself.
    """
    defence = defended.defence
    can_judge = isinstance(defence, BaseRowFilter) and is_classifier(defence)
    if not can_judge or defended.inner or not hasattr(defence, "_new_row_scorer"):
        return None
    y = classes[given.codes]
    steps, X = defended.transformed(given.X, y)
    defence = defended.cloned_defence()
    try:
        defence._verdict(X, y, trusted=given.trusted)
    except ValueError:
        return None
    trusted = given.trusted
    if np.bincount(given.codes[trusted], minlength=classes.shape[0]).min() < FEWEST:
        # It compares rows with all others; those of the attacker are left out, or
        # each of them would be compared with itself.
        trusted = given.origins >= 0
    reference = np.flatnonzero(trusted)
    score = defence._new_row_scorer(take_rows(X, reference), given.codes[reference])
    return RowJudge(steps, defence, score)
