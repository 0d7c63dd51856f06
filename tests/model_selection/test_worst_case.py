import threading
from collections import Counter

import numpy as np
import pytest
from imblearn.pipeline import Pipeline
from sklearn.datasets import make_classification
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import FunctionTransformer
from sklearn.tree import DecisionTreeClassifier

from skpoison.attacks import MarginLabelFlip, RandomInsertion, RandomLabelFlip
from skpoison.defences import KNNSanitizedClassifier
from skpoison.model_selection import worst_case_refit

X, y = make_classification(120, 5, random_state=0)
LR = LogisticRegression()
ATTACKS = [
    RandomLabelFlip(0.3, random_state=0),
    RandomInsertion(0.3, random_state=0),
]


class CountedFlip(MarginLabelFlip):
    runs = Counter()

    def fit_resample(self, X, y, *, trusted=None):
        self.runs[self.budget] += 1
        return super().fit_resample(X, y, trusted=trusted)


def results(*rows):
    """Make `cv_results_` of tuples (parameters, score)."""
    return {
        "params": [params for params, _ in rows],
        "mean_test_score": np.array([score for _, score in rows]),
    }


def grid_results(table):
    """Make them of a table from defences to the scores under each attack."""
    return results(
        *(
            ({"attack": attack, "threshold": defence}, score)
            for defence, scores in table.items()
            for attack, score in scores.items()
        )
    )


def test_best_worst_case():
    table = {0.1: {"a": 0.9, "b": 0.4}, 0.2: {"a": 0.6, "b": 0.5}}
    assert worst_case_refit()(grid_results(table)) == 3


def test_candidate_without_attack_is_refitted():
    table = {
        0.1: {"a": 0.9, "passthrough": 0.95, "b": 0.4},
        0.2: {"a": 0.6, "passthrough": 0.7, "b": 0.5},
    }
    assert worst_case_refit()(grid_results(table)) == 4


def test_equal_worst_cases():
    """The better mean decides, then the order."""
    table = {0.1: {"a": 0.5, "b": 0.6}, 0.2: {"a": 0.8, "b": 0.5}}
    assert worst_case_refit()(grid_results(table)) == 3
    table[0.3] = {"a": 0.8, "b": 0.5}
    assert worst_case_refit()(grid_results(table)) == 3


def test_parameters_of_the_attack_belong_to_it():
    rows = [
        ({"attack__budget": budget, "C": C}, score)
        for C, scores in {1: (0.9, 0.3), 2: (0.8, 0.5)}.items()
        for budget, score in zip((0, 0.2), scores, strict=True)
    ]
    assert worst_case_refit()(results(*rows)) == 2
    nested = [
        ({f"first__{key}": value for key, value in params.items()}, score)
        for params, score in rows
    ]
    assert worst_case_refit("first__attack")(results(*nested)) == 2


def test_attack_of_budget_0_is_none():
    rows = [
        ({"attack": attack.set_params(budget=budget)}, score)
        for attack, budget, score in (
            (RandomLabelFlip(), 0.1, 0.9),
            (RandomInsertion(), 0, 0.8),
            (RandomInsertion(), 0.1, 0.7),
        )
    ]
    assert worst_case_refit()(results(*rows)) == 1


def test_failed_fits_are_the_worst():
    table = {0.1: {"a": 0.9, "b": np.nan}, 0.2: {"a": 0.2, "b": 0.1}}
    assert worst_case_refit()(grid_results(table)) == 3


def test_defences_that_are_printed_alike():
    """scikit-learn cuts what it prints of an estimator, and functions have one name."""
    words = [f"word{i:04d}" for i in range(300)]
    for one, other in (
        (TfidfVectorizer(vocabulary=[*words, *end]) for end in (["a"], ["b"])),
        (FunctionTransformer(lambda X: X + 1), FunctionTransformer(lambda X: X + 2)),
        (threading.Lock(), threading.Lock()),
    ):
        table = {one: {"a": 0.9, "b": 0.1}, other: {"a": 0.5, "b": 0.4}}
        rows = [
            ({"attack": attack, "defence": defence}, score)
            for defence, scores in table.items()
            for attack, score in scores.items()
        ]
        assert worst_case_refit()(results(*rows)) == 3


def test_equal_defences_are_one():
    rows = [
        ({"attack": attack, "model": KNNSanitizedClassifier(LR)}, score)
        for attack, score in {"passthrough": 0.9, "b": 0.4}.items()
    ]
    other = {"attack": "b", "model": LR}
    assert worst_case_refit()(results(*rows, (other, 0.5))) == 2
    assert worst_case_refit()(results(*rows, (other, 0.3))) == 0


def test_metric():
    found = grid_results({0.1: {"a": 0.9}, 0.2: {"a": 0.2}})
    found["mean_test_f1"] = 1 - found.pop("mean_test_score")
    assert worst_case_refit(metric="f1")(found) == 1
    with pytest.raises(ValueError, match=r"metric must be .*\['f1'\]; got 'score'"):
        worst_case_refit()(found)


def test_no_attack_in_the_grid():
    with pytest.raises(ValueError, match="attack must be the name of a parameter"):
        worst_case_refit("flip")(grid_results({0.1: {"a": 0.9}}))


def test_search_equals_its_results():
    models = [DecisionTreeClassifier(random_state=0), KNNSanitizedClassifier(LR)]
    pipeline = Pipeline([("attack", ATTACKS[0]), ("model", models[0])])
    grid = {"attack": ["passthrough", *ATTACKS], "model": models}
    search = GridSearchCV(pipeline, grid, cv=3, refit=worst_case_refit()).fit(X, y)
    scores = search.cv_results_["mean_test_score"].reshape(3, 2)
    best = int(scores.min(axis=0).argmax())
    assert search.best_params_ == {"attack": "passthrough", "model": models[best]}
    expected = search.best_params_["model"].fit(X, y).predict(X)
    np.testing.assert_array_equal(search.predict(X), expected)


def test_memory_of_the_pipeline_keeps_the_poison(tmp_path):
    """Each attack is computed once a fold, however many defences there are."""
    attacks = [CountedFlip(LR, budget, random_state=0) for budget in (0.1, 0.2)]
    grid = {
        "attack": attacks,
        "defence__threshold": [0.5, 0.7, 0.9],
        "defence__n_neighbors": [3, 5],
    }
    searches = []
    for memory in (None, str(tmp_path)):
        CountedFlip.runs.clear()
        pipeline = Pipeline(
            [("attack", attacks[0]), ("defence", KNNSanitizedClassifier(LR))],
            memory=memory,
        )
        search = GridSearchCV(pipeline, grid, cv=3, refit=False).fit(X, y)
        searches.append(search.cv_results_["mean_test_score"])
        assert CountedFlip.runs == dict.fromkeys((0.1, 0.2), 3 if memory else 3 * 6)
    np.testing.assert_array_equal(*searches)
