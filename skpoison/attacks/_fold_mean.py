"""Mean of a goal over surrogates that learn from different rows.

Without a validation set of their own, the attacker measures the goal on each fold of
the training rows in turn, with its clean labels, for a surrogate that learns from the
other folds. So every row can be poisoned, and no surrogate is measured on rows that it
has learnt from. Where it is measured on those too, there is one part, of all rows.
"""

import numpy as np


class FoldMean:
    """Mean over the parts of a goal, each with the rows that it learns from.

    Parameters
    ----------
    parts : list
        One object for each fold; its rows are those at the positions in `trains`.
    trains : list of ndarray of int
        The positions of the rows that each part learns from.
    n_samples : int
        The number of all rows.
    """

    def __init__(self, parts, trains, n_samples):
        self.parts, self.trains, self.n_samples = parts, trains, n_samples
        # The place of each row among those of a part; -1 if it is not among them.
        self.places = np.full((len(trains), n_samples), -1)
        for places, train in zip(self.places, trains, strict=True):
            places[train] = np.arange(train.shape[0])

    def mean(self, compute):
        """Return the mean of a number, or of several, over the parts.

        Parameters
        ----------
        compute : callable
            Takes a part and the positions of its rows.

        Returns
        -------
        mean : float or ndarray
        """
        return np.mean([compute(*each) for each in self._pairs()], axis=0)

    def scatter_mean(self, compute):
        """Return the mean of an array with one entry for each row.

        Rows that a part does not learn from count with 0.

        Parameters
        ----------
        compute : callable
            Takes a part and the positions of its rows; returns an array whose first
            axis is that of these rows, or None if it is not known.

        Returns
        -------
        mean : ndarray of shape (n_samples, ...), or None
            None if it is not known for one of the parts.
        """
        total = None
        for part, train in self._pairs():
            values = compute(part, train)
            if values is None:
                return None
            if total is None:
                total = np.zeros((self.n_samples, *values.shape[1:]))
            total[train] += values
        return total / len(self.parts)

    def mean_of_changes(self, rows, compute):
        """Return the mean goal after each of several changes, of one row each.

        A part that does not learn from a row keeps its value.

        Parameters
        ----------
        rows : ndarray of shape (n_changes,) of int
            The row that each change concerns.
        compute : callable
            Takes a part, places among its rows, and a mask of the changes that these
            stand for; returns the goal of the part after each of them.

        Returns
        -------
        values : ndarray of shape (n_changes,)
        """
        total = np.zeros(rows.shape[0])
        for part, places in zip(self.parts, self.places, strict=True):
            learnt = places[rows] >= 0
            if not learnt.all():
                total[~learnt] += part.value()
            if learnt.any():
                total[learnt] += compute(part, places[rows[learnt]], learnt)
        return total / len(self.parts)

    def smallest_class_counts(self, codes, kept=None):
        """Return how many rows of its class each row has in the poorest part.

        Parameters
        ----------
        codes : ndarray of shape (n_samples,) of int
            The classes of the rows.
        kept : ndarray of shape (n_samples,) of bool, default=None
            The rows that count; None for all.

        Returns
        -------
        counts : ndarray of shape (n_samples,)
            The least number of rows of its class over the parts that learn from the
            row, itself included; infinite for rows that none learns from.
        """
        counts = np.full(self.n_samples, np.inf)
        for train in self.trains:
            members = codes[train] if kept is None else codes[train][kept[train]]
            left = np.bincount(members, minlength=codes.max() + 1)
            counts[train] = np.minimum(counts[train], left[codes[train]])
        return counts

    def _pairs(self):
        return zip(self.parts, self.trains, strict=True)
