from itertools import combinations, product

import numpy as np
import pytest
from scipy import sparse

from skpoison.feasible_sets import (
    Box,
    Frozen,
    Integers,
    L2Ball,
    LinfBall,
    OneHot,
    Slab,
    Sparse,
    make_intersection,
)

rng = np.random.RandomState(0)
COUNTS = np.array([[1, 0, 0, 2], [0, 3, 0, 0], [0, 0, 2, 1], [0, 1, 2, 3]])


def supports(n_features, n_nonzero):
    """Return which features may be non-zero, for each choice of them."""
    return [
        np.isin(np.arange(n_features), chosen)
        for chosen in combinations(range(n_features), n_nonzero)
    ]


def test_projection_and_maximum_alone():
    X = rng.normal(scale=2, size=(200, 6))
    each = Sparse(max_nonzero=3).fit(X)
    rows = each.project(X)
    assert each.contains(rows).all()
    assert not each.contains(X).any()
    candidates = np.array([np.where(s, X, 0) for s in supports(6, 3)])
    distances = np.linalg.norm(candidates - X, axis=2).min(axis=0)
    np.testing.assert_allclose(np.linalg.norm(rows - X, axis=1), distances)
    np.testing.assert_array_equal(each.project(rows), rows)
    with pytest.raises(ValueError, match="does not bound feature"):
        each.maximise(X)
    assert not each.maximise(np.zeros((1, 6))).any()


def test_of_equal_features_the_first_stay():
    each = Sparse(max_nonzero=2).fit(np.eye(5))
    np.testing.assert_array_equal(
        each.project([[1, 3, -1, 1, 0], [0, 2, 2, 2, -2]]),
        [[1, 3, 0, 0, 0], [0, 2, 2, 0, 0]],
    )
    assert not np.signbit(each.project([[-1.0, 3, -2, 0, -0.5]])).all()


def test_fewer_features_than_permitted():
    X = rng.normal(size=(5, 3))
    np.testing.assert_array_equal(Sparse(max_nonzero=7).fit(X).project(X), X)


@pytest.mark.parametrize(
    ("max_nonzero", "expected"),
    [(0.01, 1), (0.25, 1), (0.5, 2), (0.8, 3), (1.0, 3), (1, 1), (2, 2), (9, 9)],
)
@pytest.mark.parametrize("make", [np.array, sparse.csr_array, sparse.csc_matrix])
def test_quantile_of_the_training_rows(make, max_nonzero, expected):
    assert Sparse(max_nonzero).fit(make(COUNTS)).max_nonzero_ == expected


def test_stored_and_split_zeros_do_not_count():
    rows, columns = [0, 0, 0, 0, 1], [0, 1, 2, 2, 0]
    stored = sparse.coo_array(([1, 0, 2, -2, 0.0], (rows, columns)), shape=(2, 3))
    assert Sparse(1.0).fit(stored.tocsr()).max_nonzero_ == 1
    assert Sparse(1.0).fit(np.zeros((3, 2))).max_nonzero_ == 1


@pytest.mark.parametrize("max_nonzero", [0, -1, 0.0, 1.5, None, "auto"])
def test_parameters_refused(max_nonzero):
    with pytest.raises(ValueError, match="'max_nonzero' parameter of Sparse"):
        Sparse(max_nonzero).fit(COUNTS)


def brute_force(values, X, start=None, *, limit, sets, reward):
    """Return the best reward of each row among all rows with given values."""
    grid = np.array(list(product(*values)), dtype=float)
    grid = grid[np.count_nonzero(grid, axis=1) <= limit]
    best = np.empty(X.shape[0])
    for i, x in enumerate(X):
        home = None if start is None else np.tile(start[i], (grid.shape[0], 1))
        allowed = grid[sets.contains(grid, start=home)]
        best[i] = reward(allowed, x).max()
    return best


def closeness(rows, x):
    return -np.linalg.norm(rows - x, axis=1)


def progress(rows, x):
    return rows @ x


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("limit", [1, 2, 3, 5])
def test_counts_within_bounds_by_brute_force(limit, order):
    X = rng.normal(1, 3, size=(150, 5))
    sets = [Box([0, -1, -2, 0, 1.5], [2, 3, 1.7, 0, 3]), Integers(), Sparse(limit)]
    meet = make_intersection(*sets[::order]).fit(np.zeros((1, 5)))
    assert meet.kind == "discrete"
    values = [range(-2, 5)] * 5
    for find, reward in ((meet.project, closeness), (meet.maximise, progress)):
        rows = find(X)
        assert meet.contains(rows).all()
        found = [reward(row[np.newaxis], x)[0] for row, x in zip(rows, X, strict=True)]
        expected = brute_force(values, X, limit=limit, sets=meet, reward=reward)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    # The last feature is at least 2 in any case.
    assert (meet.project(X)[:, 4] >= 2).all()


@pytest.mark.parametrize("limit", [2, 3, 4, 6])
def test_categories_and_a_start_by_brute_force(limit):
    X = rng.normal(0.5, 2, size=(60, 7))
    start = np.zeros(X.shape)
    start[:, 0] = start[:, 3] = 1
    start[:, 5] = rng.randint(2, size=60)
    meet = make_intersection(
        LinfBall(1.4), OneHot([[0, 1, 2], [3, 4]]), Integers(), Sparse(limit), Box(0, 2)
    ).fit(start)
    values = [[0, 1]] * 5 + [[0, 1, 2]] * 2
    for find, reward in ((meet.project, closeness), (meet.maximise, progress)):
        rows = find(X, start=start)
        assert meet.contains(rows, start=start).all()
        found = [reward(row[np.newaxis], x)[0] for row, x in zip(rows, X, strict=True)]
        expected = brute_force(values, X, start, limit=limit, sets=meet, reward=reward)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_real_values_within_bounds_over_all_supports():
    X = rng.normal(scale=3, size=(200, 6))
    lower, upper = [-1, 0, -2, 0.5, -1, -4], [2, 1, 0, 1, 1, -1]
    meet = make_intersection(Box(lower, upper), Sparse(4)).fit(X)
    rows, furthest = meet.project(X), meet.maximise(X)
    # Two features are not 0 in any case; two of the others are chosen.
    free = supports(4, 2)
    masks = [np.insert(s, [3, 4], True) for s in free]
    masks = [np.concatenate([m[:5], [True]]) for m in masks]
    assert all(m[3] and m[5] and m.sum() == 4 for m in masks)
    near = np.array([np.where(m, np.clip(X, lower, upper), 0) for m in masks])
    distances = np.linalg.norm(near - X, axis=2).min(axis=0)
    np.testing.assert_allclose(np.linalg.norm(rows - X, axis=1), distances)
    far = np.array([np.where(m, np.where(X > 0, upper, lower), 0) for m in masks])
    np.testing.assert_allclose((furthest * X).sum(axis=1), (far * X).sum(axis=2).max(0))
    for each in (rows, furthest):
        assert meet.contains(each).all()


def test_frozen_features_count():
    start = np.array([[1.0, 0, 0, 0], [0, 0, 0, 0]])
    meet = make_intersection(Frozen([0]), Sparse(2)).fit(start)
    np.testing.assert_array_equal(
        meet.project([[9, 3, 2, 1], [9, 3, 2, 1]], start=start),
        [[1, 3, 0, 0], [0, 3, 2, 0]],
    )


def test_the_strictest_limit_counts():
    meet = make_intersection(Sparse(3), Sparse(1), Sparse(2)).fit(COUNTS)
    assert np.count_nonzero(meet.project([[4.0, 1, 2, 3]])) == 1


def test_more_features_required_than_permitted():
    X = np.zeros((3, 4))
    meet = make_intersection(Box([1, -2, 0, 0], [2, -1, 1, 1]), Sparse(1)).fit(X)
    with pytest.raises(
        ValueError, match="'sparse' permits 1 non-zeros, but 'box' require 2 for row 0"
    ):
        meet.project(X)
    meet = make_intersection(OneHot([[0, 1], [2, 3]]), Sparse(1)).fit(X)
    with pytest.raises(ValueError, match="'onehot' require 2 for row 0"):
        meet.maximise(X)


def test_unbounded_features():
    meet = make_intersection(Box(0, [np.inf, 1]), Sparse(1)).fit(np.zeros((1, 2)))
    np.testing.assert_array_equal(meet.maximise([[-1.0, 2.0], [0, 1]]), [[0, 1]] * 2)
    with pytest.raises(ValueError, match="bound feature 0"):
        meet.maximise([[1.0, 1e9]])


@pytest.mark.parametrize("radius", [0.5, 1.5, 3])
def test_balls_and_slabs_are_obeyed(radius):
    start = rng.poisson(0.7, size=(80, 6)).astype(float)
    start = Sparse(3).fit(start).project(start)
    X = start + rng.normal(scale=2, size=start.shape)
    meet = make_intersection(
        L2Ball(radius), Integers(), Sparse(3), Slab(np.ones(6)), Box(0, 9)
    ).fit(start)
    rows = meet.project(X, start=start)
    assert meet.contains(rows, start=start).all()
    far = np.linalg.norm(rows - X, axis=1) <= np.linalg.norm(start - X, axis=1)
    assert far.all()
    if radius > 1:
        assert (rows != start).any(axis=1).mean() > 0.9


def test_relaxed_categories_are_obeyed_in_turn():
    simplex = OneHot([[0, 1, 2]]).fit(np.zeros((1, 5))).relax()
    meet = make_intersection(simplex, Sparse(2)).fit(np.zeros((1, 5)))
    start = np.tile([1.0, 0, 0, 0, 0], (40, 1))
    rows = meet.project(start + rng.normal(size=start.shape), start=start)
    assert meet.contains(rows, start=start).all()


def test_relaxation_is_the_whole_space():
    X = rng.normal(size=(10, 4))
    relaxed = Sparse(1).fit(X).relax()
    assert relaxed.kind == "convex"
    np.testing.assert_array_equal(relaxed.project(X), X)
    meet = make_intersection(Box(), Sparse(1)).fit(X)
    np.testing.assert_array_equal(meet.relax().project(X), X)
