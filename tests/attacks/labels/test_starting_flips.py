from copy import deepcopy

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from skpoison.attacks import ALFA, MarginLabelFlip, RandomLabelFlip
from skpoison.attacks._base import Known
from skpoison.attacks._class_map import allowed_flips
from skpoison.attacks.labels._starting_flips import starting_flips

X, y = load_iris(return_X_y=True)
VICTIM = LogisticRegression(max_iter=1000)


def make_sets(n_flips, class_map=None, trusted=None):
    trusted = np.zeros(150, dtype=bool) if trusted is None else trusted
    known = Known(X, y, y, trusted, 150, np.arange(3), VICTIM)
    allowed = allowed_flips(class_map, known.classes, y, ~trusted)
    state = np.random.RandomState(5)
    return list(starting_flips(known, allowed, n_flips, class_map, state)), allowed


@pytest.mark.parametrize("class_map", [None, {0: 2, 1: 2}], ids=str)
def test_the_flips_of_attacks_without_a_goal_are_among_them(class_map):
    sets, _ = make_sets(12, class_map)
    for attack in (
        ALFA(VICTIM),
        MarginLabelFlip(VICTIM),
        MarginLabelFlip(VICTIM, order="nearest"),
        RandomLabelFlip(),
    ):
        settings = {"budget": 12, "class_map": class_map, "random_state": 5}
        _, labels = attack.set_params(**settings).fit_resample(X, y)
        assert any((labels == codes).all() for codes in sets), attack


@pytest.mark.parametrize("class_map", [None, {0: 2, 1: 2}], ids=str)
@pytest.mark.parametrize("n_flips", [1, 12, 70])
def test_as_many_flips_as_wanted_and_only_those_allowed(n_flips, class_map):
    trusted = np.arange(150) % 10 == 0
    sets, allowed = make_sets(n_flips, class_map, trusted)
    assert len(sets) > 10
    for codes in sets:
        rows = np.flatnonzero(codes != y)
        assert rows.shape[0] == n_flips
        assert allowed[rows, codes[rows]].all()


def test_one_sided_sets():
    sets, _ = make_sets(12)
    sides = [np.unique(y[codes != y]) for codes in sets]
    for source in range(3):
        assert sum(side.tolist() == [source] for side in sides) >= 5


def test_reproducible():
    first, second = make_sets(9)[0], make_sets(9)[0]
    np.testing.assert_array_equal(first, second)
    state = np.random.RandomState(5)
    assert deepcopy(state).randint(100) == state.randint(100)
