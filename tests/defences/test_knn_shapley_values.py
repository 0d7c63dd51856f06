from itertools import combinations
from math import comb

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from skpoison.defences import _knn_shapley_values
from skpoison.defences._knn_shapley_values import (
    knn_shapley,
    values_for_label,
    values_for_response,
    values_within_radius,
)


def shapley(worth, n_players):
    """Compute Shapley values by their definition."""
    values = np.zeros(n_players)
    for i in range(n_players):
        others = [j for j in range(n_players) if j != i]
        for size in range(n_players):
            for some in combinations(others, size):
                gain = worth((*some, i)) - worth(some)
                values[i] += gain / (n_players * comb(n_players - 1, size))
    return values


def share_of_votes(matches, distances, n_neighbors):
    """Return the expected share of right votes of a set, tied rows in random order."""

    def worth(some):
        votes, left = 0.0, n_neighbors
        for distance in np.unique(distances[list(some)]):
            tied = [j for j in some if distances[j] == distance]
            chosen = min(left, len(tied))
            votes += chosen * np.mean(matches[tied])
            left -= chosen
        return votes / n_neighbors

    return worth


def weights(n_rows, n_neighbors):
    places = 1.0 + np.arange(n_rows)
    return np.minimum(n_neighbors, places) / (n_neighbors * places)


CASES = [(n, k, seed) for n in (1, 2, 5, 7) for k in (1, 2, 3, 9) for seed in range(3)]


@pytest.mark.parametrize("is_tied", [False, True])
@pytest.mark.parametrize(("n_rows", "n_neighbors", "seed"), CASES)
def test_labels_by_the_definition(n_rows, n_neighbors, seed, is_tied):
    rng = np.random.RandomState(seed)
    distances = np.sort(rng.randint(0, 3, n_rows) if is_tied else rng.rand(n_rows))
    matches = rng.rand(n_rows) < 0.5
    found = values_for_label(matches, distances, weights(n_rows, n_neighbors))
    worth = share_of_votes(matches, distances, n_neighbors)
    assert_allclose(found, shapley(worth, n_rows), rtol=0, atol=1e-13)


@pytest.mark.parametrize(("n_rows", "n_neighbors", "seed"), CASES)
def test_responses_by_the_definition(n_rows, n_neighbors, seed):
    rng = np.random.RandomState(seed)
    responses, response = rng.randn(n_rows), rng.randn()

    def worth(some):
        nearest = list(some)[:n_neighbors] if some == tuple(sorted(some)) else None
        nearest = sorted(some)[:n_neighbors] if nearest is None else nearest
        return -((responses[nearest].sum() / n_neighbors - response) ** 2)

    found = values_for_response(responses, response, n_neighbors)
    assert_allclose(found, shapley(worth, n_rows), rtol=0, atol=1e-12)


@pytest.mark.parametrize("n_classes", [2, 5])
@pytest.mark.parametrize("n_rows", [1, 2, 6])
def test_radius_by_the_definition(n_rows, n_classes):
    matches = np.random.RandomState(n_rows).rand(n_rows) < 0.5

    def worth(some):
        return np.mean(matches[list(some)]) if some else 1 / n_classes

    found = values_within_radius(matches, n_classes)
    assert_allclose(found, shapley(worth, n_rows), rtol=0, atol=1e-13)


def test_no_rows_have_no_values():
    assert values_for_label(np.zeros(0, bool), np.zeros(0), np.zeros(0)).size == 0
    assert values_for_response(np.zeros(0), 1.0, 3).size == 0
    assert values_within_radius(np.zeros(0, bool), 2).size == 0


def make_rows(n_rows=40, seed=0):
    rng = np.random.RandomState(seed)
    return rng.randint(0, 4, (n_rows, 3)).astype(float), rng.randint(0, 3, n_rows)


def one_by_one(X, y, tests, n_neighbors, **params):
    """Compute the values from distances that are computed directly, row by row."""
    found = np.full((tests.shape[0], y.shape[0]), np.nan)
    for k, t in enumerate(tests):
        others = np.delete(np.arange(y.shape[0]), t)
        distances = ((X[others] - X[t]) ** 2).sum(axis=1)
        order = np.argsort(distances, kind="stable")
        rows = others[order]
        if "radius" in params:
            near = rows[distances[order] <= params["radius"] ** 2]
            found[k, others] = 0.0
            found[k, near] = values_within_radius(y[near] == y[t], 3)
        elif params:
            found[k, rows] = values_for_label(
                y[rows] == y[t], distances[order], weights(rows.shape[0], n_neighbors)
            )
        else:
            found[k, rows] = values_for_response(y[rows], y[t], n_neighbors)
    counts = np.maximum(np.sum(~np.isnan(found), axis=0), 1)
    return np.nansum(found, axis=0) / counts


GAMES = [{"n_classes": 3}, {"n_classes": 3, "radius": 2.0}, {}]


@pytest.mark.parametrize("block_size", [1, 100, 10**6])
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array, np.float32])
@pytest.mark.parametrize("game", GAMES)
def test_mean_over_tests(game, container, block_size, monkeypatch):
    """Rows with many ties; a row does not play for itself."""
    monkeypatch.setattr(_knn_shapley_values, "BLOCK_SIZE", block_size)
    monkeypatch.setattr(_knn_shapley_values, "BATCH_SIZE", max(block_size // 10, 1))
    X, y = make_rows()
    tests = np.array([3, 7, 8, 30])
    found = knn_shapley(container(X), y, tests, n_neighbors=2, **game)
    expected = one_by_one(X, y, tests, 2, **game)
    assert_allclose(found, expected, rtol=0, atol=1e-14)


def test_efficiency():
    """Values add up to the share of votes for the right label."""
    X, y = make_rows()
    found = knn_shapley(X[:, :2] + 0.1 * np.arange(40)[:, np.newaxis], y, np.array([5]))
    rest = np.delete(np.arange(40), 5)
    assert found[5] == 0.0
    moved = X[:, :2] + 0.1 * np.arange(40)[:, np.newaxis]
    order = np.argsort(((moved[rest] - moved[5]) ** 2).sum(axis=1))
    nearest = rest[order][:5]
    expected = y[5] ** 2 - (y[nearest].mean() - y[5]) ** 2
    assert_allclose(found.sum(), expected, rtol=1e-12)


def test_equal_rows_have_equal_values_in_any_order():
    X, y = make_rows()
    X, y = np.repeat(X, 3, axis=0), np.repeat(y, 3)
    tests = np.arange(0, 120, 7)
    found = knn_shapley(X, y, tests, n_classes=3)
    is_test = np.isin(np.arange(120), tests)
    for code in range(40):
        same = found[3 * code : 3 * code + 3][~is_test[3 * code : 3 * code + 3]]
        assert_allclose(same, same[0], rtol=0, atol=1e-15)
    order = np.random.RandomState(0).permutation(120)
    places = np.argsort(order)
    mixed = knn_shapley(X[order], y[order], places[tests], n_classes=3)
    assert_allclose(mixed, found[order], rtol=0, atol=1e-15)


def test_large_offsets_leave_the_order():
    X, y = make_rows()
    tests = np.arange(10)
    expected = knn_shapley(X, y, tests, n_classes=3)
    assert_allclose(
        knn_shapley(X + 1e8, y, tests, n_classes=3), expected, rtol=0, atol=1e-15
    )


def test_inputs_are_not_written():
    X, y = make_rows()
    copy = X.copy()
    knn_shapley(X, y, np.arange(10), n_classes=3)
    assert_array_equal(X, copy)
