import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression

from skpoison.defences import KNNSanitizedClassifier, KNNShapleyFilteredClassifier
from skpoison.utils._trusting import needs_trusted, trusting
from skpoison.utils.estimator_checks import check_estimator

X, y = make_classification(80, random_state=0)


def test_trusts_half_of_the_rows():
    plain = KNNShapleyFilteredClassifier(LogisticRegression(), n_neighbors=3)
    assert needs_trusted(plain)
    defence = trusting(plain)
    assert isinstance(defence, KNNShapleyFilteredClassifier)
    assert repr(defence) == repr(plain)
    defence.fit(X, y)
    half = np.arange(80) // 2 % 2 == 0
    expected = plain.fit(X, y, trusted=half)
    assert_array_equal(defence.sample_scores_, expected.sample_scores_)
    some = np.arange(80) < 30
    expected = plain.fit(X, y, trusted=some)
    found = clone(defence).fit(X, y, trusted=some)
    assert_array_equal(found.sample_scores_, expected.sample_scores_)
    again = pickle.loads(pickle.dumps(found))
    assert_array_equal(again.predict(X), found.predict(X))
    assert_array_equal(again.fit(X, y).sample_scores_, defence.sample_scores_)
    assert trusting(defence) is defence


def test_leaves_others_alone():
    defence = KNNSanitizedClassifier(LogisticRegression())
    assert not needs_trusted(defence)
    assert trusting(defence) is defence


def test_checks_of_defences_that_need_trusted_rows():
    check_estimator(KNNShapleyFilteredClassifier(LogisticRegression(max_iter=1000)))


def test_checks_find_a_defence_that_touches_trusted_rows():
    class Drops(KNNShapleyFilteredClassifier):
        def fit(self, X, y, sample_weight=None, *, trusted=None):
            super().fit(X, y, sample_weight=sample_weight, trusted=trusted)
            self.inlier_mask_[np.flatnonzero(trusted)[0]] = False
            return self

    with pytest.raises(AssertionError):
        check_estimator(Drops(LogisticRegression(max_iter=1000)))
