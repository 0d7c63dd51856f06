"""Label flips by the distance to the decision boundary."""

import numpy as np
from sklearn.base import clone
from sklearn.utils._param_validation import StrOptions

from skpoison.attacks.labels._base import BaseLabelFlip
from skpoison.attacks.labels._class_scores import class_scores, margins
from skpoison.utils._callbacks import Progress


class MarginLabelFlip(BaseLabelFlip):
    r"""Flip the labels of rows by their distance to the decision boundary.

    A surrogate learns from the clean rows. The margin of a row,

    .. math::

        m_i = f_{y_i}(x_i) - \max_{c \neq y_i} f_c(x_i) ,

    is the score of its own class minus the best of the others; for a linear surrogate
    of two classes it is proportional to the distance to the hyperplane. Rows are
    flipped in the order of their margins. Misclassified rows come last in either order,
    because flipping them would help the victim.

    The attack has no `goal` and needs no validation set: the order of the margins does
    not depend on what the attacker measures. `class_map` makes it error-specific.

    Parameters
    ----------
    surrogate : classifier, default=None
        What the attacker believes that the victim learns: any classifier, or a
        defence around one, or a
        search, which tunes one on the poisoned rows. None:
        LogisticRegression after a StandardScaler.
        It sees X as it is: a dataframe with its names, missing values too if it accepts
        them.
    budget : float or int, default=0.1
        Share of the training rows to flip (float, n_p / n), or their number (int).
    order : {"furthest", "nearest"}, default="furthest"
        "furthest": the rows furthest from the boundary first, each to the least likely
        class. These flips do the harm. "nearest": the nearest rows first, each to the
        most likely of the other classes. These flips do little harm and are hard to
        find.
    class_map : dict, default=None
        Which labels may become which, such as ``{8: 3}``: only rows of the classes
        among the keys are flipped, each to its value, and margins are those over that
        class. None: any label may become any other.
    known_fraction : float, default=1.0
        Share of the training rows that the attacker knows; only these are flipped.
    random_state : int, RandomState instance or None, default=None
        Seed of the order of rows with equal margins, of the rows known, and of a
        surrogate without a seed.

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
    surrogate_params_ : dict
        If the surrogate is a search: the setting that the poison was crafted for.

    See Also
    --------
    RandomLabelFlip : The baseline.
    GreedyLabelFlip : Flips the labels that raise a goal most.

    Notes
    -----
    For one seed the poison of a smaller budget is the beginning of that of a larger
    one. Both orders are baselines of [1]_.

    References
    ----------
    .. [1] H. Xiao, H. Xiao, C. Eckert, "Adversarial label flips attack on support
       vector machines", ECAI 2012.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skpoison.attacks import MarginLabelFlip
    >>> X, y = [[-3], [-2], [-1], [1], [2], [4]], [0, 0, 0, 1, 1, 1]
    >>> for order in ("furthest", "nearest"):
    ...     attack = MarginLabelFlip(LogisticRegression(), 1, order=order)
    ...     print(attack.fit_resample(X, y)[1])
    [0, 0, 0, 1, 1, 0]
    [0, 0, 0, 0, 1, 1]
    """

    _only_surrogate_reads = True
    _parameter_constraints: dict = {
        **BaseLabelFlip._parameter_constraints,
        "order": [StrOptions({"furthest", "nearest"})],
    }

    def __init__(
        self,
        surrogate=None,
        budget=0.1,
        *,
        order="furthest",
        class_map=None,
        known_fraction=1.0,
        random_state=None,
    ):
        super().__init__(
            surrogate, budget, known_fraction=known_fraction, random_state=random_state
        )
        self.order = order
        self.class_map = class_map

    def _flip(self, known, allowed, n_poison, random_state):
        progress = Progress(self, "fit", 1, every=0)
        fitted = clone(known.surrogate).fit(known.X, known.y)
        progress(np.nan)
        progress.end()
        below = margins(class_scores(fitted, known.X, known.classes), known.codes)
        over_best = np.where(allowed, below, np.inf)
        margin = over_best.min(axis=1)
        if self.order == "nearest":
            new, distance = over_best.argmin(axis=1), np.abs(margin)
        else:
            new, distance = np.where(allowed, below, -np.inf).argmax(axis=1), -margin
        rows = random_state.permutation(np.flatnonzero(allowed.any(axis=1)))
        order = np.lexsort((distance[rows], margin[rows] < 0))
        rows = rows[order[:n_poison]]
        return rows, new[rows]
