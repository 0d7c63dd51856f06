"""Insertion of rows of a subpopulation with wrong labels."""

from numbers import Real

import numpy as np
from sklearn.utils._param_validation import Interval

from skpoison.attacks._base import BaseSurrogateAttack
from skpoison.attacks._class_map import allowed_flips, budget_error
from skpoison.attacks._subpopulations import (
    SUBPOPULATIONS,
    by_frequency,
    check_subpopulations,
    find_subpopulations,
    worst_labels,
)
from skpoison.base import Poison


class SubpopulationInsertion(BaseSurrogateAttack):
    r"""Insert rows of subpopulations, each with the label that fits it least.

    The rows that the attacker knows are clustered. Clones of the rows of a cluster
    :math:`G` are inserted with the label that a surrogate, fitted on the clean rows,
    likes least there [1]_,

    .. math::

        c(G) = \arg\min_c \frac{1}{|G|} \sum_{i \in G} f_c(x_i) .

    One cluster after the other is attacked, first those whose rows the surrogate is
    least sure of, each with `rate` times as many rows as it has, until the budget is
    spent: a victim that is right about everybody else errs on them.

    Parameters
    ----------
    surrogate : classifier, default=None
        What the attacker believes that the victim learns: any classifier. None:
        LogisticRegression after a StandardScaler.
    budget : float or int, default=0.1
        Number of rows to insert, as a share of the training rows (float, n_p / n), or
        as it is (int).
    rate : float, default=2.0
        How many rows are inserted for each row of a cluster before the next one is
        attacked. As many as there are, 1.0, leave a victim undecided.
    clusterer : clusterer or Pipeline, default=None
        Finds the subpopulations: an estimator with `fit` and `predict`. None:
        KMeans after a scaler, with 25 rows a cluster on average and at most 100
        clusters.
    member : callable, default=None
        ``member(X)`` returns a boolean for each row: whether it belongs to the one
        subpopulation that is attacked. X is an array, or a CSR matrix, even if the rows
        come as a dataframe;
        :func:`~skpoison.model_selection.subpopulation_scorer` passes what it is given.
        None: the clusters are the subpopulations.
    class_map : dict, default=None
        Which labels may become which, such as ``{8: 3}``: only rows of the classes
        among the keys are cloned, each with its value as its label. None: any other
        label.
    known_fraction : float, default=1.0
        Share of the training rows that the attacker knows; only these are cloned.
    random_state : int, RandomState instance or None, default=None
        Seed of the clusters, of the rows known, and of a surrogate without a seed.

    Attributes
    ----------
    poison_mask_ : ndarray of shape (n_samples_out,) of bool
        Which rows of the output are poisoned: the last ones.
    contamination_ : float
        Their share of the output, n_p / (n + n_p).
    clusterer_ : clusterer
        The fitted clusterer: ``clusterer_.predict(X)`` finds the cluster of other rows.
        Not for a budget of 0, nor with `member`.
    subpopulations_ : ndarray of shape (n_attacked,) of int
        The clusters that are attacked, those with the most inserted rows first; 0 for
        that of `member`. Not for a budget of 0.
    classes_ : ndarray of shape (n_classes,)
        The class labels.
    n_features_in_ : int
        Number of features seen.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X is a dataframe.

    See Also
    --------
    SubpopulationLabelFlip : Flips the labels of the rows themselves.
    skpoison.model_selection.subpopulation_scorer : The damage inside and beside it.
    skpoison.goals.WeightedScores : A goal on the scores of a group.

    Notes
    -----
    In [1]_ the attacker clones rows of their own, which the victim does not have;
    `known_fraction` comes close to that.

    References
    ----------
    .. [1] M. Jagielski, G. Severi, N. Pousette Harger, A. Oprea, "Subpopulation data
       poisoning attacks", CCS 2021.

    Examples
    --------
    >>> from sklearn.cluster import KMeans
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from skpoison.attacks import SubpopulationInsertion
    >>> X = [[0.0], [0.1], [0.2], [5.0], [5.1], [5.2], [9.0], [9.1]]
    >>> y = [0, 0, 0, 1, 1, 1, 1, 1]
    >>> clusters = KMeans(3, n_init=1, random_state=0)
    >>> attack = SubpopulationInsertion(budget=6, clusterer=clusters)
    >>> X_out, y_out = attack.fit_resample(X, y)
    >>> X_out[8:], y_out[8:]
    ([[0.0], [0.1], [0.2], [0.0], [0.1], [0.2]], [1, 1, 1, 1, 1, 1])
    >>> KNeighborsClassifier().fit(X_out, y_out).predict([[0.3], [5.0], [8.0]])
    array([1, 1, 1])
    """

    _needs_classifier = True
    _parameter_constraints: dict = {
        **BaseSurrogateAttack._parameter_constraints,
        **SUBPOPULATIONS,
        "rate": [Interval(Real, 0, None, closed="neither")],
        "class_map": [dict, None],
    }

    def __init__(
        self,
        surrogate=None,
        budget=0.1,
        *,
        rate=2.0,
        clusterer=None,
        member=None,
        class_map=None,
        known_fraction=1.0,
        random_state=None,
    ):
        super().__init__(
            surrogate, budget, known_fraction=known_fraction, random_state=random_state
        )
        self.rate = rate
        self.clusterer = clusterer
        self.member = member
        self.class_map = class_map

    def _start(self, known):
        check_subpopulations(self)
        self._allowed(known)

    def _allowed(self, known):
        # Clones are other rows: those that are trusted can be cloned like any other.
        everything = np.ones(known.codes.shape[0], dtype=bool)
        return allowed_flips(self.class_map, known.classes, known.codes, everything)

    def _attack(self, known, n_poison, random_state):
        groups = find_subpopulations(self, known.X, random_state)
        allowed = self._allowed(known) & (groups >= 0)[:, np.newaxis]
        order, new, shared = worst_labels(self, known, allowed, groups)
        order = order[shared[order]]
        if not order.size:
            raise budget_error(
                self.budget,
                n_poison,
                0,
                class_map=self.class_map,
                trusted=np.zeros_like(known.trusted),
                known_fraction=self.known_fraction,
            )
        cloned = []
        # In the order in which they first occur.
        for group in dict.fromkeys(groups[order].tolist()):
            rows = order[groups[order] == group]
            cloned.append(np.resize(rows, max(1, round(self.rate * rows.shape[0]))))
        rows = np.resize(np.concatenate(cloned), n_poison)
        self.subpopulations_ = by_frequency(groups[rows])
        return Poison(X_inserted=rows, y_inserted=known.classes[new[rows]])
