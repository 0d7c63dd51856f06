"""The command on tables as people have them: it works, or says what to do."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from skpoison.cli import main

N_ROWS = 60
RNG = np.random.RandomState(0)
Y = RNG.permutation(np.arange(N_ROWS) % 2)
A = np.round(RNG.randn(N_ROWS) + 3 * Y, 3)
CITY = np.where(RNG.rand(N_ROWS) < 0.5, "Ulm", "Bonn")
REVIEW = [
    " ".join(RNG.choice(["film", "plot", ["dull", "fine"][label], "it", "the"], 8))
    for label in Y
]
DAY = [f"2024-{1 + i % 12:02}-{1 + i % 28:02}" for i in range(N_ROWS)]
HOLES = [word if i % 5 else "" for i, word in enumerate(map(str, A))]
SPAM = np.array(["ham", "spam"])[Y]


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(capsys):
    """Save a table, run the command on it, and return what it prints."""

    def run(content, *options, name="table.csv", target="y", code=0):
        content = content if isinstance(content, bytes) else content.encode()
        Path(name).write_bytes(content)
        quick = ["--cv", "2", "--budgets", "0.2", "--overwrite"]
        if not {"--attack", "--defence"} & {*options}:
            quick += ["--attack", "random_label_flip", "--defence"]
        options = [*quick, *options] + (["--target", target] if target else [])
        assert main(["--data", name, *options]) == code
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        if code:
            assert out == ""
            assert len(err.splitlines()) == 1
            return err.removeprefix("skpoison: ")
        assert err == ""
        assert "(60 rows, " in out.partition("\n")[0]
        return out

    return run


def table(separator=",", **columns):
    lines = [separator.join(columns)]
    lines += [
        separator.join(map(str, row)) for row in zip(*columns.values(), strict=True)
    ]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (table(a=A, y=SPAM), None),
        (
            table(a=A, city=CITY, y=SPAM),
            "columns: 1 of numbers, 1 of categories (one-hot)",
        ),
        (
            table(a=HOLES, y=Y),
            "columns: 1 of numbers (12 missing: the median instead)",
        ),
        (table(a=A, day=DAY, y=Y), "read as dates, in days: day"),
        (table(a=A, b=Y == 1, y=Y), None),
        (
            table(";", a=[str(a).replace(".", ",") for a in A], y=Y),
            "numbers have decimal",
        ),
        (table(a=A, y=Y).encode("utf-8-sig"), None),
        (
            table(a=A, größe=A, y=Y).encode("latin-1"),
            "not UTF-8: the file is read as W",
        ),
        (table(a=A, constant=[7] * N_ROWS, y=Y), None),
        (table(a=A, y=np.array(list("abc"))[np.arange(N_ROWS) % 3]), None),
        (table(review=REVIEW, y=SPAM), "columns: 1 of text (TF-IDF)"),
        (table(id=range(N_ROWS), a=A, y=Y), "left out id, which numbers the rows"),
        (table(a=A, who=[f"Ann {i}" for i in range(N_ROWS)], y=Y), "left out who, whi"),
        (table(a=A, empty=[""] * N_ROWS, y=Y), "left out empty, which is empty"),
        (table(a=A, rate=[f"{i % 7}%" for i in range(N_ROWS)], y=Y), None),
        (table("\t", a=A, city=CITY, y=Y), "columns: 1 of numbers, 1 of categories"),
        (table("|", a=A, y=Y), None),
        ("," + table(a=A, y=Y).replace("\n", "\n9,")[:-2], "left out the first column"),
    ],
)
def test_tables(run, content, line):
    lines = run(content).splitlines()
    if line is None:
        assert lines[2].startswith("accuracy, mean ± standard deviation")
    else:
        assert any(each.startswith(line) for each in lines[2:4])


def test_compressed_table(run):
    out = run(gzip.compress(table(a=A, y=Y).encode()), name="table.csv.gz")
    assert out.startswith("table.csv.gz (60 rows, 1 column, 2 classes")


def test_trusted_rows_and_columns_to_drop(run):
    content = table(a=A, city=CITY, ok=np.arange(N_ROWS) % 3 == 0, y=Y)
    options = ["--trusted", "ok", "--drop", "city", "--attack", "random_label_flip"]
    options += ["--transfer", "--adaptive"]
    out = run(content, *options, "--sep", ",")
    assert out.startswith("table.csv (60 rows, 20 trusted, 1 column, ")
    # With trusted rows the outlier filter is among the defences.
    curves, _, _ = out.partition("\nWorst cases")
    rows = [
        line for line in curves.splitlines() if line.startswith("  ") and "±" in line
    ]
    defences = [row.split()[0] for row in rows]
    assert defences == [
        *("no", "confident_learning", "knn_drop", "knn_relabel", "outlier_filter")
    ]


def test_informed_attacks_on_words(run):
    content = table(a=HOLES, city=CITY, review=REVIEW, y=SPAM)
    attacks = ["alfa", "relaxed_label_flip", "gradient_insertion"]
    out = run(content, "--attack", *attacks, "--defence")
    assert "left out gradient_insertion: numbers cannot be written into columns" in out
    assert "the attacker knows the estimator, but not the defence" in out
    assert "crafted for" not in out


def test_attack_that_cannot_know_the_estimator(run):
    content = table(a=A, b=-A, y=Y)
    options = ["--estimator", "tree", "--attack", "relaxed_label_flip", "--defence"]
    out = run(content, *options)
    assert out.count("crafted for LogisticRegression (transfer)") == 2
    read = Path("robustness.csv").read_text(encoding="utf-8").splitlines()
    assert all(line.endswith(",LogisticRegression (transfer)") for line in read[1:])


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (table(a=A, y=[1] * N_ROWS), [], "The target 'y' has only one class, 1"),
        (
            table(a=A, y=A),
            ["--estimator", "tree"],
            "The target 'y' holds fractions such as",
        ),
        (
            table(a=A, y=range(N_ROWS)),
            ["--estimator", "tree"],
            "The target 'y' holds 60 different numbers",
        ),
        (
            table(a=A, y=np.arange(N_ROWS) == 0),
            [],
            "The class 1 has too few rows for 2",
        ),
        (
            table(a=A, Y=Y),
            [],
            "table.csv has no column 'y' for --target; it has a, Y. D",
        ),
        (table(a=A, y=Y), ["--drop", "b"], "table.csv has no column 'b' for --drop"),
        (table(a=A, y=Y), ["--trusted", "ok"], "table.csv has no column 'ok' for --tr"),
        (
            table(a=A, y=Y),
            ["--sep", ";"],
            "table.csv is not a table: it has a single c",
        ),
        (
            table(a=A, y=SPAM),
            ["--scoring", "f1"],
            "--scoring f1 needs a positive class",
        ),
        (table(id=range(N_ROWS), y=Y), [], "table.csv has no column that is a feature"),
        (
            table(review=REVIEW, y=Y),
            ["--attack", "gradient_insertion"],
            "--attack gradient_insertion cannot be used: numbers cannot be written",
        ),
        (
            table(a=A, y=Y),
            ["--estimator", "decision_tree"],
            "--estimator decision_tree is not one of logistic, linear_svm, svm, tree",
        ),
    ],
)
def test_messages_lead_to_the_next_step(run, content, options, message):
    assert run(content, *options, code=2).startswith(message)
