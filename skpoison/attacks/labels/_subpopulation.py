"""Label flips of a subpopulation."""

import numpy as np

from skpoison.attacks._subpopulations import (
    SUBPOPULATIONS,
    by_frequency,
    check_subpopulations,
    find_subpopulations,
    worst_labels,
)
from skpoison.attacks.labels._base import BaseLabelFlip


class SubpopulationLabelFlip(BaseLabelFlip):
    r"""Flip the labels of whole subpopulations, each to the label that fits least.

    The rows that the attacker knows are clustered. In each cluster :math:`G` every row
    is to get the label that a surrogate, fitted on the clean rows, likes least there,

    .. math::

        c(G) = \arg\min_c \frac{1}{|G|} \sum_{i \in G} f_c(x_i) ,

    as in [1]_. Clusters are flipped one after the other, first those whose rows the
    surrogate is least sure of: a victim that is right about everybody else errs on
    them. Accuracy as a whole hardly tells.

    Parameters
    ----------
    surrogate : classifier, default=None
        What the attacker believes that the victim learns: any classifier, or a
        defence around one. None:
        LogisticRegression after a StandardScaler.
    budget : float or int, default=0.1
        Share of the training rows to flip (float, n_p / n), or their number (int).
    clusterer : clusterer or Pipeline, default=None
        Finds the subpopulations: an estimator with `fit` and `predict`. None:
        KMeans after a scaler, with 25 rows a cluster on average and at most 100
        clusters.
    member : callable, default=None
        ``member(X)`` returns a boolean for each row: whether it belongs to the one
        subpopulation that is attacked. X is an array, or a CSR matrix, even if the rows
        come as a dataframe;
        :func:`~skpoison.model_selection.subpopulation_scorer` passes what it is given.
        Other rows are left alone. None: the clusters are the subpopulations.
    class_map : dict, default=None
        Which labels may become which, such as ``{8: 3}``. None: any label may become
        any other.
    known_fraction : float, default=1.0
        Share of the training rows that the attacker knows; only these are flipped.
    random_state : int, RandomState instance or None, default=None
        Seed of the clusters, of the rows known, and of a surrogate without a seed.

    Attributes
    ----------
    poison_mask_ : ndarray of shape (n_samples,) of bool
        Which rows are flipped.
    contamination_ : float
        Their share.
    clusterer_ : clusterer
        The fitted clusterer: ``clusterer_.predict(X)`` finds the cluster of other rows.
        Not for a budget of 0, nor with `member`.
    subpopulations_ : ndarray of shape (n_attacked,) of int
        The clusters in which rows are flipped, those with the most flips first; 0 for
        that of `member`. Not for a budget of 0.
    classes_ : ndarray of shape (n_classes,)
        The class labels.
    n_features_in_ : int
        Number of features seen.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X is a dataframe.

    See Also
    --------
    SubpopulationInsertion : Inserts rows of the subpopulation instead.
    MarginLabelFlip : The rows furthest from the boundary, whatever they have in common.
    skpoison.model_selection.subpopulation_scorer : The damage inside and beside it.

    Notes
    -----
    Rows that have the least fitting label of their cluster already come last; they get
    the label that fits them least.

    References
    ----------
    .. [1] M. Jagielski, G. Severi, N. Pousette Harger, A. Oprea, "Subpopulation data
       poisoning attacks", CCS 2021.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.cluster import KMeans
    >>> from skpoison.attacks import SubpopulationLabelFlip
    >>> X = [[0.0], [0.1], [0.2], [5.0], [5.1], [5.2], [9.0], [9.1]]
    >>> y = [0, 0, 0, 1, 1, 1, 1, 1]
    >>> clusters = KMeans(3, n_init=1, random_state=0)
    >>> attack = SubpopulationLabelFlip(None, 3, clusterer=clusters)
    >>> attack.fit_resample(X, y)[1]
    [1, 1, 1, 1, 1, 1, 1, 1]
    >>> np.isin(attack.clusterer_.predict([[0.3], [8.0]]), attack.subpopulations_)
    array([ True, False])
    """

    _parameter_constraints: dict = {
        **BaseLabelFlip._parameter_constraints,
        **SUBPOPULATIONS,
    }

    def __init__(
        self,
        surrogate=None,
        budget=0.1,
        *,
        clusterer=None,
        member=None,
        class_map=None,
        known_fraction=1.0,
        random_state=None,
    ):
        super().__init__(
            surrogate, budget, known_fraction=known_fraction, random_state=random_state
        )
        self.clusterer = clusterer
        self.member = member
        self.class_map = class_map

    def _start(self, known):
        check_subpopulations(self)
        super()._start(known)

    def _attack(self, known, n_poison, random_state):
        self._groups = find_subpopulations(self, known.X, random_state)
        try:
            poison = super()._attack(known, n_poison, random_state)
            self.subpopulations_ = by_frequency(self._groups[poison.y != known.y])
        finally:
            del self._groups
        return poison

    def _allowed(self, known):
        allowed = super()._allowed(known)
        if self.member is not None and hasattr(self, "_groups"):
            allowed &= (self._groups >= 0)[:, np.newaxis]
        return allowed

    def _flip(self, known, allowed, n_poison, random_state):
        order, new, _ = worst_labels(self, known, allowed, self._groups)
        return order[:n_poison], new[order[:n_poison]]
