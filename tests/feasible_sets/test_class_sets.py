import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import linprog, minimize

from skpoison.attacks import GradientInsertion
from skpoison.feasible_sets import (
    Box,
    ClassBall,
    ClassSlab,
    Integers,
    L2Ball,
    OneHot,
    Slab,
    make_intersection,
)
from skpoison.optimizers import ProjectedAscent

rng = np.random.RandomState(0)
y = rng.choice(["a", "b", "c"], p=[0.5, 0.3, 0.2], size=90)
SHIFT = {"a": 0.0, "b": 1.5, "c": -1.0}
X = rng.normal(size=(90, 4)) + np.array([SHIFT[label] for label in y])[:, np.newaxis]
FAR = 4 * rng.normal(size=(90, 4))


@pytest.mark.parametrize("make", [np.array, sparse.csr_array, sparse.csc_matrix])
@pytest.mark.parametrize("quantile", [0.3, 0.95, 1.0])
def test_share_of_each_class_inside(make, quantile):
    for kind in (ClassBall, ClassSlab):
        inside = kind(quantile).fit(make(X), y).contains(X, y=y)
        for label in "abc":
            n_rows = (y == label).sum()
            assert inside[y == label].sum() == np.ceil(quantile * n_rows)


def test_balls_and_slabs_of_each_class():
    ball, slab = ClassBall(0.8).fit(X, y), ClassSlab(0.8).fit(X, y)
    assert ball.classes_.tolist() == slab.classes_.tolist() == ["a", "b", "c"]
    nearest = {"ball": ball.project(FAR, y=y), "slab": slab.project(FAR, y=y)}
    furthest = ball.maximise(FAR, y=y)
    for k, label in enumerate("abc"):
        of_class = y == label
        centroid = X[of_class].mean(axis=0)
        np.testing.assert_allclose(ball.centroids_[k], centroid)
        np.testing.assert_allclose(slab.centroids_[k], centroid)
        normal = centroid - X[~of_class].mean(axis=0)
        np.testing.assert_allclose(slab.normals_[k], normal)
        radius = np.sort(np.linalg.norm(X[of_class] - centroid, axis=1))
        radius = radius[int(np.ceil(0.8 * of_class.sum())) - 1]
        assert ball.radii_[k] == pytest.approx(radius, rel=1e-14)
        home = np.tile(centroid, (of_class.sum(), 1))
        alone = L2Ball(radius).fit(X)
        expected = alone.project(FAR[of_class], start=home)
        np.testing.assert_allclose(nearest["ball"][of_class], expected, rtol=1e-12)
        expected = alone.maximise(FAR[of_class], start=home)
        np.testing.assert_allclose(furthest[of_class], expected, rtol=1e-12)
        middle, width = centroid @ normal, slab.half_widths_[k]
        expected = Slab(normal, middle - width, middle + width).fit(X)
        np.testing.assert_allclose(
            nearest["slab"][of_class], expected.project(FAR[of_class]), rtol=1e-12
        )


def sets_within_box(*kinds):
    box = Box(-1.5, 1.5)
    return make_intersection(*(kind(0.9) for kind in kinds), box).fit(X, y)


# Older versions of SciPy warn of it in their solver.
@pytest.mark.filterwarnings("ignore:Values in x were outside bounds")
@pytest.mark.parametrize(
    "kinds", [(ClassBall,), (ClassSlab,), (ClassBall, ClassSlab)], ids=str
)
def test_projection_within_a_box_is_the_nearest(kinds):
    meet = sets_within_box(*kinds)
    rows = meet.project(FAR, y=y)
    assert meet.contains(rows, y=y).all()
    np.testing.assert_allclose(meet.project(rows, y=y), rows, rtol=0, atol=1e-10)
    # No row of the set lies beyond the plane through the nearest one.
    way = FAR - rows
    beyond = ((meet.maximise(way, y=y) - rows) * way).sum(axis=1)
    assert beyond.max() <= 1e-8
    for x, row, label in list(zip(FAR, rows, y, strict=True))[:25]:
        found = solve(meet, label, lambda z, x=x: ((z - x) ** 2).sum() / 2, row)
        assert np.linalg.norm(row - x) <= np.linalg.norm(found - x) + 1e-8


@pytest.mark.filterwarnings("ignore:Values in x were outside bounds")
@pytest.mark.parametrize("kinds", [(ClassBall,), (ClassBall, ClassSlab)], ids=str)
def test_linear_oracle_within_a_box_by_a_solver(kinds):
    meet = sets_within_box(*kinds)
    rows = meet.maximise(FAR, y=y)
    assert meet.contains(rows, y=y).all()
    ball = meet.sets_[0]
    starts = meet.project(ball.centroids_, y=ball.classes_)
    starts = dict(zip(ball.classes_, starts, strict=True))
    for c, row, label in list(zip(FAR, rows, y, strict=True))[:25]:
        found = solve(meet, label, lambda z, c=c: -c @ z, starts[label])
        assert c @ row >= c @ found - 1e-8


def solve(meet, label, objective, start):
    """Minimise a function over the sets of a class by a solver."""
    constraints = []
    for each in meet.sets_[:-1]:
        k = each.classes_.tolist().index(label)
        centroid = each.centroids_[k]
        if isinstance(each, ClassBall):
            radius = each.radii_[k]
            constraints.append(
                lambda z, m=centroid, r=radius: r**2 - ((z - m) ** 2).sum()
            )
        else:
            normal, width = each.normals_[k], each.half_widths_[k]
            for sign in (1, -1):
                constraints.append(
                    lambda z, m=centroid, n=sign * normal, w=width: w - (z - m) @ n
                )
    found = minimize(
        objective,
        np.clip(start, -1.5, 1.5),
        bounds=[(-1.5, 1.5)] * 4,
        constraints=[{"type": "ineq", "fun": each} for each in constraints],
        method="SLSQP",
        options={"ftol": 1e-15, "maxiter": 500},
    ).x
    # The solver may stop outside by more than is compared here.
    worst = max(max(-each(found) for each in constraints), 0)
    return start if worst > 1e-9 else found


def test_slab_within_a_box_by_a_linear_programme():
    meet = sets_within_box(ClassSlab)
    rows, slab = meet.maximise(FAR, y=y), meet.sets_[0]
    for c, row, label in zip(FAR, rows, y, strict=True):
        k = "abc".index(label)
        normal, middle = slab.normals_[k], slab.centroids_[k] @ slab.normals_[k]
        found = linprog(
            -c,
            A_ub=[normal, -normal],
            b_ub=[slab.half_widths_[k] + middle, slab.half_widths_[k] - middle],
            bounds=[(-1.5, 1.5)] * 4,
        )
        assert c @ row == pytest.approx(-found.fun, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("kinds", [(ClassBall,), (ClassBall, ClassSlab)], ids=str)
def test_integers_and_categories(kinds):
    rows = np.column_stack([np.eye(2)[rng.randint(2, size=90)], np.rint(3 * X)])
    sets = [kind(0.95) for kind in kinds]
    meet = make_intersection(
        *sets, OneHot([[0, 1]]), Integers([2, 3, 4, 5]), Box(-20, 20)
    ).fit(rows, y)
    start = rows[meet.contains(rows, y=y)]
    labels = y[meet.contains(rows, y=y)]
    assert start.shape[0] > 60
    moved = meet.project(
        start + rng.normal(scale=2, size=start.shape), start=start, y=labels
    )
    assert meet.contains(moved, y=labels).all()
    assert (moved != start).any(axis=1).mean() > 0.5


@pytest.mark.parametrize("kind", [ClassBall, ClassSlab])
def test_labels_are_checked(kind):
    each = kind().fit(X, y)
    with pytest.raises(ValueError, match=r"labels of .* \['a', 'b', 'c'\]; got .*'d'"):
        each.project(X[:2], y=["a", "d"])
    with pytest.raises(ValueError, match="`y` must hold the labels of the rows"):
        each.project(X)
    with pytest.raises(ValueError, match=r"at least two classes .* got \['a'\] alone"):
        kind().fit(X, np.full(90, "a"))
    with pytest.raises(ValueError, match="continuous"):
        kind().fit(X, X[:, 0])
    assert each.project(np.empty((0, 4)), y=[]).shape == (0, 4)
    assert each.contains(np.empty((0, 4)), y=[]).shape == (0,)


def test_equal_rows_and_equal_centroids():
    rows = np.array([[1.0, 2], [1, 2], [1, 2], [3, 2], [-1, 2]])
    labels = np.array([0, 0, 0, 1, 1])
    ball, slab = ClassBall().fit(rows, labels), ClassSlab().fit(rows, labels)
    np.testing.assert_allclose(ball.project([[9.0, 9]], y=[0]), [[1, 2]], atol=1e-7)
    assert ball.contains([[1.0, 2]], y=[0]).all()
    assert slab.half_widths_.tolist() == [np.inf, np.inf]
    np.testing.assert_array_equal(slab.project([[9.0, -9]], y=[1]), [[9, -9]])
    with pytest.raises(ValueError, match="does not bound feature 0"):
        slab.maximise([[1.0, 0]], y=[1])


@pytest.mark.parametrize("kind", [ClassBall, ClassSlab])
def test_attack_within(kind):
    attack = GradientInsertion(
        budget=20,
        feasible_set=make_intersection(kind(0.8), Box()),
        optimizer=ProjectedAscent(max_iter=5),
        random_state=0,
    )
    X_out, y_out = attack.fit_resample(X, y)
    poison, labels = X_out[90:], y_out[90:]
    assert kind(0.8).fit(X, y).contains(poison, y=labels).all()
    assert attack.goal_path_.max() > attack.goal_path_[0]
