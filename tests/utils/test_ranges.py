import numpy as np
from numpy.testing import assert_array_equal
from scipy import sparse

from skpoison.utils._ranges import column_ranges


def test_column_ranges():
    X = np.array([[1.0, 0.0, 7.0], [3.0, -2.0, 7.0]])
    for rows in (X, sparse.csr_array(X)):
        low, width = column_ranges(rows)
        assert_array_equal(low, [1, -2, 7])
        assert_array_equal(width, [2, 2, 1])
