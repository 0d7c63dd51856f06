from itertools import combinations

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, Ridge

from skpoison.defences._concentration import Trimming, threshold_that_keeps
from skpoison.defences._refits import make_refits

rng = np.random.RandomState(0)
X = rng.normal(size=(12, 2))
y = X @ [1.0, -2.0] + 0.3 * rng.normal(size=12)
y[:3] += [4.0, 5.0, -6.0]


def trimming(X, y, *, weights=None, kept=None, groups=None, estimator=None):
    n = y.shape[0]
    weights = np.ones(n) if weights is None else weights
    kept = np.zeros(n, dtype=bool) if kept is None else kept
    groups = np.zeros(n, dtype=int) if groups is None else groups
    estimator = LinearRegression() if estimator is None else estimator
    refits = make_refits(estimator, X, y, {"sample_weight": weights})
    return Trimming(refits, weights, kept, ~kept, groups)


def best_subset(n_kept, kept=()):
    """Return the subset of the least mean squared error, by exhaustion."""

    def error(rows):
        A = np.column_stack([X, np.ones(12)])[list(rows)]
        r = y[list(rows)]
        return np.mean((A @ np.linalg.lstsq(A, r, rcond=None)[0] - r) ** 2)

    others = [i for i in range(12) if i not in kept]
    subsets = combinations(others, n_kept - len(kept))
    found = min((tuple(kept) + subset for subset in subsets), key=error)
    return sorted(found), error(found)


@pytest.mark.parametrize("n_left_out", [1, 3, 5])
def test_several_starts_find_the_best_subset(n_left_out):
    trims = trimming(X, y)
    starts = trims.starts(40, 3, np.random.RandomState(1))
    fitted = trims.best(starts, n_left_out / 12, 50)
    rows, error = best_subset(12 - n_left_out)
    assert fitted.rows.tolist() == rows
    assert fitted.path[-1] == pytest.approx(error, rel=1e-10)
    assert fitted.is_settled


def test_best_subset_with_rows_that_are_always_kept():
    kept = np.arange(12) < 2  # two of the three gross errors
    trims = trimming(X, y, kept=kept)
    starts = trims.starts(40, 3, np.random.RandomState(1))
    fitted = trims.best(starts, 0.4, 50)
    rows, error = best_subset(8, kept=(0, 1))
    assert fitted.rows.tolist() == rows
    assert fitted.path[-1] == pytest.approx(error, rel=1e-10)


def test_starts():
    kept = np.arange(12) < 4
    groups = np.arange(12) // 11
    trims = trimming(X, y, kept=kept, groups=groups)
    starts = trims.starts(20, 3, np.random.RandomState(0))
    assert len(starts) == 20
    np.testing.assert_array_equal(starts[0], np.arange(12))
    for rows in starts[1:]:  # the rows kept miss a group, and are no start
        assert 3 <= rows.size <= 4
        assert set(groups[rows]) == {0, 1}
        assert (np.diff(rows) > 0).all()
    both = trimming(X, y, kept=kept).starts(2, 3, np.random.RandomState(0))
    np.testing.assert_array_equal(both[1], np.arange(4))


@pytest.mark.parametrize("estimator", [LinearRegression(), Ridge(3.0)])
@pytest.mark.parametrize("share", [0.1, 0.25, 0.5])
def test_trimmed_loss_falls_with_every_step(estimator, share):
    rng = np.random.RandomState(3)
    X = rng.normal(size=(200, 4))
    y = X @ rng.normal(size=4) + rng.normal(size=200)
    y[:50] -= 2 * y[:50] + 3
    weights = rng.randint(1, 4, size=200).astype(float)
    groups = rng.randint(2, size=200)
    lengths = set()
    for kept in (np.zeros(200, dtype=bool), np.arange(200) % 7 == 0):
        trims = trimming(
            X, y, weights=weights, kept=kept, groups=groups, estimator=estimator
        )
        for rows in trims.starts(4, 5, np.random.RandomState(0)):
            fitted = trims.concentrate(trims.start(rows, share), share, 100)
            assert (np.diff(fitted.path) < 0).all()
            assert fitted.is_settled
            assert fitted.path[-1] == trims.trimmed_loss(fitted.losses, share)
            lengths.add(len(fitted.path))
    assert max(lengths) > 3


def test_trimmed_loss_is_that_of_the_best_rows():
    losses = np.array([5.0, 1.0, 2.0, 9.0])
    weights = np.array([1.0, 2.0, 1.0, 1.0])
    trims = trimming(X[:4], y[:4], weights=weights)
    assert trims.trimmed_loss(losses, 0.2) == pytest.approx((2 * 1 + 2 + 5) / 4)
    # Rows count as a whole.
    assert trims.trimmed_loss(losses, 0.5) == pytest.approx((2 * 1 + 2) / 3)
    kept = np.array([False, False, False, True])
    trims = trimming(X[:4], y[:4], weights=weights, kept=kept)
    assert trims.trimmed_loss(losses, 0.25) == pytest.approx((9 + 2 * 1 + 2) / 4)


def test_nothing_is_left_out_at_a_share_of_0():
    trims = trimming(X, y)
    fitted = trims.best([np.arange(12)], 0.0, 10)
    plain = LinearRegression().fit(X, y)
    np.testing.assert_allclose(fitted.losses, (plain.predict(X) - y) ** 2, rtol=1e-9)
    assert trims.thresholds(fitted.losses, 0.0).tolist() == [np.inf]


def test_each_group_loses_its_share():
    groups = np.array([0] * 8 + [1] * 4)
    losses = np.arange(12.0)[::-1]
    trims = trimming(X, y, groups=groups)
    assert trims.select(losses, 0.25).tolist() == [2, 3, 4, 5, 6, 7, 9, 10, 11]


@pytest.mark.parametrize(
    ("values", "weights", "limit", "kept"),
    [
        ([3, 1, 2], [1, 1, 1], 2, [1, 2]),
        ([3, 1, 2], [1, 1, 1], 1.5, [1, 2]),
        ([3, 1, 2], [1, 1, 1], 0, [1]),
        ([3, 1, 2], [1, 1, 1], 3, [1, 2, 3]),
        ([1, 1, 2], [1, 1, 1], 1, [1, 1]),
        ([2, 2, 2], [1, 1, 1], 1, [2, 2, 2]),
        ([3, 1, 2], [1, 5, 1], 5, [1]),
        ([0.1, 0.3, 0.2], [0.1, 0.1, 0.1], 0.1 + 0.1, [0.1, 0.2]),
    ],
)
def test_threshold_keeps_enough_and_ties(values, weights, limit, kept):
    values, weights = np.array(values, dtype=float), np.array(weights, dtype=float)
    threshold = threshold_that_keeps(values, weights, limit)
    assert sorted(values[values < threshold]) == kept


def test_threshold_of_no_rows():
    assert threshold_that_keeps(np.empty(0), np.empty(0), 0.0) == np.inf


def test_ten_shares_of_a_hundred_rows_are_exact():
    for percent in range(100):
        values, share = np.arange(100.0), percent / 100
        threshold = threshold_that_keeps(values, np.ones(100), (1 - share) * 100)
        assert (values >= threshold).sum() == percent


def test_reweighting_takes_good_rows_back():
    trims = trimming(X, y)
    fitted = trims.best(trims.starts(50, 3, np.random.RandomState(0)), 0.5, 50)
    assert fitted.rows.size == 6
    last, thresholds = trims.reweight(fitted, lambda losses: np.array([4.0]), 50)
    assert last.rows.tolist() == list(range(3, 12))
    assert thresholds.tolist() == [4.0]
    assert last.path == fitted.path
    np.testing.assert_array_equal(np.flatnonzero(last.losses < 4), last.rows)


def test_reweighting_keeps_groups_all_of_which_is_bad():
    groups = (np.arange(12) < 3).astype(int)
    trims = trimming(X, y, groups=groups)
    fitted = trims.start(np.arange(3, 12), 0.2)
    last, _ = trims.reweight(fitted, lambda losses: np.array([4.0, 0.0]), 1)
    assert set(range(3)) <= set(last.rows)


def test_goes_on_from_another_share():
    trims = trimming(X, y)
    starts = trims.starts(50, 3, np.random.RandomState(0))
    fitted = trims.best(starts, 0.4, 50)
    same = trims.at_share(fitted, 0.4, 50)
    assert same.model is fitted.model
    assert same.path == fitted.path[-1:]
    wider = trims.at_share(fitted, 0.25, 50)
    assert wider.rows.tolist() == best_subset(9)[0]


def test_steps_are_limited():
    trims = trimming(X, y)
    start = trims.start(np.arange(12), 0.4)
    assert len(trims.concentrate(start, 0.4, 1).path) == 2
    assert not trims.concentrate(start, 0.4, 1).is_settled
