"""Losses of one number against finite differences."""

import numpy as np
import pytest
from sklearn.linear_model import SGDClassifier, SGDRegressor

from skpoison.online._losses import stream_loss

OF_LABELS = list(SGDClassifier.loss_functions)
H = 1e-6


@pytest.fixture(params=OF_LABELS)
def loss(request):
    return stream_loss(SGDClassifier(request.param, epsilon=0.3), of_labels=True)


@pytest.fixture(params=list(SGDRegressor.loss_functions))
def loss_of_responses(request):
    return stream_loss(SGDRegressor(request.param, epsilon=0.3), of_labels=False)


# No kink is within a step of these.
SCORES = np.linspace(-3.03, 3.05, 41)[:, np.newaxis]


def check_derivatives(loss, t):
    t = np.full_like(SCORES, t)
    up, down = loss.values(SCORES + H, t), loss.values(SCORES - H, t)
    np.testing.assert_allclose(
        loss.gradient(SCORES, t), (up - down) / (2 * H), rtol=1e-6, atol=1e-8
    )
    up, down = loss.gradient(SCORES + H, t), loss.gradient(SCORES - H, t)
    np.testing.assert_allclose(
        loss.curvature(SCORES, t), (up - down) / (2 * H), rtol=1e-6, atol=1e-8
    )
    up, down = loss.values(SCORES, t + H), loss.values(SCORES, t - H)
    np.testing.assert_allclose(
        loss.target_gradient(SCORES, t), (up - down) / (2 * H), rtol=1e-6, atol=1e-8
    )
    up, down = loss.gradient(SCORES, t + H), loss.gradient(SCORES, t - H)
    np.testing.assert_allclose(
        loss.response(SCORES, t), (up - down) / (2 * H), rtol=1e-6, atol=1e-8
    )


@pytest.mark.parametrize("t", [-1.0, 1.0])
def test_derivatives_for_labels(loss, t):
    check_derivatives(loss, t)


@pytest.mark.parametrize("t", [-0.7, 1.3])
def test_derivatives_for_responses(loss_of_responses, t):
    check_derivatives(loss_of_responses, t)


def test_convex(loss):
    margins = np.linspace(-3, 3, 25)
    assert (np.diff(loss.slope(margins)) >= 0).all()


def test_extreme_margins_do_not_overflow(loss):
    with np.errstate(all="raise", under="ignore"):
        for u in (-800.0, 800.0):
            found = [f(np.array([u])) for f in (loss.of, loss.slope, loss.bend)]
            assert np.isfinite(found).all()


def test_single_numbers_are_as_arrays(loss, loss_of_responses):
    for u in (*np.linspace(-3, 3, 25), -800.0, 800.0, 1.0, 0.0):
        for each in (loss, loss_of_responses):
            expected = each.slope(np.array([u]))[0]
            np.testing.assert_allclose(each.slope_at(u), expected, rtol=1e-14)
