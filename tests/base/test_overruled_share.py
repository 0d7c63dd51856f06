import numpy as np
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor

from skpoison.base._overruled_share import overruled_share
from skpoison.defences import OutlierFilteredClassifier, OutlierFilteredRegressor

CODES = np.array([0, 0, 0, 0, 1, 1, 2, 2])


def _defence():
    defence = OutlierFilteredClassifier(DummyClassifier())
    defence.classes_ = np.array(["a", "b", "c"])
    return defence


def test_one_half_is_no_reason_to_warn():
    lost = np.array([1, 0, 0, 0, 1, 0, 0.2, 0.4])
    found = overruled_share(_defence(), CODES, lost)
    np.testing.assert_allclose(found, [0.25, 0.5, 0.3])


def test_more_than_one_half_is():
    lost = np.array([1, 1, 1, 0, 1, 0, 0, 0])
    message = (
        r"OutlierFilteredClassifier overrules 75% of the 4 rows of class 'a'\. Unless "
        ".* rare classes; .* Mark more rows .* as trusted, or raise the quantile"
    )
    with pytest.warns(UserWarning, match=message) as caught:
        overruled_share(_defence(), CODES, lost)
    assert len(caught) == 1


def test_class_that_loses_most_is_named():
    lost = np.array([1, 1, 1, 0, 1, 1, 0, 0])
    message = r"100% of the 2 rows of class 'b' \(and more than half of 1 other"
    with pytest.warns(UserWarning, match=message):
        overruled_share(_defence(), CODES, lost)


def test_regression():
    defence, codes = OutlierFilteredRegressor(DummyRegressor()), np.zeros(4, dtype=int)
    found = overruled_share(defence, codes, np.array([1, 0, 0, 1]))
    assert found == 0.5
    assert isinstance(found, float)
    with pytest.warns(UserWarning, match="overrules 75% of the 4 rows, more than half"):
        overruled_share(defence, codes, np.array([1, 0, 1, 1]))
