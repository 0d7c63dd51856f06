import tracemalloc

import numpy as np
import pytest
from scipy import sparse

from skpoison.defences._singular_scores import OuterProducts, singular_scores

rng = np.random.RandomState(0)


def explicit(products):
    """Return the matrix of all entries."""
    X = products.X.toarray() if sparse.issparse(products.X) else products.X
    if products.intercept:
        X = np.column_stack([X, np.full(X.shape[0], products.intercept)])
    return np.array(
        [np.outer(x, r).ravel() for x, r in zip(X, products.R, strict=True)]
    )


def scores_by_svd(G, weights):
    mean = np.average(G, axis=0, weights=weights)
    v = np.linalg.svd(np.sqrt(weights)[:, np.newaxis] * (G - mean))[2][0]
    return ((G - mean) @ v) ** 2


@pytest.mark.parametrize("n_samples", [2, 3, 5, 60])
@pytest.mark.parametrize("n_features", [1, 2, 7])
@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("intercept", [0.0, 1.0, 2.5])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix])
def test_equals_svd_of_the_explicit_matrix(
    n_samples, n_features, n_outputs, intercept, make
):
    X = rng.normal(size=(n_samples, n_features))
    X[rng.uniform(size=X.shape) < 0.3] = 0
    R = rng.normal(size=(n_samples, n_outputs))
    weights = rng.uniform(0.5, 2, size=n_samples)
    products = OuterProducts(make(X), R, intercept)
    G = explicit(products)
    assert products.n_entries == G.shape[1]
    np.testing.assert_allclose(products.squared_norms, (G**2).sum(axis=1))
    v, a = rng.normal(size=G.shape[1]), rng.normal(size=n_samples)
    np.testing.assert_allclose(products.along(v), G @ v, atol=1e-12)
    np.testing.assert_allclose(products.sum(a), a @ G, atol=1e-12)
    np.testing.assert_allclose(
        singular_scores(products, weights, np.random.RandomState(1)),
        scores_by_svd(G, weights),
        rtol=1e-6,
        atol=1e-9 * (G**2).sum(),
    )


@pytest.mark.parametrize("n_samples", [100, 150])
@pytest.mark.parametrize("n_features", [60, 80])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix])
def test_few_rows_or_columns_and_many_of_both(n_samples, n_features, make):
    X = rng.normal(size=(n_samples, n_features))
    X[:, 0] *= 4
    R = rng.normal(size=(n_samples, 2))
    weights = rng.uniform(0.5, 2, size=n_samples)
    products = OuterProducts(make(X), R, 1.5)
    np.testing.assert_allclose(
        singular_scores(products, weights, np.random.RandomState(1)),
        scores_by_svd(explicit(products), weights),
        rtol=1e-6,
        atol=1e-9 * (X**2).sum(),
    )


def test_weights_are_copies():
    X, R = rng.normal(size=(30, 4)), rng.normal(size=(30, 2))
    counts = rng.randint(1, 4, size=30)
    of_weights = singular_scores(
        OuterProducts(X, R, 1.0), counts.astype(float), np.random.RandomState(0)
    )
    rows = np.repeat(np.arange(30), counts)
    of_copies = singular_scores(
        OuterProducts(X[rows], R[rows], 1.0),
        np.ones(rows.size),
        np.random.RandomState(0),
    )
    np.testing.assert_allclose(of_weights[rows], of_copies, rtol=1e-6)


def test_rotation_changes_nothing():
    X, R = rng.normal(size=(50, 6)), rng.normal(size=(50, 1))
    Q = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    ones = np.ones(50)
    one = singular_scores(OuterProducts(X, R, 1.0), ones, np.random.RandomState(0))
    other = singular_scores(
        OuterProducts(X @ Q, R, 1.0), ones, np.random.RandomState(1)
    )
    np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-9)


def test_rows_that_push_together_stand_out():
    X = rng.normal(size=(100, 20))
    X[:10] += 3
    scores = singular_scores(
        OuterProducts(X, np.ones((100, 1))), np.ones(100), np.random.RandomState(0)
    )
    assert set(np.argsort(-scores)[:10]) == set(range(10))


@pytest.mark.parametrize("n_samples", [1, 2, 20])
def test_rows_that_are_alike_have_no_scores(n_samples):
    products = OuterProducts(np.full((n_samples, 5), 0.1), np.full((n_samples, 1), 0.3))
    scores = singular_scores(products, np.ones(n_samples), np.random.RandomState(0))
    np.testing.assert_array_equal(scores, 0)


def test_memory_is_that_of_a_few_vectors():
    X = sparse.random(500, 5000, density=1e-2, format="csr", random_state=0)
    X = sparse.vstack([X[[0] * 50], X[50:]], format="csr")  # 50 rows alike
    R = np.ones((500, 4))
    products = OuterProducts(X, R, 1.0)
    tracemalloc.start()
    scores = singular_scores(products, np.ones(500), np.random.RandomState(0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert scores[:50].min() > scores[50:].max()
    matrix = 8 * 500 * products.n_entries
    assert peak < matrix / 4
