import numpy as np
import pytest
from numpy.testing import assert_allclose

from skpoison.bilevel.differentiation.hypergradients import descend
from skpoison.bilevel.learners.linear import LinearLearner
from skpoison.bilevel.losses import Logistic, Multinomial, Squared
from skpoison.bilevel.solvers.step_size import (
    divergence_error,
    has_diverged,
    largest_stable_rate,
)


def largest_eigenvalue(learner, rows):
    """Write the Hessian at the initial weights out."""
    start = learner.start(rows)
    basis = np.eye(start.size).reshape(start.size, *start.shape)
    point = learner.at(start, rows)
    H = np.array([point.hessian_product(U).ravel() for U in basis])
    return np.linalg.eigvalsh(H)[-1]


@pytest.mark.parametrize("n_features", [5, 150])
@pytest.mark.parametrize("loss", [Squared(), Logistic(), Multinomial()])
@pytest.mark.parametrize("is_sparse", [False, True])
def test_largest_stable_rate(loss, n_features, is_sparse, make_rows):
    learner = LinearLearner(loss, 0.3)
    rows = make_rows(learner, n_features=n_features, is_sparse=is_sparse)
    expected = 2 / largest_eigenvalue(learner, rows)
    assert_allclose(largest_stable_rate(learner, rows), expected, rtol=1e-6)


def test_rows_of_zero_allow_every_rate(make_rows):
    learner = LinearLearner(Squared(), 0.0, intercept=0.0)
    rows = make_rows(learner)
    rows = rows.with_features(np.zeros_like(rows.X))
    assert largest_stable_rate(learner, rows) == np.inf


@pytest.mark.parametrize("n_features", [5, 50])
@pytest.mark.parametrize(("factor", "expected"), [(0.98, False), (1.02, True)])
def test_descent_diverges_above_it(n_features, factor, expected, make_rows):
    learner = LinearLearner(Squared(), 0.1)
    rows = make_rows(learner, n_features=n_features)
    start = learner.start(rows)
    rate = factor * largest_stable_rate(learner, rows)
    W, _ = descend(learner, rows, start, rate=rate, n_steps=400, checkpoint_every=None)
    assert np.isfinite(W).all()
    assert has_diverged(learner, rows, start, W) == expected


def test_bounded_losses_swing_without_diverging(make_rows):
    learner = LinearLearner(Logistic(), 0.0)
    rows = make_rows(learner)
    start = learner.start(rows)
    rate = 10 * largest_stable_rate(learner, rows)
    W, _ = descend(learner, rows, start, rate=rate, n_steps=400, checkpoint_every=None)
    assert not has_diverged(learner, rows, start, W)
    assert has_diverged(learner, rows, start, np.full_like(W, np.nan))


def test_error_names_the_rate(make_rows):
    learner = LinearLearner(Squared(), 0.1)
    rows = make_rows(learner)
    rate = largest_stable_rate(learner, rows)
    text = str(divergence_error(learner, rows, 7.0))
    assert "learning_rate=7.0" in text
    assert f"converges below {rate:.3g}" in text
    assert f"Take learning_rate={rate / 2:.3g}," in text
