from itertools import product

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skpoison.bilevel.differentiation.descent import Descent
from skpoison.bilevel.differentiation.hypergradients import descend, unrolled
from skpoison.bilevel.goals import MeanLoss, OnRows, SmoothedError
from skpoison.bilevel.learners.base import Rows
from skpoison.bilevel.learners.layers import ACTIVATIONS
from skpoison.bilevel.learners.network import NetworkLearner
from skpoison.bilevel.losses import Logistic, Multinomial, Squared

POISON = slice(-4, None)
STEPS = {"rate": 0.05, "n_steps": 25}


LOSSES = [Logistic(), Multinomial(), Squared()]


def make_network(hidden=(6,), activation="tanh", loss=LOSSES[0], penalty=5.0):
    return NetworkLearner(hidden, activation, loss, penalty, np.random.RandomState(7))


NETWORKS = [
    make_network(*parts) for parts in product([(6,), (5, 4)], ACTIVATIONS, LOSSES)
]
NETWORKS += [make_network(()), make_network((4, 3, 3), penalty=0.0)]


@pytest.fixture(
    params=NETWORKS,
    ids=lambda n: f"{n.hidden}-{n.activation}-{type(n.loss).__name__}",
)
def network(request):
    return request.param


@pytest.fixture
def h(network):
    """So short that no unit crosses a kink; without kinks, what rounds least."""
    return 1e-5 if network.activation == "relu" else 1e-4


def directions(shape, n=3):
    return np.random.RandomState(3).normal(size=(n, *shape))


def check(actual, function, at, difference, h):
    """Compare a gradient with differences along directions."""
    pairs = [
        (np.vdot(actual, U), difference(function, at, U, h))
        for U in directions(at.shape)
    ]
    actual, expected = np.transpose(pairs)
    assert_allclose(actual, expected, rtol=0, atol=1e-6 * np.abs(expected).max())


def replaced(rows, part, value, indices=slice(None)):
    """Put other features, targets or weights in the place of some."""
    fields = {"X": rows.X, "targets": rows.targets, "weights": rows.weights}
    fields[part] = fields[part].copy()
    fields[part][indices] = value
    return Rows(**fields)


PARTS = ["X", "targets", "weights"]


def test_gradient(network, make_rows, difference, h):
    rows = make_rows(network)
    W = network.start(rows)
    point = network.at(W, rows)
    check(point.gradient(), lambda W: network.at(W, rows).objective(), W, difference, h)


def test_hessian_product(network, make_rows, difference, h):
    rows = make_rows(network)
    W = network.start(rows)
    point = network.at(W, rows)
    for U in directions(W.shape):
        product = point.hessian_product(U)
        expected = difference(lambda W: network.at(W, rows).gradient(), W, U, h)
        assert_allclose(product, expected, rtol=0, atol=1e-7 * np.abs(expected).max())


def test_hessian_is_symmetric(network, make_rows):
    rows = make_rows(network)
    point = network.at(network.start(rows), rows)
    U = directions(point.W.shape)
    H = [[np.vdot(u, point.hessian_product(v)) for v in U] for u in U]
    assert_allclose(H, np.transpose(H), rtol=0, atol=1e-14 * np.abs(H).max())


@pytest.mark.parametrize("indices", [slice(None), slice(3, 9)])
def test_data_gradient(network, indices, make_rows, difference, h):
    rows = make_rows(network)
    W = network.start(rows)
    slopes = network.at(W, rows).data_gradient(indices)
    for part, slope in zip(PARTS, slopes, strict=True):

        def objective(value, part=part):
            return network.at(W, replaced(rows, part, value, indices)).objective()

        check(slope, objective, getattr(rows, part)[indices], difference, h)


@pytest.mark.parametrize("indices", [slice(None), slice(3, 9)])
def test_row_gradients(network, indices, make_rows, difference, h):
    rows = make_rows(network)
    W = network.start(rows)
    V = directions(W.shape)[0]
    gradients = network.at(W, rows).data_vjp(V, indices)
    for part, gradient in zip(PARTS, gradients, strict=True):

        def along(value, part=part):
            moved = replaced(rows, part, value, indices)
            return np.vdot(V, network.at(W, moved).gradient())

        check(gradient, along, getattr(rows, part)[indices], difference, h)


def test_pull_back(network, make_rows, difference, h):
    rows = make_rows(network)
    W = network.start(rows)
    R = np.random.RandomState(0).normal(size=rows.targets.shape)
    pulled = network.score_vjp(rows.X, W, R)
    check(pulled, lambda W: np.vdot(R, network.scores(rows.X, W)), W, difference, h)


def test_sparse_rows(network, make_rows):
    rows = make_rows(network, is_sparse=True)
    dense = rows.with_features(rows.X.toarray())
    W = network.start(rows)
    V = directions(W.shape)[0]
    point, expected = network.at(W, rows), network.at(W, dense)
    assert_allclose(point.gradient(), expected.gradient(), rtol=1e-12, atol=1e-14)
    product, expected_product = (p.hessian_product(V) for p in (point, expected))
    assert_allclose(product, expected_product, rtol=1e-12, atol=1e-14)
    parts = (p.data_vjp(V, POISON) for p in (point, expected))
    for part, other in zip(*parts, strict=True):
        assert_allclose(part, other, rtol=1e-12, atol=1e-14)
    assert isinstance(network.score_vjp(rows.X, W, rows.targets), np.ndarray)


def test_weights_are_repeated_rows(make_rows):
    network = make_network()
    rows = make_rows(network)
    times = np.random.RandomState(0).randint(1, 4, 30)
    again = np.repeat(np.arange(30), times)
    repeated = Rows(rows.X[again], rows.targets[again], np.ones(again.size))
    weighted = Rows(rows.X, rows.targets, times.astype(float))
    W = network.start(rows)
    point, expected = network.at(W, weighted), network.at(W, repeated)
    assert_allclose(point.objective(), expected.objective(), rtol=1e-13)
    assert_allclose(point.gradient(), expected.gradient(), rtol=0, atol=1e-14)


def test_start_is_drawn_alike_every_time(make_rows):
    network = make_network((5, 4), "logistic")
    rows = make_rows(network)
    start = network.start(rows)
    assert start.shape == network.shape(rows) == (6 * 5 + 6 * 4 + 5, 1)
    assert_array_equal(network.start(rows), start)
    assert np.abs(start[: 6 * 5]).max() < np.sqrt(2 / 10)


def scaled(rows):
    """Scale features and targets, so that descent does not diverge."""
    X = rows.X * np.sqrt(5 / rows.X.shape[1])
    return Rows(X, rows.targets / np.abs(rows.targets).max(), rows.weights)


def make_goal(network, rows, kind):
    targets = rows.targets[:10]
    if kind == "loss":
        return MeanLoss(network.loss, targets)
    if targets.shape[1] == 1:
        return SmoothedError((targets[:, 0] > 0.5).astype(int), 0.7)
    return SmoothedError(targets.argmax(axis=1), 0.7, -1)


@pytest.mark.parametrize(
    ("kind", "n_features", "checkpoint_every"), [("loss", 5, 7), ("error", 100, 1)]
)
def test_descent(network, kind, n_features, checkpoint_every, make_rows, difference, h):
    """Among its own columns, or among those of the rows."""
    rows = scaled(make_rows(network, n_features=n_features))
    goal, X_val = make_goal(network, rows, kind), rows.X[:10] + 0.1

    def value_of(rows):
        W, _ = descend(network, rows, network.start(rows), **STEPS)
        return goal.value(network.scores(X_val, W))

    descent = Descent(network, rows, checkpoint_every=checkpoint_every, **STEPS)
    assert (descent.Q is not None) == (n_features == 100)
    _, b = OnRows(X_val, goal).at(network, descent.W)
    hypergradient = descent.hypergradient(b, POISON)
    names = ["features", "targets", "weights"]
    for part, name in zip(PARTS, names, strict=True):

        def value(value, part=part):
            return value_of(replaced(rows, part, value, POISON))

        at = getattr(rows, part)[POISON]
        check(getattr(hypergradient, name), value, at, difference, h)


def test_fewer_columns_are_not_seen(network, make_rows):
    rows = scaled(make_rows(network, n_features=100))
    rows.X[20:] = rows.X[:10]  # clones, so that the span is smaller
    start = network.start(rows)
    W, stored = descend(network, rows, start, **STEPS)
    descent = Descent(network, rows, **STEPS)
    assert descent.Q is not None
    assert_allclose(descent.W, W, rtol=0, atol=1e-12)
    b = directions(W.shape)[0]
    expected = unrolled(stored, b, **STEPS)
    actual = descent.hypergradient(b)
    for name in ("features", "targets", "weights"):
        part = getattr(expected, name)
        atol = 1e-11 * np.abs(part).max()
        assert_allclose(getattr(actual, name), part, rtol=0, atol=atol)


def test_sparse_rows_stay_sparse(make_rows):
    network = make_network()
    rows = make_rows(network, n_features=100, is_sparse=True)
    assert Descent(network, rows, **STEPS).Q is None


def test_storage_is_what_a_step_keeps(make_rows):
    network = make_network((5, 4))
    rows = make_rows(network)
    _, [point] = descend(network, rows, network.start(rows), rate=0.1, n_steps=1)
    kept = [
        point.W,
        point.shares,
        point.score_gradient,
        *point.values[1:],
        *point.deltas,
    ]
    assert network.storage(rows) == sum(array.size for array in kept)
