import numpy as np
import pytest
from sklearn.utils import Bunch

from skpoison.model_selection import robustness_score

BUDGETS = np.array([0.0, 0.1, 0.4])


def curve(*means, budgets=BUDGETS):
    """Make a curve of two folds with these means."""
    scores = np.array([[mean - 0.01, mean + 0.01] for mean in means])
    return Bunch(budgets=budgets, test_scores=scores, train_scores=scores)


def test_closed_form():
    score = robustness_score(curve(0.9, 0.7, 0.3), no_skill=0.2)
    area = (0.1 * (0.9 + 0.7) / 2 + 0.3 * (0.7 + 0.3) / 2) / 0.4
    assert score.robustness == pytest.approx((area - 0.2) / (0.9 - 0.2))
    assert score.worst_score == pytest.approx(0.3)
    assert score.clean_score == pytest.approx(0.9)
    assert (score.worst_attack, score.worst_budget) == (None, 0.4)


def test_worst_of_several_attacks():
    """The worst at each budget counts, whichever attack it is."""
    curves = {"a": curve(0.9, 0.5, 0.5), "b": curve(0.9, 0.8, 0.4)}
    score = robustness_score(curves)
    envelope = robustness_score(curve(0.9, 0.5, 0.4))
    assert score.robustness == pytest.approx(envelope.robustness)
    assert (score.worst_attack, score.worst_budget) == ("b", 0.4)


def test_curves_of_a_report_with_one_estimator():
    curves = {(a, "tree"): curve(0.9, 0.7, low) for a, low in (("a", 0.3), ("b", 0.2))}
    assert robustness_score(curves).worst_attack == ("b", "tree")


@pytest.mark.parametrize("no_skill", [0.0, 0.5])
def test_poison_without_effect(no_skill):
    score = robustness_score(curve(0.8, 0.8, 0.8), no_skill=no_skill)
    assert score.robustness == pytest.approx(1)


def test_no_skill_under_poison():
    budgets = np.array([0, 1, 1000])
    score = robustness_score(curve(0.9, 0.5, 0.5, budgets=budgets), no_skill=0.5)
    assert score.robustness == pytest.approx(0.5 / 1000)
    assert type(score.worst_budget) is int


def test_negative_scores():
    """A score of errors has a negative one without skill."""
    score = robustness_score(curve(-1.0, -2.0, -3.0), no_skill=-3.0)
    area = -(0.1 * 1.5 + 0.3 * 2.5) / 0.4
    assert score.robustness == pytest.approx((area + 3) / 2)


def test_order_of_the_budgets_does_not_matter():
    order = [2, 0, 1]
    shuffled = curve(*np.array([0.9, 0.7, 0.3])[order], budgets=BUDGETS[order])
    expected = robustness_score(curve(0.9, 0.7, 0.3))
    assert robustness_score(shuffled) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("curves", "no_skill", "match"),
    [
        ({}, 0, "curves must be a curve, or a dict"),
        ([curve(0.9, 0.7, 0.3)], 0, "curves must be a curve, or a dict"),
        (curve(0.9, 0.7, budgets=BUDGETS[1:]), 0, "must have the budget 0"),
        (curve(0.9, budgets=BUDGETS[:1]), 0, "and a larger one"),
        (
            {"a": curve(0.9, 0.7, 0.3), "b": curve(0.9, 0.7, 0.3, budgets=2 * BUDGETS)},
            0,
            "must have the same budgets",
        ),
        (curve(0.9, 0.7, 0.3), 0.9, "no_skill must be lower than"),
        (
            Bunch(budgets=BUDGETS, test_scores={"f1": np.ones((3, 2))}),
            0,
            "must be of one metric",
        ),
        (curve(0.9, np.nan, 0.3), 0, "must have no missing scores; got NaN for None"),
        (
            {("a", "tree"): curve(0.9, 0.7, 0.3), ("a", "knn"): curve(0.9, 0.7, 0.3)},
            0,
            r"must be of one estimator; got those of \['tree', 'knn'\]",
        ),
        (curve(0.9, 0.7, 0.3), "a", "no_skill must be a score, a finite number"),
        (curve(0.9, 0.7, 0.3), np.nan, "no_skill must be a score, a finite number"),
    ],
)
def test_refusals(curves, no_skill, match):
    with pytest.raises(ValueError, match=match):
        robustness_score(curves, no_skill=no_skill)
