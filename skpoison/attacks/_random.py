"""What does poison do that nobody has optimised?

Both attacks here choose rows at random and give each a wrong label: one changes the
rows themselves, the other inserts clones of them. They are the baselines that every
other attack must beat. For one seed the poison of a smaller budget is the beginning of
that of a larger one, so that points of a robustness curve are comparable.
"""

import numpy as np

from skpoison.attacks._class_map import too_many, wanted_codes
from skpoison.base import BasePoisoner, Poison


class _BaseRandomPoisoner(BasePoisoner):
    _reads_features = False

    _parameter_constraints: dict = {
        **BasePoisoner._parameter_constraints,
        "class_map": [dict, None],
    }

    def __init__(self, budget=0.1, *, class_map=None, random_state=None):
        super().__init__(budget, random_state=random_state)
        self.class_map = class_map

    def _draw(self, y, candidates, random_state):
        """Shuffle the candidates, and draw a wrong label for each.

        All of them are drawn whatever the budget: that nests the poison of budgets.
        """
        codes = np.searchsorted(self.classes_, y)
        if self.class_map is not None:
            wanted = wanted_codes(self.class_map, self.classes_)
            candidates = candidates[wanted[codes[candidates]] >= 0]
        rows = random_state.permutation(candidates)
        if self.class_map is not None:
            return rows, self.classes_[wanted[codes[rows]]]
        n_classes = self.classes_.shape[0]
        shifts = random_state.randint(1, n_classes, size=rows.shape[0])
        return rows, self.classes_[(codes[rows] + shifts) % n_classes]


class RandomLabelFlip(_BaseRandomPoisoner):
    """Flip the labels of random rows.

    The features are neither read nor changed, so any X passes through: strings,
    categories and missing values too.

    Parameters
    ----------
    budget : float or int, default=0.1
        Share of the training rows to flip (float, n_p / n), or their number (int).
    class_map : dict, default=None
        Wrong labels wanted, such as ``{8: 3}``: only rows of the classes among the
        keys are flipped, each to its value. None: every row can be flipped, to any
        other class with equal probability.
    random_state : int, RandomState instance or None, default=None
        Seed of the choice of rows and labels.

    Attributes
    ----------
    poison_mask_ : ndarray of shape (n_samples,) of bool
        Which rows have been flipped.
    contamination_ : float
        Their share.
    classes_ : ndarray of shape (n_classes,)
        The labels seen.
    sampling_strategy_ : dict
        Always empty; imbalanced-learn asks every sampler for it.
    n_features_in_ : int
        Number of features seen.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Their names, where X is a dataframe.

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

    def _poison(self, X, y, *, n_poison, trusted, random_state):
        rows, labels = self._draw(y, np.flatnonzero(~trusted), random_state)
        if n_poison > rows.shape[0]:
            raise too_many(self.budget, n_poison, rows.shape[0])
        y = y.copy()
        y[rows[:n_poison]] = labels[:n_poison]
        return Poison(y=y)


class RandomInsertion(_BaseRandomPoisoner):
    """Insert clones of random training rows with flipped labels.

    It is where attacks that optimise the rows they insert start from, and so the
    baseline that each of them must beat. The features are copied but not read, so any
    X passes through: strings, categories and missing values too.

    Parameters
    ----------
    budget : float or int, default=0.1
        Number of rows to insert, as a share of the training rows (float, n_p / n), or
        as it is (int). A row is cloned again only when every row has been cloned.
    class_map : dict, default=None
        Wrong labels wanted, such as ``{8: 3}``: only rows of the classes among the
        keys are cloned, each with its value as its label. None: every row can be
        cloned, with any other label with equal probability.
    random_state : int, RandomState instance or None, default=None
        Seed of the choice of rows and labels.

    Attributes
    ----------
    poison_mask_ : ndarray of shape (n_samples_out,) of bool
        Which rows of the output are poisoned: the last ones.
    contamination_ : float
        Their share of the output, n_p / (n + n_p).
    classes_ : ndarray of shape (n_classes,)
        The labels seen.
    sampling_strategy_ : dict
        Always empty; imbalanced-learn asks every sampler for it.
    n_features_in_ : int
        Number of features seen.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Their names, where X is a dataframe.

    See Also
    --------
    RandomLabelFlip : Flips labels of the rows themselves.
    skpoison.defences.OutlierFilteredClassifier : A defence against it.

    Notes
    -----
    Rows that are trusted can be cloned like any other: the clone is another row.

    The back-gradient attack of [1]_ climbs from such points (its Section 5).

    References
    ----------
    .. [1] L. Muñoz-González, B. Biggio, A. Demontis, A. Paudice, V. Wongrassamee,
       E. C. Lupu, F. Roli, "Towards poisoning of deep learning algorithms with
       back-gradient optimization", AISec 2017.

    Examples
    --------
    >>> from skpoison.attacks import RandomInsertion
    >>> X, y = [[0], [1], [2], [3]], ["ham", "ham", "spam", "spam"]
    >>> attack = RandomInsertion(budget=0.5, random_state=0)
    >>> attack.fit_resample(X, y)
    ([[0], [1], [2], [3], [2], [3]], ['ham', 'ham', 'spam', 'spam', 'ham', 'ham'])
    >>> attack.poison_mask_
    array([False, False, False, False,  True,  True])
    """

    def _poison(self, X, y, *, n_poison, trusted, random_state):
        rows, labels = self._draw(y, np.arange(y.shape[0]), random_state)
        if n_poison and not rows.shape[0]:
            raise too_many(self.budget, n_poison, rows.shape[0])
        return Poison(
            X_inserted=np.resize(rows, n_poison), y_inserted=np.resize(labels, n_poison)
        )
