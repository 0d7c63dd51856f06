import sys

import matplotlib
import pytest
from matplotlib.figure import Figure

from skpoison.utils._display import BaseDisplay

matplotlib.use("agg")
from matplotlib import pyplot


def test_new_figure():
    display = BaseDisplay()
    ax = display._prepare_axes()
    assert display.ax_ is ax
    assert display.figure_ is pyplot.gcf()
    pyplot.close("all")


def test_given_axes_need_no_pyplot(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    ax = Figure().subplots()
    display = BaseDisplay()
    assert display._prepare_axes(ax) is display.ax_ is ax
    assert display.figure_ is ax.figure


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"BaseDisplay needs matplotlib.*\[plot\]'"):
        BaseDisplay()._prepare_axes()
