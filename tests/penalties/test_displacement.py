import numpy as np
from numpy.testing import assert_allclose

from skpoison.penalties import Displacement

X = np.array([[0.0, 10.0, 1.0], [4.0, 30.0, 1.0]])
y = np.array([1.0, 6.0])


def test_distance_is_measured_in_ranges():
    penalty = Displacement(3.0).fit(X, y)
    value, in_features, in_responses = penalty.value_and_gradient(
        X + np.array([2.0, 5.0, 0.0]), y + np.array([0.0, 10.0]), X, y
    )
    assert_allclose(value, 1.5 * (2 * (0.5**2 + 0.25**2) + 2.0**2))
    assert_allclose(in_features, 3 * np.array([[0.5 / 4, 0.25 / 20, 0.0]] * 2))
    assert_allclose(in_responses, [0, 3 * 2.0 / 5])


def test_gradient_is_that_of_differences():
    rng = np.random.RandomState(0)
    penalty = Displacement(0.7).fit(X, y)
    rows, responses = rng.normal(size=(2, 3)), rng.normal(size=2)
    U, u, h = rng.normal(size=(2, 3)), rng.normal(size=2), 1e-3
    after, before = (
        penalty.value_and_gradient(rows + s * h * U, responses + s * h * u, X, y)[0]
        for s in (1, -1)
    )
    _, in_features, in_responses = penalty.value_and_gradient(rows, responses, X, y)
    expected = (in_features * U).sum() + in_responses @ u
    assert_allclose((after - before) / (2 * h), expected, rtol=1e-9)
