from copy import deepcopy
from itertools import combinations
from operator import attrgetter

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_iris, make_classification
from sklearn.linear_model import LogisticRegression, RidgeClassifier, SGDClassifier
from sklearn.model_selection import KFold, StratifiedKFold
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
from skpoison.attacks.labels._flip_goal import FitPart, HeldOutPart, ProblemPart
from skpoison.attacks.labels._label_problem import measure_scores
from skpoison.attacks.labels._mixed_rows import mixed_rows, numbers_of
from skpoison.bilevel.goals import SmoothedError
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


@pytest.mark.parametrize("surrogate", [RidgeClassifier(), SVC()], ids=str)
def test_by_default_the_mean_of_two_errors_on_the_training_rows(surrogate):
    """Of the surrogate that has learnt all rows, and of those that have not."""
    rows, labels = TWO[:2]
    attack = GreedyLabelFlip(surrogate, 0.1, random_state=0)
    _, flipped = attack.fit_resample(rows, labels)
    folds = list(KFold(80).split(rows))
    if isinstance(surrogate, SVC):
        state = np.random.RandomState(0)
        splitter = StratifiedKFold(5, shuffle=True, random_state=state)
        folds = list(splitter.split(rows, labels))
    values = []
    for y_fit in (labels, flipped):
        fitted = clone(surrogate).fit(rows, y_fit)
        own = SmoothedError(labels).value(fitted.decision_function(rows)[:, np.newaxis])
        left_out = np.empty(80)
        parts = []
        for train, test in folds:
            fitted = clone(surrogate).fit(rows[train], y_fit[train])
            left_out[test] = fitted.decision_function(rows[test])
            scores = left_out[test][:, np.newaxis]
            parts.append(SmoothedError(labels[test]).value(scores))
        others = np.mean(parts)
        if isinstance(surrogate, RidgeClassifier):
            others = SmoothedError(labels).value(left_out[:, np.newaxis])
        values.append((own + others) / 2)
    assert_allclose(attack.goal_path_[[0, -1]], values, rtol=1e-6)


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
def test_evidence_counts_on_rows_of_their_own(attack, monkeypatch):
    """On validation rows that are given, and for other goals, the higher goal wins."""
    attack = attack(RidgeClassifier(), 3, random_state=0)
    names = "n_errors", "counts_errors", "may_be_fewer"
    runs = [{}, {"X_val": TWO[2], "y_val": TWO[3]}]
    counts = isinstance(attack, RelaxedLabelFlip)
    assert searches_of(monkeypatch, attack, runs, *names) == [
        (_goal_flip.N_ERRORS, False, False),
        (0.0, counts, False),
    ]
    attack.set_params(goal={0: 1})
    assert searches_of(monkeypatch, attack, runs[:1], *names) == [(0.0, False, True)]


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
    ("surrogate", "validation", "kind", "n_parts", "left_out"),
    [
        (LogisticRegression(), None, ProblemPart, 1, (HeldOutPart, 1)),
        (RidgeClassifier(), None, ProblemPart, 1, (HeldOutPart, 1)),
        (RidgeClassifier(), 3, ProblemPart, 3, None),
        # Their fits are not at the optimum that is differentiated.
        (SGDClassifier(), None, FitPart, 1, None),
        (SVC(), None, FitPart, 1, (FitPart, 5)),
        (DecisionTreeClassifier(), None, FitPart, 5, None),
    ],
    ids=str,
)
def test_what_measures_the_goal(
    surrogate, validation, kind, n_parts, left_out, monkeypatch
):
    (goal,) = searches_of(
        monkeypatch,
        GreedyLabelFlip(surrogate, 2, validation=validation, random_state=0),
        [{}],
        "goal",
    )
    assert len(goal.folds.parts) == n_parts
    assert all(isinstance(part, kind) for part in goal.folds.parts)
    assert (goal.left_out is None) == (left_out is None)
    if left_out is not None:
        parts = goal.left_out.folds.parts
        assert len(parts) == left_out[1]
        assert all(isinstance(part, left_out[0]) for part in parts)


def test_stochastic_descent_is_judged_by_its_own_fit_between_rows():
    rows, labels = TWO[:2]
    surrogate = SGDClassifier(random_state=0)
    attack = GreedyLabelFlip(surrogate, 0.1, random_state=0)
    _, flipped = attack.fit_resample(rows, labels)
    mixed, codes = mixed_rows(rows, labels, np.random.RandomState(0))
    X_val, measure = np.vstack([rows, mixed]), SmoothedError(np.r_[labels, codes])
    values = [
        measure.value(clone(surrogate).fit(rows, y).decision_function(X_val)[:, None])
        for y in (labels, flipped)
    ]
    assert_allclose(attack.goal_path_[[0, -1]], values, rtol=1e-9)
    frame = pd.DataFrame(rows).add_prefix("x")
    np.testing.assert_array_equal(attack.fit_resample(frame, labels)[1], flipped)


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


def decisions(monkeypatch, attack, features=TWO[0]):
    """Return the estimates and the sets that an attack compares in the end, and y."""
    found = []

    class Watched(_goal_flip.SetSearch):
        def decide(self, estimates):
            found.append((estimates, deepcopy(self._finalists)))
            super().decide(estimates)

    monkeypatch.setattr(_goal_flip, "SetSearch", Watched)
    _, flipped = attack.fit_resample(features, TWO[1])
    return found, flipped


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize(
    "surrogate",
    [LogisticRegression(C=100, tol=1e-9, max_iter=1000), SVC(kernel="poly")],
    ids=str,
)
def test_by_default_the_best_set_is_that_of_two_estimates(
    attack, surrogate, monkeypatch
):
    """By fits of scikit-learn; no attack that measures nothing is stronger by them."""
    drawn = []

    def recorded(*args):
        drawn.append(mixed_rows(*args))
        return drawn[-1]

    monkeypatch.setattr(_goal_flip, "mixed_rows", recorded)
    monkeypatch.setattr(_goal_flip, "TOL", 1e-9)
    rows, labels = TWO[:2]
    attack = attack(surrogate, 8, random_state=0)
    ((estimates, finalists),), flipped = decisions(monkeypatch, attack)
    ((mixed, codes_mixed),) = drawn

    def scores(y):
        fitted = clone(surrogate).fit(rows, y)
        return fitted.decision_function(rows), fitted.decision_function(mixed)

    def errors(y):
        values = []
        for clean, after, own in zip(
            scores(labels), scores(y), (labels, codes_mixed), strict=True
        ):
            believed, predicted = (
                1 / (1 + np.exp(-sharpness * each / np.median(np.abs(each))))
                for sharpness, each in ((2, clean), (5, after))
            )
            share = (own + believed) / 2
            values.append(np.mean(share * (1 - predicted) + (1 - share) * predicted))
        return np.array(values)

    sets = {
        is_chosen: [(errors(each.codes), each.codes) for each in finalists[is_chosen]]
        for is_chosen in (False, True)
    }
    best, chosen = (
        max(sets[is_chosen], key=lambda each: each[0].mean())
        for is_chosen in (False, True)
    )
    expected = chosen if (chosen[0] > best[0]).all() else best
    np.testing.assert_array_equal(flipped, expected[1])
    assert_allclose(estimates.errors(flipped), expected[0], rtol=1e-4)
    ours = errors(flipped).mean()
    for simple in (
        RandomLabelFlip(),
        MarginLabelFlip(surrogate),
        MarginLabelFlip(surrogate, order="nearest"),
        ALFA(surrogate),
    ):
        simple.set_params(budget=8, random_state=0)
        assert ours >= errors(simple.fit_resample(rows, labels)[1]).mean() - 1e-12


@pytest.mark.parametrize(
    "attack",
    [
        # They may reproduce any labels, or jump.
        GreedyLabelFlip(DecisionTreeClassifier(random_state=0), 8, random_state=0),
        RelaxedLabelFlip(SGDClassifier(random_state=0), 8, random_state=0),
        # No errors are counted.
        RelaxedLabelFlip(goal=ErrorGeneric("surrogate"), budget=8, random_state=0),
    ],
    ids=str,
)
def test_who_compares_no_sets_once_more(attack, monkeypatch):
    assert decisions(monkeypatch, attack)[0] == []


def test_where_rows_cannot_be_mixed_one_estimate_is_left(monkeypatch):
    surrogate = make_pipeline(StandardScaler(), LogisticRegression())
    attack = GreedyLabelFlip(surrogate, 8, random_state=0)
    frame = pd.DataFrame(TWO[0][:, :4].astype(object)).add_prefix("x")
    ((estimates, _),), flipped = decisions(monkeypatch, attack, frame)
    assert estimates.errors(flipped).shape == (1,)
