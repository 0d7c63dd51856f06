"""KNN-Shapley values (Jia et al. 2019, theorem 1) as a defence."""

import numpy as np
from sklearn.metrics import pairwise_distances

from skpoison.base import BaseRowFilter


class KNNShapleyFilter(BaseRowFilter):
    """Drop the rows that make 5 nearest neighbours predict the other rows worse."""

    def _score_rows(self, X, y, *, trusted):
        order = np.argsort(pairwise_distances(X), axis=1)[:, 1:]  # without the row
        agree = (y[order] == y[:, np.newaxis]).astype(float)
        rank = np.arange(1, len(y))
        agree[:, :-1] -= agree[:, 1:]  # gain of each neighbour on the next farther one
        agree *= np.minimum(5, rank) / (5 * rank)
        values = np.cumsum(agree[:, ::-1], axis=1)[:, ::-1]
        return -np.bincount(order.ravel(), values.ravel(), minlength=len(y))
