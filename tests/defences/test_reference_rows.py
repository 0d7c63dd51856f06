import numpy as np
import pytest
from scipy import sparse
from scipy.spatial.distance import cdist
from sklearn.preprocessing import StandardScaler

from skpoison.defences._reference_rows import as_sparse_if_alike, sample_rows


@pytest.mark.parametrize("n_sampled", [1, 2, 60, 799, 800])
def test_each_class_keeps_its_share(n_sampled):
    codes = np.random.RandomState(0).permutation(np.repeat([0, 1, 2], [600, 180, 20]))
    sample = sample_rows(codes, n_sampled, np.random.RandomState(1))
    assert np.unique(sample).shape[0] == n_sampled
    np.testing.assert_array_equal(sample, np.sort(sample))
    counts = np.bincount(codes[sample], minlength=3)
    shares = n_sampled * np.array([600, 180, 20]) / 800
    assert (np.abs(counts - shares) < 1).all()


def test_every_row_is_as_likely():
    codes = np.repeat([0, 1], [30, 10])
    random_state = np.random.RandomState(0)
    drawn = [sample_rows(codes, 10, random_state) for _ in range(4000)]
    frequencies = np.bincount(np.concatenate(drawn)) / 4000
    # Five standard deviations of a share of 4000 draws.
    np.testing.assert_allclose(frequencies, 0.25, atol=5 * np.sqrt(0.1875 / 4000))


def _words():
    rng = np.random.RandomState(0)
    return rng.poisson(0.05, size=(300, 120)) * rng.uniform(1, 2, size=(300, 120))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("scale", [lambda X: X, StandardScaler().fit_transform])
def test_distances_stay_what_they_are(scale, dtype):
    X = scale(_words()).astype(dtype)
    before = X.copy()
    moved = as_sparse_if_alike(X)
    assert moved.format == "csr"
    assert moved.dtype == dtype
    assert moved.has_canonical_format
    assert moved.nnz == np.count_nonzero(_words())
    np.testing.assert_array_equal(X, before)
    rounding = {np.float64: 1e-12, np.float32: 1e-4}[dtype]
    np.testing.assert_allclose(
        cdist(moved.toarray(), moved.toarray()), cdist(X, X), rtol=rounding
    )


@pytest.mark.parametrize(
    "X",
    [
        np.random.RandomState(0).normal(size=(300, 120)),
        _words()[:, :99],
        sparse.csr_array(_words()),
    ],
    ids=["different", "few columns", "sparse"],
)
def test_other_rows_stay_as_they_are(X):
    assert as_sparse_if_alike(X) is X


def test_fewer_rows_than_the_guess_is_made_from():
    X = _words()[:7]
    np.testing.assert_allclose(
        cdist(*[as_sparse_if_alike(X).toarray()] * 2), cdist(X, X)
    )
