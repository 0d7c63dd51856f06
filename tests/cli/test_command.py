import csv
import os
import re
import shlex
import subprocess
import sys
from hashlib import sha256
from html import escape
from io import StringIO
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from matplotlib.image import imread
from scipy import sparse
from sklearn.datasets import load_iris
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

import skpoison
from skpoison.attacks import RandomLabelFlip
from skpoison.cli import main
from skpoison.cli._data import LOADERS
from skpoison.cli._defaults import CHEAP, CHEAP_ADAPTIVE, STRONG
from skpoison.cli._learners import RETUNED
from skpoison.cli._listing import format_list
from skpoison.cli._tasks import CLASSIFICATION, REGRESSION
from skpoison.defences import KNNSanitizedClassifier
from skpoison.model_selection import robustness_curve

FILES = ["robustness.csv", "robustness.png"]
PAGE = "robustness.html"

# One attack, one defence, no other victims, one budget, two folds, and a tree.
QUICK = (
    *("--estimator", "tree", "--cv", "2", "--budgets", "0.2"),
    *("--attack", "random_label_flip", "--defence", "knn_relabel"),
    *("--transfer", "--adaptive"),
)

SOURCE = """
import warnings
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.tree import DecisionTreeClassifier

pipeline = make_pipeline(MinMaxScaler(), DecisionTreeClassifier(max_depth=2))

class Stopped(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        raise KeyboardInterrupt
    def predict(self, X):
        pass

class Broken(Stopped):
    def fit(self, X, y):
        raise RuntimeError("no\\n  luck")

class Warner(DecisionTreeClassifier):
    def fit(self, X, y):
        warnings.warn("mind\\n  the gap")
        return super().fit(X, y)
"""


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    """An empty folder to work in, with a user's own module on the path."""
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "users_models.py").write_text(SOURCE)
    (tmp_path / "modules" / "users_bug.py").write_text("raise RuntimeError('no\\nway')")
    monkeypatch.syspath_prepend(tmp_path / "modules")
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path / "folder")
    # Starting processes takes longer than these reports.
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    yield tmp_path / "folder"
    sys.modules.pop("users_models", None)


@pytest.fixture
def succeed(capsys):
    """Run the command and check that it succeeds and writes its files."""

    def succeed(*arguments, out="."):
        assert main([*map(str, arguments), "--out", str(out)]) == 0
        printed, err = capsys.readouterr()
        for name in FILES:
            assert (Path(out) / name).stat().st_size > 0
        names = [FILES[0], *[PAGE] * ("--html" in arguments), FILES[1]]
        wrote = " and ".join(str(Path(out) / name) for name in names)
        assert printed.endswith(f"\nWrote {wrote}\n")
        return printed, err

    return succeed


@pytest.fixture
def fail(capsys):
    """Run the command and check that it fails with one line and leaves no file."""

    def fail(*arguments, code=2):
        before = sorted(Path().rglob("*"))
        assert main([*map(str, arguments)]) == code
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("skpoison: ")
        assert err.endswith("\n")
        assert len(err.splitlines()) == 1
        assert "Traceback" not in err
        assert sorted(Path().rglob("*")) == before
        return err.removeprefix("skpoison: ").rstrip("\n")

    return fail


def table(n_rows=40, *, n_classes=2):
    """Return a table as CSV whose classes can be told apart."""
    rng = np.random.RandomState(0)
    y = np.arange(n_rows) % n_classes
    lines = [
        f"{5 * y[i] + rng.rand():.3f},{rng.rand():.3f},{y[i]}" for i in range(n_rows)
    ]
    return "\n".join(["a,b,y", *lines, ""])


def save(content, name="table.csv"):
    Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return name


def read_csv(path="robustness.csv"):
    """Return what the command wrote: an array of folds for each curve and budget."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    scores = {}
    for row in rows:
        key = row["attack"], row["defence"], float(row["budget"])
        scores.setdefault(key, []).append(float(row["test"]))
    return {key: np.array(folds) for key, folds in scores.items()}


def command(*arguments, **settings):
    """Run the command in its own process, with this package on the path."""
    root = str(Path(skpoison.__file__).parents[1])
    settings = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **settings}
    settings["env"] = {**os.environ, "PYTHONPATH": root, **settings.pop("env", {})}
    return subprocess.run(
        [sys.executable, "-m", "skpoison", *arguments],
        encoding="utf-8",
        timeout=600,
        **settings,
    )


def test_defaults_in_a_pipe():
    # Fewer budgets and folds than by default, which only take time.
    few = ("--data", save(table()), "--target", "y", "--cv", "2", "--budgets", "0.2")
    done = command(*few, env={"PYTHONIOENCODING": "utf-8"})
    assert done.returncode == 0
    assert done.stderr == ""
    assert sorted(map(str, Path().iterdir())) == [*FILES, "table.csv"]
    assert imread("robustness.png").ndim == 3
    title, *lines = done.stdout.splitlines()
    *_, again, digest, versions, wrote = lines
    assert title.startswith("table.csv (40 rows, 2 columns, 2 classes, ")
    assert digest.startswith("SHA-256 of table.csv: ")
    assert wrote == "Wrote robustness.csv and robustness.png"
    assert versions.startswith(f"with skpoison {skpoison.__version__}, scikit-learn ")

    attacks, defences = [*CHEAP, STRONG], CLASSIFICATION.best_defences
    learners = [RETUNED, *CLASSIFICATION.others]
    assert again == (
        "to make it again: python -m skpoison --data table.csv --target y "
        "--estimator logistic "
        f"--attack {' '.join(attacks)} --defence {' '.join(defences)} "
        f"--transfer {' '.join(learners)} --adaptive {CHEAP_ADAPTIVE} "
        "--budgets 0.2 --cv 2 --scoring accuracy --seed 0"
    )
    scores = read_csv()
    further = {key for key in scores if key[1] in learners or " through " in key[0]}
    assert {key[1] for key in further} == {*learners, *defences}
    assert {key[0] for key in further if key[1] in defences} == {
        f"{CHEAP_ADAPTIVE} through {each}" for each in defences
    }
    assert {key[0] for key in further if key[1] in learners} == set(attacks)
    scores = {key: folds for key, folds in scores.items() if key not in further}
    assert len(scores) == len(attacks) * (1 + len(defences)) * 2
    assert all(folds.shape == (2,) for folds in scores.values())
    # What the table says is what the file says.
    rows, attack = {}, None
    for line in done.stdout.partition("\nOther victims")[0].splitlines():
        if line.endswith("regained"):
            attack, *budgets, _ = line.split()
        elif line.startswith("  ") and "±" in line:
            rows[attack, line.strip().partition("   ")[0]] = line
    assert list(rows) == list(dict.fromkeys(key[:2] for key in scores))
    for (attack, defence), row in rows.items():
        cells = [
            f"{folds.mean():.3f} ± {folds.std():.3f}"
            for key, folds in scores.items()
            if key[:2] == (attack, defence)
        ]
        assert len(cells) == len(budgets) == 2
        assert "   ".join(cells) in row
    # The worst case is the worst.
    means = {key: folds.mean() for key, folds in scores.items() if "no def" in key[1]}
    attack, arm, budget = min(means, key=means.get)
    score, clean = means[attack, arm, budget], means[attack, arm, 0.0]
    assert (
        f"Worst case with no defence: {attack} with budget {100 * budget:g}%: accuracy "
        f"{score:.3f}, {clean - score:.3f} below clean data."
    ) in lines


def test_the_command_in_the_report_makes_it_again(succeed):
    content = table().replace(",1\n", ",ham\n").replace(",0\n", ",spam\n")
    out, _ = succeed(
        *("--data", save(content, "two words.csv"), "--target", "y", "--seed", 4),
        *("--cv", 2, "--budgets", 2, "--attack", "random_label_flip"),
    )
    (again,) = re.findall("to make it again: python -m skpoison (.*)", out)
    assert f"SHA-256 of two words.csv: {sha256(content.encode()).hexdigest()}\n" in out
    second, _ = succeed(*shlex.split(again), out="second")
    assert Path(FILES[0]).read_bytes() == Path("second", FILES[0]).read_bytes()
    assert second.partition("Wrote")[0] == out.partition("Wrote")[0]


def test_regression(succeed):
    rng = np.random.RandomState(0)
    lines = [
        f"{i / 40:.3f},{rng.rand():.3f},{i / 7 + rng.rand():.3f}\n" for i in range(40)
    ]
    out, err = succeed(
        *("--data", save("a,b,y\n" + "".join(lines)), "--target", "y"),
        *("--cv", 2, "--budgets", 0.2, "--transfer"),
    )
    assert err == ""
    assert ", the target from 0.688 to 5.748)" in out.partition("\n")[0]
    assert out.partition("\n")[0].endswith("StandardScaler -> Ridge")
    assert {case[:2] for case in read_csv()} == {
        (STRONG, arm) for arm in ["no defence", *REGRESSION.best_defences]
    }
    assert "\nr2, mean ± standard deviation over the folds" in out


def test_resumed(succeed, fail):
    quick = ("--data", save(table()), "--target", "y", *QUICK)
    succeed(*quick, out="first")
    succeed(*quick, "--resume", "kept", out="second")
    lines = Path("kept", "scores.jsonl").read_text().splitlines(keepends=True)
    # Half of it is lost, the first score is another one.
    lines[0] = re.sub('"test": [0-9.]+', '"test": 0.125', lines[0])
    Path("kept", "scores.jsonl").write_text("".join(lines[:4]))
    succeed(*quick, "--resume", "kept", out="third")
    read = [Path(out, FILES[0]).read_text() for out in ("first", "second", "third")]
    assert read[0] == read[1]
    rows = [text.splitlines() for text in read]
    assert [a == b for a, b in zip(rows[0], rows[2], strict=True)].count(False) == 1
    assert "0.125" in read[2]
    message = fail(*quick, "--resume", "kept", "--seed", "5", "--out", "fourth")
    assert message.startswith("--resume kept must be new, or hold results of this same")


@pytest.mark.filterwarnings("default")
def test_page(succeed):
    name = "a<b>.csv"
    quick = ("--data", save(table(), name), "--target", "y", *QUICK)
    succeed(*quick, out="without")
    assert not Path("without", PAGE).exists()
    out, _ = succeed(*quick, "--html", "--estimator", "users_models.Warner")
    page = Path(PAGE).read_text(encoding="utf-8")
    assert "a&lt;b&gt;.csv (40 rows, 2 columns, 2 classes, " in page
    assert "<b>" not in page
    assert "<li>UserWarning: mind\n  the gap</li>" in page
    (again,) = re.findall("(to make it again: .*)", out)
    assert escape(again) in page
    assert "2-fold cross-validation, seed 0; training rows poisoned" in page


def test_rows_that_contradict_the_others(succeed):
    lines = table().splitlines()
    lines[8] = lines[8][:-1] + str(1 - int(lines[8][-1]))
    quick = ("--target", "y", *QUICK, "--estimator", "logistic", "--html")
    out, _ = succeed("--data", save("\n".join(lines)), *quick)
    own = int(lines[8][-1])
    said = f"labelled {own}, from the others one would predict {1 - own}"
    assert f"contradict the others most, counted from 0:\n  row 7: {said}\n" in out
    page = Path(PAGE).read_text(encoding="utf-8")
    assert ">7</th>" in page
    assert f"<td>{said}</td>" in page


@pytest.mark.parametrize("with_words", [False, True])
def test_regression_on_holes_and_words(succeed, with_words):
    lines = [
        f"{'' if i % 9 == 4 else i % 5},{'xy'[i % 2]},{i % 5 + i / 9}"
        for i in range(40)
    ]
    words = [] if with_words else ["--drop", "b"]
    out, err = succeed(
        *("--data", save("\n".join(["a,b,y", *lines])), "--target", "y", *words),
        *("--cv", 2, "--budgets", 2, "--defence", "--transfer"),
    )
    assert err == ""
    assert {case[0] for case in read_csv()} == {STRONG}
    assert "crafted for" not in out
    assert "the attacker knows the estimator" in out
    assert (f"{STRONG} clones rows and chooses their target alone" in out) == with_words


@pytest.mark.parametrize(
    ("defences", "least", "which"),
    [([], 1.01, "with no defence"), (["knn_drop"], 1.01, "even with "), ([], 0.1, "")],
)
def test_fail_below(capsys, defences, least, which):
    quick = ("--data", save(table()), "--target", "y", *QUICK, "--defence", *defences)
    code = main([*quick, "--fail-below", str(least)])
    out, err = capsys.readouterr()
    # The report is there either way.
    assert out.endswith("Wrote robustness.csv and robustness.png\n")
    assert code == bool(which)
    if which:
        assert err.startswith(
            f"skpoison: --fail-below 1.01: the worst accuracy {which}"
        )
        scores = {arm: folds.mean() for (_, arm, b), folds in read_csv().items() if b}
        assert f" is {max(scores.values()):.3f} (random_label_flip with budget " in err
    else:
        assert err == ""


@pytest.mark.parametrize("word", ["nan", "much"])
def test_fail_below_what_is_no_number(fail, word):
    assert f"--fail-below: needs a number; got '{word}'" in fail("--fail-below", word)


def _read(terminal):
    try:
        return os.read(terminal, 65536)
    except OSError:  # The other side is closed, and all is read.
        return b""


def test_progress_on_a_terminal():
    terminal, stderr = os.openpty()
    done = command(
        *("--data", "iris", "--estimator", "tree", "--defence"),
        *("--transfer", "--adaptive"),
        *("--attack", "random_insertion", "random_label_flip"),
        stderr=stderr,
    )
    os.close(stderr)
    shown = b""
    while chunk := _read(terminal):
        shown += chunk
    shown = shown.decode()
    os.close(terminal)
    assert done.returncode == 0
    lines = [line for line in shown.split("\r") if line.strip()]
    # 5 budgets and 5 folds, poisoned and fitted twice.
    cases = {line.partition(",")[2]: line for line in reversed(lines)}
    assert cases[" random_insertion"] == "0% done, random_insertion"
    for share, case in [
        ("25%", "random_insertion against no defence"),
        ("50%", "random_label_flip"),
        ("75%", "random_label_flip against no defence"),
    ]:
        (line,) = (each for each in lines if each.startswith(f"{share} done, {case}, "))
        assert re.search(r", about \d+ s left$", line)
    assert shown.endswith("\r")
    assert "% done" not in done.stdout


def test_reader_of_the_pipe_has_left():
    reading, writing = os.pipe()
    os.close(reading)
    done = command("--data", "iris", *QUICK, stdout=writing)
    os.close(writing)
    assert done.returncode == 0
    assert done.stderr == ""
    assert sorted(map(str, Path().iterdir())) == FILES


def test_csv_and_table_are_the_robustness_curve(succeed):
    out, err = succeed("--data", save(table()), "--target", "y", *QUICK, "--seed", 3)
    assert err == ""
    data = np.loadtxt("table.csv", delimiter=",", skiprows=1)
    X, y = data[:, :2], data[:, 2].astype(int)
    tree = DecisionTreeClassifier(random_state=3)
    for arm, last in [
        ("no defence", tree),
        ("knn_relabel", KNNSanitizedClassifier(tree)),
    ]:
        curve = robustness_curve(
            make_pipeline(StandardScaler(), last),
            X,
            y,
            attack=RandomLabelFlip(random_state=3),
            budgets=[0.0, 0.2],
            cv=StratifiedKFold(2, shuffle=True, random_state=3),
        )
        for budget, scores in zip([0.0, 0.2], curve.test_scores, strict=True):
            read = read_csv()["random_label_flip", arm, budget]
            np.testing.assert_array_equal(read, scores)
            assert f"{scores.mean():.3f} ± {scores.std():.3f}" in out


def test_the_same_seed_the_same_bytes(succeed):
    quick = ("--data", "iris", *QUICK)
    first = succeed(*quick, "--seed", 1, out="first")[0]
    second = succeed(*quick, "--seed", 1, out="second")[0]
    succeed(*quick, "--seed", 2, out="third")
    read = [Path(out, FILES[0]).read_bytes() for out in ("first", "second", "third")]
    assert read[0] == read[1] != read[2]
    assert first.replace("first", "second") == second


def test_jobs(succeed):
    succeed("--data", "iris", *QUICK, "--n-jobs", 1, out="one")
    succeed("--data", "iris", *QUICK, "--n-jobs", 2, out="two")
    assert Path("one", FILES[0]).read_bytes() == Path("two", FILES[0]).read_bytes()


def test_out(succeed):
    succeed("--data", "iris", *QUICK, out=Path("a b", "new", "folder"))
    before = Path("a b", "new", "folder", FILES[0]).read_bytes()
    # Once more, over what is there.
    again = ("--data", "iris", *QUICK, "--seed", 1, "--overwrite")
    succeed(*again, out=Path("a b", "new", "folder"))
    assert Path("a b", "new", "folder", FILES[0]).read_bytes() != before
    assert sorted(map(str, Path().iterdir())) == ["a b"]


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (table(), "two words.csv"),
        (table(), "UPPER.CSV"),
        (table(), "a$\\dollar$_{.csv"),
        (table().replace("\n", "\r\n").replace(",", ";").encode("utf-8-sig"), "ü.csv"),
        (table(n_classes=4).replace(",", "\t"), "table.csv"),
        (table().replace(",1\n", ",ham\n").replace(",0\n", ",spam\n"), "table.csv"),
        (table().replace(",1\n", ",True\n").replace(",0\n", ",False\n"), "table.csv"),
    ],
)
def test_csv_files(succeed, content, name):
    out, err = succeed("--data", save(content, name), "--target", "y", *QUICK)
    assert out.startswith(f"{name} (40 rows, 2 columns, ")
    assert err == ""
    assert read_csv()["random_label_flip", "no defence", 0.0].mean() == 1


def test_parquet_file(succeed):
    pl.read_csv(StringIO(table())).write_parquet("table.parquet")
    out, _ = succeed("--data", "table.parquet", "--target", "y", *QUICK)
    assert out.startswith("table.parquet (40 rows, 2 columns, 2 classes, the largest 5")


@pytest.mark.filterwarnings("default")
def test_index_of_pandas_in_a_parquet_file(succeed):
    frame = pl.read_csv(StringIO(table()))
    frame = frame.with_columns(pl.col("y").alias("__index_level_0__"))
    frame.write_parquet("table.parquet")
    out, err = succeed("--data", "table.parquet", "--target", "y", *QUICK)
    assert out.startswith("table.parquet (40 rows, 2 columns, 2 classes, ")
    assert "\nleft out __index_level_0__: the index of the dataframe is not a" in out
    assert err == ""


def test_sparse_data(monkeypatch, succeed):
    X, y = load_iris(return_X_y=True)
    X = sparse.csr_matrix(X)
    monkeypatch.setitem(LOADERS, "ransomware", lambda return_X_y: (X, y))
    out, _ = succeed("--data", "ransomware", *QUICK)
    assert "3 classes, the largest 33.3%), MaxAbsScaler -> DecisionTreeCla" in out


def test_importable_names(succeed):
    out, _ = succeed(
        *("--data", "iris", "--cv", 2, "--budgets", 0, 10, 20),
        *("--estimator", "users_models.pipeline"),
        *("--attack", "skpoison.attacks.RandomInsertion"),
        *("--defence", "skpoison.defences.KNNSanitizedClassifier"),
        *("--scoring", "neg_log_loss", "--transfer"),
    )
    assert "), MinMaxScaler -> DecisionTreeClassifier\n" in out
    assert list(read_csv()) == [
        ("skpoison.attacks.RandomInsertion", defence, budget)
        for defence in ("no defence", "skpoison.defences.KNNSanitizedClassifier")
        for budget in (0, 10, 20)
    ]


def test_no_defence(succeed):
    out, _ = succeed("--data", "iris", *QUICK, "--defence")
    assert list(read_csv()) == [
        ("random_label_flip", "no defence", 0.0),
        ("random_label_flip", "no defence", 0.2),
    ]
    assert "Best defence" not in out


@pytest.mark.parametrize("budgets", [["0.2", "0.1", "0.2"], ["0.1", "0", "0.2"]])
def test_budgets_are_put_in_order(succeed, budgets):
    succeed("--data", "iris", *QUICK, "--defence", "--budgets", *budgets)
    assert [budget for _, _, budget in read_csv()] == [0, 0.1, 0.2]


def test_without_matplotlib(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert main(["--data", "iris", *QUICK]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[-1] == (
        "Wrote robustness.csv, but no picture: The picture needs matplotlib, which is "
        "not installed: python -m pip install 'skpoison[plot]'"
    )
    assert err == ""
    assert os.listdir() == ["robustness.csv"]


def test_without_polars(monkeypatch, fail):
    monkeypatch.setitem(sys.modules, "polars", None)
    message = fail("--data", save(b"", "table.parquet"), "--target", "y")
    assert "needs polars, which is not installed: python -m pip install" in message


@pytest.mark.filterwarnings("default")
def test_warnings_are_printed_once(succeed):
    _, err = succeed("--data", "iris", *QUICK, "--estimator", "users_models.Warner")
    assert err == "skpoison: UserWarning: mind the gap\n"


@pytest.mark.filterwarnings("default")
def test_warnings_of_the_picture(succeed):
    _, err = succeed("--data", save(table(), "表格.csv"), "--target", "y", *QUICK)
    assert err.startswith("skpoison: UserWarning: Glyph ")
    assert len(err.splitlines()) == 1


def test_characters_that_the_terminal_lacks(monkeypatch):
    class Terminal(StringIO):
        encoding = "ascii"

    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    assert main(["--data", save(table(), "ü.csv"), "--target", "y", *QUICK]) == 0
    assert terminal.getvalue().startswith("?.csv (40 rows, ")
    assert "accuracy, mean ? standard deviation" in terminal.getvalue()


@pytest.mark.parametrize("option", ["--help", "--list", "--version"])
def test_help_and_version(capsys, option):
    with pytest.raises(SystemExit) as raised:
        main([option])
    assert raised.value.code == 0
    out, err = capsys.readouterr()
    assert err == ""
    if option == "--list":
        assert out == format_list() + "\n"
    elif option == "--version":
        assert out == f"skpoison {skpoison.__version__}\n"
    else:
        names = (
            "data target trusted drop sep data-home estimator surrogate attack defence "
            "budgets cv scoring fail-below n-jobs html resume out seed"
        )
        assert all(f"--{name} " in out for name in names.split())


def test_interrupted(fail):
    arguments = ("--data", "iris", *QUICK, "--estimator", "users_models.Stopped")
    assert fail(*arguments, code=130) == "interrupted"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--data nope", "--data nope is neither a file that ends in .csv, .tsv"),
        ("--data irsi", "--data irsi is neither a file that ends in .csv, .tsv"),
        ("--data nope.csv", "--data nope.csv: there is no such file."),
        ("--data nope.parquet --target y", "--data nope.parquet: there is no such"),
        ("--data .", "--data . is neither a file that ends in .csv"),
        ("--data iris --target y", "--target is for files, and iris is not one"),
        ("--estimator nope", "--estimator nope is not one of logistic, linear_"),
        ("--estimator users_bug.X", "--estimator users_bug.X is not one of"),
        (
            "--estimator sklearn.svm.SVR",
            "--data iris is for a classifier. Take another --estimator, such as log",
        ),
        ("--estimator json.dumps", "--estimator json.dumps cannot be made: dumps() "),
        ("--estimator users_models.Broken", "random_label_flip against no defence: R"),
        (
            "--attack",
            "argument --attack: expected at least one argument. See python -m",
        ),
        ("--attack nope", "--attack nope is not one of "),
        (
            "--attack sklearn.svm.SVC",
            "--attack sklearn.svm.SVC is not an attack with",
        ),
        ("--defence none", "--defence none is not one of "),
        ("--defence sklearn.svm.SVC", "--defence sklearn.svm.SVC cannot be put around"),
        ("--cv 1", "argument --cv: needs a whole number, at least 2; got '1'."),
        ("--cv 2.5", "argument --cv: needs a whole number, at least 2; got '2.5'."),
        ("--cv five", "argument --cv: needs a whole number, at least 2; got 'five'."),
        ("--cv 51", "The class 0 has too few rows for 51 folds: 50. Lower --cv to "),
        ("--cv 1000000000", "The class 0 has too few rows for 1000000000 folds: 50."),
        ("--scoring nope", "--scoring nope is not a scorer of scikit-learn, s"),
        ("--scoring roc_auc", "--scoring roc_auc is for two classes, and there are 3"),
        ("--scoring f1", "--scoring f1 is for two classes, and there are 3. Take --sc"),
        ("--surrogate nope", "--surrogate nope is not one of logistic, linear_"),
        ("--sep ab", "argument --sep: needs a single character, such as ';', or the"),
        ("--sep ;", "--sep is for files, and iris is not one: leave --sep out."),
        ("--drop a", "--drop is for files, and iris is not one: leave --drop out."),
        ("--trusted a", "--trusted is for files, and iris is not one: leave --tru"),
        ("--data-home x", "--data-home is for data sets that are downloaded, mnist,"),
        (
            "--estimator linear_svm --scoring neg_log_loss",
            "--scoring neg_log_loss needs",
        ),
        ("--n-jobs 0", "argument --n-jobs: needs a whole number, at least 1, or -1; "),
        ("--n-jobs -2", "argument --n-jobs: needs a whole number, at least 1, or -1; "),
        ("--n-jobs many", "argument --n-jobs: needs a whole number"),
        (
            "--seed -1",
            "argument --seed: needs a whole number, 0 to 4294967295; got '-1",
        ),
        ("--seed 4294967296", "argument --seed: needs a whole number, 0 to 4294967295"),
        ("--seed x", "argument --seed: needs a whole number"),
        (
            "--nonsense",
            "unrecognized arguments: --nonsense. See python -m skpoison --h",
        ),
        ("--out", "argument --out: expected one argument. See python -m skpoison"),
    ],
)
def test_bad_arguments(fail, arguments, message):
    assert fail("--data", "iris", *QUICK, *arguments.split()).startswith(message)


def test_file_without_option(fail):
    message = fail("table.csv")
    assert (
        message == "unrecognized arguments: table.csv. See python -m skpoison --help."
    )


@pytest.mark.parametrize(
    "budgets",
    [
        *("abc", "-1", "-0.5", "2.5", "nan", "inf", "1e3", "5%", "0.1,0.2", "²"),
        *("0", "0.0", "0 0", "0.1 abc", "2.0 5"),
    ],
)
def test_bad_budgets(fail, budgets):
    message = fail("--data", "iris", *QUICK, "--budgets", *budgets.split())
    assert message == (
        f"--budgets {budgets}: give shares of the training rows between 0 and 1, such "
        "as 0.05 0.1, or whole numbers of rows, such as 5 10; at least one above 0."
    )


@pytest.mark.parametrize("budgets", ["0.1 1", "0 1 0.1", "1 0.1 5 0.2"])
def test_mixed_budgets(fail, budgets):
    message = fail("--data", "iris", *QUICK, "--budgets", *budgets.split())
    assert message == (
        f"--budgets {budgets}: 0.1 is a share of the training rows, 1 is a number of "
        "rows. Give only shares (100% is 1.0), or only numbers."
    )


@pytest.mark.parametrize(
    ("word", "label", "cell"),
    [("1", "1 row", "1"), ("1.0", "100%", "1.0"), ("0.0 1", "1 row", "1")],
)
def test_one_row_and_all_rows(succeed, word, label, cell):
    quick = ("--data", "iris", *QUICK, "--defence")
    out, _ = succeed(*quick, "--budgets", *word.split())
    header = next(line for line in out.splitlines() if line.endswith("regained"))
    assert header.split("  ")[-1] == "regained"
    assert f"   {label}   " in header
    with open(FILES[0], newline="", encoding="utf-8") as file:
        assert {row["budget"] for row in csv.DictReader(file)} - {"0", "0.0"} == {cell}


@pytest.mark.filterwarnings("default")
def test_budget_that_rounds_to_no_row(succeed):
    _, err = succeed("--data", "iris", *QUICK, "--budgets", 0.002, 0.1)
    assert err.startswith(
        "skpoison: UserWarning: budgets 0.002: that share of the 75 training rows of a "
        "fold rounds to 0 rows, so nothing is poisoned. Give a larger share, at least "
        "0.013, or a number of rows."
    )


@pytest.mark.parametrize("budget", [76, 10**25])
def test_budgets_beyond_the_rows(fail, budget):
    message = fail("--data", "iris", *QUICK, "--budgets", 5, budget)
    assert message.startswith(f"--budgets {budget}: a fold has only 75 training rows.")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "table.csv is not a table: it is empty."),
        (
            "a,b,y\n",
            "table.csv is not a table: it has a header, but no rows.",
        ),
        ("y\n1\n0\n", "table.csv is not a table: it has a single column."),
        (
            table() + "1,2\n",
            "table.csv is not a table: line 42 has 2 fields, the header has 3.",
        ),
        (bytes(range(256)), "table.csv is not a table: it is not text in UTF-8."),
        (b"\0" * 100, "table.csv is not a table: it is not text in UTF-8."),
        (
            table().replace("b", "a"),
            "table.csv has several columns of the same name: a",
        ),
        (table().replace("b", ""), "Column 2 of table.csv has no name."),
        (table().replace("y", "z"), "table.csv has no column 'y' for --target; it has"),
        (
            table().replace("y", '"z\nz"'),
            "table.csv has no column 'y' for --target; it",
        ),
        (
            table() + "1,red,0\n",
            "table.csv has columns of numbers with other words among them: b ('red').",
        ),
        (
            table() + '1,"a\nb",0\n',
            "table.csv has columns of numbers with other words among them: b ('a",
        ),
        (table() + "1,inf,0\n", "table.csv has infinite values in 1 of 41 rows, in b."),
        (table() + "1,2,\n", "The target 'y' is missing or infinite in 1 of 41 rows."),
        (
            table() + "1,2,0.5\n",
            "The target 'y' holds fractions such as 0.5: that is r",
        ),
        (
            table() + "1,2,7\n",
            "The class 7 has too few rows for 2 folds: 1. Delete it, ",
        ),
        (
            table(n_classes=1),
            "The target 'y' has only one class, 0: there is nothing",
        ),
        (
            table(n_classes=30),
            "The target 'y' holds 30 different numbers in 40 rows: those",
        ),
        (table() + "1e308,2,0\n-1e308,2,0\n", "random_label_flip against "),
    ],
)
def test_bad_csv_files(fail, content, message):
    message_got = fail("--data", save(content), "--target", "y", *QUICK)
    assert message_got.startswith(message)


def test_file_without_target(fail):
    message = fail("--data", save(table()), *QUICK)
    assert (
        message
        == "--target must name the column of table.csv that holds the labels, one of "
        "a, b, y."
    )


@pytest.mark.parametrize("content", [b"", b"no Parquet", b"PAR1PAR1PAR1"])
def test_bad_parquet_files(fail, content):
    message = fail("--data", save(content, "table.parquet"), "--target", "y", *QUICK)
    assert message.startswith("table.parquet is not a Parquet table: ")


@pytest.mark.parametrize("out", ["taken", "taken/folder", "link"])
def test_out_is_not_a_folder(fail, out):
    Path("taken").touch()
    Path("link").symlink_to("nowhere")
    message = fail("--data", "iris", *QUICK, "--out", out)
    assert message.startswith(f"--out {out} cannot be written to: ")
    assert message.endswith(
        f"{out[:5]} is not a folder, or is write-protected. Name another one."
    )


def test_out_is_write_protected(monkeypatch, fail):
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK)
    message = fail("--data", "iris", *QUICK, "--out", "new")
    assert message.startswith("--out new cannot be written to: ")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("content", [b"an older report", None])
def test_nothing_is_overwritten_unasked(fail, name, content):
    path = Path("out", name)
    path.parent.mkdir()
    if content is None:
        path.symlink_to("nowhere")
    else:
        path.write_bytes(content)
    message = fail("--data", "iris", *QUICK, "--out", "out")
    assert message == (
        f"--out out has a {name} already. Name another folder, or add --overwrite."
    )
    assert content is None or path.read_bytes() == content


@pytest.mark.parametrize("link", ["none", "symbolic", "hard"])
@pytest.mark.parametrize("options", [[], ["--overwrite"]])
def test_data_are_never_overwritten(fail, link, options):
    data = "robustness.csv" if link == "none" else "table.csv"
    save(table(), data)
    if link == "symbolic":
        Path("robustness.csv").symlink_to(data)
    elif link == "hard":
        Path("robustness.csv").hardlink_to(data)
    message = fail("--data", Path(data).absolute(), "--target", "y", *QUICK, *options)
    assert message == (
        "--out . would overwrite robustness.csv, which is --data itself. Name another "
        "folder."
    )
    assert Path(data).read_text() == table()


def test_overwrite(succeed):
    for name in FILES:
        save("an older report", name)
    succeed("--data", "iris", *QUICK, "--overwrite")
    assert not any(b"older" in Path(name).read_bytes() for name in FILES)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("is_folder", [True, False])
def test_files_that_cannot_be_replaced(monkeypatch, fail, name, is_folder):
    access = os.access
    path = Path("out", name)
    path.parent.mkdir()
    if is_folder:
        path.mkdir()
    else:
        path.touch()
        monkeypatch.setattr(
            os, "access", lambda file, mode: Path(file) != path and access(file, mode)
        )
    # Before the work: this estimator would end it with another error.
    message = fail(
        *("--data", "iris", *QUICK, "--out", "out", "--overwrite"),
        *("--estimator", "users_models.Broken"),
    )
    assert message == (
        f"--out out cannot be written to: {name} is a folder, or is write-protected. "
        "Name another one."
    )


def test_disk_that_is_full(monkeypatch, capsys):
    def write_bytes(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", write_bytes)
    assert main(["--data", "iris", *QUICK, "--out", "out"]) == 2
    out, err = capsys.readouterr()
    # The work is done, so its result is shown.
    assert "\n  knn_relabel " in out
    assert "Wrote" not in out
    assert err.startswith("skpoison: --out out cannot be written to: ")
    assert len(err.splitlines()) == 1


def test_other_victims_and_known_defences(succeed):
    data = ("--data", save(table()), "--target", "y", *QUICK)
    chosen = ("--attack", "margin_label_flip", "--transfer", "neighbors", "re-tuned")
    out, _ = succeed(*data, *chosen, "--adaptive", "margin_label_flip")
    assert "\nOther victims under the same poison, by attack, with budget 20%\n" in out
    assert "margin_label_flip through a defence: the attacker knows it, too" in out
    assert "--transfer neighbors re-tuned --adaptive margin_label_flip" in out
    cases = {case[:2] for case in read_csv()}
    assert ("margin_label_flip through knn_relabel", "knn_relabel") in cases
    assert {name for _, name in cases} == {
        *("no defence", "knn_relabel", "neighbors", "re-tuned")
    }


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("--adaptive", "alfa"), "--adaptive alfa is not among the attacks of the rep"),
        (("--adaptive", "random_label_flip"), "it has no surrogate. Leave it out."),
        (
            ("--adaptive", "margin_label_flip", "--defence"),
            "there is none. Name some by --defence, or leave --adaptive out.",
        ),
        (("--transfer", "nobody"), "--transfer nobody is not one of logistic, "),
        (("--transfer", "ridge"), "--transfer ridge is not a scikit-learn classifier"),
    ],
)
def test_others_that_cannot_be(fail, given, message):
    assert message in fail("--data", "iris", *QUICK, *given)
