import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import linprog, minimize

from skpoison.feasible_sets import (
    Box,
    Integers,
    L2Ball,
    OneHot,
    Slab,
    make_intersection,
)

# The solver of older versions of scipy says that it keeps to its bounds.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Values in x were outside bounds:RuntimeWarning"
)

rng = np.random.RandomState(0)
NORMAL = np.array([1.0, -2.0, 0.5, 0.0, 3.0])
X = rng.normal(size=(60, 5))


def test_projection_moves_along_the_normal_to_the_boundary():
    slab = Slab(NORMAL, -1.0, 2.0).fit(X)
    rows, sums = slab.project(X), X @ NORMAL
    inside = (sums >= -1) & (sums <= 2)
    assert 10 < inside.sum() < 50
    np.testing.assert_array_equal(slab.contains(X), inside)
    np.testing.assert_array_equal(rows[inside], X[inside])
    np.testing.assert_allclose(rows @ NORMAL, np.clip(sums, -1, 2), atol=1e-13)
    moved = rows - X
    along = np.outer(moved @ NORMAL / (NORMAL @ NORMAL), NORMAL)
    np.testing.assert_allclose(moved, along, atol=1e-13)


@pytest.mark.parametrize("make", [np.array, sparse.csr_array])
def test_bounds_of_the_data(make):
    slab = Slab(NORMAL).fit(make(X))
    assert slab.lower_ == pytest.approx((X @ NORMAL).min(), rel=1e-14)
    assert slab.upper_ == pytest.approx((X @ NORMAL).max(), rel=1e-14)
    assert slab.contains(X).all()


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_contains_forgives_rounding_but_no_more(scale):
    slab = Slab(NORMAL, 0.0, 0.5 * scale).fit(scale * X)
    rows = slab.project(7 * scale * X)
    assert slab.contains(rows).all()
    size = NORMAL @ NORMAL
    assert not slab.contains(rows + 1e-6 * scale * NORMAL / size).all()


def test_open_side():
    slab = Slab(NORMAL, upper=0.0, lower=-np.inf).fit(X)
    rows = slab.project(X)
    assert (rows @ NORMAL <= 1e-12).all()
    assert (rows @ NORMAL).min() < -5


def nearest(x, start, normal, radius, bounds):
    constraints = [
        {"type": "ineq", "fun": lambda z: 0.4 - normal @ z, "jac": lambda z: -normal},
        {"type": "ineq", "fun": lambda z: normal @ z + 0.1, "jac": lambda z: normal},
    ]
    if radius is not None:
        constraints.append(
            {
                "type": "ineq",
                "fun": lambda z: radius**2 - ((z - start) ** 2).sum(),
                "jac": lambda z: -2 * (z - start),
            }
        )
    return minimize(
        lambda z: ((z - x) ** 2).sum() / 2,
        start,
        jac=lambda z: z - x,
        bounds=bounds,
        constraints=constraints,
        method="SLSQP",
        options={"ftol": 1e-17, "maxiter": 1000},
    ).x


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("radius", [None, 0.8])
def test_projection_with_a_box_and_a_ball_by_a_solver(radius, order):
    sets = [Slab(NORMAL, -0.1, 0.4), Box(-0.7, 0.9)]
    sets += [] if radius is None else [L2Ball(radius)]
    meet = make_intersection(*sets[::order]).fit(X)
    start = meet.project(0.3 * X, start=np.zeros(X.shape))
    rows = meet.project(X, start=start)
    assert meet.contains(rows, start=start).all()
    np.testing.assert_allclose(
        meet.project(rows, start=start), rows, rtol=0, atol=1e-10
    )
    bounds = [(-0.7, 0.9)] * 5
    for x, s, row in zip(X, start, rows, strict=True):
        expected = nearest(x, s, NORMAL, radius, bounds)
        # The solver itself stops short of 1e-8: compare what is minimised.
        np.testing.assert_allclose(row, expected, atol=2e-6)
        assert np.linalg.norm(row - x) <= np.linalg.norm(expected - x) + 1e-8


def test_several_slabs():
    slabs = [Slab(normal, -0.2, 0.3) for normal in rng.normal(size=(4, 5))]
    meet = make_intersection(Box(-1, 1), *slabs).fit(X)
    rows = meet.project(X)
    assert meet.contains(rows).all()
    np.testing.assert_allclose(meet.project(rows), rows, rtol=0, atol=1e-10)
    normals = np.array([slab.normal for slab in slabs])
    for x, row in zip(X, rows, strict=True):
        found = minimize(
            lambda z, x=x: ((z - x) ** 2).sum() / 2,
            np.zeros(5),
            jac=lambda z, x=x: z - x,
            bounds=[(-1, 1)] * 5,
            constraints=[
                {"type": "ineq", "fun": lambda z: 0.3 - normals @ z},
                {"type": "ineq", "fun": lambda z: normals @ z + 0.2},
            ],
            method="SLSQP",
            options={"ftol": 1e-17, "maxiter": 1000},
        )
        assert np.linalg.norm(row - x) <= np.linalg.norm(found.x - x) + 1e-8


def test_total_of_counts():
    meet = make_intersection(Integers(), Box(0, 9), Slab([1, 1, 1], 0, 7))
    meet.fit(np.zeros((1, 3)))
    counts = 4 * np.abs(rng.normal(size=(100, 3)))
    rows = meet.project(counts, start=np.zeros((100, 3)))
    assert meet.contains(rows).all()
    full = (np.rint(counts).clip(0, 9).sum(axis=1)) > 7
    assert full.sum() > 20
    assert (rows[full].sum(axis=1) >= 6).mean() > 0.7


def by_linear_programme(direction, bounds, groups=()):
    ones = [np.isin(np.arange(5), group).astype(float) for group in groups]
    found = linprog(
        -direction,
        A_ub=[NORMAL, -NORMAL],
        b_ub=[0.4, 0.1],
        A_eq=ones or None,
        b_eq=[1.0] * len(ones) or None,
        bounds=bounds,
    )
    assert found.status == 0
    return -found.fun


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("upper", [0.9, np.inf])
def test_linear_oracle_with_a_box(order, upper):
    upper = np.array([upper, 0.9, 0.9, 0.9, upper])
    meet = make_intersection(*[Box(-0.7, upper), Slab(NORMAL, -0.1, 0.4)][::order])
    meet.fit(X)
    rows = meet.maximise(X)
    assert meet.contains(rows).all()
    for direction, row in zip(X, rows, strict=True):
        best = by_linear_programme(direction, [(-0.7, high) for high in upper])
        assert direction @ row == pytest.approx(best, rel=1e-8, abs=1e-8)


def test_linear_oracle_with_ties_and_zeros():
    meet = make_intersection(Box(-0.7, 0.9), Slab(NORMAL, -0.1, 0.4)).fit(X)
    directions = np.vstack([NORMAL, -NORMAL, np.zeros(5), np.eye(5), np.sign(X[:20])])
    rows = meet.maximise(directions)
    assert meet.contains(rows).all()
    for direction, row in zip(directions, rows, strict=True):
        best = by_linear_programme(direction, [(-0.7, 0.9)] * 5)
        assert direction @ row == pytest.approx(best, rel=1e-8, abs=1e-8)


def test_linear_oracle_with_a_simplex():
    meet = make_intersection(OneHot([[0, 1, 2]]), Box(-1, 1), Slab(NORMAL, -0.1, 0.4))
    relaxed = meet.fit(X).relax()
    rows = relaxed.maximise(X)
    assert relaxed.contains(rows).all()
    bounds = [(0, 1)] * 3 + [(-1, 1)] * 2
    for direction, row in zip(X, rows, strict=True):
        best = by_linear_programme(direction, bounds, [[0, 1, 2]])
        assert direction @ row == pytest.approx(best, rel=1e-8, abs=1e-8)


def test_linear_oracle_with_a_ball_in_closed_form():
    meet = make_intersection(L2Ball(0.8), Slab(NORMAL, -0.1, 0.4)).fit(X)
    rows = meet.maximise(X, start=np.zeros(X.shape))
    assert meet.contains(rows, start=np.zeros(X.shape)).all()
    length = np.linalg.norm(NORMAL)
    unit = NORMAL / length
    along = X @ unit
    t = np.clip(0.8 * along / np.linalg.norm(X, axis=1), -0.1 / length, 0.4 / length)
    beside = X - np.outer(along, unit)
    beside /= np.linalg.norm(beside, axis=1, keepdims=True)
    expected = np.outer(t, unit) + np.sqrt(0.64 - t**2)[:, np.newaxis] * beside
    np.testing.assert_allclose(rows, expected, atol=1e-8)


@pytest.mark.parametrize("order", [1, -1])
def test_linear_oracle_with_a_box_and_a_ball_by_a_solver(order):
    sets = [Slab(NORMAL, -0.1, 0.4), L2Ball(0.8), Box(-0.5, 0.6)]
    meet = make_intersection(*sets[::order]).fit(X)
    start = meet.project(0.2 * X, start=np.zeros(X.shape))
    rows = meet.maximise(X, start=start)
    assert meet.contains(rows, start=start).all()
    for direction, s, row in zip(X[:30], start, rows, strict=False):
        found = minimize(
            lambda z, d=direction: -d @ z,
            s,
            jac=lambda z, d=direction: -d,
            bounds=[(-0.5, 0.6)] * 5,
            constraints=[
                {"type": "ineq", "fun": lambda z: 0.4 - NORMAL @ z},
                {"type": "ineq", "fun": lambda z: NORMAL @ z + 0.1},
                {"type": "ineq", "fun": lambda z, s=s: 0.64 - ((z - s) ** 2).sum()},
            ],
            method="SLSQP",
            options={"ftol": 1e-16, "maxiter": 1000},
        )
        assert direction @ row >= -found.fun - 1e-8


def test_alone_it_is_bounded_along_its_normal_only():
    slab = Slab(NORMAL, -0.1, 0.4).fit(X)
    rows = slab.maximise([NORMAL, -2 * NORMAL, 0 * NORMAL])
    np.testing.assert_allclose(rows @ NORMAL, [0.4, -0.1, 0], atol=1e-12)
    with pytest.raises(ValueError, match=r"bound feature . in direction 0"):
        slab.maximise(X[:1])
    with pytest.raises(ValueError, match="must lead to finite rows"):
        Slab(NORMAL, -np.inf, 0).fit(X).maximise([-NORMAL])


def test_slab_outside_of_a_box():
    meet = make_intersection(Box(0, 1), Slab([1, 1], 3, 4)).fit(np.zeros((1, 2)))
    for method in (meet.project, meet.maximise):
        with pytest.raises(ValueError, match=r"no common point .* not in 'slab'"):
            method([[0.5, 0.5]])


@pytest.mark.parametrize(
    ("slab", "message"),
    [
        (Slab([1, 2]), r"`normal` must have the shape \(5,\), .* got \(2,\)"),
        (Slab([0, 0, 0, 0, 0]), "`normal` must be finite, and not zero"),
        (Slab([1, 0, 0, 0, np.nan]), "`normal` must be finite, and not zero"),
        (Slab(NORMAL, 2, 1), "`lower` must not exceed `upper`; got 2 and 1"),
        (Slab(NORMAL, np.nan, 1), "`lower` must not exceed `upper`; got nan and 1"),
    ],
)
def test_parameters_are_checked(slab, message):
    with pytest.raises(ValueError, match=message):
        slab.fit(X)


def test_linear_oracle_of_slabs_without_upper_bounds_in_between():
    """Two slabs leave directions open in which rows may go without end."""
    slabs = Slab(NORMAL, -0.1, 0.4), Slab([1, 1, 1, 1, 1], -1, 3)
    half = make_intersection(Box(-0.7, np.inf), *slabs).fit(X)
    rows = half.maximise(X)
    assert half.contains(rows).all()
    for direction, row in zip(X, rows, strict=True):
        found = linprog(
            -direction,
            A_ub=[NORMAL, -NORMAL, np.ones(5), -np.ones(5)],
            b_ub=[0.4, 0.1, 3, 1],
            bounds=[(-0.7, None)] * 5,
        )
        assert direction @ row == pytest.approx(-found.fun, rel=1e-8, abs=1e-8)
    with pytest.raises(ValueError, match="must lead to finite rows"):
        make_intersection(*slabs).fit(X).maximise(X)
    ball = make_intersection(*slabs, L2Ball(2.0)).fit(X)
    rows = ball.maximise(X, start=np.zeros(X.shape))
    assert ball.contains(rows, start=np.zeros(X.shape)).all()
    far = ball.project(1e4 * X, start=np.zeros(X.shape))
    assert ((X * (rows - far)).sum(axis=1) >= -1e-8).all()
