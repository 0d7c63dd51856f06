import sys
from functools import partial

import numpy as np
import pytest
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MaxAbsScaler, StandardScaler
from sklearn.svm import SVC, LinearSVC, NuSVC
from sklearn.tree import DecisionTreeClassifier
from threadpoolctl import threadpool_limits

from skpoison import attacks, defences
from skpoison.attacks import RandomInsertion, RandomLabelFlip
from skpoison.cli._encoding import Layout
from skpoison.cli._errors import CommandError
from skpoison.cli._names import assemble, find_attack, find_defence, find_estimator
from skpoison.cli._tasks import (
    ATTACKS,
    CLASSIFICATION,
    DEFENCES,
    ESTIMATORS,
    REGRESSION,
)
from skpoison.defences import KNNSanitizedClassifier, OutlierFilteredClassifier

SOURCE = """
from imblearn.pipeline import Pipeline as SamplingPipeline
from imblearn.under_sampling import RandomUnderSampler
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.tree import DecisionTreeClassifier

from sklearn.svm import SVC

from skpoison.attacks import ALFA, RandomInsertion
from skpoison.defences import KNNSanitizedClassifier

tree = DecisionTreeClassifier(max_depth=2)
pipeline = Pipeline([("squeeze", MinMaxScaler()), ("tree", tree)])
sampling = SamplingPipeline([("sample", RandomUnderSampler()), ("tree", tree)])
no_last_step = Pipeline([("squeeze", MinMaxScaler()), ("last", "passthrough")])
insertion = RandomInsertion(budget=7, class_map={1: 0})
around_logistic = KNNSanitizedClassifier(LogisticRegression())
informed = ALFA(SVC(C=5))
number = 3

def make_tree():
    return DecisionTreeClassifier(max_depth=3)

def make_insertion():
    return RandomInsertion(class_map={1: 0})

def defend_by_vote_of_three(estimator):
    return KNNSanitizedClassifier(estimator, n_neighbors=3)

def fail(*args):
    raise RuntimeError("it does not\\nwork.")

def make_nothing(*args):
    return None

class NeedsArgument(ClassifierMixin, BaseEstimator):
    def __init__(self, size):
        self.size = size

class NoEstimator:
    def fit(self, X, y):
        return self

    def predict(self, X):
        return X[:, 0]

class Untagged(NoEstimator):
    def get_params(self, deep=True):
        return {}

class ChangesItsParameters(ClassifierMixin, BaseEstimator):
    def __init__(self, size=None):
        self.size = size or []
"""


@pytest.fixture(autouse=True)
def users_own(monkeypatch, tmp_path):
    """A module of the user's own, others that cannot be imported beside it."""
    (tmp_path / "users_own.py").write_text(SOURCE)
    (tmp_path / "users_bug.py").write_text("raise RuntimeError('no\\nimport.')")
    (tmp_path / "users_slip.py").write_text("def (:")
    (tmp_path / "users_script.py").write_text("import sys; sys.exit(5)")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("users_own", None)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_short_names_of_estimators(name):
    X, y = load_iris(return_X_y=True)
    found = find_estimator(name)
    assert is_classifier(found) == (name in CLASSIFICATION.estimators)
    assert is_regressor(found) == (name in REGRESSION.estimators)
    with threadpool_limits(1):
        score = clone(found).fit(X, y).score(X, y)
    assert score > (0.9 if is_classifier(found) else 0.3)


def test_importable_estimators():
    assert isinstance(find_estimator("sklearn.svm.NuSVC"), NuSVC)
    assert find_estimator("users_own.tree").max_depth == 2
    assert find_estimator("users_own:tree").max_depth == 2
    assert find_estimator("users_own.make_tree").max_depth == 3
    assert isinstance(find_estimator("users_own.pipeline"), Pipeline)


@pytest.mark.parametrize(
    "name",
    [
        "sklearn.cluster.KMeans",
        "sklearn.preprocessing.StandardScaler",
        "sklearn.base.BaseEstimator",
        "skpoison.attacks.RandomLabelFlip",
        "users_own.Untagged",
        "users_own.no_last_step",
    ],
)
def test_not_an_estimator(name):
    with pytest.raises(CommandError) as raised:
        find_estimator(name)
    assert str(raised.value) == (
        f"--estimator {name} is not a scikit-learn classifier or regressor. Give an "
        f"importable one, or one of {', '.join(ESTIMATORS)}."
    )


def test_names_for_the_other_task():
    with pytest.raises(CommandError, match="--surrogate ridge is not a scikit-learn c"):
        find_estimator("ridge", "surrogate", [CLASSIFICATION])
    with pytest.raises(CommandError, match="is for classes, and the target holds quan"):
        find_attack("random_label_flip", 0, task=REGRESSION)
    with pytest.raises(CommandError, match="is for classes, and the target holds quan"):
        find_defence("knn_drop", REGRESSION)
    with pytest.raises(CommandError, match="is not a scikit-learn regressor"):
        find_defence("skpoison.defences.KNNSanitizedClassifier", REGRESSION)(Ridge())


def test_attacks_on_quantities():
    assert set(REGRESSION.attacks) == {
        "greedy_deletion",
        "gradient_insertion",
        "gradient_modification",
    }
    assert CLASSIFICATION.attacks == ATTACKS
    # An attack that is not of this package decides by itself.
    assert REGRESSION.takes(object())


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("sklearn.svm", "'module' object is not callable"),
        ("sklearn.ensemble.VotingClassifier", "missing 1 required positional"),
        ("sklearn.pipeline.Pipeline", "missing 1 required positional argument"),
        ("json.dumps", "missing 1 required positional argument: 'obj'"),
        ("users_own.NeedsArgument", "missing 1 required positional argument: 'size'"),
        ("users_own.number", "'int' object is not callable"),
        ("users_own.fail", "RuntimeError: it does not\nwork"),
        ("users_own.make_nothing", "it does not seem to be a scikit-learn estimator"),
        ("users_own.NoEstimator", "it does not seem to be a scikit-learn estimator"),
        ("users_own.ChangesItsParameters", "RuntimeError: Cannot clone object"),
    ],
)
def test_estimators_that_cannot_be_made(name, complaint):
    with pytest.raises(CommandError) as raised:
        find_estimator(name)
    assert str(raised.value).startswith(f"--estimator {name} cannot be made: ")
    assert complaint in str(raised.value)
    assert str(raised.value).endswith(
        ". Name a class or a function that needs no arguments, or an instance."
    )
    assert ".." not in str(raised.value)


@pytest.mark.parametrize("option", ["estimator", "attack", "defence"])
@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("", "it does not name a module"),
        (".", "it does not name a module"),
        ("SVC", "it does not name a module"),
        ("sklearn", "it does not name a module"),
        ("..", "relative import"),
        ("a..b", "No module named 'a'"),
        ("no_such.Thing", "No module named 'no_such'"),
        ("sklearn.svm.Nope", "module 'sklearn.svm' has no attribute 'Nope'"),
        ("users_bug.Thing", "RuntimeError: no\nimport."),
        ("users_slip.Thing", "invalid syntax"),
        ("users_script.Thing", "SystemExit: 5."),
    ],
)
def test_names_that_cannot_be_imported(option, name, complaint):
    find = {
        "estimator": (find_estimator, ESTIMATORS),
        "attack": (lambda name: find_attack(name, seed=0), ATTACKS),
        "defence": (find_defence, DEFENCES),
    }
    function, short_names = find[option]
    with pytest.raises(CommandError) as raised:
        function(name)
    assert str(raised.value).startswith(
        f"--{option} {name} is not one of {', '.join(short_names)}, and cannot be "
        "imported: "
    )
    assert complaint in str(raised.value)
    assert str(raised.value).endswith((".", "?"))


@pytest.mark.parametrize(
    ("option", "name", "near"),
    [
        ("estimator", "Forest", "'forest'"),
        ("estimator", "logistic_regression", "'logistic'"),
        ("attack", "random_label_flips", "'random_label_flip'"),
        ("attack", "GreedyLabelFlip", "'greedy_label_flip'"),
        ("defence", "knn-drop", "'knn_drop'"),
        ("defence", "confident", "'confident_learning'"),
    ],
)
def test_near_misses(option, name, near):
    find = {"attack": partial(find_attack, seed=0), "defence": find_defence}
    with pytest.raises(CommandError, match=r"Did you mean .*\?$") as raised:
        find.get(option, find_estimator)(name)
    assert near in str(raised.value).partition("Did you mean")[2]


def test_short_names_of_attacks():
    assert set(ATTACKS.values()) == {getattr(attacks, name) for name in attacks.__all__}
    assert ATTACKS["random_label_flip"] is RandomLabelFlip
    assert ATTACKS["random_insertion"] is RandomInsertion
    for name, attack in ATTACKS.items():
        found = find_attack(name, seed=7)
        assert type(found) is attack
        assert found.random_state == 7


def test_importable_attacks():
    assert isinstance(
        find_attack("skpoison.attacks.RandomInsertion", 0), ATTACKS["random_insertion"]
    )
    for name in ("insertion", "make_insertion"):
        found = find_attack(f"users_own.{name}", seed=7)
        assert found.class_map == {1: 0}
        assert found.random_state == 7
    assert sys.modules["users_own"].insertion.random_state is None


@pytest.mark.parametrize(
    "name",
    [
        "imblearn.over_sampling.RandomOverSampler",
        "sklearn.svm.SVC",
        "users_own.tree",
        "users_own.Untagged",
    ],
)
def test_not_an_attack(name):
    with pytest.raises(CommandError) as raised:
        find_attack(name, seed=0)
    assert str(raised.value) == (
        f"--attack {name} is not an attack with fit_resample and a budget. Give an "
        f"importable one, or one of {', '.join(ATTACKS)}."
    )


def test_abstract_attack():
    with pytest.raises(CommandError, match="cannot be made: Can't instantiate"):
        find_attack("skpoison.base.BasePoisoner", seed=0)


def test_short_names_of_defences():
    tree = DecisionTreeClassifier()
    relabel = find_defence("knn_relabel")(tree)
    assert isinstance(relabel, KNNSanitizedClassifier)
    assert relabel.action == "relabel"
    drop = find_defence("knn_drop")(tree)
    assert isinstance(drop, KNNSanitizedClassifier)
    assert drop.action == "drop"
    assert isinstance(find_defence("outlier_filter")(tree), OutlierFilteredClassifier)
    assert relabel.estimator is drop.estimator is tree


@pytest.mark.parametrize(
    ("task", "inner", "suffix"),
    [(CLASSIFICATION, LinearSVC(), "Classifier"), (REGRESSION, Ridge(), "Regressor")],
)
def test_every_defence_has_a_short_name(task, inner, suffix):
    found = {type(find_defence(name, task)(inner)).__name__ for name in task.defences}
    assert found == {name for name in defences.__all__ if name.endswith(suffix)}


def test_importable_defences():
    tree = DecisionTreeClassifier()
    defended = find_defence("users_own.defend_by_vote_of_three")(tree)
    assert defended.n_neighbors == 3
    assert defended.estimator is tree
    defended = find_defence("skpoison.defences.OutlierFilteredClassifier")(tree)
    assert isinstance(defended, OutlierFilteredClassifier)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("users_own.number", "'int' object is not callable"),
        ("users_own.around_logistic", "object is not callable"),
        ("users_own.make_tree", "takes 0 positional arguments but 1 was given"),
        ("users_own.fail", "RuntimeError: it does not\nwork. Give a class"),
        ("sklearn.svm.SVC", "takes 1 positional argument but 2 were given"),
    ],
)
def test_defences_that_take_no_estimator(name, complaint):
    defence = find_defence(name)
    with pytest.raises(CommandError) as raised:
        defence(DecisionTreeClassifier())
    assert str(raised.value).startswith(
        f"--defence {name} cannot be put around DecisionTreeClassifier(): "
    )
    assert complaint in str(raised.value)


@pytest.mark.parametrize(
    "name", ["users_own.make_nothing", "skpoison.attacks.RandomLabelFlip"]
)
def test_defences_that_make_no_classifier(name):
    defence = find_defence(name)
    with pytest.raises(CommandError, match=r"around LinearSVC.* is not a scikit-learn"):
        defence(LinearSVC())


def test_assemble():
    tree = DecisionTreeClassifier()
    for is_sparse, scaler in ((False, StandardScaler), (True, MaxAbsScaler)):
        pipeline = assemble(tree, seed=3, is_sparse=is_sparse)
        assert [type(step) for _, step in pipeline.steps] == [scaler, type(tree)]
        assert pipeline[-1].random_state == 3
        defended = assemble(tree, KNNSanitizedClassifier, seed=3, is_sparse=is_sparse)
        assert type(defended[0]) is scaler
        assert type(defended[-1]) is KNNSanitizedClassifier
        assert defended[-1].estimator.random_state == 3
    assert tree.random_state is None


def test_assemble_seeds_defences():
    def defend(estimator):
        return OutlierFilteredClassifier(
            estimator, detector=RandomForestClassifier(random_state=5)
        )

    pipeline = assemble(LogisticRegression(), defend, seed=3)
    assert pipeline[-1].detector.random_state == 3


@pytest.mark.parametrize("name", ["pipeline", "sampling"])
def test_assemble_keeps_pipelines(name):
    pipeline = find_estimator(f"users_own.{name}")
    (before, step), _ = pipeline.steps
    plain = assemble(pipeline, seed=3)
    defended = assemble(pipeline, KNNSanitizedClassifier, seed=3)
    for assembled in (plain, defended):
        assert type(assembled) is type(pipeline)
        assert list(assembled.named_steps) == [before, "tree"]
        assert type(assembled[0]) is type(step)
    assert plain[-1].random_state == 3
    assert defended[-1].estimator.random_state == 3
    # What was given is left alone.
    assert isinstance(pipeline[-1], DecisionTreeClassifier)
    assert pipeline[-1].random_state is None
    X, y = load_iris(return_X_y=True)
    assert (defended.fit(X, y).predict(X) == y).mean() > 0.9


def test_assemble_pipeline_of_one_step():
    pipeline = make_pipeline(LogisticRegression())
    assert len(assemble(pipeline, seed=0).steps) == 1


@pytest.mark.parametrize("name", ATTACKS)
def test_surrogates_of_attacks(name):
    surrogate = SVC(C=3)
    found = find_attack(name, 7, surrogate)
    if name.startswith("random"):
        assert "surrogate" not in found.get_params()
    else:
        assert found.surrogate.C == 3
    assert find_attack("users_own.informed", 0, surrogate).surrogate.C == 5


def test_option_of_the_surrogate():
    with pytest.raises(CommandError, match=r"^--surrogate sklearn.svm.SVR is not a"):
        find_estimator("sklearn.svm.SVR", "surrogate", [CLASSIFICATION])
    with pytest.raises(CommandError, match=r"^--surrogate nope is not one of logistic"):
        find_estimator("nope", "surrogate")


def test_assemble_encodes_words():
    layout = Layout(
        {"a": np.arange(4.0)}, {"b": np.array(["x", "y"] * 2, dtype=object)}, {}
    )
    pipeline = assemble(SVC(), KNNSanitizedClassifier, seed=3, layout=layout)
    assert [type(step).__name__ for _, step in pipeline.steps] == [
        "ColumnTransformer",
        "KNNSanitizedClassifier",
    ]
    # A pipeline of the user's own has its own encoders.
    own = make_pipeline(StandardScaler(), SVC())
    assert [*assemble(own, seed=3, layout=layout).named_steps] == [*own.named_steps]
