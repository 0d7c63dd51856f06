import numpy as np
import pytest

from skpoison.attacks.labels._label_problem import Measured
from skpoison.attacks.labels._set_search import FlipSet, SetSearch
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


def flip_set(rows):
    rows = np.array(rows, dtype=float)
    return FlipSet(CODES, Measured(rows.mean(), rows.mean(), rows))


@pytest.mark.parametrize(
    ("n_errors", "gains", "expected"),
    [
        (0.0, [0.3, -0.1, 0.0, 0.0], True),
        (2.0, [0.3, -0.1, 0.0, 0.0], False),
        # Mean 0.2, standard deviation 0.1, standard error 0.05.
        (3.9, [0.1, 0.3, 0.1, 0.3], True),
        (4.1, [0.1, 0.3, 0.1, 0.3], False),
        (2.0, [0.0, 0.0, 0.0, 0.0], False),
    ],
)
def test_better_by_some_standard_errors(n_errors, gains, expected):
    search = make_search({}, n_errors=n_errors)
    other = flip_set([0.1, 0.2, 0.3, 0.4])
    found = flip_set(other.measured.rows + gains)
    assert search.is_better(found, other) == expected


def test_sets_chosen_by_the_goal_need_twice_as_many_standard_errors():
    rows = np.array([0.1, 0.3, 0.1, 0.3])  # four standard errors above 0
    sets = {(1, 1, 1, 1): np.zeros(4), (0, 1, 0, 1): rows}
    table = {codes: Measured(each.mean(), 0.0, each) for codes, each in sets.items()}
    for is_chosen, best in ((True, (1, 1, 1, 1)), (False, (0, 1, 0, 1))):
        search = make_search(table, n_errors=3.0)
        for codes in sets:
            search.measure(np.array(codes), is_chosen=is_chosen)
        np.testing.assert_array_equal(search.best.codes, best)


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
