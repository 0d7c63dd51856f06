import numpy as np
import pytest
from scipy import sparse
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import (
    ElasticNet,
    LinearRegression,
    LogisticRegression,
    Ridge,
    SGDRegressor,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skpoison.defences import (
    SEVERClassifier,
    SEVERRegressor,
    SpectralFilteredClassifier,
    TrimmedClassifier,
    TrimmedRegressor,
    _refits,
    _share_filter,
)
from skpoison.defences._last_layer import last_layer_gradients
from skpoison.defences._refits import CloneRefits, make_refits

rng = np.random.RandomState(0)
X = 2 + rng.normal(size=(80, 6)) * [1, 2, 0.5, 1, 3, 1]
r = X @ rng.normal(size=6) + rng.normal(size=80)
THREE = np.array(["a", "b", "c"])[np.argmax(X[:, :3] + rng.normal(size=(80, 3)), 1)]
TWO = np.where(THREE == "a", "a", "b")
WEIGHTS = {"sample_weight": rng.uniform(0.5, 2, size=80)}
SUBSETS = [np.arange(80), np.arange(3, 60), np.arange(0, 80, 3), np.arange(40, 47)]
EXACT = {"solver": "newton-cholesky", "tol": 1e-12}


def same_as_clones(refits, model, y, params):
    """Check losses and gradients against those of fitted clones."""
    clones = CloneRefits(model, X, y, params)
    for rows in SUBSETS:
        found, expected = refits.fit(rows), clones.fit(rows)
        losses = refits.losses(found)
        np.testing.assert_allclose(losses, clones.losses(expected), 1e-6, 1e-9)
        G = last_layer_gradients(expected, X, y)
        assert found.intercept == G.intercept
        np.testing.assert_allclose(found.gradients, G.R, 1e-6, 1e-9)


@pytest.mark.parametrize("params", [{}, WEIGHTS])
@pytest.mark.parametrize(
    "model",
    [
        Ridge(0.3),
        Ridge(20, fit_intercept=False),
        Ridge(0),
        LinearRegression(),
        LinearRegression(fit_intercept=False),
    ],
)
def test_least_squares(model, params):
    refits = make_refits(model, X, r, params)
    assert type(refits).__name__ == "LeastSquaresRefits"
    same_as_clones(refits, model, r, params)
    together = refits.fit_each(SUBSETS)
    for rows, found in zip(SUBSETS, together, strict=True):
        alone = refits.losses(refits.fit(rows))
        np.testing.assert_allclose(refits.losses(found), alone, 1e-9, 1e-12)


@pytest.mark.parametrize("model", [Ridge(0, solver="svd"), LinearRegression()])
def test_columns_of_different_scales_count_as_in_clones(model):
    A = X * [1, 1, 1e5, 1, 1, 1e-5]
    refits, clones = make_refits(model, A, r, {}), CloneRefits(model, A, r, {})
    for rows in SUBSETS[:3]:
        expected = clones.losses(clones.fit(rows))
        np.testing.assert_allclose(refits.losses(refits.fit(rows)), expected, 1e-3)


@pytest.mark.parametrize("model", [Ridge(0.3), LinearRegression()])
@pytest.mark.parametrize("intercept", [True, False])
def test_fewer_rows_than_columns(model, intercept):
    model.set_params(fit_intercept=intercept)
    refits = make_refits(model, X, r, WEIGHTS)
    clones = CloneRefits(model, X, r, WEIGHTS)
    subsets = [np.arange(4), np.array([5, 9, 60])]
    for rows, found in zip(subsets, refits.fit_each(subsets), strict=True):
        expected = clones.losses(clones.fit(rows))
        np.testing.assert_allclose(refits.losses(found), expected, 1e-6, 1e-9)


def test_penalty_less_than_rounding():
    twice = np.repeat(np.arange(80.0)[:, np.newaxis], 2, axis=1)
    model = Ridge(1e-20)
    refits = make_refits(model, twice, r, {})
    clones = CloneRefits(LinearRegression(), twice, r, {})
    rows = np.arange(1, 80)
    expected = clones.losses(clones.fit(rows))
    np.testing.assert_allclose(refits.losses(refits.fit(rows)), expected, 1e-6, 1e-9)


@pytest.mark.parametrize("params", [{}, WEIGHTS])
@pytest.mark.parametrize("y", [TWO, THREE])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"C": 0.05},
        {"class_weight": "balanced"},
        {"class_weight": {"b": 3.0}},
        {"fit_intercept": False},
    ],
)
def test_logistic_regression(y, changes, params):
    model = LogisticRegression(**EXACT, **changes)
    refits = make_refits(model, X, y, params)
    assert type(refits).__name__ == "LogisticRefits"
    same_as_clones(refits, model, y, params)


@pytest.mark.parametrize(
    "model",
    [
        make_pipeline(StandardScaler(), Ridge()),
        ElasticNet(),
        SGDRegressor(),
        Ridge(positive=True),
        Ridge([1.0]),
        Ridge("much"),
        type("Other", (Ridge,), {})(),
    ],
)
def test_clones_of_other_regressors(model):
    assert type(make_refits(model, X, r, {})) is CloneRefits


@pytest.mark.parametrize(
    "model",
    [
        RandomForestClassifier(),
        LogisticRegression(C=np.inf),
        LogisticRegression(l1_ratio=0.5, solver="saga", penalty="elasticnet"),
    ],
)
def test_clones_of_other_classifiers(model):
    assert type(make_refits(model, X, TWO, {})) is CloneRefits


def test_clones_for_other_rows():
    wide = np.repeat(X, 20, axis=1)
    assert type(make_refits(LogisticRegression(), wide, TWO, {})) is CloneRefits
    one_class = np.full(80, "a")
    assert type(make_refits(LogisticRegression(), X, one_class, {})) is CloneRefits
    assert type(make_refits(Ridge(), X.astype(object), r, {})) is CloneRefits
    for rows in (sparse.csr_matrix(X), np.where(X.max() - 0.1 < X, np.inf, X)):
        assert type(make_refits(Ridge(), rows, r, {})) is CloneRefits
    assert type(make_refits(Ridge(), X, r, {"cost": r})) is CloneRefits


def test_clone_where_a_class_is_missing():
    model = LogisticRegression(**EXACT)
    rows = np.flatnonzero(THREE != "c")
    refits = make_refits(model, X, THREE, {})
    fitted = refits.fit(rows)
    assert fitted.classes_.tolist() == ["a", "b"]
    expected = CloneRefits(model, X, THREE, {})
    np.testing.assert_array_equal(
        refits.losses(fitted), expected.losses(expected.fit(rows))
    )


def test_clone_where_the_optimum_is_not_found(monkeypatch):
    def fails(*args, **kwargs):
        raise ValueError

    monkeypatch.setattr(_refits, "minimise", fails)
    model = LogisticRegression()
    fitted = make_refits(model, X, TWO, {}).fit(np.arange(50))
    np.testing.assert_array_equal(fitted.coef_, model.fit(X[:50], TWO[:50]).coef_)


@pytest.mark.parametrize(
    ("defence", "learner"),
    [
        (TrimmedRegressor, Ridge(0.1)),
        (TrimmedRegressor, LinearRegression()),
        (SEVERRegressor, Ridge(0.1)),
        (TrimmedClassifier, LogisticRegression(**EXACT)),
        (SEVERClassifier, LogisticRegression(**EXACT)),
        (SpectralFilteredClassifier, LogisticRegression(**EXACT)),
    ],
)
@pytest.mark.parametrize("contamination", ["auto", 0.2])
@pytest.mark.parametrize("n_trusted", [0, 20])
def test_same_rows_as_by_clones(
    defence, learner, contamination, n_trusted, monkeypatch
):
    y = r if isinstance(learner, (Ridge, LinearRegression)) else TWO
    y = y.copy()
    poison = np.arange(60, 72)
    y[poison] = y.max() if y is not TWO and y.dtype.kind == "f" else y[poison][::-1]
    fitted = []
    for make in (make_refits, CloneRefits):
        monkeypatch.setattr(_share_filter, "make_refits", make)
        model = defence(learner, contamination=contamination, random_state=0)
        fitted.append(model.fit(X, y, trusted=np.arange(80) < n_trusted))
    fast, slow = fitted
    assert fast.first_share_ == slow.first_share_
    np.testing.assert_array_equal(fast.inlier_mask_, slow.inlier_mask_)
    np.testing.assert_allclose(fast.sample_scores_, slow.sample_scores_, 1e-5, 1e-8)


def test_few_subsets_together_find_the_same(monkeypatch):
    whole = TrimmedRegressor(Ridge(), random_state=0).fit(X, r)
    monkeypatch.setattr(_refits, "TOGETHER", 3 * X.size)
    assert make_refits(Ridge(), X, r, {}).n_together == 3
    parts = TrimmedRegressor(Ridge(), random_state=0).fit(X, r)
    np.testing.assert_array_equal(whole.inlier_mask_, parts.inlier_mask_)
    np.testing.assert_allclose(whole.loss_path_, parts.loss_path_)
