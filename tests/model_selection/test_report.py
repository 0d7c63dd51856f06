import sys
from itertools import product

import matplotlib
import numpy as np
import pytest
import sklearn
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import NotFittedError
from sklearn.metrics import make_scorer, mean_absolute_error
from sklearn.model_selection import GroupKFold, ShuffleSplit, StratifiedKFold
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from threadpoolctl import threadpool_info, threadpool_limits

from skpoison.attacks import (
    ALFA,
    RandomInsertion,
    RandomLabelFlip,
    RelaxedLabelFlip,
)
from skpoison.defences import KNNSanitizedClassifier, OutlierFilteredClassifier
from skpoison.model_selection import RobustnessReport, robustness_curve

matplotlib.use("agg")
from matplotlib import pyplot

X, y = load_iris(return_X_y=True)
NB = GaussianNB()
ESTIMATORS = {"plain": NB, "relabelled": KNNSanitizedClassifier(NB)}
ATTACKS = {
    "insertion": RandomInsertion(random_state=0),
    "flips": RandomLabelFlip(random_state=0),
}


class CountedInsertion(RandomInsertion):
    n_calls = 0

    def fit_resample(self, X, y, *, trusted=None):
        type(self).n_calls += 1
        return super().fit_resample(X, y, trusted=trusted)


class CountedFlip(RandomLabelFlip):
    n_calls = 0

    def fit_resample(self, X, y, *, trusted=None):
        type(self).n_calls += 1
        return super().fit_resample(X, y, trusted=trusted)


class SingleThreaded(GaussianNB):
    def fit(self, X, y):
        assert {pool["num_threads"] for pool in threadpool_info()} == {1}
        return super().fit(X, y)


class Broken(GaussianNB):
    def fit(self, X, y):
        raise RuntimeError("no luck")


@pytest.fixture(autouse=True)
def close_figures():
    yield
    pyplot.close("all")


@pytest.fixture(scope="module")
def fitted():
    return RobustnessReport(
        ESTIMATORS, ATTACKS, budgets=[0.2, 0.1], cv=3, scoring="balanced_accuracy"
    ).fit(X, y)


def assert_equal_curves(curve, expected):
    np.testing.assert_array_equal(curve.budgets, expected.budgets, strict=True)
    for part in ("train_scores", "test_scores"):
        np.testing.assert_array_equal(curve[part], expected[part], strict=True)


def test_each_poison_is_crafted_once():
    """2 attacks, 3 budgets, 2 folds and 4 estimators: 12 poisoned training sets."""
    CountedInsertion.n_calls = CountedFlip.n_calls = 0
    RobustnessReport(
        {
            "no defence": NB,
            "relabel": KNNSanitizedClassifier(NB),
            "drop": KNNSanitizedClassifier(NB, action="drop"),
            "filter": OutlierFilteredClassifier(NB),
        },
        {
            "insertion": CountedInsertion(random_state=0),
            "flips": CountedFlip(random_state=0),
        },
        budgets=[0.0, 0.1, 0.2],
        cv=2,
    ).fit(X, y)
    assert CountedInsertion.n_calls == CountedFlip.n_calls == 6


def test_curves_are_robustness_curves(fitted):
    assert list(fitted.curves_) == list(product(ATTACKS, ESTIMATORS))
    for (attack, name), curve in fitted.curves_.items():
        expected = robustness_curve(
            ESTIMATORS[name],
            X,
            y,
            attack=ATTACKS[attack],
            budgets=[0.0, 0.1, 0.2],
            cv=3,
            scoring="balanced_accuracy",
        )
        assert_equal_curves(curve, expected)
    assert fitted.baseline_ == "plain"
    assert fitted.score_name_ == "balanced_accuracy"


def test_jobs_change_nothing(fitted):
    other = clone(fitted).set_params(n_jobs=2).fit(X, y)
    for case, curve in fitted.curves_.items():
        assert_equal_curves(other.curves_[case], curve)


def test_a_job_is_a_thread():
    with threadpool_limits(2):
        before = threadpool_info()
        RobustnessReport(SingleThreaded(), ATTACKS, budgets=[5], cv=2).fit(X, y)
        assert threadpool_info() == before


def test_one_estimator_and_one_attack():
    report = RobustnessReport(NB, ATTACKS["flips"], budgets=[30], cv=2).fit(X, y)
    assert list(report.curves_) == [("RandomLabelFlip", "GaussianNB")]
    assert report.summary().splitlines()[-1].startswith("Worst case with GaussianNB: ")


@pytest.mark.parametrize(
    ("budgets", "expected"),
    [
        (None, [0, 0.05, 0.1, 0.15, 0.2]),
        ([0.2, 0.1, 0.2], [0, 0.1, 0.2]),
        ([30], [0, 30]),
    ],
)
def test_budgets_are_sorted_and_begin_at_0(budgets, expected):
    report = RobustnessReport(NB, ATTACKS["flips"], budgets=budgets, cv=2).fit(X, y)
    (curve,) = report.curves_.values()
    np.testing.assert_array_equal(
        curve.budgets, np.array(expected, dtype=curve.budgets.dtype)
    )
    assert (curve.budgets.dtype.kind == "i") == (budgets == [30])


def test_all_curves_share_their_folds():
    report = RobustnessReport(
        {"one": NB, "same": NB}, ATTACKS, budgets=[5], cv=ShuffleSplit(3)
    ).fit(X, y)
    for attack in ATTACKS:
        one, same = (report.curves_[attack, name] for name in ("one", "same"))
        assert_equal_curves(one, same)
    insertion, flips = (report.curves_[attack, "one"] for attack in ATTACKS)
    np.testing.assert_array_equal(insertion.test_scores[0], flips.test_scores[0])


def test_row_metadata():
    trusted, groups = np.arange(150) % 4 > 0, np.arange(150) % 5
    arguments = {"budgets": [0, 20], "cv": GroupKFold(3)}
    report = RobustnessReport(ESTIMATORS, ATTACKS, **arguments)
    report.fit(X, y, trusted=trusted, groups=groups)
    params = {"trusted": trusted, "groups": groups}
    for (attack, name), curve in report.curves_.items():
        expected = robustness_curve(
            ESTIMATORS[name], X, y, attack=ATTACKS[attack], params=params, **arguments
        )
        assert_equal_curves(curve, expected)


def test_routed_metadata():
    weights = 1 + np.arange(150.0)
    with sklearn.config_context(enable_metadata_routing=True):
        weighted = GaussianNB().set_fit_request(sample_weight=True)
        weighted.set_score_request(sample_weight=False)
        unweighted = GaussianNB().set_fit_request(sample_weight=False)
        unweighted.set_score_request(sample_weight=False)
        report = RobustnessReport(
            {"plain": unweighted, "weighted": weighted},
            ATTACKS["flips"],
            budgets=[20],
            cv=3,
        ).fit(X, y, sample_weight=weights)
    arguments = {"attack": ATTACKS["flips"], "budgets": [0, 20], "cv": 3}
    params = {"sample_weight": weights}
    assert_equal_curves(
        report.curves_["RandomLabelFlip", "plain"],
        robustness_curve(NB, X, y, **arguments),
    )
    assert_equal_curves(
        report.curves_["RandomLabelFlip", "weighted"],
        robustness_curve(NB, X, y, params=params, **arguments),
    )


def test_callback():
    calls = []
    RobustnessReport(
        ESTIMATORS,
        ATTACKS,
        budgets=[5],
        cv=2,
        callback=lambda *call: calls.append(call),
    ).fit(X, y)
    # 2 budgets and 2 folds are 4 attacks, and 4 fits of each estimator.
    steps = [
        (attack, name)
        for attack in ("insertion", "flips")
        for name in (None, "plain", "relabelled")
    ]
    assert calls == [
        (4 * i + n_done, 24, *step)
        for i, step in enumerate(steps)
        for n_done in range(5)
    ]


def test_errors_name_their_case():
    estimators = {"plain": NB, "broken": Broken()}
    with pytest.raises(RuntimeError, match="no luck") as raised:
        RobustnessReport(estimators, ATTACKS, budgets=[5], cv=2).fit(X, y)
    assert raised.value.__notes__ == ["Raised by insertion against broken."]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"estimators": {}}, "estimators must hold at least one item; got {}"),
        ({"attacks": {}}, "attacks must hold at least one item; got {}"),
        ({"attacks": {"nb": NB}}, r"attack must have .*; got GaussianNB\(\)"),
        ({"attacks": NB}, "The 'attacks' parameter of RobustnessReport must be"),
        ({"budgets": ["a"]}, "budgets must be a sequence"),
        ({"scoring": ["accuracy"]}, "The 'scoring' parameter of RobustnessReport"),
        (
            {"scoring": "nope"},
            "scoring='nope' is not a scorer of scikit-learn",
        ),
        ({"callback": "print"}, "The 'callback' parameter of RobustnessReport"),
        (
            {"scoring": lambda fitted, X, y: {"a": 1.0, "b": 0.0}},
            r"scoring must return one number; got the scores \['a', 'b'\]",
        ),
    ],
)
def test_parameters_are_checked(parameters, message):
    parameters = {"estimators": NB, "attacks": ATTACKS, "cv": 2, **parameters}
    with pytest.raises(ValueError, match=message):
        RobustnessReport(**parameters).fit(X, y)


@pytest.mark.parametrize(
    ("scoring", "expected"),
    [(None, "score"), ("accuracy", "accuracy"), (lambda fitted, X, y: 1.0, "<lambda>")],
)
def test_name_of_the_score(scoring, expected):
    report = RobustnessReport(
        NB, ATTACKS["flips"], budgets=[5], cv=2, scoring=scoring
    ).fit(X, y)
    assert report.score_name_ == expected


def test_scorer_object():
    scoring = make_scorer(mean_absolute_error, greater_is_better=False)
    report = RobustnessReport(
        NB, ATTACKS["flips"], budgets=[5], cv=2, scoring=scoring
    ).fit(X, y)
    assert report.score_name_ == "score"
    assert (report.curves_["RandomLabelFlip", "GaussianNB"].test_scores < 0).all()


@pytest.mark.parametrize("method", ["summary", "to_frame", "plot"])
def test_not_fitted(method):
    with pytest.raises(NotFittedError):
        getattr(RobustnessReport(ESTIMATORS, ATTACKS), method)()


def test_nothing_given_is_changed():
    estimators, attacks = {"plain": GaussianNB()}, {"flips": RandomLabelFlip(0.07)}
    report = RobustnessReport(estimators, attacks, budgets=[5], cv=2).fit(X, y)
    assert not hasattr(estimators["plain"], "classes_")
    assert attacks["flips"].budget == 0.07
    assert report.estimators is estimators
    assert report.attacks is attacks


def test_frame(fitted):
    frame = fitted.to_frame()
    assert list(frame.columns) == [
        *("attack", "estimator", "budget", "fold", "train_score", "test_score")
    ]
    assert len(frame) == 2 * 2 * 3 * 3
    for (attack, name), curve in fitted.curves_.items():
        rows = frame[(frame.attack == attack) & (frame.estimator == name)]
        table = rows.pivot_table(index="budget", columns="fold", values="test_score")
        np.testing.assert_array_equal(table, curve.test_scores)
        np.testing.assert_array_equal(table.index, curve.budgets)
        table = rows.pivot_table(index="budget", columns="fold", values="train_score")
        np.testing.assert_array_equal(table, curve.train_scores)


def test_frame_without_pandas(monkeypatch, fitted):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="python -m pip install pandas"):
        fitted.to_frame()


def test_summary(fitted):
    lines = fitted.summary().splitlines()
    assert lines[0].startswith("balanced_accuracy, mean ± standard deviation over")
    for (_, name), curve in fitted.curves_.items():
        mean, std = curve.test_scores.mean(axis=1), curve.test_scores.std(axis=1)
        cells = "   ".join(f"{m:.3f} ± {s:.3f}" for m, s in zip(mean, std, strict=True))
        assert any(line.startswith(f"  {name}") and cells in line for line in lines), (
            cells
        )
    assert lines[-2].startswith("Worst case with plain: ")


def test_html(fitted):
    html = fitted._repr_html_()
    assert html.startswith("<table><caption>balanced_accuracy by budget")
    for name in (*ATTACKS, *ESTIMATORS):
        assert f">{name}</th>" in html
    assert fitted._repr_mimebundle_()["text/html"] == html
    unfitted = RobustnessReport({"<b>": NB}, ATTACKS)._repr_html_()
    assert unfitted.startswith("<pre>RobustnessReport(")
    assert "&lt;b&gt;" in unfitted


def test_plot(fitted):
    figure = fitted.plot()
    assert figure is pyplot.gcf()
    assert [ax.get_title() for ax in figure.axes] == list(ATTACKS)
    for ax in figure.axes:
        for line, name in zip(ax.get_lines(), ESTIMATORS, strict=True):
            curve = fitted.curves_[ax.get_title(), name]
            assert line.get_label() == name
            np.testing.assert_array_equal(line.get_xdata(), curve.budgets)
            np.testing.assert_array_equal(
                line.get_ydata(), curve.test_scores.mean(axis=1)
            )
            assert (to_rgb(line.get_color()) == (0, 0, 0)) == (name == "plain")
    first, second = figure.axes
    assert first.get_ylabel() == "Balanced accuracy"
    assert first.get_ylim() == second.get_ylim()
    legend = [text.get_text() for text in first.get_legend().get_texts()]
    assert legend == list(ESTIMATORS)
    assert second.get_legend() is None


def test_plot_in_a_figure(monkeypatch, fitted):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    figure = Figure()
    assert fitted.plot(figure=figure) is figure
    assert len(figure.axes) == 2
    with pytest.raises(ImportError, match=r"RobustnessReport.plot needs matplotlib"):
        fitted.plot()


def test_defence_holds_what_the_attack_breaks():
    tree = DecisionTreeClassifier(random_state=0)
    report = RobustnessReport(
        {"plain": tree, "relabelled": KNNSanitizedClassifier(tree)},
        ATTACKS["flips"],
        budgets=[0.3],
        cv=StratifiedKFold(5, shuffle=True, random_state=0),
    ).fit(X, y)
    plain, relabelled = (
        curve.test_scores.mean(axis=1) for curve in report.curves_.values()
    )
    assert plain[1] < plain[0] - 0.1
    assert relabelled[1] > plain[1] + 0.1


def test_the_attacker_knows_the_estimator():
    svm = make_pipeline(StandardScaler(), LinearSVC(random_state=0))
    settings = {"budgets": [0.0, 0.3], "cv": 2}
    report = RobustnessReport(
        {"plain": svm, "filtered": OutlierFilteredClassifier(svm)},
        {"alfa": ALFA(random_state=0), "given": ALFA(NB, random_state=0)},
        **settings,
    ).fit(X, y)
    for name, surrogate in [("alfa", svm), ("given", NB)]:
        for victim, estimator in report.estimators.items():
            attack = ALFA(surrogate, random_state=0)
            expected = robustness_curve(estimator, X, y, attack=attack, **settings)
            assert_equal_curves(report.curves_[name, victim], expected)
    assert report.crafted_for_ == {"alfa": "", "given": "GaussianNB"}
    titles = [ax.get_title() for ax in report.plot(figure=Figure()).axes]
    assert titles == ["alfa", "given\ncrafted for GaussianNB"]
    for text in (report.summary(), report._repr_html_()):
        assert text.count("crafted for") == 1


def test_attack_that_cannot_know_the_estimator():
    attack = RelaxedLabelFlip(max_iter=1, random_state=0)
    report = RobustnessReport(NB, attack, budgets=[0.2], cv=2).fit(X, y)
    assert report.crafted_for_["RelaxedLabelFlip"] == "LogisticRegression (transfer)"
    assert "\n  crafted for LogisticRegression (transfer)\n" in report.summary()


RARE = np.r_[0:100, 100:105]  # 50 rows of two classes each, and 5 of another


class Overruling(DummyClassifier):
    max_reference = 9

    def fit(self, X, y):
        self.overruled_share_ = np.array([0.0, 0.0, 1.0])
        self.max_reference = self.n_reference_ = 9
        return super().fit(X, y)


def test_rare_class():
    """Accuracy hides what the balanced accuracy beside it shows."""
    settings = {"budgets": [0.0, 0.1], "cv": 2}
    arms = {
        "plain": DummyClassifier(),
        "filtered": make_pipeline(StandardScaler(), Overruling()),
    }
    report = RobustnessReport(arms, ATTACKS, scoring="accuracy", **settings)
    message = "the class 2 has only 5 of 105 rows, and accuracy hardly depends on it"
    with pytest.warns(UserWarning, match=message):
        report.fit(X[RARE], y[RARE])
    for (attack, name), curve in report.curves_.items():
        for scoring, found in [
            ("accuracy", curve),
            ("balanced_accuracy", report.balanced_curves_[attack, name]),
        ]:
            expected = robustness_curve(
                arms[name],
                X[RARE],
                y[RARE],
                attack=ATTACKS[attack],
                scoring=scoring,
                **settings,
            )
            assert_equal_curves(found, expected)
    assert report.overruled_ == {"filtered": {0: 0.0, 1: 0.0, 2: 1.0}}
    assert report.sampled_ == {"filtered": (9, 52)}
    for text in (report.summary(), report._repr_html_()):
        assert "filtered compares the rows with a random sample of 9 of 52 " in text
        assert "accuracy" in text.replace("balanced_accuracy", "")
        assert "with plain, no loss of balanced_accuracy exceeds" in text
        assert "filtered overrules 100% of the clean rows labelled 2: it" in text
    frame = report.to_frame()
    balanced = [curve.test_scores for curve in report.balanced_curves_.values()]
    np.testing.assert_array_equal(frame["test_balanced_accuracy"], np.ravel(balanced))


def test_nothing_is_hidden():
    flips = ATTACKS["flips"]
    for scoring, rows in [
        ("balanced_accuracy", RARE),
        ("f1_macro", RARE),
        ("accuracy", slice(0, 100)),
        (None, slice(None)),
    ]:
        report = RobustnessReport(NB, flips, budgets=[2], cv=2, scoring=scoring)
        report.fit(X[rows], y[rows])
        assert report.balanced_curves_ is None
        assert report.overruled_ == report.sampled_ == {}


@pytest.mark.parametrize(
    ("max_reference", "sampled"), [(60, {"knn": (60, 75)}), (75, {}), (100, {})]
)
def test_sample_of_the_rows(max_reference, sampled):
    knn = KNNSanitizedClassifier(NB, max_reference=max_reference, random_state=0)
    flips = RandomLabelFlip(random_state=0)
    report = RobustnessReport({"plain": NB, "knn": knn}, flips, budgets=[2], cv=2)
    assert report.fit(X, y).sampled_ == sampled


def test_trusted_rows_are_no_sample():
    arms = {"plain": NB, "filtered": OutlierFilteredClassifier(NB)}
    report = RobustnessReport(arms, ATTACKS["flips"], budgets=[2], cv=2)
    assert report.fit(X, y, trusted=np.arange(150) % 2 == 0).sampled_ == {}


def test_overruled_shares_are_those_of_clean_rows():
    arms = {"plain": NB, "relabelled": KNNSanitizedClassifier(NB)}
    cv = StratifiedKFold(2)
    report = RobustnessReport(arms, ATTACKS, budgets=[30], cv=cv).fit(X, y)
    shares = [
        clone(arms["relabelled"]).fit(X[train], y[train]).overruled_share_
        for train, _ in cv.split(X, y)
    ]
    expected = np.mean(shares, axis=0).tolist()
    assert report.overruled_ == {"relabelled": dict(enumerate(expected))}
