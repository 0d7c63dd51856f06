import numpy as np
import pytest

from skpoison.base._budget import BUDGET, n_rows_of


@pytest.mark.parametrize(
    ("budget", "n_rows"),
    [(0, 0), (3, 3), (0.0, 0), (0.5, 5), (0.14, 1), (1.0, 10), (np.int8(2), 2)],
)
def test_n_rows(budget, n_rows):
    found = n_rows_of(budget, 10)
    assert found == n_rows
    assert type(found) is int


@pytest.mark.parametrize("budget", [0, 7, 0.0, 0.3, 1.0, np.float32(0.2), np.int64(3)])
def test_budgets(budget):
    assert any(constraint.is_satisfied_by(budget) for constraint in BUDGET)


@pytest.mark.parametrize("budget", [-1, -0.1, 1.5, 10.0, np.nan, "10%", None, True, []])
def test_no_budgets(budget):
    assert not any(constraint.is_satisfied_by(budget) for constraint in BUDGET)
