r"""The error that test rows will show, estimated on few rows of uncertain labels.

With 300 rows an error is a count of few errors, and much of it is chance: whether a row
near the boundary has one label or the other. So the error is smoothed, and the label of
each row is one half the one that it has, one half what the surrogate that has learnt
the clean labels believes of it. With shares :math:`q_{jc}` of the labels and scores
:math:`z_j` the error of a row is

.. math::

    1 - \sum_c q_{jc} \operatorname{softmax}(\kappa z_j / s)_c .

The scale s is the median over the rows of the difference between the highest score and
the second. A mean square would be that of the few highest scores, if these have heavy
tails (as those of a polynomial kernel have), and hardly any row would count as more
than half an error.

The rows are of several kinds, and each kind counts as much as another, however many
rows it has: those that the surrogate has learnt, and those mixed of them
(:mod:`skpoison.attacks.labels._mixed_rows`), which it has not.
"""

from dataclasses import dataclass

import numpy as np

from skpoison.bilevel.goals import Measure
from skpoison.bilevel.losses import softmax

# How sharp the step is, and that of what is believed of the labels.
SHARPNESS, BELIEF = 5.0, 2.0


@dataclass(frozen=True)
class BelievedError(Measure):
    """The smoothed error for labels in shares.

    Parameters
    ----------
    shares : tuple of ndarray of shape (n_rows_of_kind, n_classes)
        For each kind of rows the share that each of them has of each label; they sum to
        1.
    sharpness : float, default=5.0
        Factor of scores of unit scale: the larger, the closer to the error itself.
    sign : {1, -1}, default=1
        1 to maximise the error for these labels, -1 to minimise it.
    """

    shares: tuple[np.ndarray, ...]
    sharpness: float = SHARPNESS
    sign: int = 1

    def values(self, scores):
        """Compute the goal for many scores at once."""
        kinds = [kind.mean(axis=0) for kind in self._of_kinds(scores)]
        return np.mean(kinds, axis=0)

    def gradient(self, scores):
        """Compute the gradient of the goal in the scores, with the scale held.

        That of the median is the gradient of a single row, and says nothing of what
        more than the smallest change of labels does to it.
        """
        parts = []
        kinds = zip(self.shares, self._parted(scores), strict=True)
        for shares, part in kinds:
            p, unit = _chances(part[:, np.newaxis], self.sharpness)
            p = p[:, 0]
            right = (shares * p).sum(axis=1, keepdims=True)
            factor = -self.sign * unit / (part.shape[0] * len(self.shares))
            slopes = factor * p * (shares - right)
            if scores.shape[1] == 1:
                slopes = (slopes[:, 1:] - slopes[:, :1]) / 2
            parts.append(slopes)
        return np.concatenate(parts)

    def _of_kinds(self, scores):
        """Compute the error of each row for many scores, by kinds of rows."""
        kinds = zip(self.shares, self._parted(scores), strict=True)
        return [
            self.sign
            * (1 - np.einsum("ic,imc->im", shares, _chances(part, self.sharpness)[0]))
            for shares, part in kinds
        ]

    def _parted(self, scores):
        sizes = [shares.shape[0] for shares in self.shares]
        return np.split(scores, np.cumsum(sizes)[:-1])


def believed_shares(scores, codes):
    """Return labels that are half those given, half those that scores speak for.

    Parameters
    ----------
    scores : ndarray of shape (n_rows, n_outputs)
        The scores of a surrogate; of two classes one output.
    codes : ndarray of shape (n_rows,) of int
        The labels, as positions among the classes.

    Returns
    -------
    shares : ndarray of shape (n_rows, n_classes)
        They sum to 1.
    """
    believed = _chances(scores[:, np.newaxis], BELIEF)[0][:, 0]
    return (np.eye(believed.shape[1])[codes] + believed) / 2


def _chances(scores, sharpness):
    """Compute smoothed indicators of the class predicted, and the factor of scores.

    For scores of shape (n_rows, n_many, n_outputs) an array of shape (n_rows, n_many,
    n_classes), and one of shape (n_many, 1).
    """
    if scores.shape[2] == 1:
        scores = np.concatenate([-scores, scores], axis=2) / 2
    second, first = np.moveaxis(np.partition(scores, (-2, -1))[:, :, -2:], 2, 0)
    leads = first - second
    scale = np.median(leads, axis=0)
    scale = np.where(scale > 0, scale, leads.max(axis=0))
    factor = (sharpness / np.where(scale > 0, scale, 1.0))[:, np.newaxis]
    flat = (factor * scores).reshape(-1, scores.shape[2])
    return softmax(flat)[0].reshape(scores.shape), factor
