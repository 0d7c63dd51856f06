"""Data sets of the command: by name, or from files."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy import sparse
from sklearn import datasets as bundled

from skpoison import datasets
from skpoison.cli._columns import TRUTHS, read_features
from skpoison.cli._encoding import Layout
from skpoison.cli._errors import CommandError, listed, near_misses
from skpoison.cli._files import SUFFIXES, is_table, read_table
from skpoison.cli._target import read_target
from skpoison.cli._tasks import CLASSIFICATION, REGRESSION, Task

LOADERS = {
    "breast_cancer": bundled.load_breast_cancer,
    "diabetes": bundled.load_diabetes,
    "digits": bundled.load_digits,
    "iris": bundled.load_iris,
    "wine": bundled.load_wine,
    "mnist": datasets.fetch_mnist,
    "ransomware": datasets.fetch_ransomware,
    "spambase": datasets.fetch_spambase,
}
# Those that are downloaded, and kept.
FETCHED = "mnist", "ransomware", "spambase"

YES_OR_NO = {**TRUTHS, "no": 0.0, "yes": 1.0, "n": 0.0, "y": 1.0, "f": 0.0, "t": 1.0}


@dataclass
class Data:
    """A data set.

    Parameters
    ----------
    X : {ndarray, csr_matrix} of shape (n_samples, n_features)
        The rows: floats, with nan for missing values, or objects if there are words.
    y : ndarray of shape (n_samples,)
        The labels or quantities.
    trusted : ndarray of shape (n_samples,) of bool, default=None
        Rows that nobody but their owner could write to.
    layout : Layout, default=None
        What the columns are. None: numbers, none of them missing, without names.
    notes : list of str
        What was done to the columns, in words for the user.
    task : Task, default=CLASSIFICATION
        What the target asks for.
    """

    X: np.ndarray
    y: np.ndarray
    trusted: np.ndarray | None = None
    layout: Layout | None = None
    notes: list = field(default_factory=list)
    task: Task = CLASSIFICATION


def load_data(
    data,
    target=None,
    *,
    trusted=None,
    drop=(),
    sep=None,
    data_home=None,
    task=None,
):
    """Load rows, and their labels or quantities.

    Parameters
    ----------
    data : str
        A name among `LOADERS`, or a path to a table.
    target : str, default=None
        The column of the file that holds the labels.
    trusted : str, default=None
        The column of the file that says which rows are trusted.
    drop : sequence of str, default=()
        Columns of the file to leave out, or several of them separated by commas.
    sep : str, default=None
        What separates the fields of a text file.
    data_home : str, default=None
        Folder of downloaded data sets.
    task : Task, default=None
        What the estimator is for. None: that is left to the target.

    Returns
    -------
    data : Data

    Raises
    ------
    CommandError
        If the data cannot be found or read, or are not for that estimator.
    """
    if data in LOADERS:
        given = {"--target": target, "--trusted": trusted, "--drop": drop, "--sep": sep}
        for option, value in given.items():
            if value:
                raise CommandError(
                    f"{option} is for files, and {data} is not one: leave {option} out."
                )
        return _load_named(data, data_home, task)
    if data_home is not None:
        raise CommandError(
            f"--data-home is for data sets that are downloaded, {', '.join(FETCHED)}: "
            "leave --data-home out."
        )
    path = Path(data)
    if not is_table(path):
        raise CommandError(
            f"--data {data} is neither a file that ends in {', '.join(SUFFIXES)} nor "
            f"one of {', '.join(LOADERS)}.{near_misses(data, LOADERS)}"
        )
    table = read_table(path, sep=sep, target=target)
    columns, file = table.columns, table.file
    if target is None:
        raise CommandError(
            f"--target must name the column of {file} that holds the labels, one of "
            f"{listed(columns)}."
        )
    _check_column("--target", target, columns, file)
    if trusted is not None:
        _check_column("--trusted", trusted, columns, file)
    for name in _dropped(drop, columns, file):
        if name in (target, trusted):
            raise CommandError(f"--drop {name} is the target or --trusted: keep it.")
        del columns[name]
    y, task = read_target(
        columns.pop(target), target, delimiter=table.delimiter, task=task
    )
    mask = None if trusted is None else _mask(columns.pop(trusted, None), trusted)
    if not columns:
        raise CommandError(f"{file} has no column other than the target {target!r}.")
    features = read_features(columns, file, table.delimiter)
    layout = Layout(features.numbers, features.categories, features.texts)
    if not layout.names:
        raise CommandError(
            f"{file} has no column that is a feature: {'; '.join(features.notes)}."
        )
    notes = table.notes + features.notes
    return Data(layout.rows(), y, mask, layout, notes, task)


def _load_named(data, data_home, task):
    settings = {"return_X_y": True}
    if data_home is not None:
        if data not in FETCHED:
            raise CommandError(
                f"--data-home is for data sets that are downloaded, "
                f"{', '.join(FETCHED)}, and {data} is not: leave --data-home out."
            )
        settings["data_home"] = data_home
    try:
        X, y = LOADERS[data](**settings)
    except OSError as error:
        raise CommandError(str(error)) from error
    of_target = REGRESSION if y.dtype.kind == "f" else CLASSIFICATION
    if task not in (None, of_target):
        raise CommandError(
            f"--data {data} is for a {of_target.kind}. Take another --estimator, such "
            f"as {of_target.default_estimator}, or leave it out."
        )
    return Data(X if sparse.issparse(X) else X.astype(float), y, task=of_target)


def _check_column(option, name, columns, file):
    if name not in columns:
        raise CommandError(
            f"{file} has no column {name!r} for {option}; it has {listed(columns)}."
            f"{near_misses(name, columns)}"
        )


def _dropped(words, columns, file):
    """Return the names of columns to leave out."""
    names = []
    for word in words:
        each = [word] if word in columns else [part.strip() for part in word.split(",")]
        names += [name for name in each if name]
    for name in names:
        _check_column("--drop", name, columns, file)
    return dict.fromkeys(names)


def _mask(column, name):
    """Return a column of truth values as a mask."""
    if column is None:
        raise CommandError(f"--trusted {name} is the target: name another column.")
    words = [str(word).casefold().removesuffix(".0") for word in column]
    truths = {**YES_OR_NO, "0": 0.0, "1": 1.0}
    odd = [word for word in words if word not in truths]
    if odd:
        raise CommandError(
            f"--trusted {name} must hold 1 or 0, true or false, yes or no; got "
            f"{odd[0]!r}."
        )
    mask = np.array([truths[word] for word in words], dtype=bool)
    if mask.all() or not mask.any():
        raise CommandError(
            f"--trusted {name} marks {'every row' if mask.all() else 'no row'}: mark "
            "those that an attacker could not write to, or leave --trusted out."
        )
    return mask
