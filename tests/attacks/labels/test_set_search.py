import numpy as np
import pytest

from skpoison.attacks.labels import _set_search
from skpoison.attacks.labels._label_problem import Measured
from skpoison.attacks.labels._set_search import SetSearch
from skpoison.utils._callbacks import Progress

CODES = np.array([0, 0, 1, 1])


class Table:
    """A goal whose values are given."""

    def __init__(self, table):
        self.table = table

    def measured(self, codes):
        return self.table.get(tuple(codes))


def make_search(table, **settings):
    return SetSearch(
        Table({tuple(CODES): Measured(0.0, 0.0, np.zeros(4))} | table),
        CODES,
        np.eye(2)[1 - CODES].astype(bool),
        2,
        **{
            "may_be_fewer": False,
            "n_errors": 0.0,
            "counts_errors": False,
            "progress": Progress(None, "sets", 10, 0),
            **settings,
        },
    )


@pytest.mark.parametrize(
    ("n_errors", "gains", "is_chosen", "is_kept"),
    [
        (0.0, [0.3, -0.1, 0.0, 0.0], True, True),
        (1.0, [0.3, -0.1, 0.0, 0.0], True, False),
        (1.0, [0.3, -0.1, 0.0, 0.0], False, True),
        # Mean 0.2, standard deviation 0.1, standard error 0.05.
        (3.9, [0.1, 0.3, 0.1, 0.3], True, True),
        (4.1, [0.1, 0.3, 0.1, 0.3], True, False),
        (0.0, [-0.1, -0.1, 0.0, 0.0], False, False),
    ],
)
def test_flips_chosen_by_the_goal_need_evidence(n_errors, gains, is_chosen, is_kept):
    simple, found = (1, 1, 1, 1), (0, 1, 0, 1)
    rows = {simple: np.array([0.1, 0.2, 0.3, 0.4])}
    rows[found] = rows[simple] + gains
    table = {codes: Measured(each.mean(), 0.0, each) for codes, each in rows.items()}
    search = make_search(table, n_errors=n_errors)
    search.measure(np.array(simple), is_chosen=False)
    search.measure(np.array(found), is_chosen=is_chosen)
    assert tuple(search.best.codes) == (found if is_kept else simple)


@pytest.mark.parametrize("gains", [(0.1, 0.1), (0.1, 0.0), (0.0, 0.1)], ids=str)
def test_evidence_by_both_estimates(gains):
    simple, found = (1, 1, 1, 1), (0, 1, 0, 1)
    rows = {simple: np.zeros((2, 4)), found: np.repeat([gains], 4, axis=0).T}
    table = {codes: Measured(each.mean(), 0.0, each) for codes, each in rows.items()}
    search = make_search(table, n_errors=1.0)
    search.measure(np.array(simple), is_chosen=False)
    search.measure(np.array(found))
    assert tuple(search.best.codes) == (found if min(gains) > 0 else simple)


def test_of_two_sets_chosen_by_the_goal_the_higher_one():
    table = {(1, 1, 1, 1): 0.1, (0, 1, 0, 1): 0.9, (1, 0, 1, 0): 0.91}
    rows = {codes: np.array([0.0, 0.0, 0.0, value]) for codes, value in table.items()}
    rows[1, 1, 1, 1] = np.array([-0.5, -0.4, -0.5, -0.4])
    measured = {codes: Measured(each.mean(), 0.0, each) for codes, each in rows.items()}
    search = make_search(measured, n_errors=1.0)
    search.measure(np.array((1, 1, 1, 1)), is_chosen=False)
    for codes in ((0, 1, 0, 1), (1, 0, 1, 0)):
        search.measure(np.array(codes))
        assert tuple(search.best.codes) == codes


def test_the_best_set_is_kept():
    sets = {(1, 1, 1, 1): 0.3, (0, 1, 0, 1): 0.7, (1, 0, 1, 0): 0.5}
    search = make_search({k: Measured(v, 1 - v) for k, v in sets.items()})
    assert search.best is None
    for codes in sets:
        search.measure(np.array(codes))
    np.testing.assert_array_equal(search.best.codes, (0, 1, 0, 1))
    assert [each.value for each in search.path] == [0.0, 0.3, 0.7, 0.7]
    search = make_search(search.goal.table, counts_errors=True)
    for codes in sets:
        search.measure(np.array(codes))
    np.testing.assert_array_equal(search.best.codes, (1, 1, 1, 1))


def test_sets_of_another_size_and_without_a_surrogate():
    search = make_search({(1, 0, 1, 1): Measured(0.4, 0.4)})
    assert search.measure(np.array([1, 0, 1, 1])) is None  # one flip of two
    assert search.measure(np.array([1, 1, 1, 1])) is None  # the goal has no value
    assert len(search.path) == 1
    search = make_search(search.goal.table, may_be_fewer=True)
    assert search.best is search.clean
    assert search.measure(np.array([1, 0, 1, 1])) is search.best


def flip_sets(table):
    rows = {codes: np.full(4, value) for codes, value in table.items()}
    return {codes: Measured(each.mean(), 0.0, each) for codes, each in rows.items()}


class Errors:
    """Estimates that are given."""

    def __init__(self, table):
        self.table = table

    def errors(self, codes):
        return np.array(self.table[tuple(codes)])


SIMPLE, OTHER, FOUND = (1, 1, 1, 1), (0, 0, 0, 0), (0, 1, 0, 1)


def decided(table, is_chosen):
    """Return the labels decided for, of sets some of which are chosen by the goal."""
    values = dict(zip((SIMPLE, OTHER, FOUND), (0.2, 0.1, 0.3), strict=True))
    search = make_search(flip_sets(values))
    for codes in (OTHER, SIMPLE, FOUND):
        search.measure(np.array(codes), is_chosen=codes in is_chosen)
    assert tuple(search.best.codes) == FOUND
    search.decide(Errors(table))
    # What is told is the goal all the same.
    assert search.path[-1] is search.best.measured
    assert search.best.measured.value == values[tuple(search.best.codes)]
    return tuple(search.best.codes)


@pytest.mark.parametrize(
    ("simple", "other", "found", "best"),
    [
        # The largest mean.
        ((0.2, 0.2), (0.1, 0.4), (0.1, 0.1), OTHER),
        ((0.3, 0.3), (0.1, 0.4), (0.1, 0.1), SIMPLE),
        # Flips that are chosen by the goal need all estimates.
        ((0.2, 0.2), (0.1, 0.4), (0.11, 0.41), FOUND),
        ((0.2, 0.2), (0.1, 0.4), (0.9, 0.4), OTHER),
    ],
)
def test_the_best_sets_are_compared_once_more(simple, other, found, best):
    table = {SIMPLE: simple, OTHER: other, FOUND: found}
    assert decided(table, [FOUND]) == best


@pytest.mark.parametrize("is_chosen", [False, True])
def test_sets_of_one_kind_alone(is_chosen):
    table = {SIMPLE: (0.2, 0.2), OTHER: (0.3, 0.3), FOUND: (0.1, 0.1)}
    assert decided(table, table if is_chosen else []) == OTHER


def test_no_sets_to_compare():
    search = make_search({})
    search.decide(Errors({}))
    assert search.best is None
    assert len(search.path) == 1


def test_of_sets_chosen_by_the_goal_the_one_with_the_largest_mean_competes():
    table = {SIMPLE: (0.2, 0.2), OTHER: (0.3, 0.3), FOUND: (0.1, 0.6)}
    assert decided(table, [OTHER, FOUND]) == SIMPLE


def test_a_set_is_compared_once_more_if_it_is_among_the_best(monkeypatch):
    monkeypatch.setattr(_set_search, "N_FINALISTS", {False: 1, True: 1})
    search = make_search(flip_sets({SIMPLE: 0.2, OTHER: 0.1}))
    for codes in (OTHER, SIMPLE, SIMPLE):
        search.measure(np.array(codes), is_chosen=False)
    search.decide(Errors({SIMPLE: (0.2,), OTHER: (0.3,)}))
    assert tuple(search.best.codes) == SIMPLE
