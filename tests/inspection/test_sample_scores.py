import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from sklearn.datasets import make_classification, make_regression
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB

from skpoison.defences import (
    KNNSanitizedClassifier,
    NoisyLabelClassifier,
    OutlierFilteredClassifier,
    OutlierFilteredRegressor,
)
from skpoison.inspection import SampleScoresDisplay
from skpoison.inspection._sample_scores import CLEAN, POISON

matplotlib.use("agg")

X, codes = make_classification(
    60, n_classes=3, n_informative=4, flip_y=0.2, random_state=0
)
y = np.array(["ant", "bee", "cat"])[codes]
POISONED = np.arange(60) >= 50


@pytest.fixture
def ax():
    return Figure().subplots()


def heights(points):
    return np.sort(np.concatenate([each.get_offsets()[:, 1] for each in points]))


def test_scores_and_threshold_are_drawn(ax):
    defence = KNNSanitizedClassifier(GaussianNB()).fit(X, y)
    display = SampleScoresDisplay.from_estimator(defence, ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    np.testing.assert_array_equal(
        heights(display.points_), np.sort(defence.sample_scores_)
    )
    segments = display.threshold_lines_.get_segments()
    assert [segment[0, 1] for segment in segments] == [0.5] * 3
    assert ax.get_ylabel() == "Score by KNNSanitizedClassifier"
    assert [label.get_text() for label in ax.get_xticklabels()] == ["ant", "bee", "cat"]


def test_each_class_has_its_column_and_threshold(ax):
    defence = OutlierFilteredClassifier(GaussianNB()).fit(X, y)
    display = SampleScoresDisplay.from_estimator(defence, ax=ax)
    segments = display.threshold_lines_.get_segments()
    np.testing.assert_allclose([each[0, 1] for each in segments], defence.threshold_)
    (points,) = display.points_
    places, scores = points.get_offsets().T
    columns = np.rint(places).astype(int)
    for k, label in enumerate(defence.classes_):
        np.testing.assert_array_equal(
            scores[columns == k], defence.sample_scores_[y == label]
        )
        assert (np.diff(places[columns == k]) > 0).all()
        above = scores[columns == k] >= segments[k][0, 1]
        np.testing.assert_array_equal(above, ~defence.inlier_mask_[y == label])


def test_poison_and_clean_rows_have_colours(ax):
    defence = OutlierFilteredClassifier(GaussianNB()).fit(X, y)
    display = SampleScoresDisplay.from_estimator(defence, POISONED.tolist(), ax=ax)
    clean, poison = display.points_
    assert tuple(clean.get_facecolor()[0][:3]) == to_rgba(CLEAN)[:3]
    assert tuple(poison.get_facecolor()[0][:3]) == to_rgba(POISON)[:3]
    np.testing.assert_array_equal(
        heights([poison]), np.sort(defence.sample_scores_[POISONED])
    )
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["clean", "poison", "threshold"]


def test_regression_is_one_column(ax):
    X, y = make_regression(60, 3, random_state=0)
    defence = OutlierFilteredRegressor(Ridge()).fit(X, y)
    display = SampleScoresDisplay.from_estimator(defence, POISONED, ax=ax, name="it")
    (segment,) = display.threshold_lines_.get_segments()
    assert segment[0, 1] == defence.threshold_
    assert sum(len(points.get_offsets()) for points in display.points_) == 60
    assert ax.get_ylabel() == "Score by it"
    assert not ax.get_xticks().size


def test_rows_of_weight_0_are_not_drawn(ax):
    weights = np.where(y == "ant", 0.0, 1.0)
    defence = KNNSanitizedClassifier(GaussianNB()).fit(X, y, sample_weight=weights)
    display = SampleScoresDisplay.from_estimator(defence, ax=ax)
    assert len(display.points_[0].get_offsets()) == (y != "ant").sum()
    assert [label.get_text() for label in ax.get_xticklabels()] == ["bee", "cat"]


def test_infinite_scores_and_thresholds(ax):
    scores = np.array([0.0, 1.0, np.inf, -np.inf])
    display = SampleScoresDisplay(
        scores=scores, threshold=np.array([0.5, np.inf]), y=np.array([0, 0, 0, 1])
    ).plot(ax)
    np.testing.assert_allclose(heights(display.points_), [-0.05, 0, 1, 1.05])
    assert len(display.threshold_lines_.get_segments()) == 1


def test_without_finite_scores_or_axes():
    display = SampleScoresDisplay(scores=np.array([np.inf]), threshold=0.0).plot()
    assert len(display.points_[0].get_offsets()) == 1
    matplotlib.pyplot.close(display.figure_)


@pytest.mark.parametrize("mask", [POISONED[:-1], POISONED.astype(int)])
def test_mask_of_other_rows_is_refused(mask, ax):
    defence = KNNSanitizedClassifier(GaussianNB()).fit(X, y)
    with pytest.raises(ValueError, match=r"poison_mask must be a boolean.*\(60,\); go"):
        SampleScoresDisplay.from_estimator(defence, mask, ax=ax)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"threshold": [1.0, 2.0, 3.0]}, "threshold must be"),
        ({"y": [0]}, "inconsistent"),
    ],
)
def test_shapes_are_checked(wrong, message, ax):
    given = {"scores": [1.0, 2.0, np.nan], "threshold": [1.0, 2.0], "y": [0, 1, 0]}
    SampleScoresDisplay(**given).plot(ax)
    with pytest.raises(ValueError, match=message):
        SampleScoresDisplay(**(given | wrong)).plot(ax)


def test_defence_must_be_fitted_and_score_rows(ax):
    with pytest.raises(NotFittedError):
        SampleScoresDisplay.from_estimator(KNNSanitizedClassifier(GaussianNB()))
    defence = NoisyLabelClassifier(LogisticRegression(), noise=0.1).fit(X, y)
    with pytest.raises(ValueError, match="must be a defence that scores rows"):
        SampleScoresDisplay.from_estimator(defence, ax=ax)
