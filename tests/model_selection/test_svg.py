import re
from xml.etree import ElementTree

import numpy as np
import pytest
from sklearn.utils import Bunch

from skpoison.model_selection._svg import N_STYLES, _ticks, draw_curves, marker


def curve(*means, budgets=(0.0, 0.1, 0.2), spread=0.05):
    means = np.array(means)[:, np.newaxis]
    return Bunch(
        budgets=np.array(budgets), test_scores=means + np.array([-spread, spread])
    )


def points(path):
    return np.array(re.findall(r"([\d.]+) ([\d.]+)", path), dtype=float)


def test_lines_and_bands_are_to_scale():
    svg = draw_curves({"a": curve(0.9, 0.8, 0.5)}, title="<t>", score_name="s&s")
    root = ElementTree.fromstring(svg)
    assert root.get("role") == "img"
    assert root.get("aria-label") == "<t>"
    line = points(root.find("path[@class='line s0']").get("d"))
    band = points(root.find("path[@class='band s0']").get("d"))
    assert (np.diff(line[:, 0]) > 0).all()
    # 0.1 down, then 0.3 down; the band is 0.1 high.
    first, second = np.diff(line[:, 1])
    assert second == pytest.approx(3 * first, abs=0.4)
    np.testing.assert_allclose(band[3:][::-1, 1] - band[:3, 1], first, atol=0.2)
    np.testing.assert_allclose(band[:3, 0], line[:, 0])
    # The labels of the ticks stand where the scores are.
    texts = {each.text: each for each in root.findall("text")}
    assert {"0%", "10%", "20%", "s&s"} <= set(texts)
    low, high = (float(texts[tick].get("y")) for tick in ("0.4", "0.8"))
    assert low - high == pytest.approx(first + second, abs=0.4)


def test_numbers_of_rows_and_many_curves():
    curves = {str(i): curve(i, i, budgets=(0, 5)) for i in range(N_STYLES + 1)}
    root = ElementTree.fromstring(draw_curves(curves, title="t", score_name="s"))
    assert "5" in {each.text for each in root.findall("text")}
    assert len(root.findall("path[@class='line s0']")) == 2


def test_curves_without_spread_or_budgets():
    flat = {"a": curve(1.0, budgets=(0,), spread=0.0)}
    assert "nan" not in draw_curves(flat, title="t", score_name="s")


@pytest.mark.parametrize("i", range(5))
def test_markers(i):
    (each,) = ElementTree.fromstring(f"<svg>{marker(i, 1, 2)}</svg>")
    assert each.get("class") == f"mark s{i}"
    assert each.tag == ("circle" if i % 4 == 0 else "path")


@pytest.mark.parametrize(
    ("low", "high", "step"),
    [(0.62, 0.98, 0.1), (-310.0, 90.0, 100.0), (0.9, 0.9, 0.2), (0.0, 1e-3, 2e-4)],
)
def test_ticks(low, high, step):
    ticks = _ticks(low, high)
    np.testing.assert_allclose(np.diff(ticks), step)
    assert ticks[0] <= low
    assert ticks[-1] >= high
    assert ticks[0] > low - step
    assert ticks[-1] < high + step


def test_no_two_of_many_curves_look_alike():
    looks = set()
    for i in range(4 * N_STYLES):
        (each,) = ElementTree.fromstring(f"<svg>{marker(i, 0, 0)}</svg>")
        looks.add((each.get("class"), each.tag, each.get("d")))
    assert len(looks) == 4 * N_STYLES


def test_scores_that_are_no_numbers():
    means = (0.9, 0.8, np.nan, 0.6, 0.5)
    broken = curve(*means, budgets=(0, 1, 2, 3, 4))
    whole = curve(0.9, 0.8, 0.7, 0.6, 0.5, budgets=(0, 1, 2, 3, 4))
    drawn, expected = (
        ElementTree.fromstring(draw_curves({"a": each}, title="t", score_name="s"))
        for each in (broken, whole)
    )
    parts = [points(p.get("d")) for p in drawn.findall("path[@class='line s0']")]
    full = points(expected.find("path[@class='line s0']").get("d"))
    np.testing.assert_array_equal(parts[0], full[:2])
    np.testing.assert_array_equal(parts[1], full[3:])
    assert len(drawn.findall("circle")) == 4
    nothing = {"a": curve(np.nan, np.nan, budgets=(0, 1))}
    svg = draw_curves(nothing, title="t", score_name="s")
    assert "nan" not in svg
    assert "line s0" not in svg
