"""Folds, penalties, and feasible sets that know labels, in attacks by gradients."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import KFold, ShuffleSplit, train_test_split

from skpoison.attacks import GradientInsertion, GradientModification
from skpoison.feasible_sets import BaseFeasibleSet, Box, ResponseRange
from skpoison.goals import ErrorGeneric, TargetCoefficients
from skpoison.optimizers import (
    ProjectedAscent,
    SpectralProjectedGradient,
    SuccessiveHalving,
)
from skpoison.penalties import Displacement
from skpoison.surrogates import Unrolled

X_SMALL, y_small = make_classification(
    120, n_features=5, n_informative=4, n_redundant=0, n_classes=3, random_state=1
)
X_small, _, y_small, _ = train_test_split(
    X_SMALL, y_small, test_size=40, random_state=0
)
both = pytest.mark.parametrize("make", [GradientInsertion, GradientModification])


@pytest.mark.parametrize("validation", [0.4, 3, KFold(4), ShuffleSplit(2)], ids=str)
@pytest.mark.parametrize("n_restarts", [0, 1])
@both
def test_goal_is_the_mean_over_folds(make, n_restarts, validation):
    """Of the rows that come out, trained on what is outside of each fold."""
    surrogate = LogisticRegression(tol=1e-10, max_iter=1000)
    attack = make(
        surrogate,
        6,
        goal=ErrorGeneric(sharpness=1.0),
        validation=validation,
        optimizer=ProjectedAscent(max_iter=3, n_restarts=n_restarts),
        random_state=0,
    )
    X_out, y_out = attack.fit_resample(X_small, y_small)
    assert attack.goal_path_.max() > attack.goal_path_[0] + 1e-5
    again = clone(attack).fit_resample(X_small, y_small)
    assert_array_equal(again[0], X_out)
    assert_array_equal(again[1], y_out)
    assert X_out.shape == (86 if make is GradientInsertion else 80, 5)
    if validation == 3 and not n_restarts:
        # The folds are drawn after the initial rows, from rows that are not replaced.
        other = clone(attack).set_params(validation=4)
        assert (other.fit_resample(X_small, y_small)[0] != X_out).any()


def test_folds_by_hand():
    """Without a step, the goal is the mean error of what scikit-learn fits."""
    rng = np.random.RandomState(0)
    responses = X_small[:, 0] + rng.normal(size=80)
    folds = KFold(4)
    attack = GradientInsertion(
        Ridge(),
        6,
        validation=folds,
        optimizer=ProjectedAscent(max_iter=0),
        random_state=0,
    )
    X_out, y_out = attack.fit_resample(X_small, responses)
    errors = []
    for train, test in folds.split(X_small):
        # The clean rows learnt from stand for all clean rows.
        weights = np.append(np.full(train.size, 80 / train.size), np.ones(6))
        rows = np.append(train, np.arange(80, 86))
        ridge = Ridge().fit(X_out[rows], y_out[rows], sample_weight=weights)
        gap = ridge.predict(X_small[test]) - responses[test]
        errors.append((gap**2).mean() / 2)
    assert_allclose(attack.goal_path_, [np.mean(errors)], rtol=1e-7)


@both
def test_penalties_add_up(make):
    rows = []
    for penalties in ([Displacement(0.3)], [Displacement(0.1), Displacement(0.2)]):
        attack = make(
            LogisticRegression(),
            6,
            penalties=penalties,
            optimizer=ProjectedAscent(0.1, max_iter=4),
            random_state=0,
        )
        rows.append(attack.fit_resample(X_small, y_small)[0])
        assert not hasattr(penalties[0], "feature_range_")
    assert_allclose(*rows, rtol=1e-9)


class OwnSide(BaseFeasibleSet):
    """Rows on the side of their label: a set that is neither convex nor discrete."""

    requires_labels = True

    def _fit(self, X, y):
        self.middle_ = np.median(X[:, 0])

    def _project(self, X, start, y):
        X = X.copy()
        is_left = y == "left"
        X[is_left, 0] = np.minimum(X[is_left, 0], self.middle_)
        X[~is_left, 0] = np.maximum(X[~is_left, 0], self.middle_)
        return X


@both
@pytest.mark.parametrize("schedule", ["joint", "sequential"])
@pytest.mark.parametrize(
    ("goal", "optimizer"),
    [
        ("error-generic", ProjectedAscent(max_iter=4)),
        (TargetCoefficients({0: 3.0}), SpectralProjectedGradient(max_iter=9)),
    ],
    ids=["error", "coefficients"],
)
def test_sets_that_depend_on_labels(goal, optimizer, schedule, make):
    names = np.where(y_small == 0, "left", "right")
    attack = make(
        LogisticRegression(),
        6,
        goal=goal,
        feasible_set=OwnSide(),
        optimizer=clone(optimizer).set_params(schedule=schedule),
        random_state=0,
    )
    X_out, y_out = attack.fit_resample(X_small, names)
    middle, poison = attack.feasible_set_.middle_, attack.poison_mask_
    left = X_out[poison & (y_out == "left"), 0]
    right = X_out[poison & (y_out == "right"), 0]
    assert left.size
    assert right.size
    assert (left <= middle + 1e-12).all()
    assert (right >= middle - 1e-12).all()


class Contradictory(Box):
    """Refuses what it projects to."""

    def _contains(self, X, start, y):
        return np.zeros(X.shape[0], dtype=bool)


@both
@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        (
            {"feasible_set": Contradictory()},
            ValueError,
            "`_contains` refuses 8 of 8 po",
        ),
        ({"penalties": [Box()]}, TypeError, "`penalties` must hold objects of"),
        ({"penalties": [Displacement(-1)]}, ValueError, "The 'weight' parameter"),
        ({"poison_labels": ResponseRange()}, ValueError, "`poison_labels` must be 'fl"),
        ({"hypergradient": Unrolled(last=2)}, ValueError, "hypergradient"),
        ({"optimizer": "adam"}, ValueError, "The 'optimizer' parameter"),
    ],
    ids=str,
)
def test_what_means_nothing_raises(parameters, error, message, make):
    with pytest.raises(error, match=message):
        make(random_state=0, **parameters).fit_resample(X_small, y_small)


def test_what_suits_the_goal():
    for goal, optimizer in (
        ("error-generic", SuccessiveHalving()),
        (TargetCoefficients({0: 1.0}), SpectralProjectedGradient()),
    ):
        rows = [
            GradientInsertion(
                LogisticRegression(), 5, goal=goal, optimizer=each, random_state=0
            ).fit_resample(X_small[:, :3], y_small)[0]
            for each in (None, optimizer)
        ]
        assert_array_equal(*rows)
