import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    RobustScaler,
    StandardScaler,
)

from skpoison.bilevel.differentiation.scaling import (
    ColumnScaler,
    LargestScaling,
    QuantileScaling,
    RangeScaling,
    Standardisation,
)
from skpoison.bilevel.learners.columns import ColumnGradient, column_gradient_of_rows

rng = np.random.RandomState(0)
X = rng.normal(size=(50, 4)) * [1, 10, 0.1, 1] + [0, 5, -3, 0]
X[:, 3] = 7  # Constant
POISON = rng.normal(size=(5, 4)) * [3, 10, 1, 1] + [0, 5, -3, 0]
NEW = rng.normal(size=(7, 4)) * 20
# Each step beside the scaler of scikit-learn that it stands for.
STANDARD = Standardisation(), StandardScaler()
PAIRS = {
    "none": [],
    "largest": [(LargestScaling(), MaxAbsScaler())],
    "range": [(RangeScaling(), MinMaxScaler())],
    "another range": [(RangeScaling(-1, 2), MinMaxScaler((-1, 2)))],
    "clipped": [(RangeScaling(clip=True), MinMaxScaler(clip=True))],
    "quantiles": [(QuantileScaling(), RobustScaler())],
    "other quantiles": [
        (
            QuantileScaling(False, low=0.05, high=0.9),
            RobustScaler(with_centering=False, quantile_range=(5, 90)),
        )
    ],
    "median": [(QuantileScaling(True, False), RobustScaler(with_scaling=False))],
    "standard": [STANDARD],
    "deviation": [(Standardisation(False), StandardScaler(with_mean=False))],
    "mean": [(Standardisation(True, False), StandardScaler(with_std=False))],
    "mean, largest": [
        (Standardisation(True, False), StandardScaler(with_std=False)),
        (LargestScaling(), MaxAbsScaler()),
    ],
    "standard, clipped, largest": [
        STANDARD,
        (RangeScaling(-3, 1, clip=True), MinMaxScaler((-3, 1), clip=True)),
        (LargestScaling(), MaxAbsScaler()),
    ],
    "range, quantiles, deviation": [
        (RangeScaling(1, 2), MinMaxScaler((1, 2))),
        (QuantileScaling(False), RobustScaler(with_centering=False)),
        (Standardisation(False), StandardScaler(with_mean=False)),
    ],
    "standard twice": [STANDARD, STANDARD],
}
pairs = pytest.mark.parametrize("pairs", PAIRS.values(), ids=PAIRS.keys())


def steps_of(pairs):
    return [step for step, _ in pairs]


@pytest.mark.parametrize("n_poison", [0, 5])
@pairs
def test_map_is_what_scikit_learn_fits_on_all_rows(pairs, n_poison):
    poison = POISON[:n_poison]
    scaling = ColumnScaler(steps_of(pairs), X).fit(poison)
    together, new = np.concatenate([X, poison]), NEW
    expected = together
    for _, scaler in pairs:
        expected, new = scaler.fit_transform(expected), scaler.transform(new)
    close = {"rtol": 1e-12, "atol": 1e-12}
    assert_allclose(scaling.transform(together), expected, **close)
    assert_allclose(scaling.transform_new(NEW)[0], new, **close)


@pytest.mark.parametrize("is_weighted", [False, True])
@pairs
def test_gradient_against_differences(pairs, is_weighted):
    weights = np.random.RandomState(1).uniform(0.5, 2.5, 50) if is_weighted else None
    scaler = ColumnScaler(steps_of(pairs), X, weights)
    rng = np.random.RandomState(2)
    A, B = rng.normal(size=(55, 4)), rng.normal(size=(7, 4))

    def scaled(poison):
        scaling = scaler.fit(poison)
        rows = scaling.transform(np.concatenate([X, poison]))
        return scaling, rows, *scaling.transform_new(NEW)

    def value(poison):
        _, Z, new, _ = scaled(poison)
        return (A * np.sin(Z)).sum() + (B * np.cos(new)).sum()

    scaling, Z, new, clipped = scaled(POISON)
    G, of_new = A * np.cos(Z), -B * np.sin(new)
    columns = column_gradient_of_rows(Z, G) + column_gradient_of_rows(new, of_new)
    if clipped is not None:
        columns += ColumnGradient(0, 0, *((mask * of_new).sum(0) for mask in clipped))
    gradient = scaling.pull_back(G[50:], columns)
    differences, h = np.zeros_like(gradient), 1e-5
    for i in np.ndindex(*POISON.shape):
        step = np.zeros_like(POISON)
        step[i] = h
        differences[i] = (value(POISON + step) - value(POISON - step)) / (2 * h)
    error = np.linalg.norm(gradient - differences) / np.linalg.norm(differences)
    assert error < 1e-7
    some = scaling.pull_back(G[52:54], columns, slice(2, 4))
    assert_allclose(some, gradient[2:4], rtol=1e-12)


def test_standardisation_in_closed_form():
    """A column of one poison row beside clean rows of known mean and deviation."""
    clean, w = np.array([[-1.0], [1.0]]), 1.5
    scaler = ColumnScaler([Standardisation()], clean, np.full(2, w))
    x = 2.0
    scaling = scaler.fit(np.array([[x]]))
    mean = x / (2 * w + 1)
    variance = (2 * w + x**2) / (2 * w + 1) - mean**2
    assert_allclose([scaling.shift, scaling.scale], [[mean], [np.sqrt(variance)]])
    # The scaled poison row itself: z = (x - m) / s.
    z = (x - mean) / np.sqrt(variance)
    columns = ColumnGradient(np.array([1.0]), np.array([z]))
    n = 2 * w + 1
    expected = (1 - 1 / n - z**2 / n) / np.sqrt(variance)
    assert_allclose(scaling.pull_back(np.ones((1, 1)), columns), [[expected]])


@pytest.mark.parametrize(
    "step",
    [LargestScaling(), Standardisation(False), QuantileScaling(False)],
    ids=str,
)
def test_sparse_rows(step):
    rows = sparse.random_array((50, 6), density=0.6, format="csr", random_state=0)
    poison = np.random.RandomState(0).uniform(size=(3, 6))
    of_sparse, of_dense = (
        ColumnScaler([step, step], each).fit(poison) for each in (rows, rows.toarray())
    )
    expected = of_dense.transform(rows.toarray())
    Z = of_sparse.transform(rows)
    assert sparse.issparse(Z)
    assert Z.format == "csr"
    assert_allclose(Z.toarray(), expected, rtol=1e-12)
    columns = ColumnGradient(np.arange(6.0), np.ones(6))
    assert_allclose(
        of_sparse.pull_back(np.ones((3, 6)), columns),
        of_dense.pull_back(np.ones((3, 6)), columns),
        rtol=1e-12,
    )


def test_scaled_rows_are_written_where_they_are_wanted():
    for pairs in PAIRS.values():
        scaling = ColumnScaler(steps_of(pairs), X).fit(POISON)
        before, out = X.copy(), np.empty_like(X)
        expected = scaling.transform(X)
        assert scaling.transform(X, out=out) is out
        assert_array_equal(out, expected)
        assert_array_equal(X, before)


def test_clipping_changes_nothing_within_the_bounds():
    scaling = ColumnScaler([RangeScaling(clip=True)], X).fit(POISON)
    Z, clipped = scaling.transform_new(X)
    assert clipped is None
    assert_array_equal(Z, scaling.transform(X))


def test_steps_of_a_constant_column_hold_its_scale():
    constant = np.full((10, 1), 3.0)
    for step, shift, scale in [
        (Standardisation(), 3, 1),
        (RangeScaling(0, 2), 3, 0.5),
        (QuantileScaling(unit=2.0), 3, 0.5),
        (LargestScaling(), 0, 3),
    ]:
        scaling = ColumnScaler([step], constant).fit(constant[:2])
        assert_allclose([scaling.shift[0], scaling.scale[0]], [shift, scale])
    scaling = ColumnScaler([LargestScaling()], 0 * constant).fit()
    assert scaling.scale == 1


def test_poison_alone_can_be_fitted():
    scaling = ColumnScaler([Standardisation()], X[:0]).fit(POISON)
    expected = StandardScaler().fit_transform(POISON)
    assert_allclose(scaling.transform(POISON), expected, rtol=1e-12)
