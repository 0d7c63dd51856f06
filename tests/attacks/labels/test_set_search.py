import numpy as np

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
        Table({tuple(CODES): Measured(0.0, 0.0)} | table),
        CODES,
        np.eye(2)[1 - CODES].astype(bool),
        2,
        **{
            "may_be_fewer": False,
            "counts_errors": False,
            "progress": Progress(None, "sets", 10, 0),
            **settings,
        },
    )


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
