"""Attacks by gradients on what the victim learns."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import (
    Lasso,
    LinearRegression,
    LogisticRegression,
    Ridge,
    RidgeClassifier,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skpoison.attacks import GradientInsertion, GradientModification
from skpoison.feasible_sets import (
    Frozen,
    ResponseRange,
)
from skpoison.goals import (
    BaseGoal,
    ErrorGeneric,
    TargetCoefficients,
    TargetFeatures,
)
from skpoison.inspection import check_hypergradient
from skpoison.optimizers import ProjectedAscent, SpectralProjectedGradient
from skpoison.penalties import Displacement

RNG = np.random.RandomState(0)
X = RNG.normal(size=(120, 4))
y = X @ [1.0, -2.0, 0.5, 0.0] + 0.5 * RNG.normal(size=120)
X, X_TEST, y, y_test = X[:80], X[80:], y[:80], y[80:]
OWN = {"X_val": X_TEST[:20], "y_val": y_test[:20]}


def machine_teacher(surrogate, goal, **params):
    """Change the training rows, as little as it takes."""
    return GradientModification(
        surrogate,
        budget=1.0,
        goal=goal,
        random_state=0,
        **{"poison_labels": "keep", **params},
    )


@pytest.mark.parametrize("effort", [0.0, 1e-3, 10.0])
@pytest.mark.parametrize("alpha", [0.0, 3.0])
def test_smallest_change_of_responses(alpha, effort):
    """Mei and Zhu's attack has a closed form where only responses can be changed."""
    surrogate = Ridge(alpha=alpha) if alpha else LinearRegression()
    j, wanted = 1, 0.7
    attack = machine_teacher(
        surrogate,
        TargetCoefficients({j: wanted}),
        feasible_set=Frozen(range(4)),
        poison_labels=ResponseRange(-np.inf, np.inf, start="keep"),
        penalties=[Displacement(effort)],
    )
    X_out, y_out = attack.fit_resample(X, y)
    assert_array_equal(X_out, X)
    # Coefficients are linear in the responses: this is by which factors.
    penalty = alpha * np.diag([1.0, 1, 1, 1, 0])
    extended = np.column_stack([X, np.ones(80)])
    a = np.linalg.solve(extended.T @ extended + penalty, extended.T)[j]
    # Displacement is measured in ranges of the responses.
    charged = effort / np.ptp(y) ** 2
    expected = a * (wanted - a @ y) / (a @ a + charged)
    assert_allclose(y_out - y, expected, rtol=0, atol=1e-10)
    if not effort:
        reached = clone(surrogate).fit(X_out, y_out).coef_[j]
        assert_allclose(reached, wanted, atol=1e-10)


def test_displacement_keeps_rows_near_their_start():
    goal = TargetCoefficients({0: 0.0})
    ways = []
    for effort in (0.0, 0.1, 1e6):
        attack = machine_teacher(
            LogisticRegression(), goal, penalties=[Displacement(effort)]
        )
        X_out, _ = attack.fit_resample(X, y > 0)
        ways.append(np.linalg.norm(X_out - X))
    assert ways[0] > 1.05 * ways[1]
    assert ways[1] > 10 * ways[2]


@pytest.mark.parametrize(
    "surrogate",
    [
        LogisticRegression(tol=1e-10),
        RidgeClassifier(),
        make_pipeline(StandardScaler(), LogisticRegression(tol=1e-10)),
    ],
    ids=str,
)
def test_coefficient_reached(surrogate):
    """Other coefficients do not matter; the one wanted is what was asked for."""
    attack = machine_teacher(
        surrogate,
        TargetCoefficients({1: 0.0}),
        optimizer=SpectralProjectedGradient(tol=1e-12),
    )
    X_out, y_out = attack.fit_resample(X, y > 0)
    assert_array_equal(y_out, y > 0)
    coefficients = []
    for rows in (X, X_out):
        fitted = clone(surrogate).fit(rows, y_out)
        last = fitted[-1] if hasattr(fitted, "steps") else fitted
        coefficients.append(np.ravel(last.coef_)[1])
    assert abs(coefficients[0]) > 0.2
    assert abs(coefficients[1]) < 1e-4


def test_coefficients_by_inserted_rows():
    wanted = np.array([0.0, np.nan, 2.0, np.nan])
    gaps = []
    for max_iter in (0, 100):
        attack = GradientInsertion(
            Ridge(),
            0.3,
            goal=TargetCoefficients(wanted),
            optimizer=SpectralProjectedGradient(max_iter=max_iter),
            random_state=0,
        )
        coef = Ridge().fit(*attack.fit_resample(X, y)).coef_
        gaps.append(np.nansum((coef - wanted) ** 2))
    assert gaps[1] < 0.1 * gaps[0]


def test_a_kernel_has_no_coefficients():
    attack = machine_teacher(SVC(), TargetCoefficients({0: 0.0}))
    with pytest.raises(ValueError, match="A goal on coefficients needs"):
        attack.fit_resample(X, y > 0)


def test_a_goal_of_ones_own_needs_weights():
    class SmallWeights(BaseGoal):
        def resolve(self, context):
            return self

        def at(self, learner, W):
            return -(W**2).sum() / 2, -W

    attack = machine_teacher(SVC(), SmallWeights())
    with pytest.raises(ValueError, match="A goal on weights needs"):
        attack.fit_resample(X, y > 0)


@pytest.mark.parametrize("surrogate", [Ridge(), LogisticRegression(tol=1e-10)], ids=str)
def test_objective(surrogate):
    """What is climbed is the objective, as scikit-learn has it, on rows of his own."""
    labels = (y > 0).astype(int) if isinstance(surrogate, LogisticRegression) else y
    own = OWN["X_val"], OWN["y_val"]
    if isinstance(surrogate, LogisticRegression):
        own = own[0], (own[1] > 0).astype(int)
    attack = GradientInsertion(
        surrogate,
        10,
        goal=ErrorGeneric("objective"),
        optimizer=ProjectedAscent(max_iter=20),
        random_state=0,
    )
    X_out, y_out = attack.fit_resample(X, labels, X_val=own[0], y_val=own[1])
    check = check_hypergradient(
        attack, X, labels, X_val=own[0], y_val=own[1], random_state=0
    )
    assert check.relative_error < 1e-6
    assert attack.goal_path_.max() > attack.goal_path_[0]
    fitted = clone(surrogate).fit(X_out, y_out)
    if isinstance(surrogate, Ridge):
        losses = (fitted.predict(own[0]) - own[1]) ** 2 / 2
    else:
        losses = np.log1p(np.exp(-(2 * own[1] - 1) * fitted.decision_function(own[0])))
    expected = losses.sum() + (fitted.coef_**2).sum() / 2
    assert_allclose(attack.goal_path_.max(), expected, rtol=1e-5)


@pytest.mark.parametrize("budget", [0.1, 0.2])
def test_features_are_discarded_across_kinks(budget):
    rng = np.random.RandomState(0)
    labels = rng.choice([-1.0, 1.0], 100)
    rows = rng.normal(size=(100, 40))
    rows += rng.uniform(-0.5, 0.5, 40) * labels[:, np.newaxis]
    victim = Lasso(0.02, max_iter=10_000)
    selected = victim.fit(rows, labels).coef_ != 0
    attack = GradientInsertion(
        victim,
        budget,
        goal=TargetFeatures(discard=np.flatnonzero(selected)),
        poison_labels="flip",
        random_state=0,
    )
    left = victim.fit(*attack.fit_resample(rows, labels)).coef_[selected] != 0
    # Steps that lengthen are caught where a feature comes or goes: more than half stay.
    assert left.mean() < 0.45
