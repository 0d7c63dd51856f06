"""A custom attack: flipped labels of the largest rows."""

import numpy as np
from sklearn.utils.extmath import row_norms

from skpoison.base import BasePoisoner, Poison


class LargestRowFlip(BasePoisoner):
    """Flip the labels of the rows that lie farthest from the origin."""

    def _poison(self, X, y, *, n_poison, trusted, random_state):
        order = np.argsort(-row_norms(X), kind="stable")
        rows = order[~trusted[order]][:n_poison]
        if len(rows) < n_poison:
            raise ValueError(f"budget={self.budget!r} is more than can be flipped.")
        codes = np.searchsorted(self.classes_, y)
        y = y.copy()
        y[rows] = self.classes_[(codes[rows] + 1) % len(self.classes_)]
        return Poison(y=y)
