import copy
import pickle

import numpy as np
import pytest
from sklearn.base import is_classifier, is_regressor
from sklearn.datasets import load_iris
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import Ridge
from sklearn.metrics import check_scoring
from sklearn.metrics.pairwise import linear_kernel
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import SVC

from skpoison.attacks import RandomInsertion, RandomLabelFlip
from skpoison.base import BasePoisoner, Poison
from skpoison.model_selection import craft, robustness_curve
from skpoison.model_selection._score import PoisonedEstimator

X, y = load_iris(return_X_y=True)
ATTACK = RandomLabelFlip(random_state=0)


class DeleteFirst(BasePoisoner):
    def _poison(self, X, y, *, n_poison, **others):
        return Poison(deleted=np.arange(n_poison))


class FailsOnPoison(GaussianNB):
    """Fails if a label differs from that of its neighbours in the sorted data."""

    def fit(self, X, y):
        if (np.diff(y) < 0).any():
            raise RuntimeError("no luck")
        return super().fit(X, y)


class Weighted(GaussianNB):
    seen = []

    def fit(self, X, y, sample_weight=None):
        self.seen.append(sample_weight)
        return super().fit(X, y)


def curve(estimator=None, *, attack=ATTACK, budgets=(0.0, 0.3), **settings):
    estimator = GaussianNB() if estimator is None else estimator
    return robustness_curve(
        estimator, X, y, attack=attack, budgets=budgets, cv=3, **settings
    )


def test_scorers_see_the_estimator():
    fitted = PoisonedEstimator(GaussianNB().fit(X, y), ATTACK)
    assert is_classifier(fitted)
    assert not is_regressor(fitted)
    assert is_regressor(PoisonedEstimator(Ridge(), ATTACK))
    np.testing.assert_array_equal(fitted.classes_, [0, 1, 2])
    np.testing.assert_array_equal(fitted.predict(X), fitted.estimator_.predict(X))
    scorer = check_scoring(fitted, ["accuracy", "roc_auc_ovr"])
    assert scorer(fitted, X, y) == scorer(fitted.estimator_, X, y)
    assert not hasattr(fitted, "decision_function")
    with pytest.raises(AttributeError, match="decision_function"):
        fitted.decision_function(X)


def test_scorers_may_copy_the_estimator():
    fitted = PoisonedEstimator(GaussianNB().fit(X, y), ATTACK)
    for other in (copy.deepcopy(fitted), pickle.loads(pickle.dumps(fitted))):
        assert isinstance(other, PoisonedEstimator)
        np.testing.assert_array_equal(other.predict(X), fitted.predict(X))
        assert other.attack_.random_state == 0


def test_failed_fits():
    with pytest.warns(FitFailedWarning, match="3 of 6 fits failed, with Run") as seen:
        scores = curve(FailsOnPoison(), error_score=-1).test_scores
    np.testing.assert_array_equal(scores[1], [-1] * 3)
    assert (scores[0] > 0.8).all()
    (warning,) = seen.list
    assert warning.filename == __file__
    assert "no luck\nTheir scores are set to -1." in str(warning.message)
    assert "Error of 3 fits:\nTraceback" in str(warning.message)
    assert "RuntimeError: no luck" in str(warning.message)


def test_failed_fits_with_several_metrics():
    metrics = ["accuracy", "f1_macro"]
    with pytest.warns(FitFailedWarning):
        scores = curve(FailsOnPoison(), scoring=metrics).train_scores
    for metric in metrics:
        assert np.isnan(scores[metric][1]).all()
        assert np.isfinite(scores[metric][0]).all()


def test_failed_fits_with_a_callable_that_returns_a_dict():
    def scorer(fitted, X, y):
        return {"accuracy": fitted.score(X, y), "one": 1}

    with pytest.warns(FitFailedWarning):
        scores = curve(FailsOnPoison(), scoring=scorer).test_scores
    assert set(scores) == {"accuracy", "one"}
    np.testing.assert_array_equal(scores["one"], [[1] * 3, [np.nan] * 3])


def test_all_fits_fail():
    with pytest.raises(
        ValueError, match="All 3 fits failed, with RuntimeError"
    ) as raised:
        curve(FailsOnPoison(), budgets=[0.3])
    assert str(raised.value).endswith("RuntimeError: no luck\n")


def test_failed_attacks_are_failed_fits():
    with pytest.warns(FitFailedWarning, match="must not exceed"):
        scores = curve(budgets=[5, 1000]).test_scores
    assert np.isfinite(scores[0]).all()
    assert np.isnan(scores[1]).all()


@pytest.mark.parametrize("n_jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_errors_are_raised(n_jobs):
    with pytest.raises(RuntimeError, match="no luck"):
        curve(FailsOnPoison(), error_score="raise", n_jobs=n_jobs)


def test_failed_score():
    def scorer(fitted, X, y):
        if fitted.attack_.poison_mask_.any():
            raise RuntimeError("cannot score")
        return 1.0

    with pytest.warns(
        UserWarning, match="Scoring failed.*set to -1: cannot sc"
    ) as seen:
        scores = curve(scoring=scorer, error_score=-1).test_scores
    np.testing.assert_array_equal(scores, [[1] * 3, [-1] * 3])
    assert len(seen) == 1  # once, not for each fold
    with pytest.raises(RuntimeError, match="cannot score"):
        curve(scoring=scorer, error_score="raise")


def test_one_of_several_scores_fails():
    def fails(fitted, X, y):
        raise RuntimeError("cannot score")

    scoring = {"accuracy": "accuracy", "fails": fails}
    with pytest.warns(UserWarning, match="cannot score"):
        scores = curve(scoring=scoring).test_scores
    assert np.isfinite(scores["accuracy"]).all()
    assert np.isnan(scores["fails"]).all()
    with pytest.raises(RuntimeError, match="cannot score"):
        curve(scoring=scoring, error_score="raise")


@pytest.mark.parametrize("score", ["good", None, [1.0, 2.0]])
def test_score_that_is_not_a_number(score):
    with pytest.raises(ValueError, match="scoring must return a number or a dict"):
        curve(scoring=lambda fitted, X, y: score, error_score="raise")


def test_numpy_scores():
    scores = curve(scoring=lambda fitted, X, y: np.array([0.5])).test_scores
    assert scores.dtype == float
    assert (scores == 0.5).all()


@pytest.mark.parametrize("error_score", ["nan", None])
def test_error_score_is_checked(error_score):
    with pytest.raises(ValueError, match="error_score must be 'raise' or a number"):
        curve(error_score=error_score)


def test_weights_of_deleted_rows_are_deleted():
    Weighted.seen.clear()
    weights = np.arange(150.0)
    attack = DeleteFirst()
    curve(Weighted(), attack=attack, budgets=[4], params={"sample_weight": weights})
    crafted = craft(attack, X, y, budgets=[4], cv=3)
    for fold, seen in zip(crafted, Weighted.seen, strict=True):
        np.testing.assert_array_equal(seen, weights[fold.train][4:])


def test_precomputed_kernel():
    """Label flips do not read X, so the victim may be one of kernels."""
    expected = robustness_curve(SVC(kernel="linear"), X, y, attack=ATTACK, cv=3)
    kernel = linear_kernel(X)
    got = robustness_curve(SVC(kernel="precomputed"), kernel, y, attack=ATTACK, cv=3)
    np.testing.assert_allclose(got.test_scores, expected.test_scores)


def test_estimator_that_cannot_score():
    class NoScore(DummyClassifier):
        score = property()

    with pytest.raises(TypeError, match="should have a 'score' method"):
        curve(NoScore(), attack=RandomInsertion())
