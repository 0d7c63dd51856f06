import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, Ridge

from skpoison.bilevel.goals import OnObjective, OnRows
from skpoison.bilevel.losses import Logistic, Squared
from skpoison.goals import ErrorGeneric, ErrorSpecific, GoalContext, TargetLabels
from skpoison.goals._errors import resolve_goal
from skpoison.surrogates import as_training_problem

CLASSES = np.array(["ham", "phish", "spam"])
y = np.array([0, 2, 1, 2])
X = np.arange(8.0).reshape(4, 2)
GOALS = [ErrorGeneric(), ErrorSpecific({"spam": "ham"}), TargetLabels()]


def context(estimator, y_val, n_classes=2):
    classes = None if n_classes is None else np.arange(n_classes)
    problem = as_training_problem(estimator, n_classes)
    return GoalContext(problem, 2, 1, None, classes, X, y_val)


def test_shortcuts():
    assert isinstance(resolve_goal("error-generic"), ErrorGeneric)
    assert resolve_goal({8: 3}).class_map == {8: 3}
    assert resolve_goal(GOALS[2]) is GOALS[2]


@pytest.mark.parametrize(
    ("goal", "codes", "sign"),
    [(GOALS[0], y, 1), (GOALS[1], [0, 0, 1, 0], -1), (GOALS[2], y, -1)],
    ids=str,
)
def test_labels_measured(goal, codes, sign):
    measure = goal.measure(y, CLASSES)
    assert_array_equal(measure.codes, codes)
    assert measure.sign == sign
    assert measure.sharpness == 4
    assert clone(goal).set_params(sharpness=2).measure(y, CLASSES).sharpness == 2


@pytest.mark.parametrize("loss", ["surrogate", "objective"])
@pytest.mark.parametrize("goal", GOALS, ids=str)
def test_other_losses_need_a_gradient(goal, loss):
    goal = clone(goal).set_params(loss=loss)
    assert goal.measure(y, CLASSES) is None


def test_losses():
    codes = np.array([0, 1, 1, 0])
    logistic = context(LogisticRegression(), codes)
    resolved = ErrorGeneric("surrogate").resolve(logistic)
    assert isinstance(resolved, OnRows)
    assert isinstance(resolved.measure.loss, Logistic)
    resolved = ErrorSpecific({0: 1}, "objective").resolve(logistic)
    assert isinstance(resolved, OnObjective)
    assert resolved.sign == -1
    assert_array_equal(resolved.rows.targets[:, 0], 1)
    responses = context(Ridge(), codes.astype(float), None)
    resolved = TargetLabels().resolve(responses)
    assert isinstance(resolved.measure.loss, Squared)
    assert_array_equal(resolved.measure.targets[:, 0], codes)
    assert resolved.measure.sign == -1


def test_surrogates_without_a_loss():
    class Learner:
        pass

    class Problem:
        learner = Learner()

    with pytest.raises(
        ValueError, match="for a surrogate whose learner has no attribut"
    ):
        ErrorGeneric("surrogate").resolve(
            GoalContext(Problem(), 2, 1, None, CLASSES, X, y)
        )


@pytest.mark.parametrize(
    ("goal", "classes", "message"),
    [
        (
            ErrorGeneric(sharpness=0),
            CLASSES,
            "The 'sharpness' parameter of ErrorGeneric",
        ),
        (ErrorGeneric("log_loss"), CLASSES, "The 'loss' parameter of ErrorGeneric"),
        (ErrorGeneric("surrogate", 2.0), CLASSES, "`sharpness` .* if loss='surrogate'"),
        (TargetLabels(sharpness=2.0), None, "must be None if y holds responses"),
        (ErrorSpecific({"ham": "eggs"}), CLASSES, "names the class 'eggs'"),
        (ErrorSpecific("ham"), CLASSES, "The 'class_map' parameter of ErrorSpecific"),
        (ErrorSpecific({"ham": "spam"}), None, "must not name classes if y holds resp"),
    ],
    ids=str,
)
def test_what_means_nothing_raises(goal, classes, message):
    with pytest.raises(ValueError, match=message):
        goal.check(classes)


@pytest.mark.parametrize("goal", GOALS, ids=str)
def test_valid_goals(goal):
    goal.check(CLASSES)
    clone(goal).set_params(sharpness=2.0).check(CLASSES)


def test_labels_of_initial_rows():
    assert GOALS[0].label_map(CLASSES, y) is None
    assert GOALS[1].label_map(CLASSES, y) == {"spam": "ham", "ham": "spam"}
    assert GOALS[2].label_map(CLASSES, y) is None
    one = GOALS[2].label_map(CLASSES, np.array([1, 1]))
    assert one == {"ham": "phish", "spam": "phish"}
