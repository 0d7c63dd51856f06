import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import StackingClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, get_scorer, get_scorer_names, make_scorer
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.utils.fixes import parse_version

from skpoison.attacks import RandomLabelFlip
from skpoison.model_selection import RobustnessReport, robustness_curve
from skpoison.model_selection._scoring import check_scoring_names

X, y = load_iris(return_X_y=True)
BINARY = y[:100]
WORDS = np.array(["ham", "spam"])[BINARY]
CLASSIFICATION = [
    name
    for name in get_scorer_names()
    if "regression" not in get_scorer(name)._score_func.__module__
    and "cluster" not in get_scorer(name)._score_func.__module__
]


# Scores that older versions of scikit-learn do not have for all labels, or of a ratio
# with a denominator of 0.
OLDER = parse_version(sklearn.__version__) < parse_version("1.8")
NOT_IN_OLDER = {"neg_brier_score", "positive_likelihood_ratio"}


def refusal(name, estimator, labels):
    """Return why a score is refused, or None."""
    try:
        check_scoring_names(name, estimator, labels)
    except ValueError as error:
        return str(error)
    return None


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CLASSIFICATION)
@pytest.mark.parametrize("labels", [BINARY, BINARY + 1, BINARY + 2, WORDS, y])
def test_scores_are_refused_exactly_if_they_cannot_be_computed(name, labels):
    rows = X[: labels.shape[0]]
    fitted = LogisticRegression(max_iter=1000).fit(rows, labels)
    message = refusal(name, fitted, labels)
    if message is None:
        if OLDER and name in NOT_IN_OLDER:
            return
        assert np.isfinite(get_scorer(name)(fitted, rows, labels))
        return
    _, way_out = message.split("Take scoring='")
    assert refusal(way_out.split("'")[0], fitted, labels) is None
    try:
        score = get_scorer(name)(fitted, rows, labels)
    except ValueError:
        return
    # With labels 2 and 3 a Brier score takes 3 for positive, but not in every version.
    assert np.isnan(score) or 1 not in labels


def test_three_classes_without_probabilities():
    assert refusal("roc_auc", LinearSVC(), y).endswith("scoring='balanced_accuracy'.")


def test_methods_that_the_estimator_lacks():
    svm, named = LinearSVC(), "scoring='neg_log_loss' needs an estimator with predict_"
    for estimator in (svm, make_pipeline(StandardScaler(), svm)):
        assert refusal("neg_log_loss", estimator, BINARY).startswith(named)
        assert refusal("roc_auc", estimator, BINARY) is None
        assert refusal("balanced_accuracy", estimator, BINARY) is None
    # The final estimator is a LogisticRegression, once it is fitted.
    stacking = StackingClassifier([("svm", svm)])
    assert refusal("neg_log_loss", stacking, BINARY) is None
    with pytest.raises(ValueError, match="'neg_log_loss' needs an estimator with "):
        robustness_curve(
            svm, X, y, attack=RandomLabelFlip(), budgets=[0.1], scoring="neg_log_loss"
        )


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("acuracy", "accuracy"),
        ("f1-macro", "f1_macro"),
        ("xyz", "accuracy, balanced_accuracy, f1_macro, roc_auc"),
    ],
)
def test_misspelt_names(name, near):
    for scoring in (name, ["accuracy", name], ("accuracy", name), {"mine": name}):
        message = refusal(scoring, GaussianNB(), y)
        start = f"scoring={name!r} is not a scorer of scikit-learn, such as {near}"
        assert message.startswith(start)


@pytest.mark.parametrize("make", [list, np.asarray, pd.Series, pl.Series])
def test_containers(make):
    assert refusal("f1", GaussianNB(), make(WORDS)) is not None
    assert refusal("f1", GaussianNB(), make(BINARY)) is None


@pytest.mark.parametrize(
    "scoring", [None, make_scorer(accuracy_score), accuracy_score, {}, []]
)
def test_only_names_are_checked(scoring):
    check_scoring_names(scoring, GaussianNB(), y)


def test_labels_of_several_types_are_refused_as_such():
    mixed = np.where(y == 0, "a", y.astype(object))
    assert refusal("f1", GaussianNB(), mixed) is None
    attack = RandomLabelFlip()
    with pytest.raises(ValueError, match="y must hold labels of one type"):
        robustness_curve(GaussianNB(), X, mixed, attack=attack, scoring="f1")


def test_responses_have_no_classes():
    _, y = load_diabetes(return_X_y=True)
    check_scoring_names(["r2", "neg_max_error", "roc_auc"], Ridge(), y)
    for name in ("accuracy", "f1", "neg_log_loss"):
        message = refusal(name, Ridge(), y)
        assert message.startswith(f"scoring='{name}' is for classes, and Ridge() is a")
        assert message.endswith("Take scoring='r2', or another score for regression.")


@pytest.mark.parametrize("scoring", ["f1", "roc_auc", "acuracy"])
def test_curves_and_reports_refuse_them_before_any_fit(scoring):
    attack = RandomLabelFlip(random_state=0)
    with pytest.raises(ValueError, match=f"scoring='{scoring}' is "):
        robustness_curve(GaussianNB(), X, y, attack=attack, scoring=scoring)
    with pytest.raises(ValueError, match=f"scoring='{scoring}' is "):
        RobustnessReport(GaussianNB(), attack, scoring=scoring).fit(X, y)


def test_scores_of_numbers_are_not_for_words():
    words = np.array(["ham", "spam"] * 4)
    for name in ("r2", "neg_mean_squared_error"):
        with pytest.raises(ValueError, match="is for numbers, and y holds labels such"):
            check_scoring_names(name, LogisticRegression(), words)
        check_scoring_names(name, LogisticRegression(), np.arange(8) % 2)
    check_scoring_names("accuracy", LogisticRegression(), words)
