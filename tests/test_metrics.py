from itertools import combinations, product

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose

from skpoison.metrics import detection_scores, stability_index


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


POISON = np.array([True, True, True, False, False, False, False, False])
INLIER = np.array([False, False, True, False, True, True, True, True])


def average_precision(is_poison, scores):
    """Average the precision by its definition, over poisoned rows one by one."""
    precisions = []
    for score in scores[is_poison]:
        above = scores >= score
        precisions.append(is_poison[above].mean())
    return np.mean(precisions)


@pytest.mark.parametrize("make", [np.asarray, list, pd.Series, pl.Series])
def test_detection_by_a_mask(make):
    found = detection_scores(make(POISON), inlier_mask=make(INLIER))
    assert dict(found) == {"precision": 2 / 3, "recall": 2 / 3}
    assert {type(value) for value in found.values()} == {float}


@pytest.mark.parametrize("seed", range(5))
def test_average_precision(seed):
    rng = np.random.RandomState(seed)
    is_poison = rng.rand(60) < 0.3
    scores = np.rint(5 * rng.normal(size=60) + 5 * is_poison)  # with ties
    scores[:2], scores[2:4] = np.inf, -np.inf
    (name,), (found,) = zip(
        *detection_scores(is_poison, sample_scores=scores).items(), strict=True
    )
    assert name == "average_precision"
    assert_allclose(found, average_precision(is_poison, scores), rtol=1e-12)


def test_average_precision_of_the_best_and_of_no_order():
    best = np.where(POISON, 1e300, -1e300)
    assert detection_scores(POISON, sample_scores=best).average_precision == 1
    found = detection_scores(POISON, sample_scores=np.zeros(8))
    assert_allclose(found.average_precision, 3 / 8)


def test_rows_of_weight_0_do_not_count():
    scores = np.array([3.0, 2.0, 0.0, 1.0, 0.0, 0.0, np.nan, np.nan])
    poison, inlier = POISON.copy(), INLIER.copy()
    poison[6], inlier[6:] = True, False
    found = detection_scores(poison, inlier_mask=inlier, sample_scores=scores)
    assert found == detection_scores(
        poison[:6], inlier_mask=inlier[:6], sample_scores=scores[:6]
    )
    assert found.precision == found.recall == 2 / 3


def test_nothing_to_find_and_nothing_found():
    none, everything = np.zeros(4, dtype=bool), np.ones(4, dtype=bool)
    found = detection_scores(none, inlier_mask=INLIER[:4], sample_scores=np.arange(4))
    assert found.precision == 0
    assert np.isnan([found.recall, found.average_precision]).all()
    found = detection_scores(everything, inlier_mask=everything)
    assert np.isnan(found.precision)
    assert found.recall == 0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "`inlier_mask` or `sample_scores` must be given"),
        ({"inlier_mask": INLIER[1:]}, "`inlier_mask` must have one entry for each of"),
        ({"sample_scores": [1.0]}, r"`sample_scores` must .* the shape \(1,\)\. Fit"),
        ({"inlier_mask": INLIER * 2 - 1}, "`inlier_mask` must be a one-dimensional"),
        ({"inlier_mask": INLIER[:, np.newaxis]}, r"array of bool of shape \(8, 1\)"),
        ({"sample_scores": ["high"] * 8}, "could not convert string"),
    ],
)
def test_what_detection_scores_refuse(given, message):
    with pytest.raises(ValueError, match=message):
        detection_scores(POISON, **given)


def test_poison_is_a_mask():
    with pytest.raises(ValueError, match="`poison_mask` must be a one-dimensional mas"):
        detection_scores([0, 1, 1], inlier_mask=[True, True, False])
