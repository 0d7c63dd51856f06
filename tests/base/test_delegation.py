import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import make_classification
from sklearn.exceptions import NotFittedError, UnsetMetadataPassedError
from sklearn.feature_selection import RFE, SelectFromModel
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import StratifiedKFold, cross_validate
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.fixes import parse_version

from skpoison.base._delegation import DELEGATED
from skpoison.defences import KNNSanitizedClassifier, OutlierFilteredClassifier

X, y = make_classification(random_state=0)
WEIGHTS = np.random.RandomState(0).uniform(size=y.shape[0])


class Recorder(ClassifierMixin, BaseEstimator):
    """A classifier that remembers which metadata its methods were given."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.seen_ = {}
        return self

    def _record(self, method, X, metadata):
        self.seen_[method] = metadata
        return np.zeros((len(X), 2))

    def predict(self, X, shift=None):
        return self._record("predict", X, shift)[:, 0].astype(int)

    def predict_proba(self, X, shift=None):
        return self._record("predict_proba", X, shift)

    def predict_log_proba(self, X, shift=None):
        return self._record("predict_log_proba", X, shift)

    def decision_function(self, X, shift=None):
        return self._record("decision_function", X, shift)[:, 0]

    def score(self, X, y, shift=None):
        return self._record("score", X, shift)[0, 0]


def test_methods_are_those_of_the_estimator():
    defence = KNNSanitizedClassifier(LinearSVC(), n_neighbors=3).fit(X, y)
    assert hasattr(defence, "decision_function")
    assert not hasattr(defence, "predict_proba")
    assert hasattr(KNNSanitizedClassifier(GaussianNB()), "predict_log_proba")


def test_methods_return_what_the_estimator_returns():
    defence = OutlierFilteredClassifier(LogisticRegression()).fit(X, y)
    for method in DELEGATED[:-1]:
        np.testing.assert_array_equal(
            getattr(defence, method)(X), getattr(defence.estimator_, method)(X)
        )
    assert defence.score(X, y) == defence.estimator_.score(X, y)


IMPORTANCES = {
    "coef_": LogisticRegression(),
    "intercept_": LogisticRegression(),
    "feature_importances_": DecisionTreeClassifier(random_state=0),
}


@pytest.mark.parametrize("name", IMPORTANCES)
def test_importances_are_those_of_the_fitted_estimator(name):
    defence = KNNSanitizedClassifier(IMPORTANCES[name])
    assert not hasattr(defence, name)
    defence.fit(X, y)
    np.testing.assert_array_equal(
        getattr(defence, name), getattr(defence.estimator_, name)
    )
    assert not hasattr(KNNSanitizedClassifier(GaussianNB()).fit(X, y), name)


@pytest.mark.parametrize("inner", [IMPORTANCES["coef_"], DecisionTreeClassifier()])
@pytest.mark.parametrize("select", [SelectFromModel, RFE])
def test_features_are_selected_by_a_defence(select, inner):
    """The same features as by the estimator alone: the filter keeps every row."""
    frame = pd.DataFrame(X, columns=[f"column {j}" for j in range(X.shape[1])])
    inner = clone(inner).set_params(random_state=0)
    defence = OutlierFilteredClassifier(inner, quantile=1.0)
    found, expected = select(defence).fit(frame, y), select(inner).fit(frame, y)
    np.testing.assert_array_equal(found.get_support(), expected.get_support())
    assert 0 < found.get_support().sum() < X.shape[1]
    np.testing.assert_array_equal(found.feature_names_in_, frame.columns)
    assert found.n_features_in_ == X.shape[1]
    assert found.transform(frame).shape[1] == found.get_support().sum()


@pytest.mark.parametrize("method", DELEGATED)
def test_no_prediction_before_fit(method):
    defence = KNNSanitizedClassifier(LogisticRegression())
    arguments = (X, y) if method == "score" else (X,)
    with pytest.raises(NotFittedError, match="KNNSanitizedClassifier instance"):
        getattr(defence, method)(*arguments)


@pytest.mark.parametrize("method", DELEGATED)
def test_metadata_are_routed_to_the_method_of_the_same_name(method):
    arguments = (X, y) if method == "score" else (X,)
    with config_context(enable_metadata_routing=True):
        inner = getattr(Recorder(), f"set_{method}_request")(shift=True)
        defence = KNNSanitizedClassifier(inner).fit(X, y)
        getattr(defence, method)(*arguments, shift="left")
        assert defence.estimator_.seen_[method] == "left"
        getattr(defence, method)(*arguments)
        assert defence.estimator_.seen_[method] is None


@pytest.mark.parametrize("method", DELEGATED)
def test_metadata_that_nobody_asks_for_are_refused(method):
    arguments = (X, y) if method == "score" else (X,)
    with config_context(enable_metadata_routing=True):
        defence = KNNSanitizedClassifier(Recorder()).fit(X, y)
        with pytest.raises(UnsetMetadataPassedError, match=r"\[shift\]"):
            getattr(defence, method)(*arguments, shift="left")
        with pytest.raises(TypeError, match="unexpected argument"):
            getattr(defence, method)(*arguments, colour="red")


@pytest.mark.parametrize("method", DELEGATED)
def test_metadata_without_routing_are_refused(method):
    defence = KNNSanitizedClassifier(Recorder()).fit(X, y)
    arguments = (X, y) if method == "score" else (X,)
    with pytest.raises(ValueError, match="enable_metadata_routing=True"):
        getattr(defence, method)(*arguments, shift="left")


def test_weighted_score_without_routing():
    defence = KNNSanitizedClassifier(GaussianNB()).fit(X, y)
    expected = accuracy_score(y, defence.predict(X), sample_weight=WEIGHTS)
    assert defence.score(X, y, sample_weight=WEIGHTS) == expected
    assert expected != defence.score(X, y)
    unweighted = KNNSanitizedClassifier(Recorder()).fit(X, y)
    assert unweighted.score(X, y, sample_weight=None) == 0


def test_weights_reach_fit_and_score_in_cross_validation():
    """Fold by fold, as with the estimator alone: the filter keeps every row."""
    with config_context(enable_metadata_routing=True):
        inner = GaussianNB().set_fit_request(sample_weight=True)
        inner.set_score_request(sample_weight=True)
        defence = OutlierFilteredClassifier(inner, quantile=1.0)
        defence.set_fit_request(sample_weight=True)
        scores = np.array(
            [
                [
                    each.fit(X[train], y[train], sample_weight=WEIGHTS[train]).score(
                        X[test], y[test], sample_weight=WEIGHTS[test]
                    )
                    for each in (inner, defence)
                ]
                for train, test in StratifiedKFold().split(X, y)
            ]
        )
        np.testing.assert_array_equal(scores[:, 0], scores[:, 1])
        # Older versions do not ask a meta-estimator what its `score` passes on.
        if parse_version(sklearn.__version__) >= parse_version("1.8"):
            params = {"sample_weight": WEIGHTS}
            found = cross_validate(defence, X, y, params=params)["test_score"]
            np.testing.assert_array_equal(found, scores[:, 1])
