import numpy as np
import pytest
from sklearn.datasets import load_diabetes, make_classification
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import RobustScaler, StandardScaler
from sklearn.svm import SVC, LinearSVC

from skpoison.attacks import (
    GradientInsertion,
    GradientModification,
    GreedyLabelFlip,
)
from skpoison.bilevel.differentiation.hypergradients import Hypergradient
from skpoison.goals import ErrorGeneric, TargetCoefficients
from skpoison.inspection import check_hypergradient
from skpoison.optimizers import ProjectedAscent
from skpoison.penalties import Displacement
from skpoison.surrogates import GradientDescentClassifier, Unrolled

X, y = make_classification(
    80, n_features=5, n_informative=4, n_redundant=0, n_classes=3, random_state=1
)
FEW = ProjectedAscent(max_iter=3)


@pytest.mark.parametrize(
    "surrogate",
    [
        None,
        LogisticRegression(),
        make_pipeline(RobustScaler(), RidgeClassifier()),
        make_pipeline(StandardScaler(), LinearSVC()),
        GradientDescentClassifier(learning_rate=0.2, n_steps=10),
        GradientDescentClassifier("squared_error", learning_rate=0.05, n_steps=50),
    ],
    ids=str,
)
def test_gradient_is_right(surrogate):
    attack = GradientInsertion(surrogate, 5, optimizer=FEW, random_state=1)
    check = check_hypergradient(attack, X, y, random_state=0)
    assert check.relative_error < 1e-6
    assert check.cosine > 1 - 1e-9
    assert check.analytic.shape == check.numerical.shape == (5,)


@pytest.mark.parametrize("validation", [0.5, 3])
@pytest.mark.parametrize("make", [GradientInsertion, GradientModification])
def test_folds_and_penalties(make, validation):
    attack = make(
        LogisticRegression(),
        5,
        goal=ErrorGeneric("surrogate"),
        penalties=[Displacement(0.3)],
        validation=validation,
        optimizer=FEW,
        random_state=0,
    )
    check = check_hypergradient(attack, X, y, n_directions=3, random_state=0)
    assert check.relative_error < 1e-6
    assert check.analytic.shape == (3,)


def test_responses_and_parameters():
    data = load_diabetes(return_X_y=True)
    attack = GradientInsertion(
        Ridge(), 5, goal=TargetCoefficients({2: 0.0}), random_state=0
    )
    attack.set_params(optimizer=FEW)
    assert check_hypergradient(attack, *data, random_state=0).relative_error < 1e-6


def test_truncation_is_seen():
    surrogate = GradientDescentClassifier(learning_rate=0.2, n_steps=30)
    attack = GradientInsertion(
        surrogate, 5, hypergradient=Unrolled(last=2), optimizer=FEW, random_state=0
    )
    check = check_hypergradient(attack, X, y, random_state=0)
    assert check.relative_error > 0.3


def test_a_wrong_gradient_is_seen(monkeypatch):
    right = Hypergradient.__init__

    def wrong(self, features, *others, **settings):
        features = features.copy()
        features[0] *= -1
        right(self, features, *others, **settings)

    monkeypatch.setattr(Hypergradient, "__init__", wrong)
    attack = GradientInsertion(LogisticRegression(), 5, optimizer=FEW, random_state=0)
    check = check_hypergradient(attack, X, y, random_state=0)
    assert check.relative_error > 1e-2
    assert check.cosine < 1 - 1e-4


def test_no_gradient_at_all():
    """Nothing moves the goal: differences are rounding, and not an error."""
    rng = np.random.RandomState(0)
    rows = rng.normal(size=(40, 2))
    labels = (rows[:, 0] > 0).astype(int)
    attack = GradientInsertion(
        SVC(kernel="linear", C=100.0),
        budget=1,
        poison_labels="keep",
        optimizer=ProjectedAscent(max_iter=0),
        random_state=0,
    )
    check = check_hypergradient(attack, rows, labels, X_val=rows, y_val=labels)
    assert check.relative_error == 0
    assert np.isnan(check.cosine)


def test_the_attack_is_not_changed():
    attack = GradientInsertion(optimizer=FEW, random_state=0)
    before = attack.fit_resample(X, y)
    path = attack.goal_path_
    check_hypergradient(attack, X, y)
    assert attack.goal_path_ is path
    for one, other in zip(before, attack.fit_resample(X, y), strict=True):
        np.testing.assert_array_equal(one, other)


def test_other_attacks_have_no_gradient():
    with pytest.raises(
        TypeError, match="`attack` must be a GradientInsertion or a Gra"
    ):
        check_hypergradient(GreedyLabelFlip(), X, y)
    with pytest.raises(ValueError, match="The 'known_fraction' parameter"):
        check_hypergradient(GradientInsertion(known_fraction=0), X, y)


def test_nothing_to_be_checked():
    with pytest.raises(ValueError, match=r"`budget` of the attack must be .*; got 0"):
        check_hypergradient(GradientInsertion(budget=0), X, y)
    with pytest.raises(ValueError, match="`n_directions` must be at least 1; got 0"):
        check_hypergradient(GradientInsertion(), X, y, n_directions=0)
