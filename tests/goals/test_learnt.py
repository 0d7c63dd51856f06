import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone

from skpoison.goals import GoalContext, TargetCoefficients, TargetFeatures

NAMES = np.array(["age", "dose", "weight"])


def resolved(goal, n_outputs=1, names=None):
    return goal.resolve(GoalContext(None, 3, n_outputs, names))


@pytest.mark.parametrize("values", [{1: 2.0, -1: 0.5}, {"dose": 2.0, "weight": 0.5}])
def test_coefficients_by_name(values):
    goal = resolved(clone(TargetCoefficients(values)), 2, NAMES)
    assert_array_equal(goal.wanted, [[np.nan] * 2, [2.0] * 2, [0.5] * 2])


@pytest.mark.parametrize(
    ("values", "n_outputs"),
    [([1.0, np.nan, 3.0], 1), ([[1, 2, 3], [4, 5, 6.0]], 2), ([[1, 2, 3]], 1)],
)
def test_coefficients_as_coef_has_them(values, n_outputs):
    goal = resolved(TargetCoefficients(values), n_outputs)
    assert_array_equal(goal.wanted, np.atleast_2d(values).T)


@pytest.mark.parametrize(
    ("values", "names", "message"),
    [
        ({3: 1.0}, None, "names of the 3 features, which have no names; got 3"),
        ({"size": 1.0}, NAMES, r"3 features \['age', .*; got 'size'"),
        ([1.0, 2.0], None, r"must have the shape \(1, 3\) .*; got \(2,\)"),
        ([np.nan] * 3, None, "must name at least one coefficient"),
        ({}, None, "must name at least one coefficient"),
        ({True: 1.0}, None, "names of the 3 features.*; got True"),
        ({0: np.inf}, None, "must be finite, or NaN"),
        ({0: 1.0, -3: 2.0}, None, "the 3 features.*, each once; got -3 again"),
        ({"age": 1.0, 0: 2.0}, NAMES, "each once; got 0 again"),
        ({0: "much"}, None, "must be numbers, in an array or .*; got .*much"),
        ("much", None, "must be numbers, in an array or .*; got 'much'"),
    ],
)
def test_no_such_coefficients(values, names, message):
    with pytest.raises(ValueError, match=message):
        resolved(TargetCoefficients(values), 1, names)


def test_masks_are_no_positions():
    with pytest.raises(
        ValueError, match=r"`select` of TargetFeatures must .* got False"
    ):
        resolved(TargetFeatures(select=[False, True, False]))


@pytest.mark.parametrize(
    ("select", "message"),
    [(1, "in a list; got 1"), ([1, 1], "each once; got 1 again")],
)
def test_features_are_listed_once(select, message):
    with pytest.raises(ValueError, match=f"`select` of TargetFeatures .*{message}"):
        resolved(TargetFeatures(select=select))
