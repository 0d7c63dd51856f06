"""What does each possible flip do to surrogates that learn from different rows?

Where the attacker has no rows of his own, each fold of the training rows is measured on
in turn, with its clean labels, for a surrogate that learns from the others. So every
row can be flipped, and none is measured on by a surrogate that has learnt from it.
"""

import numpy as np

from skpoison.attacks.labels._flip_search import FlipValues, flip_values


def cross_validated(surrogate, X, codes, folds, classes, sharpness, n_jobs=None):
    """Begin a search by the mean of goals, one for each fold.

    Parameters
    ----------
    surrogate : classifier or Pipeline
        What the attacker believes that the victim learns.
    X : {ndarray, csr matrix} of shape (n_samples, n_features)
        Rows that the attacker knows.
    codes : ndarray of shape (n_samples,) of int
        Their labels, as positions among the classes.
    folds : list of tuple of ndarray of int and tuple
        The positions of the rows to learn from, and rows to measure on with their
        labels as positions among the classes.
    classes : ndarray of shape (n_classes,)
        The classes.
    sharpness : float
        Of the smoothed error.
    n_jobs : int, default=None
        Number of fits at once, where there are any.

    Returns
    -------
    values : CrossValidated
    """
    states = [
        flip_values(surrogate, X, codes, train, classes, own, sharpness, n_jobs)
        for train, own in folds
    ]
    return CrossValidated(states, [train for train, _ in folds], codes)


class CrossValidated(FlipValues):
    """Flips whose value is a mean over surrogates that learn from different rows.

    Parameters
    ----------
    states : list of FlipValues
        A search for each of them.
    trains : list of ndarray of int
        The positions of the rows that it learns from.
    codes : ndarray of shape (n_samples,) of int
        The labels of all rows, as positions among the classes.
    """

    def __init__(self, states, trains, codes):
        super().__init__(codes, None)
        self.states, self.trains = states, trains
        self.free = all(state.free for state in states)
        self.places = np.full((len(trains), codes.shape[0]), -1)
        for places, train in zip(self.places, trains, strict=True):
            places[train] = np.arange(train.shape[0])

    def promises(self):
        """Say what each flip promises, to first order; None if that is not known."""
        total = 0.0
        for state, places in zip(self.states, self.places, strict=True):
            promises = state.promises()
            if promises is None:
                return None
            total = total + np.where(places[:, np.newaxis] < 0, 0, promises[places])
        return total / len(self.states)

    def value(self):
        """Compute the goal for the current labels."""
        return np.mean([state.value() for state in self.states])

    def values(self, rows, new):
        """Compute the goal for each of several flips."""
        total = np.zeros(rows.shape[0])
        for state, places in zip(self.states, self.places, strict=True):
            seen = places[rows] >= 0
            if not seen.all():
                total[~seen] += state.value()
            if seen.any():
                total[seen] += state.values(places[rows[seen]], new[seen])
        return total / len(self.states)

    def flip(self, row, new):
        """Make a flip."""
        super().flip(row, new)
        for state, places in zip(self.states, self.places, strict=True):
            if places[row] >= 0:
                state.flip(places[row], new)

    def last_of_class(self):
        """Tell which rows are the last of their class for a surrogate.

        Returns
        -------
        last : ndarray of shape (n_samples,) of bool
        """
        last = np.zeros(self.codes.shape[0], dtype=bool)
        for train in self.trains:
            codes = self.codes[train]
            last[train] |= np.bincount(codes)[codes] == 1
        return last
