import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.cluster import KMeans
from sklearn.datasets import make_classification, make_regression
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import BaggingClassifier
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
)
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import _safe_indexing as take
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks
from threadpoolctl import threadpool_info, threadpool_limits

from skpoison.base import BaseDefence, PredictsByEstimatorMixin
from skpoison.defences import (
    KNNSanitizedClassifier,
    OutlierFilteredClassifier,
    OutlierFilteredRegressor,
)
from skpoison.utils.estimator_checks import check_estimator

X = np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0], [6.0, 7.0]])
y = np.array(["b", "a", "a", "b"])


class Plain(PredictsByEstimatorMixin, BaseDefence):
    """A defence that does nothing, for classifiers and regressors."""

    def __init__(self, estimator):
        self.estimator = estimator

    def _fit_estimator(self, X, y, *, present, trusted, params):
        self.seen_ = {"X": X, "y": y, "present": present, "trusted": trusted, **params}
        self.inlier_mask_ = present
        params = {key: np.asarray(value)[present] for key, value in params.items()}
        rows = take(X, np.flatnonzero(present))
        self.estimator_ = self._fit_clone(rows, y[present], params)


class Vote(ClassifierMixin, BaseDefence):
    """Models of parts of the rows vote: there is no estimator_."""

    def __init__(self, estimator):
        self.estimator = estimator

    def _fit_estimator(self, X, y, *, present, trusted, params):
        parts = (np.flatnonzero(present)[i::3] for i in range(3))
        self.models_ = [
            clone(self.estimator).fit(take(X, rows), y[rows]) for rows in parts
        ]
        self.inlier_mask_ = present

    def predict(self, X):
        votes = np.array([model.predict(X) for model in self.models_])
        counts = (votes == self.classes_[:, np.newaxis, np.newaxis]).sum(axis=1)
        return self.classes_[counts.argmax(axis=0)]


class ForRegressors(Plain):
    _required_estimator_type = "regressor"


@parametrize_with_checks([Plain(LinearRegression()), Plain(LogisticRegression())])
def test_any_task_passes_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    "estimator", [LinearRegression(), LogisticRegression(max_iter=10_000)]
)
def test_any_task_passes_the_checks_of_this_package(estimator):
    check_estimator(Plain(estimator))


def test_task_is_that_of_the_estimator():
    classifier = Plain(LogisticRegression())
    regressor = Plain(LinearRegression())
    assert sklearn.base.is_classifier(classifier)
    assert sklearn.base.is_regressor(regressor)
    X, y = make_regression(30, 3, random_state=0)
    assert not hasattr(regressor.fit(X, y), "classes_")
    assert regressor.score(X, y) == LinearRegression().fit(X, y).score(X, y)
    changed = classifier.fit(X, y > 0).set_params(estimator=LinearRegression())
    assert not hasattr(changed.fit(X, y), "classes_")


@pytest.mark.parametrize(
    ("estimator", "name", "value"),
    [
        (PoissonRegressor(), "target_tags.positive_only", True),
        (DummyClassifier(), "classifier_tags.poor_score", True),
        (DummyRegressor(), "regressor_tags.poor_score", True),
        (LogisticRegression(), "classifier_tags.multi_class", True),
        (LogisticRegression(solver="liblinear"), "classifier_tags.multi_class", False),
        (KNeighborsClassifier(metric="nan_euclidean"), "input_tags.allow_nan", False),
    ],
)
def test_tags(estimator, name, value):
    group, tag = name.split(".")
    if name == "classifier_tags.multi_class":
        value = get_tags(estimator).classifier_tags.multi_class
    assert getattr(getattr(get_tags(Plain(estimator)), group), tag) is value


def test_voting_defence_has_no_estimator_and_is_scored():
    X, y = make_classification(90, class_sep=2, random_state=0)
    defence = Vote(LogisticRegression()).fit(X, y)
    assert not hasattr(defence, "estimator_")
    assert defence.score(X, y) > 0.9
    check_estimator(Vote(LogisticRegression(max_iter=10_000)))


@pytest.mark.parametrize(
    ("defence", "message"),
    [
        (ForRegressors(GaussianNB()), "must be a regressor for ForRegressors; got Gau"),
        (Vote(LinearRegression()), "must be a classifier for Vote; got LinearRegress"),
        (Plain(KMeans()), "must be a classifier or a regressor for Plain; got KMeans("),
    ],
)
def test_estimator_of_another_task_is_refused(defence, message):
    with pytest.raises(ValueError, match=re.escape("estimator " + message)):
        defence.fit(X, [0, 1, 0, 1])


def test_weight_0_is_absence():
    weights = np.array([0.0, 1.0, 2.0, 0.0])
    defence = Plain(GaussianNB()).fit(X, y, sample_weight=weights)
    assert defence.seen_["present"].tolist() == [False, True, True, False]
    assert defence.classes_.tolist() == ["a"]


def test_weights_all_zero():
    with pytest.raises(
        ValueError, match=r"got 0 for each. Leave it out|at least one non-zero"
    ):
        Plain(GaussianNB()).fit(X, y, sample_weight=np.zeros(4))


def test_weights_not_taken_by_the_estimator():
    """Whole numbers are numbers of copies, and equal weights are none."""
    for weight in ([1] * 4, [0.3] * 4):
        defence = Plain(KNeighborsClassifier(1)).fit(X, y, sample_weight=weight)
        assert defence.estimator_.n_samples_fit_ == 4
    defence.fit(X, y, sample_weight=[0, 2, 3, 0])
    assert defence.estimator_.n_samples_fit_ == 5
    message = (
        "whole numbers, .*, such as KNeighborsClassifier; got %s. Fit without weig"
    )
    for weight, odd in (([1.5, 1, 1, 1], 1.5), ([2, 1, -1, 1], -1)):
        with pytest.raises(ValueError, match=message % odd):
            defence.fit(X, y, sample_weight=weight)
    assert defence.fit(X, y).estimator_.n_samples_fit_ == 4


def test_weights_not_taken_by_a_pipeline():
    """Both ways out that the error names give what the last step alone would learn."""
    weights = [1.5, 1, 1, 1]
    pipeline = make_pipeline(StandardScaler(), GaussianNB())
    with pytest.raises(ValueError, match=r"within the Pipeline, .* set_fit_request"):
        Plain(pipeline).fit(X, y, sample_weight=weights)
    expected = pipeline.fit(X, y, gaussiannb__sample_weight=weights).predict_proba(X)
    inside = make_pipeline(StandardScaler(), Plain(GaussianNB()))
    inside.fit(X, y, plain__sample_weight=weights)
    np.testing.assert_allclose(
        inside[-1].estimator_.class_prior_, pipeline[-1].class_prior_
    )
    with config_context(enable_metadata_routing=True):
        last = GaussianNB().set_fit_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        routed = Plain(make_pipeline(scaler, last))
        routed.fit(X, y, sample_weight=weights)
        np.testing.assert_allclose(routed.predict_proba(X), expected)


def test_several_outputs_are_fitted_one_by_one():
    Y = np.array([[0, 1], [1, 0], [1, 1], [0, 0]])
    with pytest.raises(ValueError, match="Put MultiOutputClassifier around Plain"):
        Plain(DummyClassifier()).fit(X, Y)
    fitted = MultiOutputClassifier(Plain(DummyClassifier())).fit(X, Y)
    assert fitted.predict(X).shape == (4, 2)


def test_estimators_of_another_task_have_a_defence_of_their_own():
    rows, responses = np.arange(20.0).reshape(-1, 1), np.linspace(0, 1.9, 20)
    with pytest.raises(ValueError, match="For regression take OutlierFilteredRegr"):
        KNNSanitizedClassifier(Ridge()).fit(rows, responses)
    with pytest.raises(ValueError, match="a regressor, such as OutlierFilteredRegr"):
        KNNSanitizedClassifier(LogisticRegression()).fit(rows, responses)
    regressor = OutlierFilteredRegressor(Ridge()).fit(rows, responses)
    assert regressor.inlier_mask_.any()
    with pytest.raises(ValueError, match="For classification take OutlierFilteredCla"):
        OutlierFilteredRegressor(LogisticRegression()).fit(rows, responses > 1)
    classifier = OutlierFilteredClassifier(LogisticRegression())
    assert classifier.fit(rows, responses > 1).inlier_mask_.any()


def test_errors_stay_short():
    """Labels of many classes and masks of two dimensions are not printed whole."""
    rows = np.arange(600.0).reshape(-1, 2)
    labels = np.repeat(np.arange(100), 3).astype(str).astype(object)
    defence = Plain(DummyClassifier()).fit(rows, labels)
    with pytest.raises(ValueError, match=r"\['0', .* 100 in all\]; got \[") as caught:
        defence._check_rows(rows, labels + "x", reset=False)
    assert len(str(caught.value)) < 300
    trusted = np.ones((300, 2), dtype=bool)
    with pytest.raises(ValueError, match=r"shape \(300, 2\)") as caught:
        defence.fit(rows, labels, trusted=trusted)
    assert len(str(caught.value)) < 300


def test_bagging_around_an_estimator_without_weights():
    X, y = make_classification(100, random_state=0)
    bagged = BaggingClassifier(Plain(KNeighborsClassifier()), random_state=0)
    plain = BaggingClassifier(KNeighborsClassifier(), random_state=0)
    np.testing.assert_array_equal(
        bagged.fit(X, y).predict(X), plain.fit(X, y).predict(X)
    )


def test_fit_params_need_routing():
    with pytest.raises(ValueError, match="enable_metadata_routing=True"):
        Plain(GaussianNB()).fit(X, y, colour="red")


def test_several_targets_are_refused():
    with pytest.raises(ValueError, match="Multilabel and multioutput targets are not"):
        Plain(KNeighborsClassifier()).fit(X, [[0, 1], [1, 1], [1, 0], [0, 0]])
    with pytest.raises(ValueError, match="1d array"):
        Plain(LinearRegression()).fit(X, X)


def test_responses_may_be_integers():
    defence = Plain(LinearRegression()).fit(X, [1, 2, 3, 4])
    assert defence.seen_["y"].dtype == np.float64


class TestCheckRows:
    """The checks can be used without `fit`, for a `partial_fit`."""

    def test_attributes_are_set(self):
        defence = Plain(GaussianNB())
        rows = defence._check_rows(pd.DataFrame(X, columns=["u", "v"]), y)
        assert defence.feature_names_in_.tolist() == ["u", "v"]
        assert defence.classes_.tolist() == ["a", "b"]
        assert rows.present.all()
        assert not rows.trusted.any()
        assert rows.sample_weight is None

    def test_rows_are_compared_with_those_before(self):
        defence = Plain(GaussianNB())
        defence._check_rows(X, y)
        rows = defence._check_rows(X[:2], ["a", "a"], trusted=[1, 0], reset=False)
        assert defence.classes_.tolist() == ["a", "b"]
        assert rows.trusted.tolist() == [True, False]
        with pytest.raises(ValueError, match=r"among \['a', 'b'\]; got \['c'\] as"):
            defence._check_rows(X[:2], ["a", "c"], reset=False)
        with pytest.raises(ValueError, match="expecting 2 features"):
            defence._check_rows(X[:, :1], y, reset=False)

    def test_responses_are_not_compared(self):
        defence = Plain(LinearRegression())
        defence._check_rows(X, [0.0, 1.0, 2.0, 3.0])
        rows = defence._check_rows(X, [9.0, 1.0, 2.0, 3.0], reset=False)
        assert rows.y[0] == 9


class BlasThreads(ClassifierMixin, BaseEstimator):
    """A classifier that notes how many threads BLAS has in its fit."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.n_threads_ = max(
            each["num_threads"]
            for each in threadpool_info()
            if each["user_api"] == "blas"
        )
        return self

    def predict(self, X):
        return np.repeat(self.classes_[:1], len(X))


@pytest.mark.parametrize("make", [np.asarray, pd.DataFrame, pl.DataFrame])
def test_small_problems_run_on_one_thread(make):
    with threadpool_limits(2):
        assert Plain(BlasThreads()).fit(make(X), y).estimator_.n_threads_ == 1
        large = np.broadcast_to(0.0, (4, 300_000))
        assert Plain(BlasThreads()).fit(large, y).estimator_.n_threads_ == 2


class RoutedRegressor(RegressorMixin, BaseEstimator):
    """A regressor with metadata of its own."""

    def fit(self, X, y, colour=None):
        self.colour_ = colour
        return self

    def predict(self, X):
        return np.zeros(len(X))


def test_metadata_are_routed_to_fit():
    with sklearn.config_context(enable_metadata_routing=True):
        inner = RoutedRegressor().set_fit_request(colour="paint")
        defence = Plain(inner).fit(X, [1.0, 2.0, 3.0, 4.0], paint=list("rgbr"))
    assert defence.estimator_.colour_.tolist() == list("rgbr")
