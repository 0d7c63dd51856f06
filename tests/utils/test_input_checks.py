"""Checks of the checks: each estimator below breaks one, which must fail on it."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy import sparse
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler

from skpoison.attacks import GradientInsertion, RandomInsertion, RandomLabelFlip
from skpoison.defences import KNNSanitizedClassifier, OutlierFilteredRegressor
from skpoison.goals import ErrorGeneric
from skpoison.optimizers import ProjectedAscent
from skpoison.utils import _input_checks
from skpoison.utils._check_data import numpy_scalars, with_repeated_entries
from skpoison.utils._input_checks import INPUT_CHECKS


class ReadsColumnsOfItsScaler(RandomInsertion):
    def _poison(self, X, y, **seen):
        np.asarray(StandardScaler().fit_transform(X)[0])
        return super()._poison(X, y, **seen)


class AsksTheConfiguration(KNNSanitizedClassifier):
    def _score_rows(self, X, y, *, trusted):
        if sklearn.get_config()["transform_output"] != "default":
            trusted = np.ones_like(trusted)
        scores, labels = super()._score_rows(X, y, trusted=trusted)
        return scores, np.where(trusted, y, labels)


class BelievesWhatIsMissing(RandomLabelFlip):
    def fit_resample(self, X, y, *, trusted=None):
        if trusted is not None:
            trusted = np.equal(np.asarray(trusted, dtype=object), True).astype(bool)
        return super().fit_resample(X, y, trusted=trusted)


class TakesMissingForAClass(KNNSanitizedClassifier):
    def _check_target(self, y):
        return super()._check_target(np.asarray(y).astype(str))


class TakesMissingForZero(OutlierFilteredRegressor):
    def _check_target(self, y):
        return super()._check_target(np.where(pd.isna(np.asarray(y)), 0, y))


class AsksForAFloat(RandomLabelFlip):
    def _poison(self, X, y, **seen):
        if type(self.budget) not in (int, float):
            raise ValueError("budget must be a float")
        return super()._poison(X, y, **seen)


class LosesDigits(RandomLabelFlip):
    def _n_poison(self, n_samples):
        # Before numpy 2 a product with a Python float has all digits.
        return 1 + round(np.multiply(self.budget, 1e9, dtype=type(self.budget))) % 7


class Overflows(RandomInsertion):
    def _poison(self, X, y, **seen):
        np.square(X)
        return super()._poison(X, y, **seen)


class SearchesInVain(KNNSanitizedClassifier):
    def _rows_to_score(self, X, present):
        return X


class RefusesByAnotherName(RandomInsertion):
    def _poison(self, X, y, **seen):
        if np.abs(X).max() > 1e100:
            raise ValueError("The Hessian is not finite.")
        return super()._poison(X, y, **seen)


class KeepsAnOldPath(RandomLabelFlip):
    def fit_resample(self, X, y, *, trusted=None):
        old = getattr(self, "path_", None)
        out = super().fit_resample(X, y, trusted=trusted)
        if self.budget:
            self.path_ = out
        elif old is not None:
            self.path_ = old
        return out


class KeepsOldLabels(KNNSanitizedClassifier):
    def fit(self, X, y, sample_weight=None, *, trusted=None):
        old = getattr(self, "y_sanitized_", None)
        super().fit(X, y, sample_weight, trusted=trusted)
        if old is not None:
            self.y_sanitized_ = old
        return self


class CountsEntries(OutlierFilteredRegressor):
    def fit(self, X, y, sample_weight=None, *, trusted=None):
        super().fit(X, y, sample_weight, trusted=trusted)
        if sparse.issparse(X):
            self.sample_scores_ = np.diff(X.indptr)
        return self

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True  # scikit-learn 1.6 does not say so of Ridge
        return tags


class WritesToRows(RandomInsertion):
    def fit_resample(self, X, y, *, trusted=None):
        if sparse.issparse(X):
            X.sum_duplicates()
        return super().fit_resample(X, y, trusted=trusted)


BROKEN = [
    (ReadsColumnsOfItsScaler, "check_output_configuration"),
    (AsksTheConfiguration, "check_output_configuration"),
    (BelievesWhatIsMissing, "check_missing_entries"),
    (TakesMissingForAClass, "check_missing_entries"),
    (TakesMissingForZero, "check_missing_entries"),
    (AsksForAFloat, "check_numpy_scalars"),
    (LosesDigits, "check_numpy_scalars"),
    (Overflows, "check_large_numbers"),
    (SearchesInVain, "check_large_numbers"),
    (RefusesByAnotherName, "check_large_numbers"),
    (KeepsAnOldPath, "check_called_again"),
    (KeepsOldLabels, "check_called_again"),
    (CountsEntries, "check_repeated_entries"),
    (WritesToRows, "check_repeated_entries"),
]


def instance(kind):
    """Make an attack, or a defence around an estimator of its task."""
    if issubclass(kind, RandomInsertion | RandomLabelFlip):
        return kind(random_state=0)
    if kind._required_estimator_type == "regressor":
        return kind(Ridge())
    return kind(LogisticRegression(max_iter=10_000))


@pytest.mark.parametrize(("broken", "check"), BROKEN)
def test_broken_estimator_is_caught(broken, check):
    with pytest.raises((AssertionError, TypeError, KeyError)):
        getattr(_input_checks, check)(broken.__name__, instance(broken))


@pytest.mark.parametrize("check", INPUT_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("broken", dict.fromkeys(kind.__base__ for kind, _ in BROKEN))
def test_sound_estimator_passes(broken, check):
    """What the broken ones above derive from breaks no contract."""
    check(broken.__name__, instance(broken))


def test_numpy_scalars_in_the_parts_of_an_attack():
    attack = GradientInsertion(
        goal=ErrorGeneric(sharpness=4),
        optimizer=ProjectedAscent(step_size=0.5, max_iter=2, n_restarts=2),
        validation=0.3,
        known_fraction=0.8,
        random_state=0,
    )
    _input_checks.check_numpy_scalars("GradientInsertion", attack)
    given, _ = numpy_scalars(attack)
    assert {"goal__sharpness", "optimizer__step_size", "validation"} < set(given)


def test_parameters_of_estimators_inside_are_left_alone():
    given, _ = numpy_scalars(KNNSanitizedClassifier(LogisticRegression()))
    assert given == {
        "max_reference": 10_000,
        "n_neighbors": 10,
        "n_passes": 1,
        "prior_correction": True,
        "threshold": 0.5,
    }


def test_every_check_is_shown_to_catch_something():
    assert {check for _, check in BROKEN} == {each.__name__ for each in INPUT_CHECKS}


def test_rows_with_repeated_entries():
    X = np.arange(12.0).reshape(4, 3)
    rows = with_repeated_entries(X)
    np.testing.assert_array_equal(rows.toarray(), X)
    assert not rows.has_canonical_format
    assert not rows.has_sorted_indices
    assert rows.nnz == 22
