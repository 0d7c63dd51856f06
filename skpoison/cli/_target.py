"""The target column: class labels, or quantities."""

import numpy as np

from skpoison.cli._columns import MISSING, to_numbers
from skpoison.cli._errors import CommandError
from skpoison.cli._tasks import CLASSIFICATION, REGRESSION

# Beyond it, different whole numbers are the same float.
LARGEST_WHOLE = 2.0**53
# Numbers of more values than that, with few rows each, are quantities.
MOST_CLASSES = 20
FEWEST_ROWS_OF_A_CLASS = 10


def read_target(column, name, *, delimiter=None, task=None):
    """Return a column as labels or as quantities, and which of them they are.

    Parameters
    ----------
    column : ndarray of shape (n_samples,)
        Floats or words.
    name : str
        Name of the column, for errors.
    delimiter : str, default=None
        What separates the fields of the file.
    task : Task, default=None
        What the estimator is for. None: fractions, and whole numbers most of which
        have few rows, are quantities; everything else is a class.

    Returns
    -------
    y : ndarray of shape (n_samples,)
        Labels: ints or words. Quantities: floats.
    task : Task

    Raises
    ------
    CommandError
        If targets are missing, or are not what the estimator is for.
    """
    numbers, word = to_numbers(column, delimiter)
    if numbers is None:
        missing = np.array([word.casefold() in MISSING for word in column])
    else:
        missing = ~np.isfinite(numbers)
    if missing.any():
        raise CommandError(
            f"The target {name!r} is missing or infinite in {missing.sum()} of "
            f"{column.shape[0]} rows. Label them or drop them."
        )
    if task is REGRESSION and numbers is None:
        raise CommandError(
            f"The target {name!r} holds words such as {word!r}, which no regressor "
            f"learns. Take an estimator for classes, such as "
            f"{CLASSIFICATION.default_estimator}."
        )
    why = None if numbers is None else _why_quantities(numbers)
    if why and task is CLASSIFICATION:
        raise CommandError(
            f"The target {name!r} holds {why}. Take a regressor as --estimator, such "
            f"as {REGRESSION.default_estimator}, or leave --estimator out."
        )
    if why or task is REGRESSION:
        if np.ptp(numbers) == 0:
            raise CommandError(
                f"The target {name!r} has only one value, {numbers[0]:g}: there is "
                "nothing to learn. Take another --target."
            )
        return numbers, REGRESSION
    is_whole = numbers is not None and np.abs(numbers).max() < LARGEST_WHOLE
    y = numbers.astype(int) if is_whole else column.astype(str)
    _check_classes(y, name)
    return y, CLASSIFICATION


def _why_quantities(numbers):
    """Return why numbers are quantities, or None."""
    # Larger ones name something, and are words.
    if np.abs(numbers).max() >= LARGEST_WHOLE:
        return None
    fractions = numbers[numbers != np.floor(numbers)]
    if fractions.size:
        return f"fractions such as {fractions[0]:g}: that is regression"
    n_samples, n_values = numbers.shape[0], np.unique(numbers).shape[0]
    if n_values > MOST_CLASSES and n_samples < FEWEST_ROWS_OF_A_CLASS * n_values:
        return (
            f"{n_values} different numbers in {n_samples} rows: those are quantities, "
            "not classes"
        )
    return None


def _check_classes(y, name):
    n_samples, n_classes = y.shape[0], np.unique(y).shape[0]
    if n_classes < 2:
        raise CommandError(
            f"The target {name!r} has only one class, {y.tolist()[0]!r}: there is "
            "nothing to learn. Take another --target."
        )
    if 2 * n_classes > n_samples:
        raise CommandError(
            f"The target {name!r} holds {n_classes} different values in {n_samples} "
            "rows: those are quantities or names, not classes. Take another --target."
        )
