import numpy as np
import pytest

from skpoison.defences._trusted_choice import trusted_folds, weakest_of_the_best


@pytest.mark.parametrize("n_trusted", [10, 11, 40])
def test_each_trusted_row_is_left_out_once(n_trusted):
    codes = np.arange(60) % 3
    trusted = np.random.RandomState(0).permutation(60) < n_trusted
    folds = trusted_folds(codes, trusted, np.random.RandomState(0))
    assert len(folds) == 2
    together = np.concatenate(folds)
    np.testing.assert_array_equal(np.sort(together), np.flatnonzero(trusted))
    for fold in folds:
        counts = np.bincount(codes[fold], minlength=3)
        share = np.bincount(codes[trusted]) / 2
        assert (np.abs(counts - share) <= 1).all()


def test_too_few_or_no_others():
    codes = np.zeros(60, dtype=int)
    rng = np.random.RandomState(0)
    assert trusted_folds(codes, np.arange(60) < 9, rng) == []
    assert trusted_folds(codes, np.ones(60, dtype=bool), rng) == []


def test_weakest_of_about_equals():
    losses = np.array([[2.0, 2.0], [1.5, 0.0], [0.0, 1.0], [1.0, 0.0], [3.0, 3.0]])
    assert weakest_of_the_best(losses, 0.0) == 2
    assert weakest_of_the_best(losses, 0.4) == 2
    assert weakest_of_the_best(losses, 0.5) == 1


def test_rounding_is_no_advantage():
    losses = np.array([[0.3, 0.5], [0.3, 0.3], [0.3, 0.3 - 1e-9], [0.3, 0.3 - 1e-5]])
    assert weakest_of_the_best(losses[:3], 0.0) == 1
    assert weakest_of_the_best(losses, 0.0) == 3
