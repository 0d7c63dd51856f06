import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import expit, softmax

from skpoison.attacks._validation_data import Fold
from skpoison.attacks.labels._row_estimates import (
    BELIEF,
    SHARPNESS,
    RowEstimates,
    chances,
)

RNG = np.random.RandomState(0)


def test_chances_of_two_classes():
    scores = np.array([-3.0, 1.0, 0.5, 2.0, -1000.0])
    found = chances(scores[:, np.newaxis], 4.0)
    assert_allclose(found[:, 1], expit(4 * scores / 2))
    assert_allclose(found.sum(axis=1), 1)


def test_chances_of_three_classes():
    scores = np.array([[0.0, 1.0, 3.0], [5.0, 4.0, 0.0], [0.0, 7.0, 0.0]])
    assert_allclose(chances(scores, 4.0), softmax(4 * scores / 2, axis=1))


@pytest.mark.parametrize("shift", [0.0, 3.0])
def test_chances_where_most_scores_are_equal(shift):
    """The largest difference is the scale then, and 1 if there is none."""
    scores = np.full((5, 2), shift)
    assert_allclose(chances(scores, 4.0), 0.5)
    scores[0, 1] += 2
    assert_allclose(chances(scores, 4.0)[0, 1], expit(4))


class Scores:
    """A surrogate whose scores are linear in the labels that it has learnt."""

    def __init__(self, n_rows, n_train, n_outputs):
        self.matrix = RNG.standard_normal((n_rows, n_train, n_outputs))

    def scores(self, codes):
        return np.tensordot(self.matrix, codes, axes=([1], [0]))


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("n_mixed", [0, 7])
def test_errors(n_classes, n_mixed):
    n_samples, n_outputs = 6, 1 if n_classes == 2 else 3
    codes = np.arange(n_samples) % n_classes
    codes_mixed = RNG.randint(n_classes, size=n_mixed)
    trains = [np.array([0, 1, 2]), np.array([3, 4, 5])]
    folds = [Fold(trains[i], rows=trains[1 - i]) for i in range(2)]
    whole = Scores(n_samples + n_mixed, n_samples, n_outputs)
    parts = [Scores(3, 3, n_outputs) for _ in folds]
    estimates = RowEstimates(whole, parts, folds, codes, codes_mixed)
    flipped = codes[::-1].copy()

    def scores(labels):
        learnt = whole.scores(labels)
        left_out = [parts[1 - i].scores(labels[trains[1 - i]]) for i in range(2)]
        return learnt[:n_samples], np.concatenate(left_out), learnt[n_samples:]

    expected = []
    own = codes, codes, codes_mixed
    for clean, after, labels in zip(scores(codes), scores(flipped), own, strict=True):
        if not labels.size:
            continue
        believed, predicted = chances(clean, BELIEF), chances(after, SHARPNESS)
        wrong = [
            1 - (p[label] + b @ p) / 2
            for label, b, p in zip(labels, believed, predicted, strict=True)
        ]
        expected.append(np.mean(wrong))
    assert_allclose(estimates.errors(flipped), expected)


def test_a_surrogate_would_lose_a_class():
    codes = np.array([0, 1, 0, 1])
    folds = [Fold(np.array([0, 1]), rows=np.array([2, 3]))]
    whole, part = Scores(4, 4, 1), Scores(2, 2, 1)
    estimates = RowEstimates(whole, [part], folds, codes, np.empty(0, dtype=int))
    assert estimates.errors(np.array([1, 1, 0, 0])) is None
    assert estimates.errors(np.array([1, 0, 0, 0])).shape == (2,)
