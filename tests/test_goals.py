import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone

from skpoison.goals import TargetCoefficients, TargetFeatures

NAMES = np.array(["age", "dose", "weight"])


@pytest.mark.parametrize("values", [{1: 2.0, -1: 0.5}, {"dose": 2.0, "weight": 0.5}])
def test_coefficients_by_name(values):
    goal = clone(TargetCoefficients(values)).resolve(3, 2, NAMES)
    assert_array_equal(goal.wanted, [[np.nan] * 2, [2.0] * 2, [0.5] * 2])


@pytest.mark.parametrize(
    ("values", "n_outputs"),
    [([1.0, np.nan, 3.0], 1), ([[1, 2, 3], [4, 5, 6.0]], 2), ([[1, 2, 3]], 1)],
)
def test_coefficients_as_coef_has_them(values, n_outputs):
    goal = TargetCoefficients(values).resolve(3, n_outputs)
    assert_array_equal(goal.wanted, np.atleast_2d(values).T)


@pytest.mark.parametrize(
    ("values", "names", "message"),
    [
        ({3: 1.0}, None, "names the feature 3, but X has 3 features, without names"),
        ({"size": 1.0}, NAMES, r"names the feature 'size', .* by the names \['age', "),
        ([1.0, 2.0], None, r"has the shape \(2,\), but .* of shape \(1, 3\)"),
        ([np.nan] * 3, None, "wants nothing"),
        ({}, None, "wants nothing"),
        ({True: 1.0}, None, "names the feature True, but X has 3 features"),
        ({0: np.inf}, None, "name finite coefficients"),
    ],
)
def test_no_such_coefficients(values, names, message):
    with pytest.raises(ValueError, match=message):
        TargetCoefficients(values).resolve(3, 1, names)


def test_masks_are_no_positions():
    with pytest.raises(ValueError, match=r"select of TargetFeatures names .* False"):
        TargetFeatures(select=[False, True, False]).resolve(3, 1)
