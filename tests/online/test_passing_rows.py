"""Rows that gain much where a defence weighs more than their margin."""

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.linear_model import SGDClassifier
from sklearn.preprocessing import scale

from skpoison.feasible_sets import Box
from skpoison.online import RejectionClassifier, TrustedStepClassifier
from skpoison.online._attacker import exact_row, first_order_gain
from skpoison.online._defended_victims import as_stream_learner
from skpoison.online._passing_rows import rows_of_norms

rng = np.random.RandomState(0)
y = rng.randint(2, size=100)
X = scale(rng.normal(size=(100, 4)) + 1.5 * y[:, np.newaxis])
LEARNER = SGDClassifier("log_loss", learning_rate="constant", eta0=0.2, shuffle=False)
BOX = Box(-3, 3).fit(X)


def test_rows_maximise_linear_functions_within_a_norm():
    slopes = np.random.RandomState(1).normal(size=(4, 5))
    slopes[3, 1:3] = 0.0
    box = Box(-1, np.array([0.5, 1.0, 2.0, 1.0, 0.3])).fit(np.zeros((1, 5)))
    norms = np.array([0.5, 2.0])
    rows = rows_of_norms(slopes, norms, box).reshape(2, 4, 5)
    for norm, found in zip(norms, rows, strict=True):
        assert ((found**2).sum(axis=1) <= norm).all()
        np.testing.assert_allclose((found**2).sum(axis=1), norm, rtol=5e-3)
        for slope, row in zip(slopes, found, strict=True):
            best = minimize(
                lambda x, g=slope: -g @ x,
                np.zeros(5),
                jac=lambda x, g=slope: -g,
                bounds=list(zip(box.lower_, box.upper_, strict=True)),
                constraints={"type": "ineq", "fun": lambda x, r=norm: r - x @ x},
                method="SLSQP",
            )
            assert slope @ row >= -best.fun * (1 - 5e-3)


@pytest.mark.parametrize("kind", [RejectionClassifier, TrustedStepClassifier])
def test_no_other_row_gains_much_more(kind):
    """Against many starts of a generic optimiser."""
    defence = kind(LEARNER)
    given = {"trusted": np.arange(100) < 40}
    for i in range(100):
        row = slice(i, i + 1)
        defence.partial_fit(X[row], y[row], [0, 1], trusted=given["trusted"][row])
    state = as_stream_learner(defence, 4, np.arange(2))
    assert np.isfinite(state.judge.leverage.limit)
    starts = np.random.RandomState(2).uniform(-3, 3, size=(30, 4))
    shares = []
    for seed in range(4):
        v = np.random.RandomState(seed).normal(size=(5, 1))
        for code in (0, 1):
            row = exact_row(state, v, code, BOX)
            assert ((row >= -3) & (row <= 3)).all()
            best = max(
                -minimize(
                    lambda x, v=v, code=code: -first_order_gain(state, v, x, code),
                    start,
                    bounds=[(-3, 3)] * 4,
                    method="Nelder-Mead",
                    options={"maxiter": 200},
                ).fun
                for start in starts[:6]
            )
            if best > 1e-3:
                shares.append(first_order_gain(state, v, row, code) / best)
    assert np.mean(shares) > 0.9, shares
    assert min(shares) > 0.6, shares
