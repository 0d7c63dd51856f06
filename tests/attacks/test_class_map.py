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


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "that can be flipped; got 0.5, which is 10 rows. Lower it."),
        (
            {"class_map": {8: 3, 9: 3}, "trusted": [False]},
            "that can be flipped (of the classes [8, 9] that `class_map` relabels); "
            "got 0.5, which is 10 rows. Lower it or relabel more classes.",
        ),
        (
            {"class_map": {8: 3}, "trusted": [True, False], "known_fraction": 0.5},
            "that can be flipped (of the classes [8] that `class_map` relabels, not "
            "trusted, known to the attacker); got 0.5, which is 10 rows. Lower it, "
            "relabel more classes, trust fewer rows or raise `known_fraction`.",
        ),
    ],
)
def test_budget_error(given, message):
    error = budget_error(0.5, 10, 7, **given)
    assert str(error) == "`budget` must not exceed the 7 rows " + message
