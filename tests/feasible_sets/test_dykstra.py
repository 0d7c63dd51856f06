import numpy as np
from scipy.optimize import minimize

from skpoison.feasible_sets._dykstra import dykstra

rng = np.random.RandomState(0)
NORMALS = rng.normal(size=(3, 4))
NORMALS /= np.linalg.norm(NORMALS, axis=1, keepdims=True)
X = 2 * rng.normal(size=(40, 4))


def below(normal):
    """Project on the rows x with normal @ x <= 0.5."""

    def project(rows, where):
        excess = np.maximum(rows @ normal - 0.5, 0)
        return rows - excess[:, np.newaxis] * normal

    return project


def test_nearest_row_in_a_polyhedron():
    projections = [below(normal) for normal in NORMALS]
    rows, converged = dykstra(projections, X)
    assert converged.all()
    for x, row in zip(X, rows, strict=True):
        found = minimize(
            lambda z, x=x: ((z - x) ** 2).sum(),
            np.zeros(4),
            jac=lambda z, x=x: 2 * (z - x),
            constraints={"type": "ineq", "fun": lambda z: 0.5 - NORMALS @ z},
            method="SLSQP",
            options={"ftol": 1e-15},
        )
        np.testing.assert_allclose(row, found.x, atol=1e-6)


def test_not_merely_some_row_of_the_polyhedron():
    # Projecting in turns would stop at another row: at (0, 0.5), from (2, 1.5).
    diagonal = np.array([1.0, 1.0]) / np.sqrt(2)

    def under_the_diagonal(rows, where):
        return rows - np.maximum(rows @ diagonal, 0)[:, np.newaxis] * diagonal

    def to_the_right(rows, where):
        return np.column_stack([np.maximum(rows[:, 0], 0), rows[:, 1]])

    rows, _ = dykstra([under_the_diagonal, to_the_right], np.array([[-1.0, 2.0]]))
    np.testing.assert_allclose(rows, [[0, 0]], atol=1e-9)


def test_converged_rows_are_not_projected_again():
    calls = []

    def project(rows, where):
        calls.append(where.tolist())
        return np.minimum(rows, where[:, np.newaxis])

    start = np.array([[0.0], [9.0], [1.0], [9.0]])
    rows, converged = dykstra([project], start)
    np.testing.assert_array_equal(rows, [[0], [1], [1], [3]])
    assert calls == [[0, 1, 2, 3], [1, 3]]
    assert converged.all()
    np.testing.assert_array_equal(start, [[0], [9], [1], [9]])


def test_no_convergence_if_sets_do_not_meet():
    X = np.array([[0.5], [0.5]])
    rows, converged = dykstra(
        [
            lambda rows, where: np.maximum(rows, where[:, np.newaxis]),
            lambda rows, where: np.minimum(rows, 0.5),
        ],
        X,
        max_iter=50,
    )
    assert converged.tolist() == [True, False]
    np.testing.assert_array_equal(rows, 0.5)


def test_tolerance_is_relative_to_the_rows():
    rows = {
        size: dykstra([below(n) for n in NORMALS], X * size)[0] for size in (1, 1e-9)
    }
    assert (np.abs(rows[1e-9]) < 1e-7).all()
    bent = [lambda rows, where, n=n: below(n)(rows * 1e9, where) / 1e9 for n in NORMALS]
    small, converged = dykstra(bent, X * 1e-9)
    assert converged.all()
    np.testing.assert_allclose(small * 1e9, rows[1], atol=1e-8)
