import numpy as np
import pytest
from numpy.testing import assert_allclose

from skpoison.bilevel.goals import MeanLoss, SmoothedError
from skpoison.bilevel.losses import Logistic, Multinomial, Squared

CODES = np.random.RandomState(0).randint(2, size=20)
CODES_3 = np.random.RandomState(0).randint(3, size=20)
ONE = np.random.RandomState(1).normal(size=(20, 1))
THREE = np.random.RandomState(1).normal(size=(20, 3))
CASES = [
    (SmoothedError(CODES), ONE),
    (SmoothedError(CODES, 3.0, -1), ONE),
    (SmoothedError(CODES_3, 2.0), THREE),
    (SmoothedError(CODES_3, 0.5, -1), THREE),
    (SmoothedError(CODES[:1], 1.5), ONE[:1]),
    (SmoothedError(CODES_3[:1], 1.5, -1), THREE[:1]),
    (MeanLoss(Logistic(), CODES[:, np.newaxis].astype(float)), ONE),
    (MeanLoss(Multinomial(), np.eye(3)[CODES_3], -1), THREE),
    (MeanLoss(Squared(), THREE + 1), THREE),
]


@pytest.mark.parametrize(("goal", "scores"), CASES, ids=lambda c: type(c).__name__)
def test_gradient(goal, scores, difference):
    U = np.random.RandomState(2).normal(size=scores.shape)
    expected = difference(goal.value, scores, U)
    assert_allclose((goal.gradient(scores) * U).sum(), expected, rtol=1e-8)


@pytest.mark.parametrize(("codes", "scores"), [(CODES, ONE), (CODES_3, THREE)])
def test_sharp_error_is_the_error(codes, scores):
    predicted = scores.argmax(axis=1) if scores.shape[1] > 1 else scores[:, 0] > 0
    error = (predicted != codes).mean()
    assert_allclose(SmoothedError(codes, 1e4).value(scores), error, atol=1e-6)


def test_two_outputs_are_one():
    both = np.column_stack([-ONE / 2, ONE / 2])
    goal = SmoothedError(CODES, 2.0)
    assert_allclose(goal.value(both), goal.value(ONE))
    slopes = goal.gradient(both)
    assert_allclose(slopes[:, [1]] - slopes[:, [0]], 2 * goal.gradient(ONE))


@pytest.mark.parametrize(("codes", "scores"), [(CODES, ONE), (CODES_3, THREE)])
def test_error_does_not_depend_on_scale(codes, scores):
    goal = SmoothedError(codes)
    assert_allclose(goal.value(100 * scores), goal.value(scores))
    assert abs((goal.gradient(scores) * scores).sum()) < 1e-14


def test_specific_with_the_true_labels_is_minus_generic():
    generic, specific = SmoothedError(CODES_3), SmoothedError(CODES_3, sign=-1)
    assert specific.value(THREE) == -generic.value(THREE)
    assert_allclose(specific.gradient(THREE), -generic.gradient(THREE))


def test_error_of_a_single_row_moves_with_its_score():
    """In units of itself it could not."""
    goal = SmoothedError(np.array([1]))
    assert goal.value(np.array([[0.1]])) > goal.value(np.array([[0.2]])) > 0


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_many_scores_at_once(n_outputs):
    """The same as each of them alone, that of scores without a scale among them."""
    rng = np.random.RandomState(0)
    scores = rng.normal(size=(20, 5, n_outputs)) * [[1], [10], [0], [0.1], [3]]
    codes = np.arange(20) % max(2, n_outputs)
    targets = rng.normal(size=(20, n_outputs))
    for measure in (SmoothedError(codes, 3.0, -1), MeanLoss(Squared(), targets)):
        alone = [measure.value(scores[:, i]) for i in range(5)]
        np.testing.assert_allclose(measure.values(scores), alone, rtol=1e-12)
        of_rows = [measure.of_rows(scores[:, i]).mean() for i in range(5)]
        np.testing.assert_allclose(of_rows, alone, rtol=1e-12)


def test_smoothed_error_by_its_definition():
    scores = np.array([[2.0, -1.0, 0.5], [0.0, 3.0, -1.0]])
    codes = np.array([0, 2])
    leads = np.array([1.5, 3.0])
    shares = np.exp(4 * scores / np.sqrt((leads**2).mean()))
    shares /= shares.sum(axis=1, keepdims=True)
    expected = 1 - shares[np.arange(2), codes].mean()
    np.testing.assert_allclose(SmoothedError(codes).value(scores), expected, rtol=1e-12)
