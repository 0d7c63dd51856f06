import numpy as np
import pytest

from skpoison.utils._texts import listed, shown


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, "3"),
        ("ab", "'ab'"),
        ({0: 1.0}, "{0: 1.0}"),
        ([True] * 400, "[True, True, True, True, True, True, ...]"),
        (np.zeros(400), "an array of shape (400,)"),
        (np.zeros((2, 2)), "an array of shape (2, 2)"),
        (np.arange(3), "array([0, 1, 2])"),
        ((0.5, np.zeros((3, 4))), "(0.5, an array of shape (3, 4))"),
        (np.nan, "nan"),
    ],
)
def test_long_values_are_cut(value, expected):
    assert shown(value) == expected


def test_objects_are_cut_in_their_middle():
    class Long:
        def __repr__(self):
            return "a" * 200 + "b" * 200

    assert len(shown(Long())) <= 300
    assert shown(Long()).startswith("aaa")


def test_labels_are_counted():
    assert listed(np.array(["b", "a"])) == "['b', 'a']"
    assert listed(range(8)) == "[0, 1, 2, 3, 4, 5, 6, 7]"
    assert listed(np.arange(100)) == "[0, 1, 2, 3, 4, 5, 6, ... 100 in all]"
