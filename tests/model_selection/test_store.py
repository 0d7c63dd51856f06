import json
import os
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from skpoison.attacks import (
    GreedyDeletion,
    MarginLabelFlip,
    RandomInsertion,
    RandomLabelFlip,
)
from skpoison.defences import KNNSanitizedClassifier
from skpoison.model_selection import RobustnessReport

X, Y = (each[:100:2] for each in load_iris(return_X_y=True))
WORDS = np.array(["ham", "spam"])[Y]


class Interrupt:
    """Interrupt a report after some steps; count those that are computed."""

    def __init__(self, after=np.inf):
        self.after = after

    def __call__(self, n_done, n_steps, attack, estimator):
        if n_done >= self.after:
            raise KeyboardInterrupt


class Counting(DecisionTreeClassifier):
    n_fits = 0

    def fit(self, X, y, sample_weight=None):
        type(self).n_fits += 1
        return super().fit(X, y, sample_weight)


def score_and_tell(file, estimator, X, y):
    file.write("scored")
    return estimator.score(X, y)


def make(folder, *, seed=0, attacks=None, **settings):
    tree = Counting(random_state=0)
    settings = {"budgets": [4], "cv": 2, "scoring": "accuracy"} | settings
    return RobustnessReport(
        {"no defence": tree, "relabel": KNNSanitizedClassifier(tree)},
        attacks
        or {
            "a/b": RandomInsertion(random_state=seed),
            "flips": RandomLabelFlip(random_state=seed),
        },
        folder=folder,
        **settings,
    )


def assert_same(report, expected):
    assert list(report.curves_) == list(expected.curves_)
    for case, curve in report.curves_.items():
        for part in ("budgets", "train_scores", "test_scores"):
            np.testing.assert_array_equal(curve[part], expected.curves_[case][part])
    assert report.overruled_ == expected.overruled_
    assert report.sampled_ == expected.sampled_
    assert report.summary() == expected.summary()
    assert report.seconds_.keys() == expected.seconds_.keys()


@pytest.mark.parametrize(
    ("after", "y"), [(0, Y), (5, WORDS), (9, WORDS.astype(object)), (23, Y)]
)
def test_interrupted_and_resumed(tmp_path, after, y):
    expected = make(None).fit(X, y)
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path, callback=Interrupt(after)).fit(X, y)
    Counting.n_fits = 0
    assert_same(make(tmp_path).fit(X, y), expected)
    # 24 steps in all: of each attack 4 to craft, and 4 fits of each of 2 estimators.
    # On clean rows the second attack does what the first one has done.
    n_fits = sum(i % 12 >= 4 and not (i >= 12 and i % 4 < 2) for i in range(after, 24))
    assert Counting.n_fits == n_fits
    # Once more, all is there.
    Counting.n_fits = 0
    assert_same(make(tmp_path).fit(X, y), expected)
    assert Counting.n_fits == 0


@pytest.mark.parametrize("as_sparse", [False, True])
def test_poison_is_read_instead_of_being_crafted(tmp_path, as_sparse, monkeypatch):
    attacks = {
        "insertion": RandomInsertion(random_state=0),
        "deletion": GreedyDeletion(random_state=0),
        "flips": MarginLabelFlip(LogisticRegression()),
    }
    rows = sparse.csr_matrix(X) if as_sparse else X
    folder = tmp_path / "new" / "folder"
    expected = make(folder, attacks=attacks).fit(rows, Y)
    (folder / "scores.jsonl").unlink()
    for attack in attacks.values():
        monkeypatch.setattr(type(attack), "_poison", None)
    report = make(folder, attacks=attacks).fit(rows, Y)
    assert_same(report, expected)
    assert {file.suffix for file in (folder / "poison").iterdir()} == {".npz"}


def test_line_that_was_cut_short(tmp_path):
    expected = make(tmp_path).fit(X, Y)
    file = tmp_path / "scores.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    for cut in (lines[-1][:20], lines[-1].rstrip()):
        file.write_bytes(b"".join(lines[:-1]) + cut)
        assert_same(make(tmp_path).fit(X, Y), expected)
        assert file.read_bytes().splitlines()[:-1] == [
            line.rstrip() for line in lines[:-1]
        ]


def test_results_are_plain_text(tmp_path):
    report = make(tmp_path).fit(X, Y)
    lines = (tmp_path / "scores.jsonl").read_text(encoding="utf-8").splitlines()
    cells = [json.loads(line) for line in lines]
    assert len(cells) == 16
    for cell in cells:
        curve = report.curves_[cell["attack"], cell["estimator"]]
        scores = curve.test_scores[curve.budgets.tolist().index(cell["budget"])]
        assert cell["test"] == scores[cell["fold"]]


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"seed": 1}, "attacks"),
        ({"scoring": "balanced_accuracy"}, "scoring"),
        ({"budgets": [5]}, "budgets"),
        ({"cv": 3}, "folds"),
        ({"X": X + 1}, "X"),
        ({"y": 1 - Y}, "y"),
        ({"params": {"trusted": Y == 1}}, "params"),
    ],
)
def test_other_reports_are_refused(tmp_path, changed, what):
    make(tmp_path, callback=None).fit(X, Y)
    rows, y = changed.pop("X", X), changed.pop("y", Y)
    params = changed.pop("params", {})
    with pytest.raises(ValueError, match="folder must be new, or hold") as raised:
        make(tmp_path, **changed).fit(rows, y, **params)
    assert f"those of another one: {what}" in str(raised.value)


def test_other_versions_are_refused(tmp_path, monkeypatch):
    make(tmp_path).fit(X, Y)
    monkeypatch.setattr("skpoison.model_selection._store.describe_versions", str)
    with pytest.raises(ValueError, match="another one: versions differ"):
        make(tmp_path).fit(X, Y)


def test_other_files_are_left_alone(tmp_path):
    (tmp_path / "letter.txt").write_text("Dear all")
    with pytest.raises(ValueError, match="holds other files"):
        make(tmp_path).fit(X, Y)
    assert os.listdir(tmp_path) == ["letter.txt"]


def test_jobs_and_callback_change_nothing(tmp_path):
    expected = make(Path(tmp_path)).fit(X, Y)
    Counting.n_fits = 0
    assert_same(make(str(tmp_path), n_jobs=2, callback=Interrupt()).fit(X, Y), expected)
    assert Counting.n_fits == 0


def test_file_as_folder(tmp_path):
    file = tmp_path / "file"
    file.write_text("Dear all")
    with pytest.raises(ValueError, match=r"folder must be a folder, or new; .* a file"):
        make(file).fit(X, Y)


@pytest.mark.parametrize("content", ['{"X": "12', "[]"])
def test_damaged_report(tmp_path, content):
    (tmp_path / "report.json").write_text(content)
    with pytest.raises(ValueError, match=r"report.json' is damaged.* another folder"):
        make(tmp_path).fit(X, Y)


def test_damaged_poison(tmp_path):
    expected = make(tmp_path).fit(X, Y)
    (tmp_path / "scores.jsonl").unlink()
    file = next((tmp_path / "poison").iterdir())
    content = file.read_bytes()
    for damaged in (b"", b"Dear all", content[: len(content) // 2]):
        file.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"npz' is damaged. Delete this file"):
            make(tmp_path).fit(X, Y)
    file.unlink()
    assert_same(make(tmp_path).fit(X, Y), expected)


def test_what_cannot_be_told_apart_is_refused(tmp_path):
    with (tmp_path / "file").open("w") as file:
        scoring = partial(score_and_tell, file)
        with pytest.raises(ValueError, match=r"scoring must be .*TextIO.*folder=None"):
            make(tmp_path / "new", scoring=scoring).fit(X, Y)
    assert not (tmp_path / "new").exists()
