"""Defences as learners from a stream: the simulation is the defence."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import SGDClassifier
from sklearn.preprocessing import scale

from skpoison.defences import OutlierFilteredClassifier
from skpoison.online import (
    AdaptiveCombinationClassifier,
    OnlineInsertion,
    RejectionClassifier,
    SlidingWindowClassifier,
    TrustedStepClassifier,
)
from skpoison.online._defended_victims import as_stream_learner

rng = np.random.RandomState(0)
y = rng.randint(2, size=200)
X = scale(rng.normal(size=(200, 4)) + 1.5 * y[:, np.newaxis])
trusted = rng.uniform(size=200) < 0.2
flipped = np.where((np.arange(200) % 5 == 0) & ~trusted, 1 - y, y)
LEARNER = SGDClassifier("log_loss", learning_rate="constant", eta0=0.2, shuffle=False)
DEFENCES = [
    RejectionClassifier(LEARNER, 0.3, burn_in=10),
    TrustedStepClassifier(LEARNER, 0.7, n_trusted=20),
    TrustedStepClassifier(LEARNER, 0.7, n_trusted=20, max_leverage=None),
    TrustedStepClassifier(LEARNER, 0.7, action="drop", n_trusted=20),
    AdaptiveCombinationClassifier(
        [
            ("fast", LEARNER),
            ("slow", clone(LEARNER).set_params(eta0=0.01)),
            ("step", TrustedStepClassifier(LEARNER, 0.7)),
        ],
        rule="remembered",
        n_trusted=20,
    ),
    AdaptiveCombinationClassifier(
        [("soft", RejectionClassifier(LEARNER)), ("slow", LEARNER)]
    ),
]


def learners(defence):
    return getattr(defence, "estimators_", [getattr(defence, "estimator_", None)])


@pytest.mark.parametrize("defence", DEFENCES, ids=lambda each: type(each).__name__)
def test_simulated_defence_is_the_defence(defence):
    state = as_stream_learner(defence, 4, np.arange(2))
    fitted = clone(defence)
    for half in (slice(0, 120), slice(120, 200)):
        if half.start:  # from where it stands
            state = as_stream_learner(fitted, 4, np.arange(2))
        state.learn_rows(X[half], flipped[half], trusted[half])
        for i in range(half.start, half.stop):
            rows = slice(i, i + 1)
            fitted.partial_fit(
                X[rows], flipped[rows], classes=[0, 1], trusted=trusted[rows]
            )
        members = getattr(state, "members", [state])
        for each, expected in zip(members, learners(fitted), strict=True):
            np.testing.assert_allclose(each.coef, expected.coef_, rtol=1e-9)
    if isinstance(defence, AdaptiveCombinationClassifier):
        scores = state.learner.scores(X, state.weights)[:, 0]
        np.testing.assert_allclose(
            1 / (1 + np.exp(-scores)), fitted.predict_proba(X)[:, 1], rtol=1e-9
        )


@pytest.mark.parametrize("defence", DEFENCES[1:], ids=lambda each: type(each).__name__)
def test_attacks_that_know_the_defence(defence):
    attack = OnlineInsertion(defence, 0.1, random_state=0)
    X_out, _ = attack.fit_resample(X, y, trusted=trusted)
    assert not attack.is_exact_
    assert (attack.gains_ > 0).mean() > 0.8, attack.gains_
    # A fitted one brings its trusted rows along.
    fitted = clone(defence).partial_fit(X, y, classes=[0, 1], trusted=trusted)
    frozen = OnlineInsertion(FrozenEstimator(fitted), 0.1, random_state=0)
    assert frozen.fit_resample(X, y)[0].shape == X_out.shape
    rows = zip(X, y, strict=True)
    assert sum(is_poison for *_, is_poison in frozen.iter_resample(rows, X, y)) == 20
    with pytest.raises(ValueError, match="`trusted` must mark rows"):
        attack.fit_resample(X, y)


@pytest.mark.parametrize(
    "defence",
    [
        RejectionClassifier(LEARNER, threshold=3.0),
        TrustedStepClassifier(LEARNER, quantile=3.0),
        SlidingWindowClassifier(OutlierFilteredClassifier(LEARNER), window=0),
        AdaptiveCombinationClassifier([("one", LEARNER)], rule="none"),
        RejectionClassifier(clone(LEARNER).set_params(eta0=-1.0)),
    ],
    ids=lambda each: type(each).__name__,
)
def test_what_the_defence_refuses_itself(defence):
    with pytest.raises(ValueError, match=r"parameter of \w+ must be .* Got "):
        as_stream_learner(defence, 4, np.arange(2))
