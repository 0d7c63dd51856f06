import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier

from skpoison.attacks import MarginLabelFlip, RandomLabelFlip
from skpoison.defences import KNNSanitizedClassifier
from skpoison.model_selection import RobustnessReport, robustness_curve
from skpoison.model_selection._report_columns import (
    describe_columns,
    to_records,
    with_adaptive,
)

X, y = make_classification(90, 4, random_state=0)
MODEL = LogisticRegression()
DEFENDED = KNNSanitizedClassifier(MODEL)
ESTIMATORS = {"plain": MODEL, "kNN": DEFENDED}
LEARNERS = {
    "tuned": GridSearchCV(MODEL, {"C": [0.01, 1.0]}, cv=2),
    "tree": DecisionTreeClassifier(random_state=0),
}
ATTACKS = {
    "margin": MarginLabelFlip(random_state=0),
    "random": RandomLabelFlip(random_state=0),
}
GIVEN = {"budgets": [0.1, 0.3], "cv": 3}


@pytest.fixture(scope="module")
def report():
    return RobustnessReport(
        ESTIMATORS, ATTACKS, learners=LEARNERS, adaptive=["margin"], **GIVEN
    ).fit(X, y)


def test_learners_are_scored_on_the_same_poison(report):
    assert set(report.transfer_) == {(a, b) for a in ATTACKS for b in LEARNERS}
    for (attack, name), curve in report.transfer_.items():
        attack = ATTACKS[attack]
        if "surrogate" in attack.get_params():
            attack = clone(attack).set_params(surrogate=MODEL)
        expected = robustness_curve(
            LEARNERS[name], X, y, attack=attack, budgets=[0.0, 0.3], cv=3
        )
        np.testing.assert_array_equal(curve.test_scores, expected.test_scores)
        np.testing.assert_array_equal(curve.budgets, [0, 0.3])


def test_attackers_who_know_the_defence(report):
    (case,) = report.adaptive_
    assert case == ("margin", "kNN")
    attack = clone(ATTACKS["margin"]).set_params(surrogate=DEFENDED)
    expected = robustness_curve(DEFENDED, X, y, attack=attack, budgets=[0.0, 0.3], cv=3)
    found = report.adaptive_[case].test_scores
    np.testing.assert_array_equal(found, expected.test_scores)
    named = with_adaptive(report)["margin through kNN", "kNN"]
    np.testing.assert_array_equal(named.test_scores, found)


def test_tables(report):
    others, worst = describe_columns(report)
    assert others.header == ["victim", "clean", "margin", "random"]
    assert [row[0] for row in others.rows] == ["plain", "tuned", "tree"]
    plain = report.curves_["margin", "plain"].test_scores
    np.testing.assert_array_equal(others.rows[0][1], plain[0])
    np.testing.assert_array_equal(others.rows[0][2], plain[-1])
    assert worst.header == [
        *("estimator", "clean", "worst case", "defence known", "under")
    ]
    assert [row[0] for row in worst.rows] == ["plain", "kNN", "tuned", "tree"]
    assert [row[3] if row[0] != "kNN" else "" for row in worst.rows] == [""] * 4
    (adapted,) = (row[3] for row in worst.rows if row[0] == "kNN")
    known = report.adaptive_["margin", "kNN"].test_scores[-1]
    np.testing.assert_array_equal(adapted, known)
    lowest = min(curve.test_scores.mean(axis=1).min() for curve in curves(report))
    assert min(row[2].mean() for row in worst.rows) == lowest


def curves(report):
    found = (report.curves_, report.transfer_, report.adaptive_)
    return [curve for each in found for curve in each.values()]


def test_they_are_in_the_summary_and_on_the_page(report):
    text = report.summary()
    assert "Other victims under the same poison, by attack, with budget 30%" in text
    assert "defence known: crafted for the defence by margin, 30%" in text
    page = report.to_html()
    assert "<h2>Other victims</h2>" in page
    assert "Defence known" in page
    assert "<caption>Other victims" in report._repr_html_()


def test_conclusions_count_attackers_who_know_the_defence():
    """The worst case of a defence is also one of them."""
    report = RobustnessReport(
        ESTIMATORS, {"margin": ATTACKS["margin"]}, adaptive=["margin"], **GIVEN
    ).fit(X, y)
    report.adaptive_["margin", "kNN"].test_scores[-1] = 0.0
    (worst,) = describe_columns(report)
    assert [row[2][0] for row in worst.rows if row[0] == "kNN"] == [0.0]
    case = "margin through kNN with budget 30%"
    assert [row[-1] for row in worst.rows if row[0] == "kNN"] == [case]
    assert f">{case}<" in report.to_html()
    assert "Best defence" not in report.summary()
    assert "No defence has a worst case that is better" in report.summary()


def test_records(report):
    columns, records = to_records(report)
    assert columns[:4] == ["attack", "estimator", "budget", "fold"]
    assert len(records) == 3 * (2 * 2 * 3 + 2 + 2 * 2 * 2)
    cases = {tuple(row[:2]) for row in records}
    assert {("margin through kNN", "kNN"), ("random", "tuned")} <= cases


def test_without_further_victims():
    report = RobustnessReport(MODEL, ATTACKS["random"], **GIVEN).fit(X, y)
    (worst,) = describe_columns(report)
    assert worst.header == ["estimator", "clean", "worst case", "under"]
    assert report.transfer_ == report.adaptive_ == {}


def test_attacks_named_twice():
    told = []
    RobustnessReport(
        ESTIMATORS,
        {"margin": ATTACKS["margin"]},
        adaptive=["margin", "margin"],
        callback=lambda *step: told.append(step[:2]),
        budgets=[0.1],
        cv=2,
    ).fit(X, y)
    assert told[-1][0] == told[-1][1]


def test_victims_that_become_estimators_are_scored_on_their_budgets(tmp_path):
    """Neither way are scores of other budgets taken for those that are asked."""
    tree = {"tree": LEARNERS["tree"]}
    given = {"attacks": ATTACKS["random"], **GIVEN}
    as_learner = {"estimators": {"plain": MODEL}, "learners": tree} | given
    as_estimator = {"estimators": {"plain": MODEL} | tree} | given
    for way in ([as_learner, as_estimator], [as_estimator, as_learner]):
        folder = tmp_path / str(way.index(as_learner))
        RobustnessReport(**way[0], folder=folder).fit(X, y)
        resumed = RobustnessReport(**way[1], folder=folder).fit(X, y)
        assert to_records(resumed) == to_records(RobustnessReport(**way[1]).fit(X, y))


def test_resumed(report, tmp_path, monkeypatch):
    again = RobustnessReport(
        ESTIMATORS,
        ATTACKS,
        learners=LEARNERS,
        adaptive=["margin"],
        folder=tmp_path,
        **GIVEN,
    )
    again.fit(X, y)

    def fail(self, X, y, sample_weight=None, check_input=True):
        raise AssertionError("it has been computed")

    monkeypatch.setattr(GaussianNB, "fit", fail)
    monkeypatch.setattr(LogisticRegression, "fit", fail)
    monkeypatch.setattr(DecisionTreeClassifier, "fit", fail)
    third = clone(again).fit(X, y)
    for name in ("curves_", "transfer_", "adaptive_"):
        for case, curve in getattr(report, name).items():
            for other in (again, third):
                found = getattr(other, name)[case]
                np.testing.assert_array_equal(found.test_scores, curve.test_scores)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"learners": {"kNN": MODEL}}, "learners must have other names .* got kNN"),
        ({"learners": {"a": ATTACKS["random"]}}, r"learners\['a'\] must be an estim"),
        ({"adaptive": "margin"}, r"adaptive must be a list .* Write \['margin'\]"),
        ({"adaptive": ["random"]}, "have a surrogate, .*: margin; got 'random'"),
        ({"adaptive": ["other"]}, "got 'other'"),
        (
            {"adaptive": ["margin"], "estimators": MODEL},
            r"adaptive is for attackers who know a defence.*got \['margin'\]. Add",
        ),
        (
            {
                "adaptive": ["margin"],
                "attacks": ATTACKS | {"margin through kNN": ATTACKS["random"]},
            },
            "attacks must have other names .*; got 'margin through kNN' twice",
        ),
    ],
)
def test_what_does_not_fit(given, message):
    given = {"estimators": ESTIMATORS, "attacks": ATTACKS} | GIVEN | given
    report = RobustnessReport(**given)
    with pytest.raises(ValueError, match=message):
        report.fit(X, y)
