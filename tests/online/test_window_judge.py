"""A filter on a sliding window in the simulation of a learner."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import SGDClassifier
from sklearn.preprocessing import scale

from skpoison.defences import KNNSanitizedClassifier, OutlierFilteredClassifier
from skpoison.online import OnlineInsertion, SlidingWindowClassifier
from skpoison.online._defended_victims import as_stream_learner

rng = np.random.RandomState(0)
y = rng.randint(2, size=240)
X = scale(rng.normal(size=(240, 4)) + 1.5 * y[:, np.newaxis])
trusted = rng.uniform(size=240) < 0.3
LEARNER = SGDClassifier("log_loss", learning_rate="constant", eta0=0.3, shuffle=False)
DEFENCE = SlidingWindowClassifier(
    OutlierFilteredClassifier(LEARNER), window=100, every=20
)


def share_that_passes(surrogate):
    """Return which share of the poison the defence keeps, the first rows left out."""
    attack = OnlineInsertion(surrogate, 0.15, random_state=0)
    X_out, y_out = attack.fit_resample(X, y, trusted=trusted)
    assert attack.is_exact_ == (surrogate is LEARNER)
    is_clean = np.isin(attack.source_indices_, np.flatnonzero(trusted))
    defended, kept = clone(DEFENCE), []
    for i in range(0, len(y_out), 20):
        rows = slice(i, i + 20)
        defended.partial_fit(
            X_out[rows], y_out[rows], classes=[0, 1], trusted=is_clean[rows]
        )
        kept.extend(defended.inlier_mask_)
    return np.mean(np.array(kept)[attack.poison_mask_][5:])


def test_rows_made_for_the_filter_pass_it():
    naive, adaptive = share_that_passes(LEARNER), share_that_passes(DEFENCE)
    assert naive < 0.2
    assert adaptive > max(0.4, 2 * naive)


def test_rows_are_judged_as_the_filter_does():
    fitted = clone(DEFENCE)
    for i in range(0, 240, 20):
        rows = slice(i, i + 20)
        fitted.partial_fit(X[rows], y[rows], classes=[0, 1], trusted=trusted[rows])
    state = as_stream_learner(fitted, 4, np.arange(2))
    np.testing.assert_allclose(state.coef, fitted.coef_)
    candidates = rng.uniform(-3, 3, size=(50, 4))
    codes = rng.randint(2, size=50)
    accepted = state.judge.peek_rows(state, candidates, codes)
    judged = state.judge.X, state.judge.codes, state.judge.trusted
    np.testing.assert_array_equal(judged[0], X[-100:])
    alone = clone(fitted.estimator).fit(
        np.concatenate([judged[0], candidates]),
        np.concatenate([judged[1], codes]),
        trusted=np.concatenate([judged[2], np.zeros(50, dtype=bool)]),
    )
    np.testing.assert_array_equal(accepted, alone.inlier_mask_[-50:])
    assert 0 < accepted.mean() < 1
    frozen = OnlineInsertion(FrozenEstimator(fitted), 5, random_state=0)
    assert frozen.fit_resample(X, y, trusted=trusted)[0].shape == (245, 4)


def test_other_filters():
    surrogate = SlidingWindowClassifier(KNNSanitizedClassifier(LEARNER))
    with pytest.raises(ValueError, match="must have an OutlierFilteredClassifier"):
        OnlineInsertion(surrogate).fit_resample(X, y)
