import numpy as np
from numpy.testing import assert_allclose

from skpoison.bilevel.learners.base import Rows
from skpoison.bilevel.learners.linear import LinearLearner
from skpoison.bilevel.losses import Logistic
from skpoison.bilevel.solvers.lbfgs import minimise_lbfgs
from skpoison.bilevel.solvers.newton import minimise


def test_same_optimum_as_by_newton(learner, make_rows):
    rows = make_rows(learner)
    start = np.random.RandomState(0).normal(size=learner.shape(rows))
    start = learner.project_out_softmax_nullspace(start)
    found = minimise_lbfgs(learner, rows, start)
    assert found.gradient_norm < 1e-6
    assert found.n_iter > 1
    expected = minimise(learner, rows)
    assert_allclose(found.point.objective(), expected.objective, rtol=1e-10)
    assert_allclose(found.W, expected.W, rtol=0, atol=1e-3)


def test_targets_that_reward_scores_without_bound():
    """With targets of -1 and 2 the loss falls linearly, and the penalty stops it."""
    learner = LinearLearner(Logistic(), 1e-3, 0.0)
    rows = Rows(np.ones((2, 1)), np.array([[2.0], [2.0]]), np.ones(2))
    found = minimise_lbfgs(learner, rows, np.zeros((1, 1)))
    # 2 (sigmoid(w) - 2) + w / 1000 = 0 at w = 2000, where sigmoid is 1.
    assert_allclose(found.W, 2000, rtol=1e-5)
    assert found.point.curvatures.sum() == 0


def test_steps_run_out(make_rows):
    learner = LinearLearner(Logistic(), 0.1)
    rows = make_rows(learner)
    found = minimise_lbfgs(learner, rows, np.zeros(learner.shape(rows)), max_iter=1)
    assert found.n_iter == 1
    assert found.gradient_norm > 1e-6
