import re

import numpy as np
import pandas as pd
import pytest
import sklearn
from imblearn.pipeline import make_pipeline
from sklearn.compose import make_column_transformer
from sklearn.datasets import make_classification
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

from skpoison.attacks import RandomInsertion
from skpoison.base import BaseSanitizedClassifier
from skpoison.defences import KNNSanitizedClassifier, OutlierFilteredClassifier


class Judge(BaseSanitizedClassifier):
    """A defence whose verdict is given."""

    _relabels = True

    def __init__(self, estimator, verdict):
        self.estimator = estimator
        self.verdict = verdict

    def _judge(self, X, y, *, trusted):
        self.seen_ = X
        return np.array(self.verdict)[: y.shape[0]]


X = np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0], [6.0, 7.0]])
y = np.array(["b", "a", "a", "b"])


def test_verdict():
    X = np.arange(6.0).reshape(-1, 1)
    y = np.array(["a", "a", "a", "b", "b", "b"])
    defence = Judge(LogisticRegression(), [0, 1, -1, 1, 1, 0]).fit(X, y)
    assert defence.inlier_mask_.tolist() == [True, False, False, True, True, False]
    assert defence.y_sanitized_.tolist() == ["a", "b", "a", "b", "b", "a"]
    kept = [0, 1, 3, 4, 5]
    plain = LogisticRegression().fit(X[kept], defence.y_sanitized_[kept])
    np.testing.assert_array_equal(defence.estimator_.coef_, plain.coef_)


def test_trusted_rows_are_not_judged():
    defence = Judge(DummyClassifier(), [-1, 0, -1, 0])
    defence.fit(X, y, trusted=[True, True, False, False])
    assert defence.inlier_mask_.tolist() == [True, True, False, False]


def test_lost_class_is_kept_with_a_warning():
    with pytest.warns(UserWarning, match=r"finds no row to believe in of \['a'\]"):
        defence = Judge(DummyClassifier(), [1, 1, -1, 1]).fit(X, y)
    assert defence.inlier_mask_.all()


def test_rescue_of_a_class_can_call_for_another():
    """B is believed of the row of C alone, which is given back to C."""
    X = np.arange(5.0).reshape(-1, 1)
    y = np.array(list("ABCCC"))
    with pytest.warns(UserWarning, match=r"in of \['B', 'C'\]"):
        defence = Judge(DummyClassifier(), [0, 0, 1, 0, 0]).fit(X, y)
    assert defence.estimator_.classes_.tolist() == ["A", "B", "C"]
    assert defence.inlier_mask_.all()


def test_class_without_weight_is_not_there():
    X = np.arange(6.0).reshape(-1, 1)
    y, weights = np.array([0, 0, 1, 1, 2, 2]), np.array([1, 1, 1, 1, 0, 0])
    defence = Judge(GaussianNB(), [0, 0, 1, 1]).fit(X, y, sample_weight=weights)
    assert defence.classes_.tolist() == [0, 1]
    assert defence.predict_proba(X).shape == (6, 2)
    assert defence.inlier_mask_.tolist() == [True] * 4 + [False] * 2
    assert defence.y_sanitized_.tolist() == y.tolist()


def test_weights_reach_the_estimator_in_order():
    weights = np.array([0.0, 1.0, 2.0, 3.0])
    with pytest.warns(UserWarning, match="no row to believe in"):
        # What is judged is the last three rows: a, a, b.
        defence = Judge(GaussianNB(), [0, -1, -1]).fit(X, y, sample_weight=weights)
    assert defence.inlier_mask_.tolist() == [False, True, False, True]
    np.testing.assert_allclose(defence.estimator_.class_prior_, [0.25, 0.75])


def test_weights_all_zero():
    with pytest.raises(ValueError, match=r"0 for every row|at least one non-zero"):
        Judge(GaussianNB(), [0] * 4).fit(X, y, sample_weight=np.zeros(4))


def test_weights_not_taken_by_the_estimator():
    message = "KNeighborsClassifier takes no sample_weight in its fit"
    with pytest.raises(ValueError, match=message):
        Judge(KNeighborsClassifier(1), [1, 0, 0, 1]).fit(X, y, sample_weight=[1] * 4)


def test_regressors_are_refused():
    message = re.escape("Judge needs a classifier as its estimator, got LinearReg")
    with pytest.raises(ValueError, match=message):
        Judge(LinearRegression(), [1, 0, 0, 1]).fit(X, y)


def test_dataframe_reaches_the_estimator():
    frame = pd.DataFrame(X, columns=["u", "v"], index=list("wxyz"))
    columns = make_column_transformer((StandardScaler(), ["v"]))
    defence = Judge(make_pipeline(columns, GaussianNB()), [1, 0, 0, 1]).fit(frame, y)
    assert defence.estimator_.feature_names_in_.tolist() == ["u", "v"]
    assert defence.predict(frame).tolist() == ["b", "a", "a", "b"]
    np.testing.assert_array_equal(defence.seen_, X)


def test_words_are_refused_by_name():
    frame = pd.DataFrame({"u": [1.0, 2.0, 3.0, 4.0], "city": list("abcd")})
    message = "KNNSanitizedClassifier computes with numbers, .* none: city"
    with pytest.raises(ValueError, match=message):
        KNNSanitizedClassifier(GaussianNB()).fit(frame, y)


def test_missing_values_where_both_allow_them():
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


def test_fit_params_need_routing():
    with pytest.raises(ValueError, match="enable_metadata_routing=True"):
        Judge(GaussianNB(), [1, 0, 0, 1]).fit(X, y, colour="red")


def test_metadata_are_routed_and_sliced():
    weights = np.array([1.0, 5.0, 2.0, 3.0])
    with sklearn.config_context(enable_metadata_routing=True):
        inner = GaussianNB().set_fit_request(sample_weight=True)
        defence = Judge(inner, [1, 0, -1, 1])
        defence.fit(X, y, sample_weight=weights)
    np.testing.assert_allclose(defence.estimator_.class_prior_, [5 / 9, 4 / 9])


def test_trusted_is_routed_to_a_defence_inside():
    X, y = make_classification(100, flip_y=0.3, random_state=0)
    with sklearn.config_context(enable_metadata_routing=True):
        inner = OutlierFilteredClassifier(LogisticRegression(), quantile=0.5)
        inner.set_fit_request(trusted=True)
        outer = KNNSanitizedClassifier(inner, action="remove")
        outer.fit(X, y, trusted=np.arange(100) < 60)
    assert outer.estimator_.inlier_mask_[:60].all()
    assert not outer.estimator_.inlier_mask_.all()


def test_attack_and_defence_in_a_pipeline():
    X, y = make_classification(300, class_sep=2, random_state=0)
    attack = RandomInsertion(0.2, random_state=0)
    defence = KNNSanitizedClassifier(LogisticRegression())
    pipeline = make_pipeline(attack, StandardScaler(), defence).fit(X, y)
    inlier_mask = pipeline[-1].inlier_mask_
    assert inlier_mask.shape == attack.poison_mask_.shape == (360,)
    assert inlier_mask[~attack.poison_mask_].mean() > 0.9
    assert inlier_mask[attack.poison_mask_].mean() < 0.1
