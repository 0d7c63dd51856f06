from copy import deepcopy

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, make_classification
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, PredefinedSplit, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skpoison.attacks import (
    ALFA,
    GradientInsertion,
    GradientModification,
    GreedyDeletion,
    GreedyLabelFlip,
    MarginLabelFlip,
)
from skpoison.attacks._tuned import _poisoned, settings
from skpoison.model_selection import TrustedKFold
from skpoison.optimizers import ProjectedAscent

X, y = make_classification(60, 4, random_state=0)
X_VAL, Y_VAL = make_classification(60, 4, random_state=0, shuffle=False)
GRID = {"C": [0.003, 10.0]}
SEARCH = GridSearchCV(LogisticRegression(), GRID, cv=2)
FAST = ProjectedAscent(max_iter=2)
ATTACKS = [
    GradientInsertion(budget=12, optimizer=FAST, random_state=0),
    GradientModification(budget=12, optimizer=FAST, random_state=0),
    GreedyDeletion(budget=4, random_state=0),
    GreedyLabelFlip(budget=4, random_state=0),
]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: type(attack).__name__)
def test_worst_for_the_search_is_kept(attack):
    """With validation rows of their own, the harm is the error of the search there."""
    given = {"X_val": X_VAL, "y_val": Y_VAL}
    sets, errors = [], []
    for C in GRID["C"]:
        each = clone(attack).set_params(surrogate=LogisticRegression(C=C))
        sets.append(each.fit_resample(X, y, **given))
        errors.append(1 - clone(SEARCH).fit(*sets[-1]).score(X_VAL, Y_VAL))
    worst = int(np.argmax(errors))
    tuned = clone(attack).set_params(surrogate=SEARCH)
    X_poisoned, y_poisoned = tuned.fit_resample(X, y, **given)
    assert tuned.surrogate_params_ == {"C": GRID["C"][worst]}
    np.testing.assert_array_equal(X_poisoned, sets[worst][0])
    np.testing.assert_array_equal(y_poisoned, sets[worst][1])


@pytest.mark.parametrize(
    "attack",
    [MarginLabelFlip(budget=12, random_state=0), ALFA(budget=12, random_state=0)],
    ids=lambda attack: type(attack).__name__,
)
def test_attacks_without_a_goal(attack):
    attack = clone(attack).set_params(surrogate=SEARCH)
    assert (attack.fit_resample(X, y)[1] != y).sum() == 12
    alone = LogisticRegression(**attack.surrogate_params_)
    other = clone(attack).set_params(surrogate=alone)
    np.testing.assert_array_equal(attack.poison_.y, other.fit_resample(X, y)[1])


def test_attributes_are_those_of_the_attack_kept():
    tuned = clone(ATTACKS[0]).set_params(surrogate=SEARCH)
    tuned.fit_resample(X, y)
    alone = LogisticRegression(**tuned.surrogate_params_)
    other = clone(ATTACKS[0]).set_params(surrogate=alone)
    other.fit_resample(X, y)
    np.testing.assert_array_equal(tuned.goal_path_, other.goal_path_)
    assert tuned.n_iter_ == other.n_iter_ > 0
    assert tuned.diagnostics_ == other.diagnostics_


def test_budget_of_nothing():
    attack = clone(ATTACKS[0]).set_params(surrogate=SEARCH, budget=0)
    np.testing.assert_array_equal(attack.fit_resample(X, y)[0], X)


def test_search_on_trusted_rows():
    """It is told which rows are trusted, and poison never is."""
    seen = []

    class Recording(TrustedKFold):
        def split(self, X, y=None, groups=None, *, trusted=None):
            seen.append(trusted)
            yield from super().split(X, y, trusted=trusted)

    trusted = np.arange(60) % 3 == 0
    search = GridSearchCV(LogisticRegression(), GRID, cv=Recording(3))
    attack = clone(ATTACKS[0]).set_params(surrogate=search)
    attack.fit_resample(X, y, trusted=trusted, X_val=X_VAL, y_val=Y_VAL)
    assert len(seen) == len(GRID["C"])
    for mask in seen:
        np.testing.assert_array_equal(mask, np.append(trusted, np.zeros(12, bool)))


def test_regression():
    rows, responses = load_diabetes(return_X_y=True)
    search = GridSearchCV(Ridge(), {"alpha": [1e-3, 1.0]}, cv=3)
    attack = GradientInsertion(search, 10, optimizer=FAST, random_state=0)
    attack.fit_resample(rows[:100], responses[:100])
    assert attack.surrogate_params_["alpha"] in (1e-3, 1.0)


def test_settings():
    assert settings(SEARCH, None) == [{"C": C} for C in GRID["C"]]
    drawn = RandomizedSearchCV(LogisticRegression(), GRID, n_iter=2)
    random_state = np.random.RandomState(0)
    before = deepcopy(random_state)
    found = settings(drawn, random_state)
    assert len(found) == 2
    assert settings(drawn, before) == found
    assert random_state.randint(1000) == before.randint(1000)


def test_poison_in_terms_of_rows():
    """The training set judged is the one that comes out."""
    for attack in ATTACKS:
        attack = clone(attack).set_params(surrogate=LogisticRegression())
        out = attack.fit_resample(X, y)
        known = attack._know(X, y, np.zeros(60, bool), np.random.RandomState(0))[1]
        given = _poisoned(known, attack.poison_)
        np.testing.assert_array_equal(given.X, out[0])
        np.testing.assert_array_equal(given.codes, out[1])
        made = given.origins < 0
        np.testing.assert_array_equal(X[given.origins[~made]], out[0][~made])


@pytest.mark.parametrize("attack", [ATTACKS[0], MarginLabelFlip(random_state=0)])
def test_search_behind_a_scaler(attack):
    """The victim tunes the last step alone: each setting is one of the pipeline."""
    victim = make_pipeline(StandardScaler(), SEARCH)
    tuned = clone(attack).set_params(surrogate=victim, budget=12)
    X_poisoned, y_poisoned = tuned.fit_resample(X, y)
    model = LogisticRegression(**tuned.surrogate_params_)
    alone = clone(attack).set_params(
        surrogate=make_pipeline(StandardScaler(), model), budget=12
    )
    expected = alone.fit_resample(X, y)
    np.testing.assert_array_equal(X_poisoned, expected[0])
    np.testing.assert_array_equal(y_poisoned, expected[1])
    assert victim[-1] is SEARCH
    assert not hasattr(SEARCH, "best_params_")


@pytest.mark.parametrize(
    "cv", [[(np.arange(40), np.arange(40, 60))], PredefinedSplit([0, 1] * 30)]
)
def test_fixed_folds(cv):
    search = clone(SEARCH).set_params(cv=cv)
    for attack in (ATTACKS[0], MarginLabelFlip(random_state=0)):
        with pytest.raises(ValueError, match="got fixed folds, with row 59, in"):
            clone(attack).set_params(surrogate=search).fit_resample(X, y)


def test_fixed_folds_of_more_rows_than_a_deletion_leaves():
    """With validation rows of their own all rows are learnt from, but those deleted."""
    search = GridSearchCV(
        LogisticRegression(), {"C": [0.1, 1.0]}, cv=[(np.arange(40), np.arange(40, 60))]
    )
    given = {"X_val": X_VAL, "y_val": Y_VAL}
    attack = GreedyDeletion(search, 5, n_rounds=1, n_exchanges=1, random_state=0)
    with pytest.raises(ValueError, match="fits it to 55 of the rows; got fixed folds"):
        attack.fit_resample(X, y, **given)
