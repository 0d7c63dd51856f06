import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.tree import DecisionTreeClassifier

from skpoison.attacks import (
    GradientInsertion,
    GradientModification,
    GreedyDeletion,
    GreedyLabelFlip,
    RelaxedLabelFlip,
)
from skpoison.bilevel.goals import OnRows
from skpoison.goals import GoalContext, WeightedScores
from skpoison.goals._scores import LinearScores
from skpoison.optimizers import ProjectedAscent

rng = np.random.RandomState(0)
X = np.column_stack([np.arange(120) % 2, rng.normal(size=(120, 2))])
y = np.where(X[:, 1] + 0.5 * rng.normal(size=120) > 0, "yes", "no")


def against_the_group(X, y):
    return np.where(X[:, 0] == 1, -1.0, 1.0)


def gap(model):
    """Return by how much a group is predicted to be accepted more often."""
    accepted = model.predict(X) == "yes"
    return accepted[X[:, 0] == 0].mean() - accepted[X[:, 0] == 1].mean()


def test_value_and_gradient():
    scores, weights = rng.normal(size=(7, 3)), rng.normal(size=(7, 3))
    measure = LinearScores(weights)
    assert_allclose(measure.value(scores), (weights * scores).sum() / 7, rtol=1e-14)
    assert_allclose(measure.of_rows(scores).mean(), measure.value(scores), rtol=1e-14)
    many = np.stack([scores, 2 * scores], axis=1)
    assert_allclose(measure.values(many), measure.value(scores) * np.array([1, 2]))
    moved = scores + rng.normal(size=scores.shape)
    change = (measure.gradient(scores) * (moved - scores)).sum()
    assert_allclose(change, measure.value(moved) - measure.value(scores), rtol=1e-12)


@pytest.mark.parametrize("classes", [None, ["no", "yes"], ["a", "b", "c"]])
def test_weights_of_rows(classes):
    classes = classes and np.array(classes)
    n_outputs = 3 if classes is not None and len(classes) == 3 else 1
    codes = np.arange(6) % (1 if classes is None else len(classes))
    given, labels = np.arange(6.0 * n_outputs).reshape(6, n_outputs), []

    def weights(X, y):
        labels.append(y)
        return given if n_outputs > 1 else given[:, 0]

    context = GoalContext(None, 3, n_outputs, None, classes, X[:6], codes)
    for goal in (WeightedScores(weights), WeightedScores(given.tolist())):
        goal.check(classes)
        resolved = clone(goal).resolve(context)
        assert isinstance(resolved, OnRows)
        assert resolved.X is context.X_val
        assert_array_equal(resolved.measure.weights, given)
    assert_array_equal(labels[0], codes if classes is None else classes[codes])


def test_an_array_belongs_to_given_rows():
    assert WeightedScores([1.0, 2.0]).requires_given_rows
    assert not WeightedScores(against_the_group).requires_given_rows
    attack = GradientInsertion(goal=WeightedScores([1.0, -1.0]), random_state=0)
    with pytest.raises(ValueError, match="`X_val` and `y_val` must be given"):
        attack.fit_resample(X, y)
    attack.fit_resample(X, y, X_val=X[:2], y_val=y[:2])


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0], "must hold a finite number for each of the 2 validation rows; got"),
        ([np.nan, 1.0], "must hold a finite number"),
        (["a", "b"], "must hold a finite number"),
        (lambda X, y: X, "must return a finite number"),
        (lambda X, y: None, "must return a finite number"),
    ],
)
def test_weights_that_do_not_fit(weights, message):
    goal = WeightedScores(weights)
    with pytest.raises(ValueError, match=message):
        goal.measure_rows(X[:2], np.array([0, 1]), np.array(["no", "yes"]))


def test_weights_of_several_classes():
    goal = WeightedScores(lambda X, y: np.ones(len(X)))
    with pytest.raises(ValueError, match=r"validation rows, 3 columns of them; got"):
        goal.measure_rows(X[:3], np.arange(3), np.array(list("abc")))


@pytest.mark.parametrize(
    "attack",
    [
        GradientInsertion(optimizer=ProjectedAscent(max_iter=20)),
        GradientModification(optimizer=ProjectedAscent(max_iter=20)),
        GreedyDeletion(),
        GreedyLabelFlip(),
        RelaxedLabelFlip(),
    ],
    ids=lambda attack: type(attack).__name__,
)
def test_groups_are_driven_apart(attack):
    """Demographic parity suffers, although only scores are the goal."""
    model = LogisticRegression()
    attack = clone(attack).set_params(
        surrogate=model,
        goal=WeightedScores(against_the_group),
        budget=0.2,
        random_state=0,
    )
    clean = gap(clone(model).fit(X, y))
    assert gap(model.fit(*attack.fit_resample(X, y))) > clean + 0.05
    assert attack.goal_path_[-1] > attack.goal_path_[0]


def test_a_group_is_harmed_more_than_the_others():
    def on_the_group(X, y):
        return np.where(X[:, 0] == 1, -1.0, 1.0) * np.where(y == "yes", 1.0, -1.0)

    attack = GreedyLabelFlip(
        LogisticRegression(), 0.2, goal=WeightedScores(on_the_group), random_state=0
    )
    model, losses = LogisticRegression(), []
    right = model.fit(X, y).predict(X) == y
    still = model.fit(*attack.fit_resample(X, y)).predict(X) == y
    for group in (0, 1):
        rows = X[:, 0] == group
        losses.append(right[rows].mean() - still[rows].mean())
    assert losses[1] > losses[0] + 0.1


def test_victims_without_gradients():
    tree = DecisionTreeClassifier(max_depth=3, random_state=0)
    goal = WeightedScores(against_the_group)
    attack = GreedyLabelFlip(tree, 10, goal=goal, n_candidates=5, random_state=0)
    attack.fit_resample(X, y)
    assert attack.goal_path_[-1] > attack.goal_path_[0]


def test_responses():
    """Predictions for some rows are raised."""
    responses = X[:, 1] + 0.1 * X[:, 2]
    goal = WeightedScores(lambda X, y: 1.0 * (y > 1))
    attack = GradientInsertion(
        Ridge(), goal=goal, optimizer=ProjectedAscent(max_iter=50), random_state=0
    )
    model, high = Ridge(), responses > 1
    clean = model.fit(X, responses).predict(X[high]).mean()
    poisoned = model.fit(*attack.fit_resample(X, responses)).predict(X[high]).mean()
    assert poisoned > clean
