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
from sklearn.utils import get_tags
from threadpoolctl import threadpool_limits

from skpoison.attacks import ALFA, RandomInsertion, RandomLabelFlip
from skpoison.cli._data import Data
from skpoison.cli._encoding import Layout
from skpoison.cli._errors import CommandError
from skpoison.cli._names import ATTACKS
from skpoison.cli._report import PLAIN, make_report
from skpoison.defences import KNNSanitizedClassifier, OutlierFilteredClassifier
from skpoison.model_selection import robustness_curve

X, Y = load_breast_cancer(return_X_y=True)

SOURCE = """
import warnings
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeClassifier

unscaled = Pipeline([("nothing", "passthrough"), ("tree", DecisionTreeClassifier())])
by_name = make_pipeline(
    ColumnTransformer(
        [("a", SimpleImputer(), ["b", "a"]), ("b", OneHotEncoder(), ["city"])]
    ),
    DecisionTreeClassifier(),
)

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
        "name": "some.csv",
        "estimator": "tree",
        "surrogate": None,
        "attacks": ["random_label_flip"],
        "defences": [],
        "budgets": np.array([0.0, 0.2]),
        "cv": 3,
        "scoring": "accuracy",
        "n_jobs": 1,
        "seed": 0,
        **settings,
    }
    data = X if isinstance(X, Data) else Data(X, y)
    return make_report(data, **settings)


def assert_equal_curves(curve, expected):
    np.testing.assert_array_equal(curve.budgets, expected.budgets, strict=True)
    for part in ("train_scores", "test_scores"):
        np.testing.assert_array_equal(curve[part], expected[part], strict=True)


@pytest.mark.parametrize(
    ("budgets", "scoring", "seed"),
    [([0.0, 0.1, 0.3], "accuracy", 0), ([0, 40], "roc_auc", 7)],
)
def test_curves_are_robustness_curves(budgets, scoring, seed):
    X_some, y_some = X[::6], Y[::6]
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
    assert made.protocol == [
        "4-fold cross-validation, seed 8; training rows poisoned, test rows clean"
    ]
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
        ([20, 1], 2, "The class 1 has too few rows for 2 folds: 1. Delete it, or"),
        ([20, 4], 5, "The class 1 has too few rows for 5 folds: 4. Lower --cv to"),
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
    with pytest.raises(CommandError, match="--scoring f1 needs a positive class label"):
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
    lines = [line for line in err.split("\r") if line.strip()]
    cases = [line.partition(" done, ")[2].partition(", about")[0] for line in lines]
    assert list(dict.fromkeys(cases)) == [
        "random_label_flip",
        "random_label_flip against no defence",
        "random_label_flip against knn_relabel",
    ]
    # 2 budgets and 3 folds: 6 attacks, and 6 fits of each of 2 estimators.
    first = [
        lines[cases.index(case)].partition(" ")[0] for case in dict.fromkeys(cases)
    ]
    assert first == ["0%", "33%", "67%"]


@pytest.mark.filterwarnings("default")
def test_rare_class_that_accuracy_hides():
    rows = np.r_[np.flatnonzero(Y == 0)[:100], np.flatnonzero(Y == 1)[:8]]
    made = report(X[rows], Y[rows], cv=2)
    assert made.warnings_seen == [
        "UserWarning: the class 1 has only 8 of 108 rows, and accuracy hardly depends "
        "on it: balanced_accuracy is shown beside it. --scoring balanced_accuracy "
        "makes it the score."
    ]
    assert made.report.balanced_curves_ is not None
    made = report(X[rows], Y[rows], cv=2, scoring="balanced_accuracy")
    assert made.warnings_seen == []


def test_trusted_rows():
    """Neither are they poisoned, nor do defences doubt them."""
    trusted = np.arange(Y.shape[0]) % 3 > 0
    made = report(Data(X, Y, trusted), defences=["outlier_filter"], seed=2)
    assert made.title.startswith("some.csv (569 rows, 379 trusted, 30 columns, 2 cla")
    tree = DecisionTreeClassifier(random_state=2)
    for arm, last in [
        (PLAIN, tree),
        ("outlier_filter", OutlierFilteredClassifier(tree)),
    ]:
        expected = robustness_curve(
            make_pipeline(StandardScaler(), last),
            X,
            Y,
            attack=RandomLabelFlip(random_state=2),
            budgets=[0.0, 0.2],
            cv=StratifiedKFold(3, shuffle=True, random_state=2),
            params={"trusted": trusted},
        )
        assert_equal_curves(made.report.curves_["random_label_flip", arm], expected)


@pytest.mark.parametrize("estimator", ["linear_svm", "tree"])
def test_the_attacker_knows_the_estimator(estimator):
    rows = slice(0, 200)
    made = report(X[rows], Y[rows], estimator=estimator, attacks=["alfa"], cv=2)
    victim = made.report.estimators[PLAIN]
    expected = robustness_curve(
        victim,
        X[rows],
        Y[rows],
        attack=ALFA(victim, random_state=0),
        budgets=[0.0, 0.2],
        cv=StratifiedKFold(2, shuffle=True, random_state=0),
    )
    assert_equal_curves(made.report.curves_["alfa", PLAIN], expected)
    assert made.protocol[-1] == "the attacker knows the estimator, but not the defence"


def test_attack_crafted_for_another_estimator():
    some = {"X": X[:100], "y": Y[:100], "cv": 2, "attacks": ["relaxed_label_flip"]}
    made = report(**some)
    assert made.protocol[-1] == (
        "relaxed_label_flip is crafted for LogisticRegression (transfer), not for the "
        "estimator"
    )
    made = report(**some, surrogate="linear_svm")
    assert made.protocol[-1].startswith("relaxed_label_flip is crafted for LinearSVC, ")
    attack = made.report.attacks["relaxed_label_flip"]
    assert [type(step).__name__ for _, step in attack.surrogate.steps] == [
        "StandardScaler",
        "LinearSVC",
    ]


def words_and_numbers():
    """Return data with a category and holes among the numbers."""
    numbers = {"a": X[:40, 0].copy(), "b": X[:40, 1]}
    numbers["a"][::7] = np.nan
    layout = Layout(numbers, {"city": np.array(["x", "y"], object)[Y[:40]]}, {})
    return Data(layout.rows(), Y[:40], None, layout, ["a note"])


INFORMED = {*ATTACKS} - {"random_insertion", "random_label_flip"}


@pytest.mark.parametrize("estimator", ["logistic", "tree"])
@pytest.mark.parametrize("attack", sorted(INFORMED))
def test_every_attack_on_words(estimator, attack):
    settings = {"estimator": estimator, "budgets": np.array([0, 1]), "cv": 2}
    made = report(
        words_and_numbers(), attacks=["random_label_flip", attack], **settings
    )
    assert made.protocol[1:3] == [
        "columns: 2 of numbers (6 missing: the median instead), 1 of categories "
        "(one-hot)",
        "a note",
    ]
    attacks = {name for name, _ in made.report.curves_}
    if "gradient" in attack:
        assert attacks == {"random_label_flip"}
        assert made.protocol[3].startswith(
            f"left out {attack}: numbers cannot be written into columns of words "
            "(city). To include it, "
        )
        with pytest.raises(CommandError, match=f"--attack {attack} cannot be used: nu"):
            report(words_and_numbers(), attacks=[attack], **settings)
    else:
        assert attacks == {"random_label_flip", attack}


@pytest.mark.parametrize("surrogate", [None, "linear_svm"])
@pytest.mark.parametrize("attack", sorted(INFORMED))
def test_every_attack_on_holes(attack, surrogate):
    data = words_and_numbers()
    layout = Layout(data.layout.numbers, {}, {})
    made = report(
        Data(layout.rows(), data.y, None, layout),
        estimator="logistic",
        surrogate=surrogate,
        attacks=[attack],
        budgets=np.array([0, 1]),
        cv=2,
    )
    assert made.title.endswith("SimpleImputer -> StandardScaler -> LogisticRegression")
    expected = "" if surrogate is None else "LinearSVC"
    assert made.report.crafted_for_[attack].removesuffix(" (transfer)") == expected


@pytest.mark.parametrize("attack", ["greedy_deletion", "relaxed_label_flip"])
def test_surrogate_behind_words(attack):
    made = report(
        words_and_numbers(),
        surrogate="linear_svm",
        attacks=[attack],
        budgets=np.array([0, 1]),
        cv=2,
    )
    assert {name for name, _ in made.report.curves_} == {attack}


@pytest.mark.parametrize("attack", ["margin_label_flip", "relaxed_label_flip"])
def test_known_defence_behind_words(attack):
    made = report(
        words_and_numbers(),
        estimator="logistic",
        attacks=[attack],
        defences=["trimmed"],
        adaptive=[attack, attack],
        budgets=np.array([0, 2]),
        cv=2,
    )
    assert list(made.report.adaptive_) == [(attack, "trimmed")]
    assert f"{attack} through a defence: the attacker knows it, too" in made.protocol


def test_no_known_defence_without_one():
    made = report(attacks=["margin_label_flip"], adaptive=None)
    assert made.report.adaptive == []
    assert not any("knows it, too" in each for each in made.protocol)


@pytest.mark.filterwarnings("error")
def test_few_rows_for_neighbours_that_are_tuned():
    made = report(X[:60], Y[:60], estimator="neighbors", learners=["re-tuned"], cv=5)
    assert not made.warnings_seen


def test_pipeline_of_the_user_gets_the_columns_by_name():
    made = report(
        words_and_numbers(),
        estimator="users_estimators:by_name",
        attacks=["random_insertion", "margin_label_flip"],
        cv=2,
    )
    assert made.title.endswith("), ColumnTransformer -> DecisionTreeClassifier")
    assert made.report.crafted_for_["margin_label_flip"] == ""


@pytest.mark.skipif(
    not get_tags(DecisionTreeClassifier()).input_tags.sparse,
    reason="estimators do not say that they take sparse rows before scikit-learn 1.7",
)
def test_numbers_that_are_mostly_zero(monkeypatch):
    monkeypatch.setattr("skpoison.cli._encoding.LARGE", 0)
    rows = np.where(np.arange(120 * 20).reshape(120, 20) % 11, 0.0, X[:120, :20])
    layout = Layout(dict(zip("abcdefghijklmnopqrst", rows.T, strict=True)), {}, {})
    data = Data(layout.rows(), Y[:120], None, layout)
    made = report(data, cv=2)
    assert "MaxAbsScaler -> DecisionTreeClassifier" in made.title
    assert made.protocol[1] == (
        "90.9% of the numbers are 0: they are kept as a sparse matrix, and scaled "
        "without being centred"
    )
    # One that takes no sparse matrix gets none.
    made = report(data, estimator="boosting", cv=2)
    assert "StandardScaler -> HistGradientBoosting" in made.title


def test_slow_attacks_are_announced(capsys):
    rows = np.r_[np.flatnonzero(Y == 0)[:15], np.flatnonzero(Y == 1)[:15]]
    some = {"X": X[rows], "y": Y[rows], "cv": 2, "budgets": np.array([0, 1])}
    report(**some, attacks=["greedy_label_flip", "alfa"])
    assert capsys.readouterr().err == (
        "skpoison: greedy_label_flip fits the estimator anew for every change that it "
        "tries, which can take hours. Take --surrogate logistic if that is too long.\n"
    )
    report(**some, attacks=["greedy_label_flip"], surrogate="logistic")
    report(**some, attacks=["greedy_label_flip"], estimator="linear_svm")
    assert capsys.readouterr().err == ""


def test_rows_that_cannot_be_ranked_do_not_lose_the_report(monkeypatch, capsys):
    def fail(*args, **kwargs):
        raise RuntimeError("no memory\nleft")

    monkeypatch.setattr("skpoison.cli._report.harmful_rows", fail)
    made = report()
    assert made.rows == []
    assert made.report.curves_
    assert "skpoison: the rows of the data are not ranked: " in capsys.readouterr().err
