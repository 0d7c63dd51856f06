"""Greedy search for label flips by a goal averaged over folds."""

from skpoison.attacks.labels._flip_search import FlipSearch


class FoldSearch(FlipSearch):
    """Flips whose goal is a mean over surrogates that learn from different rows.

    Parameters
    ----------
    folds : FoldMean
        A search for each fold.
    codes : ndarray of shape (n_samples,) of int
        The labels of all rows, as positions among the classes.
    """

    def __init__(self, folds, codes):
        super().__init__(codes)
        self.folds = folds
        self.exact_is_cheap = all(part.exact_is_cheap for part in folds.parts)

    def first_order_gains(self):
        """Return the change of the goal by each flip, to first order."""
        return self.folds.scatter_mean(lambda search, _: search.first_order_gains())

    def value(self):
        """Return the goal for the current labels."""
        return float(self.folds.mean(lambda search, _: search.value()))

    def values(self, rows, new):
        """Return the goal after each of several flips."""
        return self.folds.mean_of_changes(
            rows, lambda search, places, learnt: search.values(places, new[learnt])
        )

    def flip(self, row, new):
        """Flip a label."""
        super().flip(row, new)
        for search, places in zip(self.folds.parts, self.folds.places, strict=True):
            if places[row] >= 0:
                search.flip(places[row], new)
