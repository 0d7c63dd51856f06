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

    @property
    def has_gradient(self):
        """Whether `with_gradients` is known."""
        return all(part is None or has_gradient(part) for part in self.parts)

    def with_gradients(self, X, y):
        """Return all scores of each row, and how they change with it.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features)
            The rows.
        y : ndarray of shape (n_rows,)
            Their labels.

        Returns
        -------
        scores : ndarray of shape (n_scores, n_rows)
            The largest of a row is its score.
        gradients : ndarray of shape (n_scores, n_rows, n_features)
        """
        found = []
        for rows, score in zip(self.groups(y), self.parts, strict=True):
            if rows.size and score is not None:
                found.append((rows, *_all_with_gradients(score, X[rows], y[rows])))
        n_scores = max((len(scores) for _, scores, _ in found), default=1)
        scores = np.zeros((n_scores, y.shape[0]))
        gradients = np.zeros((n_scores, *X.shape))
        for rows, of_rows, their_gradients in found:
            scores[:, rows], gradients[:, rows] = of_rows, their_gradients
        return scores, gradients


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

    @property
    def has_gradient(self):
        """Whether `with_gradient` is known."""
        return has_gradient(self.score)

    def with_gradient(self, X, y):
        """Return the scores of rows, and how each changes with its features.

        These are the first columns that are seen.
        """
        scores, gradients = self.score.with_gradient(self.view(X, y))
        return scores, gradients[:, : X.shape[1]]


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
        return np.max(self._scaled(scores), axis=0)

    @property
    def has_gradient(self):
        """Whether `with_gradients` is known."""
        return all(map(has_gradient, self.parts))

    def with_gradients(self, X, y):
        """Return the scores of rows in their units, and how they change with rows."""
        found = [score.with_gradient(X, y) for score in self.parts]
        gradients = [
            each / width
            for (_, each), (_, width) in zip(found, self.units, strict=True)
        ]
        scaled = self._scaled([scores for scores, _ in found])
        return np.array(scaled), np.array(gradients)

    def _scaled(self, scores):
        return [
            1 + (each - level) / width
            for each, (level, width) in zip(scores, self.units, strict=True)
        ]


def _all_with_gradients(score, X, y):
    if isinstance(score, LargestScore):
        return score.with_gradients(X, y)
    scores, gradients = score.with_gradient(X, y)
    return scores[np.newaxis], gradients[np.newaxis]


def has_gradient(score):
    """Return whether a score says how it changes with its row.

    Parameters
    ----------
    score : callable
        It has one of the methods `with_gradient` and `with_gradients`, unless an
        attribute `has_gradient` says that it has not.

    Returns
    -------
    has_gradient : bool
    """
    is_known = hasattr(score, "with_gradient") or hasattr(score, "with_gradients")
    return is_known and getattr(score, "has_gradient", True)


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
