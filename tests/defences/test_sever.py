import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skpoison.defences import SEVERClassifier, SEVERRegressor

rng = np.random.RandomState(0)
X = rng.normal(size=(150, 6))
W = np.array([1.0, -2.0, 3.0, 0.0, 0.0, 1.0])
r = X @ W + rng.normal(size=150)
POISON = np.arange(150) >= 135
X[POISON] = [0.0, 4.0, 0.0, 0.0, 3.0, 0.0] + 0.1 * rng.normal(size=(15, 6))
r[POISON] = 60.0
y = (r > 0).astype(int)


def published_sever(X, y, model, n_left_out, n_rounds):
    """Algorithm 1 of Diakonikolas et al. (2019) for least squares, explicitly.

    With the fixed cutoff of its experiments; the scores of the first round, too.
    """
    rows, first = np.arange(X.shape[0]), None
    for _ in range(n_rounds):
        model.fit(X[rows], y[rows])
        residuals = model.predict(X[rows]) - y[rows]
        G = residuals[:, np.newaxis] * np.column_stack([X[rows], np.ones(rows.size)])
        G = G - G.mean(axis=0)
        scores = (G @ np.linalg.svd(G)[2][0]) ** 2
        first = scores if first is None else first
        rows = rows[np.sort(np.argsort(scores)[: rows.size - n_left_out])]
    return rows, first


@pytest.mark.parametrize("n_rounds", [1, 2, 3])
@pytest.mark.parametrize("model", [LinearRegression(), Ridge(5.0)])
def test_equals_the_published_algorithm(model, n_rounds):
    defence = SEVERRegressor(
        model, contamination=5 * n_rounds / 150, n_rounds=n_rounds, random_state=0
    ).fit(X, r)
    rows, first = published_sever(X, r, model, 5, n_rounds)
    np.testing.assert_array_equal(np.flatnonzero(defence.inlier_mask_), rows)
    if n_rounds == 1:
        threshold = np.nextafter(first[rows].max(), np.inf)
        np.testing.assert_allclose(
            defence.sample_scores_, first / threshold, rtol=1e-6, atol=1e-9
        )


def test_rows_that_push_together_go_first():
    defence = SEVERRegressor(Ridge(), contamination=0.1, n_rounds=1, random_state=0)
    np.testing.assert_array_equal(defence.fit(X, r).inlier_mask_, ~POISON)


def test_gradients_of_each_class():
    model = LogisticRegression(solver="newton-cholesky", tol=1e-12)
    defence = SEVERClassifier(model, contamination=0.1, n_rounds=1, random_state=0)
    scores = defence.fit(X, y).sample_scores_
    residuals = model.fit(X, y).predict_proba(X)[:, 1] - y
    G = residuals[:, np.newaxis] * np.column_stack([X, np.ones(150)])
    for k in range(2):
        of_class = G[y == k] - G[y == k].mean(axis=0)
        expected = (of_class @ np.linalg.svd(of_class)[2][0]) ** 2
        np.testing.assert_allclose(
            scores[y == k] / scores[y == k].max(),
            expected / expected.max(),
            rtol=1e-6,
            atol=1e-9,
        )


def test_rotation_changes_nothing():
    Q = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    params = {"contamination": 0.2, "random_state": 0}
    one = SEVERRegressor(Ridge(), **params).fit(X, r)
    other = SEVERRegressor(Ridge(), **params).fit(X @ Q, r)
    np.testing.assert_array_equal(one.inlier_mask_, other.inlier_mask_)
    np.testing.assert_allclose(
        one.sample_scores_, other.sample_scores_, rtol=1e-6, atol=1e-9
    )


def test_sparse_rows_and_a_pipeline():
    params = {"contamination": 0.2, "random_state": 0}
    dense = SEVERRegressor(Ridge(solver="lsqr", tol=1e-12), **params).fit(X, r)
    rows = sparse.csr_matrix(X)
    found = SEVERRegressor(Ridge(solver="lsqr", tol=1e-12), **params).fit(rows, r)
    np.testing.assert_array_equal(found.inlier_mask_, dense.inlier_mask_)
    piped = SEVERRegressor(make_pipeline(StandardScaler(), Ridge()), **params)
    scaled = SEVERRegressor(Ridge(), contamination=0.2, random_state=0, n_rounds=1)
    one_round = piped.set_params(n_rounds=1).fit(X, r)
    scaled = scaled.fit(StandardScaler().fit_transform(X), r)
    np.testing.assert_array_equal(one_round.inlier_mask_, scaled.inlier_mask_)


def test_random_cutoff_stays_within_the_contamination():
    shares = []
    for seed in range(10):
        defence = SEVERRegressor(
            Ridge(), contamination=0.1, n_rounds=1, cutoff="random", random_state=seed
        ).fit(X, r)
        shares.append(defence.overruled_share_)
    assert max(shares) <= 0.1 + 1e-9
    assert len(set(shares)) > 2
    assert min(shares) > 0


def test_random_cutoff_is_a_uniform_share_of_the_largest_score():
    defence = SEVERRegressor(Ridge(), cutoff="random")
    deviations = np.linspace(0, 10, 1001)
    drawn = [
        defence._threshold(
            deviations, np.ones(1001), 1001.0, 1, np.random.RandomState(seed)
        )
        for seed in range(400)
    ]
    assert 0 < min(drawn) < 0.2
    assert 9.8 < max(drawn) < 10
    assert np.mean(drawn) == pytest.approx(5, abs=3 * 10 / np.sqrt(12 * 400))
    limited = defence._threshold(
        deviations, np.ones(1001), 10.0, 1, np.random.RandomState(0)
    )
    assert (deviations >= limited).sum() <= 10
