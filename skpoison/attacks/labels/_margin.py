"""Label flips by the distance to the decision boundary."""

import numpy as np
from sklearn.utils._param_validation import StrOptions

from skpoison.attacks.labels._base import BaseLabelFlip
from skpoison.attacks.labels._class_scores import class_scores, margins


class MarginLabelFlip(BaseLabelFlip):
    r"""Flip the labels of rows by their distance to the boundary.

    A surrogate learns from the clean rows. The margin of a row,

    .. math::

        m_i = f_{y_i}(x_i) - \max_{c \neq y_i} f_c(x_i) ,

    says how far the score of its own class is above the best of the others; for a
    linear surrogate of two classes it is proportional to the distance to the
    hyperplane. Rows are flipped in the order of their margins. Those that the surrogate
    gets wrong come last in either order: to flip them would help the victim.

    Parameters
    ----------
    surrogate : classifier, default=None
        What the attacker believes that the victim learns: any classifier. None:
        LogisticRegression after a StandardScaler.
    budget : float or int, default=0.1
        Share of the training rows to flip (float, n_p / n), or their number (int).
    order : {"furthest", "nearest"}, default="furthest"
        "furthest": the rows furthest from the boundary first, each to the least likely
        class. They do the harm. "nearest": the nearest first, each to the most likely
        of the other classes. They do little, and are hard to find.
    class_map : dict, default=None
        Wrong labels wanted, such as ``{8: 3}``: only rows of the classes among the
        keys are flipped, each to its value, and margins are those over that class.
        None: every row can be flipped.
    random_state : int, RandomState instance or None, default=None
        Seed of the order of rows of the same margin.

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
    RandomLabelFlip : The baseline.
    GreedyLabelFlip : Flips what harms most.

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
        random_state=None,
    ):
        super().__init__(
            surrogate, budget, class_map=class_map, random_state=random_state
        )
        self.order = order

    def _flip(self, X, codes, allowed, n_poison, random_state, folds):
        scores = class_scores(self._fitted(X, codes), X, self.classes_)
        below = margins(scores, codes)
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
