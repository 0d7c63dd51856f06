import re

import numpy as np
import pytest
from imblearn.pipeline import make_pipeline
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import StandardScaler

from skpoison.attacks import RandomLabelFlip
from skpoison.model_selection import RobustnessReport, craft, robustness_curve
from skpoison.model_selection._arguments import (
    check_attack,
    check_budgets,
    check_same_task,
    check_settings,
    check_targets,
    check_victim,
)

X, y = load_iris(return_X_y=True)
FOLDS = list(StratifiedKFold(3).split(X, y))


def test_attack_is_checked():
    with pytest.raises(ValueError, match=r"attack must have .*; got GaussianNB\(\)"):
        craft(GaussianNB(), X, y)


# Everything that takes budgets.
FUNCTIONS = {
    "craft": lambda attack, **settings: craft(attack, X, y, **settings),
    "curve": lambda attack, **settings: robustness_curve(
        GaussianNB(), X, y, attack=attack, **settings
    ),
    "report": lambda attack, **settings: RobustnessReport(
        GaussianNB(), attack, **settings
    ).fit(X, y),
}


@pytest.mark.parametrize(
    ("budgets", "expected"),
    [
        ([1], [1]),
        ([1.0], [1.0]),
        ([0, 1], [0, 1]),
        ([0.0, 1], [0, 1]),
        ([0, 1.0], [0.0, 1.0]),
        ([0, 0.1], [0.0, 0.1]),
        ([0, 0.0], [0.0, 0.0]),
        ((np.float32(0.5), np.int8(0)), [0.5, 0.0]),
        (np.array([1, 0.5]), [1.0, 0.5]),
        (np.array([3, 1], dtype=np.uint8), [3, 1]),
    ],
)
def test_budgets_are_shares_or_numbers(budgets, expected):
    np.testing.assert_array_equal(check_budgets(budgets), expected, strict=True)


@pytest.mark.parametrize("budgets", [[1, 0.1], [0, 0.1, 1], (np.float64(0.1), 0.0, 1)])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_mixed_budgets_are_refused(function, budgets):
    with pytest.raises(ValueError, match="budgets must be all") as raised:
        FUNCTIONS[function](RandomLabelFlip(random_state=0), budgets=budgets, cv=3)
    assert str(raised.value) == (
        "budgets must be all shares of the training rows (floats) or all numbers of "
        "rows (ints); got the share 0.1 and the number 1. A share of 100% is 1.0."
    )


@pytest.mark.parametrize("budget", [1.5, 10.0, -0.1, float("nan"), float("inf"), -1])
def test_budgets_out_of_range_are_refused(budget):
    with pytest.raises(
        ValueError, match=rf"budgets must be .* \(ints\); got {budget}\."
    ):
        check_budgets([0, budget])


@pytest.mark.parametrize("function", FUNCTIONS)
def test_share_that_rounds_to_no_row(function):
    attack = RandomLabelFlip(random_state=0)
    n_train = min(len(train) for train, _ in FOLDS)
    with pytest.warns(UserWarning, match="rounds to 0 rows") as warned:
        FUNCTIONS[function](attack, budgets=[0, 0.001, 0.1], cv=FOLDS)
    assert [str(each.message) for each in warned] == [
        f"budgets 0.001: that share of the {n_train} training rows of a fold rounds to "
        "0 rows, so nothing is poisoned. Give a larger share, at least "
        f"{1 / n_train:.2g}, or a number of rows."
    ]


@pytest.mark.parametrize("budgets", [[], 0.1, [[0.1]], ["a"], [True], [None]])
def test_budgets_are_checked(budgets):
    with pytest.raises(ValueError, match="budgets must be a sequence"):
        craft(RandomLabelFlip(), X, y, budgets=budgets)


@pytest.mark.parametrize(
    ("attack", "message"),
    [
        (None, r"got None\.$"),
        ("random", r"got 'random'\.$"),
        (RandomLabelFlip, r"got the class RandomLabelFlip\. Write RandomLabelFlip\("),
        ([RandomLabelFlip()], r"got \[RandomLabelFlip\(\)\]\.$"),
        (GaussianNB(), r"got GaussianNB\(\)\. It is an estimator, which comes first\."),
        (
            make_pipeline(StandardScaler(), RandomLabelFlip()),
            r"Pass the attack alone: steps before it belong into its surrogate",
        ),
        (X, r"got an array of shape"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_attack(attack, message):
    with pytest.raises(ValueError, match=f"(?s)attack must .*{message}") as caught:
        check_attack(attack)
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (None, r"with a method fit; got None\.$"),
        ("tree", r"with a method fit; got 'tree'\.$"),
        (GaussianNB, r"got the class GaussianNB\. Write GaussianNB\("),
        (RandomLabelFlip(), r"got the attack RandomLabelFlip\(\)\. Pass it as the at"),
        ({"b": GaussianNB()}, r"with a method fit; got \{'b': GaussianNB\(\)\}\.$"),
    ],
    ids=str,
)
def test_what_is_no_estimator(estimator, message):
    with pytest.raises(ValueError, match=f"^victim must .*{message}"):
        check_victim(estimator, "victim")
    if isinstance(estimator, dict):
        return
    with pytest.raises(ValueError, match=message):
        robustness_curve(estimator, X, y, attack=RandomLabelFlip())
    with pytest.raises(ValueError, match=message):
        RobustnessReport({"a": estimator}, RandomLabelFlip()).fit(X, y)


def test_estimators_and_attacks_pass():
    check_attack(RandomLabelFlip())
    check_victim(GaussianNB())
    check_victim(make_pipeline(StandardScaler(), GaussianNB()))
    check_victim(make_pipeline(RandomLabelFlip(), GaussianNB()))


def test_scores_of_two_tasks_are_not_compared():
    mixed = {"nb": GaussianNB(), "ridge": Ridge(), "lr": LogisticRegression()}
    message = "got the classifier 'nb' and the regressor 'ridge'. Make a report"
    with pytest.raises(ValueError, match=re.escape(message)):
        check_same_task(mixed)
    with pytest.raises(ValueError, match=re.escape(message)):
        RobustnessReport(mixed, RandomLabelFlip()).fit(X, y)
    check_same_task({"nb": GaussianNB(), "lr": LogisticRegression()})
    check_same_task({"ridge": Ridge(), "clusters": KMeans()})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cv": KFold}, r"cv must be an instance; got the class KFold\. Write KFold\("),
        ({"n_jobs": "all"}, r"n_jobs must be None, .* or -1 for all .*; got 'all'\."),
        ({"n_jobs": 0}, r"n_jobs must be None, .* or -1 for all .*; got 0\."),
        ({"n_jobs": 1.5}, r"n_jobs must be None, .* or -1 for all .*; got 1\.5\."),
        ({"params": [True, False]}, r"params must be a dict .*; got \[True, False\]\."),
    ],
)
@pytest.mark.parametrize("function", ["craft", "curve", "report"])
def test_settings_of_the_wrong_type(settings, message, function):
    with pytest.raises(ValueError, match=message):
        check_settings(**settings)
    if function == "report":
        if "params" in settings:  # they are keywords there
            return
        message = f"{message}|The 'n_jobs' parameter"
    with pytest.raises(ValueError, match=message):
        FUNCTIONS[function](RandomLabelFlip(), **settings)


def test_settings_that_pass():
    check_settings()
    check_settings(cv=KFold(), n_jobs=-1, params={"trusted": [True]})
    check_settings(cv=3, n_jobs=np.int64(2), params={})


def test_targets():
    """Attacks and classifiers are asked; what is neither checks y itself."""
    check_targets(y, attacks=[RandomLabelFlip(), object()])
    check_targets(X[:, 0], estimators=[KMeans()])
    with pytest.raises(ValueError, match="class labels for RandomLabelFlip"):
        check_targets(X[:, 0], attacks=[RandomLabelFlip()])
    with pytest.raises(ValueError, match="class labels for LogisticRegression"):
        check_targets(X[:, 0], estimators=[LogisticRegression()])
