import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_regression
from sklearn.linear_model import LogisticRegression, Ridge

from skpoison.defences import (
    SEVERClassifier,
    SEVERRegressor,
    SpectralFilteredClassifier,
)
from skpoison.defences._row_losses import log_losses

rng = np.random.RandomState(0)
X = rng.normal(size=(200, 5))
y = (X[:, 0] + 0.3 * rng.normal(size=200) > 0).astype(int)
POISON = np.arange(200) < 10
X[POISON] = [6.0, 0.0, 4.0, 0.0, 0.0] + 0.1 * rng.normal(size=(10, 5))
y[POISON] = 0
PLAIN = LogisticRegression()


@pytest.mark.parametrize("n_rounds", [1, 2, 4])
@pytest.mark.parametrize("defence", [SEVERClassifier, SpectralFilteredClassifier])
def test_rounds_together_leave_out_the_share(defence, n_rounds):
    share = 0.12
    fitted = defence(PLAIN, contamination=share, n_rounds=n_rounds, random_state=0)
    fitted = fitted.fit(X, y)
    excess = 1.5 if defence is SpectralFilteredClassifier else 1.0
    counts = np.bincount(y)
    left_out = np.bincount(y[~fitted.inlier_mask_])
    assert (np.abs(left_out - excess * share * counts) < 1).all()
    assert not fitted.inlier_mask_[POISON].any()
    assert fitted.threshold_.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("defence", [SEVERClassifier, SpectralFilteredClassifier])
@pytest.mark.parametrize(("share", "n_left_out"), [(0.1, 20), (0.3, 38)])
def test_share_of_all_rows_however_many_are_trusted(defence, share, n_left_out):
    if defence is SpectralFilteredClassifier:
        share /= 1.5
    target = np.arange(200) % 2
    trusted = np.arange(200) >= 40
    params = {"contamination": share, "n_rounds": 1, "random_state": 0}
    fitted = defence(PLAIN, **params).fit(X, target, trusted=trusted)
    # One row of each class is always kept.
    assert (~fitted.inlier_mask_).sum() == n_left_out


def test_all_poison_is_found_beside_many_trusted_rows():
    X, y = make_regression(100, 3, noise=20.0, random_state=0)
    poison = np.arange(100) >= 84
    y[poison] = 2 * y.max()
    trusted = np.arange(100) < 80
    fitted = SEVERRegressor(Ridge(), random_state=0).fit(X, y, trusted=trusted)
    np.testing.assert_array_equal(fitted.inlier_mask_, ~poison)


@pytest.mark.parametrize("defence", [SEVERClassifier, SpectralFilteredClassifier])
def test_no_contamination_is_the_plain_fit(defence):
    fitted = defence(PLAIN, contamination=0).fit(X, y)
    assert fitted.inlier_mask_.all()
    np.testing.assert_array_equal(fitted.coef_, clone(PLAIN).fit(X, y).coef_)


@pytest.mark.parametrize("defence", [SEVERClassifier, SpectralFilteredClassifier])
def test_rows_are_taken_back_unless_contradicted(defence):
    fitted = defence(PLAIN, random_state=0).fit(X, y)
    assert not fitted.inlier_mask_[POISON].any()
    found = ~fitted.inlier_mask_
    assert found[~POISON].mean() < 0.05
    first = defence(PLAIN, contamination=0.3, random_state=0).fit(X, y)
    assert (found <= ~first.inlier_mask_).all()
    # Of rows that were left out at first, those that are contradicted still are.
    model = fitted.estimator_
    large = np.log1p(9 * (np.bincount(y)[::-1] / np.bincount(y)))[y]
    contradicted = log_losses(model, X, y) >= large
    np.testing.assert_array_equal(found, contradicted & ~first.inlier_mask_)


def test_random_state():
    one, again = (
        SEVERClassifier(PLAIN, cutoff="random", random_state=0).fit(X, y)
        for _ in range(2)
    )
    np.testing.assert_array_equal(one.sample_scores_, again.sample_scores_)
