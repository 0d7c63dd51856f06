from pathlib import Path

import numpy as np
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

    def read(content, target="y", name="table.csv", **options):
        (tmp_path / name).write_text(content, encoding="utf-8")
        return load_data(str(tmp_path / name), target, **options)

    return read


def labels(read, column):
    """Read labels from beside a column of numbers."""
    lines = [f"{i / 2},{label}\n" for i, label in enumerate(column)]
    return read("a,y\n" + "".join(lines)).y


@pytest.mark.parametrize("name", ["breast_cancer", "digits", "iris", "wine"])
def test_bundled_data(name):
    X_expected, y_expected = getattr(bundled, f"load_{name}")(return_X_y=True)
    data = load_data(name)
    X, y = data.X, data.y
    np.testing.assert_array_equal(X, X_expected.astype(float), strict=True)
    np.testing.assert_array_equal(y, y_expected, strict=True)


@pytest.mark.parametrize("name", ["mnist", "ransomware", "spambase"])
def test_fetched_data(monkeypatch, name):
    def fetch(*, return_X_y):
        assert return_X_y
        return X.astype(np.uint8), Y

    assert LOADERS[name] is getattr(_data.datasets, f"fetch_{name}")
    monkeypatch.setitem(LOADERS, name, fetch)
    data = load_data(name)
    X_read, y_read = data.X, data.y
    expected = X.astype(np.uint8).astype(float)
    np.testing.assert_array_equal(X_read, expected, strict=True)
    assert y_read is Y


def test_sparse_data_stay_sparse(monkeypatch):
    X_sparse = sparse.csr_matrix(X)
    monkeypatch.setitem(LOADERS, "ransomware", lambda return_X_y: (X_sparse, Y))
    assert load_data("ransomware").X is X_sparse


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
    ("option", "value"),
    [("trusted", "t"), ("drop", ["a"]), ("sep", ",")],
)
def test_options_of_files(option, value):
    message = f"^--{option} is for files, and iris is not one: leave --{option} out"
    with pytest.raises(CommandError, match=message):
        load_data("iris", **{option: value})


def test_data_home(monkeypatch, read):
    asked = []

    def fetch(**settings):
        asked.append(settings)
        return X, Y

    monkeypatch.setitem(LOADERS, "mnist", fetch)
    load_data("mnist", data_home="here")
    load_data("mnist")
    here = {"return_X_y": True, "data_home": "here"}
    assert asked == [here, {"return_X_y": True}]
    for data in ("iris", "table.csv"):
        with pytest.raises(
            CommandError, match=r"^--data-home is for .* leave --data-h"
        ):
            load_data(data, "y" if data != "iris" else None, data_home="here")


def test_table(read):
    data = read(TABLE)
    np.testing.assert_array_equal(data.X, X, strict=True)
    np.testing.assert_array_equal(data.y, Y, strict=True)
    assert data.trusted is None
    assert data.layout.names == ["a", "b"]
    assert data.notes == []


def test_table_of_words(read):
    data = read("a,city,y\n1,Ulm,0\n,Bonn,1\n3,,0\n4,Ulm,1\n")
    assert data.X.tolist()[0] == [1.0, "Ulm"]
    assert data.X.tolist()[2:] == [[3.0, ""], [4.0, "Ulm"]]
    assert np.isnan(data.X[1, 0])
    assert data.layout.words == ["city"]


def test_notes_of_the_file_and_of_its_columns(read):
    data = read(";a;y\n" + "".join(f"{i};{i % 3},5;{i % 2}\n" for i in range(4)))
    assert [note[:12] for note in data.notes] == ["left out the", "numbers have"]


def test_target_in_the_middle(read):
    data = read("a,y,b\n1,ham,2\n3,spam,4\n5,ham,6\n7,spam,8\n")
    np.testing.assert_array_equal(data.X, [[1, 2], [3, 4], [5, 6], [7, 8]])
    assert data.y.tolist() == ["ham", "spam", "ham", "spam"]


@pytest.mark.parametrize(
    "drop", [["b"], ["b,c"], ["b", "c"], ["b, c"], ["c,d", "b"], ["c,d", "b,c"]]
)
def test_drop(read, drop):
    content = 'a,b,c,"c,d",y\n' + "".join(f"{i},2,3,4,{i % 2}\n" for i in range(4))
    dropped = {"b"} | ({"c"} if "c" in "".join(drop).replace("c,d", "") else set())
    dropped |= {"c,d"} if "c,d" in drop else set()
    assert {*read(content, drop=drop).layout.names} == {"a", "b", "c", "c,d"} - dropped


@pytest.mark.parametrize(
    ("drop", "complaint"),
    [
        (["B"], r"no column 'B' for --drop; it has a, b, y\. Did you mean 'b'\?"),
        (["a,nope"], "no column 'nope' for --drop"),
        (["y"], "^--drop y is the target or --trusted: keep it"),
        (["a", "b"], "table.csv has no column other than the target 'y'"),
    ],
)
def test_columns_that_cannot_be_dropped(read, drop, complaint):
    with pytest.raises(CommandError, match=complaint):
        read(TABLE, drop=drop)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("0110", [0, 1, 1, 0]),
        (["True", "false", "FALSE", "true"], [1, 0, 0, 1]),
        (["yes", "no", "No", "YES"], [1, 0, 0, 1]),
        (["1.0", "0.0", "0", "1"], [1, 0, 0, 1]),
    ],
)
def test_trusted_rows(read, words, expected):
    lines = [f"{line},{word}" for line, word in zip(LINES, ["t", *words], strict=True)]
    data = read("\n".join(lines), trusted="t")
    np.testing.assert_array_equal(data.trusted, np.array(expected, bool), strict=True)
    assert data.layout.names == ["a", "b"]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (
            "0000",
            "marks no row: mark those that an attacker could not write to, or leav",
        ),
        ("1111", "marks every row"),
        ("0120", "must hold 1 or 0, true or false, yes or no; got '2'"),
        (["1", "", "0", "1"], "must hold 1 or 0, .* got ''"),
    ],
)
def test_no_trusted_rows(read, words, complaint):
    lines = [f"{line},{word}" for line, word in zip(LINES, ["t", *words], strict=True)]
    with pytest.raises(CommandError, match=f"^--trusted t {complaint}"):
        read("\n".join(lines), trusted="t")
    with pytest.raises(
        CommandError, match="no column 'u' for --trusted; it has a, b, y"
    ):
        read("\n".join(lines), trusted="u")
    with pytest.raises(CommandError, match=r"^--trusted y is the target: name another"):
        read(TABLE, trusted="y")
    with pytest.raises(CommandError, match=r"^--drop t is the target or --trusted"):
        read("\n".join(lines), trusted="t", drop=["t"])


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


def test_no_target(read):
    with pytest.raises(CommandError, match=r"--target must name .* one of a, b, y"):
        read(TABLE, target=None)


def test_unknown_target(read):
    with pytest.raises(
        CommandError, match=r"no column 'Y' for --target; it has a, b, y\. Did"
    ):
        read(TABLE, target="Y")


def test_many_columns_are_not_all_listed(read):
    content = ",".join(f"column{j}" for j in range(30)) + "\n" + "1," * 29 + "1\n"
    with pytest.raises(CommandError) as raised:
        read(content, target=None)
    assert str(raised.value).endswith("column6, column7 and 22 more.")


@pytest.mark.parametrize("word", ["", "NA", "?", "inf", "1e999"])
def test_missing_labels(read, word):
    message = r"'y' is missing or infinite in 1 of 5 rows\. Label"
    with pytest.raises(CommandError, match=message):
        read(f"{TABLE}1,2,{word}\n")
    if "1" not in word and word != "inf":
        with pytest.raises(CommandError, match=message):
            labels(read, ["ham", "spam", "ham", "spam", word])


@pytest.mark.parametrize(
    ("column", "complaint"),
    [
        (
            [7] * 6,
            "has only one class, 7: there is nothing to learn. Take",
        ),
        (["ham"] * 6, "has only one class, 'ham': there is nothing to learn"),
        ([1.5] * 6, "has only one value, 1.5: there is nothing to learn. Take"),
        (range(10), "holds 10 different values in 10 rows: those are quantities or"),
        ("abcdab", "holds 4 different values in 6 rows"),
    ],
)
def test_no_classes(read, column, complaint):
    with pytest.raises(CommandError) as raised:
        labels(read, column)
    assert str(raised.value).startswith(f"The target 'y' {complaint}")


def test_nothing_but_names_of_rows(read):
    content = "id,y\n" + "".join(f"{i},{i % 2}\n" for i in range(50))
    message = (
        "table.csv has no column that is a feature: left out id, which numbers the"
    )
    with pytest.raises(CommandError, match=message):
        read(content)


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        ("no_such.csv", "no_such.csv: there is no such file."),
        ("no_such.parquet", "no_such.parquet: there is no such file."),
        ("folder.csv", "folder.csv: there is no such file."),
        ("folder", "is neither a file that ends in .csv, .tsv, .txt, .csv.gz, "),
        ("table.json", "is neither a file that ends in"),
        ("Iris", "is neither a file that ends in"),
        ("", "is neither a file that ends in"),
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
