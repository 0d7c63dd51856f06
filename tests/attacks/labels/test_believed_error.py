import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import expit, softmax

from skpoison.attacks.labels._believed_error import (
    BELIEF,
    SHARPNESS,
    BelievedError,
    believed_shares,
)

RNG = np.random.RandomState(0)
SIZES = 6, 7


def drawn(n_classes):
    """Return shares of the labels of two kinds of rows, and scores of all rows."""
    shares = tuple(RNG.dirichlet(np.ones(n_classes), size=n) for n in SIZES)
    n_outputs = 1 if n_classes == 2 else n_classes
    return shares, RNG.standard_normal((sum(SIZES), n_outputs))


def chances(scores, sharpness):
    """Compute smoothed indicators row by row."""
    if scores.shape[1] == 1:
        scale = np.median(np.abs(scores))
        high = expit(sharpness * scores[:, 0] / scale)
        return np.column_stack([1 - high, high])
    leads = [np.subtract(*np.sort(row)[[-1, -2]]) for row in scores]
    return softmax(sharpness * scores / np.median(leads), axis=1)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("n_classes", [2, 4])
def test_each_kind_of_rows_counts_as_much(n_classes, sign):
    shares, scores = drawn(n_classes)
    expected = 0
    for own, part in zip(shares, (scores[:6], scores[6:]), strict=True):
        predicted = chances(part, SHARPNESS)
        right = [q @ p for q, p in zip(own, predicted, strict=True)]
        expected += sign * (1 - np.mean(right)) / 2
    measure = BelievedError(shares, sign=sign)
    assert_allclose(measure.value(scores), expected, rtol=1e-13)
    many = np.stack([RNG.standard_normal(scores.shape), scores], axis=1)
    assert_allclose(measure.values(many)[1], expected, rtol=1e-13)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("n_classes", [2, 4])
def test_gradient_with_the_scale_held(n_classes, sign):
    """The median does not depend on rows whose scores are far from it."""
    shares, scores = drawn(n_classes)
    measure = BelievedError(shares, sign=sign)
    gradient = measure.gradient(scores)
    width = 1 if n_classes == 2 else 2
    part = np.sort(np.abs(scores[:6]) if width == 1 else scores[:6], axis=1)
    leads = part[:, -1] - (part[:, -2] if width == 2 else 0)
    far = np.setdiff1d(np.arange(6), np.argsort(leads)[2:4])
    for row in far:
        for output in range(scores.shape[1]):
            step = np.zeros_like(scores)
            step[row, output] = 1e-6
            slope = measure.value(scores + step) - measure.value(scores - step)
            assert_allclose(gradient[row, output], slope / 2e-6, rtol=1e-6, atol=1e-9)


def test_of_two_classes_one_score_or_two():
    shares, scores = drawn(2)
    both = np.hstack([-scores, scores]) / 2
    measure = BelievedError(shares)
    assert_allclose(measure.value(both), measure.value(scores), rtol=1e-13)
    slopes = measure.gradient(both)
    one = (slopes[:, 1:] - slopes[:, :1]) / 2
    assert_allclose(one, measure.gradient(scores), rtol=1e-13)


@pytest.mark.parametrize("shift", [0.0, 3.0])
def test_where_most_scores_are_equal(shift):
    """The largest difference is the scale then, and 1 if there is none."""
    scores = np.full((5, 2), shift)
    measure = BelievedError((np.eye(2)[[1, 1, 1, 1, 1]],), sharpness=4.0)
    assert_allclose(measure.value(scores), 0.5)
    scores[0, 1] += 2
    assert_allclose(measure.value(scores), (2 + 1 - expit(4)) / 5)


@pytest.mark.parametrize("n_classes", [2, 4])
def test_labels_are_half_believed(n_classes):
    _, scores = drawn(n_classes)
    codes = RNG.randint(n_classes, size=scores.shape[0])
    expected = (np.eye(n_classes)[codes] + chances(scores, BELIEF)) / 2
    assert_allclose(believed_shares(scores, codes), expected, rtol=1e-13)
