"""A learner behind a defence: what the attacker computes is what the victim does."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from skpoison.attacks import (
    ALFA,
    GradientInsertion,
    GradientModification,
    GreedyDeletion,
    GreedyLabelFlip,
    MarginLabelFlip,
    RelaxedLabelFlip,
)
from skpoison.attacks._base import Known
from skpoison.attacks._defended import Defended, TrainingSet, with_rows
from skpoison.attacks._through_defence import DefendedGoal
from skpoison.attacks._validation_data import Fold
from skpoison.base import BaseRowFilter
from skpoison.defences import (
    ConfidentLearningClassifier,
    KNNSanitizedClassifier,
    NoisyLabelClassifier,
    OutlierFilteredClassifier,
    OutlierFilteredRegressor,
)
from skpoison.goals import ErrorGeneric
from skpoison.optimizers import ProjectedAscent

X, y = make_classification(140, 4, flip_y=0.1, random_state=0)
X_val, y_val = X[80:], y[80:]
X, y = X[:80], y[:80]
TRUSTED = np.arange(80) < 40
LR = LogisticRegression(tol=1e-10)
COUNTED = ErrorGeneric(sharpness=1e8)
SURROGATES = {
    "filter": OutlierFilteredClassifier(LR, quantile=0.8),
    "weights": OutlierFilteredClassifier(LR, quantile=0.5, action="weigh"),
    "labels": KNNSanitizedClassifier(LR),
    "votes": KNNSanitizedClassifier(LinearSVC(tol=1e-8), action="drop"),
    "confidence": ConfidentLearningClassifier(LR, random_state=0),
    "scaler inside": OutlierFilteredClassifier(
        make_pipeline(StandardScaler(), LR), quantile=0.8
    ),
    "scaler before": make_pipeline(
        MinMaxScaler(), OutlierFilteredClassifier(LR, quantile=0.8)
    ),
    "two": OutlierFilteredClassifier(KNNSanitizedClassifier(LR)),
    "noise": NoisyLabelClassifier(LR, random_state=0),
    "tree": OutlierFilteredClassifier(DecisionTreeClassifier(random_state=0)),
}


def known_with(surrogate, goal=COUNTED, rows=X):
    return Known(rows, y, y, TRUSTED, 80, np.array([0, 1]), surrogate, goal)


def poisoned(known, replaced=()):
    """Return a training set with rows far out, their labels the wrong ones."""
    made = known.X[:12] * 2.5 if not sparse.issparse(known.X) else X[:12] * 2.5
    return with_rows(known, made, 1 - y[:12], np.array(replaced, dtype=int))


def fitted(surrogate, given):
    """Fit a surrogate as the victim does."""
    steps, defence = [], clone(surrogate)
    if hasattr(surrogate, "steps"):
        *steps, (_, defence) = clone(surrogate).steps
    rows = given.X
    for _, step in steps:
        rows = step.fit_transform(rows)
    defence.fit(rows, given.codes, trusted=given.trusted)

    def predict(X):
        for _, step in steps:
            X = step.transform(X)
        return defence.predict(X)

    return defence, predict


@pytest.mark.parametrize("replaced", [(), range(41, 53)])
@pytest.mark.parametrize("name", SURROGATES)
@pytest.mark.filterwarnings("ignore:.*keeps suspicious rows")
def test_goal_is_the_error_of_the_victim(name, replaced):
    surrogate = SURROGATES[name]
    known = known_with(surrogate)
    given = poisoned(known, replaced)
    goal = DefendedGoal(Defended(surrogate), known, [Fold(np.arange(80), X_val, y_val)])
    judged = goal.judge(given)
    _, predict = fitted(surrogate, given)
    # Fits by scikit-learn stop near the optimum: no score may be so near to 0.
    assert_allclose(judged.value, (predict(X_val) != y_val).mean(), atol=1e-9)


@pytest.mark.parametrize("name", ["filter", "weights", "labels", "scaler before"])
def test_belief_is_that_of_a_fit(name):
    known = known_with(SURROGATES[name])
    given = poisoned(known)
    goal = DefendedGoal(
        Defended(known.surrogate), known, [Fold(np.arange(80), X_val, y_val)]
    )
    belief = goal.believe(given)
    defence, _ = fitted(known.surrogate, given)
    if name == "labels":
        assert_array_equal(belief.weights, 1)
        assert_array_equal(belief.codes, defence.y_sanitized_)
    else:
        weights = getattr(defence, "sample_weight_", defence.inlier_mask_)
        assert_array_equal(belief.weights, weights)
    assert_array_equal(belief.as_given, defence.inlier_mask_)
    assert not belief.as_given.all()


def test_rows_of_a_fold_stand_for_all_rows():
    """The goal on a fold is that of a fit to copies of its rows, and the poison."""
    surrogate = SURROGATES["filter"]
    known = known_with(surrogate)
    given = poisoned(known)
    train = np.arange(0, 80, 2)
    fold = Fold(train, X[1::2], y[1::2], np.arange(1, 80, 2))
    defended = Defended(surrogate)
    value = DefendedGoal(defended, known, [fold]).judge(given).value
    kept = defended.believe(given.X, given.codes, given.trusted)[0] > 0
    learnt = kept & ((given.origins < 0) | (given.origins % 2 == 0))
    copies = np.where(given.origins < 0, 1, 2)[learnt]
    victim = clone(LR).fit(given.X[learnt], given.codes[learnt], copies)
    assert_allclose(value, (victim.predict(X[1::2]) != y[1::2]).mean(), atol=1e-9)


def test_modified_rows_are_not_validated_on():
    known = known_with(SURROGATES["filter"])
    given = poisoned(known, range(41, 53))
    fold = Fold(np.arange(41), X[41:], y[41:], np.arange(41, 80))
    goal = DefendedGoal(Defended(known.surrogate), known, [fold])
    learnt, valid = goal._split(fold, given)
    assert_array_equal(fold.rows[valid], np.arange(53, 80))
    assert_array_equal(np.flatnonzero(learnt), np.arange(53))


def test_deleted_rows_are_validated_on():
    known = known_with(SURROGATES["filter"])
    left = np.arange(10, 80)
    given = TrainingSet(X[left], y[left], TRUSTED[left], left)
    fold = Fold(np.arange(80), X, y, np.arange(80))
    goal = DefendedGoal(Defended(known.surrogate), known, [fold])
    learnt, valid = goal._split(fold, given)
    assert learnt.all()
    assert valid.size == 80


def test_sparse_rows():
    surrogate = SURROGATES["filter"]
    dense = known_with(surrogate)
    known = replace(dense, X=sparse.csr_array(X))
    fold = [Fold(np.arange(80), X_val, y_val)]
    in_sparse = [Fold(np.arange(80), sparse.csr_array(X_val), y_val)]
    for replaced in ((), range(41, 53)):
        one = DefendedGoal(Defended(surrogate), dense, fold)
        other = DefendedGoal(Defended(surrogate), known, in_sparse)
        value = one.judge(poisoned(dense, replaced)).value
        assert_allclose(other.judge(poisoned(known, replaced)).value, value)


class Picky(BaseRowFilter):
    """A filter that cannot be fitted to rows far out."""

    _required_estimator_type = "classifier"

    def _score_rows(self, X, y, *, trusted):
        if np.abs(X).max() > 20:
            raise ValueError("too far out")
        return np.full(len(y), -1.0)


def test_a_defence_that_cannot_be_fitted_counts_as_no_harm():
    known = known_with(Picky(LR))
    goal = DefendedGoal(Defended(Picky(LR)), known, [Fold(np.arange(80), X_val, y_val)])
    far = with_rows(known, 100 * X[:2], y[:2], np.array([], dtype=int))
    assert goal.judge(far).value == -np.inf
    assert goal.judge(far).belief is None
    assert goal.judge(poisoned(known)).value > 0


ATTACKS = {
    GradientInsertion: {"optimizer": ProjectedAscent(max_iter=6)},
    GradientModification: {"optimizer": ProjectedAscent(max_iter=6)},
    GreedyDeletion: {},
    GreedyLabelFlip: {},
    RelaxedLabelFlip: {},
    MarginLabelFlip: {},
    ALFA: {},
}


# Every attack with one defence, and every defence with one attack.
EACH = [(make, "filter") for make in ATTACKS]
EACH += [
    (MarginLabelFlip, name)
    for name in ("weights", "labels", "scaler inside", "scaler before", "noise", "two")
]
ALL = [(make, name) for make in ATTACKS for name in SURROGATES if name != "tree"]
PAIRS = [*EACH]
PAIRS += [
    pytest.param(*pair, marks=pytest.mark.slow) for pair in ALL if pair not in EACH
]


@pytest.mark.parametrize(("make", "name"), PAIRS)
def test_any_defence_is_a_surrogate_of_any_attack(make, name):
    """By one call: what comes out touches no trusted row."""
    surrogate = SURROGATES[name]
    if name == "noise":
        surrogate = NoisyLabelClassifier(LR, noise=0.1)
    attack = make(surrogate, 8, random_state=0, **ATTACKS[make])
    X_out, y_out = attack.fit_resample(X, y, trusted=TRUSTED)
    again = clone(attack).fit_resample(X, y, trusted=TRUSTED)
    assert_array_equal(X_out, again[0])
    assert_array_equal(y_out, again[1])
    assert_array_equal(X_out[:40], X[:40])
    assert_array_equal(y_out[:40], y[:40])
    assert (X_out.shape[0], attack.poison_mask_.sum()) in [(88, 8), (80, 8), (72, 0)]


def test_regression():
    r = X @ [1.0, 2, 0, -1]
    attack = GradientInsertion(
        OutlierFilteredRegressor(Ridge(), detector="distance"),
        8,
        optimizer=ProjectedAscent(max_iter=6),
        random_state=0,
    )
    X_out, r_out = attack.fit_resample(X, r, trusted=TRUSTED)
    trusted = np.append(TRUSTED, np.zeros(8, dtype=bool))
    defence = OutlierFilteredRegressor(Ridge(), detector="distance").fit(
        X_out, r_out, trusted=trusted
    )
    clean = OutlierFilteredRegressor(Ridge(), detector="distance").fit(
        X, r, trusted=TRUSTED
    )
    errors = [((each.predict(X) - r) ** 2).mean() for each in (clean, defence)]
    assert errors[1] > 3 * errors[0]
