"""Random insertion, the baseline of attacks that insert rows."""

import numpy as np

from skpoison.attacks._class_map import draw_wrong_labels
from skpoison.base import BasePoisoner, Poison


class RandomInsertion(BasePoisoner):
    """Insert clones of random training rows with flipped labels.

    Attacks that optimise the rows they insert start from such clones, which makes this
    the baseline that each of them must beat. The features are copied but not read, so
    any X passes through: strings, categories and missing values too.

    Parameters
    ----------
    budget : float or int, default=0.1
        Number of rows to insert, as a share of the training rows (float, n_p / n), or
        as it is (int). A row is cloned again only when every row has been cloned.
    class_map : dict, default=None
        Which labels may become which, such as ``{8: 3}``: only rows of the classes
        among the keys are cloned, each with its value as its label. None: any row may
        be cloned, with any other label, each with the same probability.
    random_state : int, RandomState instance or None, default=None
        Seed of the choice of rows and labels.

    Attributes
    ----------
    poison_mask_ : ndarray of shape (n_samples_out,) of bool
        Which rows of the output are poisoned: the last ones.
    contamination_ : float
        Their share of the output, n_p / (n + n_p).
    classes_ : ndarray of shape (n_classes,)
        The class labels.
    n_features_in_ : int
        Number of features seen.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X is a dataframe.

    See Also
    --------
    RandomLabelFlip : Flips labels of the rows themselves.
    skpoison.defences.OutlierFilteredClassifier : A defence against it.

    Notes
    -----
    Trusted rows can be cloned like any other: the clone is another row.

    The back-gradient attack of [1]_ starts from such points (its Section 5).

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
            self.class_map, self.classes_, y, np.arange(y.shape[0]), random_state
        )
        return Poison(
            X_inserted=np.resize(rows, n_poison), y_inserted=np.resize(labels, n_poison)
        )
