import tracemalloc

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn import config_context

from skpoison.attacks.labels import _mixed_rows
from skpoison.attacks.labels._mixed_rows import mixed_rows, numbers_of

rng = np.random.RandomState(0)
# Two groups, each with labels of its own. The scale of the second feature says nothing.
GROUPS = np.arange(60) % 2
X = rng.normal(size=(60, 3)) + 50 * GROUPS[:, np.newaxis]
X[:, 1] = 1e6 * rng.normal(size=60)


def test_features_are_those_of_two_neighbours():
    mixed, codes = mixed_rows(X, GROUPS, np.random.RandomState(0))
    assert mixed.shape == (180, 3)
    for row, code in zip(mixed, codes, strict=True):
        sources = [np.flatnonzero(X[:, k] == row[k]) for k in range(3)]
        assert [each.size for each in sources] == [1, 1, 1]
        parents = np.unique(sources)
        assert parents.size <= 2
        assert (GROUPS[parents] == code).all()
    # Some of them are new.
    assert (mixed[:, np.newaxis] != X).any(axis=2).all(axis=1).mean() > 0.3


def test_frames_as_the_output_of_transformers_change_nothing():
    expected = mixed_rows(X, GROUPS, np.random.RandomState(0))
    with config_context(transform_output="pandas"):
        found = mixed_rows(X, GROUPS, np.random.RandomState(0))
    for part, other in zip(found, expected, strict=True):
        assert_array_equal(part, other)


def test_labels_are_those_of_most_features():
    labels = np.arange(60)  # each row has its own
    mixed, codes = mixed_rows(X, labels, np.random.RandomState(1))
    n_own = (mixed == X[codes]).sum(axis=1)
    assert n_own.min() >= 2


def test_each_row_is_mixed_with_one_of_its_neighbours(monkeypatch):
    monkeypatch.setattr(_mixed_rows, "N_NEIGHBOURS", 1)
    line = np.array([[0.0, 0.0], [1.0, 1.0], [10.0, 10.0], [11.0, 11.0]])
    mixed, _ = mixed_rows(line, np.arange(4), np.random.RandomState(0))
    assert (np.abs(mixed[:, 0] - mixed[:, 1]) <= 1).all()


def test_far_from_the_origin_neighbours_are_the_same():
    whole = np.round(8 * rng.normal(size=(60, 3)))  # exact numbers, and with an offset
    expected = mixed_rows(whole, GROUPS, np.random.RandomState(0))
    found = mixed_rows(whole + 2.0**40, GROUPS, np.random.RandomState(0))
    assert_array_equal(found[0] - 2.0**40, expected[0])
    assert_array_equal(found[1], expected[1])


def test_layout_in_memory_makes_no_difference():
    """Of few different rows many are equally near."""
    few = np.random.RandomState(0).randint(3, size=(60, 6)).astype(float)
    expected = mixed_rows(few, GROUPS, np.random.RandomState(0))
    found = mixed_rows(np.asfortranarray(few), GROUPS, np.random.RandomState(0))
    for part, other in zip(found, expected, strict=True):
        assert_array_equal(part, other)


def test_no_more_rows_than_are_needed(monkeypatch):
    monkeypatch.setattr(_mixed_rows, "MOST", 50)
    mixed, codes = mixed_rows(X, GROUPS, np.random.RandomState(0))
    assert mixed.shape == (50, 3)
    assert codes.shape == (50,)


@pytest.mark.parametrize("kind", [sparse.csr_array, sparse.csr_matrix])
def test_sparse_rows(kind):
    thin = X * (rng.uniform(size=X.shape) < 0.5)
    thin[:, 0] = X[:, 0]  # no two rows are equal
    dense, codes = mixed_rows(thin, GROUPS, np.random.RandomState(0))
    mixed, same = mixed_rows(kind(thin), GROUPS, np.random.RandomState(0))
    assert isinstance(mixed, kind)
    assert_array_equal(mixed.toarray(), dense)
    assert_array_equal(same, codes)


def drawn_thin():
    places = np.repeat(np.arange(60), 10), rng.randint(5000, size=600)
    return sparse.csr_array((rng.normal(size=600), places), (60, 5000))


@pytest.mark.parametrize(
    ("wide", "most"),
    [
        # A part of the memory of the dense rows.
        (drawn_thin(), 180 * 5000),
        # Little more than that of the result.
        (rng.normal(size=(60, 5000)), 2 * 180 * 5000 * 8),
    ],
    ids=["sparse", "dense"],
)
def test_wide_rows_are_mixed_in_blocks(wide, most, monkeypatch):
    """In little memory, with the same result."""
    whole = mixed_rows(wide, GROUPS, np.random.RandomState(0))
    monkeypatch.setattr(_mixed_rows, "BLOCK", 7 * 5000)
    tracemalloc.start()
    found = mixed_rows(wide, GROUPS, np.random.RandomState(0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < most
    for part, other in zip(found, whole, strict=True):
        is_sparse = sparse.issparse(part)
        assert_array_equal(*(x.toarray() if is_sparse else x for x in (part, other)))


@pytest.mark.parametrize(
    ("rows", "can"),
    [
        (X, True),
        (X.astype(int), True),
        (sparse.csr_array(X), True),
        (X[:1], False),
        (np.where(X > 50, np.nan, X), False),
        (X.astype(object), False),
        (pd.DataFrame(X), True),
        (pd.DataFrame(X).assign(b=X[:, 0] > 0, c=GROUPS), True),
        (pd.DataFrame(X).assign(b=X[:, 0] > 0, c=GROUPS).convert_dtypes(), True),
        (pd.DataFrame(np.maximum(X, 0)).astype(pd.SparseDtype(float, 0.0)), True),
        (pl.DataFrame(X).with_columns(b=pl.Series(X[:, 0] > 0)), True),
        (pl.DataFrame(X).with_columns(b=pl.Series(["a", "b"] * 30)), False),
        (pd.DataFrame(X).assign(b=[str(each) for each in GROUPS]), False),
        (pd.DataFrame(X).assign(b=pd.Categorical(GROUPS)), False),
        (pd.DataFrame(np.where(X > 50, np.nan, X)), False),
        (["a text", "another"], False),
    ],
    ids=lambda each: type(each).__name__,
)
def test_what_can_be_mixed(rows, can):
    numbers = numbers_of(rows)
    assert (numbers is not None) == can
    if can:
        assert numbers.dtype == np.float64
        values = rows.toarray() if sparse.issparse(rows) else np.asarray(rows, float)
        numbers = numbers.toarray() if sparse.issparse(numbers) else numbers
        assert_array_equal(numbers, values)
