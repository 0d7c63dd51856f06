from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from sklearn.base import clone
from sklearn.datasets import load_diabetes, make_classification
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skpoison.attacks import GradientInsertion, GradientModification
from skpoison.attacks.rows._learnt_penalty import N_ROUNDS, _learnt, validation_loss
from skpoison.goals import ErrorGeneric
from skpoison.optimizers import ProjectedAscent
from skpoison.surrogates import as_penalty_learner

X, y = make_classification(80, 4, flip_y=0.2, random_state=0)
X_VAL, Y_VAL = make_classification(80, 4, flip_y=0.2, random_state=0, shuffle=False)
GIVEN = {"X_val": X_VAL, "y_val": Y_VAL}
LR = LogisticRegression(C=10)
SCALED = make_pipeline(StandardScaler(), LR)


def make(estimator=LR, attack=GradientInsertion, **params):
    return attack(
        as_penalty_learner(estimator),
        12,
        optimizer=ProjectedAscent(max_iter=3),
        random_state=0,
        **params,
    )


def knowledge(attack):
    """Return what the attacker knows, and the attempt for the penalty given."""
    random_state = np.random.RandomState(0)
    trusted = np.zeros(80, dtype=bool)
    attack._validate_params()
    rows = attack._check_data(X, y)
    _, known = attack._know(*rows, trusted, random_state, **GIVEN)
    attack._start(known)
    bare = replace(known, surrogate=known.surrogate.with_factor(1.0))
    return known, attack._optimise(bare, 12, random_state)


@pytest.mark.parametrize("estimator", [LR, SCALED], ids=["plain", "scaled"])
def test_derivative_equals_finite_differences(estimator):
    attack = make(estimator)
    known, first = knowledge(attack)
    known = replace(known, goal=ErrorGeneric("surrogate"))

    def at(s):
        surrogate = known.surrogate.with_factor(np.exp(s))
        bare = replace(known, surrogate=surrogate)
        (problem,) = attack._problems(bare, first.folds, first.initial)
        return validation_loss(problem, first.found.rows)

    h, s = 1e-3, 0.7
    far, near = (at(s + step)[0] - at(s - step)[0] for step in (2 * h, h))
    assert at(s)[1] == pytest.approx((8 * near - far) / (12 * h), rel=1e-6)


@pytest.mark.parametrize("estimator", [LR, SCALED], ids=["plain", "scaled"])
def test_penalty_learnt_is_that_of_least_loss(estimator):
    """The loss of the estimator itself, fitted on poisoned rows."""
    attack = make(estimator)
    known, first = knowledge(attack)
    rows = first.found.rows
    X_poisoned = np.concatenate([X, rows.X])
    y_poisoned = np.concatenate([y, rows.y.astype(int)])

    def loss(s):
        fitted = clone(known.surrogate.with_factor(np.exp(s)))
        fitted.set_params(**{k: 1e-10 for k in fitted.get_params() if "tol" in k})
        return log_loss(Y_VAL, fitted.fit(X_poisoned, y_poisoned).predict_proba(X_VAL))

    expected = minimize_scalar(loss, bounds=np.log([1e-4, 1e4]), method="bounded")
    found = _learnt(attack, known, first, rows, 0.0)
    assert loss(found) == pytest.approx(expected.fun, rel=1e-5)


@pytest.mark.parametrize("kind", [GradientInsertion, GradientModification])
def test_best_round_is_kept(kind):
    attack = make(attack=kind)
    X_poisoned, y_poisoned = attack.fit_resample(X, y, **GIVEN)
    path = attack.goal_path_
    assert len(path) == attack.n_iter_ + 1 == N_ROUNDS + 2
    # The goal of what is returned, with the penalty learnt for it, is the best one.
    assert path.max() > path[0]
    again = make(attack=kind).fit_resample(X, y, **GIVEN)
    np.testing.assert_array_equal(again[0], X_poisoned)
    np.testing.assert_array_equal(again[1], y_poisoned)


def test_does_more_harm_than_poison_for_the_penalty_given():
    attack = make()
    attack.fit_resample(X, y, **GIVEN)
    assert attack.goal_path_[2:].max() > attack.goal_path_[1]


def test_regression():
    rows, responses = load_diabetes(return_X_y=True)
    attack = make(Ridge(1e-3))
    attack.fit_resample(rows[:80], responses[:80])
    assert attack.goal_path_.max() > attack.goal_path_[0]
