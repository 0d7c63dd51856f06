import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import LinearSVC

from skpoison.defences import KNNSanitizedClassifier, OutlierFilteredClassifier

X, y = make_classification(random_state=0)


def test_methods_are_those_of_the_estimator():
    defence = KNNSanitizedClassifier(LinearSVC(), n_neighbors=3).fit(X, y)
    assert hasattr(defence, "decision_function")
    assert not hasattr(defence, "predict_proba")
    assert hasattr(KNNSanitizedClassifier(GaussianNB()), "predict_log_proba")


def test_methods_give_what_the_estimator_gives():
    defence = OutlierFilteredClassifier(LogisticRegression()).fit(X, y)
    for method in (
        "predict",
        "predict_proba",
        "predict_log_proba",
        "decision_function",
    ):
        np.testing.assert_array_equal(
            getattr(defence, method)(X), getattr(defence.estimator_, method)(X)
        )
    assert defence.score(X, y) == defence.estimator_.score(X, y)


def test_nothing_is_predicted_before_fit():
    with pytest.raises(NotFittedError, match="KNNSanitizedClassifier instance"):
        KNNSanitizedClassifier(GaussianNB()).predict_proba(X)
