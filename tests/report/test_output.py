import csv
import re
import sys
from io import BytesIO, StringIO

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread
from sklearn.utils import Bunch

from skpoison.report._output import draw, format_report, to_csv, to_png
from skpoison.report._report import PLAIN, Report


def curve(*means, budgets=(0.0, 0.1, 0.2), spread=0.01):
    means = np.array(means)[:, np.newaxis]
    return Bunch(
        budgets=np.array(budgets),
        train_scores=means + np.array([0.0, 0.125]),
        test_scores=means + np.array([-spread, spread]),
    )


def report(curves, *, title="some.csv (9 rows)", scoring="accuracy"):
    return Report(
        title=title, protocol="2 folds", scoring=scoring, curves=curves, warnings=[]
    )


@pytest.fixture
def two_attacks():
    return report(
        {
            ("flip", PLAIN): curve(0.9, 0.8, 0.7),
            ("flip", "knn"): curve(0.88, 0.87, 0.85),
            ("flip", "filter"): curve(0.9, 0.78, 0.66),
            ("insertion", PLAIN): curve(0.9, 0.85, 0.8),
            ("insertion", "knn"): curve(0.88, 0.875, 0.86),
            ("insertion", "filter"): curve(0.9, 0.85, 0.8),
        }
    )


def test_text(two_attacks):
    assert (
        format_report(two_attacks)
        == """\
some.csv (9 rows)
2 folds
accuracy, mean ± standard deviation over the folds, by budget: poisoned rows / clean \
training rows (n_p / n)
regained: share of what the poison costs, over all budgets, that a defence makes good

flip                       0             0.1             0.2        regained
  no defence   0.900 ± 0.010   0.800 ± 0.010   0.700 ± 0.010
  knn          0.880 ± 0.010   0.870 ± 0.010   0.850 ± 0.010             73%
  filter       0.900 ± 0.010   0.780 ± 0.010   0.660 ± 0.010            -20%

insertion                  0             0.1             0.2        regained
  no defence   0.900 ± 0.010   0.850 ± 0.010   0.800 ± 0.010
  knn          0.880 ± 0.010   0.875 ± 0.010   0.860 ± 0.010             57%
  filter       0.900 ± 0.010   0.850 ± 0.010   0.800 ± 0.010              0%

Worst case without defence: flip with budget 0.2: accuracy 0.700, 0.200 below clean \
data.
Best defence by its own worst case: knn: accuracy 0.850 (flip with budget 0.2); on \
clean data it changes accuracy by -0.020."""
    )


def test_text_without_defence():
    text = format_report(report({("flip", PLAIN): curve(0.9, 0.8, 0.7)}))
    assert text.splitlines()[-1] == (
        "Worst case without defence: flip with budget 0.2: accuracy 0.700, 0.200 below "
        "clean data."
    )
    assert "Best defence" not in text


def test_text_of_poison_that_costs_nothing():
    text = format_report(
        report({("flip", PLAIN): curve(0.9, 0.9, 0.9), ("flip", "knn"): curve(1, 1, 1)})
    )
    assert "%" not in text
    assert "flip with budget 0: accuracy 0.900, 0.000 below clean data." in text


def test_text_of_numbers_of_rows():
    text = format_report(report({("flip", PLAIN): curve(0.9, 0.7, budgets=[0, 12])}))
    assert "by budget: poisoned rows (n_p)\n" in text
    assert re.search(r"^flip +0 +12 +regained$", text, flags=re.MULTILINE)
    assert "flip with budget 12: accuracy 0.700" in text


def test_text_of_large_scores_and_long_names():
    attack = "somebodys.very.long.name_of_an_attack"
    curves = {
        (attack, PLAIN): curve(-12345.5, -23456.25, -9999999, spread=1234.5),
        (attack, "somebodys.defence"): curve(-1, -2, -3),
    }
    text = format_report(report(curves, scoring="neg_mean_squared_error"))
    *_, header, plain, defended = text.split("\n\n")[1].splitlines()
    assert re.split(r"\s{2,}", header) == [attack, "0", "0.1", "0.2", "regained"]
    assert re.split(r"\s{2,}", plain) == [
        "",
        "no defence",
        "-12345.500 ± 1234.500",
        "-23456.250 ± 1234.500",
        "-9999999.000 ± 1234.500",
    ]
    assert len(re.split(r"\s{2,}", defended)) == 6


@pytest.mark.parametrize("seed", range(20))
def test_worst_case_is_the_worst(seed):
    rng = np.random.RandomState(seed)
    curves = {
        (attack, arm): curve(*rng.rand(3))
        for attack in ("flip", "insertion", "gradient")
        for arm in (PLAIN, "knn", "filter")
    }
    worst, best = format_report(report(curves)).splitlines()[-2:]

    def score(case):
        attack, arm, i = case
        return curves[attack, arm].test_scores[i].mean()

    cases = [(attack, arm, i) for attack, arm in curves for i in range(3)]
    plain = [case for case in cases if case[1] == PLAIN]
    attack, _, i = min(plain, key=score)
    assert worst.startswith(
        f"Worst case without defence: {attack} with budget {0.1 * i:g}: accuracy "
        f"{score((attack, PLAIN, i)):.3f}, "
    )
    of_defence = {
        arm: min((case for case in cases if case[1] == arm), key=score)
        for arm in ("knn", "filter")
    }
    arm = max(of_defence, key=lambda arm: score(of_defence[arm]))
    if score(of_defence[arm]) <= score(min(plain, key=score)):
        assert best == "No defence here has a better worst case."
        return
    attack, _, i = of_defence[arm]
    assert best.startswith(
        f"Best defence by its own worst case: {arm}: accuracy "
        f"{score(of_defence[arm]):.3f} ({attack} with budget {0.1 * i:g}); "
    )


def test_csv(two_attacks):
    content = to_csv(two_attacks)
    assert content.count(b"\r\n") == content.count(b"\n")
    header, *rows = csv.reader(StringIO(content.decode(), newline=""))
    assert header == ["attack", "defence", "budget", "fold", "score", "train", "test"]
    expected = []
    for (attack, arm), each in two_attacks.curves.items():
        for i, k in np.ndindex(3, 2):
            scores = each.train_scores[i, k], each.test_scores[i, k]
            expected.append((attack, arm, each.budgets[i], k, "accuracy", *scores))
    # To the last bit.
    read = [
        (attack, arm, float(budget), int(k), score, float(train), float(test))
        for attack, arm, budget, k, score, train, test in rows
    ]
    assert read == expected


def test_csv_of_numbers_of_rows():
    made = report({("flip", PLAIN): curve(0.5, 0.25, budgets=[0, 12], spread=0)})
    assert to_csv(made).decode().splitlines()[1:] == [
        "flip,no defence,0,0,accuracy,0.5,0.5",
        "flip,no defence,0,1,accuracy,0.625,0.5",
        "flip,no defence,12,0,accuracy,0.25,0.25",
        "flip,no defence,12,1,accuracy,0.375,0.25",
    ]


def test_picture(two_attacks):
    figure = draw(two_attacks)
    assert figure.get_suptitle() == "some.csv (9 rows)"
    assert [ax.get_title() for ax in figure.axes] == ["flip", "insertion"]
    for ax in figure.axes:
        arms = {
            arm: curve
            for (attack, arm), curve in two_attacks.curves.items()
            if attack == ax.get_title()
        }
        for line, (arm, curve) in zip(ax.get_lines(), arms.items(), strict=True):
            assert line.get_label() == arm
            np.testing.assert_array_equal(line.get_xdata(), curve.budgets)
            np.testing.assert_array_equal(
                line.get_ydata(), curve.test_scores.mean(axis=1)
            )
            assert (to_rgb(line.get_color()) == (0, 0, 0)) == (arm == PLAIN)
    first, second = figure.axes
    assert first.get_ylabel() == "Accuracy"
    assert first.get_ylim() == second.get_ylim()
    legend = [text.get_text() for text in first.get_legend().get_texts()]
    assert legend == ["no defence", "knn", "filter"]
    assert second.get_legend() is None


@pytest.mark.parametrize("n_attacks", [1, 3])
def test_picture_without_defence(n_attacks):
    curves = {(f"attack {i}", PLAIN): curve(0.9, 0.8, 0.7) for i in range(n_attacks)}
    figure = draw(report(curves, scoring="neg_log_loss"))
    assert len(figure.axes) == n_attacks
    assert figure.axes[0].get_ylabel() == "Neg log loss"


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
    made = report({("flip", PLAIN): curve(0.9, 0.8, 0.7)}, title=title)
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
    figure = draw(report(curves, title=title))
    figure.draw_without_rendering()
    extent = figure._suptitle.get_window_extent()
    assert extent.x0 > 0
    assert extent.x1 < figure.bbox.width
