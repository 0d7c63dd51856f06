"""Plot of a prequential curve."""

import matplotlib
import matplotlib.pyplot
import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import SGDClassifier

from skpoison.model_selection import PrequentialCurveDisplay, prequential_curve
from skpoison.online import (
    AdaptiveCombinationClassifier,
    OnlineInsertion,
    RejectionClassifier,
)

rng = np.random.RandomState(0)
y = rng.randint(2, size=230)
X = rng.normal(size=(230, 3)) + y[:, np.newaxis]
LEARNER = SGDClassifier("log_loss", learning_rate="constant", eta0=0.1, shuffle=False)


def test_display():
    matplotlib.use("agg")
    attack = OnlineInsertion(LEARNER, 5)
    display = PrequentialCurveDisplay.from_estimator(
        LEARNER, X, y, attack=attack, batch_size=23, name="plain"
    )
    curve = prequential_curve(LEARNER, X, y, attack=attack, batch_size=23)
    assert_array_equal(display.lines_[0].get_ydata(), curve.running_scores)
    assert_array_equal(display.lines_[0].get_xdata(), np.cumsum(curve.n_rows))
    assert len(display.poison_.get_segments()) == (curve.n_poison > 0).sum()
    assert len(display.lines_) == 2
    again = display.plot(display.ax_, no_change=False, line_kw={"color": "k"})
    assert len(again.lines_) == 1
    assert again.lines_[0].get_color() == "k"
    matplotlib.pyplot.close(display.figure_)


def test_display_of_shares():
    trusted = np.arange(230) % 5 == 0
    learners = [("fast", LEARNER), ("slow", clone(LEARNER).set_params(eta0=0.001))]
    display = PrequentialCurveDisplay.from_estimator(
        AdaptiveCombinationClassifier(learners),
        X,
        y,
        batch_size=10,
        trusted=trusted,
        shares=True,
    )
    # A combination rejects nothing.
    assert_array_equal(display.share_lines_[0].get_ydata(), display.weights[:, 0])
    assert len(display.share_lines_) == 2
    labels = [line.get_label() for line in display.share_lines_]
    assert labels == ["weight fast", "weight slow"]
    defence = RejectionClassifier(LEARNER, 0.4, burn_in=0)
    rejecting = PrequentialCurveDisplay.from_estimator(
        defence, X, y, ax=display.ax_, batch_size=23, shares=True
    )
    (line,) = rejecting.share_lines_
    assert_allclose(line.get_ydata(), rejecting.rejected)
    assert rejecting.rejected[1:].max() > 0
    assert rejecting.plot(display.ax_).share_lines_ == []
    matplotlib.pyplot.close(display.figure_)


def test_two_displays_share_the_line_of_no_change():
    first = PrequentialCurveDisplay.from_estimator(LEARNER, X, y, name="a")
    second = PrequentialCurveDisplay.from_estimator(
        LEARNER, X, y, name="b", ax=first.ax_
    )
    legend = second.ax_.get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["a", "no change", "b"]
    matplotlib.pyplot.close(first.figure_)
