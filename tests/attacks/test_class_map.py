import numpy as np
import pytest

from skpoison.attacks._class_map import (
    allowed_flips,
    budget_error,
    draw_wrong_labels,
)

CLASSES = np.array([0, 3, 8])


def test_allowed_flips():
    codes, free = np.array([0, 1, 2, 2]), np.array([True, True, True, False])
    anything = allowed_flips(None, CLASSES, codes, free)
    np.testing.assert_array_equal(
        anything.astype(int), [[0, 1, 1], [1, 0, 1], [1, 1, 0], [0, 0, 0]]
    )
    wanted = allowed_flips({8: 3}, CLASSES, codes, free)
    np.testing.assert_array_equal(np.argwhere(wanted), [[2, 1]])


@pytest.mark.parametrize("class_map", [None, {8: 3, 0: 8}])
def test_wrong_labels_are_allowed_flips(class_map):
    y, candidates = np.array([0, 3, 8, 8, 0, 3]), np.array([0, 1, 2, 4, 5])
    codes = np.searchsorted(CLASSES, y)
    is_free = np.isin(np.arange(6), candidates)
    allowed = allowed_flips(class_map, CLASSES, codes, is_free)
    for seed in range(10):
        rows, labels = draw_wrong_labels(
            class_map, CLASSES, y, candidates, np.random.RandomState(seed)
        )
        assert allowed[rows, np.searchsorted(CLASSES, labels)].all()
        np.testing.assert_array_equal(
            np.sort(rows), np.flatnonzero(allowed.any(axis=1))
        )


def test_budget_error():
    message = str(budget_error(0.5, 10, 7, None))
    assert "the 7 rows that can be poisoned (known, not trusted); got 0.5" in message
    assert "which is 10 rows. Lower it." in message
    message = str(budget_error(0.5, 10, 7, {8: 3, 0: 8}))
    assert "(known, not trusted, of a class among [8, 0])" in message
