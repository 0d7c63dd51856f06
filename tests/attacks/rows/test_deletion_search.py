from itertools import combinations

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, Ridge, RidgeClassifier

from skpoison.attacks._fold_mean import FoldMean
from skpoison.attacks._problem import BilevelProblem
from skpoison.attacks.rows._deletion_problem import DeletionProblem
from skpoison.attacks.rows._deletion_search import DeletionSearch
from skpoison.goals import ErrorGeneric

N_ROWS = 12


class Silent:
    """Progress that stops when it is told to."""

    def __init__(self, n_steps=np.inf):
        self.n_steps, self.stopped = n_steps, False

    def __call__(self, value):
        self.n_steps -= 1
        self.stopped = self.n_steps <= 0
        return self.stopped


@pytest.fixture
def make_search(deletions):
    """Make a search for rows to delete, with a single surrogate."""

    def make(surrogate, n_classes=None, *, deletable=None, progress=None, **settings):
        problem = deletions.make_problem(surrogate, n_classes, **settings)
        n_rows = problem.kinds.shape[0]
        if deletable is None:
            deletable = np.ones(n_rows, dtype=bool)
        folds = FoldMean([problem], [np.arange(n_rows)], n_rows)
        progress = Silent() if progress is None else progress
        return DeletionSearch(folds, problem.kinds, deletable, progress)

    return make


def best_of_all_sets(search, sizes):
    """Try every set of rows of some sizes, by the normal equations."""
    problem = search.folds.parts[0].problem
    X, X_val = (
        np.column_stack([rows, np.ones(len(rows))])
        for rows in (problem.X, problem.resolved_goal.X)
    )
    penalty = np.diag([problem.learner.penalty] * (X.shape[1] - 1) + [0])
    best = -np.inf
    for size in sizes:
        for gone in combinations(range(X.shape[0]), size):
            Z, y = (np.delete(part, gone, axis=0) for part in (X, problem.codes))
            W = np.linalg.solve(Z.T @ Z + penalty, Z.T @ y)
            value = problem.resolved_goal.measure.value((X_val @ W)[:, np.newaxis])
            best = max(best, value)
    return best


def test_shortlist_is_of_the_best(make_search):
    everything = np.arange(60)
    full = make_search(Ridge(0.3), n_rows=60)._predict(everything)
    short = make_search(Ridge(0.3), n_rows=60, n_stored=0)._predict(everything)
    known = short > -np.inf
    assert known.sum() == 32
    np.testing.assert_allclose(short[known], full[known], rtol=1e-12)
    assert known[np.argsort(-full)[:10]].all()


def test_shortlist_is_long_enough_for_a_round(make_search):
    search = make_search(Ridge(0.3), n_rows=100, n_stored=0)
    search._greedily(70, 1)
    assert search.deleted.sum() == 70


@pytest.mark.parametrize("n_rows", [1, 2, 3])
@pytest.mark.parametrize("surrogate", [Ridge(0.1), LinearRegression()], ids=str)
def test_as_good_as_every_set(surrogate, n_rows, make_search):
    """Of up to 3 of 12 rows, for all of 4 seeds: by trying all pairs, then the third.

    Greedy deletion alone misses the best three rows for more than a third of them.
    """
    for seed in range(4):
        search = make_search(surrogate, seed=seed)
        search.search(n_rows, n_rows, 100, np.random.RandomState(0))
        best = best_of_all_sets(search, range(n_rows + 1))
        np.testing.assert_allclose(search.best.value, best, rtol=1e-7)


@pytest.mark.parametrize("n_rows", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_exchange_finds_the_best_set_too(n_rows, make_search):
    """If there are too many sets to try, and it must: for all of 4 seeds."""
    for seed in range(4):
        search = make_search(Ridge(0.1), seed=seed)
        search._greedily(n_rows, n_rows)
        search._exchange(100)
        rng = np.random.RandomState(0)
        for _ in range(30):
            search._train(search._draw(n_rows, rng))
            search._exchange(100)
        best = best_of_all_sets(search, [n_rows])
        np.testing.assert_allclose(search.best.value, best, rtol=1e-7)


def test_each_part_helps(make_search, deletions):
    """Exchange is never worse than greedy deletion, and that than what is random."""
    reached = []
    for seed in range(5):
        values = []
        for n_rounds, n_exchanges in ((1, 0), (8, 0), (8, 60)):
            search = make_search(Ridge(0.1), seed=seed, n_rows=60)
            search.search(8, n_rounds, n_exchanges, np.random.RandomState(0))
            problem = search.folds.parts[0]
            drawn = search._draw(8, np.random.RandomState(0))
            values.append(search.best.value)
            assert search.best.deleted.sum() <= 8
            at_random = deletions.goal_without(problem, np.flatnonzero(drawn))
            assert search.best.value >= at_random * (1 - 1e-7)
            actual = deletions.goal_without(
                problem, np.flatnonzero(search.best.deleted)
            )
            np.testing.assert_allclose(search.best.value, actual, rtol=1e-7)
            assert search.path == np.maximum.accumulate(search.path).tolist()
            assert search.path[-1] == search.best.value
        assert values[2] >= values[1]
        reached.append(values)
    once, greedily, exchanged = np.mean(reached, axis=0)
    assert once < greedily < exchanged


def test_no_class_loses_its_last_row(make_search):
    for deletable in (np.ones(N_ROWS, dtype=bool), np.arange(N_ROWS) % 3 > 0):
        for n_exchanges in (0, 5):
            search = make_search(RidgeClassifier(), 3, deletable=deletable)
            codes = search.kinds
            search.search(N_ROWS, 2, n_exchanges, np.random.RandomState(0))
            search._train(search._draw(N_ROWS, np.random.RandomState(0)))
            assert not (search.deleted & ~deletable).any()
            assert np.unique(codes[~search.deleted]).tolist() == [0, 1, 2]
            assert search._candidates(search.deleted).size == 0


def test_rows_without_which_there_is_no_optimum_stay(make_search):
    search = make_search(LinearRegression(), n_rows=6)
    search.search(5, 5, 30, np.random.RandomState(0))
    # Three features and the intercept need four rows.
    assert search.best.deleted.sum() <= 2
    assert np.isfinite(search.best.value)


def test_clones_go_in_order(deletions):
    """Rounding has no say in which of two equal rows goes."""
    problem = deletions.make_problem(Ridge(0.3)).problem
    rng = np.random.RandomState(1)
    twice = BilevelProblem(
        Ridge(0.3),
        ErrorGeneric(),
        np.vstack([problem.X, problem.X]),
        np.tile(problem.codes, 2),
        X_val=rng.normal(size=(30, 3)),
        y_val=rng.normal(size=30),
    )
    kinds = np.zeros(2 * N_ROWS, dtype=int)
    folds = FoldMean(
        [DeletionProblem(twice, kinds)], [np.arange(2 * N_ROWS)], 2 * N_ROWS
    )
    search = DeletionSearch(folds, kinds, kinds == 0, Silent())
    search._greedily(3, 3)
    first = search.best.deleted
    assert first.any()
    assert (first[:N_ROWS] >= first[N_ROWS:]).all()


@pytest.mark.parametrize("n_steps", [1, 3, 8])
@pytest.mark.parametrize("n_exchanges", [5, 200])
def test_stops_when_told_to(n_steps, n_exchanges, make_search):
    search = make_search(Ridge(0.3), progress=Silent(n_steps))
    search.search(3, 3, n_exchanges, np.random.RandomState(0))
    assert len(search.path) <= n_steps + 2


@pytest.fixture
def folds_of_three(deletions):
    """Make the mean over three folds, and what computes it from scratch."""
    whole = deletions.make_problem(RidgeClassifier(), 2, n_rows=30).problem
    parts = np.arange(30) % 3
    trains = [np.flatnonzero(parts != k) for k in range(3)]
    problems = [
        BilevelProblem(
            RidgeClassifier(),
            ErrorGeneric(),
            whole.X[train],
            whole.codes[train],
            classes=whole.classes,
            X_val=np.delete(whole.X, train, axis=0),
            y_val=np.delete(whole.codes, train),
            tol=1e-12,
        )
        for train in trains
    ]
    kinds = whole.codes

    def goal_without(deleted):
        values = []
        for problem, train in zip(problems, trains, strict=True):
            part = DeletionProblem(problem, kinds[train])
            part.train(np.isin(train, deleted))
            values.append(part.value())
        return np.mean(values)

    mean = FoldMean(
        [
            DeletionProblem(problem, kinds[train])
            for problem, train in zip(problems, trains, strict=True)
        ],
        trains,
        30,
    )
    return mean, kinds, goal_without


def test_prediction_of_a_mean_over_folds(folds_of_three):
    mean, kinds, goal_without = folds_of_three
    search = DeletionSearch(mean, kinds, np.ones(30, dtype=bool), Silent())
    search._train(np.arange(30) == 7)
    candidates = np.delete(np.arange(30), 7)
    expected = [goal_without([7, i]) for i in candidates]
    np.testing.assert_allclose(search._predict(candidates), expected, rtol=1e-9)


def test_search_over_folds(folds_of_three):
    """As good as every pair of rows, and every class stays in every fold."""
    mean, kinds, goal_without = folds_of_three
    search = DeletionSearch(mean, kinds, np.ones(30, dtype=bool), Silent())
    search.search(2, 2, 100, np.random.RandomState(0))
    best = max(goal_without(pair) for pair in combinations(range(30), 2))
    np.testing.assert_allclose(search.best.value, best, rtol=1e-9)
    everything = search._draw(30, np.random.RandomState(0))
    for train in mean.trains:
        left = kinds[train][~everything[train]]
        assert np.unique(left).tolist() == [0, 1]
    assert search._candidates(everything).size == 0
