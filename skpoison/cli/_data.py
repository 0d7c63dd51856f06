"""Data sets of the command: by name, or from CSV and Parquet files."""

import csv
import json
import re
import warnings
from io import StringIO
from pathlib import Path

import numpy as np
from scipy import sparse
from sklearn import datasets as bundled

from skpoison import datasets
from skpoison.cli._errors import CommandError, reason
from skpoison.utils._optional import import_optional

LOADERS = {
    "breast_cancer": bundled.load_breast_cancer,
    "digits": bundled.load_digits,
    "iris": bundled.load_iris,
    "wine": bundled.load_wine,
    "mnist": datasets.fetch_mnist,
    "ransomware": datasets.fetch_ransomware,
    "spambase": datasets.fetch_spambase,
}

# Words for missing values. "None" is not among them: it may be a class.
MISSING = {"", "?", "#n/a", "<na>", "n/a", "na", "nan", "null"}
TRUTHS = {"false": 0.0, "true": 1.0}

# What pandas calls an index that has no name, in Parquet, and a column that has no
# name in the header of a CSV file.
PANDAS_INDEX = re.compile(r"__index_level_\d+__")
PANDAS_NAMELESS = re.compile(r"Unnamed: \d+")

# Beyond it, different whole numbers are the same float.
LARGEST_WHOLE = 2.0**53


def load_data(data, target=None):
    """Load rows and labels for classification.

    Parameters
    ----------
    data : str
        A name among `LOADERS`, or a path to a CSV or Parquet file.
    target : str, default=None
        The column of the file that holds the labels.

    Returns
    -------
    X : {ndarray, csr_matrix} of shape (n_samples, n_features)
        The rows, of floats.
    y : ndarray of shape (n_samples,)
        The labels.

    Raises
    ------
    CommandError
        If the data cannot be found or read, or are not data for classification.

    Warns
    -----
    UserWarning
        If the index of a dataframe that pandas saved as Parquet is left out.
    """
    if data in LOADERS:
        if target is not None:
            raise CommandError(
                f"--target is for files, and {data} is not one: leave --target out."
            )
        try:
            X, y = LOADERS[data](return_X_y=True)
        except OSError as error:
            raise CommandError(str(error)) from error
        return (X if sparse.issparse(X) else X.astype(float)), y

    path = Path(data)
    readers = {".csv": _read_csv, ".parquet": _read_parquet}
    if path.suffix.lower() not in readers:
        raise CommandError(
            f"--data {data} is neither a .csv or .parquet file nor one of "
            f"{', '.join(LOADERS)}."
        )
    if not path.is_file():
        raise CommandError(f"--data {data}: there is no such file.")
    try:
        columns = readers[path.suffix.lower()](path, target)
    except OSError as error:
        raise CommandError(f"--data {data} cannot be read: {reason(error)}.") from error
    return _split_off_target(columns, target, path.name)


def _read_csv(path, _target):
    """Return the columns of a CSV file by name, as arrays of words."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise CommandError(
            f"{path.name} is not a table: it is not text in UTF-8. Save it as CSV in "
            "UTF-8."
        ) from error
    try:
        delimiter = max(",;\t", key=lambda each: len(_header(text, each)))
        records = list(_records(text, delimiter))
    except csv.Error as error:
        raise CommandError(f"{path.name} is not a table: {error}.") from error
    if not records:
        raise CommandError(f"{path.name} is not a table: it is empty.")
    (_, names), *records = records
    _check_names(names, path.name)
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
    return {
        name: np.array(column, dtype=object)
        for name, column in zip(names, zip(*rows, strict=True), strict=True)
    }


def _records(text, delimiter):
    """Yield the line number and the fields of every record, except blank lines."""
    reader = csv.reader(StringIO(text), delimiter=delimiter, skipinitialspace=True)
    line = 1
    for record in reader:
        fields = [field.strip() for field in record]
        if len(fields) > 1 or any(fields):
            yield line, fields
        line = reader.line_num + 1


def _header(text, delimiter):
    return next(_records(text, delimiter), (1, []))[1]


def _check_names(names, file):
    if len(names) < 2:
        raise CommandError(
            f"{file} is not a table: it has a single column. Separate columns by "
            "commas, semicolons or tabs."
        )
    _check_named(names, file)
    repeated = {name for name in names if names.count(name) > 1}
    if repeated:
        raise CommandError(
            f"{file} has several columns of the same name: "
            f"{_listed(sorted(repeated))}. Rename them."
        )


def _check_named(names, file):
    for position, name in enumerate(names, start=1):
        if not name.strip() or PANDAS_NAMELESS.fullmatch(name):
            raise CommandError(
                f"Column {position} of {file} has no name. Name it, or drop it if it "
                "only numbers the rows: their order is not a feature."
            )


def _read_parquet(path, target):
    """Return the columns of a Parquet file by name, as arrays of floats or words.

    The index of a pandas dataframe is not among them, unless it is the target: when
    rows of several classes have been put together, it can give the label away.
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
    _check_named(frame.columns, path.name)
    # A range is described there, not stored as a column.
    saved = {name for name in metadata.get("index_columns", []) if type(name) is str}
    index = [
        name
        for name in frame.columns
        if name != target and (name in saved or PANDAS_INDEX.fullmatch(name))
    ]
    if index:
        warnings.warn(
            f"{path.name}: the index of the dataframe is not a feature, and is left "
            f"out: {_listed(index)}. If it is one, save the file after "
            "reset_index(names=...).",
            stacklevel=3,
        )
        frame = frame.drop(index)
    return {
        column.name: column.cast(polars.Float64).to_numpy()
        if column.dtype.is_numeric()
        else np.array(
            ["" if value is None else str(value) for value in column], dtype=object
        )
        for column in frame
    }


def _split_off_target(columns, target, file):
    """Return the columns as rows and labels."""
    if target is None:
        raise CommandError(
            f"--target must name the column of {file} that holds the labels, one of "
            f"{_listed(columns)}."
        )
    if target not in columns:
        raise CommandError(
            f"{file} has no column {target!r} for --target; it has {_listed(columns)}."
        )
    columns = dict(columns)
    y = _labels(columns.pop(target), target)
    if not columns:
        raise CommandError(f"{file} has no column other than the target {target!r}.")
    return _rows(columns, file), y


def _labels(column, target):
    """Return a column as labels: whole numbers, or words."""
    numbers, _ = _numbers(column)
    if numbers is None:
        unlabelled = np.array([word.casefold() in MISSING for word in column])
    else:
        unlabelled = ~np.isfinite(numbers)
    if unlabelled.any():
        raise CommandError(
            f"The target {target!r} is missing or infinite in {unlabelled.sum()} of "
            f"{column.shape[0]} rows. Label them or drop them."
        )
    if numbers is None or np.abs(numbers).max() >= LARGEST_WHOLE:
        y = column.astype(str)
    else:
        y = numbers.astype(int)
        if (y != numbers).any():
            raise CommandError(
                f"The target {target!r} holds fractions such as "
                f"{numbers[y != numbers][0]:g}: that is regression, and the report is "
                "for classification."
            )
    n_samples, n_classes = y.shape[0], np.unique(y).shape[0]
    if n_classes < 2:
        raise CommandError(
            f"The target {target!r} has only one class, {y.tolist()[0]!r}: there is "
            "nothing to learn. Take another --target."
        )
    if 2 * n_classes > n_samples:
        raise CommandError(
            f"The target {target!r} holds {n_classes} different values in {n_samples} "
            "rows: those are quantities or names, not classes."
        )
    return y


def _rows(columns, file):
    """Return the columns as rows of finite floats."""
    numbers = {name: _numbers(column) for name, column in columns.items()}
    odd = [f"{name} ({word!r})" for name, (_, word) in numbers.items() if word]
    if odd:
        raise CommandError(
            f"{file} has columns that are not numbers: {_listed(odd)}. Write numbers "
            "like 1234.5; encode words (for example one-hot, as columns of 0 and 1) or "
            "drop them."
        )
    X = np.column_stack([column for column, _ in numbers.values()])
    holes = ~np.isfinite(X)
    if holes.any():
        names = np.array(list(numbers))[holes.any(axis=0)]
        raise CommandError(
            f"{file} has missing or infinite values in {holes.any(axis=1).sum()} of "
            f"{X.shape[0]} rows, in {_listed(names)}. Fill them in or drop those rows."
        )
    return X


def _numbers(column):
    """Return a column as floats, with nan for missing values, and None.

    If a word is not a number, return None and that word.
    """
    if column.dtype.kind == "f":
        return column, None
    folded = [word.casefold() for word in column]
    if MISSING.union(TRUTHS).issuperset(folded):
        return np.array([TRUTHS.get(word, np.nan) for word in folded]), None
    numbers = np.empty(column.shape[0])
    for i, word in enumerate(folded):
        try:
            numbers[i] = np.nan if word in MISSING else float(word)
        except ValueError:
            return None, column[i]
        if "_" in word:  # float() ignores it, but 2021_05 is not a number.
            return None, column[i]
    return numbers, None


def _listed(names, most=8):
    names = [name if len(name) <= 40 else f"{name[:40]}..." for name in map(str, names)]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
