import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from skpoison.bilevel.differentiation.column_statistics import (
    ColumnStatistics,
    FixedRows,
)

NAMES = ["mean", "std", "min", "max", 0.0, 0.1, 0.25, 0.5, 0.61, 0.9, 1.0]


def expected(name, X):
    if isinstance(name, float):
        return np.quantile(X, name, axis=0)
    return getattr(X, name)(axis=0)


def draw(n_fixed=20, n_added=4, n_features=3, seed=0):
    rng = np.random.RandomState(seed)
    return rng.normal(size=(n_fixed, n_features)), rng.normal(
        size=(n_added, n_features), scale=2
    )


def statistics(X, added, weights=None):
    return ColumnStatistics(FixedRows(X, weights), added)


@pytest.mark.parametrize(("n_fixed", "n_added"), [(20, 4), (20, 0), (0, 5), (3, 30)])
@pytest.mark.parametrize("name", NAMES)
def test_weights_of_1_give_what_numpy_computes(name, n_fixed, n_added):
    X, added = draw(n_fixed, n_added)
    together = np.concatenate([X, added])
    value = statistics(X, added).value(name)
    assert_allclose(value, expected(name, together), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("is_uniform", [True, False])
def test_whole_weights_repeat_rows(name, is_uniform):
    X, added = draw()
    weights = np.full(20, 3) if is_uniform else np.random.RandomState(1).choice(4, 20)
    together = np.concatenate([np.repeat(X, weights, axis=0), added])
    value = statistics(X, added, weights.astype(float)).value(name)
    assert_allclose(value, expected(name, together), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("level", [0.0, 0.3, 0.5, 1.0])
def test_quantile_of_weighted_rows_is_the_mean_over_its_window(level):
    X, added = draw(7, 2, 1)
    weights = np.random.RandomState(0).uniform(0.3, 2, 7)
    together = np.append(X[:, 0], added[:, 0])
    order = np.argsort(together)
    ends = np.cumsum(np.append(weights, [1, 1])[order])
    begin = level * (ends[-1] - 1)
    grid = begin + (np.arange(200000) + 0.5) / 200000
    steps = together[order][np.searchsorted(ends, grid)]
    value = statistics(X, added, weights).value(level)
    assert_allclose(value, steps.mean(), atol=1e-4)


@pytest.mark.parametrize("weights", [None, "uniform", "uneven"])
@pytest.mark.parametrize("name", NAMES)
def test_derivative_against_differences(name, weights):
    X, added = draw()
    if weights is not None:
        low = 1.7 if weights == "uniform" else 0.2
        weights = np.random.RandomState(1).uniform(low, 1.7, 20)
    upstream = np.array([1.0, -2.0, 0.5])
    gradient = statistics(X, added, weights).vjp(name, upstream, slice(None))
    gradient = np.broadcast_to(gradient, added.shape)
    h = 1e-6
    for i in np.ndindex(*added.shape):
        step = np.zeros_like(added)
        step[i] = h
        after, before = (
            upstream @ statistics(X, added + sign * step, weights).value(name)
            for sign in (1, -1)
        )
        assert_allclose(gradient[i], (after - before) / (2 * h), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", NAMES)
def test_derivative_in_some_of_the_rows(name):
    X, added = draw()
    known = statistics(X, added)
    everywhere = np.broadcast_to(known.vjp(name, np.ones(3), slice(None)), added.shape)
    some = np.broadcast_to(known.vjp(name, np.ones(3), slice(1, 3)), (2, 3))
    assert_array_equal(some, everywhere[1:3])


@pytest.mark.parametrize("name", NAMES)
def test_sparse_rows_are_as_dense_ones(name):
    X = sparse.random_array((60, 8), density=0.5, format="csr", random_state=0)
    X.data -= 0.3
    X = X.multiply(np.array([1, 1, 1, 1, 0, 1, 1, 1.0])).tocsr()
    added = np.random.RandomState(0).normal(size=(3, 8))
    weights = np.full(60, 1.2)
    fixed = FixedRows(X, weights)
    for _ in range(2):  # the second time with what is remembered
        of_sparse = ColumnStatistics(fixed, added)
        of_dense = statistics(X.toarray(), added, weights)
        assert_allclose(
            of_sparse.value(name), of_dense.value(name), rtol=1e-12, atol=1e-15
        )
        of_sparse, of_dense = (
            known.vjp(name, np.ones(8), slice(None)) for known in (of_sparse, of_dense)
        )
        assert_allclose(of_sparse, of_dense, rtol=1e-12, atol=1e-15)


def test_sparse_columns_of_many_zeros_are_not_made_dense():
    X = sparse.random_array((200, 30), density=0.1, format="csr", random_state=0)
    X = sparse.hstack([X, sparse.csr_array(np.ones((200, 1)))], format="csr")
    fixed = FixedRows(X)
    assert_array_equal(
        ColumnStatistics(fixed, np.ones((5, 31))).value(0.5), np.append(np.zeros(30), 1)
    )
    assert_array_equal(fixed._chosen[0], [30])


def test_rows_of_weight_0_are_left_out():
    X, added = draw()
    weights = 1.0 * (np.arange(20) % 3 > 0)
    for name in NAMES:
        assert_allclose(
            statistics(X, added, weights).value(name),
            statistics(X[weights > 0], added).value(name),
            rtol=1e-12,
        )


@pytest.mark.parametrize(("name", "sign"), [("min", -1), ("max", 1)])
def test_extremes_that_fixed_rows_attain_do_not_move(name, sign):
    X, added = draw()
    added[1, 0] = getattr(X, name)(axis=0)[0]
    added[:, 1] = 0
    added[2:, 1] = sign * 9.0
    added[:, 2] = 0
    gradient = statistics(X, added).vjp(name, np.ones(3), slice(None))
    assert gradient[1, 0] == 0
    assert_array_equal(gradient[:, 1], [0, 0, 0.5, 0.5])
    assert not gradient[:, 2].any()


def test_quantile_among_many_equal_values_does_not_move():
    X = np.repeat([[0.0], [1.0], [2.0]], 10, axis=0)
    added = np.array([[1.0], [1.0]])
    assert_array_equal(statistics(X, added).vjp(0.5, np.ones(1), slice(None)), 0)


def test_quantile_at_the_end_of_a_tie_has_the_mean_of_both_derivatives():
    # The median is the last of the ones, and moves with the poison row only upwards.
    X, added = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([[1.0]])
    known = statistics(X, added)
    assert known.value(0.5) == 1
    up, down = ((statistics(X, added + h).value(0.5) - 1) / h for h in (1e-3, -1e-3))
    gradient = known.vjp(0.5, np.ones(1), slice(None))
    assert_allclose(gradient[0], (up + down) / 2)
    assert_allclose(gradient[0], 0.5)


def test_constant_columns():
    X, added = np.full((20, 1), 1e6 + 0.1), np.full((3, 1), 1e6 + 0.1)
    known = statistics(X, added, np.full(20, 1.37))
    assert known.value(0.75) - known.value(0.25) == 0
    assert known.value("std") <= 1e-9
    known = statistics(np.zeros((20, 1)), np.zeros((3, 1)))
    assert_array_equal(known.vjp("std", np.ones(1), slice(None)), np.zeros((3, 1)))


def test_large_means_cost_no_digits():
    X, added = draw()
    far = 1.7e9
    near, moved = statistics(X * 1e4, added), statistics(X * 1e4 + far, added + far)
    for name in NAMES:
        offset = 0 if name == "std" else far
        assert_allclose(
            moved.value(name) - offset, near.value(name), rtol=1e-9, atol=1e-6
        )


@pytest.mark.parametrize("is_sparse", [False, True])
@pytest.mark.parametrize("name", ["mean", "std"])
def test_derivative_in_weights(name, is_sparse):
    X, added = draw()
    make = sparse.csr_array if is_sparse else np.asarray
    weights, upstream = np.full(20, 1.3), np.array([1.0, -2.0, 0.5])
    known = statistics(make(X), added, weights)
    found = known.weight_gradient(name, upstream, make(X))
    assert found.shape == (20,)
    h = 1e-5
    for i, unit in enumerate(np.eye(20)):
        after, before = (
            upstream @ statistics(X, added, weights + step * unit).value(name)
            for step in (h, -h)
        )
        assert_allclose(found[i], (after - before) / (2 * h), rtol=1e-7, atol=1e-9)


def test_extremes_and_quantiles_jump_where_a_row_is_left_out():
    X, added = draw()
    for name in ("min", "max", 0.5):
        assert statistics(X, added).weight_gradient(name, np.ones(3), X) == 0
