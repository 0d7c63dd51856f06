import numpy as np
import pytest

from skpoison.penalties import BasePenalty


class Nothing(BasePenalty):
    def value_and_gradient(self, X, y, X_start, y_start):
        return 0.0, np.zeros_like(X), np.zeros_like(y)


def test_weights_are_checked():
    assert Nothing(0.0).fit(np.eye(2), np.arange(2)).weight == 0
    with pytest.raises(ValueError, match="The 'weight' parameter of Nothing must be"):
        Nothing(-1.0).fit(np.eye(2), np.arange(2))
