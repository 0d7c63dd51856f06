import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import Ridge
from sklearn.metrics import balanced_accuracy_score, get_scorer
from sklearn.utils import Bunch

from skpoison.model_selection._imbalance import (
    BesideBalanced,
    describe_defences,
    split_scores,
    warn_of_rare_class,
)

NAIVE = DummyClassifier()


@pytest.mark.parametrize(
    ("counts", "is_rare"),
    [([9, 91], True), ([10, 90], False), ([50, 45, 6], True), ([50, 45, 8], False)],
)
@pytest.mark.parametrize("name", ["accuracy", "score"])
def test_rare_class(counts, is_rare, name):
    y = np.repeat(np.array(["a", "b", "c"])[: len(counts)], counts)
    if not is_rare:
        assert not warn_of_rare_class(NAIVE, y, name)
        return
    message = f"the class '.' has only {min(counts)} of {sum(counts)} rows, and accur"
    with pytest.warns(UserWarning, match=message):
        assert warn_of_rare_class(NAIVE, y, name)


@pytest.mark.parametrize(
    ("estimator", "y", "name"),
    [
        (NAIVE, np.repeat([0, 1], [5, 95]), "f1_macro"),
        (NAIVE, np.repeat([0, 1], [5, 95]), "balanced_accuracy"),
        (Ridge(), np.repeat([0, 1], [5, 95]), "score"),
        (NAIVE, np.eye(2)[np.repeat([0, 1], [5, 95])], "accuracy"),
    ],
)
def test_nothing_is_hidden(estimator, y, name):
    assert not warn_of_rare_class(estimator, y, name)


def test_scorer_of_both():
    y = np.repeat([0, 1], [5, 95])
    X = np.zeros((100, 1))
    naive = DummyClassifier(strategy="stratified", random_state=0).fit(X, y)
    scores = BesideBalanced(get_scorer("accuracy"))(naive, X, y)
    predicted = naive.predict(X)
    assert scores == {
        "score": (predicted == y).mean(),
        "balanced_accuracy": balanced_accuracy_score(y, predicted),
    }


def test_split():
    budgets = np.array([0.0, 0.1])
    both = Bunch(
        budgets=budgets,
        train_scores={"score": 1, "balanced_accuracy": 2},
        test_scores={"score": 3, "balanced_accuracy": 4},
    )
    assert split_scores(both) == (
        Bunch(budgets=budgets, train_scores=1, test_scores=3),
        Bunch(budgets=budgets, train_scores=2, test_scores=4),
    )


def test_overruled_classes():
    overruled = {
        "knn": {"ham": 0.02, "spam": 0.651},
        "filter": {"ham": 0.33, "spam": 0.1},
        "none": {0: 0.0, 1: 0.34},
    }
    assert describe_defences(overruled, {"knn": (10_000, 40_000)}) == [
        "knn overrules 65% of the clean rows labelled 'spam': it takes much of that "
        "class for poison.",
        "none overrules 34% of the clean rows labelled 1: it takes much of that class "
        "for poison.",
        "knn compares the rows with a random sample of 10,000 of 40,000 training rows, "
        "to save time.",
    ]
