"""The best row over a box against a numerical optimiser from many starts."""

from itertools import product

import numpy as np
import pytest
from scipy.optimize import linprog, minimize
from scipy.special import expit
from sklearn.linear_model import SGDClassifier, SGDRegressor

from skpoison.online._best_row import Pull, best_row, best_share
from skpoison.online._judge import Judge
from skpoison.online._losses import stream_loss


def problem(seed, n_features=5):
    rng = np.random.RandomState(seed)
    u, v = rng.normal(size=(2, n_features)) * rng.uniform(0.1, 2, size=(2, 1))
    u[rng.uniform(size=n_features) < 0.15] = 0.0
    a0, b0 = rng.normal(size=2)
    lower = -rng.uniform(size=n_features)
    upper = lower + rng.uniform(0, 2, size=n_features)
    return u, v, a0, b0, lower, upper


def by_many_starts(gain, bounds, seed, n_starts=6):
    lower, upper = bounds
    rng, best = np.random.RandomState(seed), -np.inf
    for _ in range(n_starts):
        start = rng.uniform(lower, upper)
        found = minimize(
            lambda x: -gain(x),
            start,
            bounds=list(zip(lower, upper, strict=True)),
            method="L-BFGS-B",
            options={"ftol": 1e-15, "gtol": 1e-10},
        )
        best = max(best, -found.fun)
    return best


def by_all_edges(gain, lower, upper, n_points=301):
    """Sample every edge of the box: at most one feature is not at a bound."""
    n_features, best = lower.shape[0], -np.inf
    corners = np.array(list(product([0, 1], repeat=n_features)), dtype=bool)
    shares = np.linspace(0, 1, n_points)
    for j in range(n_features):
        rows = np.where(corners[~corners[:, j]], upper, lower)
        rows = np.repeat(rows[:, np.newaxis], n_points, axis=1)
        rows[:, :, j] = lower[j] + shares * (upper - lower)[j]
        best = max(best, gain(rows).max())
    return best


def check(pull, seed, *, is_smooth):
    u, v, a0, b0, lower, upper = problem(seed)

    def gain_of(x):
        return pull.at(a0 + x @ u) * (b0 + x @ v)

    row, gain = best_row(pull, u, v, a0, b0, lower, upper)
    assert (row >= lower).all()
    assert (row <= upper).all()
    np.testing.assert_allclose(gain, gain_of(row), rtol=1e-7, atol=1e-12)
    inside = (row > lower) & (row < upper)
    assert inside.sum() <= 1
    started = by_many_starts(gain_of, (lower, upper), seed)
    sampled = by_all_edges(gain_of, lower, upper)
    if gain <= 0:
        assert max(started, sampled) <= 1e-12
        return False
    assert gain >= max(started, sampled) * (1 - 1e-8)
    if is_smooth:
        np.testing.assert_allclose(gain, max(started, sampled), rtol=1e-3)
    return True


@pytest.mark.parametrize(
    "loss", ["log_loss", "squared_hinge", "modified_huber", "squared_error", "huber"]
)
def test_smooth_losses_of_labels(loss):
    pull = Pull(stream_loss(SGDClassifier(loss, epsilon=0.4), of_labels=True))
    assert sum(check(pull, seed, is_smooth=True) for seed in range(10)) >= 5


@pytest.mark.parametrize("loss", ["squared_error", "squared_epsilon_insensitive"])
@pytest.mark.parametrize("mirrored", [False, True])
def test_losses_of_responses(loss, mirrored):
    loss = stream_loss(SGDRegressor(loss, epsilon=0.4), of_labels=False)
    pull = Pull(loss, mirrored=mirrored)
    assert sum(check(pull, seed, is_smooth=True) for seed in range(10)) >= 4


@pytest.mark.parametrize("loss", ["hinge", "perceptron"])
def test_losses_with_a_kink_are_not_beaten(loss):
    pull = Pull(stream_loss(SGDClassifier(loss), of_labels=True))
    assert sum(check(pull, seed, is_smooth=False) for seed in range(10)) >= 4


@pytest.mark.parametrize("is_hard", [False, True])
@pytest.mark.parametrize("loss", ["log_loss", "modified_huber"])
def test_defence_that_weighs_rows(loss, is_hard):
    judge = Judge(0.3, is_hard=is_hard)
    pull = Pull(stream_loss(SGDClassifier(loss), of_labels=True), judge)
    found = [check(pull, seed, is_smooth=not is_hard) for seed in range(10)]
    assert sum(found) >= 4


def test_log_loss_against_many_starts():
    """On a loss without plateaus a numerical optimiser finds the same maximum."""
    pull = Pull(stream_loss(SGDClassifier("log_loss"), of_labels=True))
    for seed in range(10):
        u, v, a0, b0, lower, upper = problem(seed, n_features=12)
        b0 = 3.0
        _, gain = best_row(pull, u, v, a0, b0, lower, upper)
        expected = by_many_starts(
            lambda x, u=u, v=v, a0=a0, b0=b0: pull.at(a0 + x @ u) * (b0 + x @ v),
            (lower, upper),
            seed,
            n_starts=30,
        )
        np.testing.assert_allclose(gain, expected, rtol=1e-8)


@pytest.mark.parametrize("b", [-7.0, -0.5, 0.3, 40.0])
@pytest.mark.parametrize("a", [-1e3, -3.0, 0.2, 50.0])
def test_closed_form_of_an_edge_of_the_log_loss(a, b):
    pull = Pull(stream_loss(SGDClassifier("log_loss"), of_labels=True))
    for a_step, b_step in ((0.5, 2.0), (9.0, 0.1), (1200.0, 60.0)):
        share, gain = best_share(pull, a, a_step, b, b_step)
        at, effect = a + share * a_step, b + share * b_step
        np.testing.assert_allclose(gain, effect * expit(-at), rtol=1e-12)
        # The sign of the derivative along the edge.
        rise, fall = b_step, expit(at) * effect * a_step
        if 0 < share < 1:
            np.testing.assert_allclose(rise, fall, rtol=1e-9)
        else:
            assert (rise < fall) == (share == 0)
    # Where the effect falls too, there is no peak.
    assert best_share(pull, a, 2.0, b, -1.0) == (0.0, pull.at(a) * b)


def test_hinge_and_hard_threshold_by_linear_programmes():
    """Where the pull is constant, the best row is the solution of a linear one."""
    hinge = Pull(stream_loss(SGDClassifier("hinge"), of_labels=True))
    n_positive = 0
    for seed in range(30):
        u, v, a0, b0, lower, upper = problem(seed)
        _, gain = best_row(hinge, u, v, a0, b0, lower, upper)
        bounds = np.column_stack([lower, upper])
        # b is largest where the margin is at most 1.
        found = linprog(-v, A_ub=[u], b_ub=[1 - a0], bounds=bounds)
        if found.status == 0 and b0 - found.fun > 1e-6:
            n_positive += 1
            np.testing.assert_allclose(gain, b0 - found.fun, rtol=1e-6)
    assert n_positive >= 10


def test_edges_beyond_their_bound_hold_no_better_row():
    """Every edge, sampled finely, is below what is found."""
    pull = Pull(stream_loss(SGDClassifier("log_loss"), of_labels=True))
    for seed in range(5):
        u, v, a0, b0, lower, upper = problem(seed, n_features=200)
        _, gain = best_row(pull, u, v, a0, b0, lower, upper)
        rng = np.random.RandomState(seed)
        # Rows of the upper boundary are the maximisers of v - c u.
        for c in rng.normal(size=4000) * 3:
            row = np.where(v - c * u > 0, upper, lower)
            j = rng.randint(200)
            row[j] = rng.uniform(lower[j], upper[j])
            a, b = a0 + u @ row, b0 + v @ row
            assert pull.at(np.array(a)) * b <= gain * (1 + 1e-9)


def test_one_feature_by_hand():
    pull = Pull(stream_loss(SGDClassifier("squared_hinge"), of_labels=True))
    # 2 (1 - x) x has its maximum, 1/2, at 1/2.
    row, gain = best_row(
        pull, np.ones(1), np.ones(1), 0.0, 0.0, np.zeros(1), np.array([3.0])
    )
    np.testing.assert_allclose(row, 0.5, atol=1e-5)
    np.testing.assert_allclose(gain, 0.5, rtol=1e-9)
