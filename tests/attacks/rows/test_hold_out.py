from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.metrics import mean_squared_error
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skpoison.attacks import GradientInsertion
from skpoison.attacks._base import Known
from skpoison.attacks._validation_data import Fold
from skpoison.attacks.rows import _hold_out
from skpoison.attacks.rows._hold_out import (
    HeldRows,
    all_folds,
    all_rows,
    hold_out,
    learning_apart,
    without,
)

RNG = np.random.RandomState(0)
X = RNG.standard_normal((40, 5))
CODES = (X[:, 0] > 0).astype(int)


def knowledge(surrogate, features=X, codes=CODES, classes=(0, 1)):
    classes = None if classes is None else np.array(classes)
    n = codes.shape[0]
    trusted = np.zeros(n, dtype=bool)
    return Known(features, codes, codes, trusted, n, classes, surrogate)


NARROW = X[:, :4]
WIDE = RNG.standard_normal((40, 60))
STIFF = False, False


@pytest.mark.parametrize(
    ("surrogate", "features", "expected"),
    [
        (LogisticRegression(), NARROW, STIFF),
        (make_pipeline(StandardScaler(), LogisticRegression()), NARROW, STIFF),
        (SVC(kernel="linear"), NARROW, STIFF),
        (SGDClassifier(), NARROW, STIFF),
        (LogisticRegression(), X, (True, False)),
        (SVC(), X, (True, False)),
        (make_pipeline(StandardScaler(), SVC(kernel="poly")), X, (True, False)),
        (LogisticRegression(), WIDE, (True, True)),
        (SGDClassifier(), WIDE, (True, True)),
        (SVC(kernel="linear"), WIDE, (True, True)),
        (SVC(), WIDE, (True, False)),
    ],
)
def test_which_surrogates_need_it(surrogate, features, expected):
    known = knowledge(surrogate, features)
    held = hold_out(known, np.arange(40), np.random.RandomState(0))
    assert (bool(held.folds), held.is_apart) == expected


@pytest.mark.parametrize("is_wide", [False, True])
def test_folds(is_wide):
    """With more features than rows there is one; no surrogate learns from its rows."""
    surrogate, X = (LogisticRegression(), WIDE) if is_wide else (SVC(), NARROW)
    known = knowledge(surrogate, X)
    folds = hold_out(known, np.arange(5, 40), np.random.RandomState(0)).folds
    rows = np.concatenate([fold.rows for fold in folds])
    assert rows.min() >= 5
    assert len(folds) == (1 if is_wide else 2)
    assert np.unique(rows).size == rows.size == 10
    for fold in folds:
        left_out = rows if is_wide else fold.rows
        np.testing.assert_array_equal(fold.train, np.setdiff1d(np.arange(40), left_out))
        np.testing.assert_array_equal(fold.X, X[fold.rows])
        np.testing.assert_array_equal(fold.y, CODES[fold.rows])


def test_all_rows_count_where_few_are_held_out(monkeypatch):
    monkeypatch.setattr(_hold_out, "FEW", 11)
    known, positions = knowledge(SVC()), np.arange(5, 40)
    held = hold_out(known, positions, np.random.RandomState(0))
    assert sum(fold.rows.size for fold in held.folds) == 10
    assert len(held.counted) == 5
    rows = np.concatenate([fold.rows for fold in held.counted])
    np.testing.assert_array_equal(np.sort(rows), positions)
    for fold in held.counted:
        np.testing.assert_array_equal(fold.train, np.setdiff1d(range(40), fold.rows))
        np.testing.assert_array_equal(fold.y, CODES[fold.rows])


@pytest.mark.parametrize(("features", "few"), [(NARROW, 10), (WIDE, 11)])
def test_rows_held_out_count_alone(monkeypatch, features, few):
    """Where there are many, or where poison may not be made from them."""
    monkeypatch.setattr(_hold_out, "FEW", few)
    surrogate = SVC() if features is NARROW else LogisticRegression()
    known = knowledge(surrogate, features)
    held = hold_out(known, np.arange(5, 40), np.random.RandomState(0))
    assert held.counted is held.folds


def test_classes_of_few_rows_leave_none():
    codes = np.zeros(40, dtype=int)
    codes[:5] = 1
    known = knowledge(SVC(), codes=codes)
    held = hold_out(known, np.arange(40), np.random.RandomState(0))
    assert held == HeldRows([], [])


def test_all_rows():
    """Rows that are replaced are not measured."""
    fold = all_rows(knowledge(SVC()), np.arange(3, 40))
    np.testing.assert_array_equal(fold.train, np.arange(40))
    np.testing.assert_array_equal(fold.rows, np.arange(3, 40))
    np.testing.assert_array_equal(fold.X, X[3:])
    np.testing.assert_array_equal(fold.y, CODES[3:])


def test_learning_apart():
    folds = [Fold(np.arange(4, 10)), Fold(np.arange(6))]
    held_out = [SimpleNamespace(rows=np.array([9, 0])), SimpleNamespace(rows=[4])]
    first, second = learning_apart(folds, held_out)
    np.testing.assert_array_equal(first.train, [5, 6, 7, 8])
    np.testing.assert_array_equal(second.train, [1, 2, 3, 5])


def test_without():
    known = knowledge(Ridge(), codes=X[:, 1], classes=None)
    held_out = [SimpleNamespace(rows=np.array([0, 3]))]
    left, given = without(known, np.arange(40), held_out)
    kept = np.setdiff1d(np.arange(40), [0, 3])
    np.testing.assert_array_equal(given, kept)
    for name in ("X", "y", "codes", "trusted"):
        np.testing.assert_array_equal(getattr(left, name), getattr(known, name)[kept])
    assert left.n_samples == 40
    assert without(known, None, held_out)[1] is None


def test_more_features_than_rows():
    """What is held out is neither cloned nor learnt from, and says what it harms."""
    rng = np.random.RandomState(0)
    X = rng.standard_normal((500, 150))
    y = X[:, :5].sum(axis=1) + rng.standard_normal(500)
    train, test = (X[:60], y[:60]), (X[60:], y[60:])
    victim = Ridge(10.0)
    clean = mean_squared_error(test[1], victim.fit(*train).predict(test[0]))
    attack = GradientInsertion(victim, 0.15, random_state=0)
    victim.fit(*attack.fit_resample(*train))
    harmed = mean_squared_error(test[1], victim.predict(test[0]))
    assert harmed > 2.5 * clean


def test_all_folds_are_of_all_rows_that_stay():
    positions = np.arange(3, 40)
    folds = all_folds(knowledge(SVC()), positions, np.random.RandomState(0))
    assert len(folds) == 5
    rows = np.concatenate([fold.rows for fold in folds])
    np.testing.assert_array_equal(np.sort(rows), positions)
    for fold in folds:
        np.testing.assert_array_equal(fold.train, np.setdiff1d(range(40), fold.rows))
        np.testing.assert_array_equal(fold.X, X[fold.rows])
        np.testing.assert_array_equal(fold.y, CODES[fold.rows])
        shares = [np.mean(CODES[fold.rows]), np.mean(CODES[positions])]
        assert abs(np.diff(shares)[0]) < 1 / fold.rows.shape[0]
