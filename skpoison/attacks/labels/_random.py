"""Random label flips, the baseline of label attacks."""

import numpy as np

from skpoison.attacks._class_map import budget_error, draw_wrong_labels
from skpoison.base import BasePoisoner, Poison


class RandomLabelFlip(BasePoisoner):
    """Flip the labels of random rows.

    The features are neither read nor changed, so any X passes through: strings,
    categories and missing values too.

    Parameters
    ----------
    budget : float or int, default=0.1
        Share of the training rows to flip (float, n_p / n), or their number (int).
    class_map : dict, default=None
        Which labels may become which, such as ``{8: 3}``: only rows of the classes
        among the keys are flipped, each to its value. None: any label may become any
        other, each with the same probability.
    random_state : int, RandomState instance or None, default=None
        Seed of the choice of rows and labels.

    Attributes
    ----------
    poison_mask_ : ndarray of shape (n_samples,) of bool
        Which rows are flipped.
    contamination_ : float
        Their share.
    classes_ : ndarray of shape (n_classes,)
        The class labels.
    n_features_in_ : int
        Number of features seen.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X is a dataframe.

    See Also
    --------
    RandomInsertion : Inserts rows with wrong labels instead.
    skpoison.defences.KNNSanitizedClassifier : A defence against it.

    Notes
    -----
    This is class-conditional label noise as in [1]_: uniform noise without a
    `class_map`, asymmetric noise with one.

    References
    ----------
    .. [1] N. Natarajan, I. S. Dhillon, P. Ravikumar, A. Tewari, "Learning with noisy
       labels", NIPS 2013.

    Examples
    --------
    >>> from skpoison.attacks import RandomLabelFlip
    >>> X, y = [[0], [1], [2], [3], [4]], [8, 8, 8, 3, 1]
    >>> attack = RandomLabelFlip(budget=2, class_map={8: 3}, random_state=0)
    >>> attack.fit_resample(X, y)
    ([[0], [1], [2], [3], [4]], [8, 3, 3, 3, 1])
    >>> attack.poison_mask_
    array([False,  True,  True, False, False])
    """

    _reads_features = False

    _parameter_constraints: dict = {
        **BasePoisoner._parameter_constraints,
        "class_map": [dict, None],
    }

    def __init__(self, budget=0.1, *, class_map=None, random_state=None):
        super().__init__(budget, random_state=random_state)
        self.class_map = class_map

    def _poison(self, X, y, *, n_poison, trusted, random_state):
        rows, labels = draw_wrong_labels(
            self.class_map, self.classes_, y, np.flatnonzero(~trusted), random_state
        )
        if n_poison > rows.shape[0]:
            raise budget_error(
                self.budget,
                n_poison,
                rows.shape[0],
                class_map=self.class_map,
                trusted=trusted,
            )
        y = y.copy()
        y[rows[:n_poison]] = labels[:n_poison]
        return Poison(y=y)
