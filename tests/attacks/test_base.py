"""What all attacks with a surrogate share, seen through the smallest of them."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import KFold

from skpoison.attacks._base import BaseGoalAttack, BaseSurrogateAttack
from skpoison.base import Poison
from skpoison.goals import (
    BaseGoal,
    ErrorGeneric,
    ErrorSpecific,
    TargetCoefficients,
    TargetLabels,
)

X, y = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])[y]
GIVEN = {"X_val": X[::3], "y_val": y[::3]}


class FirstRows(BaseSurrogateAttack):
    """Does everything to the first rows known that may be touched."""

    what = "flip"

    def _attack(self, known, n_poison, random_state):
        self.known_ = known
        self.drawn_ = random_state.uniform()
        rows = np.flatnonzero(~known.trusted)[:n_poison]
        if self.what == "flip":
            labels = known.y.copy()
            labels[rows] = known.classes[(known.codes[rows] + 1) % len(known.classes)]
            return Poison(y=labels)
        if self.what == "delete":
            return Poison(deleted=rows)
        if self.what == "modify":
            return Poison(modified=rows, X_modified=known.X[rows] + 1)
        return Poison(X_inserted=rows, y_inserted=known.y[rows])


class WithGoal(BaseGoalAttack):
    """Says what it would attack."""

    def _start(self, known):
        self.known_ = known

    def _attack(self, known, n_poison, random_state):
        self.folds_ = self._folds(known, random_state)
        self.problems_ = [self._problem(known, fold) for fold in self.folds_]
        return Poison()


@pytest.mark.parametrize("what", ["flip", "delete", "modify", "insert"])
def test_poison_of_the_rows_known_is_that_of_all_rows(what):
    attack = FirstRows(budget=4, known_fraction=0.3, random_state=0)
    attack.what = what
    trusted = np.arange(150) < 75
    X_out, y_out = attack.fit_resample(X, NAMES, trusted=trusted)
    known = attack.known_
    assert known.X.shape == (45, 4)
    assert known.n_samples == 150
    assert known.trusted.sum() == pytest.approx(22, abs=8)
    is_known = (X[:, np.newaxis] == known.X).all(axis=2).any(axis=1)
    rows = np.flatnonzero(is_known & ~trusted)[:4]
    if what == "delete":
        assert_array_equal(np.flatnonzero(attack.deletion_mask_), rows)
    elif what == "insert":
        assert_array_equal(X_out[150:], X[rows])
        assert_array_equal(y_out[150:], NAMES[rows])
    else:
        assert_array_equal(np.flatnonzero(attack.poison_mask_), rows)
        assert_array_equal((X_out != X).any(axis=1).any(), what == "modify")
        assert_array_equal((y_out != NAMES).any(), what == "flip")


def test_everything_is_known_by_default():
    attack = FirstRows(random_state=0)
    attack.fit_resample(X, NAMES)
    assert_array_equal(attack.known_.X, X)
    assert_array_equal(attack.known_.codes, y)


@pytest.mark.parametrize("surrogate", [None, RandomForestClassifier()], ids=str)
def test_seeds_of_the_surrogate_do_not_change_what_is_drawn(surrogate):
    first = FirstRows(LogisticRegression(random_state=0), random_state=3)
    second = FirstRows(surrogate, random_state=3)
    for attack in (first, second):
        attack.fit_resample(X, y)
    assert first.drawn_ == second.drawn_
    seeds = [
        value
        for name, value in second.known_.surrogate.get_params().items()
        if name.endswith("random_state")
    ]
    assert seeds
    assert None not in seeds


@pytest.mark.parametrize("attack", [FirstRows(KMeans()), WithGoal(KMeans())], ids=str)
def test_surrogates_are_classifiers_or_regressors(attack):
    with pytest.raises(ValueError, match="`surrogate` must be a classifier if y holds"):
        attack.fit_resample(X, y)


def test_labels_need_a_classifier():
    attack = FirstRows(Ridge())
    attack._needs_classifier = True
    with pytest.raises(ValueError, match="must be a classifier for FirstRows; got Rid"):
        attack.fit_resample(X, y)


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
        ({"goal": TargetLabels()}, {}, ValueError, "X_val and y_val must be given to"),
        ({"goal": COEFFICIENTS}, GIVEN, ValueError, "X_val and y_val must not be give"),
        (
            {"goal": COEFFICIENTS, "validation": 0.3},
            {},
            ValueError,
            "`validation` must be None for goal=TargetCoefficients",
        ),
        ({"validation": 3}, GIVEN, ValueError, "`validation` must be None if X_val"),
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
            {"goal": ErrorGeneric("log")},
            {},
            ValueError,
            "The 'loss' parameter of Error",
        ),
        ({"goal": Misspelt()}, {}, TypeError, "Misspelt.resolve must return an object"),
        ({"validation": 1}, {}, ValueError, "The 'validation' parameter"),
        ({"validation": 1.0}, {}, ValueError, "The 'validation' parameter"),
        ({"validation": "all"}, {}, ValueError, "The 'validation' parameter"),
        (
            {"validation": 51},
            {},
            ValueError,
            "`validation` must not exceed the 50 rows",
        ),
        ({"known_fraction": 0.0}, {}, ValueError, "The 'known_fraction' parameter"),
        ({"known_fraction": 0.001}, {}, ValueError, "`known_fraction` must leave rows"),
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
