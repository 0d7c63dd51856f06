from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
)

from skpoison.attacks._gradient_problem import BilevelProblem
from skpoison.attacks.rows._deletion_search import Remover, goals_of
from skpoison.bilevel.goals import OnCoefficients
from skpoison.surrogates import GradientDescentClassifier, GradientDescentRegressor

N_ROWS = 12


class Silent:
    """Progress that stops when it is told to."""

    def __init__(self, n_steps=np.inf):
        self.n_steps, self.stopped = n_steps, False

    def __call__(self, value):
        self.n_steps -= 1
        self.stopped = self.n_steps <= 0
        return self.stopped


def make_remover(
    surrogate, n_classes=None, *, seed=0, n_rows=N_ROWS, n_features=3, **removers
):
    rng = np.random.RandomState(seed)
    X, X_own = rng.normal(size=(n_rows, n_features)), rng.normal(size=(30, n_features))
    w = rng.normal(size=(n_features, n_classes or 1))
    y, y_own = (Z @ w + rng.normal(size=(len(Z), w.shape[1])) for Z in (X, X_own))
    if n_classes is None:
        y, y_own, classes = y[:, 0], y_own[:, 0], None
    else:
        y, y_own = y.argmax(axis=1), y_own.argmax(axis=1)
        y[:n_classes] = y[n_classes : 2 * n_classes] = np.arange(n_classes)
        classes = np.arange(n_classes)
    everything = np.arange(n_rows)
    problem = BilevelProblem(surrogate, "auto", X, y, everything, 1.0, classes)
    problem.aim("error-generic", "error", 4.0, X_own, y_own)
    removers = {"removable": np.ones(n_rows, dtype=bool), "progress": Silent()} | (
        removers
    )
    return Remover(problem, **removers)


def goal_without(remover, gone):
    """Train from scratch on the rows that are left, and no others."""
    problem = remover.problem
    left = np.setdiff1d(np.arange(problem.codes.shape[0]), gone)
    X, y = problem.X[left], problem.codes[left]
    rows = problem.surrogate.rows(X, y, classes=problem.classes)
    engine = problem.surrogate.engine("auto", "", shape=X.shape)
    engine.tol = 1e-12
    return engine(rows, problem.goal, slice(None))[0]


def best_of_all_sets(remover, sizes):
    """Try every set of rows of some sizes, by the normal equations."""
    problem = remover.problem
    X, X_own = (
        np.column_stack([rows, np.ones(len(rows))])
        for rows in (problem.X, problem.goal.X)
    )
    penalty = np.diag([problem.learner.penalty] * (X.shape[1] - 1) + [0])
    best = -np.inf
    for size in sizes:
        for gone in combinations(range(X.shape[0]), size):
            Z, y = (np.delete(part, gone, axis=0) for part in (X, problem.codes))
            W = np.linalg.solve(Z.T @ Z + penalty, Z.T @ y)
            value = problem.goal.measure.value((X_own @ W)[:, np.newaxis])
            best = max(best, value)
    return best


LEAST_SQUARES = {
    "least squares": (LinearRegression(), None),
    "ridge": (Ridge(0.3), None),
    "two classes": (RidgeClassifier(0.5), 2),
    "three classes": (RidgeClassifier(0.5), 3),
    "balanced": (RidgeClassifier(0.5, class_weight="balanced"), 3),
    "weighted": (RidgeClassifier(0.5, class_weight={0: 3.0, 1: 1.0}), 2),
    "a mean of losses": (SGDClassifier("squared_error", alpha=0.1), 2),
}


@pytest.mark.parametrize("kind", LEAST_SQUARES.values(), ids=LEAST_SQUARES.keys())
def test_prediction_is_exact_for_least_squares(kind):
    """With rows gone already, and weights of all rows that depend on which are."""
    remover = make_remover(*kind)
    gone = np.zeros(N_ROWS, dtype=bool)
    gone[7] = True
    assert remover._train(gone)
    candidates = remover._candidates(gone)
    assert candidates.shape[0] >= 8
    found = remover._predict(candidates)
    expected = [goal_without(remover, [7, i]) for i in candidates]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("surrogate", "n_classes"),
    [
        (LogisticRegression(C=0.5), 3),
        (LogisticRegression(C=0.5, class_weight="balanced"), 2),
        (GradientDescentClassifier(n_steps=30), 2),
        (GradientDescentRegressor(n_steps=30, learning_rate=0.05), None),
    ],
)
def test_prediction_of_others_goes_the_right_way(surrogate, n_classes):
    settings = {"n_rows": 60, "seed": 1}
    remover = make_remover(surrogate, n_classes, **settings)
    candidates = np.arange(60)
    found = remover._predict(candidates) - remover.value
    expected = [goal_without(remover, [i]) - remover.value for i in candidates]
    assert np.corrcoef(found, expected)[0, 1] > 0.97


@pytest.mark.parametrize(
    ("surrogate", "n_classes"),
    [
        (LogisticRegression(class_weight="balanced"), 3),
        (GradientDescentClassifier(n_steps=30), 2),
        (GradientDescentRegressor(n_steps=30, learning_rate=0.05), None),
    ],
)
def test_influence_is_a_derivative(surrogate, n_classes):
    """Along the way of all weights from where they are to where they would be."""
    remover = make_remover(surrogate, n_classes)
    remover.is_direct, remover.problem.engine.tol = False, 1e-13
    remover._train(np.zeros(N_ROWS, dtype=bool))
    problem, candidates = remover.problem, np.arange(N_ROWS)
    found = remover._predict(candidates) - remover.value
    for i in candidates:
        to = remover._rows(1.0 * (candidates != i)).weights - remover.rows.weights

        def value_at(h, to=to):
            rows = replace(remover.rows, weights=remover.rows.weights + h * to)
            return problem.engine(rows, problem.goal, slice(None))[0]

        near = value_at(1e-3) - value_at(-1e-3)
        far = value_at(2e-3) - value_at(-2e-3)
        expected = (8 * near - far) / 12e-3
        np.testing.assert_allclose(found[i], expected, rtol=1e-6, atol=1e-9)


def test_shortlist_is_of_the_best(monkeypatch):
    remover = make_remover(Ridge(0.3), n_rows=60)
    everything = np.arange(60)
    full = remover._predict(everything)
    monkeypatch.setattr("skpoison.attacks.rows._deletion_search.AT_ONCE", 0)
    short = remover._predict(everything)
    known = short > -np.inf
    assert known.sum() == 32
    np.testing.assert_allclose(short[known], full[known], rtol=1e-12)
    assert known[np.argsort(-full)[:10]].all()


def test_shortlist_is_long_enough_for_a_round(monkeypatch):
    monkeypatch.setattr("skpoison.attacks.rows._deletion_search.AT_ONCE", 0)
    remover = make_remover(Ridge(0.3), n_rows=100)
    remover._greedily(70, 1)
    assert remover.gone.sum() == 70


@pytest.mark.parametrize("n_rows", [1, 2, 3])
@pytest.mark.parametrize("surrogate", [Ridge(0.1), LinearRegression()], ids=str)
def test_as_good_as_every_set(surrogate, n_rows):
    """Of up to 3 of 12 rows, for all of 20 seeds: by trying all pairs, then the third.

    Greedy deletion alone misses the best three rows for more than a third of them.
    """
    for seed in range(20):
        remover = make_remover(surrogate, seed=seed)
        remover.search(n_rows, n_rows, 100, np.random.RandomState(0))
        best = best_of_all_sets(remover, range(n_rows + 1))
        np.testing.assert_allclose(remover.best.value, best, rtol=1e-7)


@pytest.mark.parametrize("n_rows", [2, 3])
def test_exchange_finds_the_best_set_too(n_rows):
    """Where it must, as there are too many sets to try: for all of 10 seeds."""
    for seed in range(10):
        remover = make_remover(Ridge(0.1), seed=seed)
        remover._greedily(n_rows, n_rows)
        remover._exchange(100)
        rng = np.random.RandomState(0)
        for _ in range(30):
            remover._train(remover._draw(n_rows, rng))
            remover._exchange(100)
        best = best_of_all_sets(remover, [n_rows])
        np.testing.assert_allclose(remover.best.value, best, rtol=1e-7)


def test_each_part_helps():
    """Exchange is never worse than greedy deletion, and that than what is random."""
    reached = []
    for seed in range(5):
        values = []
        for n_rounds, n_exchanges in ((1, 0), (8, 0), (8, 60)):
            remover = make_remover(Ridge(0.1), seed=seed, n_rows=60)
            remover.search(8, n_rounds, n_exchanges, np.random.RandomState(0))
            drawn = remover._draw(8, np.random.RandomState(0))
            values.append(remover.best.value)
            assert remover.best.gone.sum() <= 8
            at_random = goal_without(remover, np.flatnonzero(drawn))
            assert remover.best.value >= at_random * (1 - 1e-7)
            actual = goal_without(remover, np.flatnonzero(remover.best.gone))
            np.testing.assert_allclose(remover.best.value, actual, rtol=1e-7)
            assert remover.path == np.maximum.accumulate(remover.path).tolist()
            assert remover.path[-1] == remover.best.value
        assert values[2] >= values[1]
        reached.append(values)
    once, greedily, exchanged = np.mean(reached, axis=0)
    assert once < greedily < exchanged


def test_no_class_loses_its_last_row():
    for removable in (np.ones(N_ROWS, dtype=bool), np.arange(N_ROWS) % 3 > 0):
        for n_exchanges in (0, 5):
            remover = make_remover(RidgeClassifier(), 3, removable=removable)
            codes = remover.problem.codes
            remover.search(N_ROWS, 2, n_exchanges, np.random.RandomState(0))
            remover._train(remover._draw(N_ROWS, np.random.RandomState(0)))
            assert not (remover.gone & ~removable).any()
            assert np.unique(codes[~remover.gone]).tolist() == [0, 1, 2]
            assert remover._candidates(remover.gone).size == 0


def test_rows_without_which_there_is_no_optimum_stay():
    remover = make_remover(LinearRegression(), n_rows=6)
    remover.search(5, 5, 30, np.random.RandomState(0))
    # Three features and the intercept need four rows.
    assert remover.best.gone.sum() <= 2
    assert np.isfinite(remover.best.value)


def test_clones_go_in_order():
    """Rounding has no say in which of two equal rows goes."""
    remover = make_remover(Ridge(0.3))
    problem = remover.problem
    twice = BilevelProblem(
        Ridge(0.3),
        "auto",
        np.vstack([problem.X, problem.X]),
        np.tile(problem.codes, 2),
        np.arange(2 * N_ROWS),
        1.0,
    )
    twice.goal = problem.goal
    remover = Remover(twice, np.ones(2 * N_ROWS, dtype=bool), Silent())
    remover._greedily(3, 3)
    first = remover.best.gone
    assert (first[:N_ROWS] >= first[N_ROWS:]).all()


@pytest.mark.parametrize("n_steps", [1, 3, 8])
@pytest.mark.parametrize("n_exchanges", [5, 200])
def test_stops_when_told_to(n_steps, n_exchanges):
    remover = make_remover(Ridge(0.3), progress=Silent(n_steps))
    remover.search(3, 3, n_exchanges, np.random.RandomState(0))
    assert len(remover.path) <= n_steps + 2


def test_goals_of_many_weights():
    remover = make_remover(RidgeClassifier(), 3)
    learner = remover.problem.learner
    W = np.random.RandomState(0).normal(size=(5, 4, 3))
    W[2] = np.nan
    for goal in (remover.problem.goal, OnCoefficients(np.ones((3, 3)))):
        values = goals_of(goal, learner, W)
        assert values[2] == -np.inf
        for i in (0, 1, 3, 4):
            np.testing.assert_allclose(values[i], goal.at(learner, W[i])[0])
