import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse

from skpoison.utils._containers import (
    append_responses,
    append_rows,
    cast_like,
    is_frame,
    take_rows,
)

VALUES = np.array([[0.0, 1.0], [2.0, 0.0], [4.0, 5.0]])
CONTAINERS = {
    "ndarray": np.array,
    "list": np.ndarray.tolist,
    "csr_matrix": sparse.csr_matrix,
    "csc_matrix": sparse.csc_matrix,
    "csr_array": sparse.csr_array,
    "csc_array": sparse.csc_array,
    "coo_array": sparse.coo_array,
    "pandas": lambda X: pd.DataFrame(X, columns=["a", "b"], index=[7, 8, 9]),
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
    return type(X), getattr(X, "format", None), columns, dtypes


@containers
def test_take_rows(make):
    X = make(VALUES)
    rows = take_rows(X, np.array([2, 0, 2]))
    assert kind(rows) == kind(X)
    np.testing.assert_array_equal(values(rows), VALUES[[2, 0, 2]])


def test_take_rows_restarts_the_index_of_pandas():
    for X in (pd.DataFrame(VALUES, index=[7, 8, 9]), pd.Series([1, 2, 3], [7, 8, 9])):
        assert list(take_rows(X, np.array([2, 0])).index) == [0, 1]


def test_take_rows_shares_no_memory():
    X = VALUES.copy()
    take_rows(X, np.arange(3))[:] = -1
    nested = X.tolist()
    take_rows(nested, np.arange(3))[0][0] = -1
    np.testing.assert_array_equal(X, VALUES)
    assert nested == VALUES.tolist()


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
    ],
    ids=["numpy", "column", "pandas", "pandas, nullable", "polars", "frame"],
)
def test_append_what_integers_cannot_hold(y):
    """It becomes the last one that they can, and not one from the other end."""
    out = append_responses(y, np.array([300.2, -4.0, 255.4]))
    assert np.asarray(out).ravel().tolist() == [1, 2, 255, 0, 255]
    assert type(out) is type(y)


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
