import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from skpoison.defences import (
    InfluenceFilteredClassifier,
    InfluenceFilteredRegressor,
    KNNSanitizedClassifier,
    KNNShapleyFilteredClassifier,
    KNNShapleyFilteredRegressor,
    OutlierFilteredRegressor,
)
from skpoison.defences._trusted_quantile import trusted_threshold

CLASSIFIERS = KNNShapleyFilteredClassifier, InfluenceFilteredClassifier
REGRESSORS = KNNShapleyFilteredRegressor, InfluenceFilteredRegressor


@pytest.mark.parametrize(
    ("n_trusted", "quantile", "rank"),
    [(9, 0.9, 9), (19, 0.9, 18), (20, 0.9, 19), (4, 0.5, 3), (3, 0.5, 2), (5, 0.0, 1)],
)
def test_rank(n_trusted, quantile, rank):
    scores = np.random.RandomState(0).permutation(n_trusted) + 1.0
    threshold = trusted_threshold(scores, quantile)
    assert threshold > rank
    assert threshold == np.nextafter(rank, np.inf)


@pytest.mark.parametrize(("n_trusted", "quantile"), [(8, 0.9), (0, 0.0), (18, 0.95)])
def test_too_few_to_know(n_trusted, quantile):
    assert trusted_threshold(np.zeros(n_trusted), quantile) == np.inf


def test_share_of_clean_rows_beyond():
    """Exactly 1 - q on average, as (m + 1) q is a whole number."""
    rng = np.random.RandomState(0)
    beyond = [rng.rand() >= trusted_threshold(rng.rand(19), 0.8) for _ in range(20_000)]
    assert abs(np.mean(beyond) - 0.2) < 0.01


def make_data():
    rng = np.random.RandomState(0)
    X = rng.randn(80, 3)
    y = (X[:, 0] + 0.3 * rng.randn(80) > 0).astype(int)
    return X, y


@pytest.mark.parametrize("cls", CLASSIFIERS + REGRESSORS)
def test_no_trusted_rows(cls):
    """The error says what to do, and that works."""
    X, y = make_data()
    is_classifier = cls in CLASSIFIERS
    defence = cls(LogisticRegression() if is_classifier else Ridge())
    instead = KNNSanitizedClassifier if is_classifier else OutlierFilteredRegressor
    with pytest.raises(ValueError, match="trusted must mark rows") as caught:
        defence.fit(X, y)
    assert instead.__name__ in str(caught.value)
    defence.fit(X, y, trusted=np.arange(80) < 40)
    instead(defence.estimator).fit(X, y)


@pytest.mark.parametrize("cls", CLASSIFIERS)
def test_class_of_few_trusted_rows(cls):
    X, y = make_data()
    trusted = np.arange(80) < 40
    trusted[np.flatnonzero(y == 1)[8:]] = False
    defence = cls(LogisticRegression())
    with pytest.warns(UserWarning, match=r"keeps all rows of \[1\]: \[8\] of them"):
        defence.fit(X, y, trusted=trusted)
    assert defence.threshold_[1] == np.inf > defence.threshold_[0]
    assert defence.inlier_mask_[y == 1].all()
    assert np.isfinite(defence.threshold_[0])
    # What the warning says.
    trusted[np.flatnonzero((y == 1) & ~trusted)[0]] = True
    assert np.isfinite(defence.fit(X, y, trusted=trusted).threshold_).all()


@pytest.mark.parametrize("cls", REGRESSORS)
def test_few_trusted_responses(cls):
    X, _ = make_data()
    y = X[:, 0] + 1
    defence = cls(Ridge(), quantile=0.8)
    with pytest.warns(UserWarning, match=r"all rows: \[3\] of them .* Trust 4 "):
        defence.fit(X, y, trusted=np.arange(80) < 3)
    assert defence.threshold_ == np.inf
    assert defence.inlier_mask_.all()
    assert np.isfinite(defence.fit(X, y, trusted=np.arange(80) < 4).threshold_)
