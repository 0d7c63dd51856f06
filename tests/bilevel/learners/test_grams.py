import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from skpoison.bilevel.learners.grams import NEGLIGIBLE, Gram, GramMemory, is_centred
from skpoison.bilevel.learners.stacked import StackedRows

RNG = np.random.RandomState(0)
X = RNG.normal(size=(60, 80)) * np.linspace(0.1, 3, 80)
CLEAN = X[:50]


@pytest.mark.parametrize("clean", [None, CLEAN])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_inner_products_whatever_is_remembered_of_them(clean, dtype):
    memory = GramMemory(clean)
    tol = 1e-6 if dtype == np.float32 else 1e-13
    for n_poison in (10, 4, 0):
        rows = np.vstack([CLEAN, RNG.normal(size=(n_poison, 80))])
        matrix = memory.matrix(rows, dtype)
        assert matrix.dtype == dtype
        assert_array_equal(matrix, matrix.T)
        assert_allclose(matrix, rows @ rows.T, rtol=tol, atol=tol * 1000)


def test_clean_rows_are_multiplied_once():
    memory = GramMemory(CLEAN)
    first = memory.matrix(X, np.float64)
    memory.clean = None  # all that is needed of them is remembered
    memory.clean = np.full_like(CLEAN, np.nan)
    assert_array_equal(memory.matrix(X, np.float64), first)


@pytest.mark.parametrize(
    "gram",
    [Gram(X), Gram(sparse.csr_array(X)), Gram(X, X @ X.T)],
    ids=["products with rows", "products with sparse rows", "stored"],
)
def test_products(gram):
    U = RNG.normal(size=(60, 3))
    assert_allclose(gram.product(U), X @ X.T @ U, rtol=1e-10, atol=1e-10)
    assert_allclose(gram.diagonal, (X**2).sum(axis=1), rtol=1e-12)


def test_single_precision_unless_a_common_offset_takes_its_digits():
    assert is_centred(X)
    assert not is_centred(X + 100)
    assert not is_centred(1e20 * X)
    assert not is_centred(np.full((5, 5), np.nan))
    assert GramMemory().gram(X).matrix.dtype == np.float32
    assert GramMemory().gram(X + 100).matrix.dtype == np.float64
    assert GramMemory().gram(sparse.csr_array(X)).matrix is None
    memory = GramMemory(is_single=False)
    assert memory.gram(X).matrix.dtype == np.float64


def test_the_remainder_of_the_largest_components_is_positive_semidefinite():
    gram = Gram(X, X @ X.T)
    F = gram.largest(None)
    rest = np.linalg.eigvalsh(X @ X.T - F @ F.T)
    assert F.shape == (60, 15)
    assert rest.min() > -1e-8
    sizes = np.linalg.eigvalsh(X @ X.T)[::-1]
    assert rest.max() < 2 * sizes[15]


def test_the_largest_components_follow_the_rows():
    """Repeated, the iteration comes to the best approximation of its rank."""
    gram, F = Gram(X, X @ X.T), None
    for _ in range(200):
        F = gram.largest(F)
    sizes, V = np.linalg.eigh(X @ X.T)
    best = (V[:, -15:] * sizes[-15:]) @ V[:, -15:].T
    assert_allclose(F @ F.T, best, atol=1e-3 * sizes[-1])


@pytest.mark.parametrize("n_rows", [40, 60, 70])
def test_components_of_other_numbers_of_rows(n_rows):
    rows = RNG.normal(size=(n_rows, 80))
    basis = Gram(X, X @ X.T).largest(None)
    gram = Gram(rows, rows @ rows.T)
    F = gram.largest(basis)
    assert F.shape[0] == n_rows
    assert np.linalg.eigvalsh(gram.matrix - F @ F.T).min() > -1e-8


def test_negligible_components_are_left_out():
    rows = RNG.normal(size=(60, 2)) @ RNG.normal(size=(2, 80))
    F = Gram(rows, rows @ rows.T).largest(None)
    assert F.shape[1] == 2
    assert_allclose(F @ F.T, rows @ rows.T, rtol=10 * NEGLIGIBLE, atol=1e-4)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_pairs_are_rows_that_are_most_alike_to_each_other(dtype):
    top = X[:20] * (RNG.rand(20, 80) < 0.3)
    top[4] = 0
    origins = [7, 2, 2, 15]
    bottom = np.vstack([3 * top[origins], -top[[9]], RNG.normal(size=(8, 80))])
    bottom[:4] += RNG.normal(size=(4, 80)) * [[0.3], [0.1], [0.2], [0.3]]
    bottom[-1] = 0
    gram = Gram(StackedRows(sparse.csr_array(top), bottom), dtype=dtype)
    sizes = [np.maximum(np.linalg.norm(rows, axis=1), 1e-9) for rows in (top, bottom)]
    cosines = np.abs(top @ bottom.T) / np.multiply.outer(*sizes)
    wanted = [
        [i, 20 + j]
        for j in range(13)
        for i in [cosines[:, j].argmax()]
        if cosines[i].argmax() == j
    ]
    assert_array_equal(gram.pairs, wanted)
    # Of two clones of a row the one that is closer.
    assert {(7, 20), (2, 21), (15, 23), (9, 24)} <= set(map(tuple, gram.pairs))
    products = [top[i] @ bottom[j - 20] for i, j in gram.pairs]
    assert_allclose(gram.products_of_pairs, products, rtol=1e-5)
    assert Gram(X, X @ X.T).pairs is None
