"""Scores of rows in groups, and scores by several detectors together.

Detectors have different units. Before the largest of several scores is taken, those of
each detector are moved and scaled by the reference rows' own scores in each group: 0 is
their median and 1 their 95 % quantile. So each detector has the same say, whatever its
unit, and beyond the reference rows scores still differ.
"""

import numpy as np

from skpoison.utils._containers import take_rows

# The quantile of the reference rows' own scores that becomes 1.
LEVEL = 0.95
# By how much of the reference scores, which are all equal, another score has to differ
# in order to be far beyond them. Less is rounding.
RELATIVE, ABSOLUTE = 1e-6, 1e-12


class GroupedScore:
    """Scores of rows, each by the function of its group.

    Parameters
    ----------
    groups : callable
        Takes labels, returns the positions of the rows of each group.
    parts : list of callable
        For each group: takes rows and labels, and returns their scores. None: all of
        them are 0.
    """

    def __init__(self, groups, parts):
        self.groups, self.parts = groups, parts

    def __call__(self, X, y):
        """Return the scores of rows with given labels."""
        scores = np.zeros(y.shape[0])
        for rows, score in zip(self.groups(y), self.parts, strict=True):
            if rows.size and score is not None:
                scores[rows] = score(take_rows(X, rows), y[rows])
        return scores


class ViewedScore:
    """A score of what a detector sees of rows and labels.

    Parameters
    ----------
    score : callable
        Takes what is seen, and returns scores.
    view : callable
        Takes rows and labels, and returns what is seen.
    """

    def __init__(self, score, view):
        self.score, self.view = score, view

    def __call__(self, X, y):
        """Return the scores of rows with given labels."""
        return self.score(self.view(X, y))


class LargestScore:
    """The largest of several scores of a row, each in the unit of the reference rows.

    Parameters
    ----------
    parts : list of callable
        For each detector: takes rows and labels, and returns scores.
    own_scores : list of ndarray of shape (n_reference,)
        For each detector: the scores of the reference rows, one at least.
    """

    def __init__(self, parts, own_scores):
        self.parts = parts
        self.units = [unit_of(scores) for scores in own_scores]

    def __call__(self, X, y):
        """Return the scores of rows with given labels."""
        return self.join([score(X, y) for score in self.parts])

    def join(self, scores):
        """Return the largest of the scores of each row.

        Parameters
        ----------
        scores : list of ndarray of shape (n_rows,)
            Those of each detector.

        Returns
        -------
        largest : ndarray of shape (n_rows,)
        """
        scaled = [
            1 + (each - level) / width
            for each, (level, width) in zip(scores, self.units, strict=True)
        ]
        return np.max(scaled, axis=0)


def unit_of(own_scores):
    """Return the level of reference scores, and their width.

    Parameters
    ----------
    own_scores : ndarray of shape (n_reference,)
        The reference rows' own scores.

    Returns
    -------
    level : float
        Their 95 % quantile.
    width : float
        The level minus the median; if they are equal, the maximum minus the level; if
        all scores are equal, what rounding does not reach.
    """
    median, level = np.quantile(own_scores, [0.5, LEVEL])
    for width in (level - median, own_scores.max() - level):
        if width > max(RELATIVE * abs(level), ABSOLUTE):
            return level, width
    return level, max(RELATIVE * abs(level), ABSOLUTE)
