"""Errors that are smoothed less."""

import numpy as np
import pytest

from skpoison.attacks._sharper_error import sharper
from skpoison.goals import ErrorGeneric, ErrorSpecific, TargetCoefficients

CLASSES = np.arange(2)


@pytest.mark.parametrize("goal", [ErrorGeneric(), ErrorSpecific({0: 1})])
def test_sharper_where_that_is_left_to_the_attack(goal):
    found = sharper(goal, CLASSES, 10.0)
    assert type(found) is type(goal)
    assert found.get_params() == goal.get_params() | {"sharpness": 10.0}
    assert goal.sharpness is None


@pytest.mark.parametrize(
    ("goal", "classes"),
    [
        (ErrorGeneric(sharpness=4.0), CLASSES),
        (ErrorGeneric("surrogate"), CLASSES),
        (ErrorGeneric(), None),
        (TargetCoefficients(np.ones(2)), CLASSES),
    ],
)
def test_other_goals_are_left_as_they_are(goal, classes):
    assert sharper(goal, classes, 10.0) is goal
