import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skpoison.bilevel.learners.l1 import L1Learner
from skpoison.bilevel.losses import Logistic, Multinomial


@pytest.mark.parametrize("intercept_l1_penalty", [0.0, 0.3])
def test_subgradient_of_the_l1_penalty(intercept_l1_penalty, difference):
    learner = L1Learner(
        Logistic(), 0.0, l1_penalty=2.0, intercept_l1_penalty=intercept_l1_penalty
    )
    rng = np.random.RandomState(0)
    W, U = rng.choice([-1, 1], (5, 1)) * rng.uniform(1, 2, (5, 1)), rng.rand(5, 1)
    expected = difference(learner.l1_value, W, U)
    assert_allclose((learner.l1_subgradient(W) * U).sum(), expected, rtol=1e-9)
    assert_array_equal(learner.l1_subgradient(0 * W), 0)


def test_active_weights():
    W = np.array([[0.0, 1.0], [0.0, 0.0]])
    free = L1Learner(Multinomial(), 0.0, l1_penalty=1.0)
    assert_array_equal(free.active(W), [[False, True], [True, True]])
    paid = L1Learner(Multinomial(), 0.0, l1_penalty=1.0, intercept_l1_penalty=0.1)
    assert_array_equal(paid.active(W), W != 0)


def test_nullspace_is_that_of_an_unpenalised_intercept():
    V = np.array([[1.0, 2.0, 6.0], [1.0, 2.0, 6.0]])
    free = L1Learner(Multinomial(), 0.0, l1_penalty=1.0)
    expected = np.array([[1.0, 2.0, 6.0], [-2.0, -1.0, 3.0]])
    assert_array_equal(free.project_out_softmax_nullspace(V), expected)
    paid = L1Learner(Multinomial(), 0.0, l1_penalty=1.0, intercept_l1_penalty=0.1)
    assert_array_equal(paid.project_out_softmax_nullspace(V), V)
