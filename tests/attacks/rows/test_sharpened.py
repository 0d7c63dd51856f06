"""Ascent from what a search has found, by a sharper error."""

from copy import copy

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.linear_model import LinearRegression, LogisticRegression, SGDClassifier

from skpoison.attacks import GradientInsertion, GradientModification, RandomInsertion
from skpoison.attacks.rows import _gradient
from skpoison.attacks.rows._search import StartSearch
from skpoison.attacks.rows._sharpened import SHARPER
from skpoison.goals import ErrorGeneric, ErrorSpecific
from skpoison.optimizers import ProjectedAscent, SuccessiveHalving
from skpoison.utils._callbacks import Progress

LEARNER = LogisticRegression(tol=1e-8, max_iter=1000)


def rows(seed, n_classes=2):
    X, y = make_classification(
        300,
        6,
        n_informative=4,
        n_classes=n_classes,
        class_sep=0.7,
        random_state=seed,
    )
    return (X[:120], y[:120]), {"X_val": X[120:200], "y_val": y[120:200]}


def halving(max_iter=30, n_starts=6):
    return SuccessiveHalving(ProjectedAscent(max_iter=max_iter), n_starts=n_starts)


@pytest.fixture
def climbs(monkeypatch):
    """Return the climbs by a sharper error: by what, how, from where, to where."""
    found = []
    climb = StartSearch.climb

    def spy(self, ascent, contender):
        after = climb(self, ascent, contender)
        measure = self.problems[0].raw_goal.measure
        if getattr(measure, "sharpness", None) == SHARPER:
            found.append((self, ascent, contender, after))
        return after

    monkeypatch.setattr(StartSearch, "climb", spy)
    return found


def score(before, after, X, y, is_wanted):
    """Return how many rows more a victim errs on, in standard errors."""
    victims = [clone(LEARNER).fit(*poisoned) for poisoned in (before, after)]
    errors = [is_wanted(victim.predict(X), y) for victim in victims]
    n_new, n_gone = (errors[1] & ~errors[0]).sum(), (errors[0] & ~errors[1]).sum()
    return (n_new - n_gone) / np.sqrt(max(1, n_new + n_gone))


@pytest.mark.parametrize("make", [GradientInsertion, GradientModification])
@pytest.mark.parametrize(
    ("goal", "is_wanted"),
    [
        (ErrorGeneric(), lambda found, y: found != y),
        (ErrorSpecific({0: 1}), lambda found, y: found == 1),
    ],
)
def test_kept_only_if_the_victim_errs_on_more_clean_rows(make, goal, is_wanted, climbs):
    outcomes = []
    for seed in range(8):
        train, own = rows(seed)
        attack = make(
            LEARNER, 20, goal=goal, optimizer=halving(10, 1), random_state=seed
        )
        X_out, y_out = attack.fit_resample(*train, **own)
        smooth = clone(attack).set_params(goal=clone(goal).set_params(sharpness=4.0))
        before = smooth.fit_resample(*train, **own)
        poison = smooth.poison_mask_
        found = climbs[-1][-1].found
        X_after, y_after = before[0].copy(), before[1].copy()
        X_after[poison], y_after[poison] = found.rows.X, found.rows.y
        after = X_after, y_after
        clean = ~poison[:120]
        on_learnt, on_own = (
            score(before, after, X, y, is_wanted)
            for X, y in ((train[0][clean], train[1][clean]), own.values())
        )
        kept = (on_learnt > 1 and on_own >= 0) or (on_learnt > -2 and on_own > 4)
        outcomes.append(kept)
        assert_array_equal(attack.poison_mask_, poison)
        assert_allclose(X_out, X_after if kept else before[0])
        assert_array_equal(y_out, y_after if kept else before[1])
        assert_allclose(attack.goal_path_, found.path if kept else smooth.goal_path_)
    assert len(climbs) == 2 * len(outcomes)
    assert set(outcomes) == {False, True}


def test_many_more_errors_on_own_rows_are_enough_where_all_labels_are_learnt():
    X, y = make_classification(
        460, 150, n_informative=10, class_sep=2.0, random_state=2
    )
    own = {"X_val": X[60:], "y_val": y[60:]}
    errors = []
    for sharpness in (4.0, None):
        attack = GradientInsertion(
            LEARNER,
            6,
            goal=ErrorGeneric(sharpness=sharpness),
            optimizer=halving(30, 1),
            random_state=0,
        )
        poisoned = attack.fit_resample(X[:60], y[:60], **own)
        errors.append(attack.surrogate.fit(*poisoned).predict(X) != y)
    before, after = errors
    assert not before[:60].any()
    assert not after[:60].any()
    n_new, n_gone = (after & ~before).sum(), (before & ~after).sum()
    assert n_new - n_gone > 4 * np.sqrt(n_new + n_gone)


def test_the_better_of_the_best_rows_and_of_a_trial_climbs_on(climbs, measure_goal):
    n_trials = 0
    for seed in range(4):
        train, own = rows(seed, n_classes=3)
        attack = GradientInsertion(LEARNER, 12, optimizer=halving(), random_state=seed)
        attack.fit_resample(*train, **own)
        smooth = clone(attack).set_params(goal=ErrorGeneric(sharpness=4.0))
        before = smooth.fit_resample(*train, **own)
        (_, quarter, first, trial), (_, half, begin, after) = climbs
        climbs.clear()
        assert (quarter.max_iter, half.max_iter) == (6, 12)
        clones = RandomInsertion(12, random_state=seed).fit_resample(*train)
        sharp = copy(attack).set_params(goal=ErrorGeneric(sharpness=SHARPER))
        value = measure_goal(sharp, *train, *clones, **own)
        assert_allclose(first.found.value, value, rtol=1e-5)
        value = measure_goal(sharp, *train, *before, **own)
        is_trial = trial.found.value > value
        n_trials += is_trial
        assert_allclose(begin.found.value, max(value, trial.found.value), rtol=1e-5)
        step = ProjectedAscent().step_size * ProjectedAscent().decay ** (
            6 if is_trial else 15
        )
        assert_allclose(half.step_size, step)
        assert_allclose(after.found.value, after.found.path.max(), rtol=1e-5)
        assert after.found.value >= begin.found.value
    assert 0 < n_trials < 4


def test_the_same_whenever_it_is_repeated():
    train, own = rows(1)
    attack = GradientInsertion(LEARNER, 12, optimizer=halving(), random_state=0)
    once, again = (attack.fit_resample(*train, **own) for _ in range(2))
    assert_array_equal(once[0], again[0])
    assert_array_equal(once[1], again[1])


@pytest.mark.parametrize(
    ("settings", "has_own"),
    [
        ({}, False),
        ({"validation": 0.3}, False),
        ({"validation": 3}, False),
        ({"goal": ErrorGeneric(sharpness=6.0)}, True),
        ({"goal": ErrorGeneric("surrogate")}, True),
        ({"surrogate": LinearRegression()}, True),
        ({"surrogate": SGDClassifier(random_state=0)}, True),
        ({"optimizer": ProjectedAscent(max_iter=5)}, True),
        ({"optimizer": halving(4)}, True),
    ],
)
def test_only_with_own_rows_and_a_sharpness_left_to_the_attack(
    settings, has_own, climbs
):
    train, own = rows(0)
    settings = {"surrogate": LEARNER, "optimizer": halving(5)} | settings
    attack = GradientInsertion(budget=5, random_state=0, **settings)
    attack.fit_resample(*train, **(own if has_own else {}))
    assert not climbs


def test_only_on_small_data(climbs, monkeypatch):
    train, own = rows(0)
    attack = GradientInsertion(LEARNER, 5, optimizer=halving(5), random_state=0)
    attack.fit_resample(*train, **own)
    assert len(climbs) == 2
    monkeypatch.setattr("skpoison.attacks.rows._effort.WHOLE", 1e3)
    attack.fit_resample(*train, **own)
    assert len(climbs) == 2


def test_its_steps_count(monkeypatch):
    made = []

    class Spy(Progress):
        def __init__(self, *args):
            super().__init__(*args)
            made.append(self)

    monkeypatch.setattr(_gradient, "Progress", Spy)
    train, own = rows(0)
    settings = {
        "optimizer": SuccessiveHalving(
            ProjectedAscent(max_iter=10, tol=None), n_starts=6, n_climbs=1
        )
    }
    for goal in (ErrorGeneric(sharpness=4.0), ErrorGeneric()):
        attack = GradientInsertion(LEARNER, 12, goal=goal, random_state=0, **settings)
        attack.fit_resample(*train, **own)
    smooth, sharp = made
    assert smooth.n_done == smooth.n_steps
    assert sharp.n_done == sharp.n_steps == smooth.n_steps + 6


def test_not_after_a_callback_has_stopped_the_search(monkeypatch, climbs):
    class Stopping(Progress):
        def __call__(self, value):
            super().__call__(value)
            self.stopped = self.n_done >= 20
            return self.stopped

    monkeypatch.setattr(_gradient, "Progress", Stopping)
    train, own = rows(0)
    attack = GradientInsertion(LEARNER, 12, optimizer=halving(), random_state=0)
    attack.fit_resample(*train, **own)
    assert not climbs
