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

from skpoison.surrogates._scalers import make_column_scaler, split_scalers

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
def test_scalers_are_fitted_on_clean_and_poison_rows(scalers):
    poison = np.random.RandomState(1).normal(size=(5, 4), scale=9)
    scaler = make_column_scaler([clone(scaler) for scaler in scalers], X)
    rows = expected = np.concatenate([X, poison])
    for step in scalers:
        expected = step.fit_transform(expected)
    actual = scaler.fit(poison).transform(rows)
    assert_allclose(actual, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "scaler", [StandardScaler(), MinMaxScaler(), RobustScaler(), MaxAbsScaler()]
)
def test_weights_stand_for_rows(scaler):
    weights = np.random.RandomState(1).choice(4, 50)
    fitted = make_column_scaler([clone(scaler)], X, 1.0 * weights).fit()
    expected = scaler.fit(np.repeat(X, weights, axis=0)).transform(X)
    assert_allclose(fitted.transform(X), expected, rtol=1e-12, atol=1e-12)


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
    fitted = make_column_scaler([clone(scaler), clone(scaler)], rows).fit()
    expected = scaler.fit_transform(scaler.fit_transform(rows))
    assert_allclose(fitted.transform(rows).toarray(), expected.toarray(), rtol=1e-12)


def test_sparse_rows_are_not_centred():
    rows = sparse.random_array((50, 6), density=0.6, format="csr", random_state=0)
    with pytest.raises(ValueError, match="Cannot center sparse matrices"):
        make_column_scaler([StandardScaler()], rows)


def test_parameters_of_scalers_are_checked():
    with pytest.raises(ValueError, match="Minimum of desired feature range"):
        make_column_scaler([MinMaxScaler((1, 0))], X)


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler(), RobustScaler()])
def test_large_means_cost_no_digits(scaler):
    """Such as those of points in time, in seconds."""
    times = 1.7e9 + 1e4 * np.random.RandomState(0).normal(size=(50, 2))
    actual = make_column_scaler([clone(scaler)], times).fit().transform(times)
    assert_allclose(actual, scaler.fit_transform(times), rtol=0, atol=1e-9)


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
    make_column_scaler(scalers, X).fit(X[:3]).transform(X)
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize("step", [PCA(), Normalizer(), LogisticRegression()], ids=str)
def test_other_steps_are_refused(step):
    message = "before its last one but MaxAbsScaler, MinMaxScaler, RobustScaler or"
    with pytest.raises(TypeError, match=message):
        split_scalers(make_pipeline(MaxAbsScaler(), step, LogisticRegression()))
