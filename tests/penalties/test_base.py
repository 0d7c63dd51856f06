import numpy as np
import pytest

from skpoison.penalties import BasePenalty
from skpoison.penalties._base import check_charge


class Nothing(BasePenalty):
    def value_and_gradient(self, X, y, X_start, y_start):
        return 0.0, np.zeros_like(X), np.zeros_like(y)


def test_weights_are_checked():
    assert Nothing(0.0).fit(np.eye(2), np.arange(2)).weight == 0
    with pytest.raises(ValueError, match="The 'weight' parameter of Nothing must be"):
        Nothing(-1.0).fit(np.eye(2), np.arange(2))


@pytest.mark.parametrize(
    "found",
    [
        None,
        (0.0, np.zeros((3, 2))),
        (np.zeros(3), np.zeros((3, 2)), np.zeros(3)),
        (0.0, np.zeros(2), np.zeros(3)),
        (0.0, np.zeros((3, 2)), 0.0),
    ],
)
def test_what_they_return_is_checked(found):
    X, y = np.ones((3, 2)), np.ones(3)
    check_charge(Nothing(1.0), Nothing(1.0).value_and_gradient(X, y, X, y), X, y)
    with pytest.raises(TypeError, match=r"`value_and_gradient` of Nothing must .* got"):
        check_charge(Nothing(1.0), found, X, y)


@pytest.mark.parametrize("part", [0, 1, 2])
def test_nan_is_named(part):
    X, y = np.ones((3, 2)), np.ones(3)
    found = [0.0, np.zeros((3, 2)), np.zeros(3)]
    found[part] = found[part] * np.nan
    with pytest.raises(ValueError, match="of Nothing must return numbers; got NaN"):
        check_charge(Nothing(1.0), tuple(found), X, y)
