import numpy as np
import pytest
from scipy import sparse
from skpoison.attacks._start import start_inserting, start_modifying

from skpoison.attacks import RandomInsertion, RandomLabelFlip

X = np.random.RandomState(0).normal(size=(60, 4))
y = np.repeat(["ham", "phish", "spam"], 20)
TRUSTED = np.arange(60) % 3 == 0
MAP = {"ham": "spam", "phish": "spam"}


def seed():
    return np.random.RandomState(7)


def where(rows):
    """Find the training rows of which some are clones."""
    same = (rows[:, np.newaxis] == X).all(axis=2)
    assert (same.sum(axis=1) == 1).all()
    return same.argmax(axis=1)


@pytest.mark.parametrize("class_map", [None, MAP])
def test_inserted_with_other_labels_as_the_baseline_does(class_map):
    start = start_inserting(X, y, 25, "flip", class_map, seed())
    baseline = RandomInsertion(25, class_map=class_map, random_state=seed())
    X_out, y_out = baseline.fit_resample(X, y)
    np.testing.assert_array_equal(start.rows, X_out[60:])
    np.testing.assert_array_equal(start.labels, y_out[60:])
    assert (start.labels != y[where(start.rows)]).all()
    assert start.positions is None


def test_inserted_with_their_own_labels():
    start = start_inserting(X, y, 150, "keep", None, seed())
    clones = where(start.rows)
    np.testing.assert_array_equal(start.labels, y[clones])
    # No row is cloned twice before all are cloned once.
    counts = np.bincount(clones, minlength=60)
    assert counts.min() == 2
    assert counts.max() == 3
    assert (clones[:60] != np.arange(60)).any()
    assert start.positions is None


def test_inserted_of_the_wanted_classes_alone():
    start = start_inserting(X, y, 30, "keep", MAP, seed())
    assert set(start.labels) == {"spam"}
    assert set(where(start.rows)) == set(range(40, 60))


@pytest.mark.parametrize("class_map", [None, MAP])
def test_modified_with_other_labels_as_the_baseline_does(class_map):
    start = start_modifying(X, y, TRUSTED, 12, "flip", class_map, seed())
    baseline = RandomLabelFlip(12, class_map=class_map, random_state=seed())
    _, labels = baseline.fit_resample(X, y, trusted=TRUSTED)
    np.testing.assert_array_equal(start.positions, np.flatnonzero(labels != y))
    np.testing.assert_array_equal(start.labels, labels[start.positions])
    np.testing.assert_array_equal(start.rows, X[start.positions])
    assert start.positions.shape == (12,)
    assert not TRUSTED[start.positions].any()


@pytest.mark.parametrize("class_map", [None, MAP])
def test_modified_with_their_own_labels(class_map):
    start = start_modifying(X, y, TRUSTED, 12, "keep", class_map, seed())
    assert start.positions.shape == (12,)
    assert (np.diff(start.positions) > 0).all()
    assert not TRUSTED[start.positions].any()
    np.testing.assert_array_equal(start.rows, X[start.positions])
    np.testing.assert_array_equal(start.labels, y[start.positions])
    seen = {"ham", "phish", "spam"} if class_map is None else {"spam"}
    assert set(start.labels) == seen


@pytest.mark.parametrize(
    ("class_map", "message"),
    [
        (None, "for 50 rows to be modified, but only 40 can be"),
        (MAP, "for 50 rows to be modified, but only 14 of the classes that the goal"),
    ],
)
def test_too_few_rows_to_modify(class_map, message):
    with pytest.raises(ValueError, match=message):
        start_modifying(X, y, TRUSTED, 50, "keep", class_map, seed())


@pytest.mark.parametrize("poison_labels", ["flip", "keep"])
def test_sparse_rows_start_dense(poison_labels):
    X_sparse = sparse.csr_array(X)
    for start, given in ((start_inserting, []), (start_modifying, [TRUSTED])):
        settings = *given, 8, poison_labels, None
        of_sparse = start(X_sparse, y, *settings, seed())
        of_dense = start(X, y, *settings, seed())
        assert isinstance(of_sparse.rows, np.ndarray)
        np.testing.assert_array_equal(of_sparse.rows, of_dense.rows)
        np.testing.assert_array_equal(of_sparse.labels, of_dense.labels)


@pytest.mark.parametrize("poison_labels", ["flip", "keep"])
def test_rows_are_not_those_of_the_training_set(poison_labels):
    """A climb may write to them."""
    for start, given in ((start_inserting, []), (start_modifying, [TRUSTED])):
        rows = start(X, y, *given, 8, poison_labels, None, seed()).rows
        assert not np.shares_memory(rows, X)
