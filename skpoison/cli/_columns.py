"""Columns of a table: numbers, dates, categories, text, and names of rows."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np

from skpoison.cli._errors import CommandError, listed

# Words for missing values. "None" is not among them: it may be a class.
MISSING = {"", "?", "#n/a", "<na>", "n/a", "na", "nan", "nat", "null"}
TRUTHS = {"false": 0.0, "true": 1.0}

AMERICAN = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?")
DECIMAL_COMMA = re.compile(
    r"[+-]?((\d{1,3}(\.\d{3})+|\d+)(,\d*)?|,\d+)(e[+-]?\d+)?", re.IGNORECASE
)
ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}.*")
# Of the last two, one must fit and the other one not: 1/2/2021 alone is ambiguous.
DATE_FORMATS = "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y"
UNITS = "$\N{POUND SIGN}\N{EURO SIGN}%"

# The names of columns that name rows, if all their values differ.
NAMES_ROWS = re.compile(r"(.*[_ -])?(id|index|idx|key|uuid|guid)|.*[a-z](Id|ID)")

NAMES_ROWS_WHY = "names the rows: nearly every value is another one"
# In tables of fewer rows numbers in a row, or different words, may be chance.
FEWEST_ROWS = 20
# A text has more words than a name, on average.
WORDS_OF_A_TEXT = 3.0
SECONDS_OF_A_DAY = 24 * 60 * 60


@dataclass
class Features:
    """The columns of a table that are features.

    Parameters
    ----------
    numbers, categories, texts : dict of str to ndarray
        The columns by name: floats with nan for missing values, and words, empty if
        they are missing.
    notes : list of str
        What was read in a special way or left out, in words for the user.
    """

    numbers: dict = field(default_factory=dict)
    categories: dict = field(default_factory=dict)
    texts: dict = field(default_factory=dict)
    notes: list = field(default_factory=list)


def read_features(columns, file, delimiter=None):
    """Return what the columns of a table are.

    Numbers are read with a decimal comma if some column of a text file needs that and
    fields are separated by something else. Dates become days. A column that only
    numbers or names the rows is left out, and one that is empty.

    Parameters
    ----------
    columns : dict of str to ndarray
        The columns by name: floats or words.
    file : str
        Name of the file, for errors.
    delimiter : str, default=None
        What separates the fields.

    Returns
    -------
    features : Features

    Raises
    ------
    CommandError
        If numbers are infinite, or if there are other words among the numbers of a
        column.
    """
    features, odd, dates = Features(), {}, []
    read = {name: to_numbers(column, delimiter) for name, column in columns.items()}
    if delimiter not in (None, ",") and any(
        numbers is None and _is_decimal_comma(columns[name])
        for name, (numbers, _) in read.items()
    ):
        read |= {
            name: (_with_decimal_comma(column), None)
            for name, column in columns.items()
            if _is_decimal_comma(column)
        }
        features.notes.append("numbers have decimal commas")
    left_out = {"numbers the rows": [], NAMES_ROWS_WHY: [], "is empty": []}
    for name, column in columns.items():
        numbers, word = read[name]
        if numbers is None:
            numbers = _dates(column)
            dates += [name] if numbers is not None else []
        if numbers is not None:
            why = _why_no_number(name, numbers)
            if why:
                left_out[why].append(name)
            else:
                features.numbers[name] = numbers
            continue
        words = np.array(["" if _is_missing(w) else w for w in column], dtype=object)
        if _is_mostly_numbers(words, delimiter):
            odd[name] = word
        elif _is_text(words):
            features.texts[name] = words
        elif _names_rows(name, words):
            left_out[NAMES_ROWS_WHY].append(name)
        else:
            features.categories[name] = words
    if odd:
        examples = [f"{name} ({word!r})" for name, word in odd.items()]
        raise CommandError(
            f"{file} has columns of numbers with other words among them: "
            f"{listed(examples)}. Write numbers like 1234.5, leave missing values "
            f"empty, or leave the column out: --drop {next(iter(odd))}."
        )
    _check_finite(features.numbers, file)
    if dates:
        features.notes.append(f"read as dates, in days: {listed(dates)}")
    for why, names in left_out.items():
        if names:
            each = ", each of which" if len(names) > 1 else ", which"
            features.notes.append(f"left out {listed(names)}{each} {why}")
    return features


def to_numbers(column, delimiter=None):
    """Return a column as floats, with nan for missing values, and None.

    Parameters
    ----------
    column : ndarray of shape (n_samples,)
        Floats or words.
    delimiter : str, default=None
        What separates the fields of the file: commas between thousands are understood
        if it is a comma itself.

    Returns
    -------
    numbers : ndarray of shape (n_samples,) or None
        None if some word is not a number.
    word : str or None
        That word.
    """
    if column.dtype.kind == "f":
        return column, None
    folded = [word.casefold() for word in column]
    if MISSING.union(TRUTHS).issuperset(folded):
        return np.array([TRUTHS.get(word, np.nan) for word in folded]), None
    numbers = _plain_numbers(folded)
    if numbers is not None:
        return numbers, None
    numbers = np.empty(column.shape[0])
    for i, word in enumerate(folded):
        number = _number(word, delimiter)
        if number is None:
            return None, column[i]
        numbers[i] = number
    return numbers, None


def _plain_numbers(words):
    """Return words as floats all at once, which is fast, or None."""
    if "_" in "".join(words):
        return None
    given = ["nan" if word in MISSING else word for word in words]
    try:
        return np.array(given, dtype=object).astype(float)
    except ValueError:
        return None


def _number(word, delimiter):
    """Return a word in lower case as a float, or None."""
    if word in MISSING:
        return np.nan
    word = _without_unit(word)
    if delimiter == "," and AMERICAN.fullmatch(word):
        word = word.replace(",", "")
    # float() ignores underscores, but 2021_05 is not a number.
    if "_" in word:
        return None
    try:
        return float(word)
    except ValueError:
        return None


def _without_unit(word):
    return word.strip(UNITS).strip()


def _is_missing(word):
    return word.casefold() in MISSING


def _is_decimal_comma(column):
    """Return whether all words are numbers, if a comma is the decimal point."""
    if column.dtype.kind == "f":
        return False
    words = [_without_unit(word) for word in column if not _is_missing(word)]
    return bool(words) and all(map(DECIMAL_COMMA.fullmatch, words))


def _with_decimal_comma(column):
    return np.array(
        [
            np.nan
            if _is_missing(word)
            else float(_without_unit(word).replace(".", "").replace(",", "."))
            for word in column
        ]
    )


def _dates(column):
    """Return a column of dates and times as days since 1970, or None."""
    words = [word for word in column if not _is_missing(word)]
    if not words:
        return None
    days = None
    if all(map(ISO_DATE.fullmatch, words)):
        days = _days(words, datetime.fromisoformat)
    else:
        read = [_days(words, _by(each)) for each in DATE_FORMATS]
        fitting = [each for each in read if each is not None]
        if len(fitting) == 1 or (len(fitting) == 2 and fitting[0] == fitting[1]):
            days = fitting[0]
    if days is None:
        return None
    numbers = np.full(column.shape[0], np.nan)
    numbers[[not _is_missing(word) for word in column]] = days
    return numbers


def _by(date_format):
    return lambda word: datetime.strptime(word, date_format)


def _days(words, read):
    """Return the days since 1970 of all words, or None if some word is no date."""
    days = []
    for word in words:
        try:
            moment = read(word)
        except ValueError:
            return None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        days.append(moment.timestamp() / SECONDS_OF_A_DAY)
    return days


def _why_no_number(name, numbers):
    """Return why a column of numbers is not a feature, or an empty text."""
    if np.isnan(numbers).all():
        return "is empty"
    if numbers.shape[0] < FEWEST_ROWS:
        return ""
    if numbers[0] in (0, 1) and (np.diff(numbers) == 1).all():
        return "numbers the rows"
    is_named = bool(NAMES_ROWS.fullmatch(name) or NAMES_ROWS.fullmatch(name.lower()))
    if is_named and np.unique(numbers).shape[0] == numbers.shape[0]:
        return NAMES_ROWS_WHY
    return ""


def _is_mostly_numbers(words, delimiter):
    """Return whether more than half of the words are numbers."""
    given = [word.casefold() for word in words if word]
    numbers = sum(_number(word, delimiter) is not None for word in given)
    return numbers > len(given) / 2


def _is_text(words):
    """Return whether words are texts: of several words each, and mostly different."""
    given = [word for word in words if word]
    if 2 * len({*given}) < len(given):
        return False
    return sum(len(word.split()) for word in given) > WORDS_OF_A_TEXT * len(given)


def _names_rows(name, words):
    """Return whether nearly every word is another one."""
    given = [word for word in words if word]
    return len(given) >= FEWEST_ROWS and 2 * len({*given}) > len(given)


def _check_finite(numbers, file):
    infinite = {name: np.isinf(column) for name, column in numbers.items()}
    if any(each.any() for each in infinite.values()):
        names = [name for name, each in infinite.items() if each.any()]
        rows = np.logical_or.reduce([*infinite.values()])
        raise CommandError(
            f"{file} has infinite values in {rows.sum()} of {rows.shape[0]} rows, in "
            f"{listed(names)}. Leave them empty if they are missing, drop those rows, "
            f"or leave the column out: --drop {names[0]}."
        )
