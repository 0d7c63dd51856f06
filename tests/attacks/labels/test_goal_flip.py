from itertools import combinations
from operator import attrgetter

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_iris, make_classification
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, RidgeClassifier, SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
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
from skpoison.attacks.labels._mixed_rows import mixed_rows, numbers_of
from skpoison.bilevel.goals import MeanLoss, SmoothedError
from skpoison.goals import ErrorGeneric

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


def searches_of(monkeypatch, attack, runs, *names):
    """Fit, with parameters of `fit_resample`; return attributes of the searches."""
    found = []

    class Watched(_goal_flip.SetSearch):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            found.append(attrgetter(*names)(self))

    monkeypatch.setattr(_goal_flip, "SetSearch", Watched)
    for given in runs:
        attack.fit_resample(*TWO[:2], **given)
    return found


@pytest.mark.parametrize("attack", ATTACKS)
def test_when_errors_are_counted(attack, monkeypatch):
    """On validation rows that are given, by one of the attacks."""
    attack = attack(RidgeClassifier(), 3, random_state=0)
    names = "counts_errors", "may_be_fewer"
    runs = [{}, {"X_val": TWO[2], "y_val": TWO[3]}]
    counts = isinstance(attack, RelaxedLabelFlip)
    assert searches_of(monkeypatch, attack, runs, *names) == [
        (False, False),
        (counts, False),
    ]
    attack.set_params(goal={0: 1})
    assert searches_of(monkeypatch, attack, runs[:1], *names) == [(False, True)]


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
        (RidgeClassifier(), None, ProblemPart, 1),
        (RidgeClassifier(), 3, ProblemPart, 3),
        # Their fits are not at the optimum that is differentiated.
        (SGDClassifier(), None, FitPart, 1),
        (SVC(), None, FitPart, 1),
        (DecisionTreeClassifier(), None, FitPart, 1),
    ],
    ids=str,
)
def test_what_measures_the_goal(surrogate, validation, kind, n_parts, monkeypatch):
    (goal,) = searches_of(
        monkeypatch,
        GreedyLabelFlip(surrogate, 2, validation=validation, random_state=0),
        [{}],
        "goal",
    )
    assert len(goal.folds.parts) == n_parts
    assert all(isinstance(part, kind) for part in goal.folds.parts)


def test_rows_that_are_not_numbers_are_not_mixed(monkeypatch):
    frame = pd.DataFrame({"word": np.where(TWO[1][:40], "a", "b"), "n": TWO[0][:40, 0]})
    columns = [("words", OneHotEncoder(), ["word"]), ("n", "passthrough", ["n"])]
    surrogate = make_pipeline(ColumnTransformer(columns), SGDClassifier(random_state=0))
    assert numbers_of(frame) is None
    _, flipped = GreedyLabelFlip(surrogate, 2, random_state=0).fit_resample(
        frame, TWO[1][:40]
    )
    assert (flipped != TWO[1][:40]).sum() == 2


@pytest.mark.parametrize("attack", ATTACKS)
def test_many_flips_in_few_rounds(attack):
    rows, labels = make_classification(3000, 5, random_state=0)
    fitted = attack(RidgeClassifier(), 0.2, random_state=0)
    _, out = fitted.fit_resample(rows, labels)
    assert (out != labels).sum() == 600
    assert fitted.goal_path_.shape[0] < 300


def errors_by_hand(surrogate, rows, labels, mixed, codes_mixed):
    """Return the error after flips, by fits of scikit-learn; binary labels."""

    def scores(y):
        fitted = clone(surrogate).fit(rows, y)
        return fitted.decision_function(rows), fitted.decision_function(mixed)

    def indicators(each, sharpness):
        return 1 / (1 + np.exp(-sharpness * each / np.median(np.abs(each))))

    def error(y):
        values = []
        for clean, after, own in zip(
            scores(labels), scores(y), (labels, codes_mixed), strict=True
        ):
            share = (own + indicators(clean, 2)) / 2
            predicted = indicators(after, 5)
            values.append(np.mean(share * (1 - predicted) + (1 - share) * predicted))
        return np.mean(values)

    return error


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize(
    "surrogate",
    [
        LogisticRegression(C=100, tol=1e-9, max_iter=1000),
        SVC(kernel="poly", tol=1e-9),
        # It is judged by its own fit.
        SGDClassifier(random_state=0),
    ],
    ids=str,
)
def test_by_default_the_error_on_rows_learnt_and_mixed(attack, surrogate):
    """By fits of scikit-learn; no attack that measures nothing is stronger by it."""
    rows, labels = TWO[:2]
    mixed = mixed_rows(rows, labels, np.random.RandomState(0))
    error = errors_by_hand(surrogate, rows, labels, *mixed)
    attack = attack(surrogate, 8, random_state=0)
    _, flipped = attack.fit_resample(rows, labels)
    values = [error(y) for y in (labels, flipped)]
    assert_allclose(attack.goal_path_[[0, -1]], values, rtol=1e-6)
    for simple in (
        RandomLabelFlip(),
        MarginLabelFlip(surrogate),
        MarginLabelFlip(surrogate, order="nearest"),
        ALFA(surrogate),
    ):
        simple.set_params(budget=8, random_state=0)
        assert values[1] >= error(simple.fit_resample(rows, labels)[1]) - 1e-7
    frame = pd.DataFrame(rows).add_prefix("x")
    np.testing.assert_array_equal(attack.fit_resample(frame, labels)[1], flipped)


@pytest.mark.parametrize(
    ("goal", "expected"),
    [
        (ErrorGeneric(sharpness=3.0), SmoothedError),
        (ErrorGeneric("surrogate"), MeanLoss),
    ],
    ids=str,
)
def test_other_losses_on_rows_learnt_and_mixed(goal, expected, monkeypatch):
    """A sharpness that is given is that of the goal's own smoothed error."""
    attack = RelaxedLabelFlip(LOGISTIC, 4, goal=goal, random_state=0)
    (found,) = searches_of(monkeypatch, attack, [{}], "goal")
    (part,) = found.folds.parts
    assert isinstance(part.problem.goal.measure, expected)
    assert part.problem.goal.X.shape[0] == 4 * 80


@pytest.mark.parametrize("attack", ATTACKS)
def test_errors_that_are_wanted(attack, monkeypatch):
    """Rows of class 0 shall be taken for 1: the shares of labels move with them."""
    attack = attack(RidgeClassifier(), 4, goal={0: 1}, random_state=0)
    (goal,) = searches_of(monkeypatch, attack, [{}], "goal")
    (part,) = goal.folds.parts
    measure = part.problem.goal.measure
    assert measure.sign == -1
    for shares in measure.shares:
        assert_allclose(shares, np.tile([0.0, 1.0], (shares.shape[0], 1)), atol=1e-15)


def test_where_rows_cannot_be_mixed_folds_are_left(monkeypatch):
    surrogate = make_pipeline(StandardScaler(), LogisticRegression())
    attack = GreedyLabelFlip(surrogate, 8, random_state=0)
    frame = pd.DataFrame(TWO[0][:, :4].astype(object)).add_prefix("x")
    found = []

    class Watched(_goal_flip.SetSearch):
        def __init__(self, goal, *args, **kwargs):
            super().__init__(goal, *args, **kwargs)
            found.append(goal)

    monkeypatch.setattr(_goal_flip, "SetSearch", Watched)
    attack.fit_resample(frame, TWO[1])
    assert len(found[0].folds.parts) == 5


@pytest.mark.parametrize("n_rare", [1, 2, 4])
def test_texts_of_a_class_of_few_rows(n_rare, monkeypatch):
    """In each fold every class has a row; a single row is learnt and measured."""
    words = np.where(np.arange(20) < 20 - n_rare, "plenty of", "a few")
    texts = [f"{word} w{i % 3}" for i, word in enumerate(words)]
    labels = (np.arange(20) >= 20 - n_rare).astype(int)
    surrogate = make_pipeline(TfidfVectorizer(), LogisticRegression())
    attack = GreedyLabelFlip(surrogate, 2, random_state=0, class_map={0: 1})
    found = []

    class Watched(_goal_flip.SetSearch):
        def __init__(self, goal, *args, **kwargs):
            super().__init__(goal, *args, **kwargs)
            found.append([part.refit.X_val for part in goal.folds.parts])

    monkeypatch.setattr(_goal_flip, "SetSearch", Watched)
    flipped = attack.fit_resample(texts, labels)[1]
    assert (flipped != labels).sum() == 2
    assert len(found[0]) == n_rare
    assert sorted(text for rows in found[0] for text in rows) == sorted(texts)
