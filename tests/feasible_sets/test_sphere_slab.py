import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone

from skpoison.attacks import GradientInsertion
from skpoison.feasible_sets import (
    Box,
    ClassBall,
    ClassSlab,
    Integers,
    SphereSlab,
    make_intersection,
)
from skpoison.optimizers import ProjectedAscent

rng = np.random.RandomState(0)
y = rng.choice([-1, 4, 9], size=200)
X = rng.normal(size=(200, 5)) + y[:, np.newaxis] / 5
SCALES = rng.choice([0.5, 2, 20], size=(200, 1))
FAR = X + SCALES * rng.normal(size=(200, 5))


def parts(quantile):
    return ClassBall(quantile).fit(X, y), ClassSlab(quantile).fit(X, y)


@pytest.mark.parametrize("quantile", [0.2, 0.7, 1.0])
def test_closed_forms_are_those_of_the_two_parts(quantile):
    both = SphereSlab(quantile).fit(X, y)
    meet = make_intersection(ClassBall(quantile), ClassSlab(quantile)).fit(X, y)
    rows, furthest = both.project(FAR, y=y), both.maximise(FAR, y=y)
    for found in (rows, furthest):
        assert both.contains(found, y=y).all()
        for part in parts(quantile):
            assert part.contains(found, y=y).all()
    np.testing.assert_allclose(rows, meet.project(FAR, y=y), rtol=0, atol=1e-8)
    reached = (FAR * furthest).sum(axis=1)
    expected = (FAR * meet.maximise(FAR, y=y)).sum(axis=1)
    np.testing.assert_allclose(reached, expected, rtol=1e-9)
    inside = both.contains(FAR, y=y)
    np.testing.assert_array_equal(rows[inside], FAR[inside])
    np.testing.assert_allclose(both.project(rows, y=y), rows, rtol=0, atol=1e-12)


@pytest.mark.parametrize("quantile", [0.2, 0.7, 1.0])
def test_nearest_by_the_linear_oracle(quantile):
    """No row of the set lies beyond the plane through the nearest one."""
    both = SphereSlab(quantile).fit(X, y)
    rows = both.project(FAR, y=y)
    way = FAR - rows
    beyond = ((both.maximise(way, y=y) - rows) * way).sum(axis=1)
    assert beyond.max() <= 1e-9 * (way**2).sum(axis=1).max()


def test_each_case_occurs():
    ball, slab = parts(0.7)
    rows = SphereSlab(0.7).fit(X, y).project(FAR, y=y)
    codes = np.searchsorted([-1, 4, 9], y)
    u = rows - ball.centroids_[codes]
    on_ball = np.isclose(np.linalg.norm(u, axis=1), ball.radii_[codes])
    t = np.abs((u * slab.normals_[codes]).sum(axis=1))
    on_slab = np.isclose(t, slab.half_widths_[codes])
    for case in (on_ball & ~on_slab, ~on_ball & on_slab, on_ball & on_slab):
        assert case.sum() > 5
    assert (~on_ball & ~on_slab).sum() > 5


def test_linear_function_is_no_larger_in_any_row():
    both = SphereSlab(0.7).fit(X, y)
    furthest = both.maximise(FAR, y=y)
    others = both.project(20 * rng.normal(size=(200, 5)), y=y)
    for label in np.unique(y):
        of_class = y == label
        reached = (FAR[of_class] * furthest[of_class]).sum(axis=1)
        assert (
            reached >= (FAR[of_class] @ others[of_class].T).max(axis=1) - 1e-9
        ).all()


def test_directions_along_the_normal_and_zero():
    both = SphereSlab(0.7).fit(X, y)
    slab = both.slab_
    labels = slab.classes_
    zero = both.maximise(np.zeros((3, 5)), y=labels)
    np.testing.assert_allclose(zero, slab.centroids_)
    found = both.maximise(slab.normals_, y=labels)
    assert both.contains(found, y=labels).all()
    lengths = np.linalg.norm(slab.normals_, axis=1)
    width = np.minimum(slab.half_widths_ / lengths, both.ball_.radii_)
    reached = ((found - slab.centroids_) * slab.normals_).sum(axis=1)
    np.testing.assert_allclose(reached, width * lengths)
    # A row straight above the centroid goes down to it.
    far = slab.centroids_ + 1e6 * slab.normals_
    np.testing.assert_allclose(both.project(far, y=labels), found, rtol=0, atol=1e-8)


def test_equal_centroids_are_a_ball_alone():
    rows = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1], [0, 0]])
    labels = np.array([0, 0, 1, 1, 1])
    both, ball = SphereSlab(1.0).fit(rows, labels), ClassBall(1.0).fit(rows, labels)
    far = 3 * rng.normal(size=(40, 2))
    labels = rng.randint(2, size=40)
    for method in ("project", "maximise"):
        np.testing.assert_allclose(
            getattr(both, method)(far, y=labels),
            getattr(ball, method)(far, y=labels),
            rtol=1e-12,
        )
    np.testing.assert_array_equal(both.project([[0.0, 0.0]], y=[0]), [[0, 0]])


def test_within_an_intersection_it_is_its_parts():
    box = Box(-0.5, 2.2)
    both = make_intersection(SphereSlab(0.8), box).fit(X, y)
    meet = make_intersection(ClassBall(0.8), ClassSlab(0.8), box).fit(X, y)
    for method in ("project", "maximise"):
        np.testing.assert_allclose(
            getattr(both, method)(FAR, y=y),
            getattr(meet, method)(FAR, y=y),
            rtol=0,
            atol=1e-9,
        )
    empty = make_intersection(SphereSlab(0.8), Box(50, 60)).fit(X, y)
    with pytest.raises(ValueError, match="not in 'sphereslab__"):
        empty.project(X, y=y)


def test_counts_within():
    counts = np.rint(2 * X)
    kept = make_intersection(SphereSlab(0.95), Integers(), Box()).fit(counts, y)
    inside = kept.contains(counts, y=y)
    start, labels = counts[inside], y[inside]
    rows = kept.project(start + rng.normal(size=start.shape), start=start, y=labels)
    assert kept.contains(rows, y=labels).all()


def test_sparse_training_rows():
    thin = X * (rng.uniform(size=X.shape) < 0.5)
    dense, thin = SphereSlab().fit(thin, y), SphereSlab().fit(sparse.csr_array(thin), y)
    np.testing.assert_allclose(dense.project(FAR, y=y), thin.project(FAR, y=y))


def test_attack_stays_within():
    feasible_set = SphereSlab(0.9)
    attack = GradientInsertion(
        budget=30,
        feasible_set=feasible_set,
        optimizer=ProjectedAscent(max_iter=10),
        random_state=0,
    )
    X_out, y_out = attack.fit_resample(X, y)
    kept = clone(feasible_set).fit(X, y).contains(X_out[200:], y=y_out[200:])
    assert kept.all()
    assert attack.goal_path_.max() > attack.goal_path_[0]
