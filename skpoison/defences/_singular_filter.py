"""Rounds of a filter by scores along a top singular vector."""

from abc import abstractmethod
from numbers import Integral

import numpy as np
from sklearn.utils._param_validation import Interval

from skpoison.defences._concentration import threshold_that_keeps
from skpoison.defences._share_filter import BaseShareFilter, Judgement
from skpoison.defences._singular_scores import singular_scores

# Largest number of fits after which no more rows are taken back.
MAX_FITS = 20


class BaseSingularFilter(BaseShareFilter):
    """Base of the filters by top singular vectors: SEVER, spectral signatures.

    In each round, the estimator is fitted to the rows that are left; the rows of each
    class are scored along their top singular vector, and those with the highest scores
    are left out. The scores of a row are in units of the threshold of its class in the
    round in which it is left out, or in the last one.
    """

    _parameter_constraints: dict = {
        **BaseShareFilter._parameter_constraints,
        "n_rounds": [Interval(Integral, 1, None, closed="left")],
    }

    _goes_on_from_larger_shares = False
    # How many times the contamination is left out.
    _excess = 1.0

    @abstractmethod
    def _products(self, model, task):
        """Return the outer products by which the rows are scored."""

    def _threshold(self, deviations, weights, budget, n_rounds, random_state):
        """Return the deviation from which on rows are left out in this round.

        Parameters
        ----------
        deviations, weights : ndarray of shape (n_rows,)
            The squared deviations of rows of a class that can be left out, and their
            weights.
        budget : float
            The sum of weights that can be left out, in this round and later ones.
        n_rounds : int
            Number of rounds, with this one.
        random_state : RandomState instance
            The random state.
        """
        kept = weights.sum() - budget / n_rounds
        return threshold_that_keeps(deviations, weights, kept)

    def _judge(self, task, shares, random_state, *, limits):
        judgements = []
        first = task.refits.fit(np.flatnonzero(task.kept | task.movable))
        for share in shares:
            scores, model = self._leave_out(task, share, random_state, first)
            found = scores, task.refits.losses(model)
            thresholds = np.ones(task.codes.max() + 1)
            judgements.append([])
            for limit in limits:
                scores, losses = found
                if limit is not None:
                    scores, losses = _take_back(task, *found, limit)
                judgements[-1].append(Judgement(scores, thresholds, losses))
        return judgements

    def _leave_out(self, task, share, random_state, model):
        """Leave out a share of each class, in rounds.

        The model is the one that is fitted to all rows. Returns the scores, of at least
        1 for rows that are left out, and the model that is fitted to the others.
        """
        left = task.kept | task.movable
        scores = np.zeros(task.codes.shape[0])
        # However many rows are trusted, all others may be poison.
        budgets = np.minimum(
            self._excess * share * np.bincount(task.codes, task.weights * left),
            np.bincount(task.codes, task.weights * task.movable),
        )
        for n_rounds in range(self.n_rounds, 0, -1):
            if share == 0:
                break
            products = self._products(model, task)
            for group in range(budgets.shape[0]):
                rows = np.flatnonzero(left & (task.codes == group))
                weights, movable = task.weights[rows], task.movable[rows]
                deviations = singular_scores(products.take(rows), weights, random_state)
                threshold = self._threshold(
                    deviations[movable],
                    weights[movable],
                    budgets[group],
                    n_rounds,
                    random_state,
                )
                if np.isinf(threshold):  # all scores are below 1
                    threshold = np.nextafter(deviations.max(), np.inf)
                scores[rows] = deviations / threshold
                out = rows[movable & (deviations >= threshold)]
                left[out] = False
                budgets[group] -= task.weights[out].sum()
            model = task.refits.fit(np.flatnonzero(left))
        return scores, model


def _take_back(task, scores, losses, limit):
    """Take back rows that the estimator fitted to the others does not contradict.

    Returns scores of at least 1 for rows that have been left out and whose loss is
    large, and the losses by the estimator fitted to all others.
    """
    left_out = (scores >= 1) & task.movable
    rows = np.flatnonzero((task.kept | task.movable) & ~left_out)
    for _ in range(MAX_FITS):
        relative = losses / limit(losses)[task.codes]
        counted = ~left_out | (relative < 1)
        again = np.flatnonzero((task.kept | task.movable) & counted)
        if np.array_equal(again, rows):
            break
        rows = again
        losses = task.refits.losses(task.refits.fit(rows))
    relative = losses / limit(losses)[task.codes]
    return np.minimum(scores, relative), losses
