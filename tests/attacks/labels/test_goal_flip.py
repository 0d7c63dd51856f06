from itertools import combinations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris, make_classification
from sklearn.linear_model import LogisticRegression, RidgeClassifier, SGDClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from skpoison.attacks import (
    ALFA,
    GreedyLabelFlip,
    MarginLabelFlip,
    RandomLabelFlip,
    RelaxedLabelFlip,
)
from skpoison.attacks.labels import _goal_flip
from skpoison.attacks.labels._class_scores import class_scores
from skpoison.attacks.labels._flip_goal import FitPart, ProblemPart
from skpoison.attacks.labels._label_problem import measure_scores
from skpoison.bilevel.goals import SmoothedError

X, y = load_breast_cancer(return_X_y=True)
X = StandardScaler().fit_transform(X)
X_iris, y_iris = load_iris(return_X_y=True)
TWO = X[:80], y[:80], X[80:200], y[80:200]
THREE = X_iris[::2], y_iris[::2], X_iris[1::2], y_iris[1::2]
ATTACKS = [GreedyLabelFlip, RelaxedLabelFlip]
LOGISTIC = LogisticRegression(max_iter=10_000, tol=1e-8)


def reached(surrogate, X, labels, X_val, y_val, *, counts_errors):
    """Fit, and measure the goal; errors first if they count."""
    classes = np.unique(y_val)
    scores = class_scores(clone(surrogate).fit(X, labels), X_val, classes)
    if classes.shape[0] == 2:
        scores = scores[:, 1:] - scores[:, :1]
    measured = measure_scores(SmoothedError(y_val), scores)
    value = round(measured.value, 5)
    return (measured.error, value) if counts_errors else value


@pytest.mark.parametrize("data", [TWO, THREE], ids=["two", "three"])
@pytest.mark.parametrize("budget", [0.05, 0.25])
@pytest.mark.parametrize(
    ("attack", "surrogate"),
    [
        (GreedyLabelFlip, LOGISTIC),
        (GreedyLabelFlip, RidgeClassifier()),
        (GreedyLabelFlip, DecisionTreeClassifier(max_depth=3, random_state=0)),
        (RelaxedLabelFlip, LOGISTIC),
        (RelaxedLabelFlip, LinearSVC(dual=False, tol=1e-8, max_iter=10_000)),
    ],
    ids=str,
)
def test_never_weaker_than_attacks_without_a_goal(attack, surrogate, budget, data):
    """By the attacker's own measure, and with the same seed."""
    X, y, X_val, y_val = data
    settings = {"budget": budget, "random_state": 3}
    counts_errors = attack is RelaxedLabelFlip

    def after(attack, **given):
        attack.set_params(**settings)
        labels = attack.fit_resample(X, y, **given)[1]
        return reached(surrogate, X, labels, X_val, y_val, counts_errors=counts_errors)

    ours = after(attack(surrogate), X_val=X_val, y_val=y_val)
    for simple in (
        RandomLabelFlip(),
        MarginLabelFlip(surrogate),
        MarginLabelFlip(surrogate, order="nearest"),
        ALFA(surrogate),
    ):
        assert ours >= after(simple)


@pytest.mark.parametrize("attack", ATTACKS)
def test_by_default_the_training_rows_are_the_validation_rows(attack):
    fitted, given = (attack(RidgeClassifier(), 0.1, random_state=0) for _ in range(2))
    _, labels = fitted.fit_resample(*TWO[:2])
    _, expected = given.fit_resample(*TWO[:2], X_val=TWO[0], y_val=TWO[1])
    np.testing.assert_array_equal(labels, expected)
    np.testing.assert_array_equal(fitted.goal_path_, given.goal_path_)


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("seed", range(4))
def test_hardly_any_set_is_better(attack, seed):
    X, y = make_classification(60, 4, flip_y=0.1, random_state=seed)
    X, y, X_val, y_val = X[:14], y[:14], X[14:], y[14:]
    surrogate, n_flips = RidgeClassifier(), 3
    counts_errors = attack is RelaxedLabelFlip
    values = []
    for rows in combinations(range(14), n_flips):
        labels = y.copy()
        labels[list(rows)] = 1 - labels[list(rows)]
        values.append(
            reached(surrogate, X, labels, X_val, y_val, counts_errors=counts_errors)
        )
    _, labels = attack(surrogate, n_flips, random_state=0).fit_resample(
        X, y, X_val=X_val, y_val=y_val
    )
    ours = reached(surrogate, X, labels, X_val, y_val, counts_errors=counts_errors)
    # Exchanges end in a local optimum among the 364 sets.
    assert np.sum([value > ours for value in values]) <= 5


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("surrogate", [None, RidgeClassifier(), SVC()], ids=str)
def test_reproducible(attack, surrogate):
    first, second, other = (
        attack(surrogate, 0.1, random_state=seed).fit_resample(X[:80], y[:80])[1]
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, second)
    assert (other != y[:80]).sum() == 8


@pytest.mark.parametrize(
    ("surrogate", "validation", "kind", "n_parts"),
    [
        (LogisticRegression(), None, ProblemPart, 1),
        (RidgeClassifier(), 3, ProblemPart, 3),
        (SGDClassifier(), None, FitPart, 1),
        (SVC(), None, FitPart, 1),
        (DecisionTreeClassifier(), None, FitPart, 5),
    ],
    ids=str,
)
def test_what_measures_the_goal(surrogate, validation, kind, n_parts, monkeypatch):
    seen = []

    class Watched(_goal_flip.FlipGoal):
        def __init__(self, folds, codes):
            super().__init__(folds, codes)
            seen.append(folds)

    monkeypatch.setattr(_goal_flip, "FlipGoal", Watched)
    attack = GreedyLabelFlip(surrogate, 2, validation=validation, random_state=0)
    attack.fit_resample(X[:60], y[:60])
    (folds,) = seen
    assert len(folds.parts) == n_parts
    assert all(isinstance(part, kind) for part in folds.parts)


@pytest.mark.parametrize("attack", ATTACKS)
def test_many_flips_in_few_rounds(attack):
    rows, labels = make_classification(3000, 5, random_state=0)
    fitted = attack(RidgeClassifier(), 0.2, random_state=0)
    _, out = fitted.fit_resample(rows, labels)
    assert (out != labels).sum() == 600
    assert fitted.goal_path_.shape[0] < 300
