import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import expit, softmax

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


class Part:
    """A surrogate whose scores are linear in the labels that it has learnt."""

    def __init__(self, n_rows, n_train, n_outputs):
        self.matrix = RNG.standard_normal((n_rows, n_train, n_outputs))

    def scores(self, codes):
        return np.tensordot(self.matrix, codes, axes=([1], [0]))


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("n_mixed", [0, 7])
def test_errors(n_classes, n_mixed):
    codes = np.arange(6) % n_classes
    labels = np.concatenate([codes, RNG.randint(n_classes, size=n_mixed)])
    part = Part(6 + n_mixed, 6, 1 if n_classes == 2 else 3)
    flipped = codes[::-1].copy()
    expected = []
    for rows in [slice(6), slice(6, None)][: 2 if n_mixed else 1]:
        believed = chances(part.scores(codes)[rows], BELIEF)
        predicted = chances(part.scores(flipped)[rows], SHARPNESS)
        wrong = [
            1 - (p[label] + b @ p) / 2
            for label, b, p in zip(labels[rows], believed, predicted, strict=True)
        ]
        expected.append(np.mean(wrong))
    assert_allclose(RowEstimates(part, labels, codes).errors(flipped), expected)
