import numpy as np
import pytest

from skpoison.defences._transition_matrix import check_matrix, given, spread

CLASSES = np.array(["a", "b", "c"])


def test_rates_are_spread_over_all_others():
    matrix = spread(np.array([0.0, 0.2, 0.5]))
    expected = [[1, 0, 0], [0.1, 0.8, 0.1], [0.25, 0.25, 0.5]]
    np.testing.assert_allclose(matrix, expected, atol=1e-15)


def test_what_the_user_gives():
    same = given(0.2, CLASSES)
    np.testing.assert_allclose(same, spread(np.full(3, 0.2)))
    named = given({"b": 0.2}, CLASSES)
    np.testing.assert_allclose(named, spread(np.array([0, 0.2, 0])))
    np.testing.assert_array_equal(given(named, CLASSES), named)
    np.testing.assert_array_equal(given(0, CLASSES), np.eye(3))


@pytest.mark.parametrize(
    ("noise", "message"),
    [
        ({"d": 0.1}, r"noise names classes that y does not have: \['d'\]"),
        ({"a": 1.0}, r"rates of noise must be in \[0, 1\)"),
        (np.eye(2), r"shape \(2, 2\), but y has 3 classes"),
        (np.full((3, 3), 0.5), "probabilities that sum to 1"),
        ([[1, 0, 0], [0, 1, 0], [-0.5, 0.5, 1]], "probabilities that sum to 1"),
        (np.full((3, 3), np.nan), "probabilities that sum to 1"),
        (0.7, "too much noise"),
    ],
)
def test_what_does_not_fit_is_refused(noise, message):
    with pytest.raises(ValueError, match=message):
        given(noise, CLASSES)


def test_labels_must_speak_for_their_class():
    check_matrix(spread(np.array([0.5, 0.4])))
    with pytest.raises(ValueError, match="rates must sum to less than 1"):
        check_matrix(spread(np.array([0.5, 0.5])))
