"""Tables in files: CSV, TSV and Parquet."""

import csv
import gzip
import json
import re
import zlib
from dataclasses import dataclass, field
from io import StringIO

import numpy as np

from skpoison.cli._errors import CommandError, listed, reason
from skpoison.utils._optional import import_optional

TEXT_SUFFIXES = ".csv", ".tsv", ".txt"
SUFFIXES = *TEXT_SUFFIXES, *(f"{suffix}.gz" for suffix in TEXT_SUFFIXES), ".parquet"

# What pandas calls an index that has no name, in Parquet, and a column that has no
# name in the header of a CSV file.
PANDAS_INDEX = re.compile(r"__index_level_\d+__")
PANDAS_NAMELESS = re.compile(r"Unnamed: \d+")

BYTE_ORDER_MARKS = b"\xff\xfe", b"\xfe\xff"
LONGEST_FIELD = 2**31 - 1


@dataclass
class Table:
    """A table as it was read.

    Parameters
    ----------
    file : str
        Name of the file.
    columns : dict of str to ndarray
        The columns by name: floats, or words as objects.
    delimiter : str, default=None
        What separates the fields of a text file.
    notes : list of str
        What was done to the columns, in words for the user.
    """

    file: str
    columns: dict
    delimiter: str | None = None
    notes: list = field(default_factory=list)


def is_table(path):
    """Return whether a file has the name of a table."""
    return path.name.lower().endswith(SUFFIXES)


def read_table(path, *, sep=None, target=None):
    """Read a table.

    Parameters
    ----------
    path : Path
        The file.
    sep : str, default=None
        What separates the fields of a text file. None: what gives the header the most
        fields.
    target : str, default=None
        The column of the labels, which is kept even if it is the index of a dataframe.

    Returns
    -------
    table : Table

    Raises
    ------
    CommandError
        If the file cannot be read, or is not a table.
    """
    if not path.is_file():
        raise CommandError(f"--data {path}: there is no such file.")
    try:
        if path.suffix.lower() == ".parquet":
            if sep is not None:
                raise CommandError(
                    f"--sep is for text files, and {path.name} is Parquet: leave --sep "
                    "out."
                )
            table = _read_parquet(path, target)
        else:
            table = _read_text(path, sep)
    except (OSError, EOFError, zlib.error) as error:
        raise CommandError(f"--data {path} cannot be read: {reason(error)}.") from error
    _drop_nameless_index(table)
    return table


def _read_text(path, sep):
    """Return a text file as a table of words."""
    content = path.read_bytes()
    if path.suffix.lower() == ".gz":
        content = gzip.decompress(content)
    text, notes = _decode(content, path.name)
    # Reviews are longer than Python's own limit.
    csv.field_size_limit(LONGEST_FIELD)
    try:
        delimiter = sep or max(",;\t|", key=lambda each: len(_header(text, each)))
        records = list(_records(text, delimiter))
    except csv.Error as error:
        raise CommandError(f"{path.name} is not a table: {error}.") from error
    if not records:
        raise CommandError(f"{path.name} is not a table: it is empty.")
    (_, names), *records = records
    if len(names) < 2:
        raise CommandError(
            f"{path.name} is not a table: it has a single column. Separate columns by "
            "commas, semicolons or tabs, or name what separates them by --sep."
        )
    repeated = {name for name in names if names.count(name) > 1}
    if repeated:
        raise CommandError(
            f"{path.name} has several columns of the same name: "
            f"{listed(sorted(repeated))}. Rename them."
        )
    if not records:
        raise CommandError(f"{path.name} is not a table: it has a header, but no rows.")
    for line, fields in records:
        if len(fields) != len(names):
            raise CommandError(
                f"{path.name} is not a table: line {line} has {len(fields)} fields, "
                f"the header has {len(names)}. Look for a missing or extra quote or "
                "delimiter."
            )
    rows = (fields for _, fields in records)
    columns = {
        name: np.array(column, dtype=object)
        for name, column in zip(names, zip(*rows, strict=True), strict=True)
    }
    return Table(path.name, columns, delimiter, notes)


def _decode(content, file):
    """Return the text of a file, and notes about its encoding."""
    if content.startswith(BYTE_ORDER_MARKS):
        encodings = ["utf-16"]
    else:
        encodings = ["utf-8-sig", "cp1252"]
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            break
        if encoding == "cp1252":
            return text, ["not UTF-8: the file is read as Windows-1252 (Latin 1)"]
        return text, []
    raise CommandError(
        f"{file} is not a table: it is not text in UTF-8. Save it as CSV in UTF-8."
    )


def _records(text, delimiter):
    """Yield the line number and the fields of every record, except blank lines."""
    lines = StringIO(text, newline=None)
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    line = 1
    for record in reader:
        fields = [field.strip() for field in record]
        if len(fields) > 1 or any(fields):
            yield line, fields
        line = reader.line_num + 1


def _header(text, delimiter):
    return next(_records(text, delimiter), (1, []))[1]


def _read_parquet(path, target):
    """Return a Parquet file as a table of floats and words.

    The index of a pandas dataframe is left out, unless it is the target: when rows of
    several classes have been put together, it can give the label away.
    """
    user = f"Reading {path.name}"
    try:
        polars = import_optional("polars", extra="parquet", user=user)
    except ImportError as error:
        raise CommandError(str(error)) from error
    try:
        frame = polars.read_parquet(path, glob=False)
        metadata = json.loads(polars.read_parquet_metadata(path).get("pandas", "{}"))
    # A damaged file can make polars panic; PanicException is not an Exception.
    except (Exception, polars.exceptions.PanicException) as error:
        raise CommandError(
            f"{path.name} is not a Parquet table: {reason(error)}. Save it again."
        ) from error
    if not frame.height:
        raise CommandError(f"{path.name} is not a table: it has no rows.")
    # A range is described there, not stored as a column.
    saved = {name for name in metadata.get("index_columns", []) if type(name) is str}
    index = [
        name
        for name in frame.columns
        if name != target and (name in saved or PANDAS_INDEX.fullmatch(name))
    ]
    notes = []
    if index:
        notes = [
            f"left out {listed(index)}: the index of the dataframe is not a feature "
            "(if it is one, save the file after reset_index(names=...))"
        ]
        frame = frame.drop(index)
    columns = {
        column.name: column.cast(polars.Float64).to_numpy()
        if column.dtype.is_numeric()
        else np.array(
            ["" if value is None else str(value) for value in column], dtype=object
        )
        for column in frame
    }
    return Table(path.name, columns, None, notes)


def _drop_nameless_index(table):
    """Leave out a first column without a name, as an index is saved by pandas and R."""
    for position, name in enumerate([*table.columns], start=1):
        if name.strip() and not PANDAS_NAMELESS.fullmatch(name):
            continue
        values = table.columns[name].tolist()
        is_index = len({*values}) == len(values) or all(
            str(value).removesuffix(".0").isdecimal() for value in values
        )
        if position > 1 or not is_index:
            raise CommandError(
                f"Column {position} of {table.file} has no name. Name it, or delete it "
                "if it only numbers the rows: their order is not a feature."
            )
        del table.columns[name]
        table.notes.append(
            "left out the first column, which has no name: it is the index of the rows"
        )
