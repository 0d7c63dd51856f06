"""Which rows and labels does the user mean?"""

import csv
from pathlib import Path

import numpy as np
from scipy import sparse
from sklearn import datasets as bundled

from skpoison import datasets
from skpoison.report._errors import ReportError
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


def load_data(data, target=None):
    """Load rows and labels for classification.

    Parameters
    ----------
    data : str
        A name among `LOADERS`, or a path to a CSV or Parquet file.
    target : str, default=None
        The column of a file that holds the labels.

    Returns
    -------
    X : {ndarray, csr_matrix} of shape (n_samples, n_features)
        The rows, of floats.
    y : ndarray of shape (n_samples,)
        The labels.

    Raises
    ------
    ReportError
        If the data are not there, or are not fit for a report.
    """
    if data in LOADERS:
        if target is not None:
            raise ReportError(
                f"--target is for files; {data} knows its own: leave --target out."
            )
        try:
            X, y = LOADERS[data](return_X_y=True)
        except OSError as error:
            raise ReportError(str(error)) from error
        return (X if sparse.issparse(X) else X.astype(float)), y

    path = Path(data)
    readers = {".csv": _read_csv, ".parquet": _read_parquet}
    if path.suffix.lower() not in readers:
        raise ReportError(
            f"--data {data} is no .csv or .parquet file, nor one of "
            f"{', '.join(LOADERS)}."
        )
    if not path.is_file():
        raise ReportError(f"--data {data}: there is no such file.")
    columns = readers[path.suffix.lower()](path)
    return _split_off_target(columns, target, path.name)


def _read_csv(path):
    """Read a CSV file into a dict of columns of strings."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ReportError(
            f"{path.name} is no table: it is not text in UTF-8. Save it as a CSV file."
        ) from error
    lines = text.splitlines()
    header = lines[0] if lines else ""
    delimiter = max(",;\t", key=header.count)
    rows = [row for row in csv.reader(lines, delimiter=delimiter) if row]
    if len(rows) < 2 or len(rows[0]) < 2:
        raise ReportError(
            f"{path.name} is no table: it needs a line of column names and rows below "
            "it, separated by commas, semicolons or tabs."
        )
    names, *rows = rows
    for number, row in enumerate(rows, start=2):
        if len(row) != len(names):
            raise ReportError(
                f"{path.name} is no table: its row {number} has {len(row)} fields, but "
                f"there are {len(names)} column names."
            )
    repeated = {name for name in names if names.count(name) > 1}
    if repeated:
        raise ReportError(
            f"{path.name} has several columns of the same name: "
            f"{_listed(sorted(repeated))}. Rename them."
        )
    return {
        name: np.array([field.strip() for field in column])
        for name, column in zip(names, zip(*rows, strict=True), strict=True)
    }


def _read_parquet(path):
    """Read a Parquet file into a dict of columns."""
    user = f"Reading {path.name}"
    try:
        polars = import_optional("polars", extra="parquet", user=user)
    except ImportError as error:
        raise ReportError(str(error)) from error
    try:
        frame = polars.read_parquet(path)
    except Exception as error:
        reason = str(error).splitlines()[0]
        raise ReportError(f"{path.name} is no Parquet table: {reason}") from error
    return {column.name: column.to_numpy() for column in frame.get_columns()}


def _split_off_target(columns, target, file):
    if target is None:
        raise ReportError(
            f"Say by --target which column of {file} holds the labels: "
            f"{_listed(columns)}."
        )
    if target not in columns:
        raise ReportError(
            f"{file} has no column {target!r} for --target; it has {_listed(columns)}."
        )
    columns = dict(columns)
    y = columns.pop(target)
    if not columns:
        raise ReportError(f"{file} has no column beside the target {target!r}.")
    n_unlabelled = int(_missing(y).sum())
    if n_unlabelled:
        raise ReportError(
            f"The target {target!r} is missing in {n_unlabelled} of {y.shape[0]} rows: "
            "label them or drop them."
        )

    numbers = {name: _as_floats(column) for name, column in columns.items()}
    words = [name for name, column in numbers.items() if column is None]
    if words:
        raise ReportError(
            f"{file} has columns that are no numbers: {_listed(words)}. Encode them "
            "(as one column of 0 and 1 for each value, say) or drop them."
        )
    X = np.column_stack(list(numbers.values()))
    holes = ~np.isfinite(X)
    if holes.any():
        names = np.array(list(numbers))[holes.any(axis=0)]
        raise ReportError(
            f"{file} has missing or infinite values in {holes.any(axis=1).sum()} of "
            f"{X.shape[0]} rows, in {_listed(names)}. Fill them in or drop those rows."
        )
    as_numbers = _as_floats(y)
    if as_numbers is not None and (as_numbers != np.round(as_numbers)).any():
        raise ReportError(
            f"The target {target!r} holds fractions such as {as_numbers.flat[0]:g}: "
            "that is regression; the report is about classes."
        )
    return X, y if as_numbers is None else as_numbers.astype(int)


def _missing(column):
    if column.dtype.kind == "U":
        return column == ""
    return np.array([value is None or value != value for value in column])


def _as_floats(column):
    """Turn a column into floats, missing values into nan; None if it is words."""
    if column.dtype.kind == "U":
        column = np.where(column == "", "nan", column)
    elif column.dtype.kind not in "biufO":
        return None
    try:
        return column.astype(float)
    except (TypeError, ValueError):
        return None


def _listed(names, most=8):
    names = [str(name) for name in names]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
