"""Checks of the checks.

Each attack and defence below breaks one contract, and the check of that contract must
fail on it.
"""

import warnings
from threading import Event, current_thread, main_thread

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, Ridge

from skpoison.attacks import GradientInsertion, RandomInsertion, RandomLabelFlip
from skpoison.base import BasePoisoner, Poison
from skpoison.defences import (
    KNNSanitizedClassifier,
    OutlierFilteredClassifier,
    OutlierFilteredRegressor,
)
from skpoison.utils import _attack_checks, _defence_checks
from skpoison.utils._attack_checks import ATTACK_CHECKS, LABEL_CHECKS
from skpoison.utils._defence_checks import CLASSIFIER_CHECKS, DEFENCE_CHECKS
from skpoison.utils._input_checks import INPUT_CHECKS
from skpoison.utils.estimator_checks import check_estimator, estimator_checks_generator


class Sloppy(RandomLabelFlip):
    """An attack that goes wrong after the fact, in a way of its own."""

    def fit_resample(self, X, y, *, trusted=None):
        X_out, y_out = super().fit_resample(X, y, trusted=trusted)
        return self.spoil(X, y, X_out, y_out)


class FlipsAtBudgetZero(RandomLabelFlip):
    def _n_poison(self, n_samples):
        return max(1, super()._n_poison(n_samples))


class FlipsOneMore(RandomLabelFlip):
    def _n_poison(self, n_samples):
        return super()._n_poison(n_samples) + 1


class DoesNothing(BasePoisoner):
    def _poison(self, X, y, **_):
        return Poison()


class Shuffles(Sloppy):
    def spoil(self, X, y, X_out, y_out):
        order = np.random.RandomState(0).permutation(len(y_out))
        self.poison_mask_ = self.poison_mask_[order]
        return X_out[order], y_out[order]


class MarksTooFew(Sloppy):
    def spoil(self, X, y, X_out, y_out):
        self.poison_mask_ = np.zeros_like(self.poison_mask_)
        return X_out, y_out


class MarksTooMany(Sloppy):
    def spoil(self, X, y, X_out, y_out):
        self.poison_mask_ = np.ones_like(self.poison_mask_)
        return X_out, y_out


class ForgetsInserted(RandomInsertion):
    def fit_resample(self, X, y, *, trusted=None):
        out = super().fit_resample(X, y, trusted=trusted)
        self.poison_mask_ = self.poison_mask_[: len(y)]
        return out


class TouchesTrusted(RandomLabelFlip):
    def _poison(self, X, y, *, trusted, **seen):
        return super()._poison(X, y, trusted=np.zeros_like(trusted), **seen)


class FirstRowsDeleted(BasePoisoner):
    """An attack that deletes rows, and keeps all contracts but for random draws."""

    def _poison(self, X, y, *, n_poison, trusted, random_state):
        return Poison(deleted=self.choose(np.flatnonzero(~trusted), n_poison))

    def choose(self, free, n_poison):
        return free[:n_poison]


class DeletesOneMore(FirstRowsDeleted):
    def choose(self, free, n_poison):
        return free[: n_poison + 1]


class DeletesTrusted(FirstRowsDeleted):
    def _poison(self, X, y, *, trusted, **seen):
        return super()._poison(X, y, trusted=np.zeros_like(trusted), **seen)


class DeletesInSecret(FirstRowsDeleted):
    def fit_resample(self, X, y, *, trusted=None):
        out = super().fit_resample(X, y, trusted=trusted)
        del self.deletion_mask_
        return out


class MarksOtherRows(FirstRowsDeleted):
    def fit_resample(self, X, y, *, trusted=None):
        out = super().fit_resample(X, y, trusted=trusted)
        self.deletion_mask_ = self.deletion_mask_[::-1]
        return out


class MarksRowsLeft(FirstRowsDeleted):
    def fit_resample(self, X, y, *, trusted=None):
        out = super().fit_resample(X, y, trusted=trusted)
        self.deletion_mask_ = np.zeros(len(out[1]), dtype=bool)
        return out


class InventsLabels(Sloppy):
    def spoil(self, X, y, X_out, y_out):
        y_out = y_out.astype(object)
        y_out[self.poison_mask_] = 99
        return X_out, y_out


class GlobalGenerator(RandomLabelFlip):
    def _poison(self, X, y, *, random_state, **seen):
        return super()._poison(X, y, random_state=np.random.mtrand._rand, **seen)


class ChangesDtype(Sloppy):
    def spoil(self, X, y, X_out, y_out):
        return np.asarray(X_out, dtype=object), y_out


class OneHotLost(Sloppy):
    def spoil(self, X, y, X_out, y_out):
        return X_out, np.asarray(y_out).argmax(axis=1) if np.ndim(y_out) == 2 else y_out


class GivesInputOut(Sloppy):
    def spoil(self, X, y, X_out, y_out):
        return X, y_out


class GivesRowsOut(Sloppy):
    def spoil(self, X, y, X_out, y_out):
        return (X, y_out) if isinstance(X, list) else (X_out, y_out)


class LosesTheByteOrder(Sloppy):
    def spoil(self, X, y, X_out, y_out):
        is_array = isinstance(y_out, np.ndarray) and y_out.dtype.kind == "i"
        return X_out, y_out.astype(y_out.dtype.name) if is_array else y_out


class LosesTuples(Sloppy):
    def spoil(self, X, y, X_out, y_out):
        return list(X_out) if isinstance(X, tuple) else X_out, y_out


class LosesArraysInLists(Sloppy):
    def spoil(self, X, y, X_out, y_out):
        if isinstance(X, list):
            X_out = [np.asarray(row).tolist() for row in X_out]
        return X_out, y_out


class LosesSubclasses(Sloppy):
    def spoil(self, X, y, X_out, y_out):
        return X_out.iloc[:] if hasattr(X_out, "iloc") else X_out, y_out


class RestartsTheIndex(Sloppy):
    def spoil(self, X, y, X_out, y_out):
        return tuple(
            each.reset_index(drop=True) if hasattr(each, "iloc") else each
            for each in (X_out, y_out)
        )


class RestartsTheIndexOfNewRows(RandomInsertion):
    def fit_resample(self, X, y, *, trusted=None):
        X_out, y_out = super().fit_resample(X, y, trusted=trusted)
        repeated = np.arange(len(y_out)) % len(y)
        return X_out.set_axis(X.index[repeated]), y_out.set_axis(y.index[repeated])


class ForgetsTheOrder(RandomInsertion):
    """It says that it inserts into a stream, and marks other rows."""

    def fit_resample(self, X, y, *, trusted=None):
        out = super().fit_resample(X, y, trusted=trusted)
        self.source_indices_ = np.arange(len(out[1]))[::-1]
        return out


class WritesToInput(Sloppy):
    def spoil(self, X, y, X_out, y_out):
        y[:] = y_out
        return X_out, y_out


class SparseIsDifferent(RandomLabelFlip):
    def _poison(self, X, y, *, random_state, **seen):
        if not isinstance(X, np.ndarray):
            random_state = np.random.RandomState(1)
        return super()._poison(X, y, random_state=random_state, **seen)


class KeepsASecret(RandomLabelFlip):
    def fit_resample(self, X, y, *, trusted=None):
        out = super().fit_resample(X, y, trusted=trusted)
        self.secret_ = lambda: None
        return out


class DriftsWhenRefitted(RandomLabelFlip):
    count = 0

    def _poison(self, X, y, *, random_state, **seen):
        type(self).count += 1
        random_state = np.random.RandomState(type(self).count)
        return super()._poison(X, y, random_state=random_state, **seen)


class JobsMatter(RandomLabelFlip):
    def __init__(self, budget=0.1, *, random_state=None, n_jobs=1):
        super().__init__(budget, random_state=random_state)
        self.n_jobs = n_jobs

    def _n_poison(self, n_samples):
        return self.n_jobs


class CatchesWarnings:
    """Leaves the filters of warnings that the other thread has set."""

    def __init_subclass__(cls):
        cls.order = iter(range(2))
        cls.first_in, cls.second_in, cls.first_out = Event(), Event(), Event()

    def in_order(self, work):
        if current_thread() is main_thread():
            return work()
        is_first = next(self.order) == 0
        if not is_first:
            self.first_in.wait()
        with warnings.catch_warnings(record=True):
            (self.first_in if is_first else self.second_in).set()
            (self.second_in if is_first else self.first_out).wait()
            result = work()
        self.first_out.set()
        return result


class AttackCatchesWarnings(CatchesWarnings, RandomLabelFlip):
    def fit_resample(self, X, y, *, trusted=None):
        return self.in_order(lambda: RandomLabelFlip.fit_resample(self, X, y))


class DefenceCatchesWarnings(CatchesWarnings, KNNSanitizedClassifier):
    def fit(self, X, y, sample_weight=None, *, trusted=None):
        return self.in_order(lambda: KNNSanitizedClassifier.fit(self, X, y))


class SeesTheThread(RandomLabelFlip):
    def _poison(self, X, y, *, random_state, **seen):
        if current_thread() is not main_thread():
            random_state = np.random.RandomState(1)
        return super()._poison(X, y, random_state=random_state, **seen)


class Underflows(RandomLabelFlip):
    def fit_resample(self, X, y, *, trusted=None):
        np.exp(np.full(3, -1e3))
        return super().fit_resample(X, y, trusted=trusted)


BROKEN_ATTACKS = [
    (FlipsAtBudgetZero, "check_budget_zero"),
    (FlipsOneMore, "check_budget"),
    (DoesNothing, "check_budget"),
    (Shuffles, "check_poison_mask"),
    (MarksTooFew, "check_poison_mask"),
    (MarksTooMany, "check_poison_mask"),
    (ForgetsInserted, "check_poison_mask"),
    (ForgetsTheOrder, "check_stream_order"),
    (DeletesOneMore, "check_budget_zero"),
    (DeletesOneMore, "check_budget"),
    (DeletesInSecret, "check_budget"),
    (MarksOtherRows, "check_poison_mask"),
    (MarksRowsLeft, "check_poison_mask"),
    (DeletesTrusted, "check_trusted_untouched"),
    (MarksOtherRows, "check_containers"),
    (TouchesTrusted, "check_trusted_untouched"),
    (InventsLabels, "check_labels_seen"),
    (GlobalGenerator, "check_same_seed_same_poison"),
    (DriftsWhenRefitted, "check_same_seed_same_poison"),
    (ChangesDtype, "check_containers"),
    (OneHotLost, "check_one_hot_labels"),
    (LosesTheByteOrder, "check_containers"),
    (LosesTuples, "check_containers"),
    (LosesArraysInLists, "check_containers"),
    (LosesSubclasses, "check_containers"),
    (RestartsTheIndex, "check_index"),
    (RestartsTheIndexOfNewRows, "check_index"),
    (GivesInputOut, "check_input_not_written"),
    (GivesRowsOut, "check_input_not_written"),
    (WritesToInput, "check_input_not_written"),
    (SparseIsDifferent, "check_sparse_as_dense"),
    (KeepsASecret, "check_attack_pickles"),
    (DriftsWhenRefitted, "check_attack_pickles"),
    (DriftsWhenRefitted, "check_attack_in_pipeline"),
    (JobsMatter, "check_attack_jobs"),
    (AttackCatchesWarnings, "check_attack_threads"),
    (SeesTheThread, "check_attack_threads"),
    (Underflows, "check_attack_floating_point"),
]

# A read-only array refuses to be written to, and what does not pickle cannot be.
ERRORS = (AssertionError, ValueError, AttributeError, TypeError, FloatingPointError)


@pytest.mark.parametrize(("attack", "check"), BROKEN_ATTACKS)
def test_broken_attack_is_caught(attack, check):
    with pytest.raises(ERRORS):
        getattr(_attack_checks, check)(attack.__name__, attack(random_state=0))


class ShortMask(KNNSanitizedClassifier):
    def fit(self, X, y, sample_weight=None, *, trusted=None):
        super().fit(X, y, sample_weight, trusted=trusted)
        self.inlier_mask_ = self.inlier_mask_[1:]
        return self


class ShareOfThoseKept(KNNSanitizedClassifier):
    def fit(self, X, y, sample_weight=None, *, trusted=None):
        super().fit(X, y, sample_weight, trusted=trusted)
        self.overruled_share_ = 1 - self.overruled_share_
        return self


class ScoresOfThePresent(KNNSanitizedClassifier):
    def fit(self, X, y, sample_weight=None, *, trusted=None):
        super().fit(X, y, sample_weight, trusted=trusted)
        self.sample_scores_ = self.sample_scores_[~np.isnan(self.sample_scores_)]
        return self


class ScoresOfTheAbsent(KNNSanitizedClassifier):
    def fit(self, X, y, sample_weight=None, *, trusted=None):
        super().fit(X, y, sample_weight, trusted=trusted)
        self.sample_scores_ = np.nan_to_num(self.sample_scores_)
        return self


class DropsBelowTheThreshold(OutlierFilteredRegressor):
    def fit(self, X, y, sample_weight=None, *, trusted=None):
        super().fit(X, y, sample_weight, trusted=trusted)
        self.threshold_ *= 1.5
        return self


class KeepsBeyondTheThreshold(OutlierFilteredClassifier):
    def fit(self, X, y, sample_weight=None, *, trusted=None):
        super().fit(X, y, sample_weight, trusted=trusted)
        self.threshold_ = self.threshold_ / 1.5
        return self


class OneThresholdTooFew(OutlierFilteredClassifier):
    def fit(self, X, y, sample_weight=None, *, trusted=None):
        super().fit(X, y, sample_weight, trusted=trusted)
        self.threshold_ = self.threshold_[1:]
        return self


class InlierOfWeight0(OutlierFilteredRegressor):
    def fit(self, X, y, sample_weight=None, *, trusted=None):
        super().fit(X, y, sample_weight, trusted=trusted)
        self.inlier_mask_ |= np.isnan(self.sample_scores_)
        return self


class LosesClasses(KNNSanitizedClassifier):
    def _rescued(self, codes, verdict):
        return np.zeros_like(codes, dtype=bool)


class IgnoresTrust(OutlierFilteredClassifier):
    def _fit_estimator(self, X, y, *, present, trusted, params):
        trusted = np.zeros_like(trusted)
        super()._fit_estimator(X, y, present=present, trusted=trusted, params=params)


class IgnoresTrustToo(IgnoresTrust, OutlierFilteredRegressor):
    _groups = OutlierFilteredRegressor._groups
    _learn_threshold = OutlierFilteredRegressor._learn_threshold
    _required_estimator_type = "regressor"


class JudgesTheAbsent(KNNSanitizedClassifier):
    def fit(self, X, y, sample_weight=None, *, trusted=None):
        super().fit(X, y, trusted=trusted)
        if sample_weight is not None:
            self.inlier_mask_ &= sample_weight > 0
        return self


class RefusesWeights(KNNSanitizedClassifier):
    def fit(self, X, y, sample_weight=None, *, trusted=None):
        if sample_weight is not None and hasattr(self.estimator, "steps"):
            raise ValueError("The estimator takes no weights.")
        return super().fit(X, y, sample_weight, trusted=trusted)


class OneCopyOfEach(KNNSanitizedClassifier):
    def fit(self, X, y, sample_weight=None, *, trusted=None):
        super().fit(X, y, sample_weight, trusted=trusted)
        if sample_weight is not None and hasattr(self.estimator, "steps"):
            self.estimator_ = clone(self.estimator).fit(X, np.roll(y, 1))
        return self


class SwitchedOff(KNNSanitizedClassifier):
    def _score_rows(self, X, y, *, trusted):
        scores, labels = super()._score_rows(X, y, trusted=trusted)
        return scores * (np.bincount(y).min() > 1), labels


class HidesFrames(KNNSanitizedClassifier):
    def fit(self, X, y, sample_weight=None, *, trusted=None):
        if hasattr(X, "columns"):
            self.feature_names_in_ = np.array(list(X.columns))
            X = X.to_numpy()
        names = getattr(self, "feature_names_in_", None)
        super().fit(X, y, sample_weight, trusted=trusted)
        if names is not None:
            self.feature_names_in_ = names
        return self


class ReadsTheContainer(OutlierFilteredRegressor):
    def _fit_estimator(self, X, y, *, present, trusted, params):
        super()._fit_estimator(X, y, present=present, trusted=trusted, params=params)
        if hasattr(X, "columns"):
            self.inlier_mask_[0] = not self.inlier_mask_[0]


class WritesToRows(KNNSanitizedClassifier):
    def fit(self, X, y, sample_weight=None, *, trusted=None):
        X[0] = 0
        return super().fit(X, y, sample_weight, trusted=trusted)


class FitsWhatIsGiven(KNNSanitizedClassifier):
    def fit(self, X, y, sample_weight=None, *, trusted=None):
        super().fit(X, y, sample_weight, trusted=trusted)
        self.estimator.fit(X, y)
        return self


class Drifts(KNNSanitizedClassifier):
    count = 0

    def _score_rows(self, X, y, *, trusted):
        type(self).count += 1
        scores, labels = super()._score_rows(X, y, trusted=trusted)
        scores[type(self).count], labels[type(self).count] = 1.0, 0
        labels[type(self).count] = (y[type(self).count] + 1) % 3
        return scores, labels


class JobsMatterToo(KNNSanitizedClassifier):
    def _score_rows(self, X, y, *, trusted):
        scores, labels = super()._score_rows(X, y, trusted=trusted)
        scores[3] = 0.0 if self.n_jobs == 1 else 1.0
        labels[3] = (y[3] + 1) % 3
        return scores, labels


class UnderflowsToo(KNNSanitizedClassifier):
    def fit(self, X, y, sample_weight=None, *, trusted=None):
        np.exp(np.full(3, -1e3))
        return super().fit(X, y, sample_weight, trusted=trusted)


BROKEN_DEFENCES = [
    (ShortMask, "check_inlier_mask"),
    (ShareOfThoseKept, "check_overruled_share"),
    (ScoresOfThePresent, "check_sample_scores"),
    (ScoresOfTheAbsent, "check_sample_scores"),
    (DropsBelowTheThreshold, "check_sample_scores"),
    (KeepsBeyondTheThreshold, "check_sample_scores"),
    (OneThresholdTooFew, "check_sample_scores"),
    (InlierOfWeight0, "check_sample_scores"),
    (LosesClasses, "check_keeps_every_class"),
    (IgnoresTrust, "check_keeps_trusted_rows"),
    (IgnoresTrustToo, "check_keeps_trusted_rows"),
    (JudgesTheAbsent, "check_zero_weight_is_absence"),
    (RefusesWeights, "check_copies_for_weights"),
    (OneCopyOfEach, "check_copies_for_weights"),
    (SwitchedOff, "check_class_of_one_row"),
    (HidesFrames, "check_defence_containers"),
    (ReadsTheContainer, "check_defence_containers"),
    (WritesToRows, "check_defence_input_not_written"),
    (FitsWhatIsGiven, "check_defence_pickles"),
    (Drifts, "check_defence_pickles"),
    (JobsMatterToo, "check_defence_jobs"),
    (DefenceCatchesWarnings, "check_defence_threads"),
    (UnderflowsToo, "check_defence_floating_point"),
]


def defended(defence):
    """Make a defence around an estimator of its task."""
    if defence._required_estimator_type == "regressor":
        return defence(Ridge())
    return defence(LogisticRegression(max_iter=10_000))


@pytest.mark.parametrize(("defence", "check"), BROKEN_DEFENCES)
@pytest.mark.filterwarnings("ignore:X has feature names")
def test_broken_defence_is_caught(defence, check):
    with pytest.raises(ERRORS):
        getattr(_defence_checks, check)(defence.__name__, defended(defence))


@pytest.mark.parametrize(
    "defence",
    [KNNSanitizedClassifier, OutlierFilteredClassifier, OutlierFilteredRegressor],
)
@pytest.mark.parametrize("check", DEFENCE_CHECKS, ids=lambda check: check.__name__)
def test_sound_defence_passes(defence, check):
    """What the broken ones above derive from breaks no contract."""
    if defence is not OutlierFilteredRegressor or check not in CLASSIFIER_CHECKS:
        check(defence.__name__, defended(defence))


def test_every_check_is_shown_to_catch_something():
    caught = {check for _, check in BROKEN_ATTACKS + BROKEN_DEFENCES}
    assert caught == {check.__name__ for check in ATTACK_CHECKS + DEFENCE_CHECKS}


def test_check_estimator_raises():
    with pytest.raises(AssertionError, match="TouchesTrusted flips trusted rows"):
        check_estimator(TouchesTrusted(random_state=0))


def test_instances_are_left_alone():
    defence = KNNSanitizedClassifier(LogisticRegression(max_iter=10_000))
    attacks = RandomLabelFlip(random_state=0), FirstRowsDeleted()
    for instance in (*attacks, defence):
        before = str(clone(instance).get_params())
        check_estimator(instance)
        assert str(instance.get_params()) == before
        assert not hasattr(instance, "n_features_in_")


def test_responses_are_no_labels():
    attack = GradientInsertion(Ridge())
    names = {check.func for _, check in estimator_checks_generator(attack)}
    assert names == {*ATTACK_CHECKS, *INPUT_CHECKS} - set(LABEL_CHECKS)
    assert set(LABEL_CHECKS) < set(ATTACK_CHECKS)


def test_attacks_and_defences_get_their_own_checks():
    for instance, checks in (
        (RandomLabelFlip(), ATTACK_CHECKS),
        (OutlierFilteredClassifier(LogisticRegression()), DEFENCE_CHECKS),
        (
            OutlierFilteredRegressor(Ridge()),
            [check for check in DEFENCE_CHECKS if check not in CLASSIFIER_CHECKS],
        ),
    ):
        generated = [check.func for _, check in estimator_checks_generator(instance)]
        assert generated == [*checks, *INPUT_CHECKS]


@pytest.mark.parametrize("estimator", [LogisticRegression(), "x"])
def test_what_is_neither_is_refused(estimator):
    with pytest.raises(TypeError, match="must be an instance of an attack"):
        check_estimator(estimator)
