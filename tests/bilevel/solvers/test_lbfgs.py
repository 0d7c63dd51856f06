import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from skpoison.bilevel.learners.base import Rows
from skpoison.bilevel.learners.linear import LinearLearner
from skpoison.bilevel.losses import Logistic, Multinomial
from skpoison.bilevel.solvers.lbfgs import minimise_lbfgs
from skpoison.bilevel.solvers.newton import minimise

RNG = np.random.RandomState(0)
X = RNG.normal(size=(60, 4))


@pytest.mark.parametrize(("loss", "n_outputs"), [(Logistic(), 1), (Multinomial(), 3)])
def test_ends_where_newton_does(loss, n_outputs):
    targets = RNG.dirichlet(np.ones(3), size=60)[:, :n_outputs]
    learner, rows = LinearLearner(loss, 0.5), Rows(X, targets, RNG.rand(60))
    point, n_iter = minimise_lbfgs(learner, rows, np.zeros((5, n_outputs)))
    optimum = minimise(learner, rows)
    assert point.objective() == pytest.approx(optimum.point.objective(), rel=1e-12)
    np.testing.assert_allclose(point.W[:-1], optimum.W[:-1], atol=1e-5)
    assert 0 < n_iter < 100


def test_start_at_the_optimum():
    learner, rows = LinearLearner(Logistic(), 0.5), Rows(X, X[:, :1] > 0, np.ones(60))
    optimum = minimise(learner, rows)
    _, n_iter = minimise_lbfgs(learner, rows, optimum.W)
    assert n_iter <= 1


def test_rows_so_far_apart_that_there_is_no_curvature():
    """Only the penalty bounds the scores that soft labels outside [0, 1] reward."""
    rows = np.array([[-900.0], [-800.0], [700.0], [1000.0]])
    targets = np.array([[-0.25], [-0.25], [1.25], [1.25]])
    learner = LinearLearner(Logistic(), 1.0)
    point, _ = minimise_lbfgs(
        learner, Rows(rows, targets, np.ones(4)), np.zeros((2, 1))
    )
    # All scores are beyond rounding: what is left is linear but for the penalty.
    np.testing.assert_allclose(point.W[0], [0.25 * 3400], rtol=1e-6)


def test_too_few_steps_warn():
    learner, rows = LinearLearner(Logistic(), 0.5), Rows(X, X[:, :1] > 0, np.ones(60))
    message = "The fit is not at its minimum after 1 steps"
    with pytest.warns(ConvergenceWarning, match=message) as caught:
        minimise_lbfgs(learner, rows, np.zeros((5, 1)), max_iter=1, user="The fit")
    assert caught[0].filename == __file__
