import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skpoison.attacks import (
    ALFA,
    GreedyLabelFlip,
    MarginLabelFlip,
    RandomLabelFlip,
    RelaxedLabelFlip,
)

X, y = load_breast_cancer(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
X_iris, y_iris = load_iris(return_X_y=True)
VICTIM = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
INFORMED = [MarginLabelFlip, GreedyLabelFlip, ALFA, RelaxedLabelFlip]
informed = pytest.mark.parametrize("attack", INFORMED)


def error_after(labels):
    return 1 - clone(VICTIM).fit(X_train, labels).score(X_test, y_test)


@informed
@pytest.mark.parametrize("budget", [0.05, 0.2])
def test_stronger_than_random_flips(attack, budget):
    _, labels = attack(VICTIM, budget, random_state=0).fit_resample(X_train, y_train)
    random = [
        error_after(
            RandomLabelFlip(budget, random_state=seed).fit_resample(X_train, y_train)[1]
        )
        for seed in range(5)
    ]
    assert error_after(labels) > np.mean(random)


@informed
def test_as_many_flips_as_the_budget(attack):
    for budget in (0, 1, 0.1):
        fitted = attack(budget=budget, random_state=0)
        X_out, labels = fitted.fit_resample(X_iris, y_iris)
        expected = budget if isinstance(budget, int) else round(budget * 150)
        assert (labels != y_iris).sum() == fitted.poison_mask_.sum() == expected
        np.testing.assert_array_equal(X_out, X_iris)


@informed
def test_class_map(attack):
    names = np.array(["setosa", "versicolor", "virginica"])[y_iris]
    class_map = {"virginica": "setosa", "setosa": "versicolor"}
    fitted = attack(RidgeClassifier(), 30, class_map=class_map, random_state=0)
    _, labels = fitted.fit_resample(X_iris, names)
    flipped = fitted.poison_mask_
    assert flipped.sum() == 30
    for before, after in zip(names[flipped], labels[flipped], strict=True):
        assert class_map[before] == after


@informed
def test_trusted_rows_stay(attack):
    trusted = np.arange(150) % 3 > 0
    fitted = attack(RidgeClassifier(), 20, random_state=0)
    fitted.fit_resample(X_iris, y_iris, trusted=trusted)
    assert fitted.poison_mask_.sum() == 20
    assert not fitted.poison_mask_[trusted].any()


@informed
def test_bad_input(attack):
    message = r"`surrogate` must be a classifier .*; got LinearRegression\(\)"
    with pytest.raises(ValueError, match=message):
        attack(LinearRegression()).fit_resample(X_iris, y_iris)
    for budget in (0, 0.1):
        with pytest.raises(ValueError, match="names the class 7"):
            attack(budget=budget, class_map={7: 1}).fit_resample(X_iris, y_iris)
    with pytest.raises(ValueError, match=r"the 50 rows that .* got 60, which"):
        attack(budget=60, class_map={0: 1}).fit_resample(X_iris, y_iris)


@informed
def test_only_rows_known_are_flipped(attack):
    """As if there were no others, but that the budget is a share of all of them."""
    fitted = attack(RidgeClassifier(), 0.1, known_fraction=0.4, random_state=0)
    X_out, labels = fitted.fit_resample(X_iris, y_iris)
    assert (labels != y_iris).sum() == 15
    np.testing.assert_array_equal(X_out, X_iris)
    with pytest.raises(ValueError, match=r"the 60 rows that .* got 70, which"):
        fitted.set_params(budget=70).fit_resample(X_iris, y_iris)


GOAL_ATTACKS = [GreedyLabelFlip, RelaxedLabelFlip]


@pytest.mark.parametrize("attack", GOAL_ATTACKS)
@pytest.mark.parametrize(
    "validation", [None, 0.3, 5, StratifiedKFold(4)], ids=lambda value: str(value)[:10]
)
def test_every_row_can_be_flipped_whatever_is_measured_on(attack, validation):
    fitted = attack(RidgeClassifier(), 0.75, validation=validation, random_state=0)
    fitted.fit_resample(X_iris[::3], y_iris[::3])
    assert fitted.poison_mask_.sum() == round(0.75 * 50)


@pytest.mark.parametrize("attack", GOAL_ATTACKS)
def test_validation_rows_given(attack):
    fitted = attack(RidgeClassifier(), 0.75, random_state=0)
    given = {"X_val": X_iris[::2], "y_val": y_iris[::2]}
    fitted.fit_resample(X_iris[::3], y_iris[::3], **given)
    assert fitted.poison_mask_.sum() == round(0.75 * 50)
    with pytest.raises(ValueError, match="`X_val` and `y_val` must be given together"):
        fitted.fit_resample(X_iris, y_iris, X_val=X_iris)
    few = np.r_[0:2, 50:150]
    fitted.set_params(validation=3)
    with pytest.raises(ValueError, match="`validation` must not exceed the 2 rows"):
        fitted.fit_resample(X_iris[few], y_iris[few])


def test_budgets_are_nested():
    masks = []
    for budget in (3, 7, 15):
        fitted = MarginLabelFlip(budget=budget, random_state=3)
        fitted.fit_resample(X_iris[::3], y_iris[::3])
        masks.append(fitted.poison_mask_)
    assert (masks[0] <= masks[1]).all()
    assert (masks[1] <= masks[2]).all()


@pytest.mark.parametrize("attack", [MarginLabelFlip, ALFA])
@pytest.mark.parametrize(
    "surrogate",
    [KNeighborsClassifier(), RandomForestClassifier(10, random_state=0)],
    ids=str,
)
def test_any_classifier(attack, surrogate):
    fitted = attack(surrogate, 20, random_state=0)
    fitted.fit_resample(X_iris, y_iris)
    assert fitted.poison_mask_.sum() == 20


class Callback:
    """Counts tasks, and stops after some of them."""

    def __init__(self, stop_after=None):
        self.stop_after = stop_after
        self.n_begun = self.n_ended = 0

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        self.n_begun += 1

    def on_fit_task_end(self, estimator, context):
        self.n_ended += 1
        return self.stop_after is not None and self.n_ended >= self.stop_after


@pytest.mark.parametrize("attack", GOAL_ATTACKS)
def test_callbacks(attack):
    pytest.importorskip("sklearn.callback")
    fitted = attack(RidgeClassifier(), 8, random_state=0)
    fitted.set_callbacks(callback := Callback())
    _, labels = fitted.fit_resample(X_iris, y_iris)
    n_steps = fitted.goal_path_.shape[0] - 1
    assert n_steps > 3
    # Each step, and the work itself.
    assert callback.n_begun == callback.n_ended == n_steps + 1
    _, quiet = clone(fitted).set_callbacks().fit_resample(X_iris, y_iris)
    np.testing.assert_array_equal(labels, quiet)
    fitted.set_callbacks(Callback(stop_after=3)).fit_resample(X_iris, y_iris)
    assert fitted.goal_path_.shape[0] == 4


@pytest.mark.parametrize("attack", [MarginLabelFlip, ALFA, GreedyLabelFlip])
def test_metrics_of_booleans_get_booleans(attack):
    """They would warn otherwise, and a warning is an error here."""
    neighbors = KNeighborsClassifier(metric="dice", algorithm="brute")
    rows, labels = X_iris > X_iris.mean(axis=0), y_iris
    found, _ = attack(neighbors, 2, random_state=0).fit_resample(rows, labels)
    assert found.dtype == bool
