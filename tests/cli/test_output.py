import csv
import sys
from io import BytesIO, StringIO

import numpy as np
import pytest
from matplotlib.image import imread
from sklearn.utils import Bunch

from skpoison.cli._output import draw, format_report, to_csv, to_png
from skpoison.cli._report import PLAIN, NamedReport
from skpoison.model_selection import RobustnessReport


def curve(*means, budgets=(0.0, 0.1, 0.2), spread=0.01):
    means = np.array(means)[:, np.newaxis]
    return Bunch(
        budgets=np.array(budgets),
        train_scores=means + np.array([0.0, 0.125]),
        test_scores=means + np.array([-spread, spread]),
    )


def named_report(curves, *, title="some.csv (9 rows)"):
    """Return a report as if it had been fitted."""
    report = RobustnessReport({}, {})
    report.curves_, report.baseline_, report.score_name_ = curves, PLAIN, "accuracy"
    report.balanced_curves_, report.overruled_, report.sampled_ = None, {}, {}
    report.transfer_, report.adaptive_ = {}, {}
    report.crafted_for_ = dict.fromkeys([attack for attack, _ in curves], "")
    report.crafted_for_["insertion"] = "SVC"
    return NamedReport(
        title=title,
        protocol=["2 folds", "a note"],
        report=report,
        warnings_seen=[],
        estimator="tree",
        rows=[],
    )


@pytest.fixture
def two_attacks():
    return named_report(
        {
            ("flip", PLAIN): curve(0.9, 0.8, 0.7),
            ("flip", "knn"): curve(0.88, 0.87, 0.85),
            ("insertion", PLAIN): curve(0.9, 0.85, 0.8),
            ("insertion", "knn"): curve(0.88, 0.875, 0.86),
        }
    )


def test_text(two_attacks):
    text = format_report(two_attacks)
    assert text == f"some.csv (9 rows)\n2 folds\na note\n{two_attacks.report.summary()}"


def test_csv(two_attacks):
    content = to_csv(two_attacks)
    assert content.count(b"\r\n") == content.count(b"\n")
    header, *rows = csv.reader(StringIO(content.decode(), newline=""))
    assert header == [
        *("attack", "defence", "budget", "fold", "score", "train", "test"),
        "crafted_for",
    ]
    expected = []
    for (attack, arm), each in two_attacks.report.curves_.items():
        for i, k in np.ndindex(3, 2):
            scores = each.train_scores[i, k], each.test_scores[i, k]
            case = attack, arm, each.budgets[i], k, "accuracy", *scores
            expected.append((*case, "SVC" if attack == "insertion" else ""))
    # To the last bit.
    read = [
        (attack, arm, float(budget), int(k), score, float(train), float(test), note)
        for attack, arm, budget, k, score, train, test, note in rows
    ]
    assert read == expected


def test_csv_of_numbers_of_rows():
    made = named_report({("flip", PLAIN): curve(0.5, 0.25, budgets=[0, 12], spread=0)})
    assert to_csv(made).decode().splitlines()[1:] == [
        "flip,no defence,0,0,accuracy,0.5,0.5,",
        "flip,no defence,0,1,accuracy,0.625,0.5,",
        "flip,no defence,12,0,accuracy,0.25,0.25,",
        "flip,no defence,12,1,accuracy,0.375,0.25,",
    ]


def test_picture(two_attacks):
    figure = draw(two_attacks)
    assert figure.get_suptitle() == "some.csv (9 rows)"
    assert [ax.get_title() for ax in figure.axes] == [
        "flip",
        "insertion\ncrafted for SVC",
    ]
    assert [line.get_label() for line in figure.axes[1].get_lines()] == [PLAIN, "knn"]


def test_png(two_attacks):
    content = to_png(two_attacks)
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    picture = imread(BytesIO(content), format="png")
    assert picture.shape == (630, 1500, 4)
    # There is something on both halves of it.
    for half in np.split(picture[..., :3], 2, axis=1):
        assert len(np.unique(half.reshape(-1, 3), axis=0)) > 10


def test_picture_of_a_file_with_dollars():
    title = r"a$\nonsense$_{.csv (9 rows)"
    made = named_report({("flip", PLAIN): curve(0.9, 0.8, 0.7)}, title=title)
    assert to_png(made).startswith(b"\x89PNG")


def test_picture_without_matplotlib(monkeypatch, two_attacks):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError) as raised:
        to_png(two_attacks)
    assert str(raised.value) == (
        "The picture needs matplotlib, which is not installed: "
        "python -m pip install 'skpoison[plot]'"
    )


@pytest.mark.parametrize("attacks", [["flip"], ["flip", "insertion", "gradient"]])
def test_long_title_fits_the_picture(attacks):
    title = "breast_cancer (569 rows, 30 columns, 2 classes), StandardScaler -> " * 2
    curves = {(attack, PLAIN): curve(0.9, 0.8, 0.7) for attack in attacks}
    figure = draw(named_report(curves, title=title))
    figure.draw_without_rendering()
    extent = figure._suptitle.get_window_extent()
    assert extent.x0 > 0
    assert extent.x1 < figure.bbox.width
