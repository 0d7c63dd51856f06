"""Choice of subpopulations and their labels; the attacks have tests of their own."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression

from skpoison.attacks import SubpopulationInsertion, SubpopulationLabelFlip
from skpoison.attacks._subpopulations import by_frequency, find_subpopulations

rng = np.random.RandomState(0)
X, Y = rng.normal(size=(60, 2)), np.arange(60) % 3


def first(X):
    return np.asarray(X)[:, 0] > 0


def given(clusterer=None, member=None):
    return SimpleNamespace(clusterer=clusterer, member=member)


def test_clusters_or_a_mask():
    found = find_subpopulations(given(member=first), X, rng)
    np.testing.assert_array_equal(found, np.where(X[:, 0] > 0, 0, -1))
    attack = given(clusterer=KMeans(4, n_init=1))
    found = find_subpopulations(attack, X, rng)
    np.testing.assert_array_equal(found, attack.clusterer_.predict(X))
    assert set(found) == set(range(4))


def test_most_frequent_first():
    assert by_frequency(np.array([3, 1, 1, 0, 0, 0])).tolist() == [0, 1, 3]


@pytest.mark.parametrize("attack", [SubpopulationInsertion, SubpopulationLabelFlip])
class TestMask:
    def test_other_rows_are_left_alone(self, attack):
        made = attack(LogisticRegression(), 9, member=first)
        rows, _ = made.fit_resample(X, Y)
        assert made.poison_mask_.sum() == 9
        assert first(rows)[made.poison_mask_].all()
        assert made.subpopulations_.tolist() == [0]
        assert not hasattr(made, "clusterer_")

    @pytest.mark.parametrize(
        "mask", [None, np.ones(60), np.ones(3, bool), np.zeros(60, bool)], ids=str
    )
    def test_what_is_no_mask(self, attack, mask):
        made = attack(LogisticRegression(), 9, member=lambda X: mask)
        with pytest.raises(ValueError, match="`member` must return a boolean for each"):
            made.fit_resample(X, Y)

    def test_both_are_too_many(self, attack):
        made = attack(budget=0, clusterer=KMeans(2), member=first)
        with pytest.raises(ValueError, match="`clusterer` must be None if `member` is"):
            made.fit_resample(X, Y)


def test_more_flips_than_members():
    made = SubpopulationLabelFlip(LogisticRegression(), 50, member=first)
    with pytest.raises(ValueError, match=r"`budget` must not exceed the .* rows"):
        made.fit_resample(X, Y)
