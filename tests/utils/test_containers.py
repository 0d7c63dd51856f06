from collections import namedtuple

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse

from skpoison.utils._check_data import with_repeated_entries
from skpoison.utils._containers import (
    append_responses,
    append_rows,
    are_numbers,
    canonical,
    cast_like,
    is_frame,
    is_text,
    label_rows,
    take_rows,
)
from skpoison.utils._index import extend_index


class Table(np.ndarray):
    """An array of a class of its own."""


class Rows(list):
    """A list of a class of its own."""


class Frame(pd.DataFrame):
    """A frame of a class of its own, with an attribute that goes with it."""

    _metadata = ("unit",)


class Column(pd.Series):
    """A series of a class of its own."""


Point = namedtuple("Point", "a b")
VALUES = np.array([[0.0, 1.0], [2.0, 0.0], [4.0, 5.0]])
CONTAINERS = {
    "ndarray": np.array,
    "big-endian": lambda X: X.astype(">f8"),
    "subclass of ndarray": lambda X: X.view(Table),
    "list": np.ndarray.tolist,
    "tuple": lambda X: tuple(X.tolist()),
    "list of tuples": lambda X: [tuple(row) for row in X.tolist()],
    "list of named tuples": lambda X: [Point(*row) for row in X.tolist()],
    "list of arrays": lambda X: list(X.astype(np.float32)),
    "subclass of list": lambda X: Rows(X.tolist()),
    "csr_matrix": sparse.csr_matrix,
    "csc_matrix": sparse.csc_matrix,
    "csr_array": sparse.csr_array,
    "csc_array": sparse.csc_array,
    "coo_array": sparse.coo_array,
    "pandas": lambda X: pd.DataFrame(X, columns=["a", "b"], index=[7, 8, 9]),
    "pandas, big-endian": lambda X: pd.DataFrame(X.astype(">f8"), columns=["a", "b"]),
    "pandas, subclass": lambda X: Frame(X, columns=["a", "b"]),
    "pandas, same names": lambda X: pd.DataFrame(X, columns=["a", "a"]),
    "pandas, sparse": lambda X: pd.DataFrame(
        X, columns=["a", "b"], dtype=pd.SparseDtype(float, 0)
    ),
    "pandas, nullable": lambda X: pd.DataFrame(X, columns=["a", "b"], dtype="Float64"),
    "polars": lambda X: pl.DataFrame(X, schema=["a", "b"]),
}
containers = pytest.mark.parametrize("make", CONTAINERS.values(), ids=CONTAINERS.keys())


def values(X):
    if sparse.issparse(X):
        return X.toarray()
    return X.to_numpy() if is_frame(X) else np.asarray(X)


def kind(X):
    """Say what a container is, beside its length."""
    dtypes = [str(dtype) for dtype in X.dtypes] if is_frame(X) else None
    columns = list(X.columns) if is_frame(X) else None
    row = X[0] if isinstance(X, list | tuple) else X
    rows = type(row), str(getattr(row, "dtype", None))
    return type(X), getattr(X, "format", None), columns, dtypes, rows


TEXTS = ["one", "two", "one"]


@pytest.mark.parametrize(
    "X",
    [
        TEXTS,
        tuple(TEXTS),
        [b"one", None, "two", np.nan, pd.NA],
        [{"word": 1}, {"other": 2}],
        np.array(TEXTS),
        np.array(TEXTS, dtype="S"),
        np.array(TEXTS, dtype=object),
        pd.Series(TEXTS),
        pd.Series(TEXTS, dtype="category"),
        pd.Series([*TEXTS, None], dtype="string"),
        pd.array(TEXTS, dtype="string"),
        pl.Series(TEXTS),
        pl.Series([*TEXTS, None], dtype=pl.Categorical),
    ],
    ids=str,
)
def test_texts(X):
    assert is_text(X)
    taken = take_rows(X, np.array([1, 0]))
    assert type(taken) is type(X)
    assert [taken[0], taken[1]] == [X[1], X[0]] or isinstance(X, pd.Series)
    assert np.asarray(taken).tolist() == np.asarray(X)[[1, 0]].tolist()


@pytest.mark.parametrize(
    "X",
    [
        "text",
        None,
        [],
        [1.0, 2.0],
        [np.nan, None],
        ["one", 2],
        [["one"], ["two"]],
        np.array([["one"]]),
        np.array([1.0, 2.0], dtype=object),
        np.array([True, False]),
        np.array("one"),
        pd.Series([1, 2]),
        pd.DataFrame({"text": TEXTS}),
        pl.DataFrame({"text": TEXTS}),
        sparse.csr_array(VALUES),
    ],
    ids=str,
)
def test_no_texts(X):
    assert not is_text(X)


@containers
def test_take_rows(make):
    X = make(VALUES)
    rows = take_rows(X, np.array([2, 0, 2]))
    assert kind(rows) == kind(X)
    np.testing.assert_array_equal(values(rows), VALUES[[2, 0, 2]])


@pytest.mark.parametrize("dtype", ["f8", ">f8"])
@pytest.mark.parametrize("labels", [[7, 8, 9], ["a", "a", "b"]])
def test_rows_of_pandas_keep_their_labels(dtype, labels):
    index = pd.Index(labels, name="row")
    frame = pd.DataFrame(VALUES.astype(dtype), index)
    for X in (frame, frame[0]):
        taken = take_rows(X, np.array([2, 0, 2]))
        assert taken.index.equals(index[[2, 0, 2]])
        assert taken.index.name == "row"
        taken.index.name = "other"
        assert X.index.name == "row"
    out = append_rows(frame, VALUES[:2])
    assert out.index.equals(extend_index(index, 2))
    np.testing.assert_array_equal(out.to_numpy(), VALUES[[0, 1, 2, 0, 1]])


def test_label_rows():
    X = pd.DataFrame(VALUES, index=[7, 8, 8])
    rows = pd.DataFrame(np.ones((4, 2)))
    for out in (rows, rows[0]):
        assert label_rows(out, X, np.array([0, 2])) is out
        assert out.index.tolist() == [7, 8, 9, 10]
    for other in (VALUES, VALUES.tolist(), pl.DataFrame(VALUES)):
        assert label_rows(other, other, np.array([0, 2])) is other
    assert X.index.tolist() == [7, 8, 8]


@pytest.mark.parametrize("case", ["ndarray", "list", "list of arrays", "tuple"])
def test_rows_share_no_memory(case):
    X = CONTAINERS[case](VALUES)
    positions = np.array([0, 1, 2, 0])
    for rows in (take_rows(X, positions), append_rows(X, np.ones((1, 2)))):
        rows[0][0] = -1
        rows[-1][0] = -2
        assert rows[0][0] == -1
    np.testing.assert_array_equal(values(X), VALUES)


def test_attributes_of_frames_are_kept():
    X = Frame(VALUES)
    X.unit = "mm"
    X.attrs["source"] = "a file"
    for rows in (take_rows(X, np.array([2, 0])), append_rows(X, VALUES)):
        assert rows.unit == "mm"
        assert rows.attrs == {"source": "a file"}


@pytest.mark.parametrize("X", [[[1, 2]], ((1, 2),), [np.array([1, 2])]])
def test_append_rows_rounds_to_integers_of_lists(X):
    out = append_rows(X, np.array([[1.6, -2.4]]))
    assert type(out) is type(X)
    assert list(out[-1]) == [2, -2]
    assert isinstance(out[-1][0], int | np.integer)


def test_take_rows_keeps_categories():
    words = pd.Series(["a", "b", "a"], dtype="category", name="word")
    taken = take_rows(words, np.array([0, 2]))
    assert list(taken.cat.categories) == ["a", "b"]
    assert taken.name == "word"


@containers
@pytest.mark.parametrize("given", [np.array, sparse.csr_matrix, sparse.csr_array])
def test_append_rows(make, given):
    X, rows = make(VALUES), np.array([[9.5, 0.0], [0.0, 8.0]])
    out = append_rows(X, given(rows))
    assert kind(out) == kind(X)
    np.testing.assert_array_equal(values(out), np.concatenate([VALUES, rows]))
    np.testing.assert_array_equal(values(X), VALUES)


@pytest.mark.parametrize(
    "X",
    [
        VALUES.astype(np.int16),
        pd.DataFrame(VALUES.astype(np.int16)),
        pd.DataFrame(VALUES, dtype="Int16"),
        pl.DataFrame(VALUES.astype(np.int16)),
        sparse.csr_array(VALUES.astype(np.int16)),
    ],
    ids=["numpy", "pandas", "pandas, nullable", "polars", "sparse"],
)
def test_append_rows_rounds_to_integers(X):
    out = append_rows(X, np.array([[1.6, -2.4]]))
    np.testing.assert_array_equal(values(out)[-1], [2, -2])
    assert str(getattr(out, "dtype", None)) == str(getattr(X, "dtype", None))
    if is_frame(X):
        assert nw.from_native(out).schema == nw.from_native(X).schema


def test_append_rows_mixed_dtypes():
    X = pl.DataFrame({"a": [1, 2], "b": [1.5, 2.5], "c": [True, False]})
    out = append_rows(X, np.array([[3.2, 3.2, 1.0]]))
    assert out.rows()[-1] == (3, 3.2, True)


def test_cast_like_does_not_write():
    rows = np.array([[0.6]])
    assert cast_like(rows, np.int32).tolist() == [[1]]
    assert rows.tolist() == [[0.6]]


@pytest.mark.parametrize(
    "y",
    [
        np.array([1, 2], dtype=np.uint8),
        np.array([[1], [2]], dtype=np.uint8),
        pd.Series([1, 2], dtype=np.uint8),
        pd.Series([1, 2], dtype="UInt8"),
        pl.Series([1, 2], dtype=pl.UInt8),
        pl.DataFrame({"y": pl.Series([1, 2], dtype=pl.UInt8)}),
        Column([1, 2], dtype=np.uint8),
        pd.array([1, 2], dtype="UInt8"),
        list(np.array([1, 2], dtype=np.uint8)),
        list(np.array([[1], [2]], dtype=np.uint8)),
    ],
    ids=[
        "numpy",
        "column",
        "pandas",
        "pandas, nullable",
        "polars",
        "frame",
        "pandas, subclass",
        "pandas, array",
        "list of numbers of numpy",
        "list of arrays",
    ],
)
def test_append_what_integers_cannot_hold(y):
    """It becomes the last one that they can, and not one from the other end."""
    out = append_responses(y, np.array([300.2, -4.0, 255.4]))
    assert np.asarray(out).ravel().tolist() == [1, 2, 255, 0, 255]
    assert type(out) is type(y)
    if isinstance(y, list):
        assert {type(each) for each in out} == {type(y[0])}
        assert {each.dtype for each in out} == {y[0].dtype}


@pytest.mark.parametrize("dtype", [np.int64, np.uint64])
def test_the_largest_integers(dtype):
    out = cast_like(np.array([1e30, -1e30, np.inf]), dtype)
    assert (out[[0, 2]] > 2**62).all()
    assert out[1] == np.iinfo(dtype).min


def test_sparse_integers_cannot_hold():
    X = sparse.csr_array(VALUES.astype(np.int8))
    out = append_rows(X, np.array([[300.0, -300.0]]))
    np.testing.assert_array_equal(out.toarray()[-1], [127, -128])


@pytest.mark.parametrize("dtype", [pl.Int128, pl.UInt64, pl.Int8])
def test_integers_of_polars(dtype):
    X = pl.DataFrame({"a": pl.Series([1, 2], dtype=dtype)})
    out = append_rows(X, np.array([[3.4]]))
    assert out.schema == X.schema
    assert out["a"].to_list() == [1, 2, 3]


@pytest.mark.parametrize("form", ["csr", "csc"])
def test_canonical(form):
    X = with_repeated_entries(VALUES).asformat(form)
    entries = X.nnz
    out = canonical(X)
    assert out.has_canonical_format
    assert out.format == form
    np.testing.assert_array_equal(out.toarray(), VALUES)
    assert X.nnz == entries, "it is not written to"
    assert canonical(out) is out
    assert canonical(VALUES) is VALUES


@pytest.mark.parametrize("dtype", [np.float32, int, np.uint8, bool])
def test_dense_finite_numbers(dtype):
    assert are_numbers(VALUES.astype(dtype))


@pytest.mark.parametrize(
    "X",
    [
        VALUES.astype(object),
        VALUES.astype(str),
        np.full(VALUES.shape, np.nan),
        sparse.csr_matrix(VALUES),
        pd.DataFrame(VALUES),
    ],
)
def test_other_rows_are_no_dense_finite_numbers(X):
    assert not are_numbers(X)
