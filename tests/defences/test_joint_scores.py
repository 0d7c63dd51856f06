import pickle

import numpy as np
import pytest

from skpoison.defences._joint_scores import (
    GroupedScore,
    LargestScore,
    ViewedScore,
    unit_of,
)

X = np.random.RandomState(0).normal(size=(60, 3))
Y = np.arange(60) % 3


def first(X, y):
    return X[:, 0]


def second_times_label(X, y):
    return 100 * X[:, 1] * y


def total(X):
    return X.sum(axis=1)


def groups(y):
    return [np.flatnonzero(y == k) for k in range(3)]


def test_each_group_has_its_score():
    score = GroupedScore(groups, [first, None, second_times_label])
    expected = np.select([Y == 0, Y == 2], [X[:, 0], 200 * X[:, 1]], 0.0)
    np.testing.assert_array_equal(score(X, Y), expected)
    assert score(X[:0], Y[:0]).shape == (0,)


def test_a_score_of_what_is_seen():
    score = ViewedScore(total, lambda X, y: X * y[:, np.newaxis])
    np.testing.assert_allclose(score(X, Y), X.sum(axis=1) * Y)


def test_largest_of_scores_between_median_and_quantile():
    own = [first(X, Y), second_times_label(X, Y)]
    score = LargestScore([first, second_times_label], own)
    expected = []
    for each in own:
        low, high = np.quantile(each, [0.5, 0.95])
        expected.append((each - low) / (high - low))
    np.testing.assert_allclose(score(X, Y), np.maximum(*expected))
    np.testing.assert_array_equal(score.join(own), score(X, Y))
    again = pickle.loads(pickle.dumps(score))
    np.testing.assert_array_equal(again(X, Y), score(X, Y))


def test_unit_makes_no_difference():
    one = LargestScore([first], [X[:, 0]])
    other = LargestScore([lambda X, y: 7 + 1e5 * X[:, 0]], [7 + 1e5 * X[:, 0]])
    np.testing.assert_allclose(one(X, Y), other(X, Y))


@pytest.mark.parametrize(
    ("own", "unit"),
    [
        (np.arange(101.0), (95.0, 45.0)),
        # More than half of the scores are equal to the quantile, or all but a few.
        (np.r_[np.zeros(97), 3.0, 4.0], (0.0, 4.0)),
        # All are equal: what differs is far beyond them, and rounding is not.
        (np.zeros(9), (0.0, 1e-12)),
        (np.full(9, -5.0), (-5.0, 5e-6)),
        (np.array([2.0]), (2.0, 2e-6)),
    ],
)
def test_units(own, unit):
    assert unit_of(own) == pytest.approx(unit, rel=1e-12, abs=0)


def test_equal_scores_are_at_1_and_other_scores_far_beyond():
    score = LargestScore([lambda X, y: X], [np.full(5, 0.3)])
    found = score(np.array([0.3, 0.1 + 0.2, 0.31]), None)
    np.testing.assert_allclose(found[:2], 1, atol=1e-9)
    assert found[2] > 1e3


def test_all_scores_of_a_row_and_how_they_change():
    """By differences; those of a group without a score are 0."""

    class Sum:
        def __init__(self, factor):
            self.factor = factor

        def __call__(self, X, y):
            return self.factor * np.sin(X).sum(axis=1)

        def with_gradient(self, X, y):
            return self(X, y), self.factor * np.cos(X)

    one, two = Sum(3.0), Sum(-2.0)
    own = [one(X, Y), two(X, Y)]
    score = GroupedScore(groups, [LargestScore([one, two], own), None, one])
    assert score.has_gradient
    assert not GroupedScore(groups, [LargestScore([one, first], own), one]).has_gradient
    scores, gradients = score.with_gradients(X[Y < 2], Y[Y < 2])
    np.testing.assert_allclose(scores.max(axis=0), score(X[Y < 2], Y[Y < 2]))
    for j in range(3):
        step = 1e-6 * np.eye(3)[j]
        ahead, back = (
            score.with_gradients(X[Y < 2] + s, Y[Y < 2])[0] for s in (step, -step)
        )
        slope = (ahead - back) / 2e-6
        np.testing.assert_allclose(gradients[:, :, j], slope, atol=1e-8)
