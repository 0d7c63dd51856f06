import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from sklearn.datasets import load_iris
from sklearn.naive_bayes import GaussianNB

from skpoison.attacks import RandomLabelFlip
from skpoison.model_selection import RobustnessCurveDisplay, robustness_curve

matplotlib.use("agg")
from matplotlib import pyplot

X, y = load_iris(return_X_y=True)
ATTACK = RandomLabelFlip(random_state=0)
BUDGETS = np.array([0.2, 0.0, 0.1])
SCORES = {
    "train_scores": np.array([[0.5, 0.7], [0.8, 1.0], [0.7, 0.8]]),
    "test_scores": np.array([[0.4, 0.6], [0.7, 0.9], [0.6, 0.7]]),
}


@pytest.fixture(autouse=True)
def close_figures():
    yield
    pyplot.close("all")


@pytest.fixture
def display():
    return RobustnessCurveDisplay(budgets=BUDGETS, **SCORES, name="plain")


def labels(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_line_is_the_mean_by_rising_budget(display):
    display.plot()
    (line,) = display.lines_
    np.testing.assert_allclose(line.get_xdata(), [0, 0.1, 0.2])
    np.testing.assert_allclose(line.get_ydata(), [0.8, 0.65, 0.5])
    assert display.ax_.get_xlabel() == (
        "Poison, share of the clean training rows (n_p / n)"
    )
    assert display.ax_.get_ylabel() == "Score"
    assert display.figure_ is display.ax_.figure


def test_band_is_a_standard_deviation(display):
    (band,) = display.plot().fill_between_
    heights = band.get_paths()[0].vertices[:, 1]
    np.testing.assert_allclose([heights.min(), heights.max()], [0.4, 0.9])
    assert display.plot(std_display_style=None).fill_between_ is None


@pytest.mark.parametrize(
    ("score_type", "expected"),
    [
        ("test", ["plain"]),
        ("train", ["plain, train"]),
        ("both", ["plain, train", "plain, test"]),
    ],
)
def test_score_type(display, score_type, expected):
    display.plot(score_type=score_type)
    assert labels(display.ax_) == expected
    assert len(display.lines_) == len(display.fill_between_) == len(expected)


def test_negate_score(display):
    display.plot(negate_score=True)
    np.testing.assert_allclose(display.lines_[0].get_ydata(), [-0.8, -0.65, -0.5])


def test_several_estimators_share_an_axis(display):
    ax = Figure().subplots()
    display.plot(ax)
    display.plot(ax, name="defended", line_kw={"color": "red", "marker": None})
    assert labels(ax) == ["plain", "defended"]
    assert len(ax.get_lines()) == 2
    assert ax.get_lines()[1].get_color() == "red"


def test_no_name_no_legend():
    display = RobustnessCurveDisplay(budgets=BUDGETS, **SCORES).plot()
    assert display.ax_.get_legend() is None


def test_numbers_of_rows():
    display = RobustnessCurveDisplay(budgets=np.array([0, 10, 20]), **SCORES)
    assert display.plot().ax_.get_xlabel() == "Poison, rows (n_p)"


def test_from_estimator():
    arguments = {"attack": ATTACK, "budgets": [0.0, 0.3], "cv": 3}
    display = RobustnessCurveDisplay.from_estimator(
        GaussianNB(), X, y, scoring="neg_log_loss", negate_score=True, **arguments
    )
    curve = robustness_curve(GaussianNB(), X, y, scoring="neg_log_loss", **arguments)
    np.testing.assert_array_equal(display.test_scores, curve.test_scores)
    np.testing.assert_allclose(
        display.lines_[0].get_ydata(), -curve.test_scores.mean(axis=1)
    )
    assert display.ax_.get_ylabel() == "Log loss"
    assert labels(display.ax_) == ["GaussianNB"]


def test_from_estimator_draws_one_metric():
    with pytest.raises(ValueError, match="must be one metric for a display"):
        RobustnessCurveDisplay.from_estimator(
            GaussianNB(), X, y, attack=ATTACK, scoring=["accuracy", "f1_macro"]
        )


@pytest.mark.parametrize(
    ("parameter", "message"),
    [
        ({"score_type": "clean"}, r"one of \['both', 'test', 'train'\]; got 'clean'"),
        ({"std_display_style": "bars"}, "'fill_between' or None; got 'bars'"),
    ],
)
def test_parameters_are_checked(display, parameter, message):
    with pytest.raises(ValueError, match=message):
        display.plot(**parameter)


def test_without_matplotlib(monkeypatch, display):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.pyplot", None)
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"pip install 'skpoison\[plot\]'"):
        display.plot()
    with pytest.raises(ImportError, match=r"pip install 'skpoison\[plot\]'"):
        RobustnessCurveDisplay.from_estimator(GaussianNB(), X, y, attack=ATTACK)
