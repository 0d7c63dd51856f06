import numpy as np
import pytest

from skpoison.attacks._fold_mean import FoldMean

TRAINS = [np.array([0, 2, 3]), np.array([1, 3])]


class Part:
    """A goal that each row raises by its own amount."""

    def __init__(self, effects):
        self.effects = effects

    def value(self):
        return self.effects.sum()

    def without(self, places):
        return self.value() - self.effects[places]


@pytest.fixture
def folds():
    parts = [Part(np.array([1.0, 2.0, 4.0])), Part(np.array([8.0, 16.0]))]
    return FoldMean(parts, TRAINS, 4)


def test_mean(folds):
    assert folds.mean(lambda part, _: part.value()) == (7 + 24) / 2
    pairs = folds.mean(lambda part, train: (part.value(), train.shape[0]))
    np.testing.assert_array_equal(pairs, [15.5, 2.5])


def test_rows_that_a_part_does_not_learn_from_count_with_zero(folds):
    mean = folds.scatter_mean(lambda part, _: part.effects)
    np.testing.assert_array_equal(mean, [0.5, 4, 1, 10])
    columns = folds.scatter_mean(lambda part, _: np.tile(part.effects[:, None], 2))
    np.testing.assert_array_equal(columns, np.tile(mean[:, None], 2))


def test_what_one_part_does_not_know_is_not_known(folds):
    found = folds.scatter_mean(
        lambda part, train: None if train.shape[0] == 2 else part.effects
    )
    assert found is None


def test_changes_of_a_row_leave_parts_that_do_not_learn_from_it(folds):
    rows = np.array([3, 1, 0])
    changed = []

    def compute(part, places, learnt):
        changed.append(rows[learnt])
        return part.without(places)

    values = folds.mean_of_changes(rows, compute)
    np.testing.assert_array_equal(values, [(3 + 8) / 2, (7 + 16) / 2, (6 + 24) / 2])
    np.testing.assert_array_equal(changed[0], [3, 0])
    np.testing.assert_array_equal(changed[1], [3, 1])


def test_smallest_class_counts(folds):
    codes = np.array([0, 1, 0, 1])
    np.testing.assert_array_equal(folds.smallest_class_counts(codes), [2, 2, 2, 1])
    kept = np.array([False, True, True, True])
    np.testing.assert_array_equal(
        folds.smallest_class_counts(codes, kept), [1, 2, 1, 1]
    )


def test_no_part_learns_from_a_row():
    folds = FoldMean([Part(np.ones(2))], [np.array([0, 1])], 3)
    assert folds.smallest_class_counts(np.array([0, 0, 1])).tolist() == [2, 2, np.inf]
