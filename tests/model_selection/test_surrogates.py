import numpy as np
import pytest
from imblearn.pipeline import make_pipeline as make_sampling_pipeline
from imblearn.under_sampling import RandomUnderSampler
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import (
    GridSearchCV,
    HalvingRandomSearchCV,
    RandomizedSearchCV,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from skpoison import attacks
from skpoison.attacks import (
    ALFA,
    GradientInsertion,
    GradientModification,
    GreedyDeletion,
    GreedyLabelFlip,
    MarginLabelFlip,
    RandomInsertion,
    RandomLabelFlip,
    RelaxedLabelFlip,
    SubpopulationInsertion,
    SubpopulationLabelFlip,
)
from skpoison.defences import KNNSanitizedClassifier
from skpoison.goals import ErrorGeneric
from skpoison.model_selection._encoded import EncodedAttack
from skpoison.model_selection._surrogates import (
    inform,
    is_differentiable,
    refits,
    split_encoder,
)

X, y = load_iris(return_X_y=True)
X, y = X[50::2], y[50::2]
BY_SCORES = [ALFA(), MarginLabelFlip()]
BY_GRADIENTS = [
    GradientInsertion(),
    GradientModification(),
    GreedyDeletion(),
    RelaxedLabelFlip(),
]
TRANSFER = "LogisticRegression (transfer)"


def test_every_attack_is_tested():
    named = {*BY_SCORES, *BY_GRADIENTS, RandomInsertion(), RandomLabelFlip()}
    named |= {GreedyLabelFlip(), SubpopulationInsertion(), SubpopulationLabelFlip()}
    assert {type(attack).__name__ for attack in named} == set(attacks.__all__)


@pytest.mark.parametrize("attack", [RandomInsertion(), RandomLabelFlip()])
def test_attacks_without_a_surrogate_stay(attack):
    informed = inform(attack, LogisticRegression(), y)
    assert informed.attack is attack
    assert informed.crafted_for == ""


@pytest.mark.parametrize(
    "victim",
    [
        LogisticRegression(C=7),
        make_pipeline(StandardScaler(), LinearSVC(C=7)),
        make_pipeline("passthrough", SVC(C=7)),
    ],
)
@pytest.mark.parametrize(
    "attack",
    [*BY_SCORES, *BY_GRADIENTS, GreedyLabelFlip(), SubpopulationLabelFlip()],
)
def test_surrogate_is_the_estimator(attack, victim):
    informed = inform(attack, victim, y)
    assert type(informed.attack) is type(attack)
    assert repr(informed.attack.surrogate) == repr(victim)
    assert informed.crafted_for == ""
    assert attack.surrogate is None


@pytest.mark.parametrize("attack", [*BY_SCORES, GreedyLabelFlip()])
@pytest.mark.parametrize(
    "victim",
    [
        DecisionTreeClassifier(max_depth=3),
        make_pipeline(StandardScaler(), RandomForestClassifier(7)),
        HistGradientBoostingClassifier(max_iter=7),
        KNeighborsClassifier(7),
        KNNSanitizedClassifier(DecisionTreeClassifier()),
    ],
)
def test_any_classifier_is_a_surrogate_of_attacks_that_fit_and_predict(attack, victim):
    informed = inform(attack, victim, y)
    assert repr(informed.attack.surrogate) == repr(victim)
    assert informed.crafted_for == ""


@pytest.mark.parametrize("attack", [*BY_GRADIENTS, SubpopulationLabelFlip()])
@pytest.mark.parametrize(
    "victim",
    [
        DecisionTreeClassifier(),
        make_pipeline(StandardScaler(), RandomForestClassifier()),
        make_sampling_pipeline(RandomUnderSampler(), LogisticRegression()),
    ],
)
def test_transfer(attack, victim):
    informed = inform(attack, victim, y)
    assert informed.attack is attack
    assert informed.crafted_for == TRANSFER


@pytest.mark.parametrize(
    ("victim", "name"),
    [
        (DecisionTreeClassifier(), "SVC"),
        (SVC(C=3), ""),
        (SVC(C=4), "SVC"),
    ],
)
def test_surrogates_given_are_kept(victim, name):
    surrogate = SVC(C=3)
    for attack in (ALFA(surrogate), GradientInsertion(surrogate)):
        informed = inform(attack, victim, y)
        assert repr(informed.attack) == repr(attack)
        assert informed.crafted_for == name
    informed = inform(ALFA(make_pipeline(StandardScaler(), surrogate)), victim, y)
    assert informed.crafted_for == "SVC"


def test_behind_an_encoder():
    victim = make_pipeline(PCA(2), StandardScaler(), LogisticRegression(C=7))
    for attack in (RelaxedLabelFlip(), GreedyDeletion(), GreedyLabelFlip()):
        informed = inform(attack, victim, y)
        assert isinstance(informed.attack, EncodedAttack)
        assert repr(informed.attack.encoder) == repr(victim[:1])
        assert repr(informed.attack.attack.surrogate) == repr(victim[1:])
        assert informed.crafted_for == ""
    for attack in BY_SCORES:
        assert repr(inform(attack, victim, y).attack.surrogate) == repr(victim)
    forest = make_pipeline(PCA(2), RandomForestClassifier())
    informed = inform(RelaxedLabelFlip(), forest, y)
    assert isinstance(informed.attack, EncodedAttack)
    assert informed.crafted_for == TRANSFER
    # An encoder cannot be undone.
    for attack in (GradientInsertion(), GradientModification()):
        assert inform(attack, victim, y).crafted_for == TRANSFER


def test_behind_an_imputer():
    imputer = SimpleImputer(keep_empty_features=True)
    victim = make_pipeline(imputer, StandardScaler(), LogisticRegression(C=7))
    for attack in (*BY_GRADIENTS, GreedyLabelFlip()):
        informed = inform(attack, victim, y)
        assert repr(informed.attack.encoder) == repr(victim[:1])
        assert repr(informed.attack.attack.surrogate) == repr(victim[1:])
    forest = make_pipeline(imputer, RandomForestClassifier())
    informed = inform(GradientInsertion(), forest, y)
    assert isinstance(informed.attack, EncodedAttack)
    assert informed.crafted_for == TRANSFER


def test_split_encoder():
    steps = [("a", StandardScaler()), ("b", PCA()), ("c", StandardScaler())]
    pipeline = Pipeline([*steps, ("d", LogisticRegression())])
    encoder, rest = split_encoder(pipeline)
    assert list(encoder.named_steps) == ["a", "b"]
    assert list(rest.named_steps) == ["c", "d"]
    assert split_encoder(pipeline[-1]) == (None, pipeline[-1])
    encoder, rest = split_encoder(pipeline[2:])
    assert encoder is None
    assert list(rest.named_steps) == ["c", "d"]
    sampling = make_sampling_pipeline(RandomUnderSampler(), LogisticRegression())
    assert split_encoder(sampling) == (None, sampling)


@pytest.mark.parametrize(
    ("estimator", "n_classes", "expected"),
    [
        (LogisticRegression(), 2, True),
        (LogisticRegression(), 5, True),
        (LogisticRegression(solver="liblinear"), 2, True),
        (LogisticRegression(solver="liblinear"), 3, False),
        (Ridge(), None, True),
        (DecisionTreeClassifier(), 2, False),
        (make_pipeline(TfidfVectorizer(), LogisticRegression()), 2, False),
    ],
)
def test_is_differentiable(estimator, n_classes, expected):
    assert is_differentiable(estimator, n_classes) == expected


@pytest.mark.parametrize("labels", [y, np.eye(3)[y], y.tolist()])
def test_number_of_classes(labels):
    victim = LogisticRegression(solver="liblinear")
    expected = TRANSFER if np.ndim(labels) == 2 else ""
    assert inform(RelaxedLabelFlip(), victim, labels).crafted_for == expected


def test_regressors():
    responses = X[:, 0]
    for attack in (GradientInsertion(), GreedyDeletion()):
        assert isinstance(inform(attack, Ridge(), responses).attack.surrogate, Ridge)
    assert inform(ALFA(), Ridge(), responses).crafted_for == TRANSFER


@pytest.mark.parametrize(
    "attack", [ALFA(max_iter=1), GreedyLabelFlip(n_candidates=1), MarginLabelFlip()]
)
@pytest.mark.parametrize(
    "victim",
    [DecisionTreeClassifier(random_state=0), make_pipeline(PCA(2), LinearSVC())],
)
def test_informed_attacks_run(attack, victim):
    informed = clone(inform(attack, victim, y).attack).set_params(budget=3)
    _, y_out = informed.fit_resample(X, y)
    assert (y_out != y).sum() == 3


@pytest.mark.parametrize(
    ("attack", "expected"),
    [
        (GreedyLabelFlip(DecisionTreeClassifier()), True),
        (GreedyLabelFlip(LogisticRegression()), False),
        (GreedyLabelFlip(), False),
        (ALFA(DecisionTreeClassifier()), False),
        (GreedyDeletion(Ridge()), False),
        (RandomLabelFlip(), False),
    ],
)
def test_refits(attack, expected):
    assert refits(attack, y) == expected


GRID = {"C": [0.1, 1.0]}


@pytest.mark.parametrize("attack", [*BY_SCORES, *BY_GRADIENTS, GreedyLabelFlip()])
@pytest.mark.parametrize(
    "victim",
    [
        GridSearchCV(LogisticRegression(), GRID),
        RandomizedSearchCV(LogisticRegression(), GRID, n_iter=2),
        make_pipeline(StandardScaler(), GridSearchCV(LogisticRegression(), GRID)),
    ],
)
def test_searches_are_known(attack, victim):
    informed = inform(attack, victim, y)
    assert repr(informed.attack.surrogate) == repr(victim)
    assert informed.crafted_for == ""
    assert not refits(informed.attack, y)


def test_searches_that_cannot_be_known():
    search = GridSearchCV(LogisticRegression(), GRID)
    for attack, victim in (
        (GradientInsertion(goal=ErrorGeneric("surrogate")), search),
        (GradientInsertion(), GridSearchCV(DecisionTreeClassifier(), {})),
        (MarginLabelFlip(), HalvingRandomSearchCV(LogisticRegression(), GRID)),
    ):
        informed = inform(attack, victim, y)
        assert informed.attack is attack
        assert informed.crafted_for == TRANSFER
