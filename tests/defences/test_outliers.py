import re

import numpy as np
import pytest
from pyod.models.iforest import IForest
from pyod.models.kde import KDE
from pyod.models.knn import KNN
from scipy import sparse
from scipy.spatial.distance import cdist
from sklearn.base import clone
from sklearn.covariance import EllipticEnvelope
from sklearn.datasets import make_blobs, make_regression
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity, LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import OneClassSVM

from skpoison.attacks import RandomInsertion
from skpoison.defences import OutlierFilteredClassifier, OutlierFilteredRegressor
from skpoison.defences._reference_rows import sample_rows

ESTIMATOR = LogisticRegression()
X, y = make_blobs(300, centers=2, n_features=3, cluster_std=2.0, random_state=0)
TRUSTED = np.arange(300) < 100


def filter_slowly(X, y, trusted, quantile, k):
    """The filter as documented, from the matrix of all distances."""
    distances = cdist(X, X)
    keep = np.ones(y.shape[0], dtype=bool)
    for label in np.unique(y):
        reference = np.flatnonzero((y == label) & trusted)
        own = np.sort(distances[np.ix_(reference, reference)])[:, k]  # 0 is itself
        threshold = np.sort(own)[int(np.ceil(quantile * (own.size - 1)))]
        for i in np.flatnonzero((y == label) & ~trusted):
            keep[i] = np.sort(distances[i, reference])[k - 1] <= threshold
    return keep


@pytest.mark.filterwarnings("ignore:.* overrules .*:UserWarning")
@pytest.mark.parametrize("quantile", [0.0, 0.5, 0.9, 0.95, 1.0])
@pytest.mark.parametrize("k", [1, 5, 20])
def test_equals_the_filter_row_by_row(quantile, k):
    defence = OutlierFilteredClassifier(
        ESTIMATOR, detector="distance", quantile=quantile, n_neighbors=k
    )
    defence.fit(X, y, trusted=TRUSTED)
    expected = filter_slowly(X, y, TRUSTED, quantile, k)
    np.testing.assert_array_equal(defence.inlier_mask_, expected)


def test_estimator_learns_from_the_rows_left():
    defence = OutlierFilteredClassifier(ESTIMATOR).fit(X, y, trusted=TRUSTED)
    kept = defence.inlier_mask_
    assert not kept.all()
    plain = LogisticRegression().fit(X[kept], y[kept])
    np.testing.assert_array_equal(defence.estimator_.coef_, plain.coef_)


@pytest.mark.parametrize("quantile", [0.8, 0.9, 0.95, 1.0])
def test_share_lost_where_nothing_is_trusted(quantile):
    """The threshold is one of the scores: so many rows of a class lie beyond it."""
    defence = OutlierFilteredClassifier(ESTIMATOR, quantile=quantile).fit(X, y)
    for label in (0, 1):
        n_class = (y == label).sum()
        lost = (~defence.inlier_mask_[y == label]).sum()
        assert lost == n_class - 1 - np.ceil(quantile * (n_class - 1))


@pytest.mark.filterwarnings("ignore:.* overrules .*:UserWarning")
def test_rank_is_not_spoilt_by_rounding():
    """0.1 * 10 and 0.7 * 10 lie beside 1 and 7 in floating point, or on them."""
    X = np.random.RandomState(0).normal(size=(22, 2))
    y = np.repeat([0, 1], 11)
    for tenths in range(11):
        # A score without ties, as distances between neighbours of each other are.
        defence = OutlierFilteredClassifier(
            ESTIMATOR, detector=KernelDensity(), quantile=tenths / 10
        )
        lost = (~defence.fit(X, y).inlier_mask_).sum()
        assert lost == 2 * (10 - tenths)


def test_scores_of_trusted_rows_leave_them_out():
    """As many clean rows are lost as the quantile says, not more."""
    X, y = make_blobs(4000, centers=2, n_features=10, random_state=0)
    trusted = np.arange(4000) < 2000
    defence = OutlierFilteredClassifier(ESTIMATOR, n_neighbors=1, quantile=0.9)
    lost = ~defence.fit(X, y, trusted=trusted).inlier_mask_[~trusted]
    # With themselves among their neighbours, every row would lie beyond the threshold.
    assert 0.07 < lost.mean() < 0.13


def test_scale_and_order_make_no_difference():
    defence = OutlierFilteredClassifier(ESTIMATOR, detector="distance")
    kept = defence.fit(X, y, trusted=TRUSTED).inlier_mask_
    scaled = defence.fit(1000 * X, y, trusted=TRUSTED).inlier_mask_
    np.testing.assert_array_equal(scaled, kept)
    order = np.random.RandomState(0).permutation(300)
    shuffled = defence.fit(X[order], y[order], trusted=TRUSTED[order]).inlier_mask_
    np.testing.assert_array_equal(shuffled, kept[order])


@pytest.mark.parametrize(
    "detector",
    [
        None,
        EllipticEnvelope(random_state=0),
        GaussianMixture(random_state=0),
        IsolationForest(n_estimators=30, random_state=0),
        KernelDensity(bandwidth=2.0),
        LocalOutlierFactor(novelty=True),
        OneClassSVM(gamma=0.1),
        make_pipeline(
            StandardScaler(), IsolationForest(n_estimators=30, random_state=0)
        ),
        KNN(),
        IForest(n_estimators=30, random_state=0),
    ],
    ids=lambda detector: type(detector).__module__ + "." + type(detector).__name__,
)
def test_detectors_agree_on_which_way_is_out(detector):
    attack = RandomInsertion(0.2, random_state=0)
    X, y = make_blobs(300, centers=[[-5, 0], [5, 0]], random_state=0)
    X_poisoned, y_poisoned = attack.fit_resample(X, y)
    trusted = np.arange(360) < 100
    # A forest sees no difference between an outermost row and one far beyond it.
    quantile = 0.8 if "forest" in repr(detector).lower() else 0.95
    defence = OutlierFilteredClassifier(ESTIMATOR, detector=detector, quantile=quantile)
    defence.fit(X_poisoned, y_poisoned, trusted=trusted)
    assert not defence.inlier_mask_[attack.poison_mask_].any()
    assert defence.inlier_mask_[100:300].mean() > quantile - 0.15
    assert defence.inlier_mask_[:100].all()


def test_pyod_knn_is_the_distance():
    """Another implementation of the same score, training scores left out alike."""
    ours = OutlierFilteredClassifier(ESTIMATOR, detector="distance", n_neighbors=7)
    theirs = OutlierFilteredClassifier(ESTIMATOR, detector=KNN(n_neighbors=7))
    np.testing.assert_array_equal(
        ours.fit(X, y, trusted=TRUSTED).inlier_mask_,
        theirs.fit(X, y, trusted=TRUSTED).inlier_mask_,
    )


def test_local_outlier_factor_uses_its_own_training_scores():
    lof = LocalOutlierFactor(novelty=True)
    defence = OutlierFilteredClassifier(ESTIMATOR, detector=lof).fit(X, y)
    for label in (0, 1):
        of_class = y == label
        own = LocalOutlierFactor().fit(X[of_class]).negative_outlier_factor_
        threshold = np.quantile(-own, 0.95, method="higher")
        np.testing.assert_array_equal(defence.inlier_mask_[of_class], -own <= threshold)


def test_scores_are_distances_and_thresholds_of_each_class():
    defence = OutlierFilteredClassifier(ESTIMATOR, detector="distance", n_neighbors=3)
    defence.fit(X, y, trusted=TRUSTED)
    distances = cdist(X, X)
    for code in (0, 1):
        reference = np.flatnonzero((y == code) & TRUSTED)
        own = np.sort(distances[np.ix_(reference, reference)])[:, 3]
        np.testing.assert_allclose(defence.sample_scores_[reference], own, rtol=1e-6)
        others = np.flatnonzero((y == code) & ~TRUSTED)
        expected = np.sort(distances[np.ix_(others, reference)])[:, 2]
        np.testing.assert_allclose(defence.sample_scores_[others], expected, rtol=1e-6)
        quantile = np.quantile(own, 0.95, method="higher")
        assert defence.threshold_[code] == pytest.approx(quantile, rel=1e-6)


def test_suspicious_rows_weighted_down():
    params = {"sample_weight": np.linspace(1, 2, 300), "trusted": TRUSTED}
    drop = OutlierFilteredClassifier(ESTIMATOR).fit(X, y, **params)
    weigh = OutlierFilteredClassifier(ESTIMATOR, action="weigh").fit(X, y, **params)
    np.testing.assert_array_equal(weigh.inlier_mask_, drop.inlier_mask_)
    factors = np.minimum(1, (drop.threshold_[y] / drop.sample_scores_) ** 2)
    weights = np.where(TRUSTED, 1, factors) * params["sample_weight"]
    np.testing.assert_allclose(weigh.sample_weight_, weights)
    plain = LogisticRegression().fit(X, y, sample_weight=weigh.sample_weight_)
    np.testing.assert_array_equal(weigh.estimator_.coef_, plain.coef_)


def test_scores_that_are_not_distances_cannot_weigh():
    defence = OutlierFilteredClassifier(
        ESTIMATOR, detector=LocalOutlierFactor(novelty=True), action="weigh"
    )
    assert (defence.fit(X, y).sample_weight_ <= 1).all()  # LOF is positive
    # At the quantile 0, the most likely row of a mixture of tiny variance.
    density = KernelDensity(bandwidth=1e-3)
    defence.set_params(detector=density, quantile=0.0)
    with pytest.raises(ValueError, match="needs a positive threshold"):
        defence.fit(1e-3 * X, y)


@pytest.mark.parametrize(
    "given",
    [{"n_neighbors": 4}, {"metric": "cosine"}, {"max_reference": None}, {"n_jobs": 2}],
)
@pytest.mark.parametrize("detector", [KNN(), "prediction", [KNN(), "prediction"]])
def test_parameters_of_the_distance_are_refused_without_it(given, detector):
    defence = OutlierFilteredClassifier(ESTIMATOR, detector=detector, **given)
    with pytest.raises(ValueError, match=f"{next(iter(given))} must be .*'distance'"):
        defence.fit(X, y)


class TestRegressor:
    X, y = make_regression(200, 4, noise=20.0, random_state=0)
    X = X * [1.0, 2.0, 0.5, 1.0]
    trusted = np.arange(200) < 60

    def joint(self, reference):
        """The features, and the response at the scale of all of them together."""
        spread = self.X[reference].var(axis=0).sum() / self.y[reference].var()
        return np.column_stack([self.X, np.sqrt(spread) * self.y])

    def test_equals_the_filter_row_by_row(self):
        defence = OutlierFilteredRegressor(Ridge(), detector="distance", quantile=0.9)
        defence.fit(self.X, self.y, trusted=self.trusted)
        rows = self.joint(self.trusted)
        one_class = np.zeros(200)
        expected = filter_slowly(rows, one_class, self.trusted, 0.9, 5)
        np.testing.assert_array_equal(defence.inlier_mask_, expected)
        assert np.ndim(defence.threshold_) == 0
        plain = Ridge().fit(self.X[expected], self.y[expected])
        np.testing.assert_array_equal(defence.estimator_.coef_, plain.coef_)

    def test_rows_stand_in_for_themselves_if_none_is_trusted(self):
        defence = OutlierFilteredRegressor(Ridge(), quantile=0.9).fit(self.X, self.y)
        assert (~defence.inlier_mask_).sum() == 200 - 1 - np.ceil(0.9 * 199)

    def test_wrong_responses_of_usual_features_are_found(self):
        wrong = self.y.copy()
        wrong[180:] = self.y[180:] + 4 * self.y.std()
        defence = OutlierFilteredRegressor(Ridge())
        defence.fit(self.X, wrong, trusted=self.trusted)
        assert not defence.inlier_mask_[180:].any()
        assert defence.inlier_mask_[:180].mean() > 0.9
        clean = Ridge().fit(self.X, self.y).score(self.X, self.y)
        poisoned = Ridge().fit(self.X, wrong).score(self.X, self.y)
        assert defence.score(self.X, self.y) > clean - 0.02 > poisoned + 0.05

    def test_unit_of_the_response_makes_no_difference(self):
        defence = OutlierFilteredRegressor(Ridge())
        kept = defence.fit(self.X, self.y, trusted=self.trusted).inlier_mask_
        defence.fit(self.X, 1e-3 * self.y + 7, trusted=self.trusted)
        np.testing.assert_array_equal(defence.inlier_mask_, kept)

    @pytest.mark.parametrize("make", [sparse.csr_matrix, sparse.csr_array])
    def test_sparse_rows(self, make):
        rows = np.where(np.abs(self.X) < 0.5, 0, self.X)
        dense = OutlierFilteredRegressor(Ridge()).fit(rows, self.y)
        as_sparse = OutlierFilteredRegressor(Ridge()).fit(make(rows), self.y)
        np.testing.assert_array_equal(as_sparse.inlier_mask_, dense.inlier_mask_)

    def test_constant_response(self):
        defence = OutlierFilteredRegressor(Ridge()).fit(self.X, np.ones(200))
        assert 0 < (~defence.inlier_mask_).sum() <= 10

    def test_single_row(self):
        assert OutlierFilteredRegressor(Ridge()).fit([[1.0]], [1.0]).inlier_mask_.all()

    def test_classifiers_are_refused(self):
        with pytest.raises(ValueError, match="estimator must be a regressor for"):
            OutlierFilteredRegressor(ESTIMATOR).fit(self.X, self.y)


def test_rows_are_compared_with_a_sample_of_the_trusted_ones():
    defence = OutlierFilteredClassifier(
        ESTIMATOR, detector="distance", max_reference=20, random_state=0
    )
    defence.fit(X, y, trusted=TRUSTED)
    assert defence.n_reference_.tolist() == [20, 20]
    random_state = np.random.RandomState(0)
    for label in (0, 1):
        rows = np.flatnonzero(y == label)
        reference = rows[TRUSTED[rows]]
        codes = np.zeros_like(reference)
        sample = reference[sample_rows(codes, 20, random_state)]
        distances = cdist(X[rows], X[sample])
        distances[rows[:, np.newaxis] == sample] = np.inf
        fifth = np.sort(distances)[:, 4]
        np.testing.assert_allclose(defence.sample_scores_[rows], fifth, rtol=1e-6)
        own = defence.sample_scores_[reference]
        expected = np.quantile(own, 0.95, method="higher")
        assert defence.threshold_[label] == pytest.approx(expected, rel=1e-6)
    few = OutlierFilteredClassifier(ESTIMATOR).fit(X, y, trusted=TRUSTED)
    assert few.n_reference_.tolist() == np.bincount(y[TRUSTED]).tolist()
    assert OutlierFilteredRegressor(Ridge()).fit(X, X[:, 0]).n_reference_ == 300


def test_seed_of_a_detector_that_has_none():
    detector = IsolationForest(n_estimators=5)
    defence = OutlierFilteredClassifier(ESTIMATOR, detector=detector, random_state=0)
    first, again = (clone(defence).fit(X, y).sample_scores_ for _ in range(2))
    np.testing.assert_array_equal(first, again)
    defence.set_params(random_state=1).fit(X, y)
    assert (defence.sample_scores_ != first).any()
    assert detector.random_state is None


def test_few_and_unusual_trusted_rows_lose_most_of_a_class():
    """The ways out of the warning lead out: trusted rows, a higher quantile."""
    centre = np.linalg.norm(X - X[y == 0].mean(axis=0), axis=1)
    near = np.argsort(np.where(y == 0, centre, np.inf))
    trusted = (y == 1) & TRUSTED
    trusted[near[:8]] = True
    defence = OutlierFilteredClassifier(ESTIMATOR)
    message = r"of the \d+ rows of class 0\..* as trusted, or raise the quantile\.$"
    with pytest.warns(UserWarning, match=message):
        defence.fit(X, y, trusted=trusted)
    share = defence.overruled_share_
    assert share[0] == np.mean(~defence.inlier_mask_[y == 0])
    assert share[0] > 0.5 > share[1]
    assert (defence.fit(X, y, trusted=TRUSTED).overruled_share_ < 0.5).all()
    defence.set_params(quantile=0.0)
    with pytest.warns(UserWarning, match="raise the quantile"):
        defence.fit(X, y, trusted=TRUSTED)
    defence.set_params(quantile=0.9).fit(X, y, trusted=TRUSTED)
    assert (defence.overruled_share_ < 0.5).all()


def test_local_outlier_factor_without_novelty():
    defence = OutlierFilteredClassifier(ESTIMATOR, detector=LocalOutlierFactor())
    with pytest.raises(ValueError, match=r"detector must score .*novelty=True"):
        defence.fit(X, y)
    assert defence.set_params(detector__novelty=True).fit(X, y).inlier_mask_.any()


def test_class_without_trusted_rows_stands_in_for_itself():
    trusted = TRUSTED & (y == 0)
    defence = OutlierFilteredClassifier(ESTIMATOR, detector="distance")
    one, none, both = (clone(defence) for _ in range(3))
    one.fit(X, y, trusted=trusted)
    none.fit(X, y)
    both.fit(X, y, trusted=TRUSTED)
    expected = np.where(y == 0, both.inlier_mask_, none.inlier_mask_)
    np.testing.assert_array_equal(one.inlier_mask_, expected)


@pytest.mark.filterwarnings("ignore:.* overrules .*:UserWarning")
def test_few_trusted_rows():
    """One trusted row is no distribution; with three, k is at most two."""
    trusted = np.zeros(300, dtype=bool)
    rows = np.flatnonzero(y == 0)
    trusted[rows[:1]] = True
    defence = OutlierFilteredClassifier(ESTIMATOR, detector="distance")
    one = clone(defence).fit(X, y, trusted=trusted)
    none = clone(defence).fit(X, y)
    np.testing.assert_array_equal(
        one.inlier_mask_ | trusted, none.inlier_mask_ | trusted
    )
    trusted[rows[:3]] = True
    three = clone(defence).fit(X, y, trusted=trusted)
    two = clone(defence).set_params(n_neighbors=2)
    np.testing.assert_array_equal(
        three.inlier_mask_[rows], two.fit(X, y, trusted=trusted).inlier_mask_[rows]
    )


def test_class_of_one_row():
    labels = y.copy()
    labels[7] = 2
    assert OutlierFilteredClassifier(ESTIMATOR).fit(X, labels).inlier_mask_[7]


def test_sparse_rows():
    dense = OutlierFilteredClassifier(ESTIMATOR).fit(X, y, trusted=TRUSTED)
    as_sparse = OutlierFilteredClassifier(ESTIMATOR).fit(
        sparse.csr_array(X), y, trusted=TRUSTED
    )
    np.testing.assert_array_equal(as_sparse.inlier_mask_, dense.inlier_mask_)


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("quantile", 1.1),
        ("quantile", -0.1),
        ("n_neighbors", 0),
        ("detector", "KNN"),
    ],
)
def test_parameters_are_checked(parameter, value):
    with pytest.raises(ValueError, match=f"The '{parameter}' parameter"):
        OutlierFilteredClassifier(ESTIMATOR, **{parameter: value}).fit(X, y)


@pytest.mark.parametrize(
    "detector",
    [
        LocalOutlierFactor(n_neighbors=1, novelty=True),
        make_pipeline(StandardScaler(), LocalOutlierFactor(1, novelty=True)),
        KernelDensity(bandwidth=0.3),
        IsolationForest(n_estimators=30, max_samples=1.0, random_state=0),
        make_pipeline(StandardScaler(), KernelDensity(bandwidth=0.3)),
        OneClassSVM(gamma=5.0),
        GaussianMixture(10, random_state=0),
        KNN(n_neighbors=1),
        make_pipeline(StandardScaler(), KNN(n_neighbors=1)),
        KDE(bandwidth=0.3),
    ],
    ids=lambda detector: "-".join(re.findall(r"\w+(?=\()", repr(detector))),
)
def test_thresholds_are_those_of_rows_not_seen(detector):
    """As many clean rows are lost as the quantile says, for any detector."""
    X = np.random.RandomState(0).normal(size=(1200, 5))
    y, trusted = np.arange(1200) % 2, np.arange(1200) < 600
    defence = OutlierFilteredClassifier(ESTIMATOR, detector=detector, quantile=0.9)
    defence.fit(X, y, trusted=trusted)
    lost = ~defence.inlier_mask_[~trusted]
    assert 0.06 < lost.mean() < 0.14


def test_scores_behind_a_scaler_are_those_of_scaled_rows():
    scaler, rows = StandardScaler(), X[y == 0] * [1, 10, 100]
    for detector in (LocalOutlierFactor(5, novelty=True), KNN()):
        params = {"X": rows, "y": np.zeros(150)}
        behind = OutlierFilteredClassifier(
            DummyClassifier(), detector=make_pipeline(scaler, detector)
        ).fit(**params)
        alone = OutlierFilteredClassifier(DummyClassifier(), detector=detector)
        alone.fit(scaler.fit_transform(rows), params["y"])
        np.testing.assert_allclose(behind.sample_scores_, alone.sample_scores_)


def test_cross_fitted_scores():
    """Each trusted row is scored by the detector that left it out, others by all."""
    density = KernelDensity(bandwidth=1.0)
    defence = OutlierFilteredClassifier(ESTIMATOR, detector=density)
    defence.fit(X, y, trusted=TRUSTED)
    for label in (0, 1):
        reference = np.flatnonzero((y == label) & TRUSTED)
        others = np.flatnonzero((y == label) & ~TRUSTED)
        scores = np.zeros(others.shape[0])
        for fold in range(5):
            left_out = reference[fold::5]
            fitted = clone(density).fit(X[np.setdiff1d(reference, left_out)])
            np.testing.assert_allclose(
                defence.sample_scores_[left_out], -fitted.score_samples(X[left_out])
            )
            scores -= fitted.score_samples(X[others]) / 5
        np.testing.assert_allclose(defence.sample_scores_[others], scores)


def test_detector_needs_three_rows():
    """Two of them are left if one is left out."""
    labels = np.r_[y, 2, 2]
    defence = OutlierFilteredClassifier(ESTIMATOR, detector=GaussianMixture())
    defence.fit(np.r_[X, X[:2]], labels)
    assert defence.threshold_[2] == np.inf
    assert defence.inlier_mask_[-2:].all()
    rows = np.r_[X, X[:3]]
    defence.fit(rows, np.r_[labels, 2])
    assert np.isfinite(defence.threshold_[2])
