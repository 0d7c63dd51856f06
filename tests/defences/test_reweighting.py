import numpy as np
import pytest

from skpoison.defences._reweighting import noise_weights
from skpoison.defences._transition_matrix import uniform_noise_matrix

CODES = np.array([0, 1, 0, 1])
NOBODY = np.zeros(4, dtype=bool)


@pytest.mark.parametrize("rates", [(0.1, 0.3), (0.4, 0.0), (0.2, 0.25)])
def test_weights_are_those_of_the_theorem(rates):
    """Relative to each other 1 - alpha and alpha, alpha = (1 - rho+ + rho-) / 2."""
    rho_minus, rho_plus = rates
    alpha = (1 - rho_plus + rho_minus) / 2
    weights = noise_weights(uniform_noise_matrix(np.array(rates)), CODES, NOBODY)
    np.testing.assert_allclose(weights[CODES == 1], 2 * (1 - alpha))
    np.testing.assert_allclose(weights[CODES == 0], 2 * alpha)


def test_decision_is_where_the_true_label_is_as_likely_as_not():
    """Of rows that are truly positive with probability 1/2, the weights are equal."""
    for rho_minus, rho_plus in ((0.1, 0.3), (0.0, 0.4)):
        seen_positive = (1 - rho_plus) / 2 + rho_minus / 2
        matrix = uniform_noise_matrix(np.array([rho_minus, rho_plus]))
        negative, positive = noise_weights(matrix, np.array([0, 1]), NOBODY[:2])
        np.testing.assert_allclose(
            positive * seen_positive, negative * (1 - seen_positive)
        )


def test_equal_rates_weigh_nothing():
    matrix = uniform_noise_matrix(np.full(2, 0.3))
    np.testing.assert_array_equal(noise_weights(matrix, CODES, NOBODY), np.ones(4))


def test_trusted_rows_keep_their_weight():
    matrix = uniform_noise_matrix(np.array([0.1, 0.3]))
    trusted = np.array([True, True, False, False])
    weights = noise_weights(matrix, CODES, trusted)
    assert (weights[:2] == 1).all()
    assert (weights[2:] != 1).all()
