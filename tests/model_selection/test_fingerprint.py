import subprocess
import sys
import threading
from copy import deepcopy
from functools import partial

import numpy as np
import pandas as pd
import polars
import pytest
import sklearn
from scipy import sparse
from sklearn.datasets import load_iris
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import accuracy_score, f1_score, make_scorer
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from skpoison.attacks import RandomLabelFlip
from skpoison.defences import KNNSanitizedClassifier
from skpoison.model_selection import subpopulation_scorer, success_scorer
from skpoison.model_selection._fingerprint import fingerprint

X, Y = (each[:100:2] for each in load_iris(return_X_y=True))
WORDS = np.array(["ham", "spam"])[Y]
LEVEL = 1


class Scorer:
    def __init__(self, weight):
        self.weight = weight

    def __call__(self, estimator, X, y):
        return self.weight


def by_level(estimator, X, y):
    return float(any(each > LEVEL for each in y))


def within(value):
    return lambda estimator, X, y: value


def default(estimator, X, y, value=0):
    return value


def cyclic(value):
    """Make a list that holds itself."""
    found = [value]
    found.append(found)
    return found


def class_of(module, source="def fit(self): return 1"):
    """Make a class as it would be made in a module."""
    space = {"__name__": module}
    exec(f"class Model:\n    {source}", space)
    return space["Model"]


def categorical(*categories):
    column = pd.Categorical(["a", "b"], categories=categories, ordered=True)
    return pd.DataFrame({"a": column})


TREES = [
    DecisionTreeClassifier(max_depth=1, random_state=0).fit(X, y) for y in (Y, 1 - Y)
]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (MLPClassifier((1, 12)), MLPClassifier((11, 2))),
        (RandomLabelFlip(class_map={1: 23}), RandomLabelFlip(class_map={12: 3})),
        ([1, 2], [12]),
        (["1", "2"], [1, 2]),
        ([[1], 2], [[1, 2]]),
        (("ab", "c"), ("a", "bc")),
        (*map(FrozenEstimator, TREES),),
        (*(make_pipeline(FrozenEstimator(tree)) for tree in TREES),),
        (*(subpopulation_scorer(tree.predict) for tree in TREES),),
        (lambda *_: 1.0, lambda *_: 2.0),
        (lambda a: a.real, lambda a: a.imag),
        (within(1), within(2)),
        (within(TREES[0]), within(TREES[1])),
        (partial(default, value=1), partial(default, value=2)),
        (Scorer(1), Scorer(2)),
        (success_scorer({1: 23}), success_scorer({12: 3})),
        (make_scorer(f1_score), make_scorer(accuracy_score)),
        (make_scorer(f1_score), make_scorer(f1_score, pos_label=0)),
        (np.random.RandomState(0), np.random.RandomState(1)),
        (np.random.default_rng(0), np.random.default_rng(1)),
        (
            RandomLabelFlip(random_state=np.random.RandomState(0)),
            RandomLabelFlip(random_state=np.random.RandomState(1)),
        ),
        (
            FunctionTransformer(lambda X: X + 1),
            FunctionTransformer(lambda X: X + 2),
        ),
        (categorical("a", "b"), categorical("b", "a")),
        (pd.DataFrame({"a": [1]}), pd.DataFrame({"b": [1]})),
        (pd.Series([1], index=[1]), pd.Series([1], index=[2])),
        (class_of("one"), class_of("two")),
        (class_of("one")(), class_of("two")()),
        (class_of("one"), class_of("one", "def fit(self): return 2")),
        (np.array([[1], [2, 3]], object), np.array([[1, 2], [3]], object)),
        (np.array([1, None]), np.array(["1", "None"], object)),
        (cyclic(1), cyclic(2)),
        ({1, 2}, {1, 3}),
        (0.0, -0.0),
        (True, 1),
        (1, 1.0),
    ],
)
def test_different_objects(one, other):
    assert fingerprint(one) != fingerprint(other)
    # The same, wherever it is in memory.
    assert fingerprint(deepcopy(one)) == fingerprint(one)
    holders = [{"a": [each, Y]} for each in (one, other)]
    assert fingerprint(holders[0]) != fingerprint(holders[1])


def test_a_name_that_a_function_looks_up(monkeypatch):
    before = fingerprint(by_level)
    monkeypatch.setattr(f"{__name__}.LEVEL", 2)
    assert fingerprint(by_level) != before


def test_the_version_of_what_is_installed(monkeypatch):
    before = fingerprint(f1_score), fingerprint(LinearSVC())
    monkeypatch.setattr(sklearn, "__version__", "another one")
    after = fingerprint(f1_score), fingerprint(LinearSVC())
    assert before[0] != after[0]
    assert before[1] != after[1]


def test_dataframe_of_polars():
    frames = [polars.DataFrame({"a": [1, n], "b": ["x", "y"]}) for n in (2, 2, 3)]
    one, same, other = map(fingerprint, frames)
    assert one == same != other


def test_all_are_different():
    different = [
        X,
        X.astype(np.float32),
        X[:, :3],
        X.T,
        sparse.csr_matrix(X),
        WORDS,
        WORDS.astype(object),
        LinearSVC(),
        LinearSVC(C=2),
        KNNSanitizedClassifier(LinearSVC()),
        KNNSanitizedClassifier(LinearSVC(C=2)),
        {"a": 1},
        {"b": 1},
        "a",
        b"a",
        ["a"],
        ("a",),
        None,
        "None",
    ]
    assert len({fingerprint(each) for each in different}) == len(different)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (X, np.asfortranarray(X)),
        (sparse.csr_matrix(X), sparse.csr_matrix(X)),
        # What is fitted anew counts by its parameters.
        (GaussianNB(), GaussianNB().fit(X, Y)),
        ({"a": [GaussianNB()]}, {"a": [GaussianNB().fit(X, Y)]}),
        (KNNSanitizedClassifier(GaussianNB()), KNNSanitizedClassifier(GaussianNB())),
        (object(), object()),
        (Scorer(1), Scorer(1)),
        (within(1), within(1)),
        ({"ham", "spam", "eggs"}, {"eggs", "spam", "ham"}),
    ],
)
def test_equal_objects(one, other):
    assert fingerprint(one) == fingerprint(other)


def test_structured_array_without_what_is_between_its_fields():
    kind = np.dtype([("a", "i1"), ("b", "f8")], align=True)
    arrays = [np.full(kind.itemsize, fill, np.uint8).view(kind) for fill in (0, 255)]
    for array in arrays:
        array["a"], array["b"] = 1, 2
    assert arrays[0].tobytes() != arrays[1].tobytes()
    assert fingerprint(arrays[0]) == fingerprint(arrays[1])


def test_other_processes_find_the_same():
    """Neither places in memory nor the order of sets count."""
    code = """if True:
        from sklearn.metrics import f1_score, make_scorer
        from skpoison.attacks import RandomLabelFlip
        from skpoison.model_selection._fingerprint import fingerprint
        def score(a): return a in {"x", "y", "z"}
        value = [{"a", "b", "c"}, score, RandomLabelFlip(), make_scorer(f1_score)]
        found = fingerprint(value)
    """
    space = {"__name__": "__main__"}
    exec(code, space)
    printed = subprocess.check_output([sys.executable, "-c", code + "    print(found)"])
    assert printed.decode().strip() == space["found"]


@pytest.mark.parametrize("value", [threading.Lock(), (each for each in "a")])
def test_what_does_not_show_its_contents(value):
    for holder in (value, {"a": [value]}, Scorer(value), within(value)):
        with pytest.raises(ValueError, match="does not show what it consists of"):
            fingerprint(holder)


def test_too_deep():
    nested = []
    for _ in range(10_000):
        nested = [nested]
    with pytest.raises(ValueError, match="nested too deeply"):
        fingerprint(nested)
