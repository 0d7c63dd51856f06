import numpy as np
import pytest

from skpoison.utils._class_map import wanted_codes

CLASSES = np.array([0, 3, 8])


def test_wanted_codes():
    np.testing.assert_array_equal(wanted_codes({8: 3, 3: 0}, CLASSES), [-1, 0, 1])


@pytest.mark.parametrize("class_map", [{7: 3}, {3: 7}, {3: 3}, {}])
def test_unknown_classes(class_map):
    with pytest.raises(ValueError, match="`class_map` must"):
        wanted_codes(class_map, CLASSES)


@pytest.mark.parametrize(
    ("class_map", "classes", "hint"),
    [
        ({"8": "3"}, CLASSES, r"the class '8'\. Write 8: labels are int here\.$"),
        (
            {8: 3},
            CLASSES.astype(str),
            r"the class 8\. Write '8': labels are str here\.$",
        ),
        ({8: [3, 0]}, CLASSES, r"class \[3, 0\]\. Map each class to a single one\.$"),
        ({7: 3}, CLASSES, r"the class 7\.$"),
    ],
)
def test_what_may_be_wrong_with_a_class(class_map, classes, hint):
    with pytest.raises(ValueError, match=hint):
        wanted_codes(class_map, classes)
