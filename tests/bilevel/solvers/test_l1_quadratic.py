from itertools import product

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skpoison.bilevel.solvers.l1_quadratic import factorise, minimise_l1_quadratic

L1 = np.array([1.0, 0.4, 0.0, 1.5, 0.7, 1.0])


def make_problem(seed, rank=6):
    rng = np.random.RandomState(seed)
    A = rng.normal(size=(rank, 6))
    return A.T @ A, A.T @ rng.normal(size=rank) * 3


def value(H, c, u):
    return u @ H @ u / 2 + c @ u + L1 @ np.abs(u)


def least_of_all_faces(H, c):
    """Solve each face, and keep the lowest point that lies in its own."""
    best = np.zeros(6)
    for signs in product([-1, 0, 1], repeat=6):
        signs = np.array(signs)
        active = (signs != 0) | (L1 == 0)
        u = np.zeros(6)
        u[active] = np.linalg.lstsq(
            H[np.ix_(active, active)], -(c + L1 * signs)[active], rcond=None
        )[0]
        if value(H, c, u) < value(H, c, best):
            best = u
    return best


@pytest.mark.parametrize("seed", range(12))
def test_no_face_has_a_lower_point(seed):
    H, c = make_problem(seed)
    expected = least_of_all_faces(H, c)
    starts = [np.zeros(6), expected, 3 * np.random.RandomState(seed).normal(size=6)]
    for start in starts:
        given = start.copy()
        u = minimise_l1_quadratic(H, c, L1, start)
        assert_allclose(u, expected, rtol=0, atol=1e-10)
        paying = L1 > 0
        assert_array_equal(u[paying] == 0, np.abs(expected)[paying] < 1e-12)
        assert_array_equal(start, given)


@pytest.mark.parametrize("rank", [2, 4])
@pytest.mark.parametrize("seed", range(6))
def test_singular(seed, rank):
    """There may be many optima. The one found is determined by its own face."""
    H, c = make_problem(seed, rank)
    lowest = value(H, c, least_of_all_faces(H, c))
    for start in (np.zeros(6), np.random.RandomState(seed).normal(size=6)):
        u = minimise_l1_quadratic(H, c, L1, start)
        assert_allclose(value(H, c, u), lowest, rtol=1e-9, atol=1e-10)
        active = (u != 0) | (L1 == 0)
        assert not factorise(H[np.ix_(active, active)])[1]


def test_two_equal_columns_are_not_both_needed():
    H = np.array([[2.0, 2.0], [2.0, 2.0]])
    u = minimise_l1_quadratic(H, np.array([-3.0, -3.0]), np.ones(2), np.full(2, 0.3))
    assert np.count_nonzero(u) == 1
    assert_allclose(u.sum(), 1, rtol=1e-9)


def test_entry_without_penalty_and_curvature_is_unchanged():
    H = np.diag([2.0, 0.0])
    u = minimise_l1_quadratic(H, np.array([-3.0, 0.0]), np.array([1.0, 0]), np.zeros(2))
    assert_allclose(u, [1, 0])


def test_all_entries_are_zero_if_the_penalty_is_large():
    H, c = make_problem(0)
    start = np.random.RandomState(0).normal(size=6)
    u = minimise_l1_quadratic(H, c, np.full(6, 1e3), start)
    assert_array_equal(u, 0)
