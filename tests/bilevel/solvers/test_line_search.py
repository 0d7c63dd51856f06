import numpy as np
from numpy.testing import assert_allclose

from skpoison.bilevel.learners.base import Rows
from skpoison.bilevel.learners.l1 import L1Learner
from skpoison.bilevel.learners.linear import LinearLearner
from skpoison.bilevel.losses import Huber, Logistic, Squared
from skpoison.bilevel.solvers.line_search import (
    backtrack,
    full_objective,
    starting_point,
)
from skpoison.bilevel.solvers.newton import minimise


def test_bad_weights_are_no_start(make_rows):
    """Rows on the other side of confident weights: shorter ones are nearer."""
    learner = LinearLearner(Logistic(), 0.01)
    rows = make_rows(learner, 100)
    first = minimise(learner, rows)
    turned = rows.with_features(-rows.X)
    begin = starting_point(learner, turned, first)
    assert learner.at(first.W, turned).objective() > 2 * first.objective
    assert begin.objective() < learner.at(first.W, turned).objective()
    lengths = [np.abs(begin.W - length * first.W).max() for length in (0, 0.25, 0.5)]
    assert min(lengths) == 0


def test_good_weights_are_a_start(learner, make_rows):
    rows = make_rows(learner)
    first = minimise(learner, rows)
    begin = starting_point(learner, rows.with_features(1.01 * rows.X), first)
    assert begin.W is first.W


def test_no_start_is_the_initial_weights(learner, make_rows):
    rows = make_rows(learner)
    assert not starting_point(learner, rows, None).W.any()


def test_l1_penalty_is_part_of_the_objective():
    learner = L1Learner(Squared(), 0.0, 0.0, l1_penalty=2.0)
    rows = Rows(np.eye(2), np.zeros((2, 1)), np.ones(2))
    point = learner.at(np.array([[1.0], [-3.0]]), rows)
    assert_allclose(full_objective(point), (1 + 9) / 2 + 2 * (1 + 3))


def one_weight(loss):
    learner = LinearLearner(loss, 0.0, 0.0)
    rows = Rows(np.ones((1, 1)), np.zeros((1, 1)), np.ones(1))
    return learner.at(np.array([[1.0]]), rows)


def test_full_step_is_taken_if_it_is_good():
    point = one_weight(Squared())
    found, value, length = backtrack(point, 0.5, np.zeros((1, 1)), -1.0)
    assert found.W == 0
    assert value == 0
    assert length == 1


def test_step_is_halved_until_the_objective_falls():
    """Of a step from 1 to -7, half leads to -3, a quarter to -1, an eighth to 0."""
    point = one_weight(Squared())
    found, value, length = backtrack(point, 0.5, np.array([[-7.0]]), -8.0)
    assert length == 1 / 8
    assert value == found.W == 0


def test_ascent_is_refused():
    point = one_weight(Huber())
    found, value, length = backtrack(point, 0.5, np.array([[9.0]]), -1.0)
    assert found is point
    assert value == 0.5
    assert length == 0
