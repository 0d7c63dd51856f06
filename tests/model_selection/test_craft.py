import pickle
from functools import partial

import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy import sparse
from sklearn.base import BaseEstimator, clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    LeaveOneGroupOut,
    ShuffleSplit,
    StratifiedGroupKFold,
    StratifiedKFold,
    TimeSeriesSplit,
)
from sklearn.naive_bayes import GaussianNB

from skpoison.attacks import GreedyDeletion, RandomInsertion, RandomLabelFlip
from skpoison.base import BasePoisoner, Poison
from skpoison.model_selection import (
    CraftedPoison,
    RobustnessReport,
    craft,
    robustness_curve,
)

X, y = load_iris(return_X_y=True)
FOLDS = list(StratifiedKFold(3).split(X, y))


class Modification(BasePoisoner):
    """Moves the first rows."""

    def _poison(self, X, y, *, n_poison, trusted, random_state):
        rows = np.flatnonzero(~trusted)[:n_poison]
        X = X.toarray() if sparse.issparse(X) else X
        return Poison(modified=rows, X_modified=X[rows] + 1)


class MeanInsertion(BasePoisoner):
    """Inserts rows that are no clones."""

    def _poison(self, X, y, *, n_poison, trusted, random_state):
        rows = np.repeat(np.asarray(X.mean(axis=0)).reshape(1, -1), n_poison, axis=0)
        return Poison(
            X_inserted=rows, y_inserted=random_state.choice(self.classes_, n_poison)
        )


class Deletion(BasePoisoner):
    """Deletes the last rows."""

    def _poison(self, X, y, *, n_poison, trusted, random_state):
        return Poison(deleted=np.flatnonzero(~trusted)[len(trusted) - n_poison :])


class Counter(RandomLabelFlip):
    """Counts its calls."""

    n_calls = 0

    def fit_resample(self, X, y, *, trusted=None):
        type(self).n_calls += 1
        return super().fit_resample(X, y, trusted=trusted)


class ForeignSampler(BaseEstimator):
    """An attack that is not derived from BasePoisoner: it drops the first rows."""

    def __init__(self, budget=0):
        self.budget = budget

    def fit_resample(self, X, y):
        return X[self.budget :], y[self.budget :]


ATTACKS = [
    Deletion(),
    MeanInsertion(random_state=0),
    Modification(),
    RandomInsertion(random_state=0),
    RandomLabelFlip(random_state=0),
]
CONTAINERS = {
    "array": (X, y),
    "list": (X.tolist(), y.tolist()),
    "float32": (X.astype(np.float32), y.astype(np.int8)),
    "csr": (sparse.csr_matrix(X), y),
    "frame": (
        pd.DataFrame(X, columns=list("abcd"), index=np.arange(150)[::-1]),
        pd.Series(np.array(["x", "y", "z"])[y], dtype="category"),
    ),
}


def assert_same(got, want):
    """Assert that two containers are of one type and hold the same values."""
    assert type(got) is type(want)
    if isinstance(want, pd.DataFrame):
        pd.testing.assert_frame_equal(got, want)
    elif isinstance(want, pd.Series):
        pd.testing.assert_series_equal(got, want)
    elif sparse.issparse(want):
        assert got.format == want.format
        np.testing.assert_array_equal(got.toarray(), want.toarray(), strict=True)
    else:
        np.testing.assert_array_equal(got, want, strict=not isinstance(want, list))


@pytest.fixture(autouse=True)
def reset_counter():
    Counter.n_calls = 0


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: type(attack).__name__)
@pytest.mark.parametrize("container", CONTAINERS)
def test_poison_is_what_the_attack_returns(attack, container):
    X_given, y_given = CONTAINERS[container]
    crafted = craft(attack, X_given, y_given, budgets=[0, 6], cv=FOLDS)
    assert len(crafted) == len(list(crafted)) == 6
    points = [(budget, fold) for budget in (0, 6) for fold in FOLDS]
    for fold, (budget, (train, test)) in zip(crafted, points, strict=True):
        assert fold.budget == budget
        np.testing.assert_array_equal(fold.train, train)
        np.testing.assert_array_equal(fold.test, test)
        assert fold.output is None
        train_set = (
            sklearn.utils._safe_indexing(X_given, train),
            (sklearn.utils._safe_indexing(y_given, train)),
        )
        expected = clone(attack).set_params(budget=budget).fit_resample(*train_set)
        for got, want in zip(fold.apply(X_given, y_given), expected, strict=True):
            assert_same(got, want)


def test_each_budget_and_fold_is_crafted_once():
    crafted = craft(Counter(random_state=0), X, y, budgets=[0.0, 0.1, 0.2], cv=FOLDS)
    assert Counter.n_calls == 9
    for estimator in (GaussianNB(), GaussianNB(var_smoothing=0.1)):
        robustness_curve(estimator, X, y, attack=crafted)
    for fold in crafted:
        fold.apply(X, y)
    assert Counter.n_calls == 9


def test_curve_of_crafted_poison_is_that_of_its_attack():
    attack, budgets = RandomInsertion(random_state=0), [0.0, 0.3]
    crafted = craft(attack, X, y, budgets=budgets, cv=4)
    curve = robustness_curve(GaussianNB(), X, y, attack=crafted)
    expected = robustness_curve(
        GaussianNB(), X, y, attack=attack, budgets=budgets, cv=4
    )
    np.testing.assert_array_equal(curve.budgets, expected.budgets)
    np.testing.assert_array_equal(curve.test_scores, expected.test_scores)
    np.testing.assert_array_equal(curve.train_scores, expected.train_scores)


@pytest.mark.parametrize("parameter", [{"budgets": [0.1]}, {"cv": 3}])
def test_crafted_poison_has_its_own_budgets_and_folds(parameter):
    crafted = craft(RandomLabelFlip(random_state=0), X, y, budgets=[0.1], cv=3)
    (name,) = parameter
    with pytest.raises(ValueError, match=f"{name} must be None if attack is crafted"):
        robustness_curve(GaussianNB(), X, y, attack=crafted, **parameter)


def test_crafted_poison_of_other_rows_is_refused():
    crafted = craft(RandomLabelFlip(random_state=0), X, y, budgets=[0.1], cv=3)
    twice = np.concatenate([X, X]), np.concatenate([y, y])
    for rows in (twice, (X[1:], y[1:])):
        with pytest.raises(ValueError, match=f"poison was crafted for, {len(y)} rows"):
            robustness_curve(GaussianNB(), *rows, attack=crafted)


def test_crafted_poison_is_shown_without_its_rows():
    crafted = craft(ForeignSampler(), X, y, budgets=[5], cv=2)
    assert repr(crafted) == (f"CraftedPoison(budgets=array([5]), n_samples={len(y)})")
    fold = next(iter(crafted))
    assert repr(fold) == f"PoisonedFold(budget=5, attack={fold.attack!r})"


def test_crafted_poison_is_small():
    """Clones and labels are stored as positions, not as copies of the rows."""
    wide = np.random.RandomState(0).rand(300, 1000)
    labels = np.arange(300) % 2
    for attack in (RandomInsertion(random_state=0), RandomLabelFlip(random_state=0)):
        crafted = craft(attack, wide, labels, cv=3)
        assert len(pickle.dumps(crafted)) < 0.1 * wide.nbytes


def test_two_jobs_give_what_one_gives():
    attack = RandomInsertion(random_state=0)
    one, two = (craft(attack, X, y, budgets=[9], cv=2, n_jobs=n) for n in (1, 2))
    for first, second in zip(one, two, strict=True):
        for a, b in zip(first.apply(X, y), second.apply(X, y), strict=True):
            np.testing.assert_array_equal(a, b)


def test_default_budgets_and_folds():
    crafted = craft(RandomLabelFlip(random_state=0), X, y)
    assert isinstance(crafted, CraftedPoison)
    np.testing.assert_array_equal(crafted.budgets, [0, 0.05, 0.1, 0.15, 0.2])
    assert len(crafted) == 25
    for fold, (train, _) in zip(crafted, StratifiedKFold(5).split(X, y), strict=False):
        np.testing.assert_array_equal(fold.train, train)


def test_folds_of_a_random_splitter_are_those_of_all_budgets():
    crafted = craft(
        RandomLabelFlip(random_state=0), X, y, budgets=[3, 5], cv=ShuffleSplit(2)
    )
    first, second, *others = crafted
    assert (first.train != second.train).any()
    for fold, other in zip((first, second), others, strict=True):
        np.testing.assert_array_equal(fold.train, other.train)


def test_folds_of_regression_are_not_stratified():
    X, y = load_diabetes(return_X_y=True)
    attack = GreedyDeletion(Ridge(), random_state=0)
    crafted = craft(attack, X, y, budgets=[2], cv=3)
    for fold, (train, _) in zip(crafted, KFold(3).split(X), strict=True):
        np.testing.assert_array_equal(fold.train, train)


def test_responses_are_refused_before_any_fit():
    """For an attack on classes, or a classifier, with what to take instead."""
    X, y = load_diabetes(return_X_y=True)
    flips, victim = RandomLabelFlip(random_state=0), LogisticRegression()
    deletion = GreedyDeletion(Ridge(), budget=1, random_state=0)
    match = r"y must hold class labels for RandomLabelFlip, .*surrogate=Ridge\(\)"
    with pytest.raises(ValueError, match=match):
        craft(flips, X, y)
    with pytest.raises(ValueError, match=match):
        robustness_curve(Ridge(), X, y, attack=flips)
    with pytest.raises(ValueError, match=match):
        RobustnessReport(Ridge(), flips).fit(X, y)
    match = r"for LogisticRegression, .* take a regressor, such as Ridge\(\)\."
    with pytest.raises(ValueError, match=match):
        robustness_curve(victim, X, y, attack=deletion)
    with pytest.raises(ValueError, match=match):
        RobustnessReport(victim, deletion).fit(X, y)
    curve = robustness_curve(Ridge(), X, y, attack=deletion, budgets=[0, 1], cv=2)
    assert np.isfinite(curve.test_scores).all()


def test_groups_and_trusted():
    groups, trusted = np.arange(150) % 7, np.arange(150) % 3 > 0
    crafted = craft(
        RandomLabelFlip(random_state=0),
        X,
        y,
        budgets=[20],
        cv=GroupKFold(3),
        params={"groups": groups, "trusted": trusted},
    )
    for fold in crafted:
        assert not set(groups[fold.train]) & set(groups[fold.test])
        assert fold.attack.poison_mask_.sum() == 20
        assert not fold.attack.poison_mask_[trusted[fold.train]].any()


@pytest.mark.parametrize(
    "cv", [GroupKFold(3), StratifiedGroupKFold(3), LeaveOneGroupOut(), 3], ids=str
)
def test_groups_reach_the_validation_rows_of_the_attack(cv):
    groups = np.arange(150) % 7
    attack = GreedyDeletion(
        LogisticRegression(), budget=1, validation=GroupKFold(2), n_exchanges=0
    )
    crafted = craft(attack, X, y, budgets=[1], cv=cv, params={"groups": groups})
    assert [fold.attack.deletion_mask_.sum() for fold in crafted] == [1] * len(crafted)


@pytest.mark.parametrize("function", [craft, robustness_curve])
def test_time(function):
    """Training rows come before the test rows."""
    given = {"cv": TimeSeriesSplit(3), "budgets": [0, 2]}
    order = np.random.RandomState(0).permutation(150)
    rows, labels = X[order], y[order]
    attack = RandomLabelFlip(random_state=0)
    if function is craft:
        crafted = craft(attack, rows, labels, **given)
        assert len(crafted) == 6
        for fold in crafted:
            assert fold.train.max() < fold.test.min()
    else:
        curve = robustness_curve(GaussianNB(), rows, labels, attack=attack, **given)
        assert curve.test_scores.shape == (2, 3)
        assert (curve.test_scores > 0.8).all()


@pytest.mark.parametrize("function", [craft, robustness_curve])
def test_splitters_are_instances_with_what_they_need(function):
    attack = RandomLabelFlip()
    run = craft if function is craft else partial(robustness_curve, GaussianNB())
    first = (attack, X, y) if function is craft else (X, y)
    rest = {} if function is craft else {"attack": attack}
    for cv, message in (
        (GroupKFold(3), "groups must be given for cv=GroupKFold"),
        (KFold, r"cv must be an instance; got the class KFold. Write KFold\(...\)"),
    ):
        with pytest.raises(ValueError, match=message):
            run(*first, cv=cv, **rest)


def test_routed_params():
    groups, trusted = np.arange(150) % 7, np.arange(150) % 3 > 0
    with sklearn.config_context(enable_metadata_routing=True):
        attack = RandomLabelFlip(random_state=0)
        attack.set_fit_resample_request(trusted="safe")
        crafted = craft(
            attack,
            X,
            y,
            budgets=[20],
            cv=GroupKFold(3),
            params={"groups": groups, "safe": trusted},
        )
    for fold in crafted:
        assert not set(groups[fold.train]) & set(groups[fold.test])
        assert not fold.attack.poison_mask_[trusted[fold.train]].any()


def test_params_of_nobody():
    with pytest.raises(ValueError, match="got 'weights'"):
        craft(RandomLabelFlip(), X, y, params={"weights": np.ones(150)})


def test_sampler_of_another_package():
    crafted = craft(ForeignSampler(), X, y, budgets=[0, 7], cv=FOLDS)
    for fold in crafted:
        X_poisoned, y_poisoned = fold.apply(X, y)
        np.testing.assert_array_equal(X_poisoned, X[fold.train][fold.budget :])
        np.testing.assert_array_equal(y_poisoned, y[fold.train][fold.budget :])
    curve = robustness_curve(GaussianNB(), X, y, attack=crafted)
    train, test = FOLDS[0]
    fitted = GaussianNB().fit(X[train][7:], y[train][7:])
    assert curve.test_scores[1, 0] == fitted.score(X[test], y[test])


def test_errors_are_raised():
    with pytest.raises(ValueError, match="must not exceed"):
        craft(RandomLabelFlip(), X, y, budgets=[101], cv=FOLDS)


def test_attack_given_is_left_alone():
    attack = RandomLabelFlip(budget=0.07)
    craft(attack, X, y, budgets=[0.2], cv=3)
    assert attack.budget == 0.07
    assert not hasattr(attack, "poison_mask_")
