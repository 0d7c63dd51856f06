import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    RobustScaler,
    StandardScaler,
)

from skpoison.surrogates._scalers import affine_map, split_scalers

X = np.random.RandomState(0).normal(size=(50, 4)) * [1, 10, 0.1, 1] + [0, 5, -3, 0]
X[:, 3] = 7  # Constant
SCALERS = [
    [],
    [MaxAbsScaler()],
    [MinMaxScaler()],
    [MinMaxScaler((-1, 2))],
    [MinMaxScaler(clip=True)],
    [RobustScaler()],
    [RobustScaler(with_centering=False, quantile_range=(5, 90))],
    [StandardScaler()],
    [StandardScaler(with_mean=False)],
    [StandardScaler(with_std=False)],
    [StandardScaler(), MinMaxScaler((-3, 1)), MaxAbsScaler()],
    [MinMaxScaler(), RobustScaler(), StandardScaler()],
]


@pytest.mark.parametrize("scalers", SCALERS, ids=str)
def test_map_is_what_the_scalers_do(scalers):
    scale, shift = affine_map([clone(scaler) for scaler in scalers], X)
    expected = X
    for scaler in scalers:
        expected = scaler.fit_transform(expected)
    assert scale.shape == shift.shape == (4,)
    assert_allclose(X * scale + shift, expected, rtol=1e-12, atol=1e-12)


def test_clipping_ends_at_the_training_rows():
    scale, shift = affine_map([MinMaxScaler(clip=True)], X)
    outside = np.concatenate([X.min(axis=0) - 1, X.max(axis=0) + 1]).reshape(2, 4)
    expected = MinMaxScaler().fit(X).transform(outside)
    assert_allclose(outside * scale + shift, expected, rtol=1e-12)


@pytest.mark.parametrize(
    "scaler",
    [
        MaxAbsScaler(),
        StandardScaler(with_mean=False),
        RobustScaler(with_centering=False),
    ],
    ids=str,
)
def test_sparse_rows(scaler):
    rows = sparse.random_array((50, 6), density=0.6, format="csr", random_state=0)
    scale, shift = affine_map([clone(scaler), clone(scaler)], rows)
    expected = scaler.fit_transform(scaler.fit_transform(rows))
    assert_allclose(rows.multiply(scale).toarray(), expected.toarray(), rtol=1e-12)
    assert not shift.any()


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler(), RobustScaler()])
def test_large_means_cost_no_digits(scaler):
    """Such as those of points in time, in seconds."""
    times = 1.7e9 + 1e4 * np.random.RandomState(0).normal(size=(50, 2))
    scale, shift = affine_map([clone(scaler)], times)
    expected = scaler.fit_transform(times)
    assert_allclose(times * scale + shift, expected, rtol=0, atol=1e-9)


def test_scalers_are_split_from_the_estimator():
    standard, estimator = StandardScaler(copy=False), LogisticRegression()
    scalers, behind = split_scalers(make_pipeline(standard, MaxAbsScaler(), estimator))
    assert behind is estimator
    assert [type(scaler) for scaler in scalers] == [StandardScaler, MaxAbsScaler]
    assert scalers[0] is not standard
    assert scalers[0].copy
    assert not standard.copy
    assert split_scalers(estimator) == ([], estimator)


def test_rows_are_not_written_to():
    before = X.copy()
    scalers, _ = split_scalers(
        make_pipeline(StandardScaler(copy=False), LogisticRegression())
    )
    affine_map(scalers, X)
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize("step", [PCA(), Normalizer(), LogisticRegression()], ids=str)
def test_other_steps_are_refused(step):
    message = "does not go through .*, a step of the surrogate. Take one of MaxAbsSc"
    with pytest.raises(TypeError, match=message):
        split_scalers(make_pipeline(MaxAbsScaler(), step, LogisticRegression()))
