import numpy as np
import pytest

from skpoison.cli._columns import read_features, to_numbers
from skpoison.cli._errors import CommandError

NAMES = "names the rows: nearly every value is another one"
REVIEWS = [f"this film was number {i} of {j} films" for i in range(6) for j in range(5)]


def column(*words):
    return np.array(words, dtype=object)


def read(delimiter=",", **columns):
    columns = {
        name: each if isinstance(each, np.ndarray) else column(*map(str, each))
        for name, each in columns.items()
    }
    return read_features(columns, "table.csv", delimiter)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["1", "-2.5", "+3e2", " 4"], [1, -2.5, 300, 4]),
        (["True", "FALSE", "true"], [1, 0, 1]),
        (["12%", "5.5 %", "3"], [12, 5.5, 3]),
        (["$3.50", "€ 4", "£1,000.25"], [3.5, 4, 1000.25]),
        (["", "NA", "nan", "NULL", "N/A", "#N/A", "<NA>", "?", "NaT", "5"], None),
        (["1,000", "2,500.5", "-1,234,567", "7"], [1000, 2500.5, -1234567, 7]),
    ],
)
def test_numbers(words, expected):
    numbers, word = to_numbers(column(*words), ",")
    expected = [*[np.nan] * 9, 5] if expected is None else expected
    np.testing.assert_array_equal(numbers, np.array(expected, float), strict=True)
    assert word is None


@pytest.mark.parametrize(
    "word",
    ["red", "-", "None", "1 000", "5 kg", "2021_05", "0x1", "1,00"],
)
@pytest.mark.parametrize("delimiter", [",", ";"])
def test_words_among_numbers(word, delimiter):
    assert to_numbers(column("1", word, "2"), delimiter) == (None, word)
    with pytest.raises(CommandError) as raised:
        read(a=["1", word, "2"], b=[1, 2, 3])
    assert str(raised.value) == (
        f"table.csv has columns of numbers with other words among them: a ({word!r}). "
        "Write numbers like 1234.5, leave missing values empty, or leave the column "
        "out: --drop a."
    )
    # The way out.
    assert list(read(a=["1", "", "2"], b=[1, 2, 3]).numbers) == ["a", "b"]
    assert list(read(b=[1, 2, 3]).numbers) == ["b"]


def test_long_words_are_cut():
    with pytest.raises(CommandError) as raised:
        read(a=["1", "2", "long " * 1000])
    assert len(str(raised.value)) < 300


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_decimal_commas(delimiter):
    features = read(
        delimiter,
        a=["0,5", "-1,25", "", "1e3"],
        b=["1.234", "5.678,9", "12", ",5"],
        c=["1.234", "1.5", "2.25", "3"],
        d=[1, 2, 3, 4],
        e=["5,5 %", "6 %", "7", "€ 8,1"],
    )
    np.testing.assert_array_equal(features.numbers["a"], [0.5, -1.25, np.nan, 1000])
    np.testing.assert_array_equal(features.numbers["b"], [1234, 5678.9, 12, 0.5])
    # It has no commas, and is not a number with them.
    np.testing.assert_array_equal(features.numbers["c"], [1.234, 1.5, 2.25, 3])
    np.testing.assert_array_equal(features.numbers["d"], [1, 2, 3, 4])
    np.testing.assert_array_equal(features.numbers["e"], [5.5, 6, 7, 8.1])
    assert features.notes == ["numbers have decimal commas"]


def test_no_decimal_commas_between_commas():
    with pytest.raises(CommandError, match=r"other words among them: a \('0,5'\)"):
        read(",", a=["0,5", "1", "2"])
    np.testing.assert_array_equal(read(";", a=["1.234", "5"]).numbers["a"], [1.234, 5])


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["1970-01-02", "", "1971-01-01"], [1, np.nan, 365]),
        (["1970-01-01 12:00", "1970-01-02T06:00:00", "NaT"], [0.5, 1.25, np.nan]),
        (["1970-01-01T00:00+01:00", "1970-01-01T00:00Z", ""], [-1 / 24, 0, np.nan]),
        (["02.01.1970", "", "31.1.1970"], [1, np.nan, 30]),
        (["2/1/1970", "31/1/1970", "?"], [1, 30, np.nan]),
        (["1/2/1970", "1/31/1970", "?"], [1, 30, np.nan]),
        (["1/1/1970", "2/2/1970", "?"], [0, 32, np.nan]),
    ],
)
def test_dates_are_days(words, expected):
    features = read(a=words, b=[1, 2, 2])
    np.testing.assert_allclose(features.numbers["a"], expected, rtol=1e-12)
    assert features.notes == ["read as dates, in days: a"]


@pytest.mark.parametrize("word", ["2021-W01-1", "2021-13-01", "31.13.2021", "1/2/2021"])
def test_no_dates(word):
    assert list(read(a=[word] * 3).categories) == ["a"]


def test_categories():
    words = ["Ulm", "", "Ulm", "NA", "Bonn", "None"] * 5
    features = read(a=words)
    expected = ["Ulm", "", "Ulm", "", "Bonn", "None"] * 5
    assert features.categories["a"].tolist() == expected
    assert features.notes == []


def test_texts():
    features = read(
        review=[*REVIEWS, ""], state=["New South Wales of", "Ulm"] * 15 + [""]
    )
    assert features.texts["review"].tolist() == [*REVIEWS, ""]
    assert list(features.categories) == ["state"]


def test_text_is_lists_of_few_numbers():
    assert list(read(a=["1 2 3 4 5", "1 2 3 4 6", "7 7 7 7 7"]).texts) == ["a"]


@pytest.mark.parametrize(
    ("name", "values", "why"),
    [
        ("a", range(30), "numbers the rows"),
        ("a", range(1, 31), "numbers the rows"),
        ("id", [7 * i for i in range(30)], NAMES),
        ("customer_id", [7 * i for i in range(30)], NAMES),
        ("PassengerId", [7 * i for i in range(30)], NAMES),
        ("Row ID", [7 * i for i in range(30)], NAMES),
        ("index", [7 * i for i in range(30)], NAMES),
        ("a", [f"A-{i}" for i in range(30)], NAMES),
        ("a", [""] * 30, "is empty"),
        ("a", [f"A-{i}" for i in range(25)] + ["A-1"] * 5, NAMES),
    ],
)
def test_columns_left_out(name, values, why):
    features = read(**{name: values, "b": [1, 2, 2] * 10})
    assert list(features.numbers) == ["b"]
    assert not features.categories
    assert not features.texts
    assert features.notes == [f"left out {name}, which {why}"]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("a", [7 * i for i in range(30)]),
        ("a", range(2, 32)),
        ("a", [*range(29), 5]),
        ("id", [1, 2, 3] * 10),
        ("width", [0.5 * i for i in range(30)]),
        ("valid", [7 * i for i in range(30)]),
        ("a", range(19)),
    ],
)
def test_columns_that_are_features(name, values):
    features = read(**{name: values})
    assert list(features.numbers) == [name]
    assert features.notes == []


def test_several_columns_left_out():
    features = read(a=range(30), b=range(30), c=[""] * 30, d=[1] * 30)
    assert features.notes == [
        "left out a, b, each of which numbers the rows",
        "left out c, which is empty",
    ]


@pytest.mark.parametrize("word", ["inf", "-inf", "Infinity", "1e999"])
def test_infinite_values(word):
    message = r"^table.csv has infinite values in 2 of 4 rows, in a, b\. Leave them emp"
    with pytest.raises(CommandError, match=message):
        read(a=[1, word, 2, 3], b=[1, word, word, 2], c=[1, 2, 3, 3])


def test_floats_stay():
    floats = np.array([0.5, np.nan, 2.0])
    features = read(None, a=floats)
    np.testing.assert_array_equal(features.numbers["a"], floats)
