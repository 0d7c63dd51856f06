from itertools import combinations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skpoison.attacks.labels._exchange import exchange
from skpoison.attacks.labels._label_problem import Measured
from skpoison.attacks.labels._set_search import FlipSet, SetSearch
from skpoison.utils._callbacks import Progress


class Smooth:
    """A goal that is linear in the labels, or minus a squared distance."""

    def __init__(self, worth, wanted=None):
        self.worth, self.wanted, self.n_measured = worth, wanted, 0

    def measured(self, codes):
        self.n_measured += 1
        total = self.worth[np.arange(codes.shape[0]), codes].sum()
        value = total if self.wanted is None else -((total - self.wanted) ** 2)
        return Measured(value, value)

    def gradient(self, shares):
        if self.wanted is None:
            return self.worth
        return -2 * ((self.worth * shares).sum() - self.wanted) * self.worth


def make_search(goal, codes, n_classes, n_flips, may_be_fewer=False):
    return SetSearch(
        goal,
        codes,
        codes[:, np.newaxis] != np.arange(n_classes),
        n_flips,
        may_be_fewer=may_be_fewer,
        counts_errors=False,
        progress=Progress(None, "sets", 10, 0),
    )


@pytest.mark.parametrize("n_classes", [2, 4])
def test_the_best_set_of_a_linear_goal(n_classes):
    """It is found at once: the rows that gain most, each with its best label."""
    rng = np.random.RandomState(0)
    codes = rng.randint(n_classes, size=30)
    goal = Smooth(rng.normal(size=(30, n_classes)))
    search = make_search(goal, codes, n_classes, 8)
    start = codes.copy()
    start[:8] = (start[:8] + 1) % n_classes
    found = exchange(search, search.measure(start), 20)
    gains = goal.worth - goal.worth[np.arange(30), codes][:, np.newaxis]
    gains[np.arange(30), codes] = -np.inf
    expected = np.sort(gains.max(axis=1))[-8:].sum()
    clean = goal.worth[np.arange(30), codes].sum()
    assert_allclose(found.measured.value, clean + expected, rtol=1e-12)
    assert found is search.best
    assert (found.codes != codes).sum() == 8
    # The start and the clean labels; one step; and what does not help any more.
    assert goal.n_measured <= 4 + np.log2(8)


def test_fewer_flips_if_more_would_overshoot():
    rng = np.random.RandomState(1)
    codes = np.zeros(12, dtype=int)
    worth = np.column_stack([np.zeros(12), rng.uniform(0.5, 1.5, size=12)])
    goal = Smooth(worth, wanted=2.0)
    search = make_search(goal, codes, 2, 6, may_be_fewer=True)
    start = codes.copy()
    start[:6] = 1
    found = exchange(search, search.measure(start), 100)
    assert 1 <= (found.codes == 1).sum() <= 3
    single = [
        -((worth[list(rows), 1].sum() - 2.0) ** 2)
        for size in range(7)
        for rows in combinations(range(12), size)
    ]
    assert found.measured.value > np.quantile(single, 0.9)


def test_no_more_sets_than_wanted_and_none_without_a_gradient():
    rng = np.random.RandomState(0)
    codes = rng.randint(2, size=30)
    goal = Smooth(rng.normal(size=(30, 2)), wanted=3.0)
    search = make_search(goal, codes, 2, 8)
    start = codes.copy()
    start[:8] = 1 - start[:8]
    start = search.measure(start)
    exchange(search, start, 3)
    assert goal.n_measured <= 2 + 3
    goal.gradient = lambda shares: None
    assert exchange(search, start, 3) is start
    assert isinstance(start, FlipSet)
