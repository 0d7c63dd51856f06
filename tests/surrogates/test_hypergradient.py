import pytest
from sklearn.base import clone

from skpoison.surrogates import Unrolled


def test_parameters():
    assert clone(Unrolled(last=3)).get_params() == {"last": 3}
    with pytest.raises(ValueError, match="The 'last' parameter of Unrolled must be"):
        Unrolled(last=0)._validate_params()
