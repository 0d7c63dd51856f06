from itertools import combinations, product

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skpoison.metrics import stability_index


def mask(places, n_features=10):
    selection = np.zeros(n_features, dtype=bool)
    selection[list(places)] = True
    return selection


def kuncheva(first, second):
    r, k, d = (first & second).sum(), first.sum(), first.size
    return (r * d - k**2) / (k * (d - k))


@pytest.mark.parametrize("k", [1, 4, 9])
@pytest.mark.parametrize("n_selections", [2, 3, 8])
def test_mean_of_kuncheva_over_pairs(n_selections, k):
    rng = np.random.RandomState(0)
    selections = [mask(rng.permutation(10)[:k]) for _ in range(n_selections)]
    expected = np.mean([kuncheva(*pair) for pair in combinations(selections, 2)])
    assert_allclose(stability_index(selections), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("k", [1, 5, 9])
def test_same_selections(k):
    assert_allclose(stability_index([mask(range(k))] * 3), 1, rtol=1e-14)


@pytest.mark.parametrize("k", [1, 3, 5])
def test_disjoint_selections(k):
    index = stability_index([mask(range(k)), mask(range(k, 2 * k))])
    assert_allclose(index, -k / (10 - k), rtol=1e-12)


@pytest.mark.parametrize("k", [1, 3, 7])
def test_chance_is_zero(k):
    """Over all second selections of a size, of which each is as likely."""
    first = mask(range(k))
    indices = [
        stability_index([first, mask(places)]) for places in combinations(range(10), k)
    ]
    assert_allclose(np.mean(indices), 0, atol=1e-13)


def test_selections_of_different_sizes():
    """Agreement of pairs less what chance has, over the most that could be more."""
    selections = np.array([mask([0, 1, 2]), mask([0]), mask([1, 2, 3, 4, 5])])
    M, d = selections.shape
    shared = np.mean([(a & b).sum() for a, b in product(selections, repeat=2)])
    size = selections.sum() / M
    # Mean number shared by two different ones.
    between = (shared * M - size) / (M - 1)
    expected = (between / d - (size / d) ** 2) / (size / d * (1 - size / d))
    assert_allclose(stability_index(selections), expected, rtol=1e-12)


def test_numbers_serve_as_masks():
    selections = np.array([mask([0, 1]), mask([1, 2])])
    assert stability_index(selections.astype(float)) == stability_index(selections)


@pytest.mark.parametrize(
    ("selections", "message"),
    [
        ([mask([]), mask([])], "must not all contain no feature; got 2 such"),
        ([mask(range(10))] * 3, "must not all contain every feature; got 3 such"),
        ([mask([1])], "minimum of 2 is required"),
        (mask([1]), "Expected 2D array"),
        ([[0, 3, 7], [1, 3, 8]], "must hold boolean masks"),
    ],
)
def test_what_has_no_index(selections, message):
    with pytest.raises(ValueError, match=message):
        stability_index(selections)
