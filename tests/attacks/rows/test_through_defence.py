"""Search for poison rows that a defence accepts."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, make_blobs
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from skpoison.attacks import GradientInsertion, GradientModification
from skpoison.attacks._defended import Defended, with_rows
from skpoison.attacks._through_defence import DefendedGoal
from skpoison.attacks._validation_data import Fold
from skpoison.attacks.rows import _through_defence
from skpoison.attacks.rows._through_defence import N_FOLDS, _Search
from skpoison.defences import (
    ConfidentLearningClassifier,
    KNNSanitizedClassifier,
    NoisyLabelClassifier,
    OutlierFilteredClassifier,
)
from skpoison.feasible_sets import Box, Integers, L2Ball, make_intersection
from skpoison.goals import ErrorSpecific, TargetCoefficients
from skpoison.optimizers import ProjectedAscent, SuccessiveHalving
from skpoison.penalties import Displacement

DATA = load_breast_cancer()
X = MinMaxScaler().fit_transform(DATA.data[:, :10])
y = DATA.target
X, X_val, X_test, y, y_val, y_test = (
    X[:120], X[120:240], X[240:], y[:120], y[120:240], y[240:]
)  # fmt: skip
TRUSTED = np.arange(120) < 60
LR = LogisticRegression(C=10)
FILTER = OutlierFilteredClassifier(LR, detector="distance", n_neighbors=3)
OWN = {"X_val": X_val, "y_val": y_val}


def quick(make, surrogate, max_iter=12, budget=15, **params):
    optimizer = SuccessiveHalving(
        ProjectedAscent(max_iter=max_iter), n_starts=8, n_climbs=2
    )
    params = {"optimizer": optimizer, "random_state": 0, **params}
    return make(surrogate, budget, **params)


def through(surrogate, attack):
    """Measure what an attack reaches through a defence, on its own validation rows."""
    X_out, y_out = attack.fit_resample(X, y, trusted=TRUSTED, **OWN)
    behind = clone(attack).set_params(surrogate=surrogate)
    behind._check_data(X, y)
    _, known = behind._know(X, y, TRUSTED, np.random.RandomState(0), **OWN)
    made = attack.poison_mask_
    replaced = np.flatnonzero(made[: len(y)])
    given = with_rows(known, X_out[made], y_out[made], replaced)
    fold = Fold(np.arange(len(y)), X_val, y_val)
    return DefendedGoal(Defended(surrogate), known, [fold]).judge(given).value


@pytest.mark.parametrize("make", [GradientInsertion, GradientModification])
@pytest.mark.parametrize(
    "surrogate",
    [
        FILTER,
        make_pipeline(StandardScaler(), FILTER),
        OutlierFilteredClassifier(LR, detector=LocalOutlierFactor(5, novelty=True)),
        KNNSanitizedClassifier(LR),
        pytest.param(
            ConfidentLearningClassifier(LR, random_state=0), marks=pytest.mark.slow
        ),
        NoisyLabelClassifier(LR, noise=0.1),
    ],
)
def test_never_does_less_than_the_naive_attack(make, surrogate):
    """Through the same defence, by the attacker's own measure."""
    naive = through(surrogate, quick(make, Defended(surrogate).learner))
    assert through(surrogate, quick(make, surrogate)) >= naive


def error(victim, attack):
    """Return the error on test rows of a victim with the poison of an attack."""
    X_out, y_out = attack.fit_resample(X, y, trusted=TRUSTED)
    params = {}
    if isinstance(victim, OutlierFilteredClassifier):
        params["trusted"] = np.append(TRUSTED, np.zeros(15, dtype=bool))
    return 1 - clone(victim).fit(X_out, y_out, **params).score(X_test, y_test)


def test_regains_damage_that_a_filter_undoes():
    naive, adaptive = (
        quick(GradientInsertion, each, random_state=1) for each in (LR, FILTER)
    )
    undefended, undone = error(LR, naive), error(FILTER, naive)
    assert undefended > undone + 0.05
    assert error(FILTER, adaptive) > (undefended + undone) / 2


def test_all_rows_are_accepted():
    attack = quick(GradientInsertion, FILTER)
    X_out, y_out = attack.fit_resample(X, y, trusted=TRUSTED)
    trusted = np.append(TRUSTED, np.zeros(15, dtype=bool))
    accepted = clone(FILTER).fit(X_out, y_out, trusted=trusted).inlier_mask_[120:]
    naive = quick(GradientInsertion, LR)
    rows = naive.fit_resample(X, y, trusted=TRUSTED)
    of_naive = clone(FILTER).fit(*rows, trusted=trusted).inlier_mask_[120:]
    assert accepted.mean() > 0.9 > of_naive.mean()


def test_modified_rows_stay_near_their_start():
    attack = quick(GradientModification, FILTER, max_iter=6, feasible_set=L2Ball(0.3))
    X_out, _ = attack.fit_resample(X, y, trusted=TRUSTED, **OWN)
    moved = np.linalg.norm(X_out - X, axis=1)
    assert 0 < moved.max() <= 0.3 + 1e-9


def test_integers_stay_integers():
    counts = np.column_stack([np.rint(8 * X[:, :2]), X[:, 2:]])
    whole = make_intersection(Box(), Integers(columns=[0, 1]))
    attack = quick(GradientInsertion, FILTER, max_iter=6, feasible_set=whole)
    rows, labels = attack.fit_resample(counts, y, trusted=TRUSTED)
    assert (rows[:, :2] % 1 == 0).all()
    trusted = np.append(TRUSTED, np.zeros(15, dtype=bool))
    victim = clone(FILTER).fit(rows, labels, trusted=trusted)
    assert victim.inlier_mask_[120:].mean() > 0.9


def test_other_goals_and_penalties():
    """A coefficient is moved behind the filter, and rows less far at a price."""
    moved, coefficients = [], []
    goal = TargetCoefficients({0: 5.0})
    for weight in (0.0, 30.0):
        attack = GradientInsertion(
            FILTER, 15, goal=goal, penalties=[Displacement(weight)], random_state=0
        ).set_params(optimizer=ProjectedAscent(max_iter=12))
        X_out, y_out = attack.fit_resample(X, y, trusted=TRUSTED)
        trusted = np.append(TRUSTED, np.zeros(15, dtype=bool))
        victim = clone(FILTER).fit(X_out, y_out, trusted=trusted)
        coefficients.append(victim.estimator_.coef_[0, 0])
        naive = GradientInsertion(
            LR, 15, random_state=0, optimizer=ProjectedAscent(max_iter=0)
        )
        origin = naive.fit_resample(X, y, trusted=TRUSTED)[0][120:]
        moved.append(((X_out[120:] - origin) ** 2).sum())
    clean = clone(FILTER).fit(X, y, trusted=TRUSTED).estimator_.coef_[0, 0]
    assert abs(coefficients[0] - 5) < abs(clean - 5) - 0.5
    assert moved[1] < moved[0]


@pytest.mark.parametrize(
    ("params", "pairs"),
    [
        ({}, {(a, b) for a in range(3) for b in range(3) if a != b}),
        ({"goal": ErrorSpecific({0: 1, 1: 2})}, {(0, 1), (1, 2), (2, 1)}),
        ({"poison_labels": "keep"}, set()),
    ],
)
def test_accepted_flips_have_labels_that_the_attack_gives(monkeypatch, params, pairs):
    X, y = make_blobs(120, 3, centers=3, cluster_std=3.0, random_state=0)
    found = set()
    flips = _Search._accepted_flips

    def recorded(self):
        for start in flips(self):
            codes = self.naive.portfolio.known.codes[start.initial.origins]
            found.update(zip(codes.tolist(), start.rows.y.tolist(), strict=True))
            yield start

    monkeypatch.setattr(_Search, "_accepted_flips", recorded)
    attack = quick(GradientInsertion, FILTER, max_iter=0, budget=60, **params)
    attack.fit_resample(X, y)
    assert found <= pairs
    assert bool(found) == bool(pairs)


def test_the_path_of_the_best_start_is_kept():
    attack = quick(
        GradientInsertion,
        FILTER,
        optimizer=ProjectedAscent(max_iter=12, store_path=True),
    )
    attack.fit_resample(X, y, trusted=TRUSTED)
    assert attack.rows_path_.shape[1:] == (15, 10)
    assert attack.goal_path_.shape == (attack.n_iter_ + 1,)


@pytest.mark.parametrize(
    ("params", "own", "n_rows", "n_folds"),
    [
        ({}, {}, 120, N_FOLDS),
        ({"validation": 3}, {}, 120, 3),
        ({}, OWN, 120, 1),
        ({"goal": TargetCoefficients({0: 5.0})}, {}, 120, 1),
        # No fold can have a row of the rarest class for itself.
        ({}, {}, 8, 2),
    ],
)
def test_folds_of_validation_rows(monkeypatch, params, own, n_rows, n_folds):
    """All rows are validated on, each by a learner that most rows teach."""
    searches, init = [], _Search.__init__

    def recorded(self, *args):
        init(self, *args)
        searches.append(self)

    monkeypatch.setattr(_Search, "__init__", recorded)
    order = np.argsort(np.r_[y[:120] == 0], kind="stable")
    rows = np.sort(np.r_[order[:4], order[-4:]]) if n_rows == 8 else np.arange(n_rows)
    attack = quick(GradientInsertion, FILTER, max_iter=0, budget=5, **params)
    attack.fit_resample(X[rows], y[rows], **own)
    folds = searches[0].naive.folds
    assert len(folds) == n_folds
    assert searches[0].goal.folds == folds
    if n_folds == N_FOLDS:
        validated = np.concatenate([fold.rows for fold in folds])
        assert sorted(validated) == list(range(n_rows))
        assert all(fold.train.size == 96 for fold in folds)


def test_rows_that_are_held_apart_stay_apart():
    """With more features than rows: none of the folds learns from them."""
    wide = np.random.RandomState(0).normal(size=(40, 60))
    labels = np.arange(40) % 2
    attack = quick(GradientInsertion, FILTER, max_iter=0, budget=5)
    _, known = checked(attack, wide, labels)
    draw = np.random.RandomState(0)
    bare = replace(known, surrogate=LR)
    naive = attack._optimise(bare, 5, draw)
    assert _through_defence._refolded(attack, known, naive, draw) is naive


def checked(attack, X, y):
    attack._check_data(X, y)
    attack.feasible_set_ = Box().fit(X)
    return attack._know(X, y, np.zeros(len(y), dtype=bool), np.random.RandomState(0))


def test_climbs_end_with_short_steps(monkeypatch):
    """Also those of few steps; the winner goes on with short ones."""
    ascents, optimise = [], _through_defence.optimise_rows

    def recorded(ascent, *args, **params):
        ascents.append((ascent.step_size, ascent.decay, ascent.max_iter))
        return optimise(ascent, *args, **params)

    monkeypatch.setattr(_through_defence, "optimise_rows", recorded)
    attack = quick(GradientInsertion, FILTER, max_iter=24)
    attack.fit_resample(X, y, trusted=TRUSTED)
    whole = ProjectedAscent(max_iter=24)
    first, last = ascents[:6], ascents[-6:]
    assert first == steps_of(whole, range(0, 24, 4), 4)
    short = steps_of(whole._shortened(6), range(6), 1)
    assert ascents[6:-6] == [*short, *short]
    np.testing.assert_allclose(last, steps_of(whole, range(12, 24, 2), 2))


def steps_of(ascent, places, n_steps):
    parts = [ascent._continued(n_done, n_steps) for n_done in places]
    return [(part.step_size, part.decay, part.max_iter) for part in parts]
