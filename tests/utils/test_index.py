import numpy as np
import pandas as pd
import pytest

from skpoison.utils._index import extend_index

LARGEST = np.iinfo(np.int64).max
CASES = {
    "range": (pd.RangeIndex(3), [3, 4]),
    "descending": (pd.RangeIndex(9, 0, -3), [10, 11]),
    "integers": (pd.Index([7, 7, 3], dtype="int16"), [8, 9]),
    "widened": (pd.Index([127, 1], dtype="int8"), [128, 129]),
    "nullable": (pd.Index([1, None], dtype="Int64"), [2, 3]),
    "sparse": (pd.Index(pd.arrays.SparseArray([0, 1])), [2, 3]),
    "beyond integers": (pd.Index([LARGEST, 0]), ["poison-0", "poison-1"]),
    "floats": (pd.Index([1.5, np.nan, 2.0]), [3.0, 4.0]),
    "beyond floats": (pd.Index([1e300]), ["poison-0", "poison-1"]),
    "infinite": (pd.Index([np.inf]), ["poison-0", "poison-1"]),
    "complex": (pd.Index([1j]), ["poison-0", "poison-1"]),
    "bool": (pd.Index([True, False]), ["poison-0", "poison-1"]),
    "words": (pd.Index(["a", "poison-1"]), ["poison-0", "poison-2"]),
    "string": (pd.Index(["a", "b"], dtype="string"), ["poison-0", "poison-1"]),
    "objects": (pd.Index(["a", 1, None], dtype=object), ["poison-0", "poison-1"]),
    "all missing": (pd.Index([np.nan, np.nan]), ["poison-0", "poison-1"]),
    "intervals": (pd.interval_range(0, 2), ["poison-0", "poison-1"]),
    "months": (
        pd.date_range("2020-01-01", periods=2, freq="MS", tz="Europe/Rome"),
        pd.date_range("2020-03-01", periods=2, freq="MS", tz="Europe/Rome"),
    ),
    "days back": (
        pd.date_range("2020-01-09", periods=3, freq="-1D"),
        pd.to_datetime(["2020-01-06", "2020-01-05"]),
    ),
    "dates": (
        pd.to_datetime(["2020-01-01", "2020-05-01", "NaT", "2020-01-01"]),
        pd.to_datetime(["2020-05-02", "2020-05-03"]),
    ),
    "beyond dates": (
        pd.to_datetime(["2262-04-11"]).astype("datetime64[ns]"),
        ["poison-0", "poison-1"],
    ),
    "durations": (
        pd.to_timedelta(["1h", "5h"]),
        pd.to_timedelta(["29h", "53h"]),
    ),
    "periods": (
        pd.PeriodIndex(["2020-02", "2020-01"], freq="M"),
        pd.PeriodIndex(["2020-03", "2020-04"], freq="M"),
    ),
    "categories": (pd.CategoricalIndex(["a", "b", "a"]), ["poison-0", "poison-1"]),
    "categories of integers": (pd.CategoricalIndex([5, 2, 5], [2, 5, 6]), [7, 8]),
    "levels": (
        pd.MultiIndex.from_tuples([("a", 1), ("b", 1)]),
        [("poison-0", 2), ("poison-1", 3)],
    ),
}
cases = pytest.mark.parametrize(("index", "new"), CASES.values(), ids=CASES.keys())


@cases
def test_new_labels(index, new):
    names = [f"level {i}" for i in range(index.nlevels)]
    index = index.set_names(names)
    out = extend_index(index, 2)
    assert list(out[-2:]) == list(new)
    assert list(out.names) == names
    # Missing labels may be of another type among objects.
    known = ~np.asarray(index.to_frame().isna()).any(axis=1)
    assert list(out[:-2][known]) == list(index[known])
    assert len(out) == len(index) + 2
    assert out[-2:].is_unique
    assert not out[-2:].isin(index).any()


@cases
def test_nothing_new(index, new):
    assert extend_index(index, 0).equals(index)


@pytest.mark.parametrize(
    "case",
    ["integers", "nullable", "floats", "words", "string", "months", "dates", "periods"],
)
def test_the_dtype_stays(case):
    index, _ = CASES[case]
    assert extend_index(index, 2).dtype == index.dtype


def test_kinds_stay():
    assert isinstance(extend_index(pd.RangeIndex(3), 2), pd.RangeIndex)
    index, _ = CASES["months"]
    assert extend_index(index, 2).freq == index.freq
    ordered = pd.CategoricalIndex(["b", "a"], ["b", "a"], ordered=True)
    out = extend_index(ordered, 1)
    assert out.ordered
    assert out.categories.tolist() == ["b", "a", "poison-0"]
