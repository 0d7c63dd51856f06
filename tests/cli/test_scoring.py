import numpy as np
import pytest
import sklearn
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import get_scorer, get_scorer_names
from sklearn.svm import SVC, LinearSVC
from sklearn.utils.fixes import parse_version

from skpoison.cli._errors import CommandError
from skpoison.cli._scoring import check_scoring
from skpoison.defences import KNNSanitizedClassifier

X, y = load_iris(return_X_y=True)
BINARY = y[:100]
WORDS = np.array(["ham", "spam"])[BINARY]


# Scores that older versions of scikit-learn do not have for all labels, or of a ratio
# with a denominator of 0.
OLDER = parse_version(sklearn.__version__) < parse_version("1.8")
NOT_IN_OLDER = {"neg_brier_score", "positive_likelihood_ratio"}


def refusal(name, estimator, labels):
    """Return why a score is refused, or None."""
    try:
        check_scoring(name, estimator, labels)
    except CommandError as error:
        return str(error)
    return None


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", get_scorer_names())
@pytest.mark.parametrize("labels", [BINARY, BINARY + 1, BINARY + 2, WORDS, y])
def test_scores_are_refused_if_they_cannot_be_computed(name, labels):
    rows = X[: labels.shape[0]]
    fitted = LogisticRegression().fit(rows, labels)
    message = refusal(name, fitted, labels)
    if message is None:
        if OLDER and name in NOT_IN_OLDER:
            return
        assert np.isfinite(get_scorer(name)(fitted, rows, labels))
    elif "Take --scoring" in message:  # It is a way out.
        word = message.partition("Take --scoring ")[2].split()[0].strip(".,")
        assert refusal(word, fitted, labels) is None
    else:
        assert "is not for classes" in message


@pytest.mark.parametrize(
    ("name", "labels", "message"),
    [
        (
            "f1",
            WORDS,
            "needs a positive class labelled 1, and the classes are 'ham'",
        ),
        ("f1", y, "is for two classes, and there are 3. Take --scoring f1_macro."),
        ("roc_auc", y, "is for two classes, and there are 3. Take --scoring roc_auc"),
        ("r2", y, "is not for classes. Take another one, such as accuracy, balanced_a"),
        ("f1_samples", y, "is for rows of several labels each. Take --scoring f1_macr"),
    ],
)
def test_words_with_the_next_step(name, labels, message):
    with pytest.raises(CommandError) as raised:
        check_scoring(name, LogisticRegression(), labels)
    assert str(raised.value).startswith(f"--scoring {name} {message}")


def test_score_of_three_classes_without_probabilities():
    with pytest.raises(CommandError, match=r"Take --scoring balanced_accuracy\.$"):
        check_scoring("roc_auc", LinearSVC(), y)


@pytest.mark.parametrize(
    ("name", "estimator"),
    [
        ("accuracy", LinearSVC()),
        ("roc_auc", LinearSVC()),
        ("neg_log_loss", LogisticRegression()),
        ("neg_log_loss", KNNSanitizedClassifier(LogisticRegression())),
    ],
)
def test_scores_that_can_be_computed(name, estimator):
    check_scoring(name, estimator, BINARY)


@pytest.mark.parametrize(
    ("estimator", "name"), [(LinearSVC(), "neg_log_loss"), (SVC(), "neg_brier_score")]
)
def test_scores_that_need_probabilities(estimator, name):
    for each in (estimator, KNNSanitizedClassifier(estimator)):
        with pytest.raises(CommandError) as raised:
            check_scoring(name, each, BINARY)
        assert str(raised.value) == (
            f"--scoring {name} needs an estimator with predict_proba, and {each!r} has "
            "none. Take another score, such as --scoring balanced_accuracy, or another "
            "estimator."
        )


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("acuracy", "accuracy, "),
        ("f1-macro", "f1_macro, "),
        ("accuracy,f1", "accuracy, "),
        ("", "accuracy, balanced_accuracy, f1_macro, roc_auc."),
        ("xyz", "accuracy, balanced_accuracy, f1_macro, roc_auc."),
    ],
)
def test_unknown_scores(name, near):
    with pytest.raises(CommandError) as raised:
        check_scoring(name, LogisticRegression(), BINARY)
    expected = f"--scoring {name} is not a scorer of scikit-learn, such as {near}"
    assert str(raised.value).startswith(expected)
