import gzip
import json
import sys
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from skpoison.cli._errors import CommandError
from skpoison.cli._files import is_table, read_table

LINES = ["a,b,y", "0.5,2,0", "-1,3.5,1", "1e-3,4,0", "+7.0,5.25,1"]
TABLE = "\n".join(LINES) + "\n"
WORDS = [line.split(",") for line in LINES[1:]]
Y = [0, 1, 0, 1]


@pytest.fixture
def read(tmp_path):
    """Read a text file of some content."""

    def read(content, name="table.csv", **options):
        if isinstance(content, str):
            content = content.encode()
        (tmp_path / name).write_bytes(content)
        return read_table(tmp_path / name, **options)

    return read


@pytest.fixture
def read_frame(tmp_path):
    """Read a Parquet file of some columns."""

    def read_frame(frame, name="table.parquet", **options):
        pl.DataFrame(frame).write_parquet(tmp_path / name)
        return read_table(tmp_path / name, **options)

    return read_frame


def rows(table):
    return [[*row] for row in zip(*table.columns.values(), strict=True)]


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
        pytest.param(TABLE.replace(",", "|"), id="bars"),
        pytest.param(TABLE.encode("utf-8-sig"), id="BOM"),
        pytest.param(TABLE.encode("utf-16"), id="UTF-16"),
        pytest.param(TABLE.replace("1e-3", '"1e-3"'), id="quoted"),
        pytest.param(TABLE.replace("a,b,y", '"a", "b", "y"'), id="quoted after blank"),
        pytest.param(TABLE.replace("a,b,y", '"a;b;c;d",b,y'), id="quoted delimiters"),
        pytest.param(TABLE.replace("a,b,y", '"a\nline",b,y'), id="quoted line break"),
        pytest.param(TABLE.replace("a,b,y", "größe,体积,y"), id="names in UTF-8"),
    ],
)
def test_csv(read, content):
    table = read(content)
    assert rows(table) == WORDS
    assert list(table.columns)[-1] == "y"
    assert table.file == "table.csv"
    assert table.notes == []


@pytest.mark.parametrize(
    "name",
    [
        *("two words.csv", "UPPER.CSV", "[1]*.csv", "a$b$.csv", "a.tsv", "a.txt"),
        *("a.csv.gz", "A.TSV.GZ"),
    ],
)
def test_names_of_text_files(read, name):
    content = TABLE.encode()
    if name.lower().endswith(".gz"):
        content = gzip.compress(content)
    assert rows(read(content, name)) == WORDS
    assert is_table(Path(name))


@pytest.mark.parametrize("name", ["csv", "a.csv.zip", "a.gz", "a.json", "a.parquet.gz"])
def test_other_files(name):
    assert not is_table(Path(name))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (TABLE.encode(), "Not a gzipped file"),
        (gzip.compress(TABLE.encode())[:-10], "Compressed file ended before"),
        (
            gzip.compress(b"")[:10] + b"\xff" * 50,
            "Error -3 while decompressing",
        ),
    ],
    ids=["no gzip", "cut off", "garbled"],
)
def test_damaged_gzip(read, content, reason):
    with pytest.raises(CommandError, match=f"table.csv.gz cannot be read: .*{reason}"):
        read(content, "table.csv.gz")


@pytest.mark.parametrize("sep", [",", ";", "\t", "|", ":", " "])
def test_separators(read, sep):
    assert rows(read(TABLE.replace(",", sep), sep=sep)) == WORDS


def test_separator_that_the_header_does_not_tell(read):
    content = "a,a;y\n1;0\n2;1\n"
    assert list(read(content, sep=";").columns) == ["a,a", "y"]


def test_separator_of_parquet(read_frame):
    with pytest.raises(
        CommandError, match=r"--sep is for text files, and table.parquet"
    ):
        read_frame({"a": Y, "y": Y}, sep=",")


def test_latin_1(read):
    table = read("größe,y\n1,0\n".encode("latin-1"))
    assert list(table.columns) == ["größe", "y"]
    assert table.notes == ["not UTF-8: the file is read as Windows-1252 (Latin 1)"]


def test_long_fields(read):
    assert rows(read("a,y\n" + "long " * 50_000 + "field,0\n"))[0][1] == "0"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "it is empty"),
        (b"\n \n\r\n", "it is empty"),
        (b"a,b,y\n", "it has a header, but no rows"),
        (b"y\n0\n1\n", "it has a single column. Separate columns by commas, semi"),
        (b"a b y\n1 2 0\n", "it has a single column"),
        (b"\0" * 50, "it is not text in UTF-8"),
        (TABLE.encode() + b"1,2\n", "line 6 has 2 fields, the header has 3."),
        (TABLE.encode() + b"\n\n1,2,3,4\n", "line 8 has 4 fields, the header has 3."),
        (TABLE.encode() + b'"1\n\n",2,0\n1,2\n', "line 9 has 2 fields, the header h"),
        (TABLE.replace("\n1e", '\n"1e').encode(), "line 4 has 1 fields, the h"),
        (b'a,b,"y\n1,2,0\n3,4,1\n', "it has a header, but no rows"),
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
        ("a, ,y", "Column 2 of table.csv has no name"),
        ("a,Unnamed: 0,y", "Column 2 of table.csv has no name. Name it, or delete it"),
    ],
)
def test_names_of_columns(read, header, complaint):
    with pytest.raises(CommandError) as raised:
        read(TABLE.replace("a,b,y", header))
    assert complaint in str(raised.value)


@pytest.mark.parametrize("name", ["", " ", "Unnamed: 0"])
@pytest.mark.parametrize(
    "index", [range(4), [0, 1, 0, 1], ["Ann", "Bob", "Cem", "Dan"]]
)
def test_first_column_without_a_name(read, name, index):
    lines = [f"{i},{line}" for i, line in zip([name, *index], LINES, strict=True)]
    table = read("\n".join(lines))
    assert rows(table) == WORDS
    assert table.notes == [
        "left out the first column, which has no name: it is the index of the rows"
    ]


def test_first_column_without_a_name_that_is_no_index(read):
    with pytest.raises(
        CommandError, match=r"^Column 1 of table.csv has no name\. Name"
    ):
        read("," + "\nred,".join(LINES))


def test_locked_file(monkeypatch, read):
    def read_bytes(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    with pytest.raises(CommandError, match=r"table.csv cannot be read: .* denied\.$"):
        read(TABLE)


@pytest.mark.parametrize(
    "dtype", [pl.Float64, pl.Float32, pl.Int8, pl.UInt64, pl.Int128, pl.Decimal(9, 2)]
)
def test_parquet_numbers(read_frame, dtype):
    a = pl.Series([1, 2, 3, 4], dtype=dtype)
    column = read_frame({"a": a, "y": Y}).columns["a"]
    np.testing.assert_array_equal(column, np.array([1.0, 2, 3, 4]), strict=True)


def test_parquet_holes(read_frame):
    column = read_frame({"a": [1, None, 3, 4], "y": Y}).columns["a"]
    np.testing.assert_array_equal(column, [1, np.nan, 3, 4])


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ([True, None, False, True], ["True", "", "False", "True"]),
        (["red", None, "x y", ""], ["red", "", "x y", ""]),
        ([date(2020, 1, 1)] * 4, ["2020-01-01"] * 4),
        (pl.Series(["red", "green"] * 2, dtype=pl.Categorical), ["red", "green"] * 2),
        ([[1], [2], [3], [4]], None),
        ([{"key": 1}] * 4, None),
        ([b"\xff"] * 4, None),
        ([None] * 4, [""] * 4),
    ],
)
def test_parquet_words(read_frame, column, expected):
    table = read_frame({"a": column, "y": Y})
    assert table.columns["a"].dtype == object
    assert all(isinstance(word, str) for word in table.columns["a"])
    assert expected is None or table.columns["a"].tolist() == expected


@pytest.mark.parametrize("name", ["two words.parquet", "UPPER.PARQUET", "[1]*.parquet"])
def test_names_of_parquet_files(read_frame, name):
    assert rows(read_frame({"a": Y, "y": Y}, name=name)) == [[y, y] for y in Y]


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
        return read_table(tmp_path / "t.parquet", target=target)

    return read_pandas


@pytest.mark.parametrize(
    "index", [["__index_level_0__"], ["customer"], ["customer", "__index_level_1__"]]
)
def test_index_of_pandas_is_left_out(read_pandas, index):
    # The label can be read off the index.
    table = read_pandas({"a": Y, "y": Y, **dict.fromkeys(index, Y)}, index)
    assert list(table.columns) == ["a", "y"]
    assert table.notes == [
        f"left out {', '.join(index)}: the index of the dataframe is not a feature (if "
        "it is one, save the file after reset_index(names=...))"
    ]


def test_index_of_pandas_without_its_metadata(read_frame):
    # As if another program had read the file and written it again.
    table = read_frame({"a": Y, "__index_level_0__": Y, "y": Y})
    assert list(table.columns) == ["a", "y"]
    assert len(table.notes) == 1


@pytest.mark.parametrize("name", ["", " ", "Unnamed: 0"])
def test_parquet_column_without_a_name(read_frame, name):
    with pytest.raises(
        CommandError, match=r"^Column 2 of table.parquet has no name\. N"
    ):
        read_frame({"a": Y, name: Y, "y": Y})
    assert list(read_frame({name: Y, "y": Y}).columns) == ["y"]


def test_range_index_of_pandas_is_not_a_column(read_pandas):
    index = [{"kind": "range", "name": None, "start": 0, "stop": 4, "step": 1}]
    table = read_pandas({"a": Y, "y": Y}, index)
    assert list(table.columns) == ["a", "y"]
    assert table.notes == []


def test_index_of_pandas_as_target(read_pandas):
    table = read_pandas({"a": Y, "y": Y}, ["y"])
    assert list(table.columns) == ["a", "y"]
    assert table.notes == []


@pytest.mark.parametrize("content", [b"", b"rubbish", b"PAR1" + bytes(100) + b"PAR1"])
def test_no_parquet(tmp_path, content):
    path = tmp_path / "table.parquet"
    path.write_bytes(content)
    with pytest.raises(CommandError, match=r"^table.parquet is not a Parquet table: "):
        read_table(path)


def test_truncated_parquet(tmp_path, read_frame):
    read_frame({"a": Y, "y": Y})
    path = tmp_path / "table.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(CommandError, match=r"^table.parquet is not a Parquet table: "):
        read_table(path)


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
        read_table(path)
    assert str(raised.value) == (
        "Reading table.parquet needs polars, which is not installed: "
        "python -m pip install 'skpoison[parquet]'"
    )
