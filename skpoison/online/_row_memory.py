"""The rows that a defence of a stream remembers: the newest.

Streams drift, and rows that were clean and typical once mislead later.
"""

import numpy as np

from skpoison.utils._containers import join_rows, take_rows
from skpoison.utils._texts import shown

# Probabilities below this one are taken for it, where a logarithm would be infinite.
SMALLEST = 1e-15


class RowMemory:
    """The newest rows of a stream, or of those of it that are trusted.

    Parameters
    ----------
    size : int
        How many rows are kept.

    Attributes
    ----------
    X : {ndarray, csr matrix, dataframe} of shape (n_rows, n_features), or None
        The rows; None before the first.
    y : ndarray of shape (n_rows,), or None
        Their labels.
    """

    def __init__(self, size):
        self.size, self.X, self.y = size, None, None

    def __len__(self):
        return 0 if self.y is None else self.y.shape[0]

    def add(self, X, y):
        """Remember rows, and forget the oldest if there are too many.

        Parameters
        ----------
        X : {ndarray, csr matrix, dataframe} of shape (n_new, n_features)
            The rows.
        y : ndarray of shape (n_new,)
            Their labels.
        """
        if not y.shape[0]:
            return
        if self.y is not None:
            X, y = join_rows(self.X, X), np.concatenate([self.y, y])
        newest = np.arange(max(0, y.shape[0] - self.size), y.shape[0])
        self.X, self.y = take_rows(X, newest), y[newest]

    def resize(self, size):
        """Keep another number of rows from now on."""
        self.size = size
        if len(self) > size:
            self.X = take_rows(self.X, np.arange(len(self) - size, len(self)))
            self.y = self.y[-size:]

    def probabilities(self, learner):
        """Return the probabilities that a learner gives to the labels of the rows.

        Parameters
        ----------
        learner : classifier
            Has `predict_proba`.

        Returns
        -------
        probabilities : ndarray of shape (n_rows,)
            At least 1e-15.
        """
        return label_probabilities(learner, self.X, self.y)


def label_probabilities(learner, X, y):
    """Return the probabilities that a learner gives to labels.

    Parameters
    ----------
    learner : classifier
        Has `predict_proba`.
    X : {ndarray, csr matrix, dataframe} of shape (n_samples, n_features)
        The rows.
    y : ndarray of shape (n_samples,)
        Their labels.

    Returns
    -------
    probabilities : ndarray of shape (n_samples,)
        At least 1e-15, which NaN is taken for as well: a learner that finds no class
        possible, as GaussianNB far from all it has seen, does not find the label so.
    """
    codes = np.searchsorted(learner.classes_, y)
    chosen = class_probabilities(learner, X)[np.arange(y.shape[0]), codes]
    return np.fmax(chosen, SMALLEST)


def class_probabilities(learner, X):
    """Return the probabilities that a learner gives to the classes, checked.

    Parameters
    ----------
    learner : classifier
        Has `predict_proba`.
    X : {ndarray, csr matrix, dataframe} of shape (n_samples, n_features)
        The rows.

    Returns
    -------
    probabilities : ndarray of shape (n_samples, n_classes)

    Raises
    ------
    ValueError
        If those of a row do not sum to 1.
    """
    probabilities = learner.predict_proba(X)
    totals = probabilities.sum(axis=1)
    wrong = np.abs(totals - 1) > 1e-3
    if wrong.any():
        raise ValueError(
            "`predict_proba` of the learner must give probabilities that sum to 1; "
            f"got a sum of {totals[wrong][0]:.3g} from {shown(learner)}. If it is a "
            "learner of river, encode the labels as 0 and 1, for instance by "
            "LabelEncoder."
        )
    return probabilities
