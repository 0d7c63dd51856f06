import numpy as np
import pytest

from skpoison.attacks._class_map import allowed_flips, wanted_codes

CLASSES = np.array([0, 3, 8])


def test_wanted_codes():
    np.testing.assert_array_equal(wanted_codes({8: 3, 3: 0}, CLASSES), [-1, 0, 1])


@pytest.mark.parametrize("class_map", [{7: 3}, {3: 7}, {3: 3}])
def test_unknown_classes(class_map):
    with pytest.raises(ValueError, match="class_map="):
        wanted_codes(class_map, CLASSES)


def test_allowed_flips():
    codes, free = np.array([0, 1, 2, 2]), np.array([True, True, True, False])
    anything = allowed_flips(None, CLASSES, codes, free)
    np.testing.assert_array_equal(
        anything.astype(int), [[0, 1, 1], [1, 0, 1], [1, 1, 0], [0, 0, 0]]
    )
    wanted = allowed_flips({8: 3}, CLASSES, codes, free)
    np.testing.assert_array_equal(np.argwhere(wanted), [[2, 1]])
