"""What all attacks with a goal share."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skpoison.attacks import GradientPoisoner
from skpoison.attacks._aim import BaseAimedPoisoner
from skpoison.base import Poison
from skpoison.goals import TargetCoefficients

X, y = load_iris(return_X_y=True)
OWN = {"X_val": X[::3], "y_val": y[::3]}
both = pytest.mark.parametrize("attack", [GradientPoisoner])


class Aimed(BaseAimedPoisoner):
    """An attack that only says what it wants."""

    def __init__(
        self,
        surrogate=None,
        goal="error-generic",
        loss="error",
        sharpness=4.0,
    ):
        super().__init__()
        self.surrogate = surrogate
        self.goal = goal
        self.loss = loss
        self.sharpness = sharpness

    def _poison(self, X, y, **_):
        self._check_goal()
        own = X[::2], self._codes(y[::2])
        surrogate = self._seeded_surrogate(X, np.random.RandomState(0))
        self.problem_ = self._aimed_problem(
            surrogate, X, y, np.arange(50), 3.0, own, "auto", n_unrolled=None
        )
        return Poison()


def test_problem():
    attack = Aimed(LogisticRegression(C=4), sharpness=2.0)
    attack.fit_resample(X, np.array(list("abc"))[y])
    problem = attack.problem_
    np.testing.assert_array_equal(problem.X, X[:50])
    assert problem.weight == 3
    assert problem.learner.penalty == 0.25
    assert problem.goal.measure.sharpness == 2
    np.testing.assert_array_equal(problem.goal.measure.codes, y[::2])
    attack = Aimed(Ridge(), goal=TargetCoefficients({0: 1.0}))
    attack.fit_resample(X, X[:, 0])
    assert attack.problem_.goal.wanted.shape == (4, 1)
    assert attack.problem_.classes is None


@pytest.mark.parametrize(("shift", "is_centred"), [(0, False), (1e6, True)])
def test_default_surrogate(shift, is_centred):
    """Centring is for columns far from 0, and never for sparse rows."""
    attack = Aimed()
    attack.fit_resample(X + shift, y)
    assert attack.problem_.shift.any() == is_centred
    np.testing.assert_allclose(attack.problem_.scale, 1 / X.std(axis=0), rtol=1e-6)
    attack.fit_resample(sparse.csr_array(X + shift), y)
    assert not attack.problem_.shift.any()


@both
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"X_val": X}, "X_val and y_val go together"),
        ({"y_val": y}, "X_val and y_val go together"),
        ({"X_val": X, "y_val": y[1:]}, "inconsistent numbers of samples"),
        ({"X_val": X[:, 1:], "y_val": y}, "X_val has 3 features, but X has 4"),
        ({"X_val": X, "y_val": y + 1}, r"not among those of y: \[3\]"),
    ],
)
def test_own_rows_are_checked(attack, given, message):
    with pytest.raises(ValueError, match=message):
        attack().fit_resample(X, y, **given)


@both
@pytest.mark.parametrize(
    ("goal", "given", "message"),
    [
        ("error-specific", {}, "goal='error-specific' needs X_val"),
        ({}, OWN, "goal={} names no class"),
        ({7: 1}, OWN, r"`goal` must .* got \{7: 1\}, which names the class 7"),
        ({1: 1}, OWN, r"`goal` must .* maps the class 1 to itself"),
        (TargetCoefficients({0: 1.0}), OWN, "speaks of what is learnt"),
    ],
)
def test_goals_are_checked(attack, goal, given, message):
    with pytest.raises(ValueError, match=message):
        attack(goal=goal).fit_resample(X, y, **given)


@both
def test_classes_and_responses_do_not_mix(attack):
    with pytest.raises(ValueError, match="names classes, but y holds responses"):
        attack(Ridge(), goal={1: 2}).fit_resample(X, X[:, 0])


@both
@pytest.mark.parametrize("is_scaled", [False, True])
def test_network_without_a_seed_is_reproducible(attack, is_scaled):
    """The seed of the attack decides; what the user gives stays without one."""
    network = MLPClassifier(
        (3,), solver="sgd", momentum=0, max_iter=20, n_iter_no_change=20
    )
    surrogate = make_pipeline(StandardScaler(), network) if is_scaled else network
    few = {"n_restarts": 1, "max_iter": 2} if attack is GradientPoisoner else {}
    paths = []
    for seed in (0, 0, 1):
        attacker = attack(surrogate, 3, random_state=seed, **few)
        attacker.fit_resample(X, y, **OWN)
        paths.append(attacker.goal_path_.tolist())
    assert paths[0] == paths[1]
    assert paths[0] != paths[2]
    assert network.random_state is None


@both
def test_a_single_row_is_reached(attack):
    """What it is to be taken for becomes more likely."""
    few = {"max_iter": 10} if attack is GradientPoisoner else {}
    attacker = attack(
        LogisticRegression(),
        10,
        goal="error-specific",
        sharpness=0.5,
        random_state=0,
        **few,
    )
    attacker.fit_resample(X[50:], y[50:], X_val=X[60:61], y_val=[2])
    assert attacker.goal_path_.max() > attacker.goal_path_[0] + 1e-6
