import re
import warnings
from importlib import import_module
from itertools import combinations, permutations
from math import comb
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sklearn
from imblearn.pipeline import make_pipeline
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_digits, make_classification, make_regression
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import (
    KNeighborsClassifier,
    LocalOutlierFactor,
    NearestNeighbors,
)
from sklearn.preprocessing import StandardScaler

from skpoison.attacks import RandomInsertion, RandomLabelFlip
from skpoison.base import BaseRowFilter
from skpoison.defences import (
    ConfidentLearningClassifier,
    KNNSanitizedClassifier,
    OutlierFilteredClassifier,
)
from skpoison.utils.estimator_checks import check_estimator

X = np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0], [6.0, 7.0]])
y = np.array(["b", "a", "a", "b"])
RESPONSES = np.array([0.0, 1.0, 2.0, 3.0])


class Given(BaseRowFilter):
    """A filter whose scores, and labels, are given."""

    def __init__(self, estimator, scores, labels=None, action="drop", threshold=1.0):
        super().__init__(estimator, threshold=threshold)
        self.scores = scores
        self.labels = labels
        self.action = action

    def _score_rows(self, X, y, *, trusted):
        self.seen_ = {"X": X, "y": y, "trusted": trusted}
        if self.labels is None:
            return self.scores
        return np.array(self.scores), np.array(self.labels)


class OneForEachClass(Given):
    """A filter with a threshold for each class."""

    _parameter_constraints = {
        **BaseRowFilter._parameter_constraints,
        "threshold": ["array-like"],
    }

    def _learn_threshold(self, scores, y, *, trusted):
        return np.array(self.threshold)


class Norm(BaseRowFilter):
    """A filter of a third party: the distance from the mean, less its median."""

    def _score_rows(self, X, y, *, trusted):
        X = X if isinstance(X, np.ndarray) else X.toarray()
        distances = np.linalg.norm(X - X.mean(axis=0), axis=1)
        return distances - 2 * np.median(distances)


@pytest.mark.parametrize("estimator", [LogisticRegression(max_iter=10_000), Ridge()])
def test_filter_of_a_third_party_for_any_task(estimator):
    check_estimator(Norm(estimator))


def test_row_is_dropped_if_its_score_reaches_the_threshold():
    scores = [0.0, 0.99, 1.0, -5.0]
    defence = Given(DummyClassifier(), scores).fit(X, y)
    assert defence.inlier_mask_.tolist() == [True, True, False, True]
    np.testing.assert_array_equal(defence.sample_scores_, scores)
    assert defence.threshold_ == 1.0
    everything = Given(DummyClassifier(), [np.inf] * 4).fit
    with pytest.warns(UserWarning, match=r"\['a', 'b'\] would be left"):
        everything(X, y)


def test_estimator_is_fitted_on_the_rows_left():
    defence = Given(Ridge(), [0.0, 2.0, 0.0, 0.0]).fit(X, RESPONSES)
    kept = [0, 2, 3]
    plain = Ridge().fit(X[kept], RESPONSES[kept])
    np.testing.assert_array_equal(defence.estimator_.coef_, plain.coef_)


def test_threshold_of_each_class():
    scores = [3.0, 3.0, 1.0, 5.0]  # of b, a, a, b
    defence = OneForEachClass(DummyClassifier(), scores, threshold=[2.0, 4.0])
    defence.fit(X, y)
    assert defence.inlier_mask_.tolist() == [True, False, True, False]
    defence.set_params(threshold=[np.inf, 4.0], scores=[3.0, np.inf, 1.0, 5.0])
    assert defence.fit(X, y).inlier_mask_.tolist() == [True, True, True, False]


@pytest.mark.parametrize("threshold", [[1.0], [1.0, 2.0, 3.0], [np.nan, 1.0]])
def test_learnt_thresholds_are_checked(threshold):
    defence = OneForEachClass(DummyClassifier(), [0.0] * 4, threshold=threshold)
    with pytest.raises(ValueError, match="a number, or one for each class; got"):
        defence.fit(X, y)


def test_learnt_threshold_of_responses_is_one_number():
    defence = OneForEachClass(Ridge(), [0.0] * 4, threshold=[1.0, 2.0])
    with pytest.raises(ValueError, match=r"must return a number; got array\(\[1., 2"):
        defence.fit(X, RESPONSES)


def test_relabelling():
    X = np.arange(6.0).reshape(-1, 1)
    y = np.array(["a", "a", "a", "b", "b", "b"])
    scores, labels = [0, 1, 0, 0, 0, 1], [1, 1, 1, 0, 0, 0]
    defence = Given(LogisticRegression(), scores, labels, action="relabel").fit(X, y)
    assert defence.inlier_mask_.tolist() == [True, False, True, True, True, False]
    assert defence.y_sanitized_.tolist() == ["a", "b", "a", "b", "b", "a"]
    plain = LogisticRegression().fit(X, defence.y_sanitized_)
    np.testing.assert_array_equal(defence.estimator_.coef_, plain.coef_)
    dropped = defence.set_params(action="drop").fit(X, y)
    assert dropped.inlier_mask_.tolist() == [True, False, True, True, True, False]
    assert not hasattr(dropped, "y_sanitized_")


def test_weights_fall_with_the_square_of_the_score():
    scores = [0.0, 2.0, 4.0, 8.0]
    given = np.array([1.0, 2.0, 3.0, 4.0])
    defence = Given(Ridge(), scores, action="weigh", threshold=2.0)
    defence.fit(X, RESPONSES)
    factors = np.array([1, 1, 1 / 4, 1 / 16])
    np.testing.assert_allclose(defence.sample_weight_, factors)
    assert defence.inlier_mask_.tolist() == [True, False, False, False]
    plain = Ridge().fit(X, RESPONSES, sample_weight=factors)
    np.testing.assert_array_equal(defence.estimator_.coef_, plain.coef_)
    defence.fit(X, RESPONSES, sample_weight=given)
    np.testing.assert_allclose(defence.sample_weight_, factors * given)
    defence.set_params(action="drop").fit(X, RESPONSES)
    assert not hasattr(defence, "sample_weight_")


def test_weights_of_the_absent_and_of_the_trusted():
    defence = Given(Ridge(), [4.0, 4.0, 4.0], action="weigh", threshold=2.0)
    weights, trusted = [1.0, 0.0, 1.0, 1.0], [True, False, False, False]
    defence.fit(X, RESPONSES, sample_weight=weights, trusted=trusted)
    np.testing.assert_allclose(defence.sample_weight_, [1, 0, 1 / 4, 1 / 4])
    assert defence.inlier_mask_.tolist() == [True, False, False, False]


def test_nothing_suspicious_is_exactly_the_plain_estimator():
    defence = Given(Ridge(), [4.0] * 4, action="weigh", threshold=2.0)
    defence.fit(X, RESPONSES, trusted=[True] * 4)
    np.testing.assert_array_equal(defence.sample_weight_, np.ones(4))
    plain = Ridge().fit(X, RESPONSES)
    np.testing.assert_array_equal(defence.estimator_.coef_, plain.coef_)


def test_class_of_no_weight_at_all_is_kept():
    """A score of infinity is a weight of 0."""
    scores = [3.0, np.inf, np.inf, np.inf]
    defence = Given(GaussianNB(), scores, action="weigh")
    with pytest.warns(UserWarning, match=r"otherwise no row of \['a'\]"):
        defence.fit(X, y)
    np.testing.assert_allclose(defence.sample_weight_, [1 / 9, 1, 1, 0])
    assert defence.inlier_mask_.tolist() == [False, True, True, False]


def test_weights_need_an_estimator_that_takes_them():
    defence = Given(KNeighborsClassifier(1), [0.0, 2.0, 0.0, 0.0], action="weigh")
    with pytest.raises(ValueError, match="action='weigh' needs an estimator that take"):
        defence.fit(X, y)


def test_weights_need_positive_scores():
    defence = Given(Ridge(), [-3.0, -1.0, -2.5, -9.0], action="weigh", threshold=-2.0)
    with pytest.raises(ValueError, match=r"needs a positive threshold.*; got -2"):
        defence.fit(X, RESPONSES)


def test_weights_are_routed_by_another_name():
    with sklearn.config_context(enable_metadata_routing=True):
        inner = Ridge().set_fit_request(sample_weight="importance")
        defence = Given(inner, [0.0, 2.0, 0.0, 0.0], action="weigh")
        defence.fit(X, RESPONSES, importance=[1.0, 2.0, 3.0, 4.0])
    np.testing.assert_allclose(defence.sample_weight_, [1, 0.5, 3, 4])


def test_trusted_rows_are_kept_whatever_their_score():
    defence = Given(DummyClassifier(), [2.0, 2.0, 2.0, 0.0])
    defence.fit(X, y, trusted=[True, True, False, False])
    assert defence.inlier_mask_.tolist() == [True, True, False, True]
    assert defence.sample_scores_[0] == 2


def test_lost_class_is_kept_with_a_warning():
    defence = Given(DummyClassifier(), [0.0, 2.0, 2.0, 2.0])
    message = r"Given keeps suspicious .* otherwise no row of \['a'\] would be left"
    with pytest.warns(UserWarning, match=message) as caught:
        defence.fit(X, y)
    assert defence.inlier_mask_.tolist() == [True, True, True, False]
    assert caught[0].filename == __file__


def test_regression_keeps_all_rows_if_none_would_be_left():
    defence = Given(DummyRegressor(), [2.0] * 4)
    with pytest.warns(UserWarning, match="it finds every row suspicious. Mark rows"):
        defence.fit(X, RESPONSES)
    assert defence.inlier_mask_.all()
    trusted = [True, False, False, False]
    defence.fit(X, RESPONSES, trusted=trusted)
    assert defence.inlier_mask_.tolist() == trusted
    assert defence.overruled_share_ == 0.75
    defence.set_params(threshold=3.0).fit(X, RESPONSES)
    assert defence.overruled_share_ == 0


def test_rescue_of_a_class_can_call_for_another():
    """The only row that becomes B is that of C, which is given back to C."""
    X = np.arange(5.0).reshape(-1, 1)
    y = np.array(list("ABCCC"))
    scores, labels = [0, 1, 1, 1, 1], [0, 0, 1, 0, 0]
    defence = Given(DummyClassifier(), scores, labels, action="relabel")
    with pytest.warns(UserWarning, match=r"no row of \['B', 'C'\]"):
        defence.fit(X, y)
    assert defence.estimator_.classes_.tolist() == ["A", "B", "C"]
    assert defence.inlier_mask_.all()


def test_class_without_weight_is_absent():
    X = np.arange(6.0).reshape(-1, 1)
    y, weights = np.array([0, 0, 1, 1, 2, 2]), np.array([1, 1, 1, 1, 0, 0])
    defence = Given(GaussianNB(), [0.0] * 4).fit(X, y, sample_weight=weights)
    assert defence.classes_.tolist() == [0, 1]
    assert defence.predict_proba(X).shape == (6, 2)
    assert defence.inlier_mask_.tolist() == [True] * 4 + [False] * 2
    np.testing.assert_array_equal(defence.sample_scores_, [0] * 4 + [np.nan] * 2)


def test_labels_of_absent_rows_stay():
    weights = [0.0, 1.0, 1.0, 1.0]
    defence = Given(GaussianNB(), [2, 0, 0], [1, 1, 1], action="relabel")
    defence.fit(X, y, sample_weight=weights)
    assert defence.y_sanitized_.tolist() == ["b", "b", "a", "b"]


def test_weights_reach_the_estimator_in_order():
    weights = np.array([0.0, 1.0, 2.0, 3.0])
    # The rows that are scored are the last three: a, a, b.
    defence = Given(GaussianNB(), [0.0, 2.0, 0.0]).fit(X, y, sample_weight=weights)
    assert defence.inlier_mask_.tolist() == [False, True, False, True]
    np.testing.assert_allclose(defence.estimator_.class_prior_, [0.25, 0.75])


def test_metadata_are_routed_and_sliced():
    weights = np.array([1.0, 5.0, 2.0, 3.0])
    with sklearn.config_context(enable_metadata_routing=True):
        inner = GaussianNB().set_fit_request(sample_weight=True)
        defence = Given(inner, [0.0, 0.0, 2.0, 0.0])
        defence.fit(X, y, sample_weight=weights)
    np.testing.assert_allclose(defence.estimator_.class_prior_, [5 / 9, 4 / 9])


def test_trusted_is_routed_to_a_defence_inside():
    X, y = make_classification(100, flip_y=0.3, random_state=0)
    with sklearn.config_context(enable_metadata_routing=True):
        inner = OutlierFilteredClassifier(LogisticRegression(), quantile=0.5)
        inner.set_fit_request(trusted=True)
        outer = KNNSanitizedClassifier(inner, action="drop")
        outer.fit(X, y, trusted=np.arange(100) < 60)
    assert outer.estimator_.inlier_mask_[:60].all()
    assert not outer.estimator_.inlier_mask_.all()


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ([0.0, 1.0], "shape (2,) with 0 NaN"),
        ([[0.0]] * 4, "shape (4, 1) with 0 NaN"),
        ([0.0, np.nan, 0.0, 1.0], "shape (4,) with 1 NaN"),
    ],
)
def test_scores_must_be_a_number_for_each_row(scores, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        Given(DummyClassifier(), scores).fit(X, y)


@pytest.mark.parametrize("scores", [["low"] * 4, sparse.csr_array(X)])
def test_scores_must_be_numbers(scores):
    with pytest.raises(ValueError, match="must return an array with a number for each"):
        Given(DummyClassifier(), scores).fit(X, y)


@pytest.mark.parametrize("labels", [[0, 1, 2, 0], [0, 1, -1, 0], [0, 1], list("abba")])
def test_new_labels_must_be_positions(labels):
    defence = Given(DummyClassifier(), [2.0, 0, 0, 0], labels, "relabel")
    with pytest.raises(ValueError, match="position in classes_, from 0 to 1, for each"):
        defence.fit(X, y)


def test_unknown_action_is_refused():
    with pytest.raises(
        ValueError, match=r"action must be one of 'drop', .*got 'weight'"
    ):
        Given(DummyClassifier(), [0.0] * 4, action="weight").fit(X, y)


def test_responses_are_not_relabelled():
    with pytest.raises(ValueError, match="needs a classifier, because responses"):
        Given(Ridge(), [0.0] * 4, [0] * 4, "relabel").fit(X, RESPONSES)


def test_relabelling_needs_labels():
    with pytest.raises(ValueError, match="pair of scores and labels for action='relab"):
        Given(DummyClassifier(), [0.0] * 4, action="relabel").fit(X, y)


@pytest.mark.parametrize("threshold", ["high", np.inf, None])
def test_threshold_is_checked(threshold):
    with pytest.raises(ValueError, match="The 'threshold' parameter"):
        Norm(GaussianNB(), threshold=threshold).fit(X, y)


def test_hook_sees_numbers():
    frame = pd.DataFrame({"u": [1, 2, 3, 4], "v": [True, False, True, True]})
    defence = Given(DummyClassifier(), [0.0] * 4).fit(frame, y, trusted=[1, 0, 0, 0])
    assert defence.seen_["X"].dtype == np.float64
    assert defence.seen_["y"].tolist() == [1, 0, 0, 1]
    assert defence.seen_["trusted"].tolist() == [True, False, False, False]
    defence.fit(np.arange(8).reshape(4, 2), y)
    assert defence.seen_["X"].dtype == np.float64
    defence.fit(X.astype(np.float32), y)
    assert defence.seen_["X"].dtype == np.float32


def test_dataframe_reaches_the_estimator():
    frame = pd.DataFrame(X, columns=["u", "v"], index=list("wxyz"))
    columns = make_column_transformer((StandardScaler(), ["v"]))
    pipeline = make_pipeline(columns, GaussianNB())
    defence = Given(pipeline, [0.0] * 4).fit(frame, y)
    assert defence.estimator_.feature_names_in_.tolist() == ["u", "v"]
    assert defence.predict(frame).tolist() == ["b", "a", "a", "b"]
    np.testing.assert_array_equal(defence.seen_["X"], X)


def test_words_are_refused_by_name():
    frame = pd.DataFrame({"u": [1.0, 2.0, 3.0, 4.0], "city": list("abcd")})
    message = "KNNSanitizedClassifier computes with numbers, .* none: city"
    with pytest.raises(ValueError, match=message):
        KNNSanitizedClassifier(GaussianNB()).fit(frame, y)


def test_missing_values_if_both_allow_them():
    X, y = make_classification(200, random_state=0)
    X[::7, 0] = np.nan
    boosting = HistGradientBoostingClassifier(max_iter=5)
    defence = KNNSanitizedClassifier(boosting, metric="nan_euclidean").fit(X, y)
    assert defence.predict(X).shape == y.shape
    frame = pd.DataFrame(X)
    np.testing.assert_array_equal(
        defence.fit(frame, y).inlier_mask_, defence.fit(X, y).inlier_mask_
    )
    for other in (
        KNNSanitizedClassifier(boosting),
        KNNSanitizedClassifier(LogisticRegression(), metric="nan_euclidean"),
    ):
        with pytest.raises(ValueError, match="contains NaN"):
            other.fit(X, y)
        with pytest.raises(ValueError, match="contains NaN"):
            other.fit(frame, y)


def test_arrays_are_checked_once(monkeypatch):
    """Also for finiteness, which reads all of X."""
    checked = []
    original = sklearn.utils.validation._assert_all_finite

    def count(X, *args, **kwargs):
        checked.append(np.ndim(X))
        return original(X, *args, **kwargs)

    monkeypatch.setattr(sklearn.utils.validation, "_assert_all_finite", count)
    X, y = make_regression(50, 3, random_state=0)
    Given(DummyRegressor(), np.zeros(50)).fit(X, y)
    assert checked.count(2) == 1


def test_attack_and_defence_in_a_pipeline():
    X, y = make_classification(300, class_sep=2, random_state=0)
    attack = RandomInsertion(0.2, random_state=0)
    defence = KNNSanitizedClassifier(LogisticRegression())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pipeline = make_pipeline(attack, StandardScaler(), defence).fit(X, y)
    inlier_mask = pipeline[-1].inlier_mask_
    assert inlier_mask.shape == attack.poison_mask_.shape == (360,)
    assert inlier_mask[~attack.poison_mask_].mean() > 0.9
    assert inlier_mask[attack.poison_mask_].mean() < 0.1


class TestFilterOfTheGuide:
    """KNN-Shapley from outside the package, as the user guide prints it."""

    path = Path(__file__).parents[2] / "doc" / "user_guide" / "own_filter.py"

    @pytest.fixture
    def make(self, monkeypatch):
        monkeypatch.syspath_prepend(str(self.path.parent))
        return import_module("own_filter").KNNShapleyFilter

    def test_is_short(self):
        lines = self.path.read_text(encoding="utf-8").splitlines()
        assert sum(bool(line.strip()) for line in lines) <= 15

    def test_scores_are_shapley_values(self, make):
        """Against the definition, over all sets of the other rows."""
        rng = np.random.RandomState(0)
        X, y = rng.normal(size=(8, 2)), rng.randint(2, size=8)
        distances = np.linalg.norm(X[:, np.newaxis] - X, axis=2)

        def utility(rows, test):
            nearest = sorted(rows, key=lambda row: distances[row, test])[:5]
            return sum(y[row] == y[test] for row in nearest) / 5

        values = np.zeros(8)
        for test, row in permutations(range(8), 2):
            others = set(range(8)) - {test, row}
            for size in range(7):
                weight = 1 / (7 * comb(6, size))
                for rows in combinations(others, size):
                    gain = utility((*rows, row), test) - utility(rows, test)
                    values[row] += weight * gain
        scores = make(DummyClassifier()).fit(X, y, trusted=[True] * 8).sample_scores_
        np.testing.assert_allclose(scores, -values, rtol=1e-12)

    def test_finds_flipped_labels(self, make):
        X, y = load_digits(return_X_y=True)
        attack = RandomLabelFlip(budget=20, random_state=0)
        _, y_poisoned = attack.fit_resample(X, y)
        defence = make(GaussianNB()).fit(X, y_poisoned)
        dropped = ~defence.inlier_mask_
        assert dropped[attack.poison_mask_].sum() >= 18
        assert dropped[~attack.poison_mask_].mean() < 0.02

    def test_keeps_the_contract(self, make):
        check_estimator(make(LogisticRegression(max_iter=10_000)))


BOOLEAN = {"metric": "dice", "algorithm": "brute"}


@pytest.mark.parametrize(
    "defence",
    [
        KNNSanitizedClassifier(GaussianNB(), metric="yule"),
        KNNSanitizedClassifier(GaussianNB(), neighbors=NearestNeighbors(**BOOLEAN)),
        ConfidentLearningClassifier(
            GaussianNB(), classifiers=[KNeighborsClassifier(**BOOLEAN)]
        ),
        OutlierFilteredClassifier(
            GaussianNB(), detector=LocalOutlierFactor(novelty=True, **BOOLEAN)
        ),
    ],
)
@pytest.mark.parametrize("container", [np.asarray, pd.DataFrame])
# Scikit-learn's own: LocalOutlierFactor passes itself an array if it is given a frame.
@pytest.mark.filterwarnings("ignore:X does not have valid feature names, but LocalOut")
def test_metrics_of_booleans_get_booleans(defence, container):
    """They would warn otherwise, and a warning is an error here."""
    rng = np.random.RandomState(0)
    rows = rng.rand(60, 5) < 0.5
    rows[:, 0] = labels = np.arange(60) % 2
    data = container(rows)
    if container is pd.DataFrame:
        data.columns = list("abcde")
    defence = clone(defence).fit(data, labels)
    assert defence.inlier_mask_.any()


def test_other_filters_get_floats():
    seen = Given(GaussianNB(), np.zeros(4)).fit(X > 2, y).seen_
    assert seen["X"].dtype == np.float64


def test_nothing_is_left_of_an_earlier_fit():
    defence = Given(GaussianNB(), np.zeros(4)).fit(X, y)
    defence.old_ = 1
    assert not hasattr(defence.fit(X, y), "old_")


@pytest.mark.parametrize("action", ["drop", "weigh"])
def test_verdict_is_that_of_a_fit(action):
    """Without a fit of the estimator, which would fail here."""
    rng = np.random.RandomState(0)
    rows, labels = rng.normal(size=(60, 3)), np.repeat([0, 1], 30)
    trusted = np.arange(60) % 2 == 0
    defence = OutlierFilteredClassifier(GaussianNB(), quantile=0.5, action=action)
    fitted = clone(defence).fit(rows, labels, trusted=trusted)
    weights, given = defence._verdict(rows, labels, trusted=trusted)
    expected = fitted.sample_weight_ if action == "weigh" else fitted.inlier_mask_
    np.testing.assert_array_equal(weights, expected)
    np.testing.assert_array_equal(given, labels)
    assert not hasattr(defence, "estimator_")


def test_verdict_on_labels():
    rng = np.random.RandomState(0)
    rows, labels = rng.normal(size=(60, 3)), np.repeat(["ham", "spam"], 30)
    defence = KNNSanitizedClassifier(GaussianNB(), threshold=0.5)
    fitted = clone(defence).fit(rows, labels)
    weights, given = defence._verdict(rows, labels, trusted=np.zeros(60, dtype=bool))
    np.testing.assert_array_equal(given, fitted.y_sanitized_)
    assert (given != labels).any()
    assert (weights == 1).all()
