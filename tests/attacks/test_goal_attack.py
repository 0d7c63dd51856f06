"""What all attacks with a goal share, seen through the smallest of them."""

import numpy as np
import pytest
import sklearn
from imblearn.pipeline import make_pipeline
from numpy.testing import assert_array_equal
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GroupKFold, KFold

from skpoison.attacks._goal_attack import BaseGoalAttack
from skpoison.base import Poison
from skpoison.goals import (
    BaseGoal,
    ErrorGeneric,
    ErrorSpecific,
    TargetCoefficients,
    TargetLabels,
)

X, y = load_iris(return_X_y=True)
GIVEN = {"X_val": X[::3], "y_val": y[::3]}


class WithGoal(BaseGoalAttack):
    """Says what it would attack."""

    def _start(self, known):
        self.known_ = known

    def _attack(self, known, n_poison, random_state):
        self.folds_ = self._folds(known, random_state)
        self.problems_ = [self._problem(known, fold) for fold in self.folds_]
        return Poison()


def test_responses():
    attack = WithGoal(Ridge(), random_state=0)
    attack.fit_resample(X, X[:, 0])
    assert attack.known_.classes is None
    assert_array_equal(attack.known_.codes, X[:, 0])
    assert attack.problems_[0].classes is None


@pytest.mark.parametrize(
    ("goal", "kind"),
    [
        ("error-generic", ErrorGeneric),
        ({0: 1}, ErrorSpecific),
        (ErrorGeneric("surrogate"), ErrorGeneric),
        (TargetLabels(), TargetLabels),
    ],
    ids=str,
)
def test_goals_and_their_shortcuts(goal, kind):
    attack = WithGoal(goal=goal)
    attack.fit_resample(X, y, **GIVEN)
    assert type(attack.known_.goal) is kind
    assert_array_equal(attack.known_.y_val, GIVEN["y_val"])
    (fold,) = attack.folds_
    assert fold.rows is None
    assert_array_equal(fold.train, np.arange(150))


@pytest.mark.parametrize(
    ("validation", "sizes"),
    [(None, [45]), (0.5, [75]), (3, [50] * 3), (KFold(2), [75, 75])],
    ids=str,
)
def test_validation_rows(validation, sizes):
    attack = WithGoal(validation=validation, random_state=0)
    attack.fit_resample(X, y)
    assert [fold.rows.shape[0] for fold in attack.folds_] == sizes
    for fold, problem in zip(attack.folds_, attack.problems_, strict=True):
        assert_array_equal(problem.X, X[fold.train])
        assert_array_equal(problem.codes, y[fold.train])


@pytest.mark.parametrize("known_fraction", [1.0, 0.7])
def test_groups(known_fraction):
    groups = np.arange(150) % 11
    attack = WithGoal(
        validation=GroupKFold(3), known_fraction=known_fraction, random_state=0
    )
    attack.fit_resample(X, y, groups=groups)
    found = attack.known_.groups
    assert found.shape[0] == attack.known_.y.shape[0]
    if known_fraction == 1:
        assert_array_equal(found, groups)
    assert len(attack.folds_) == 3
    for fold in attack.folds_:
        assert not set(found[fold.train]) & set(found[fold.rows])


def test_too_few_rows_known_for_validation():
    attack = WithGoal(known_fraction=0.03, random_state=0)
    with pytest.raises(
        ValueError, match=r"Or raise `known_fraction`, which is 0\.03\."
    ):
        attack.fit_resample(X, y)


def test_groups_are_routed():
    groups = np.arange(150) % 11
    with sklearn.config_context(enable_metadata_routing=True):
        attack = WithGoal(validation=GroupKFold(3), random_state=0)
        attack.set_fit_resample_request(groups=True)
        pipeline = make_pipeline(attack, LogisticRegression(max_iter=1000))
        pipeline.fit(X, y, groups=groups)
        assert_array_equal(pipeline[0].known_.groups, groups)


def test_goals_on_parameters_need_no_validation_rows():
    attack = WithGoal(LogisticRegression(), goal=TargetCoefficients({0: 1.0}))
    attack.fit_resample(X, y)
    (fold,) = attack.folds_
    assert fold.X is None
    assert_array_equal(attack.problems_[0].resolved_goal.wanted[0], [1.0] * 3)


class Misspelt(BaseGoal):
    def resolve(self, context):
        return object()


COEFFICIENTS = TargetCoefficients({0: 1.0})


@pytest.mark.parametrize(
    ("parameters", "given", "error", "message"),
    [
        (
            {"goal": TargetLabels()},
            {},
            ValueError,
            "`X_val` and `y_val` must be given to",
        ),
        ({"goal": COEFFICIENTS}, GIVEN, ValueError, "`X_val` and `y_val` must be None"),
        (
            {"goal": COEFFICIENTS, "validation": 0.3},
            {},
            ValueError,
            "`validation` must be None for TargetCoefficients",
        ),
        ({"validation": 3}, GIVEN, ValueError, "`validation` must be None if `X_val"),
        ({}, {"X_val": X}, ValueError, "must be given together"),
        ({"goal": {}}, {}, ValueError, "`class_map` must name at least one class"),
        ({"goal": {7: 1}}, {}, ValueError, "`class_map` must map classes of y"),
        ({"goal": {1: 1}}, {}, ValueError, "`class_map` must map each class to a diff"),
        (
            {"goal": "error-specific"},
            {},
            ValueError,
            "The 'goal' parameter of WithGoal",
        ),
        ({"goal": KMeans()}, {}, ValueError, "The 'goal' parameter of WithGoal"),
        (
            {"goal": ErrorGeneric},
            {},
            ValueError,
            "an instance: Name.*, not the class N",
        ),
        ({"goal": [8, 3]}, {}, ValueError, "dict from class to class such as {8: 3}"),
        (
            {"goal": ErrorGeneric("log")},
            {},
            ValueError,
            "The 'loss' parameter of Error",
        ),
        (
            {"goal": Misspelt()},
            {},
            TypeError,
            "`resolve` of Misspelt must return an object",
        ),
        (
            {"validation": GroupKFold(3)},
            {},
            ValueError,
            "`groups` must be given to fit",
        ),
        ({}, {"groups": y}, ValueError, "`groups` must be None unless `validation` is"),
        ({"validation": 1}, {}, ValueError, "The 'validation' parameter"),
        ({"validation": 1.0}, {}, ValueError, "The 'validation' parameter"),
        ({"validation": "all"}, {}, ValueError, "The 'validation' parameter"),
        (
            {"validation": 51},
            {},
            ValueError,
            "`validation` must not exceed the 50 rows",
        ),
    ],
    ids=str,
)
def test_nothing_is_ignored(parameters, given, error, message):
    with pytest.raises(error, match=message):
        WithGoal(**parameters).fit_resample(X, y, **given)


def test_classes_do_not_go_with_responses():
    with pytest.raises(
        ValueError, match="`goal` must not name classes if y holds resp"
    ):
        WithGoal(Ridge(), goal={1: 2}).fit_resample(X, X[:, 0])


def test_sharpness_needs_class_labels():
    with pytest.raises(
        ValueError, match="`sharpness` of ErrorGeneric must be None if "
    ):
        WithGoal(Ridge(), goal=ErrorGeneric(sharpness=2)).fit_resample(X, X[:, 0])


def test_a_budget_of_nothing_is_checked():
    attack = WithGoal(budget=0, random_state=0)
    X_out, _ = attack.fit_resample(X, y)
    assert_array_equal(X_out, X)
    assert attack.known_.X.shape == X.shape
    with pytest.raises(ValueError, match="`class_map` must name"):
        attack.set_params(goal={}).fit_resample(X, y)
