from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import make_classification, make_regression
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from skpoison.attacks import (
    GradientInsertion,
    GreedyDeletion,
    GreedyLabelFlip,
    RelaxedLabelFlip,
)
from skpoison.bilevel.goals import MeanLoss, OnCoefficients, OnRows
from skpoison.bilevel.losses import Squared
from skpoison.goals import BaseGoal, ErrorGeneric
from skpoison.goals._outside import (
    OutsideGoal,
    OutsideMeasure,
    as_known_goal,
    as_known_measure,
)

X, y = make_classification(40, 4, random_state=0)
X_r, y_r = make_regression(40, 4, noise=5, random_state=0)


class Own(BaseGoal):
    """A goal of the package, of which only what is documented is seen."""

    kind = "errors"
    can_be_overshot = False

    def __init__(self, of_scores=False):
        self.of_scores = of_scores

    def resolve(self, context):
        known = ErrorGeneric().resolve(context)
        if not self.of_scores:
            return SimpleNamespace(at=known.at)
        measure = known.measure
        return OnRows(
            known.X, SimpleNamespace(value=measure.value, gradient=measure.gradient)
        )


class Counted(Own):
    """The same for surrogates that cannot be differentiated."""

    def measure(self, y_val, classes):
        return SimpleNamespace(value=ErrorGeneric().measure(y_val, classes).value)


def test_goals_of_the_package_stay_as_they_are():
    for goal in (OnCoefficients(np.zeros((2, 1))), OnRows(X, MeanLoss(Squared(), y))):
        assert as_known_goal(Own(), goal) is goal


def test_many_scores_are_measured_one_by_one():
    known = MeanLoss(Squared(), y[:, np.newaxis])
    measure = OutsideMeasure(
        SimpleNamespace(value=known.value, gradient=known.gradient)
    )
    scores = np.random.RandomState(0).normal(size=(40, 3, 1))
    assert_allclose(measure.values(scores), known.values(scores))
    assert_allclose(measure.gradient(scores[:, 0]), known.gradient(scores[:, 0]))
    resolved = as_known_goal(Own(), OnRows(X, SimpleNamespace(value=known.value)))
    assert resolved.measure.value(scores[:, 0]) == known.value(scores[:, 0])
    assert isinstance(as_known_goal(Own(), SimpleNamespace(at=len)), OutsideGoal)


@pytest.mark.parametrize("of_scores", [False, True])
@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize(
    ("attack", "surrogate"),
    [
        (GreedyLabelFlip, LogisticRegression()),
        (GreedyLabelFlip, RidgeClassifier()),
        (GreedyDeletion, LogisticRegression()),
        (GreedyDeletion, Ridge()),
    ],
    ids=str,
)
def test_every_attack_takes_them(attack, surrogate, scaled, of_scores):
    data = (X_r, y_r) if isinstance(surrogate, Ridge) else (X, y)
    if scaled:
        surrogate = make_pipeline(StandardScaler(), surrogate)
    # On rows of their own, flips need the smoothed error of each row.
    given = {"X_val": X, "y_val": y} if attack is GreedyLabelFlip else {}
    outs = []
    for goal in (ErrorGeneric(), Own(of_scores)):
        attack_ = attack(surrogate, 3, goal=goal, random_state=0)
        outs.append(attack_.fit_resample(*data, **given))
    for known, own in zip(*outs, strict=True):
        assert_array_equal(own, known)


@pytest.mark.parametrize("of_scores", [False, True])
def test_relaxed_flips_take_them(of_scores):
    # For a goal of the package it also counts errors, and may flip other rows.
    paths = []
    for goal in (ErrorGeneric(), Own(of_scores)):
        attack = RelaxedLabelFlip(LogisticRegression(), 3, goal=goal, random_state=0)
        attack.fit_resample(X, y, X_val=X, y_val=y)
        paths.append(attack.goal_path_)
    assert paths[1][0] == pytest.approx(paths[0][0], rel=1e-6)
    assert paths[1].max() > 1.2 * paths[1][0]


def test_without_a_gradient_they_are_counted_if_they_can_be():
    outs = []
    for goal in (ErrorGeneric(), Counted()):
        attack = GreedyLabelFlip(
            DecisionTreeClassifier(random_state=0), 3, goal=goal, random_state=0
        )
        outs.append(attack.fit_resample(X, y, X_val=X, y_val=y)[1])
    assert_array_equal(*outs)
    with pytest.raises(ValueError, match="must be one on errors with loss="):
        attack.set_params(goal=Own()).fit_resample(X, y)


class Lost(BaseGoal):
    """A goal that returns NaN for weights that are not all 1."""

    def __init__(self, where=0):
        self.where = where

    def resolve(self, context):
        return SimpleNamespace(at=self.at)

    def at(self, learner, W):
        found = [-(W**2).sum() / 2, -W]
        if (W != 1).any():
            found[self.where] = found[self.where] * np.nan
        return tuple(found)


@pytest.mark.parametrize("where", [0, 1])
@pytest.mark.parametrize("attack", [GradientInsertion, GreedyLabelFlip])
@pytest.mark.parametrize("scaler", [[], [StandardScaler()]])
def test_goal_that_returns_nan_is_named(attack, where, scaler):
    surrogate = make_pipeline(*scaler, LogisticRegression())
    with pytest.raises(ValueError, match="`at` of Lost must return numbers; got NaN"):
        attack(surrogate, goal=Lost(where)).fit_resample(X, y)


def test_nan_of_overflow_is_no_fault_of_the_goal():
    goal = OutsideGoal(Lost(), Lost())
    with np.errstate(over="ignore"):
        value, _ = goal.at(None, np.full((2, 1), 1e200))
    assert np.isnan(value)


def test_measures_that_return_something_else_are_named():
    scores = np.zeros((4, 1))
    measure = OutsideMeasure(
        SimpleNamespace(value=np.ravel, gradient=lambda scores: scores[:2])
    )
    with pytest.raises(TypeError, match="`value` of SimpleNamespace must return a num"):
        measure.value(scores)
    with pytest.raises(TypeError, match=r"`gradient` of .* the scores, \(4, 1\)"):
        measure.gradient(scores)
    lost = SimpleNamespace(value=lambda s: np.nan, gradient=lambda s: np.nan * s)
    for method in ("value", "gradient"):
        with pytest.raises(ValueError, match=f"`{method}` of .* must return numbers"):
            getattr(OutsideMeasure(lost), method)(scores)


def test_measures_of_goals_from_outside():
    known = MeanLoss(Squared(), y[:, np.newaxis])
    assert as_known_measure(Own(), None) is None
    assert as_known_measure(Own(), known) is known
    with pytest.raises(TypeError, match="`measure` of Own must return None or an obj"):
        as_known_measure(Own(), 3)


class LostCount(Counted):
    def measure(self, y_val, classes):
        return SimpleNamespace(value=lambda scores: np.nan)


def test_flips_do_not_follow_nan():
    attack = GreedyLabelFlip(DecisionTreeClassifier(), 3, goal=LostCount())
    with pytest.raises(ValueError, match="`value` of SimpleNamespace must return"):
        attack.fit_resample(X, y)
