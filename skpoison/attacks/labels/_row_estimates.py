r"""Estimates of the error that test rows will show after flips.

There are three, on rows of which none is a test row:

* the training rows, by the surrogate that has learnt all of them;
* the training rows, each by a surrogate that has learnt other folds;
* rows mixed of the training rows, which no surrogate has learnt
  (:mod:`skpoison.attacks.labels._mixed_rows`).

With 300 rows each of them is a count of few errors, and much of it is chance: whether a
row near the boundary has one label or the other. So the error is smoothed, and the
label of each row is one half the one that it has, one half what the surrogate that has
learnt the clean labels believes of it. With shares :math:`q_{jc}` of the labels and
scores :math:`z_j` the error of a row is

.. math::

    1 - \sum_c q_{jc} \operatorname{softmax}(\kappa z_j / s)_c .

The scale s is the median over the rows of the difference between the highest score and
the second. A mean square would be that of the few highest scores, if these have heavy
tails (as those of a polynomial kernel have), and hardly any row would count as more
than half an error.
"""

import numpy as np

from skpoison.bilevel.losses import softmax

# How sharp the step is, and that of what is believed of the labels.
SHARPNESS, BELIEF = 5.0, 2.0


def chances(scores, sharpness):
    """Return smoothed indicators of the class predicted.

    Parameters
    ----------
    scores : ndarray of shape (n_rows, n_outputs)
        The scores; of two classes one output.
    sharpness : float
        Factor of scores of unit scale: the larger, the closer to indicators.

    Returns
    -------
    chances : ndarray of shape (n_rows, n_classes)
        They sum to 1.
    """
    if scores.shape[1] == 1:
        scores = np.hstack([-scores, scores]) / 2
    second, first = np.partition(scores, (-2, -1))[:, -2:].T
    leads = first - second
    scale = np.median(leads) or leads.max() or 1.0
    return softmax(sharpness / scale * scores)[0]


class RowEstimates:
    """The error after flips, by two or three estimates.

    Parameters
    ----------
    whole : ProblemPart or FitPart
        The surrogate that learns from all rows. Its validation rows are the training
        rows, and after them those mixed of them, if there are any.
    parts : list of ProblemPart or FitPart
        Surrogates that learn from some rows.
    folds : list of Fold
        The rows of each of them. They are measured on the others.
    codes : ndarray of shape (n_samples,) of int
        The clean labels, as positions among the classes.
    codes_mixed : ndarray of shape (n_mixed,) of int
        The labels of the mixed rows.
    """

    def __init__(self, whole, parts, folds, codes, codes_mixed):
        self.whole, self.parts, self.folds, self.codes = whole, parts, folds, codes
        self._shares = []
        labels = [codes, codes, codes_mixed]
        for scores, own in zip(self._scores(codes), labels, strict=False):
            believed = chances(scores, BELIEF)
            self._shares.append((np.eye(believed.shape[1])[own] + believed) / 2)

    def errors(self, codes):
        """Estimate the error after flips.

        Parameters
        ----------
        codes : ndarray of shape (n_samples,) of int
            The labels after them, as positions among the classes.

        Returns
        -------
        errors : ndarray of shape (n_estimates,), or None
            None if one of the surrogates would lose the last row of a class.
        """
        for fold in self.folds:
            present = np.unique(self.codes[fold.train])
            if not np.isin(present, codes[fold.train]).all():
                return None
        pairs = zip(self._scores(codes), self._shares, strict=True)
        return np.array(
            [
                1 - (shares * chances(scores, SHARPNESS)).sum(axis=1).mean()
                for scores, shares in pairs
            ]
        )

    def _scores(self, codes):
        """Return the scores that each estimate is made of."""
        learnt, mixed = np.split(self.whole.scores(codes), [codes.shape[0]])
        left_out = np.empty_like(learnt)
        for part, fold in zip(self.parts, self.folds, strict=True):
            left_out[fold.rows] = part.scores(codes[fold.train])
        return [learnt, left_out, mixed] if mixed.size else [learnt, left_out]
