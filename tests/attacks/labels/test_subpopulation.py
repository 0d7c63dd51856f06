import numpy as np
import pytest
from scipy import sparse
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

from skpoison.attacks import RandomLabelFlip, SubpopulationLabelFlip
from skpoison.model_selection import subpopulation_scorer

# Six clusters of 30 rows, two of each class, far from each other.
X, CLUSTER = make_blobs(
    [30] * 6,
    centers=[[0, 0], [9, 0], [0, 9], [9, 9], [0, 18], [9, 18]],
    cluster_std=0.5,
    random_state=0,
)
Y = np.array([3, 5, 8])[CLUSTER % 3]
CLUSTERS = KMeans(6, n_init=1, random_state=0)
SURROGATE = SVC()


def attack(budget=30, surrogate=SURROGATE, **settings):
    settings = {"clusterer": CLUSTERS, "random_state": 0} | settings
    return SubpopulationLabelFlip(surrogate, budget, **settings)


@pytest.mark.parametrize("n_whole", [1, 2, 4])
def test_whole_clusters_get_the_label_that_fits_least(n_whole):
    made = attack(30 * n_whole)
    y = made.fit_resample(X, Y)[1]
    flipped = np.unique(CLUSTER[made.poison_mask_])
    assert flipped.shape[0] == n_whole
    assert made.poison_mask_.sum() == 30 * n_whole
    scores = SURROGATE.fit(X, Y).decision_function(X)
    sure = {}
    for cluster in range(6):
        rows = cluster == CLUSTER
        label = scores[rows].mean(axis=0).argmin()
        if cluster in flipped:
            assert set(y[rows]) == {np.array([3, 5, 8])[label]}
        own = scores[rows, cluster % 3]
        sure[cluster] = np.mean(own - scores[rows, label])
    # Those of which the surrogate is least sure.
    assert set(flipped) == set(sorted(sure, key=sure.get)[:n_whole])
    found = made.clusterer_.predict(X)
    assert set(made.subpopulations_) == set(found[made.poison_mask_])


def test_a_smaller_budget_is_the_beginning_of_a_larger_one():
    masks = []
    for budget in (5, 40, 100):
        made = attack(budget)
        made.fit_resample(X, Y)
        masks.append(made.poison_mask_)
    assert (masks[0] <= masks[1]).all()
    assert (masks[1] <= masks[2]).all()


def test_harm_inside_and_beside():
    victim = KNeighborsClassifier()
    made = attack()
    victim.fit(*made.fit_resample(X, Y))
    scorer = subpopulation_scorer(
        lambda rows: np.isin(made.clusterer_.predict(rows), made.subpopulations_)
    )
    assert scorer(victim, X, Y) == {"inside": 0.0, "beside": 1.0}
    victim.fit(*RandomLabelFlip(30, random_state=0).fit_resample(X, Y))
    assert scorer(victim, X, Y)["inside"] > 0.8


def test_trusted_rows_and_class_map():
    trusted = CLUSTER == 2
    made = attack(90, class_map={8: 3, 5: 3})
    y = made.fit_resample(X, Y, trusted=trusted)[1]
    assert not made.poison_mask_[trusted].any()
    assert made.poison_mask_.sum() == 90
    assert set(Y[made.poison_mask_]) == {5, 8}
    assert set(y[made.poison_mask_]) == {3}


def test_every_row_can_be_flipped():
    made = attack(X.shape[0])
    y = made.fit_resample(X, Y)[1]
    assert (y != Y).all()


@pytest.mark.parametrize("as_sparse", [False, True])
def test_default_clusters(as_sparse):
    rows = sparse.csr_matrix(X) if as_sparse else X
    made = attack(20, LogisticRegression(), clusterer=None)
    made.fit_resample(rows, Y)
    assert made.clusterer_[-1].n_clusters == 180 // 25
    assert np.unique(CLUSTER[made.poison_mask_]).shape[0] <= 2


def test_clusterer_is_cloned_and_seeded():
    unseeded = KMeans(6, n_init=1)
    masks = []
    for _ in range(2):
        made = attack(12, clusterer=unseeded)
        made.fit_resample(X, Y)
        masks.append(made.poison_mask_)
        assert made.clusterer_.random_state is not None
    np.testing.assert_array_equal(*masks)
    assert unseeded.random_state is None
    assert not hasattr(unseeded, "cluster_centers_")
    assert not hasattr(CLUSTERS, "cluster_centers_")
