import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

from skpoison.attacks import SubpopulationInsertion
from skpoison.model_selection import subpopulation_scorer

# Six clusters of 30 rows, two of each class, far from each other.
X, CLUSTER = make_blobs(
    [30] * 6,
    centers=[[0, 0], [9, 0], [0, 9], [9, 9], [0, 18], [9, 18]],
    cluster_std=0.5,
    random_state=0,
)
CLASSES = np.array([3, 5, 8])
Y = CLASSES[CLUSTER % 3]
CLUSTERS = KMeans(6, n_init=1, random_state=0)
SURROGATE = SVC()


def attack(budget=60, **settings):
    settings = {"clusterer": CLUSTERS, "random_state": 0} | settings
    return SubpopulationInsertion(SURROGATE, budget, **settings)


@pytest.mark.parametrize(("rate", "n_whole"), [(1.0, 2), (2.0, 1), (0.5, 4)])
def test_clones_of_whole_clusters_with_the_label_that_fits_least(rate, n_whole):
    made = attack(rate=rate)
    rows, labels = made.fit_resample(X, Y)
    np.testing.assert_array_equal(rows[:180], X)
    np.testing.assert_array_equal(labels[:180], Y)
    of = made.clusterer_.predict(rows)
    scores = SURROGATE.fit(X, Y).decision_function(X)
    attacked, counts = np.unique(of[180:], return_counts=True)
    assert set(attacked) == set(made.subpopulations_)
    assert counts.tolist() == [int(30 * rate)] * n_whole
    sure = {}
    for cluster in range(6):
        own = of[:180] == cluster
        label = scores[own].mean(axis=0).argmin()
        given = labels[180:][of[180:] == cluster]
        assert set(given) <= {CLASSES[label]}
        right = np.searchsorted(CLASSES, Y[own][0])
        sure[cluster] = np.mean(scores[own, right] - scores[own, label])
    assert set(attacked) == set(sorted(sure, key=sure.get)[:n_whole])
    assert np.isin(rows[180:], X).all()


def test_harm_inside_and_beside():
    """A victim by neighbours errs in the cluster alone."""
    made, victim = attack(), KNeighborsClassifier(15)
    victim.fit(*made.fit_resample(X, Y))
    scorer = subpopulation_scorer(
        lambda rows: np.isin(made.clusterer_.predict(rows), made.subpopulations_)
    )
    found = scorer(victim, X, Y)
    assert found["inside"] < 0.2
    assert found["beside"] == 1


def test_one_for_one_leaves_a_victim_undecided():
    made, victim = attack(30, rate=1.0), KNeighborsClassifier(15)
    victim.fit(*made.fit_resample(X, Y))
    assert victim.score(X, Y) > 5 / 6 + 0.03


def test_rows_are_repeated_when_all_have_been_cloned():
    made = attack(500, rate=1.0)
    rows, _ = made.fit_resample(X, Y)
    counts = np.unique(rows[180:], axis=0, return_counts=True)[1]
    assert (counts.min(), counts.max()) == (2, 3)


def test_class_map_and_trusted_rows():
    """Trusted rows can be cloned: the clone is another row."""
    made = attack(90, class_map={8: 3})
    rows, labels = made.fit_resample(X, Y, trusted=np.ones(180, dtype=bool))
    assert set(labels[180:]) == {3}
    of_class = X[Y == 8]
    assert np.isin(rows[180:], of_class).all()


def test_no_row_to_clone():
    made = attack(9, class_map={8: 3}, clusterer=None, member=lambda X: X[:, 1] < 4)
    kept = CLUSTER != 2
    with pytest.raises(ValueError, match=r"`budget` must not exceed the 0 rows .* \[8"):
        made.fit_resample(X[kept], np.where(X[kept, 1] < 4, 5, Y[kept]))


def test_unlike_rows_of_a_cluster_are_not_cloned():
    """Rows that have the label already would not be poison."""
    labels = Y.copy()
    made = attack(60)
    _, found = made.fit_resample(X, Y)
    (label,) = set(found[180:])
    inside = np.isin(CLUSTERS.fit(X).predict(X), made.subpopulations_)
    few = np.flatnonzero(inside)[:4]
    labels[few] = label
    rows, again = made.fit_resample(X, labels)
    assert not np.isin(rows[180:], X[few]).any() or set(again[180:]) != {label}
