import matplotlib.pyplot as plt
import numpy as np
import pytest

from skpoison.model_selection import TransferMatrixDisplay

MATRIX = {
    "victims": ["a", "b", "c"],
    "surrogates": ["p", "q"],
    "budget": 0.1,
    "clean_scores": np.array([[0.9, 0.8], [1.0, 0.9], [0.7, 0.7]]),
    "test_scores": np.arange(12).reshape(2, 3, 2) / 25,
    "alignments": np.array([[[1, 0.5], [np.nan] * 2, [0, 0]], [[0.2, 0.4]] * 3]),
}


@pytest.fixture
def display():
    yield TransferMatrixDisplay(**MATRIX, score_name="Accuracy")
    plt.close("all")


def texts(display):
    return [[cell.get_text() for cell in row] for row in display.text_]


def test_scores(display):
    assert display.plot() is display
    assert texts(display) == [
        ["0.85", "0.95", "0.70"],
        ["0.02", "0.10", "0.18"],
        ["0.26", "0.34", "0.42"],
    ]
    rows = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert rows == ["clean data", "p", "q"]
    columns = [label.get_text() for label in display.ax_.get_xticklabels()]
    assert columns == ["a", "b", "c"]
    assert display.figure_.axes[1].get_ylabel() == "Accuracy"
    assert display.im_.get_array().shape == (3, 3)


def test_losses(display):
    display.plot(values="loss", values_format=".3f", colorbar=False)
    assert texts(display)[1] == ["0.590", "0.610", "0.280"]
    assert len(display.figure_.axes) == 1


def test_alignments(display):
    display.plot(values="alignment", im_kw={"cmap": "Reds"}, text_kw={"color": "C1"})
    assert texts(display) == [["0.75", "–", "0.00"], ["0.30", "0.30", "0.30"]]
    assert display.im_.get_cmap().name == "Reds"
    assert display.text_[0, 0].get_color() == "C1"
    assert display.figure_.axes[1].get_ylabel() == "Gradient alignment"


def test_numbers_and_dashes_are_legible(display):
    display.plot(values="alignment", im_kw={"vmin": 0, "vmax": 1})
    dark, missing, light = (text.get_color() for text in display.text_[0])
    assert dark == "white"
    assert missing == light == "black"


def test_given_axes(display):
    _, ax = plt.subplots()
    assert display.plot(ax).ax_ is ax
    assert display.figure_ is ax.figure


def test_dark_cells_have_light_numbers(display):
    display.plot()
    lowest = display.text_[1, 0].get_color()
    assert (lowest, display.text_[0, 1].get_color()) == ("white", "black")


def test_refusal(display):
    with pytest.raises(ValueError, match="values must be one of"):
        display.plot(values="error")
