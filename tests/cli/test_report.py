import sys
from itertools import product

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, StandardScaler
from sklearn.tree import DecisionTreeClassifier
from threadpoolctl import threadpool_limits

from skpoison.attacks import RandomInsertion, RandomLabelFlip
from skpoison.cli._errors import CommandError
from skpoison.cli._report import PLAIN, make_report
from skpoison.defences import KNNSanitizedClassifier, OutlierFilteredClassifier
from skpoison.model_selection import robustness_curve

X, Y = load_breast_cancer(return_X_y=True)

SOURCE = """
import warnings
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.pipeline import Pipeline
from sklearn.tree import DecisionTreeClassifier

unscaled = Pipeline([("nothing", "passthrough"), ("tree", DecisionTreeClassifier())])

class Warner(DecisionTreeClassifier):
    def fit(self, X, y):
        for _ in range(2):
            warnings.warn(f"so {len(y)}\\nrows", RuntimeWarning)
        warnings.warn("other", UserWarning)
        warnings.warn("other", UserWarning)
        return super().fit(X, y)

class Bug(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        raise self.error
    def predict(self, X):
        pass

class NoKey(Bug):
    error = KeyError("size")

class NoMemory(Bug):
    error = MemoryError()

class NoConvergence(Bug):
    error = ValueError("it does not\\nconverge.")

class Stopped(Bug):
    error = KeyboardInterrupt()
"""


@pytest.fixture(autouse=True)
def users_own(monkeypatch, tmp_path):
    """A module of the user's own."""
    (tmp_path / "users_estimators.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("users_estimators", None)


def report(X=X, y=Y, **settings):
    settings = {
        "data": "some.csv",
        "estimator": "tree",
        "attacks": ["random_label_flip"],
        "defences": [],
        "budgets": np.array([0.0, 0.2]),
        "cv": 3,
        "scoring": "accuracy",
        "n_jobs": 1,
        "seed": 0,
        **settings,
    }
    return make_report(X, y, **settings)


def assert_equal_curves(curve, expected):
    np.testing.assert_array_equal(curve.budgets, expected.budgets, strict=True)
    for part in ("train_scores", "test_scores"):
        np.testing.assert_array_equal(curve[part], expected[part], strict=True)


@pytest.mark.parametrize(
    ("budgets", "scoring", "seed"),
    [([0.0, 0.1, 0.3], "accuracy", 0), ([0, 40], "roc_auc", 7)],
)
def test_curves_are_robustness_curves(budgets, scoring, seed):
    X_some, y_some = X[::3], Y[::3]
    made = report(
        X_some,
        y_some,
        attacks=["random_insertion", "random_label_flip"],
        defences=["knn_drop", "outlier_filter"],
        budgets=np.array(budgets),
        scoring=scoring,
        seed=seed,
    )
    attacks = {
        "random_insertion": RandomInsertion(random_state=seed),
        "random_label_flip": RandomLabelFlip(random_state=seed),
    }
    tree = DecisionTreeClassifier(random_state=seed)
    arms = {
        "no defence": tree,
        "knn_drop": KNNSanitizedClassifier(tree, action="drop"),
        "outlier_filter": OutlierFilteredClassifier(tree),
    }
    assert list(made.report.curves_) == list(product(attacks, arms))
    for (attack, arm), curve in made.report.curves_.items():
        with threadpool_limits(1):
            expected = robustness_curve(
                make_pipeline(StandardScaler(), arms[arm]),
                X_some,
                y_some,
                attack=attacks[attack],
                budgets=budgets,
                cv=StratifiedKFold(3, shuffle=True, random_state=seed),
                scoring=scoring,
            )
        assert_equal_curves(curve, expected)


def test_seed_decides():
    first, second, other = report(seed=1), report(seed=1), report(seed=2)
    case = ("random_label_flip", PLAIN)
    assert_equal_curves(first.report.curves_[case], second.report.curves_[case])
    assert (
        first.report.curves_[case].test_scores != other.report.curves_[case].test_scores
    ).any()


def test_texts():
    made = report(cv=4, seed=8)
    assert made.title == (
        "some.csv (569 rows, 30 columns, 2 classes, the largest 62.7%), "
        "StandardScaler -> DecisionTreeClassifier"
    )
    assert made.protocol == (
        "4-fold cross-validation, seed 8; training rows poisoned, test rows clean"
    )
    assert made.report.score_name_ == "accuracy"


def test_title_of_a_pipeline():
    made = report(estimator="users_estimators.unscaled")
    assert made.title.endswith("62.7%), DecisionTreeClassifier")


def test_several_classes():
    X, y = load_iris(return_X_y=True)
    for labels in (y, np.array(["red", "green", "blue"])[y]):
        made = report(X, labels, defences=["knn_relabel", "outlier_filter"])
        assert "3 classes, the largest 33.3%" in made.title
        for curve in made.report.curves_.values():
            assert curve.test_scores[0].mean() > 0.9


def test_sparse_data():
    X, y = load_iris(return_X_y=True)
    made = report(sparse.csr_matrix(X), y, defences=["knn_relabel", "outlier_filter"])
    assert "MaxAbsScaler -> DecisionTreeClassifier" in made.title
    expected = robustness_curve(
        make_pipeline(MaxAbsScaler(), DecisionTreeClassifier(random_state=0)),
        X,
        y,
        attack=RandomLabelFlip(random_state=0),
        budgets=[0.0, 0.2],
        cv=StratifiedKFold(3, shuffle=True, random_state=0),
    )
    assert_equal_curves(made.report.curves_["random_label_flip", PLAIN], expected)


def test_estimator_that_takes_no_sparse_data():
    X, y = load_iris(return_X_y=True)
    with pytest.raises(
        CommandError, match=r"against no defence: Sparse data was passed"
    ):
        report(sparse.csr_matrix(X), y, estimator="boosting")


def test_attacks_and_defences_named_twice():
    made = report(attacks=["random_label_flip"] * 2, defences=["knn_relabel"] * 2)
    assert list(made.report.curves_) == [
        ("random_label_flip", "no defence"),
        ("random_label_flip", "knn_relabel"),
    ]


@pytest.mark.parametrize(
    ("counts", "cv", "complaint"),
    [
        ([20, 1], 2, "The class 1 has too few rows for 2 folds: 1. Drop it."),
        ([20, 4], 5, "The class 1 has too few rows for 5 folds: 4. Lower --cv, or"),
        ([3, 20], 10**9, "The class 0 has too few rows for 1000000000 folds: 3."),
    ],
)
def test_rare_classes(counts, cv, complaint):
    y = np.repeat([0, 1], counts)
    with pytest.raises(CommandError) as raised:
        report(X[: y.shape[0]], y, cv=cv)
    assert str(raised.value).startswith(complaint)


def test_rare_class_of_words():
    y = np.repeat(["ham", "spam"], [20, 1])
    with pytest.raises(CommandError, match="The class 'spam' has too few rows"):
        report(X[:21], y)


@pytest.mark.parametrize("attack", ["random_label_flip", "random_insertion"])
@pytest.mark.parametrize("budget", [41, 10**30])
def test_budgets_beyond_the_rows(attack, budget):
    with pytest.raises(CommandError) as raised:
        report(
            X[-60:], np.arange(60) % 2, attacks=[attack], budgets=np.array([0, budget])
        )
    assert str(raised.value) == (
        f"--budgets {budget}: a fold has only 40 training rows. Give fewer, or shares."
    )
    report(X[-60:], np.arange(60) % 2, attacks=[attack], budgets=np.array([0, 40]))


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"estimator": "nope"}, "--estimator nope is not one of"),
        ({"attacks": ["random_label_flip", "nope"]}, "--attack nope is not one of"),
        ({"defences": ["knn_relabel", "nope"]}, "--defence nope is not one of"),
        ({"defences": ["sklearn.svm.SVC"]}, "--defence sklearn.svm.SVC cannot be put"),
        ({"scoring": "nope"}, "--scoring nope is not a scorer"),
        ({"estimator": "linear_svm", "scoring": "neg_log_loss"}, "--scoring neg_log"),
    ],
)
def test_names_are_looked_up_before_the_work(monkeypatch, settings, complaint):
    monkeypatch.setattr("skpoison.cli._report.RobustnessReport", None)
    with pytest.raises(CommandError) as raised:
        report(**settings)
    assert str(raised.value).startswith(complaint)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("NoKey", "KeyError: 'size'."),
        ("NoMemory", "MemoryError."),
        ("NoConvergence", "it does not\nconverge."),
    ],
)
def test_estimators_that_fail(name, complaint):
    with pytest.raises(CommandError) as raised:
        report(estimator=f"users_estimators.{name}")
    assert str(raised.value) == f"random_label_flip against no defence: {complaint}"


@pytest.mark.parametrize("n_jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_estimator_that_fails_in_another_process(n_jobs):
    with pytest.raises(CommandError) as raised:
        report(estimator="sklearn.naive_bayes.MultinomialNB", n_jobs=n_jobs)
    assert str(raised.value) == (
        "random_label_flip against no defence: Negative values in data passed to "
        "MultinomialNB (input X)."
    )


def test_interrupted():
    with pytest.raises(KeyboardInterrupt):
        report(estimator="users_estimators.Stopped")


def test_score_that_needs_one_of_two_classes():
    y = np.array(["ham", "spam"])[Y]
    with pytest.raises(CommandError, match=r"against no defence: pos_label=1 is not a"):
        report(y=y, scoring="f1")


@pytest.mark.filterwarnings("default")
def test_warnings_are_collected_once(capfd):
    made = report(
        estimator="users_estimators.Warner",
        attacks=["random_label_flip", "random_insertion"],
        defences=["knn_relabel"],
    )
    # Of a place in the source that warns with many texts, the first.
    assert made.warnings_seen == ["RuntimeWarning: so 379\nrows", "UserWarning: other"]
    assert capfd.readouterr() == ("", "")


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_warnings_in_another_process(capfd, n_jobs):
    (warning,) = report(
        X[-60:],
        np.arange(60) % 2,
        estimator="sklearn.neural_network.MLPClassifier",
        n_jobs=n_jobs,
    ).warnings_seen
    assert warning.startswith("ConvergenceWarning: Stochastic Optimizer: Maximum iter")
    assert capfd.readouterr() == ("", "")


def test_no_warnings():
    assert report(defences=["knn_relabel", "outlier_filter"]).warnings_seen == []


def test_jobs_change_nothing():
    one, two = (report(defences=["knn_relabel"], n_jobs=n_jobs) for n_jobs in (1, 2))
    assert list(one.report.curves_) == list(two.report.curves_)
    for case, curve in one.report.curves_.items():
        assert_equal_curves(two.report.curves_[case], curve)


def test_progress_says_what_is_measured(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    report(defences=["knn_relabel"])
    out, err = capsys.readouterr()
    assert out == ""
    assert [line for line in err.split("\r") if line.strip()] == [
        "[1/2] random_label_flip against no defence",
        "[2/2] random_label_flip against knn_relabel",
    ]
