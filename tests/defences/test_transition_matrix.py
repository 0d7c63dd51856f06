import numpy as np
import pytest

from skpoison.defences._transition_matrix import (
    as_transition_matrix,
    check_transition_matrix,
    uniform_noise_matrix,
    wrong_shares,
)

CLASSES = np.array(["a", "b", "c"])


def test_rates_are_spread_over_all_others():
    matrix = uniform_noise_matrix(np.array([0.0, 0.2, 0.5]))
    expected = [[1, 0, 0], [0.1, 0.8, 0.1], [0.25, 0.25, 0.5]]
    np.testing.assert_allclose(matrix, expected, atol=1e-15)


def test_rates_or_a_matrix():
    same = as_transition_matrix(0.2, CLASSES)
    np.testing.assert_allclose(same, uniform_noise_matrix(np.full(3, 0.2)))
    named = as_transition_matrix({"b": 0.2}, CLASSES)
    np.testing.assert_allclose(named, uniform_noise_matrix(np.array([0, 0.2, 0])))
    np.testing.assert_array_equal(as_transition_matrix(named, CLASSES), named)
    np.testing.assert_array_equal(as_transition_matrix(0, CLASSES), np.eye(3))


@pytest.mark.parametrize(
    ("noise", "message"),
    [
        ({"d": 0.1}, r"noise must name classes among \['a', 'b', 'c'\]; got \['d'\]"),
        ({"a": 1.0}, r"must hold rates in \[0, 1\); got 1\."),
        (np.eye(2), r"each of the 3 classes of y; got the shape \(2, 2\)"),
        (np.full((3, 3), 0.5), "probabilities that sum to 1"),
        ([[1, 0, 0], [0, 1, 0], [-0.5, 0.5, 1]], "probabilities that sum to 1"),
        (np.full((3, 3), np.nan), "probabilities that sum to 1"),
        (0.7, "too much noise.* Give lower rates"),
    ],
)
def test_what_does_not_match_the_classes_is_refused(noise, message):
    with pytest.raises(ValueError, match=message):
        as_transition_matrix(noise, CLASSES)


def test_labels_must_be_likeliest_in_their_class():
    check_transition_matrix(uniform_noise_matrix(np.array([0.5, 0.4])))
    with pytest.raises(ValueError, match="rates must sum to less than 1"):
        check_transition_matrix(uniform_noise_matrix(np.array([0.5, 0.5])))


def test_shares_of_wrong_labels():
    """Of 100 rows of a and 40 of b, 10 and 10 are seen as the other."""
    matrix = np.array([[0.9, 0.1], [0.25, 0.75]])
    found = wrong_shares(matrix, np.array([100.0, 40.0]) @ matrix)
    np.testing.assert_allclose(found, [10 / 100, 10 / 40])


def test_classes_not_seen_have_no_wrong_labels():
    np.testing.assert_array_equal(wrong_shares(np.eye(3), np.array([5, 0, 5])), 0)
    # More labels are explained as wrong than are seen of class b.
    matrix = np.array([[0.8, 0.2], [0.0, 1.0]])
    np.testing.assert_allclose(wrong_shares(matrix, np.array([90, 10])), [0, 1])


def test_many_classes_are_not_printed_whole():
    for noise in (0.99, np.full((50, 50), 0.5)):
        with pytest.raises(ValueError, match="50 in all") as caught:
            as_transition_matrix(noise, np.arange(50))
        assert len(str(caught.value)) < 350
    with pytest.raises(ValueError, match=r"got \[50, .* 60 in all\] as well"):
        as_transition_matrix(dict.fromkeys(range(50, 110), 0.1), np.arange(50))
