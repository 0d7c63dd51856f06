import numpy as np

from skpoison.feasible_sets import L2Ball
from skpoison.feasible_sets._constraint import project_with_constraint

rng = np.random.RandomState(0)
START = rng.normal(size=(100, 5))
X = START + rng.normal(size=(100, 5)) * rng.gamma(1, size=(100, 1))


def clip(rows, where):
    return np.clip(rows, -0.5, 0.8)


def within_ball(nearest, X, start, radius):
    return project_with_constraint(L2Ball(radius).fit(X), nearest, X, start, None)


def test_rows_outside_are_projected_onto_the_boundary():
    start = np.clip(START, -0.5, 0.8)
    rows = within_ball(clip, X, start, 0.6)
    moved = np.linalg.norm(rows - start, axis=1)
    assert (moved <= 0.6 * (1 + 1e-12)).all()
    far = np.linalg.norm(clip(X, None) - start, axis=1) > 0.6
    assert 20 < far.sum() < 95
    np.testing.assert_allclose(moved[far], 0.6, rtol=1e-11)
    np.testing.assert_array_equal(rows[~far], clip(X, None)[~far])
    # Optimality: on the boundary of the ball, the residual is along the displacement,
    # except for the coordinates at their bounds.
    for row, x, s in zip(rows[far], X[far], start[far], strict=True):
        free = (row > -0.5) & (row < 0.8)
        pull, way = (x - row)[free], (row - s)[free]
        weight = pull @ way / (way @ way)
        assert weight >= 0
        np.testing.assert_allclose(pull, weight * way, atol=1e-8)
        held = (x - row - weight * (row - s))[~free]
        assert (held * np.sign(row[~free]) >= -1e-8).all()


def test_search_takes_few_projections():
    calls = []

    def project(rows, where):
        calls.append(where.shape[0])
        return clip(rows, where)

    within_ball(project, X, np.clip(START, -0.5, 0.8), 0.6)
    assert len(calls) < 30
    assert sum(calls) < 10 * X.shape[0]


def test_start_outside_of_the_set():
    # From 2 to the nearest row of the set, 0.8, it is 1.2.
    start, X = np.full((2, 1), 2.0), np.full((2, 1), -3.0)
    np.testing.assert_allclose(within_ball(clip, X, start, 1.5), 0.5, atol=1e-11)
    np.testing.assert_array_equal(within_ball(clip, X, start, 1.2), 0.8)
    np.testing.assert_array_equal(within_ball(clip, X, start, 1.0), 0.8)
