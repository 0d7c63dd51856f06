"""Search of attacks on rows from many starts."""

import numpy as np
import pytest
from sklearn.datasets import make_classification, make_friedman1
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.metrics import mean_squared_error
from sklearn.model_selection import train_test_split

from skpoison.attacks import GradientInsertion, GradientModification, RandomInsertion
from skpoison.attacks._refits import Refits
from skpoison.attacks.rows._initial_rows import InitialRows
from skpoison.attacks.rows._objective import PoisonObjective
from skpoison.attacks.rows._search import Contender, StartSearch
from skpoison.attacks.rows._starts import Start
from skpoison.attacks.rows._verdict import Verdict
from skpoison.feasible_sets import L2Ball
from skpoison.goals import ErrorGeneric
from skpoison.optimizers import ProjectedAscent, SuccessiveHalving
from skpoison.optimizers._coordinates import PoisonRows
from skpoison.optimizers._schedule import OptimisedRows
from skpoison.penalties import Displacement

X, y = make_classification(160, 8, n_informative=5, n_classes=3, random_state=0)
X_train, X_own, y_train, y_own = train_test_split(X, y, random_state=0)
OWN = {"X_val": X_own, "y_val": y_own}


def halving(max_iter=5, **settings):
    return SuccessiveHalving(ProjectedAscent(max_iter=max_iter), **settings)


@pytest.mark.parametrize("make", [GradientInsertion, GradientModification])
def test_never_weaker_than_any_start(make, measure_goal):
    """By its own measure: the more starts, and the more steps, the better."""
    values = []
    for n_starts, max_iter in ((1, 0), (4, 0), (12, 0), (30, 0), (30, 5)):
        attack = make(
            LogisticRegression(),
            10,
            goal=ErrorGeneric(sharpness=4.0),
            optimizer=halving(max_iter, n_starts=n_starts),
            random_state=0,
        )
        out = attack.fit_resample(X_train, y_train, **OWN)
        values.append(measure_goal(attack, X_train, y_train, *out, **OWN))
        np.testing.assert_allclose(attack.goal_path_.max(), values[-1], rtol=1e-5)
        assert attack.n_iter_ == len(attack.goal_path_) - 1 <= max_iter
    assert (np.diff(values) >= 0).all()
    assert values[-1] > values[3] > values[0]


def test_the_first_start_is_the_baseline():
    attack = GradientInsertion(optimizer=halving(0, n_starts=1), random_state=3)
    out = attack.fit_resample(X_train, y_train)
    baseline = RandomInsertion(random_state=3).fit_resample(X_train, y_train)
    for part, expected in zip(out, baseline, strict=True):
        np.testing.assert_allclose(part, expected)


def test_stored_rows_are_those_of_the_path(measure_goal):
    attack = GradientInsertion(
        LogisticRegression(),
        6,
        goal=ErrorGeneric(sharpness=4.0),
        optimizer=SuccessiveHalving(
            ProjectedAscent(max_iter=20, store_path=True), n_starts=8
        ),
        random_state=0,
    )
    X_out, _ = attack.fit_resample(X_train, y_train, **OWN)
    assert attack.rows_path_.shape == (attack.n_iter_ + 1, 6, 8)
    best = attack.goal_path_.argmax()
    np.testing.assert_allclose(attack.rows_path_[best], X_out[-6:])
    begin = np.concatenate([X_train, attack.rows_path_[0]])
    labels = np.concatenate([y_train, attack.labels_path_[0]])
    value = measure_goal(attack, X_train, y_train, begin, labels, **OWN)
    np.testing.assert_allclose(attack.goal_path_[0], value, rtol=1e-5)


def test_pushed_rows_are_measured_from_their_clones():
    """By penalties, and by feasible sets."""
    distances = []
    for settings in (
        {},
        {"penalties": [Displacement(0.01)]},
        {"feasible_set": L2Ball(0.2)},
    ):
        attack = GradientInsertion(
            LogisticRegression(), 10, optimizer=halving(), random_state=0, **settings
        )
        rows = attack.fit_resample(X_train, y_train, **OWN)[0][-10:]
        away = np.linalg.norm(rows[:, np.newaxis] - X_train, axis=2).min(axis=1)
        distances.append(away.max())
    assert 0 < distances[1] < distances[0]
    assert 0 < distances[2] < 0.2 + 1e-9


def test_as_strong_as_pushes_where_clones_are_harmless():
    """Responses at one end, where predictions are at the other; on test rows."""
    X, y = make_friedman1(600, 10, noise=1.0, random_state=0)
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, train_size=200, random_state=0
    )
    victim, n_poison = Ridge(0.01), 30
    coef = victim.fit(X_train, y_train).coef_
    corner = np.where(coef > 0, X_train.max(axis=0), X_train.min(axis=0))
    pushed = (
        np.concatenate([X_train, np.tile(corner, (n_poison, 1))]),
        np.append(y_train, np.full(n_poison, y_train.min())),
    )
    attack = GradientInsertion(victim, n_poison, random_state=0)
    errors = [
        mean_squared_error(y_test, victim.fit(*rows).predict(X_test))
        for rows in (pushed, attack.fit_resample(X_train, y_train))
    ]
    assert errors[1] > 0.98 * errors[0]


def test_stochastic_surrogates_are_compared_by_their_own_fits(monkeypatch):
    """What is inserted is what the surrogate itself errs most after."""
    values = []
    of_rows = Refits.of_rows

    def spy(self, X, y, replaced=()):
        found = of_rows(self, X, y, replaced)
        values.append((found.mean(), X))
        return found

    monkeypatch.setattr(Refits, "of_rows", spy)
    attack = GradientInsertion(
        SGDClassifier(), 10, optimizer=halving(n_starts=8), random_state=0
    )
    X_out, _ = attack.fit_resample(X_train, y_train, **OWN)
    found = [value for value, X in values if np.allclose(X, X_out[-10:])]
    assert found
    assert max(found) == max(value for value, _ in values)


def test_the_price_of_rows_counts_when_they_are_judged_again():
    class Doubled(Verdict):
        def once_more(self, rows, initial, value):
            assert rows is moved
            assert initial is start.initial
            return 2 * value

    clones = PoisonRows(np.array([[1.0, 2.0]]), np.zeros(1))
    moved = PoisonRows(np.array([[4.0, 2.0]]), np.zeros(1))
    start = Start(InitialRows(clones, np.empty(0, dtype=int), np.array([0])), clones)
    found = OptimisedRows(moved, 0.9, np.array([0.1, 0.9]), [])
    penalty = Displacement(0.1).fit(np.array([[0.0, 0.0], [2.0, 2.0]]), np.arange(2))
    price = PoisonObjective([], [penalty], clones).charge(moved)
    assert price > 0.1
    search = StartSearch([], [penalty], Doubled(None), None, None, store_path=False)
    again = search.judge_again(Contender(start, found, 0.7 - price))
    assert again.value == pytest.approx(2 * 0.7 - price)
    assert again.found is found
