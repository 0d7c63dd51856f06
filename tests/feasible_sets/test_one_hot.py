import numpy as np
import pytest
from scipy.optimize import minimize

from skpoison.feasible_sets import Box, LinfBall, OneHot, make_intersection

# The solver of older versions of scipy says that it keeps to its bounds.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Values in x were outside bounds:RuntimeWarning"
)

GROUPS = [[4, 0, 2], [1, 5]]
rng = np.random.RandomState(0)
X = rng.normal(size=(200, 7))


def test_projection_is_the_nearest_vertex():
    rows = OneHot(GROUPS).fit(X).project(X)
    np.testing.assert_array_equal(rows[:, [3, 6]], X[:, [3, 6]])
    for group in GROUPS:
        corners = np.eye(len(group))
        distances = np.linalg.norm(X[:, np.newaxis, group] - corners, axis=2)
        np.testing.assert_array_equal(rows[:, group], corners[distances.argmin(axis=1)])


def test_ties_go_to_the_first_of_the_group():
    rows = OneHot([[2, 0, 1]]).fit(X[:, :3]).project(np.zeros((1, 3)))
    np.testing.assert_array_equal(rows, [[0, 0, 1]])


@pytest.mark.parametrize(
    ("row", "inside"),
    [
        ([1, 0, 0, 9], True),
        ([0, 0, 1, 9], True),
        ([0, 0, 0, 9], False),
        ([1, 1, 0, 9], False),
        ([0.5, 0.5, 0, 9], False),
        ([2, -1, 0, 9], False),
        ([1, 1e-16, 0, 9], False),
    ],
)
def test_contains(row, inside):
    assert OneHot([[0, 1, 2]]).fit([row]).contains([row]).tolist() == [inside]


def simplex(X):
    """Project one row, by Algorithm 1 of Duchi et al. (2008)."""
    ordered = np.sort(X)[::-1]
    sums = ordered.cumsum() - 1
    rho = np.flatnonzero(ordered > sums / np.arange(1, X.size + 1))[-1]
    return np.maximum(X - sums[rho] / (rho + 1), 0)


@pytest.mark.parametrize("scale", [1e-3, 0.3, 1, 10, 1e6])
@pytest.mark.parametrize("shift", [0, -5, 1e3])
def test_relaxation_projects_on_the_simplex(scale, shift):
    relaxed = OneHot(GROUPS).fit(X).relax()
    rows = scale * X + shift
    projected = relaxed.project(rows)
    assert relaxed.contains(projected).all()
    np.testing.assert_array_equal(projected[:, [3, 6]], rows[:, [3, 6]])
    expected = rows.copy()
    for group in GROUPS:
        for row in expected:
            row[group] = simplex(row[group])
    np.testing.assert_allclose(projected, expected, rtol=1e-9, atol=1e-9)


def test_relaxation_loses_nothing_to_large_values():
    relaxed = OneHot(GROUPS).fit(X).relax()
    rows = np.round(8 * X) / 8
    np.testing.assert_array_equal(
        relaxed.project(rows + 2.0**40)[:, relaxed.columns_],
        relaxed.project(rows)[:, relaxed.columns_],
    )


def test_relaxation_with_ties_and_from_inside():
    relaxed = OneHot([[0, 1, 2]]).fit(X[:, :3]).relax()
    rows = np.array([[5, 5, 5], [0, 0, 0], [0.2, 0.5, 0.3], [1, 0, 0], [2, 2, 0]])
    expected = [[1 / 3] * 3, [1 / 3] * 3, [0.2, 0.5, 0.3], [1, 0, 0], [0.5, 0.5, 0]]
    np.testing.assert_allclose(relaxed.project(rows), expected, atol=1e-15)


@pytest.mark.parametrize(
    ("row", "inside"),
    [
        ([0.2, 0.5, 0.3], True),
        ([1, 0, 0], True),
        ([0.5, 0.5 + 1e-12, 0], True),
        ([0.5, 0.6, 0], False),
        ([1.1, -0.1, 0], False),
    ],
)
def test_relaxation_contains(row, inside):
    relaxed = OneHot([[0, 1, 2]]).fit([row]).relax()
    assert relaxed.contains([row]).tolist() == [inside]


def test_relaxation_between_bounds():
    lower, upper = np.array([0.1, -1, 0, 0.05]), np.array([0.4, 0.5, 2, 0.3])
    relaxed = make_intersection(Box(lower, upper), OneHot([[0, 1, 2, 3]]))
    relaxed = relaxed.fit(X[:, :4]).relax()
    rows = X[:60, :4]
    projected = relaxed.project(rows)
    assert relaxed.contains(projected).all()
    for row, nearest in zip(rows, projected, strict=True):
        found = minimize(
            lambda x, row=row: ((x - row) ** 2).sum(),
            np.full(4, 0.25),
            jac=lambda x, row=row: 2 * (x - row),
            bounds=list(zip(np.maximum(lower, 0), np.minimum(upper, 1), strict=True)),
            constraints={"type": "eq", "fun": lambda x: x.sum() - 1},
            method="SLSQP",
            options={"ftol": 1e-15},
        )
        np.testing.assert_allclose(nearest, found.x, atol=1e-6)


@pytest.mark.parametrize(
    ("lower", "upper"), [(0.4, 1), (0, 0.3), ([1.5, 0, 0], 2), (-2, [-1, 1, 1])]
)
def test_relaxation_that_bounds_empty(lower, upper):
    relaxed = make_intersection(Box(lower, upper), OneHot([[0, 1, 2]]))
    relaxed = relaxed.fit(X[:, :3]).relax()
    with pytest.raises(ValueError, match="empty: 'onehot' has no value for row 0"):
        relaxed.project(X[:, :3])


def test_bounds_that_leave_a_single_point():
    start = np.array([[0.1, 0.2, 0.7]])
    here = make_intersection(LinfBall(1e-12), OneHot([[0, 1, 2]])).fit(start).relax()
    nearest = here.project(start + 1, start=start)
    np.testing.assert_allclose(nearest, start, atol=1e-11)


def test_bounds_that_reach_1_up_to_rounding():
    start = np.array([[0.2, 0.2, 0.3 - 1e-10]])
    here = make_intersection(LinfBall(0.1), OneHot([[0, 1, 2]])).fit(start).relax()
    nearest = here.project(start - 1, start=start)
    np.testing.assert_allclose(nearest, start + 0.1)


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (
            [[0, 1], [1, 2]],
            "`groups` must not share columns; got column 1 more than once",
        ),
        ([[2, 2]], "`groups` must not share columns; got column 2 more than once"),
        ([[0, 1], [2]], r"`groups` must have at least two columns each.* got \[2\]"),
        ([[0, 1], []], r"`groups` must have at least two columns each.* got \[\]"),
        ([[0, 7]], "`groups` must be column indices from 0 to 6.* got 7"),
        ([[0, -1]], "`groups` must be column indices.* got -1"),
        ([0, 1], "`groups` must hold lists of column indices"),
    ],
)
def test_groups_are_checked(groups, message):
    with pytest.raises(ValueError, match=message):
        OneHot(groups).fit(X)


def test_data_need_not_be_one_hot():
    assert not OneHot(GROUPS).fit(X).contains(X).any()
