import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.datasets import load_iris
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    PredefinedSplit,
    ShuffleSplit,
    StratifiedGroupKFold,
    StratifiedKFold,
    TimeSeriesSplit,
)

from skpoison.attacks import MarginLabelFlip
from skpoison.attacks._validation_data import (
    check_groups,
    check_validation_data,
    make_folds,
    split_rows,
)

X, y = load_iris(return_X_y=True)
ATTACK = MarginLabelFlip().fit(X, y)
EVERYTHING = np.arange(150)


def seed(number=0):
    return np.random.RandomState(number)


def test_nothing_is_given():
    assert check_validation_data(ATTACK, X, None, None) == (None, None)


def test_validation_rows_are_sparse_if_the_training_rows_are():
    for training, given in ((X, sparse.csr_array(X)), (sparse.csr_array(X), X)):
        rows, codes = check_validation_data(ATTACK, training, given, y)
        assert sparse.issparse(rows) == sparse.issparse(training)
        assert_array_equal(codes, y)


@pytest.mark.parametrize(
    ("X_val", "y_val", "message"),
    [
        (X, None, "must be given together; got `X_val` without `y_val`"),
        (None, y, "must be given together; got `y_val` without `X_val`"),
        (X[:, :2], y, "`X_val` must have the 4 features of X; got 2"),
        (X, y + 1, r"`y_val` must hold labels of y, which are \[0, 1, 2\]; got \[3\]"),
        (X, y[1:], "must have the same number of rows; got 150 and 149"),
        (X * np.nan, y, "Input X_val contains NaN"),
    ],
)
def test_invalid_validation_data(X_val, y_val, message):
    with pytest.raises(ValueError, match=message):
        check_validation_data(ATTACK, X, X_val, y_val)


def test_fraction_is_stratified():
    first, second = split_rows("validation", 0.3, y, EVERYTHING, seed(), stratify=True)
    assert_array_equal(np.bincount(y[first]), [15, 15, 15])
    assert_array_equal(np.sort(np.append(first, second)), EVERYTHING)
    message = r"`validation` must leave .*; got 0\.001 for 150 rows of 3 classes\."
    with pytest.raises(ValueError, match=message):
        split_rows("validation", 0.001, y, EVERYTHING, seed(), stratify=True)


@pytest.mark.parametrize("stratify", [False, True])
@pytest.mark.parametrize(
    ("validation", "n_folds"), [(0.2, 1), (4, 4), (KFold(5), 5), (ShuffleSplit(2), 2)]
)
def test_folds(validation, n_folds, stratify):
    positions = np.setdiff1d(EVERYTHING, [3, 60, 120])
    folds = make_folds(validation, X, y, positions, seed(), stratify=stratify)
    assert len(folds) == n_folds
    for fold in folds:
        assert_array_equal(fold.X, X[fold.rows])
        assert_array_equal(fold.y, y[fold.rows])
        assert np.isin(fold.rows, positions).all()
        assert_array_equal(np.union1d(fold.train, fold.rows), EVERYTHING)
        assert not np.isin(fold.rows, fold.train).any()
    if n_folds in (4, 5):
        every = np.concatenate([fold.rows for fold in folds])
        assert_array_equal(np.sort(every), positions)
    again = make_folds(validation, X, y, positions, seed(), stratify=stratify)
    other = make_folds(validation, X, y, positions, seed(1), stratify=stratify)
    for fold, same in zip(folds, again, strict=True):
        assert_array_equal(fold.rows, same.rows)
    if n_folds != 5:
        assert (np.sort(folds[0].rows) != np.sort(other[0].rows)).any()


@pytest.mark.parametrize(
    "splitter", [GroupKFold(3), StratifiedGroupKFold(3, shuffle=True)], ids=str
)
def test_no_group_is_on_both_sides(splitter):
    groups, positions = EVERYTHING % 20, np.setdiff1d(EVERYTHING, [3, 60, 120])
    folds = make_folds(splitter, X, y, positions, seed(), stratify=True, groups=groups)
    assert len(folds) == 3
    for fold in folds:
        train = np.intersect1d(fold.train, positions)
        assert not set(groups[train]) & set(groups[fold.rows])


def test_time():
    """Validation rows come after those learnt from, except for rows always learnt."""
    positions = np.setdiff1d(EVERYTHING, [149])
    folds = make_folds(TimeSeriesSplit(3), X, y, positions, seed(), stratify=False)
    for i, fold in enumerate(folds):
        assert fold.train[-1] == 149
        assert fold.train[-2] < fold.rows[0]
        assert fold.rows.shape[0] == 37
        assert fold.train.shape[0] == 149 - 37 * (3 - i) + 1


def test_check_groups():
    assert check_groups(None, 3, 4) is None
    assert check_groups(None, KFold(3), 4) is None
    assert check_groups([1, 1, 2, 3], GroupKFold(3), 4).tolist() == [1, 1, 2, 3]
    for groups, validation, message in (
        (None, GroupKFold(3), r"must be given to fit_resample, .*GroupKFold\("),
        (
            [1, 1, 2],
            GroupKFold(3),
            "must have one entry for each of the 4 rows of X; g",
        ),
        ([1, 1, 2, 3], 3, "must be None unless .* got validation=3"),
        ([1, 1, 2, 3], None, "must be None unless .* got validation=None"),
        ([1, 1, 2, 3], KFold(3), "must be None unless .* got validation=KFold"),
    ):
        with pytest.raises(ValueError, match=f"`groups` {message}"):
            check_groups(groups, validation, 4)


def test_splitter_given_is_not_seeded():
    splitter = ShuffleSplit(2)
    make_folds(splitter, X, y, EVERYTHING, seed(), stratify=True)
    assert splitter.random_state is None


def test_folds_are_stratified():
    for fold in make_folds(5, X, y, EVERYTHING, seed(), stratify=True):
        assert_array_equal(np.bincount(fold.y), [10, 10, 10])


def test_all_rows_are_learnt_from_and_measured_on():
    (fold,) = make_folds("all", X, y, EVERYTHING, seed(), stratify=True)
    assert_array_equal(fold.train, EVERYTHING)
    assert_array_equal(fold.X, X)


@pytest.mark.parametrize(
    ("stratify", "message"),
    [
        (True, "must not exceed the 50 rows of the rarest class; got 51 folds"),
        (False, "must not exceed the 150 rows that can be set aside; got 151 folds"),
    ],
)
def test_too_many_folds(stratify, message):
    with pytest.raises(ValueError, match=message):
        make_folds(51 if stratify else 151, X, y, EVERYTHING, seed(), stratify=stratify)


@pytest.mark.parametrize(
    ("validation", "message"),
    [
        (GroupKFold(2), "which cannot .The 'groups' parameter"),
        (StratifiedKFold(2), "which cannot .Supported target types"),
        (KFold(101), "which cannot .Cannot have number of splits"),
        (KFold, "which cannot"),
        (PredefinedSplit(np.arange(150) % 2), "which returns the row 149"),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_splitters_that_do_not_go_with_the_rows(validation, message):
    responses = np.linspace(0, 1, 150)
    message = f"`validation` must split the 100 rows .*, {message}.* Take another"
    with pytest.raises(ValueError, match=message):
        make_folds(validation, X, responses, np.arange(100), seed(), stratify=False)


@pytest.mark.parametrize(
    ("name", "way_out"),
    [("validation", "Take another share, or give"), ("known_fraction", "Raise it")],
)
def test_fractions_that_leave_nothing(name, way_out):
    with pytest.raises(ValueError, match=f"`{name}` must leave rows .* {way_out}"):
        split_rows(name, 0.001, y, EVERYTHING, seed(), stratify=True)


def test_rows_to_be_modified_are_named_if_they_leave_nothing():
    with pytest.raises(ValueError, match=r"for 3 rows of 1 classes.* lower the budget"):
        split_rows("validation", 0.3, y, EVERYTHING[:3], seed(), stratify=True)
