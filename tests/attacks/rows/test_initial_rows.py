import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse

from skpoison.attacks import RandomInsertion, RandomLabelFlip
from skpoison.attacks._base import Known
from skpoison.attacks.rows._initial_rows import rows_to_insert, rows_to_modify

X = np.random.RandomState(0).normal(size=(60, 4))
NAMES = np.array(["ham", "phish", "spam"])
codes = np.repeat([0, 1, 2], 20)
y = NAMES[codes]
TRUSTED = np.arange(60) % 3 == 0
MAP = {"ham": "spam", "phish": "spam"}
KNOWN = Known(X, y, codes, TRUSTED, 60, NAMES, None)


def seed():
    return np.random.RandomState(7)


def origins(rows):
    """Find the training rows of which some are clones."""
    same = (rows[:, np.newaxis] == X).all(axis=2)
    assert (same.sum(axis=1) == 1).all()
    return same.argmax(axis=1)


@pytest.mark.parametrize("class_map", [None, MAP])
def test_inserted_with_other_labels_as_the_baseline_does(class_map):
    initial = rows_to_insert(KNOWN, 25, class_map, None, seed())
    baseline = RandomInsertion(25, class_map=class_map, random_state=seed())
    X_out, y_out = baseline.fit_resample(X, y)
    assert_array_equal(initial.rows.X, X_out[60:])
    assert_array_equal(NAMES[initial.rows.y], y_out[60:])
    assert initial.replaced.shape == (0,)


@pytest.mark.parametrize("class_map", [None, MAP])
def test_modified_with_other_labels_as_the_baseline_does(class_map):
    initial = rows_to_modify(KNOWN, 12, class_map, None, seed())
    baseline = RandomLabelFlip(12, class_map=class_map, random_state=seed())
    _, labels = baseline.fit_resample(X, y, trusted=TRUSTED)
    assert_array_equal(initial.replaced, np.flatnonzero(labels != y))
    assert_array_equal(NAMES[initial.rows.y], labels[initial.replaced])
    assert_array_equal(initial.rows.X, X[initial.replaced])


@pytest.mark.parametrize("given", [codes, X[:, 0]], ids=["labels", "responses"])
def test_inserted_with_what_is_given(given):
    initial = rows_to_insert(KNOWN, 150, None, given, seed())
    clones = origins(initial.rows.X)
    assert_array_equal(initial.rows.y, given[clones])
    # No row is cloned twice before all are cloned once.
    counts = np.bincount(clones, minlength=60)
    assert counts.min() == 2
    assert counts.max() == 3
    assert (clones[:60] != np.arange(60)).any()


@pytest.mark.parametrize("class_map", [None, MAP])
def test_modified_with_what_is_given(class_map):
    initial = rows_to_modify(KNOWN, 12, class_map, codes, seed())
    assert (np.diff(initial.replaced) > 0).all()
    assert not TRUSTED[initial.replaced].any()
    assert_array_equal(initial.rows.X, X[initial.replaced])
    assert_array_equal(initial.rows.y, codes[initial.replaced])
    assert {*initial.rows.y} == ({0, 1, 2} if class_map is None else {2})


def test_kept_labels_are_those_that_others_shall_be_taken_for():
    initial = rows_to_insert(KNOWN, 30, MAP, codes, seed())
    assert {*initial.rows.y} == {2}
    assert {*origins(initial.rows.X)} == {*range(40, 60)}


@pytest.mark.parametrize(
    ("class_map", "message"),
    [
        (None, "must not exceed the 40 rows that can be modified .*; got 50 rows"),
        (MAP, "must not exceed the 14 rows .* of a class that the goal names"),
    ],
)
def test_too_few_rows_to_modify(class_map, message):
    with pytest.raises(ValueError, match=message):
        rows_to_modify(KNOWN, 50, class_map, codes, seed())


def test_no_row_to_clone():
    known = Known(X[:20], y[:20], codes[:20], TRUSTED[:20], 60, NAMES, None)
    with pytest.raises(
        ValueError, match=r"no row of the classes \['spam'\] among the 2"
    ):
        rows_to_insert(known, 3, {"spam": "ham"}, None, seed())


@pytest.mark.parametrize("given", [None, codes], ids=["other labels", "own labels"])
@pytest.mark.parametrize("draw", [rows_to_insert, rows_to_modify])
def test_sparse_rows_start_dense(draw, given):
    known = Known(sparse.csr_array(X), y, codes, TRUSTED, 60, NAMES, None)
    of_sparse = draw(known, 8, None, given, seed()).rows
    of_dense = draw(KNOWN, 8, None, given, seed()).rows
    assert isinstance(of_sparse.X, np.ndarray)
    assert_array_equal(of_sparse.X, of_dense.X)
    assert_array_equal(of_sparse.y, of_dense.y)
    assert not np.shares_memory(of_dense.X, X)
