import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, make_blobs, make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import minmax_scale
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeRegressor

from skpoison.attacks import GradientInsertion
from skpoison.defences import TrimmedClassifier, TrimmedRegressor
from skpoison.feasible_sets import Box

rng = np.random.RandomState(0)
X = rng.normal(size=(120, 3))
W = np.array([1.0, -2.0, 3.0])
CLEAN = X @ W + 0.1 * rng.normal(size=120)
POISON = np.arange(120) >= 96  # n_p / (n + n_p) = 0.2
y = np.where(POISON, -3 * CLEAN + 5, CLEAN)
LABELS = (X @ W > 0).astype(int)
FLIPPED = np.where(POISON, 1 - LABELS, LABELS)


def published_trim(X, y, n_kept, rows):
    """Algorithm 2 of Jagielski et al. (2018), as it is printed, from given rows."""
    last = np.inf
    while True:
        model = LinearRegression().fit(X[rows], y[rows])
        residuals = (model.predict(X) - y) ** 2
        rows = np.argsort(residuals)[:n_kept]
        loss = residuals[rows].mean()
        if loss >= last:
            return np.sort(rows), loss
        last = loss


def test_equals_the_published_algorithm():
    # From one start, all rows, both go the same way.
    for seed in range(5):
        rng = np.random.RandomState(seed)
        X = rng.normal(size=(60, 3))
        y = X @ W + rng.normal(size=60)
        y[:12] *= -2
        params = {"contamination": 0.2, "n_starts": 1}
        defence = TrimmedRegressor(LinearRegression(), **params).fit(X, y)
        rows, _ = published_trim(X, y, 48, np.arange(60))
        np.testing.assert_array_equal(np.flatnonzero(defence.inlier_mask_), rows)


@pytest.mark.parametrize("contamination", [0.2, "auto"])
@pytest.mark.parametrize("estimator", [LinearRegression(), Ridge(0.1)])
def test_gross_errors_are_found(estimator, contamination):
    defence = TrimmedRegressor(
        estimator, contamination=contamination, n_starts=20, random_state=0
    ).fit(X, y)
    np.testing.assert_array_equal(defence.inlier_mask_, ~POISON)
    expected = clone(estimator).fit(X[~POISON], y[~POISON])
    np.testing.assert_array_equal(defence.coef_, expected.coef_)
    assert defence.first_share_ == (0.2 if contamination == 0.2 else 0.3)
    assert (np.diff(defence.loss_path_) < 0).all()


def test_scores_are_squared_residuals():
    params = {"contamination": 0.25, "n_starts": 20, "random_state": 0}
    defence = TrimmedRegressor(LinearRegression(), **params).fit(X, y)
    residuals = (defence.predict(X) - y) ** 2
    np.testing.assert_allclose(defence.sample_scores_, residuals, rtol=1e-9)
    assert defence.loss_path_[-1] == pytest.approx(
        residuals[defence.inlier_mask_].mean()
    )
    assert defence.inlier_mask_.sum() == 90


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_no_contamination_is_the_plain_fit(task):
    defence, plain, target = (
        (TrimmedClassifier, LogisticRegression(), FLIPPED)
        if task == "classification"
        else (TrimmedRegressor, Ridge(), y)
    )
    fitted = defence(plain, contamination=0, n_starts=3, random_state=0).fit(X, target)
    assert fitted.inlier_mask_.all()
    np.testing.assert_array_equal(fitted.coef_, plain.fit(X, target).coef_)


def test_genuine_errors_of_heavy_tails_are_taken_back():
    rng = np.random.RandomState(0)
    X = np.exp(rng.normal(size=(200, 3)))
    y = X @ [1.0, 0.5, 2.0] * np.exp(0.4 * rng.normal(size=200))
    fitted = TrimmedRegressor(Ridge(), n_starts=10, random_state=0).fit(X, y)
    assert fitted.inlier_mask_.all()
    residuals = np.sqrt(fitted.sample_scores_)
    assert (residuals > 4 * 1.4826 * np.median(residuals)).any()


def test_mirrored_responses_within_three_deviations_are_found():
    X, y = load_diabetes(return_X_y=True)
    rows = np.random.RandomState(2).permutation(y.shape[0])[:130]
    X, y = minmax_scale(X[rows]), minmax_scale(y[rows])
    box = {"feasible_set": Box(0, 1), "poison_labels": "flip"}
    attack = GradientInsertion(Ridge(), budget=0.25, random_state=0, **box)
    X_poisoned, y_poisoned = attack.fit_resample(X, y)
    defence = TrimmedRegressor(Ridge(), random_state=0).fit(X_poisoned, y_poisoned)
    assert not defence.inlier_mask_[attack.poison_mask_].any()
    assert defence.inlier_mask_[~attack.poison_mask_].mean() > 0.95
    residuals = np.sqrt(defence.sample_scores_)
    least = residuals[attack.poison_mask_].min()
    assert least < 3 * 1.4826 * np.median(residuals)


def test_more_poison_than_the_smaller_share():
    poison = np.arange(120) >= 78  # n_p / (n + n_p) = 0.35
    y = np.where(poison, CLEAN + 5, CLEAN)
    fitted = TrimmedRegressor(Ridge(0.1), random_state=0).fit(X, y)
    np.testing.assert_array_equal(fitted.inlier_mask_, ~poison)
    assert fitted.first_share_ == 0.4


@pytest.mark.parametrize("estimator", [LogisticRegression(), LinearSVC()])
@pytest.mark.parametrize("contamination", [0.2, "auto"])
def test_flips_are_found(estimator, contamination):
    defence = TrimmedClassifier(
        estimator, contamination=contamination, n_starts=3, random_state=0
    ).fit(X, FLIPPED)
    found = ~defence.inlier_mask_
    assert found[POISON].mean() > 0.6
    assert found[~POISON].mean() < 0.06
    plain = clone(estimator).fit(X, FLIPPED)
    assert defence.score(X, LABELS) > 0.95
    assert defence.score(X, LABELS) >= plain.score(X, LABELS)
    assert (np.diff(defence.loss_path_) < 0).all()


def test_each_class_loses_its_share():
    X, y = make_classification(400, weights=[0.9], flip_y=0.1, random_state=0)
    params = {"contamination": 0.1, "random_state": 0}
    defence = TrimmedClassifier(LogisticRegression(), **params).fit(X, y)
    counts = np.bincount(y)
    np.testing.assert_array_equal(
        np.bincount(y[~defence.inlier_mask_]), np.floor(0.1 * counts + 1e-9)
    )


def test_rare_class_is_not_taken_for_poison():
    X, y = make_blobs([1000, 20], centers=[[0, 0], [2.5, 0]], random_state=0)
    defence = TrimmedClassifier(LogisticRegression(), random_state=0).fit(X, y)
    assert defence.overruled_share_[1] < 0.2


def test_clean_rows_are_left_alone_if_trusted_rows_say_so():
    trusted = np.arange(120) < 30
    for target, defence in (
        (CLEAN, TrimmedRegressor(Ridge(), n_starts=10, random_state=0)),
        (LABELS, TrimmedClassifier(LogisticRegression(), n_starts=2, random_state=0)),
    ):
        fitted = defence.fit(X, target, trusted=trusted)
        assert fitted.first_share_ == 0
        assert fitted.inlier_mask_.all()


def test_trusted_rows_choose_a_share():
    trusted = np.arange(120) < 30
    defence = TrimmedRegressor(Ridge(0.1), n_starts=20, random_state=0)
    fitted = defence.fit(X, y, trusted=trusted)
    assert 0.1 <= fitted.first_share_ <= 0.4
    np.testing.assert_array_equal(fitted.inlier_mask_, ~POISON)


def test_sample_weights_are_copies():
    counts = np.random.RandomState(1).randint(1, 4, size=120)
    rows = np.repeat(np.arange(120), counts)
    params = {"contamination": 0.2, "n_starts": 1}
    weighted = TrimmedRegressor(Ridge(), **params).fit(X, y, sample_weight=counts)
    copied = TrimmedRegressor(Ridge(), **params).fit(X[rows], y[rows])
    np.testing.assert_array_equal(weighted.inlier_mask_[rows], copied.inlier_mask_)
    np.testing.assert_allclose(weighted.coef_, copied.coef_)


def test_rows_that_an_estimator_fits_exactly_are_kept():
    tree = DecisionTreeRegressor(random_state=0)
    assert (
        TrimmedRegressor(tree, n_starts=2, random_state=0).fit(X, y).inlier_mask_.all()
    )


def test_texts():
    texts = ["good film", "nice film", "bad film", "poor film"] * 10
    labels = np.array([1, 1, 0, 0] * 10)
    labels[:2] = 0
    pipeline = make_pipeline(CountVectorizer(), LogisticRegression(C=10))
    defence = TrimmedClassifier(pipeline, n_starts=3, random_state=0)
    defence = defence.fit(texts, labels)
    np.testing.assert_array_equal(np.flatnonzero(~defence.inlier_mask_), [0, 1])


def test_not_settled():
    defence = TrimmedRegressor(Ridge(), contamination=0.4, max_iter=1, n_starts=1)
    with pytest.warns(ConvergenceWarning, match="Raise max_iter"):
        defence.fit(X, y)
