"""The weights of the learners in a combination."""

import numpy as np

from skpoison.online._mixing import fading_step, logit_step, softmax

rng = np.random.RandomState(0)


def test_step_is_that_of_the_gradient_of_the_log_loss():
    probabilities = rng.uniform(0.1, 0.9, size=(3, 20))
    weights = rng.uniform(1, 2, size=20)
    logits = np.array([0.3, -0.5, 0.2])

    def loss(a):
        return -np.average(np.log(softmax(a) @ probabilities), weights=weights)

    h = 1e-6
    gradient = [
        (loss(logits + h * e) - loss(logits - h * e)) / (2 * h) for e in np.eye(3)
    ]
    moved = logit_step(logits, probabilities, 0.1, weights)
    np.testing.assert_allclose(moved - logits, -0.1 * np.array(gradient), rtol=1e-6)
    # Two learners: a sigmoid of the difference of the logits.
    two = softmax(np.array([0.7, -0.7]))
    np.testing.assert_allclose(two[0], 1 / (1 + np.exp(-1.4)), rtol=1e-12)
    # However bad a learner is, its weight can come back.
    for _ in range(100):
        logits = logit_step(logits, np.array([[0.9], [0.1], [0.1]]), 10.0)
    assert softmax(logits).min() > 1e-4


def test_faded_credits_by_hand():
    probabilities = np.array([[0.9, 0.5], [0.3, 0.0]])
    first = 0.2 * np.log([0.9, 0.3])
    second = 0.9 * (first - first.mean()) + 0.2 * np.log([0.5, 0.001])
    found = fading_step(np.zeros(2), probabilities, 0.2, 0.9)
    np.testing.assert_allclose(found, second - second.mean(), rtol=1e-12)
    for _ in range(100):
        found = fading_step(found, np.array([[1.0], [0.0]]), 1.0, 1.0)
    np.testing.assert_array_equal(found, [4.0, -4.0])
