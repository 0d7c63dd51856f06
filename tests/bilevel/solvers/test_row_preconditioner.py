import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse

from skpoison.bilevel.learners.grams import Gram
from skpoison.bilevel.learners.stacked import StackedRows
from skpoison.bilevel.solvers.row_preconditioner import RowPreconditioner

RNG = np.random.RandomState(0)
TOP = RNG.normal(size=(30, 60)) * (RNG.rand(30, 60) < 0.3)
# Clones of clean rows, the last two of one row, that have moved together, and a row of
# its own.
ORIGINS = [3, 8, 21, 11, 11]
MOVED = TOP[ORIGINS] + 0.2 * RNG.normal(size=60) + 0.05 * RNG.normal(size=(5, 60))
X = np.vstack([TOP, MOVED, RNG.normal(size=(1, 60))])
ROOTS = RNG.uniform(0.5, 2, 36)
PENALTY = 0.01


def stacked_gram(rows=X, dtype=np.float64):
    return Gram(StackedRows(sparse.csr_array(rows[:30]), rows[30:]), dtype=dtype)


def replaced_matrix(gram, F, pairs, offset):
    """What stands for M."""
    rest = gram.X.gram() if isinstance(gram.X, StackedRows) else gram.X @ gram.X.T
    rest = rest - F @ F.T
    kept = np.eye(36, dtype=bool)
    for i, j in pairs:
        kept[i, j] = kept[j, i] = True
    K = np.where(kept, rest, 0) + F @ F.T + offset
    return PENALTY * np.eye(36) + ROOTS[:, np.newaxis] * K * ROOTS


@pytest.mark.parametrize("offset", [0.0, 0.7])
@pytest.mark.parametrize("n_columns", [1, 3])
def test_inverse_is_that_of_the_matrix(offset, n_columns):
    B = RNG.normal(size=(36, n_columns))
    for gram in (stacked_gram(), Gram(X, X @ X.T)):
        F = gram.largest(None)
        pairs = [] if gram.pairs is None else gram.pairs
        M = replaced_matrix(gram, F, pairs, offset)
        found = RowPreconditioner(PENALTY, ROOTS, gram, F, offset)(B)
        assert_allclose(M @ found, B, rtol=1e-8, atol=1e-8)
    assert len(stacked_gram().pairs) >= 4


def test_pairs_leave_a_system_that_is_well_conditioned():
    """Rows and clones that have moved a little; rows have little else in common."""
    top = RNG.normal(size=(30, 2000)) * (RNG.rand(30, 2000) < 0.3)
    rows = np.vstack([top, top[:6] + 0.05 * RNG.normal(size=(6, 2000))])
    M = ROOTS[:, np.newaxis] * (rows @ rows.T) * ROOTS + PENALTY * np.eye(36)
    conditions = []
    for is_paired in (False, True):
        gram = stacked_gram(rows)
        if not is_paired:
            gram.pairs = None
        inverse = RowPreconditioner(PENALTY, ROOTS, gram, np.zeros((36, 1)))
        sizes = np.linalg.eigvals(inverse(M)).real
        conditions.append(sizes.max() / sizes.min())
    assert conditions[0] > 100
    assert conditions[1] < 3


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_that_are_the_same_leave_it_positive_definite(dtype):
    rows = X.copy()
    rows[30:35] = 1e3 * TOP[ORIGINS]
    rows[:2] = 0
    gram = stacked_gram(rows, dtype)
    inverse = RowPreconditioner(1e-6, ROOTS, gram, np.zeros((36, 1)))(np.eye(36))
    assert_allclose(inverse, inverse.T, rtol=1e-8, atol=1e-8 * inverse.max())
    assert np.linalg.eigvalsh(inverse).min() > 0
