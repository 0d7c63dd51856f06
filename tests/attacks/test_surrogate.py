import numpy as np
import pytest
from scipy import sparse

from skpoison.attacks._surrogate import default_surrogate

X = np.random.RandomState(0).normal(size=(50, 3))


@pytest.mark.parametrize(("shift", "is_centred"), [(0, False), (1e6, True)])
def test_default_surrogate_centres_columns_far_from_zero(shift, is_centred):
    assert default_surrogate(X + shift)[0].with_mean == is_centred
    assert not default_surrogate(sparse.csr_array(X + shift))[0].with_mean
