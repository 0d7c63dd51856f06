from itertools import combinations, product

import numpy as np
import pytest
from scipy.optimize import linprog, minimize

from skpoison.feasible_sets import (
    BaseFeasibleSet,
    Box,
    Frozen,
    Integers,
    L1Ball,
    L2Ball,
    LinfBall,
    OneHot,
    Slab,
    make_intersection,
)
from skpoison.feasible_sets._joint import JointProjection
from skpoison.feasible_sets._one_hot import Simplex

# The solver of older versions of scipy says that it keeps to its bounds.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Values in x were outside bounds:RuntimeWarning"
)

rng = np.random.RandomState(0)
SETS = [
    Box(-2, [1.5, 1, 1, 4, 4, 4]),
    LinfBall(1.3),
    Frozen([5]),
    Integers([3, 4]),
    OneHot([[0, 1, 2]]),
    L2Ball(1.9),
    Slab([0, 1, -1, 1, 2, 3], -12, 12),
    Slab([1, 1, 1, 1, 1, 1], -5, 6),
    L1Ball(2.5),
]
INTERSECTIONS = [
    make_intersection(*sets)
    for size, step in ((2, 1), (3, 2), (4, 6))
    for sets in list(combinations(SETS, size))[::step]
]


def feasible_start(n_rows):
    """Make rows that lie in all of the sets."""
    start = np.zeros((n_rows, 6))
    start[np.arange(n_rows), rng.randint(3, size=n_rows)] = 1
    start[:, 3:5] = rng.randint(-1, 2, size=(n_rows, 2))
    start[:, 5] = rng.uniform(-1, 1, size=n_rows)
    return start


@pytest.mark.parametrize("meet", INTERSECTIONS, ids=lambda m: str(len(m.sets)))
def test_projection_lies_in_every_set_and_stays(meet):
    start = feasible_start(25)
    X = start + rng.normal(scale=2, size=start.shape)
    for each in (meet.fit(X), meet.relax()):
        rows = each.project(X, start=start)
        assert each.contains(rows, start=start).all()
        again = each.project(rows, start=start)
        np.testing.assert_allclose(again, rows, rtol=0, atol=1e-10)
        assert meet.relax().contains(rows, start=start).all()


def constraints_of(relaxed, start):
    """Return what solvers take: bounds, equalities and inequalities."""
    low, high = np.full(6, -np.inf), np.full(6, np.inf)
    ones, rows, limits, radius = [], [], [], np.inf
    for _, each in relaxed._flatten(""):
        if each._role == "bounds":
            lower, upper = each._bounds(start[np.newaxis], None)
            low, high = np.maximum(low, lower).ravel(), np.minimum(high, upper).ravel()
        elif each._role == "columns":
            ones.append(np.isin(np.arange(6), each.columns_).astype(float))
            low[each.columns_] = np.maximum(low[each.columns_], 0)
        elif isinstance(each, L1Ball):
            signs = np.array(list(product([-1.0, 1.0], repeat=6)))
            rows += list(signs)
            limits += list(each.radius + signs @ start)
        elif hasattr(each, "radius"):
            radius = each.radius
        else:
            rows += [each.normal_, -each.normal_]
            limits += [each.upper_, -each.lower_]
    return list(zip(low, high, strict=True)), ones, np.array(rows), limits, radius


def quadratic_programme(x, start, relaxed):
    bounds, ones, rows, limits, radius = constraints_of(relaxed, start)
    constraints = [
        {"type": "eq", "fun": lambda z, a=a: a @ z - 1, "jac": lambda z, a=a: a}
        for a in ones
    ]
    if len(rows):
        constraints.append(
            {
                "type": "ineq",
                "fun": lambda z: limits - rows @ z,
                "jac": lambda z: -rows,
            }
        )
    if np.isfinite(radius):
        constraints.append(
            {
                "type": "ineq",
                "fun": lambda z: (radius**2 - ((z - start) ** 2).sum()) / 2,
                "jac": lambda z: start - z,
            }
        )
    found = minimize(
        lambda z: ((z - x) ** 2).sum() / 2,
        start,
        jac=lambda z: z - x,
        bounds=bounds,
        constraints=constraints,
        method="SLSQP",
        options={"ftol": 1e-18, "maxiter": 1000},
    )
    return found.x


@pytest.mark.parametrize("meet", INTERSECTIONS, ids=lambda m: str(len(m.sets)))
def test_projection_is_the_solution_of_a_quadratic_programme(meet):
    start = feasible_start(3)
    X = start + rng.normal(scale=1.5, size=start.shape)
    relaxed = meet.fit(X).relax()
    rows = relaxed.project(X, start=start)
    for x, s, row in zip(X, start, rows, strict=True):
        expected = quadratic_programme(x, s, relaxed)
        # The nearest row is unique. The solver may violate constraints by a little, so
        # that its row is first moved back into the set.
        np.testing.assert_allclose(row, expected, rtol=0, atol=1e-6)
        shares = 1 - np.append(0, np.logspace(-9, -6, 7))[:, np.newaxis]
        candidates = s + shares * (expected - s)
        inside = candidates[relaxed.contains(candidates, start=np.tile(s, (8, 1)))]
        assert np.linalg.norm(row - x) <= np.linalg.norm(inside[0] - x) + 1e-8


@pytest.mark.parametrize("meet", INTERSECTIONS, ids=lambda m: str(len(m.sets)))
def test_linear_oracle_is_at_least_as_good_as_a_solver(meet):
    start = feasible_start(3)
    direction = rng.normal(size=start.shape)
    bounded = make_intersection(Box(-9, 9), *[s for _, s in meet.sets])
    relaxed = bounded.fit(start).relax()
    joint = relaxed._joint(start, None)
    if joint.others:
        kinds = {type(each) for _, each in joint.members}
        assert L1Ball in kinds
        assert Simplex in kinds or len(joint.constraints) == 3
        with pytest.raises(ValueError, match="for `maximise`"):
            relaxed.maximise(direction, start=start)
        return
    rows = relaxed.maximise(direction, start=start)
    assert relaxed.contains(rows, start=start).all()
    for d, s, row in zip(direction, start, rows, strict=True):
        bounds, ones, normals, limits, radius = constraints_of(relaxed, s)
        if np.isfinite(radius):
            # The projection of a row far away in the direction: a bound from below.
            far = relaxed.project([s + 1e5 * d], start=[s])[0]
            assert d @ row >= d @ far - 1e-8
            assert d @ row <= d @ far + 1e-3
        else:
            found = linprog(
                -d,
                A_ub=normals if len(normals) else None,
                b_ub=limits or None,
                A_eq=ones or None,
                b_eq=[1.0] * len(ones) or None,
                bounds=bounds,
            )
            assert d @ row == pytest.approx(-found.fun, rel=1e-8, abs=1e-8)


@pytest.mark.parametrize(
    "sets",
    [SETS[:5], [SETS[0], SETS[3]], [SETS[4], SETS[0], SETS[3], Frozen([1])]],
    ids=len,
)
def test_linear_oracle_of_discrete_sets_by_brute_force(sets):
    start = feasible_start(20)
    direction = rng.normal(size=start.shape)
    direction[:, 0] = 0
    meet = make_intersection(*sets).fit(start)
    rows = meet.maximise(direction, start=start)
    assert meet.contains(rows, start=start).all()
    values = [[0, 1, -2]] * 3 + [range(-2, 5)] * 2 + [[0]]
    grid = np.stack(np.meshgrid(*values), axis=-1).reshape(-1, 6).astype(float)
    for d, s, row in zip(direction, start, rows, strict=True):
        grid[:, 5] = s[5]
        allowed = grid[meet.contains(grid, start=np.tile(s, (len(grid), 1)))]
        assert len(allowed) > 1
        assert d @ row >= (allowed @ d).max() - 1e-12


def test_roles():
    sets = [Integers([3]), OneHot([[0, 1]]), OneHot([[1, 2]]), *SETS[5:8], L2Ball(2)]
    members = [(str(i), s.fit(np.zeros((1, 6)))) for i, s in enumerate(sets)]
    joint = JointProjection(members[::-1], np.zeros((1, 6)), None)
    assert [name for name, _ in joint.grouped] == ["0", "2"]
    assert [name for name, _ in joint.constraints] == ["6", "5", "4"]
    assert sorted(name for name, _ in joint.others) == ["1", "3"]
    assert joint.kind == "discrete"


def test_l1_balls_need_columns_that_are_free_of_one_another():
    sets = [s.fit(np.zeros((1, 6))) for s in (L2Ball(2), L1Ball(3), Box(), Integers())]
    joint = JointProjection(
        [(type(s).__name__, s) for s in sets], np.zeros((1, 6)), None
    )
    assert [name for name, _ in joint.constraints] == ["L1Ball", "L2Ball"]
    tied = OneHot([[0, 1]]).fit(np.zeros((1, 6)))
    joint = JointProjection([("ball", sets[1]), ("hot", tied)], np.zeros((1, 6)), None)
    assert [name for name, _ in joint.others] == ["ball"]
    joint = JointProjection([("a", sets[1]), ("b", sets[1])], np.zeros((1, 6)), None)
    assert [name for name, _ in joint.constraints] == ["a"]


class Ring(BaseFeasibleSet):
    """Rows at a distance between 1 and 2 from the origin."""

    def _project(self, X, start, y):
        norms = np.linalg.norm(X, axis=1, keepdims=True)
        return X * np.clip(norms, 1, 2) / norms


def test_a_set_that_is_not_convex_is_not_projected_onto_by_dykstra(monkeypatch):
    monkeypatch.setattr(JointProjection, "project_by_dykstra", None)
    meet = make_intersection(Box(0.2, 1.2), Ring()).fit(np.zeros((1, 2)))
    assert meet.kind == "neither"
    X = rng.normal(size=(200, 2))
    rows = meet.project(X)
    assert meet.contains(rows).all()
    norms = np.linalg.norm(rows, axis=1)
    assert ((norms > 1 - 1e-9) & (norms < 2) & (rows >= 0.2).all(axis=1)).all()
    np.testing.assert_allclose(meet.project(rows), rows, rtol=0, atol=1e-10)


def test_no_common_point_of_sets_that_are_not_convex():
    meet = make_intersection(Box(-0.5, 0.5), Ring()).fit(np.zeros((1, 2)))
    for start in (None, [[0.1, 0.2]]):
        with pytest.raises(ValueError, match="no common point was found for row 0"):
            meet.project([[0.3, 0.2]], start=start)


class Far(BaseFeasibleSet):
    """Rows outside of the unit disc, by a projection that stays on the same ray."""

    def _project(self, X, start, y):
        return X / np.minimum(np.linalg.norm(X, axis=1, keepdims=True), 1)


def test_rows_move_back_to_their_start_if_projections_do_not_meet():
    # In turn they converge to the point (1, 0.7), which is in the disc only on a ray
    # that leads out of the box.
    meet = make_intersection(Box(-1, [1, 0.7]), Far(), LinfBall(2.0))
    meet.fit(np.zeros((1, 2)))
    start = np.tile([-0.9, -0.9], (50, 1))
    rows = meet.project(rng.uniform(-1, 1, size=(50, 2)), start=start)
    assert meet.contains(rows, start=start).all()


def test_linear_oracle_of_sets_without_one():
    meet = make_intersection(Box(-1, 1), Ring()).fit(np.zeros((1, 2)))
    with pytest.raises(ValueError, match=r"must not hold .ring. for"):
        meet.maximise([[1, 1]])
    with pytest.raises(ValueError, match="`maximise` must be implemented by Ring"):
        meet.sets_[1].maximise([[1, 1]])
    counts = make_intersection(Integers([0]), Box(-1, 1), L2Ball(1.5))
    with pytest.raises(ValueError, match=r"must not hold discrete .* `relax"):
        counts.fit([[0, 0]]).maximise([[1, 1]], start=[[0, 0]])


def test_linear_oracle_of_a_single_set_is_its_own():
    class Corner(Ring):
        def _maximise(self, direction, start, y):
            return np.ones(direction.shape)

    meet = make_intersection(Corner()).fit(np.zeros((1, 2)))
    np.testing.assert_array_equal(meet.maximise([[1, 1]]), [[1, 1]])
