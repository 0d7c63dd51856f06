import numpy as np
import pytest

from skpoison.attacks import GradientInsertion
from skpoison.goals import BaseGoal, ErrorGeneric, TargetCoefficients, TargetFeatures
from skpoison.goals._base import (
    check_evaluation,
    check_label_map,
    check_resolved,
)


class Small(BaseGoal):
    def resolve(self, context):
        return self

    def at(self, learner, W):
        return -(W**2).sum() / 2, -W


def test_which_goals_need_validation_rows():
    assert ErrorGeneric().needs_validation
    for goal in (Small(), TargetCoefficients({0: 1.0}), TargetFeatures(select=[0])):
        assert not goal.needs_validation
        assert not goal.requires_given_rows
        assert goal.label_map(np.arange(2), None) is None


def test_a_misspelt_method_is_missed():
    class Misspelt(BaseGoal):
        def resolved(self, context):
            return self

    with pytest.raises(TypeError, match=r"abstract method.*resolve"):
        Misspelt()


def test_what_is_resolved_has_a_method():
    check_resolved(Small(), Small())
    with pytest.raises(
        TypeError, match=r"`resolve` of Small must return an object with a "
    ):
        check_resolved(Small(), 3)


def test_unknown_kind():
    class Odd(Small):
        kind = "wishes"

    with pytest.raises(ValueError, match="`kind` of Odd must be one of"):
        Odd().check(np.arange(2))


@pytest.mark.parametrize(
    "found",
    [3.0, (3.0, np.ones(2)), (np.ones(2), np.ones((2, 1))), (1.0, np.ones((2, 1)), 2)],
    ids=str,
)
def test_values_and_gradients_of_goals_from_outside(found):
    class Odd(Small):
        def at(self, learner, W):
            return found

    check_evaluation(Small(), Small(), None, (2, 1))
    with pytest.raises(
        TypeError, match=r"of Odd must return a number and an array of "
    ):
        check_evaluation(Odd(), Odd(), None, (2, 1))


def test_label_maps_are_checked():
    classes = np.array(["ham", "spam"])
    for label_map in (None, {"ham": "spam"}):
        check_label_map(Small(), label_map, classes)
    for label_map in ({}, {"ham": "eggs"}, {"ham": "ham"}):
        with pytest.raises(ValueError, match="`label_map of Small` must"):
            check_label_map(Small(), label_map, classes)
    with pytest.raises(TypeError, match="must return a dict or None; got 3"):
        check_label_map(Small(), 3, classes)


def test_label_map_of_a_goal_from_outside():
    class Odd(Small):
        def label_map(self, classes, y_val):
            return {"ham": "eggs"}

    X = np.random.RandomState(0).normal(size=(30, 2))
    y = np.where(X[:, 0] > 0, "ham", "spam")
    with pytest.raises(ValueError, match=r"`label_map of Odd` must map .* 'eggs'"):
        GradientInsertion(goal=Odd()).fit_resample(X, y)
