"""Label flips of a subpopulation."""

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skpoison.attacks.labels._base import BaseLabelFlip
from skpoison.attacks.labels._class_scores import class_scores, margins
from skpoison.utils._callbacks import Progress
from skpoison.utils._seeds import set_missing_seeds
from skpoison.utils._validation import InstanceWith

# How many rows a cluster has on average, unless that makes more than so many clusters.
ROWS_OF_A_CLUSTER = 25
MOST_CLUSTERS = 100


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
        Not for a budget of 0.
    subpopulations_ : ndarray of shape (n_attacked,) of int
        The clusters in which rows are flipped, those with the most flips first. Not for
        a budget of 0.
    classes_ : ndarray of shape (n_classes,)
        The class labels.
    n_features_in_ : int
        Number of features seen.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X is a dataframe.

    See Also
    --------
    MarginLabelFlip : The rows furthest from the boundary, whatever they have in common.
    skpoison.model_selection.subpopulation_scorer : The damage inside and beside it.

    Notes
    -----
    Rows that have the least fitting label of their cluster already come last; they get
    the label that fits them least. The published attack inserts such rows instead.

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
        "clusterer": [InstanceWith(["fit", "predict"]), None],
    }

    def __init__(
        self,
        surrogate=None,
        budget=0.1,
        *,
        clusterer=None,
        class_map=None,
        known_fraction=1.0,
        random_state=None,
    ):
        super().__init__(
            surrogate, budget, known_fraction=known_fraction, random_state=random_state
        )
        self.clusterer = clusterer
        self.class_map = class_map

    def _attack(self, known, n_poison, random_state):
        clusterer = self.clusterer
        if clusterer is None:
            clusterer = _default_clusterer(known.X)
        clusterer = clone(set_missing_seeds(clusterer, random_state))
        self.clusterer_ = clusterer.fit(_as_clusterers_take_them(known.X))
        poison = super()._attack(known, n_poison, random_state)
        flipped = self._groups(known)[poison.y != known.y]
        clusters, counts = np.unique(flipped, return_counts=True)
        self.subpopulations_ = clusters[np.argsort(-counts, kind="stable")]
        return poison

    def _groups(self, known):
        return self.clusterer_.predict(_as_clusterers_take_them(known.X))

    def _flip(self, known, allowed, n_poison, random_state):
        progress = Progress(self, "fit", 1, every=0)
        fitted = clone(known.surrogate).fit(known.X, known.y)
        progress(np.nan)
        progress.end()
        scores = class_scores(fitted, known.X, known.classes)
        own_less_other = margins(scores, known.codes)
        # By itself, each row gets the label that fits it least.
        new = np.where(allowed, own_less_other, -np.inf).argmax(axis=1)
        sure = np.full(new.shape[0], np.inf)
        groups = self._groups(known)
        for group in np.unique(groups):
            rows = np.flatnonzero(groups == group)
            possible = allowed[rows].any(axis=0)
            if not possible.any():
                continue
            means = np.where(possible, scores[rows].mean(axis=0), np.inf)
            label = means.argmin()
            rows = rows[allowed[rows, label]]
            new[rows] = label
            sure[rows] = own_less_other[rows, label].mean()
        order = np.lexsort(
            (-own_less_other[np.arange(new.shape[0]), new], groups, sure)
        )
        order = order[allowed.any(axis=1)[order]][:n_poison]
        return order, new[order]


def _as_clusterers_take_them(X):
    """Return rows without repeated entries and 64-bit indices, if they are sparse."""
    if not sparse.issparse(X):
        return X
    X = X.copy()
    X.sum_duplicates()
    X.indices, X.indptr = X.indices.astype(np.int32), X.indptr.astype(np.int32)
    return X


def _default_clusterer(X):
    """Return the clusterer of an attack that is given none."""
    # Sparse rows are not centred, and dense ones are clustered as if they were sparse.
    scaler = StandardScaler(with_mean=False).set_output(transform="default")
    n_clusters = max(1, min(MOST_CLUSTERS, X.shape[0] // ROWS_OF_A_CLUSTER))
    return make_pipeline(scaler, KMeans(n_clusters, n_init=3))
