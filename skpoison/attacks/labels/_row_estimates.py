r"""Estimates of the error that test rows will show after flips.

There are two, both by the surrogate that has learnt all rows, as the victim will:

* on the training rows. What it makes of them may suit single ones;
* on rows mixed of them, which it has not learnt
  (:mod:`skpoison.attacks.labels._mixed_rows`).

With 300 rows either of them is a count of few errors, and much of it is chance: whether
a row near the boundary has one label or the other. So the error is smoothed, and the
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
    """The error after flips, by two estimates, or one.

    Parameters
    ----------
    part : ProblemPart or FitPart
        The surrogate that learns from all rows. Its validation rows are the training
        rows, and after them those mixed of them, if there are any.
    labels : ndarray of shape (n_val,) of int
        Their labels, as positions among the classes.
    codes : ndarray of shape (n_samples,) of int
        The clean labels of the training rows.
    """

    def __init__(self, part, labels, codes):
        self.part, self._n_samples = part, codes.shape[0]
        self._shares = []
        pairs = zip(self._parted(part.scores(codes)), self._parted(labels), strict=True)
        for scores, own in pairs:
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
        errors : ndarray of shape (n_estimates,)
        """
        scores = self._parted(self.part.scores(codes))
        return np.array(
            [
                1 - (shares * chances(each, SHARPNESS)).sum(axis=1).mean()
                for each, shares in zip(scores, self._shares, strict=True)
            ]
        )

    def _parted(self, values):
        """Divide values of training rows from those of mixed rows."""
        parts = np.split(values, [self._n_samples])
        return [each for each in parts if each.shape[0]]
