import re

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.tree import DecisionTreeClassifier

from skpoison.attacks import MarginLabelFlip, RandomLabelFlip
from skpoison.defences import KNNSanitizedClassifier
from skpoison.model_selection import RobustnessReport
from skpoison.model_selection._page import _share
from skpoison.model_selection._summary import DASH
from skpoison.utils._show_versions import describe_versions

EVIL = "<b>&no"


@pytest.fixture(scope="module")
def report():
    X, y = load_iris(return_X_y=True)
    tree = DecisionTreeClassifier(random_state=0)
    return RobustnessReport(
        {EVIL: tree, "relabel": KNNSanitizedClassifier(tree)},
        {"flips": RandomLabelFlip(random_state=0), EVIL: MarginLabelFlip()},
        budgets=[0.2],
        cv=3,
        scoring="accuracy",
    ).fit(X, y)


def cells(html):
    return re.findall(r"<t[dh][^>]*>(?:<button[^>]*>)?([^<]*)", html)


def test_page_holds_the_report(report):
    page = report.to_html("Iris & co")
    assert "<h1>Iris &amp; co</h1>" in page
    assert EVIL not in page
    assert page.count("<table>") == 4
    assert page.count('<svg viewBox="0 0 420 300" role="img"') == 2
    for line in report.summary().splitlines()[-2:]:
        assert line.replace("<b>&", "&lt;b&gt;&amp;") in page
    found = cells(page)
    for curve in report.curves_.values():
        for mean, std in zip(
            curve.test_scores.mean(axis=1), curve.test_scores.std(axis=1), strict=True
        ):
            assert f"{mean:.3f} ± {std:.3f}" in found
    assert describe_versions() in page
    assert "AML.T0020 Training Data Poisoning" in page


def test_cost_on_clean_data_and_worst_case(report):
    clean = {
        name: report.curves_["flips", name].test_scores[0].mean()
        for name in (EVIL, "relabel")
    }
    worst = min(
        (curve.test_scores.mean(axis=1).min(), attack)
        for (attack, name), curve in report.curves_.items()
        if name == "relabel"
    )
    found = cells(report.to_html())
    place = found.index("relabel")
    assert found[place + 1 : place + 4] == [
        f"{clean['relabel']:.3f}",
        f"{clean[EVIL] - clean['relabel']:+.3f}",
        f"{worst[0]:.3f}",
    ]


def test_nothing_comes_from_elsewhere(report):
    page = report.to_html()
    assert not re.search(r"<(link|img|iframe|object)|src=|@import|url\(", page)
    # Links are for the reader alone.
    assert set(re.findall(r'https?://[^"\s<]*', page)) == {
        "https://doi.org/10.6028/NIST.AI.100-2e2025",
        "https://atlas.mitre.org/techniques/AML.T0020",
    }


def test_seconds(report):
    assert set(report.seconds_) == {
        (attack, name) for attack in ("flips", EVIL) for name in (None, EVIL, "relabel")
    }
    assert all(0 < seconds < np.inf for seconds in report.seconds_.values())


def test_balanced_accuracy_has_a_section_of_its_own():
    X, y = load_iris(return_X_y=True)
    rows = np.r_[0:50, 50:100, 100:106]
    report = RobustnessReport(
        DecisionTreeClassifier(random_state=0),
        RandomLabelFlip(random_state=0),
        budgets=[3],
        cv=2,
        scoring="accuracy",
    )
    with pytest.warns(UserWarning, match="balanced_accuracy is shown beside it"):
        report.fit(X[rows], y[rows])
    page = report.to_html()
    assert "<h2>Robustness, by accuracy</h2>" in page
    assert "<h2>Robustness, by balanced_accuracy</h2>" in page


def test_regained_shares_are_in_the_order_of_numbers():
    texts = ["< -100%", "-100%", "-7%", "0%", "12%", "100%", "200%", "> 200%"]
    values = [_share(text).value for text in texts]
    np.testing.assert_allclose(values[1:-1], [-1, -0.07, 0, 0.12, 1, 2])
    assert values[0] < values[1]
    assert values[-1] > values[-2]
    assert np.isnan(_share(DASH).value)


def test_page_is_about_the_attacks_that_have_run(report):
    page, attacks = report.to_html(), report.attacks
    try:
        report.attacks = {"others": RandomLabelFlip()}
        assert report.to_html() == page
    finally:
        report.attacks = attacks


@pytest.mark.parametrize("title", [None, 3])
def test_no_title(report, title):
    with pytest.raises(ValueError, match="`title` must be a string; got"):
        report.to_html(title)


def test_scores_that_are_no_numbers():
    X, y = load_iris(return_X_y=True)

    def score(estimator, X, y):
        return np.nan if estimator.predict(X).sum() % 2 else 1.0

    report = RobustnessReport(
        {"tree": DecisionTreeClassifier(random_state=0)},
        RandomLabelFlip(random_state=0),
        budgets=[20, 40, 60],
        cv=2,
        scoring=score,
    ).fit(X, y)
    (curve,) = report.curves_.values()
    assert np.isnan(curve.test_scores).any()
    page = report.to_html()
    assert 'data-value="-Infinity"' in page
    assert 'data-value="nan"' not in page
