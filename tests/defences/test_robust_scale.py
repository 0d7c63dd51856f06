import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.preprocessing import StandardScaler, scale

from skpoison.defences._robust_scale import is_far, pull_in, standardize, total_variance

X = np.random.RandomState(0).normal(size=(200, 3))


@pytest.mark.parametrize("load", [load_breast_cancer, load_digits])
def test_real_rows_are_left_alone(load):
    rows = scale(load().data)
    assert pull_in(rows) is rows
    np.testing.assert_allclose(total_variance(rows), rows.var(axis=0).sum())


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array, sparse.csr_matrix])
def test_rows_without_a_far_one_have_unit_variance(make):
    rows = make(np.abs(X))
    scaled = standardize(rows)
    scaled = scaled.toarray() if sparse.issparse(scaled) else scaled
    assert scaled.var(axis=0).sum() == pytest.approx(1)
    expected = np.abs(X) / np.sqrt(np.abs(X).var(axis=0).sum())
    shift = 0 if sparse.issparse(rows) else expected.mean(axis=0)
    np.testing.assert_allclose(scaled, expected - shift)


@pytest.mark.parametrize("size", [1e3, 1e6, 1e200])
@pytest.mark.parametrize("columns", [slice(None), slice(1)])
@pytest.mark.parametrize("scaler", [None, StandardScaler(), "by the largest"])
def test_far_row_does_not_set_the_scale(size, columns, scaler):
    far = X.copy()
    far[0, columns] = size
    if scaler == "by the largest":
        far /= np.abs(far).max(axis=0)
    elif scaler is not None and size < 1e100:
        far = scaler.fit_transform(far)
    before = far.copy()
    with np.errstate(all="raise", under="ignore"):
        spread = standardize(far)[1:].std(axis=0)
    np.testing.assert_array_equal(far, before)
    assert (spread > 0.1).all(), spread


def test_far_sparse_row_does_not_set_the_scale():
    far = X.copy()
    far[0] = 1e6
    scaled = standardize(sparse.csr_array(far))
    assert (scaled.toarray()[1:].std(axis=0) > 0.3).all()
    assert total_variance(sparse.csr_array(far)) < 10


def test_direction_is_kept():
    far = X.copy()
    far[0] = [300.0, 400.0, 0.0]
    near = pull_in(far)
    center = np.median(near, axis=0)
    length = np.linalg.norm(near[0] - center)
    np.testing.assert_allclose((near[0] - center) / length, [0.6, 0.8, 0], atol=1e-2)


def test_missing_values_count_as_the_median():
    rows = X.copy()
    rows[::10, 0] = np.nan
    filled = np.where(np.isnan(rows), np.nanmedian(rows, axis=0), rows)
    assert total_variance(rows) == pytest.approx(filled.var(axis=0).sum())
    empty = np.full((4, 1), np.nan)
    assert total_variance(np.hstack([empty, X[:4]])) == total_variance(X[:4])


@pytest.mark.parametrize("rows", [np.ones((5, 2)), np.zeros((1, 2))])
def test_equal_rows(rows):
    np.testing.assert_array_equal(standardize(rows), np.zeros_like(rows))
    assert total_variance(rows) == 0
    assert total_variance(sparse.csr_array(np.zeros((3, 2)))) == 0


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("columns", [slice(None), slice(1)])
def test_which_rows_are_far(make, columns):
    assert not is_far(make(X)).any()
    far = X.copy()
    far[[3, 8], columns] = 1e6
    np.testing.assert_array_equal(np.flatnonzero(is_far(make(far))), [3, 8])
    assert not is_far(np.zeros((4, 2))).any()
