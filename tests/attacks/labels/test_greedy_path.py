import numpy as np
import pytest

from skpoison.attacks._fold_mean import FoldMean
from skpoison.attacks.labels._fold_search import FoldSearch
from skpoison.attacks.labels._greedy_path import GreedyPath


class Linear:
    """A search for a goal that is linear in the labels."""

    exact_is_cheap = False

    def __init__(self, worth, codes, has_gradient=True):
        self.worth, self.codes, self.has_gradient = worth, codes.copy(), has_gradient
        self.n_tried = 0

    def first_order_gains(self):
        if not self.has_gradient:
            return None
        own = np.take_along_axis(self.worth, self.codes[:, np.newaxis], axis=1)
        return self.worth - own

    def value(self):
        return self.worth[np.arange(self.codes.shape[0]), self.codes].sum()

    def values(self, rows, new):
        self.n_tried += rows.shape[0]
        own = self.worth[rows, self.codes[rows]]
        return self.value() + self.worth[rows, new] - own

    def flip(self, row, new):
        self.codes[row] = new


class Search:
    may_be_fewer = stopped = False
    n_noted = 0

    def note(self):
        self.n_noted += 1


def make_path(codes, n_candidates=3, n_classes=3, **settings):
    worth = np.random.RandomState(0).normal(size=(codes.shape[0], n_classes))
    part = Linear(worth, codes, **settings)
    folds = FoldMean([part], [np.arange(codes.shape[0])], codes.shape[0])
    allowed = codes[:, np.newaxis] != np.arange(n_classes)
    state = np.random.RandomState(1)
    path = GreedyPath(FoldSearch(folds, codes), allowed, n_candidates, state)
    return path, part


@pytest.mark.parametrize("n_rounds", [1, 3, 8, 100])
def test_the_best_flips_of_a_linear_goal(n_rounds):
    """However many rounds: each row once, with its best label."""
    codes = np.random.RandomState(2).randint(3, size=30)
    path, part = make_path(codes)
    search = Search()
    (found,) = path.follow(8, n_rounds, search)
    gains = part.worth - part.worth[np.arange(30), codes][:, np.newaxis]
    gains[np.arange(30), codes] = -np.inf
    rows = np.sort(np.argsort(gains.max(axis=1))[-8:])
    np.testing.assert_array_equal(np.flatnonzero(found != codes), rows)
    np.testing.assert_array_equal(found[rows], gains.argmax(axis=1)[rows])
    assert search.n_noted == min(n_rounds, 8)


def test_the_best_round_if_fewer_flips_will_do():
    codes = np.random.RandomState(2).randint(3, size=30)
    path, part = make_path(codes, n_candidates=None)
    search = Search()
    search.may_be_fewer = True
    everything, best = path.follow(29, 100, search)
    assert (everything != codes).sum() == 29
    gains = (part.worth - part.worth[np.arange(30), codes][:, np.newaxis]).max(axis=1)
    np.testing.assert_array_equal(np.flatnonzero(best != codes), np.flatnonzero(gains))


@pytest.mark.parametrize("n_rounds", [4, 100])
def test_flips_at_random_without_a_gradient(n_rounds):
    codes = np.random.RandomState(2).randint(3, size=30)
    path, part = make_path(codes, n_candidates=5, has_gradient=False)
    (found,) = path.follow(8, n_rounds, Search())
    assert (found != codes).sum() == 8
    assert part.n_tried == 5 * min(n_rounds, 8)


@pytest.mark.parametrize("n_rounds", [1, 100])
def test_one_row_of_each_class_stays(n_rounds):
    codes = np.array([0] * 4 + [1] * 4)
    path, _ = make_path(codes, n_candidates=None, n_classes=2)
    path.allowed[4:] = False
    (found,) = path.follow(4, n_rounds, Search())
    assert (found == 0).sum() == 1
