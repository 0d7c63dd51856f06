import json
import sys
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy import sparse
from sklearn import datasets as bundled

from skpoison.cli import _data
from skpoison.cli._data import LOADERS, load_data
from skpoison.cli._errors import CommandError

X = np.array([[0.5, 2.0], [-1.0, 3.5], [1e-3, 4.0], [7.0, 5.25]])
Y = np.array([0, 1, 0, 1])
LINES = ["a,b,y", "0.5,2,0", "-1,3.5,1", "1e-3,4,0", "+7.0,5.25,1"]
TABLE = "\n".join(LINES) + "\n"


@pytest.fixture
def read(tmp_path):
    """Read a CSV file of some content."""

    def read(content, target="y", name="table.csv"):
        if isinstance(content, str):
            content = content.encode()
        (tmp_path / name).write_bytes(content)
        return load_data(str(tmp_path / name), target)

    return read


@pytest.fixture
def read_frame(tmp_path):
    """Read a Parquet file of some columns."""

    def read_frame(frame, target="y", name="table.parquet"):
        pl.DataFrame(frame).write_parquet(tmp_path / name)
        return load_data(str(tmp_path / name), target)

    return read_frame


def labels(read, column):
    """Read labels from beside a column of numbers."""
    lines = [f"{i},{label}\n" for i, label in enumerate(column)]
    return read("a,y\n" + "".join(lines))[1]


@pytest.mark.parametrize("name", ["breast_cancer", "digits", "iris", "wine"])
def test_bundled_data(name):
    X_expected, y_expected = getattr(bundled, f"load_{name}")(return_X_y=True)
    X, y = load_data(name)
    np.testing.assert_array_equal(X, X_expected.astype(float), strict=True)
    np.testing.assert_array_equal(y, y_expected, strict=True)


@pytest.mark.parametrize("name", ["mnist", "ransomware", "spambase"])
def test_fetched_data(monkeypatch, name):
    def fetch(*, return_X_y):
        assert return_X_y
        return X.astype(np.uint8), Y

    assert LOADERS[name] is getattr(_data.datasets, f"fetch_{name}")
    monkeypatch.setitem(LOADERS, name, fetch)
    X_read, y_read = load_data(name)
    expected = X.astype(np.uint8).astype(float)
    np.testing.assert_array_equal(X_read, expected, strict=True)
    assert y_read is Y


def test_sparse_data_stay_sparse(monkeypatch):
    X_sparse = sparse.csr_matrix(X)
    monkeypatch.setitem(LOADERS, "ransomware", lambda return_X_y: (X_sparse, Y))
    assert load_data("ransomware")[0] is X_sparse


def test_fetcher_without_network(monkeypatch):
    def fetch(*, return_X_y):
        raise OSError("Data not found. Call again when it can be reached.")

    monkeypatch.setitem(LOADERS, "mnist", fetch)
    with pytest.raises(CommandError, match=r"^Data not found. Call again when"):
        load_data("mnist")


def test_named_data_know_their_target():
    with pytest.raises(CommandError, match="and iris is not one: leave --target out"):
        load_data("iris", "species")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(TABLE, id="commas"),
        pytest.param(TABLE.replace(",", ";"), id="semicolons"),
        pytest.param(TABLE.replace(",", "\t"), id="tabs"),
        pytest.param(TABLE.replace(",", " , "), id="blanks around"),
        pytest.param(TABLE.replace("\n", "\r\n"), id="CRLF"),
        pytest.param(TABLE.replace("\n", "\r"), id="CR"),
        pytest.param(TABLE.rstrip(), id="no last line break"),
        pytest.param(TABLE.replace("\n", "\n\n"), id="blank lines"),
        pytest.param("\n\n" + TABLE.replace(",", ";") + "  \n\t\n", id="blank ends"),
        pytest.param(TABLE.encode("utf-8-sig"), id="BOM"),
        pytest.param(TABLE.replace("1e-3", '"1e-3"'), id="quoted"),
        pytest.param(TABLE.replace("a,b,y", '"a", "b", "y"'), id="quoted after blank"),
        pytest.param(TABLE.replace("a,b,y", '"a;b;c;d",b,y'), id="quoted delimiters"),
        pytest.param(TABLE.replace("a,b,y", '"a\nline",b,y'), id="quoted line break"),
        pytest.param(TABLE.replace("a,b,y", "größe,体积,y"), id="names in UTF-8"),
    ],
)
def test_csv(read, content):
    X_read, y_read = read(content)
    np.testing.assert_array_equal(X_read, X, strict=True)
    np.testing.assert_array_equal(y_read, Y, strict=True)


@pytest.mark.parametrize("name", ["two words.csv", "UPPER.CSV", "[1]*.csv", "a$b$.csv"])
def test_names_of_csv_files(read, name):
    np.testing.assert_array_equal(read(TABLE, name=name)[0], X)


def test_target_in_the_middle(read):
    X_read, y_read = read("a,y,b\n1,ham,2\n3,spam,4\n5,ham,6\n7,spam,8\n")
    np.testing.assert_array_equal(X_read, [[1, 2], [3, 4], [5, 6], [7, 8]])
    assert y_read.tolist() == ["ham", "spam", "ham", "spam"]


def test_target_after_a_byte_order_mark(read):
    _, y = read("y,a\n0,1\n1,2\n0,3\n1,4\n".encode("utf-8-sig"))
    assert y.tolist() == [0, 1, 0, 1]


def test_truths_are_numbers(read):
    X_read, y_read = read("a,y\nTrue,no\nFALSE,yes\ntrue,no\nfalse,yes\n")
    np.testing.assert_array_equal(X_read[:, 0], [1.0, 0.0, 1.0, 0.0])
    assert y_read.tolist() == ["no", "yes", "no", "yes"]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (["1", "2"], [1, 2]),
        (["1.0", "2.0"], [1, 2]),
        (["-1", "+1"], [-1, 1]),
        (["False", "true"], [0, 1]),
        (["ham", "spam"], ["ham", "spam"]),
        (["1", "spam"], ["1", "spam"]),
        (["None", "some"], ["None", "some"]),
        (["1_1", "11"], ["1_1", "11"]),
        # Floats cannot tell these apart.
        (["9007199254740993", "9007199254740992"], None),
    ],
)
def test_labels(read, column, expected):
    y = labels(read, column * 2)
    expected = np.array((column if expected is None else expected) * 2)
    np.testing.assert_array_equal(y, expected, strict=True)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "it is empty"),
        (b"\n \n\r\n", "it is empty"),
        (b"a,b,y\n", "it has a header, but no rows"),
        (b"y\n0\n1\n", "it has a single column. Separate columns by commas, semi"),
        (b"a b y\n1 2 0\n", "it has a single column"),
        (b"\0" * 50, "it has a single column"),
        (TABLE.encode() + b"1,2\n", "line 6 has 2 fields, the header has 3."),
        (TABLE.encode() + b"\n\n1,2,3,4\n", "line 8 has 4 fields, the header has 3."),
        (TABLE.encode() + b'"1\n\n",2,0\n1,2\n', "line 9 has 2 fields, the header h"),
        (TABLE.replace("\n1e", '\n"1e').encode(), "line 4 has 1 fields, the h"),
        (b'a,b,"y\n1,2,0\n3,4,1\n', "it has a header, but no rows"),
        (b"a,y\n" + b"1" * 200_000 + b",0\n", "field larger than field limit"),
        (TABLE.encode("utf-16"), "it is not text in UTF-8. Save it as CSV in UTF-8"),
        ("größe,y\n1,0\n".encode("latin-1"), "it is not text in UTF-8"),
        (bytes(range(256)), "it is not text in UTF-8"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 20, "it is not text in UTF-8"),
    ],
)
def test_no_table(read, content, complaint):
    with pytest.raises(CommandError) as raised:
        read(content)
    assert str(raised.value).startswith("table.csv is not a table: ")
    assert complaint in str(raised.value)


@pytest.mark.parametrize(
    ("header", "complaint"),
    [
        ("a,a,y", "several columns of the same name: a. Rename them."),
        ("y,b,y", "several columns of the same name: y. Rename them."),
        ("a , a,y", "several columns of the same name: a. Rename them."),
        (",b,y", "Column 1 of table.csv has no name. Name it, or drop it if it only"),
        ("a, ,y", "Column 2 of table.csv has no name"),
        ("Unnamed: 0,b,y", "Column 1 of table.csv has no name. Name it, or drop it"),
    ],
)
def test_names_of_columns(read, header, complaint):
    with pytest.raises(CommandError) as raised:
        read(TABLE.replace("a,b,y", header))
    assert complaint in str(raised.value)


def test_no_target(read):
    with pytest.raises(CommandError, match=r"--target must name .* one of a, b, y"):
        read(TABLE, target=None)


def test_unknown_target(read):
    with pytest.raises(CommandError, match=r"no column 'Y' for --target; it has a, b"):
        read(TABLE, target="Y")


def test_many_columns_are_not_all_listed(read):
    content = ",".join(f"column{j}" for j in range(30)) + "\n" + "1," * 29 + "1\n"
    with pytest.raises(CommandError) as raised:
        read(content, target=None)
    assert str(raised.value).endswith("column6, column7 and 22 more.")


@pytest.mark.parametrize(
    "word", ["", "NA", "na", "nan", "NaN", "NULL", "null", "N/A", "#N/A", "<NA>", "?"]
)
def test_missing_values(read, word):
    with pytest.raises(CommandError, match=r"missing .* in 2 of 6 rows, in b\. Fill"):
        read(f"{TABLE}1,{word},0\n1,{word},0\n")
    with pytest.raises(CommandError, match=r"'y' is missing .* in 1 of 5 rows\. Label"):
        read(f"{TABLE}1,2,{word}\n")
    with pytest.raises(CommandError, match=r"'y' is missing .* in 1 of 5 rows\. Label"):
        labels(read, ["ham", "spam", "ham", "spam", word])


@pytest.mark.parametrize("word", ["inf", "-inf", "Infinity", "1e999"])
def test_infinite_values(read, word):
    with pytest.raises(CommandError, match=r"infinite values in 1 of 5 rows, in a\."):
        read(f"{TABLE}{word},2,0\n")
    with pytest.raises(
        CommandError, match=r"'y' is missing or infinite in 1 of 5 rows"
    ):
        read(f"{TABLE}1,2,{word}\n")


@pytest.mark.parametrize(
    "word",
    ["red", "-", "None", "1,000", "1 000", "12%", "2021_05", "2020-01-01", "0x1"],
)
def test_words(read, word):
    with pytest.raises(CommandError) as raised:
        read(f'{TABLE}1,"{word}",0\n')
    expected = (
        f"table.csv has columns that are not numbers: b ({word!r}). Write numbers"
    )
    assert str(raised.value).startswith(expected)


def test_decimal_commas(read):
    with pytest.raises(CommandError, match=r"not numbers: a \('0,5'\)\. Write numbers"):
        read("a;y\n0,5;0\n1,5;1\n2,5;0\n3,5;1\n")


def test_long_words_are_cut(read):
    with pytest.raises(CommandError) as raised:
        read(f"{TABLE}{'long ' * 1000},2,0\n")
    assert len(str(raised.value)) < 250


@pytest.mark.parametrize(
    ("column", "complaint"),
    [
        (
            [7] * 6,
            "has only one class, 7: there is nothing to learn. Take",
        ),
        (["ham"] * 6, "has only one class, 'ham': there is nothing to learn"),
        ([0, 1.5, 0, 1], "holds fractions such as 1.5: that is regression"),
        ([0.25, 1.25] * 4, "holds fractions such as 0.25: that is regression"),
        (range(10), "holds 10 different values in 10 rows: those are quantities or"),
        ("abcdab", "holds 4 different values in 6 rows"),
    ],
)
def test_no_classes(read, column, complaint):
    with pytest.raises(CommandError) as raised:
        labels(read, column)
    assert str(raised.value).startswith(f"The target 'y' {complaint}")


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        ("no_such.csv", "no_such.csv: there is no such file."),
        ("no_such.parquet", "no_such.parquet: there is no such file."),
        ("folder.csv", "folder.csv: there is no such file."),
        ("folder", "is neither a .csv or .parquet file nor one of breast_cancer"),
        ("table.json", "is neither a .csv or .parquet file"),
        ("Iris", "is neither a .csv or .parquet file"),
        ("", "is neither a .csv or .parquet file"),
    ],
)
def test_no_file(monkeypatch, tmp_path, data, complaint):
    monkeypatch.chdir(tmp_path)
    Path("folder.csv").mkdir()
    Path("folder").mkdir()
    Path("table.json").write_text(TABLE)
    with pytest.raises(CommandError) as raised:
        load_data(data, "y")
    assert complaint in str(raised.value)


def test_locked_file(monkeypatch, read):
    def read_text(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", read_text)
    with pytest.raises(CommandError, match=r"table.csv cannot be read: .* denied\.$"):
        read(TABLE)


@pytest.mark.parametrize(
    "dtype", [pl.Float64, pl.Float32, pl.Int8, pl.UInt64, pl.Int128, pl.Decimal(9, 2)]
)
def test_parquet_numbers(read_frame, dtype):
    a = pl.Series([1, 2, 3, 4], dtype=dtype)
    X_read, y_read = read_frame({"a": a, "b": [0.5, 1.5, 2.5, 3.5], "y": Y})
    expected = [[1, 0.5], [2, 1.5], [3, 2.5], [4, 3.5]]
    np.testing.assert_array_equal(X_read, np.array(expected), strict=True)
    np.testing.assert_array_equal(y_read, Y, strict=True)


def test_parquet_truths_and_numbers_in_words(read_frame):
    a, b = [True, False, True, True], ["1", "2.5", "3", "4"]
    X_read, y_read = read_frame({"a": a, "b": b, "y": [True, False, True, False]})
    np.testing.assert_array_equal(X_read, [[1, 1], [0, 2.5], [1, 3], [1, 4]])
    np.testing.assert_array_equal(y_read, [1, 0, 1, 0], strict=True)


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pl.Series(["ham", "spam"] * 2), ["ham", "spam"] * 2),
        (pl.Series(["ham", "spam"] * 2, dtype=pl.Categorical), ["ham", "spam"] * 2),
        (pl.Series([date(2020, 1, 1), date(2021, 1, 1)] * 2), None),
        (pl.Series([1.0, 2.0] * 2), [1, 2] * 2),
        (pl.Series([1, 2] * 2, dtype=pl.UInt8), [1, 2] * 2),
    ],
)
def test_parquet_labels(read_frame, column, expected):
    _, y = read_frame({"a": X[:, 0], "y": column})
    expected = ["2020-01-01", "2021-01-01"] * 2 if expected is None else expected
    np.testing.assert_array_equal(y, np.array(expected), strict=True)


@pytest.mark.parametrize(
    "column",
    [
        ["red", "green", None, "red"],
        [date(2020, 1, 1)] * 4,
        pl.Series(["red", "green"] * 2, dtype=pl.Categorical),
        [[1], [2], [3], [4]],
        [{"key": 1}] * 4,
        [b"\xff"] * 4,
    ],
)
def test_parquet_words(read_frame, column):
    with pytest.raises(CommandError, match=r"columns that are not numbers: a \("):
        read_frame({"a": column, "b": X[:, 0], "y": Y})


@pytest.mark.parametrize(
    "column",
    [
        [1, None, 3, 4],
        [1.0, None, 3.0, 4.0],
        [1.0, float("nan"), 3.0, 4.0],
        [1.0, float("inf"), 3.0, 4.0],
        [True, None, False, True],
        ["1", None, "2", "3"],
    ],
)
def test_parquet_missing_values(read_frame, column):
    with pytest.raises(CommandError, match=r"infinite values in 1 of 4 rows, in a\."):
        read_frame({"a": column, "y": Y})
    with pytest.raises(CommandError, match=r"The target 'y' is missing .* in 1 of 4"):
        read_frame({"a": Y, "y": column})


def test_parquet_column_of_nothing(read_frame):
    with pytest.raises(CommandError, match=r"missing .* in 4 of 4 rows, in a\."):
        read_frame({"a": [None] * 4, "y": Y})


@pytest.mark.parametrize("name", ["two words.parquet", "UPPER.PARQUET", "[1]*.parquet"])
def test_names_of_parquet_files(read_frame, name):
    np.testing.assert_array_equal(read_frame({"a": Y, "y": Y}, name=name)[1], Y)


@pytest.mark.parametrize(
    "frame", [{}, {"a": [], "y": []}, pl.DataFrame(schema={"a": pl.Int8, "y": pl.Int8})]
)
def test_parquet_without_rows(read_frame, frame):
    with pytest.raises(CommandError, match="is not a table: it has no rows"):
        read_frame(frame)


@pytest.fixture
def read_pandas(tmp_path):
    """Read a Parquet file as pandas writes it: with the names of its index."""

    def read_pandas(frame, index, target="y"):
        metadata = {"pandas": json.dumps({"index_columns": index})}
        pl.DataFrame(frame).write_parquet(tmp_path / "t.parquet", metadata=metadata)
        return load_data(str(tmp_path / "t.parquet"), target)

    return read_pandas


@pytest.mark.parametrize(
    "index", [["__index_level_0__"], ["customer"], ["customer", "__index_level_1__"]]
)
def test_index_of_pandas_is_left_out(read_pandas, index):
    # The label can be read off the index.
    frame = {"a": X[:, 0], "y": Y, **dict.fromkeys(index, 10 * Y)}
    with pytest.warns(UserWarning, match="index of the dataframe") as warned:
        X_read, y_read = read_pandas(frame, index)
    np.testing.assert_array_equal(X_read, X[:, :1], strict=True)
    np.testing.assert_array_equal(y_read, Y, strict=True)
    assert [str(each.message) for each in warned] == [
        "t.parquet: the index of the dataframe is not a feature, and is left out: "
        f"{', '.join(index)}. If it is one, save the file after reset_index(names=...)."
    ]


def test_index_of_pandas_without_its_metadata(read_frame):
    # As if another program had read the file and written it again.
    with pytest.warns(UserWarning, match="is left out: __index_level_0__"):
        X_read, _ = read_frame({"a": X[:, 0], "__index_level_0__": Y, "y": Y})
    np.testing.assert_array_equal(X_read, X[:, :1], strict=True)


@pytest.mark.parametrize("name", ["", " ", "Unnamed: 0"])
def test_parquet_column_without_a_name(read_frame, name):
    complaint = r"^Column 2 of table.parquet has no name. Name it, or drop it if it on"
    with pytest.raises(CommandError, match=complaint):
        read_frame({"a": X[:, 0], name: Y, "y": Y})


def test_range_index_of_pandas_is_not_a_column(read_pandas):
    index = [{"kind": "range", "name": None, "start": 0, "stop": 4, "step": 1}]
    X_read, _ = read_pandas({"a": X[:, 0], "y": Y}, index)
    np.testing.assert_array_equal(X_read, X[:, :1], strict=True)


def test_index_of_pandas_as_target(read_pandas):
    X_read, y_read = read_pandas({"a": X[:, 0], "y": Y}, ["y"])
    np.testing.assert_array_equal(X_read, X[:, :1], strict=True)
    np.testing.assert_array_equal(y_read, Y, strict=True)


def test_nothing_but_the_index_of_pandas(read_pandas):
    with (
        pytest.warns(UserWarning, match="is left out: i"),
        pytest.raises(CommandError, match="has no column other than the target 'y'"),
    ):
        read_pandas({"i": Y, "y": Y}, ["i"])


def test_parquet_with_only_a_target(read_frame):
    with pytest.raises(CommandError, match="has no column other than the target 'y'"):
        read_frame({"y": Y})


@pytest.mark.parametrize("content", [b"", b"rubbish", b"PAR1" + bytes(100) + b"PAR1"])
def test_no_parquet(tmp_path, content):
    path = tmp_path / "table.parquet"
    path.write_bytes(content)
    with pytest.raises(CommandError, match=r"^table.parquet is not a Parquet table: "):
        load_data(str(path), "y")


def test_truncated_parquet(tmp_path, read_frame):
    read_frame({"a": Y, "y": Y})
    path = tmp_path / "table.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(CommandError, match=r"^table.parquet is not a Parquet table: "):
        load_data(str(path), "y")


def test_parquet_at_which_polars_panics(monkeypatch, read_frame):
    def read_parquet(*args, **kwargs):
        raise pl.exceptions.PanicException("called `Option::unwrap()`")

    assert not issubclass(pl.exceptions.PanicException, Exception)
    monkeypatch.setattr(pl, "read_parquet", read_parquet)
    with pytest.raises(CommandError, match="is not a Parquet table: PanicException: c"):
        read_frame({"a": Y, "y": Y})


def test_parquet_without_polars(monkeypatch, tmp_path):
    path = tmp_path / "table.parquet"
    path.touch()
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(CommandError) as raised:
        load_data(str(path), "y")
    assert str(raised.value) == (
        "Reading table.parquet needs polars, which is not installed: "
        "python -m pip install 'skpoison[parquet]'"
    )
