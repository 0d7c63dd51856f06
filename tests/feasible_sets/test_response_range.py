import numpy as np
import pytest
from sklearn.base import clone

from skpoison.feasible_sets import ResponseRange

y = np.array([2.0, -1.0, 5.0])


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ((), (-1, 5)),
        ((0,), (0, 5)),
        ((None, 9.5), (-1, 9.5)),
        ((-np.inf, np.inf), (-np.inf, np.inf)),
    ],
)
def test_bounds(bounds, expected):
    assert clone(ResponseRange(*bounds)).bounds(y) == expected


@pytest.mark.parametrize(
    ("responses", "message"),
    [
        (ResponseRange(1.0, 1.0), "`low` of ResponseRange must be below `high`"),
        (ResponseRange(7.0), "must be below `high`; got the range from 7 to 5"),
        (ResponseRange("a"), "The 'low' parameter of ResponseRange"),
        (ResponseRange(start="there"), "The 'start' parameter of ResponseRange"),
    ],
    ids=str,
)
def test_invalid_ranges(responses, message):
    with pytest.raises(ValueError, match=message):
        responses.bounds(y)
