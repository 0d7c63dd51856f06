"""Subpopulations, and the label that fits each of them least."""

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skpoison.attacks.labels._class_scores import class_scores, margins
from skpoison.utils._callbacks import Progress
from skpoison.utils._seeds import set_missing_seeds
from skpoison.utils._texts import shown
from skpoison.utils._validation import InstanceWith

# How many rows a cluster has on average, unless that makes more than so many clusters.
ROWS_OF_A_CLUSTER = 25
MOST_CLUSTERS = 100

SUBPOPULATIONS = {
    "clusterer": [InstanceWith(["fit", "predict"]), None],
    "member": [callable, None],
}


def check_subpopulations(attack):
    """Check that subpopulations are given in one way.

    Parameters
    ----------
    attack : sampler
        The attack, with the parameters `clusterer` and `member`.

    Raises
    ------
    ValueError
        If both are given.
    """
    if attack.clusterer is not None and attack.member is not None:
        raise ValueError(
            "`clusterer` must be None if `member` is given, which says what the "
            f"subpopulation is; got {shown(attack.clusterer)}."
        )


def find_subpopulations(attack, X, random_state):
    """Divide rows into subpopulations, and set the attribute `clusterer_`.

    Parameters
    ----------
    attack : sampler
        The attack.
    X : {ndarray, csr matrix} of shape (n_known, n_features)
        The rows.
    random_state : RandomState
        Seeds the clusterer.

    Returns
    -------
    groups : ndarray of shape (n_known,) of int
        The subpopulation of each row; -1 for rows that belong to none.
    """
    X = _as_clusterers_take_them(X)
    if attack.member is not None:
        mask = np.asarray(attack.member(X))
        if mask.shape != X.shape[:1] or mask.dtype != bool or not mask.any():
            raise ValueError(
                "`member` must return a boolean for each row, True for one of them at "
                f"least; got {shown(mask)}."
            )
        return np.where(mask, 0, -1)
    clusterer = attack.clusterer
    if clusterer is None:
        clusterer = _default_clusterer(X)
    clusterer = clone(set_missing_seeds(clusterer, random_state))
    attack.clusterer_ = clusterer.fit(X)
    return attack.clusterer_.predict(X)


def worst_labels(attack, known, allowed, groups):
    """Return the rows to poison in order, with the label for each of them.

    Parameters
    ----------
    attack : sampler
        The attack, for callbacks.
    known : Known
        What the attacker knows.
    allowed : ndarray of shape (n_known, n_classes) of bool
        Which labels the rows may be given.
    groups : ndarray of shape (n_known,) of int
        The subpopulations.

    Returns
    -------
    order : ndarray of int
        Rows that may be given some label: those of the subpopulation of which the
        surrogate is least sure first; in each the rows first that are surest of their
        own label. Rows that get no label with the others of their subpopulation last.
    new : ndarray of shape (n_known,) of int
        The label, as a position among the classes.
    shared : ndarray of shape (n_known,) of bool
        Which rows get the label that others of their subpopulation get.
    """
    progress = Progress(attack, "fit", 1, every=0)
    fitted = clone(known.surrogate).fit(known.X, known.y)
    progress(np.nan)
    progress.end()
    scores = class_scores(fitted, known.X, known.classes)
    own_less_other = margins(scores, known.codes)
    # By itself, each row gets the label that fits it least.
    new = np.where(allowed, own_less_other, -np.inf).argmax(axis=1)
    sure = np.full(new.shape[0], np.inf)
    for group in np.unique(groups[groups >= 0]):
        rows = np.flatnonzero(groups == group)
        possible = allowed[rows].any(axis=0)
        if not possible.any():
            continue
        means = np.where(possible, scores[rows].mean(axis=0), np.inf)
        label = means.argmin()
        rows = rows[allowed[rows, label]]
        new[rows] = label
        sure[rows] = own_less_other[rows, label].mean()
    order = np.lexsort((-own_less_other[np.arange(new.shape[0]), new], groups, sure))
    return order[allowed.any(axis=1)[order]], new, np.isfinite(sure)


def by_frequency(groups):
    """Return the subpopulations of poisoned rows, those with the most rows first."""
    found, counts = np.unique(groups, return_counts=True)
    return found[np.argsort(-counts, kind="stable")]


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
