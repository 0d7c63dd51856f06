import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import make_regression
from sklearn.linear_model import Ridge

from skpoison.defences import OutlierFilteredRegressor
from skpoison.defences._response_column import response_scale
from skpoison.defences._response_column import with_response as append

X, Y = make_regression(60, 3, noise=5.0, random_state=0)
REFERENCE = np.arange(40)


def with_response(X, y):
    """Return rows with their responses at the scale of the first forty."""
    scale = response_scale(X[:40], y[:40])
    return append(X, y, scale)


def test_response_varies_as_much_as_all_features():
    found = with_response(X, Y)
    np.testing.assert_array_equal(found[:, :3], X)
    variances = found[REFERENCE].var(axis=0)
    assert variances[3] == pytest.approx(variances[:3].sum())
    assert np.corrcoef(found[:, 3], Y)[0, 1] == pytest.approx(1)


def test_containers():
    expected = with_response(X, Y)
    found = with_response(sparse.csr_array(X), Y)
    assert found.format == "csr"
    np.testing.assert_allclose(found.toarray(), expected)
    frame = pd.DataFrame(X, columns=["a", "response", "c"])
    found = with_response(frame, Y)
    assert found.columns.tolist() == ["a", "response", "c", "response_"]
    np.testing.assert_allclose(found.to_numpy(), expected)
    found = with_response(pd.DataFrame(X), Y)
    np.testing.assert_allclose(found, expected)


def test_words_do_not_count():
    frame = pd.DataFrame(X, columns=list("abc")).assign(word=["x"] * 60)
    found = with_response(frame, Y)
    np.testing.assert_allclose(found["response"], with_response(X, Y)[:, 3])
    mixed = np.column_stack([X, np.array(["x"] * 60, dtype=object)])
    np.testing.assert_allclose(
        with_response(mixed, Y)[:, 4].astype(float), found["response"]
    )


def test_constant_features_or_responses_are_not_scaled():
    constant = np.ones((60, 2))
    np.testing.assert_array_equal(with_response(constant, Y)[:, 2], Y)
    ones = np.ones(60)
    np.testing.assert_array_equal(with_response(X, ones)[:, 3], ones)


def test_far_row_does_not_set_the_scale_of_the_response():
    X, y = make_regression(400, 3, noise=5.0, random_state=0)
    wrong = y.copy()
    wrong[:40] = y[:40] + 5 * y.std()
    defence = OutlierFilteredRegressor(Ridge(), detector="distance", quantile=0.9)
    plain = clone(defence).fit(X, wrong)
    found = (~plain.inlier_mask_[:40]).sum()
    assert found >= 20
    for far_X, far_y in ((1e6, y[-1]), (1e6, 1e9), (X[-1], 1e9)):
        rows, responses = X.copy(), wrong.copy()
        rows[-1], responses[-1] = far_X, far_y
        fitted = clone(defence).fit(rows, responses)
        assert (~fitted.inlier_mask_[:40]).sum() >= found - 2
        assert not fitted.inlier_mask_[-1]
