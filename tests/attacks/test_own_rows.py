import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_iris

from skpoison.attacks import RandomLabelFlip
from skpoison.attacks._own_rows import check_own_rows, check_together, split

X, y = load_iris(return_X_y=True)
ATTACK = RandomLabelFlip().fit(X, y)


def test_together():
    check_together(None, None)
    check_together(X, y)
    with pytest.raises(ValueError, match="X_val and y_val go together"):
        check_together(None, y)


def test_rows_come_as_the_training_rows_do():
    for training, own in ((X, sparse.csr_array(X)), (sparse.csr_array(X), X)):
        rows, codes = check_own_rows(ATTACK, training, own, y)
        assert sparse.issparse(rows) == sparse.issparse(training)
        np.testing.assert_array_equal(codes, y)


@pytest.mark.parametrize(
    ("X_val", "y_val", "message"),
    [
        (X[:, :2], y, "X_val has 2 features, but X has 4"),
        (X, y + 1, r"labels that are not among those of y: \[3\]"),
        (X, y[1:], "inconsistent numbers of samples"),
    ],
)
def test_bad_rows(X_val, y_val, message):
    with pytest.raises(ValueError, match=message):
        check_own_rows(ATTACK, X, X_val, y_val)


def test_split_keeps_shares_of_classes():
    rng = np.random.RandomState(0)
    first, second = split("validation_fraction", 0.3, np.arange(150), y, rng)
    np.testing.assert_array_equal(np.bincount(y[first]), [15, 15, 15])
    np.testing.assert_array_equal(np.sort(np.append(first, second)), np.arange(150))
    with pytest.raises(ValueError, match=r"validation_fraction=0\.001 cannot be taken"):
        split("validation_fraction", 0.001, np.arange(150), y, rng)
