import numpy as np
import pytest
from numpy.testing import assert_allclose

from skpoison.bilevel.differentiation.descent import Descent
from skpoison.bilevel.differentiation.hypergradients import descend, unrolled
from skpoison.bilevel.learners.linear import LinearLearner
from skpoison.bilevel.learners.network import NetworkLearner
from skpoison.bilevel.losses import Logistic, Multinomial

STEPS = {"rate": 0.01, "n_steps": 40}
POISON = slice(-4, None)
LEARNERS = {
    "logistic": LinearLearner(Logistic(), 0.3),
    "no intercept": LinearLearner(Logistic(), 0.3, 0.0),
    "penalised intercept": LinearLearner(Multinomial(), 0.3, 2.0, 0.5),
    "network": NetworkLearner((4,), "tanh", Logistic(), 0.1, np.random.RandomState(0)),
}


@pytest.fixture(params=LEARNERS.values(), ids=LEARNERS.keys())
def learner(request):
    return request.param


@pytest.mark.parametrize("truncate", [None, 7])
@pytest.mark.parametrize("checkpoint_every", [1, 7])
def test_reduction_is_exact(learner, truncate, checkpoint_every, make_rows):
    rows = make_rows(learner, n_features=150)
    start = learner.start(rows)
    W, stored = descend(learner, rows, start, **STEPS)
    descent = Descent(
        learner, rows, truncate=truncate, checkpoint_every=checkpoint_every, **STEPS
    )
    assert descent.Q.shape[0] == 150
    assert descent.stored[0].rows.X.shape[1] < 50
    assert_allclose(descent.W, W, rtol=0, atol=1e-11)
    b = np.random.RandomState(1).normal(size=W.shape)
    found = descent.hypergradient(b, POISON)
    expected = unrolled(stored, b, POISON, truncate=truncate, **STEPS)
    for name in ("features", "targets", "weights"):
        part = getattr(expected, name)
        atol = 1e-10 * np.abs(part).max()
        assert_allclose(getattr(found, name), part, rtol=0, atol=atol)


@pytest.mark.parametrize(("n_features", "is_sparse"), [(5, False), (150, True)])
def test_no_reduction_if_it_saves_nothing(learner, n_features, is_sparse, make_rows):
    rows = make_rows(learner, n_features=n_features, is_sparse=is_sparse)
    descent = Descent(learner, rows, **STEPS)
    assert descent.Q is None
    W, _ = descend(learner, rows, learner.start(rows), **STEPS)
    assert_allclose(descent.W, W, rtol=0, atol=0)


def test_a_learner_that_is_not_invariant_under_rotations(make_rows):
    class Bare(LinearLearner):
        supports = frozenset({"scores"})

    rows = make_rows(LEARNERS["logistic"], n_features=150)
    assert Descent(Bare(Logistic(), 0.3), rows, **STEPS).Q is None
