"""Judgement of rows by the probability of their labels."""

import numpy as np
import pytest

from skpoison.online._judge import Judge

PROBABILITIES = [0.9, 0.05, 0.2, 0.01, 0.1]


def test_soft_and_hard_weights_by_hand():
    soft, hard = Judge(0.1), Judge(0.1, is_hard=True)
    found = [soft.weigh(p) for p in PROBABILITIES]
    np.testing.assert_allclose(found, [1, 0.5, 1, 0.1, 1])
    np.testing.assert_allclose(soft.factors(np.array(PROBABILITIES)), found)
    found = [hard.weigh(p) for p in PROBABILITIES]
    np.testing.assert_array_equal(found, [1, 0, 1, 0, 1])
    np.testing.assert_array_equal(hard.factors(np.array(PROBABILITIES)), found)


def test_burn_in_learns_the_first_rows():
    judge = Judge(0.5, burn_in=2)
    assert [judge.weigh(0.0) for _ in range(4)] == [1, 1, 0, 0]


@pytest.mark.parametrize("is_hard", [True, False])
@pytest.mark.parametrize("max_rejected", [0.0, 0.1, 0.5])
def test_no_window_loses_more_than_the_cap(max_rejected, is_hard):
    judge = Judge(0.9, is_hard=is_hard, max_rejected=max_rejected, window=20)
    rng = np.random.RandomState(0)
    lost = 1 - np.array([judge.weigh(p) for p in rng.uniform(size=500)])
    sums = np.convolve(lost, np.ones(20), "valid")
    assert sums.max() <= 20 * max_rejected + 1e-9
    assert lost.sum() >= 0.8 * max_rejected * 500  # and the cap is used
    np.testing.assert_allclose(judge._total, lost[-20:].sum())


def test_copies_are_independent():
    judge = Judge(0.5, is_hard=True, max_rejected=0.1, window=10)
    judge.weigh(0.4)
    twin = judge.copy()
    assert twin.weigh(0.4) == 1.0  # one row of ten is lost
    assert judge.n_seen == 1
    assert judge.copy().weigh(0.4) == 1.0
