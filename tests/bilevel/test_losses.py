import array_api_strict
import numpy as np
import pytest
from scipy.special import expit, logsumexp
from sklearn.metrics import hinge_loss, log_loss

from skpoison.bilevel.losses import (
    Huber,
    Logistic,
    Multinomial,
    SmoothedHinge,
    Squared,
    SquaredHinge,
    sigmoid,
)

LOSSES = [
    Squared(),
    Huber(),
    Huber(0.3),
    Logistic(),
    SquaredHinge(),
    SmoothedHinge(),
    SmoothedHinge(0.5),
    Multinomial(),
]
losses = pytest.mark.parametrize("loss", LOSSES, ids=str)


def points(loss, n=40, n_outputs=3):
    rng = np.random.RandomState(0)
    z = rng.normal(scale=2, size=(n, n_outputs))
    if isinstance(loss, Multinomial):
        t = np.eye(n_outputs)[rng.randint(n_outputs, size=n)]
        t[: n // 2] = rng.dirichlet(np.ones(n_outputs), n // 2) * 1.5  # soft labels
    elif isinstance(loss, Logistic):
        t = rng.rand(n, n_outputs)
    elif isinstance(loss, SquaredHinge | SmoothedHinge):
        t = rng.choice([-1.0, 1.0], (n, n_outputs))
    else:
        t = rng.normal(size=(n, n_outputs))
    return z, t


def difference(function, at, direction, h=1e-5):
    """Differentiate by central differences, of the fourth order."""
    near = function(at + h * direction) - function(at - h * direction)
    far = function(at + 2 * h * direction) - function(at - 2 * h * direction)
    return (8 * near - far) / (12 * h)


def assert_close(actual, expected):
    scale = np.abs(expected).max()
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-8 * scale)


@losses
def test_gradient(loss):
    z, t = points(loss)
    u = np.random.RandomState(1).normal(size=z.shape)
    slope = (loss.gradient(z, t) * u).sum(axis=1)
    assert_close(slope, difference(lambda z: loss.value(z, t), z, u))


@losses
def test_hessian_product(loss):
    z, t = points(loss)
    u = np.random.RandomState(1).normal(size=z.shape)
    expected = difference(lambda z: loss.gradient(z, t), z, u)
    assert_close(loss.hessian_product(z, t, u), expected)


@losses
def test_hessian_blocks_and_curvature(loss):
    z, t = points(loss)
    n_outputs = z.shape[1]
    H = np.zeros((*z.shape, n_outputs))
    for k, m, values in loss.hessian_blocks(z, t):
        assert m <= k
        H[:, k, m] = H[:, m, k] = values
    for k in range(n_outputs):
        unit = np.zeros_like(z)
        unit[:, k] = 1
        assert_close(H[:, :, k], loss.hessian_product(z, t, unit))
        assert_close(H[:, k, k], loss.curvature(z, t)[:, k])
    assert loss.couples_outputs == (H[:, 0, 1] != 0).any()


@losses
def test_target_gradient(loss):
    z, t = points(loss)
    u = np.random.RandomState(1).normal(size=z.shape)
    expected = difference(lambda t: loss.value(z, t), t, u)
    assert_close((loss.target_gradient(z, t) * u).sum(axis=1), expected)


@losses
def test_losses_linear_in_targets(loss):
    """The loss of a mean of targets is the mean loss, up to what has no gradient."""
    z, t = points(loss)
    mean = (t + t[::-1]) / 2
    means = (loss.gradient(z, t) + loss.gradient(z, t[::-1])) / 2
    is_linear = np.allclose(loss.gradient(z, mean), means, rtol=1e-12, atol=1e-12)
    assert loss.linear_in_targets == is_linear


@losses
def test_quadratic_losses_have_constant_curvature(loss):
    z, t = points(loss)
    assert loss.is_quadratic == (loss.curvature(z, t) == 1).all()


@losses
def test_response_product(loss):
    """The product with a direction is the transpose's: compare inner products."""
    z, t = points(loss)
    u, v = np.random.RandomState(1).normal(size=(2, *z.shape))
    moved = difference(lambda t: loss.gradient(z, t), t, v)
    expected = (moved * u).sum(axis=1)
    assert_close((loss.response_product(z, t, u) * v).sum(axis=1), expected)


@losses
def test_array_api(loss):
    z, t = points(loss)
    u = np.random.RandomState(1).normal(size=z.shape)
    strict = [array_api_strict.asarray(array) for array in (z, t, u)]
    for method, n in (
        ("value", 2),
        ("gradient", 2),
        ("curvature", 2),
        ("target_gradient", 2),
        ("hessian_product", 3),
        ("response_product", 3),
    ):
        result = getattr(loss, method)(*strict[:n])
        assert result.__array_namespace__() is array_api_strict
        np.testing.assert_allclose(
            np.asarray(result), getattr(loss, method)(*(z, t, u)[:n]), rtol=1e-14
        )


@losses
def test_nothing_overflows(loss):
    """Scores of any size: a loss grows linearly or is quadratic."""
    z, t = points(loss)
    for scale in (1e3, -1e3, 1e5):
        for values in (
            loss.value(scale * z, t),
            loss.gradient(scale * z, t),
            loss.hessian_product(scale * z, t, z),
        ):
            assert np.isfinite(values).all()


def test_logistic_is_log_loss():
    z, _ = points(Logistic(), n_outputs=1)
    t = (np.arange(40) % 2).reshape(-1, 1).astype(float)
    expected = log_loss(t[:, 0], expit(z[:, 0]))
    assert np.isclose(Logistic().value(z, t).mean(), expected, rtol=1e-12)


def test_multinomial_is_log_loss():
    z, _ = points(Multinomial())
    codes = np.arange(40) % 3
    expected = (logsumexp(z, axis=1) - z[np.arange(40), codes]).mean()
    assert np.isclose(Multinomial().value(z, np.eye(3)[codes]).mean(), expected)


def test_two_classes_of_the_multinomial_are_the_logistic():
    z, t = points(Logistic(), n_outputs=1)
    both_z = np.column_stack([np.zeros(40), z])
    both_t = np.column_stack([1 - t, t])
    np.testing.assert_allclose(
        Multinomial().value(both_z, both_t), Logistic().value(z, t), rtol=1e-12
    )


def test_hinges_approach_the_hinge():
    z, t = points(SquaredHinge(), n_outputs=1)
    hinge = hinge_loss(t[:, 0], z[:, 0])
    for tau in (1e-1, 1e-3, 1e-6):
        excess = SmoothedHinge(tau).value(z, t).mean() - hinge
        assert 0 <= excess <= tau * np.log(2)
    short = np.maximum(0, 1 - t * z)
    np.testing.assert_allclose(SquaredHinge().value(z, t), (short**2)[:, 0])


def test_huber_between_square_and_line():
    z, t = points(Huber(), n_outputs=1)
    np.testing.assert_allclose(Huber(1e9).value(z, t), Squared().value(z, t))
    line = 1e-9 * np.abs(z - t)[:, 0]
    np.testing.assert_allclose(Huber(1e-9).value(z, t), line, rtol=1e-6)


def test_sigmoid():
    z = np.array([-1e3, -30.0, -1.0, 0.0, 1.0, 30.0, 1e3])
    np.testing.assert_allclose(sigmoid(z), expit(z), rtol=1e-15)
