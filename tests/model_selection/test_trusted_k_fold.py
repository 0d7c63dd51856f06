import numpy as np
import pytest
import sklearn
from imblearn.pipeline import make_pipeline
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, PredefinedSplit, cross_validate
from sklearn.preprocessing import StandardScaler

from skpoison.attacks import RandomInsertion
from skpoison.defences import KNNShapleyFilteredClassifier
from skpoison.model_selection import TrustedKFold

X, y = make_classification(120, 6, weights=[0.7], flip_y=0.1, random_state=0)
words = np.where(y, "spam", "ham")
trusted = np.random.RandomState(0).rand(120) < 0.4
GRID = {"C": [1e-4, 1e-2, 1.0]}
LR = LogisticRegression()


@pytest.mark.parametrize("target", [y, words, words.tolist(), X[:, 0], None])
def test_folds(target):
    folds = list(TrustedKFold(4).split(X, target, trusted=trusted))
    assert len(folds) == 4 == TrustedKFold(4).get_n_splits()
    tests = np.concatenate([test for _, test in folds])
    assert_array_equal(np.sort(tests), np.flatnonzero(trusted))
    for train, test in folds:
        assert_array_equal(np.sort(np.append(train, test)), np.arange(120))


def test_labels_and_responses_are_distributed_alike():
    counts = [y[test].sum() for _, test in TrustedKFold(4).split(X, y, trusted=trusted)]
    assert max(counts) - min(counts) <= 1
    medians = [
        np.median(X[test, 0])
        for _, test in TrustedKFold(4).split(X, X[:, 0], trusted=trusted)
    ]
    assert np.ptp(medians) < 0.5 * X[trusted, 0].std()


def test_errors():
    """They say what to do, and that works."""
    with pytest.raises(ValueError, match="trusted must mark the rows to score"):
        next(TrustedKFold().split(X, y))
    few = np.arange(120) < 4
    with pytest.raises(ValueError, match="at least n_splits=5 rows; got 4"):
        next(TrustedKFold().split(X, y, trusted=few))
    assert len(list(TrustedKFold(4).split(X, y, trusted=few))) == 4
    with pytest.raises(ValueError, match="trusted has 119 entries"):
        next(TrustedKFold().split(X, y, trusted=trusted[1:]))
    for wrong in (1, 2.5):
        with pytest.raises(ValueError, match="n_splits must be an integer of 2"):
            next(TrustedKFold(wrong).split(X, y, trusted=trusted))


def predefined():
    fold = np.full(120, -1)
    for k, (_, test) in enumerate(TrustedKFold().split(X, y, trusted=trusted)):
        fold[test] = k
    return PredefinedSplit(fold)


def test_search_without_routing():
    expected = GridSearchCV(LR, GRID, cv=predefined()).fit(X, y)
    search = GridSearchCV(LR, GRID, cv=TrustedKFold().split(X, y, trusted=trusted))
    assert_array_equal(
        search.fit(X, y).cv_results_["mean_test_score"],
        expected.cv_results_["mean_test_score"],
    )


def test_search_with_routing():
    """The mask reaches the splitter, the attack and the defence."""
    expected = GridSearchCV(LR, GRID, cv=predefined()).fit(X, y)
    with sklearn.config_context(enable_metadata_routing=True):
        search = GridSearchCV(LR, GRID, cv=TrustedKFold()).fit(X, y, trusted=trusted)
        assert_array_equal(
            search.cv_results_["mean_test_score"],
            expected.cv_results_["mean_test_score"],
        )
        with pytest.raises(ValueError, match="trusted must mark the rows"):
            GridSearchCV(LR, GRID, cv=TrustedKFold()).fit(X, y)


def test_search_of_a_pipeline_with_an_attack():
    """Training folds are poisoned, and models scored on trusted rows as they are."""
    seen = []

    class Notes(LogisticRegression):
        def fit(self, X, y):
            seen.append(len(y))
            return super().fit(X, y)

        def predict(self, X):
            seen.append(-len(X))
            return super().predict(X)

    attack = RandomInsertion(budget=20, random_state=0)
    pipeline = make_pipeline(attack, StandardScaler(), Notes())
    grid = {"notes__C": [1e-4, 1.0]}
    with sklearn.config_context(enable_metadata_routing=True):
        pipeline[0].set_fit_resample_request(trusted=True)
        search = GridSearchCV(pipeline, grid, cv=TrustedKFold(3))
        search.fit(X, y, trusted=trusted)
    tests = [len(test) for _, test in TrustedKFold(3).split(X, y, trusted=trusted)]
    fits = [n for n in seen if n > 0]
    assert fits == [120 - n + 20 for n in tests] * 2 + [140]
    assert [-n for n in seen if n < 0] == tests * 2


def test_nested_in_cross_validation():
    """The outer folds slice the mask, for the inner folds and for the defence."""
    trusted = np.random.RandomState(0).rand(120) < 0.7
    defence = KNNShapleyFilteredClassifier(LR, quantile=0.7)
    grid = {"estimator__C": [1e-2, 1.0]}
    with sklearn.config_context(enable_metadata_routing=True):
        search = GridSearchCV(
            clone(defence).set_fit_request(trusted=True), grid, cv=TrustedKFold(3)
        )
        found = cross_validate(
            search, X, y, cv=3, params={"trusted": trusted}, return_estimator=True
        )
    for fitted in found["estimator"]:
        assert fitted.n_splits_ == 3
        assert fitted.best_estimator_.inlier_mask_.shape == (80,)
