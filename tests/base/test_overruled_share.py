import numpy as np
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor

from skpoison.base._overruled_share import overruled_share
from skpoison.defences import OutlierFilteredClassifier, OutlierFilteredRegressor

# 20, 10 and 10 rows of three classes.
CODES = np.repeat([0, 0, 0, 0, 1, 1, 2, 2], 5)


def _defence():
    defence = OutlierFilteredClassifier(DummyClassifier())
    defence.classes_ = np.array(["a", "b", "c"])
    return defence


def test_one_half_is_no_reason_to_warn():
    lost = np.array([1, 0, 0, 0, 1, 0, 0.2, 0.4])
    found = overruled_share(_defence(), CODES, np.repeat(lost, 5))
    np.testing.assert_allclose(found, [0.25, 0.5, 0.3])


def test_more_than_one_half_is():
    lost = np.array([1, 1, 1, 0, 1, 0, 0, 0])
    message = (
        r"OutlierFilteredClassifier overrules 75% of the 20 rows of class 'a'\. Unless "
        ".* rare classes: compare the balanced accuracy .* Mark more rows .* as "
        "trusted, or raise the quantile"
    )
    with pytest.warns(UserWarning, match=message) as caught:
        overruled_share(_defence(), CODES, np.repeat(lost, 5))
    assert len(caught) == 1


def test_class_that_loses_most_is_named():
    lost = np.array([1, 1, 1, 0, 1, 1, 0, 0])
    message = r"100% of the 10 rows of class 'b' \(and more than half of 1 other"
    with pytest.warns(UserWarning, match=message):
        overruled_share(_defence(), CODES, np.repeat(lost, 5))


def test_more_than_one_half_by_chance_is_no_reason():
    codes = np.repeat([0, 1], [20, 5])  # 50 % + 1.645 * 50 % / sqrt(5) are 87 %
    lost = np.arange(25) > 20
    np.testing.assert_allclose(overruled_share(_defence(), codes, lost), [0, 0.8])
    with pytest.warns(UserWarning, match="100% of the 5 rows of class 'b'"):
        overruled_share(_defence(), codes, np.arange(25) > 19)


def test_regression():
    defence, codes = OutlierFilteredRegressor(DummyRegressor()), np.zeros(16, dtype=int)
    found = overruled_share(defence, codes, np.repeat([1, 0, 0, 1], 4))
    assert found == 0.5
    assert isinstance(found, float)
    with pytest.warns(
        UserWarning, match="overrules 75% of the 16 rows, more than half"
    ):
        overruled_share(defence, codes, np.repeat([1, 0, 1, 1], 4))
