import numpy as np
import pytest
from scipy import sparse
from scipy.spatial.distance import cdist
from sklearn import __version__
from sklearn.base import BaseEstimator, clone
from sklearn.datasets import load_iris, make_blobs, make_classification
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.neighbors import (
    KNeighborsClassifier,
    KNeighborsTransformer,
    NearestNeighbors,
)
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags
from sklearn.utils.fixes import parse_version

from skpoison.attacks import RandomLabelFlip
from skpoison.defences import KNNSanitizedClassifier, _neighbors
from skpoison.defences._reference_rows import as_sparse_if_alike, sample_rows

ESTIMATOR = LogisticRegression(max_iter=1000)
overrules_most = pytest.mark.filterwarnings("ignore:.* overrules .*:UserWarning")


def sanitise_slowly(
    X, y, n_neighbors, threshold, weights="uniform", prior_correction=False
):
    """Algorithm 1 of Paudice et al., row by row, ties as documented."""
    distances = cdist(X, X)
    classes = np.unique(y)
    y_sanitized = y.copy()
    for i, row in enumerate(distances):
        row[i] = np.inf
        nearest = np.argsort(row)[:n_neighbors]
        each = 1 / row[nearest] if weights == "distance" else np.ones(n_neighbors)
        votes = np.array([each[y[nearest] == c].sum() for c in classes])
        own = votes[classes == y[i]][0]
        if votes.max() <= own or votes.max() / each.sum() < threshold:
            continue
        winner = classes[votes.argmax()]
        if prior_correction:  # Norén et al.
            winning, owned = (
                (votes[classes == label][0] + 1 / 2)
                / (each.sum() * np.mean(y == label) + 1 / 2)
                for label in (winner, y[i])
            )
            if winning / (winning + owned) < threshold:
                continue
        y_sanitized[i] = winner
    return y_sanitized


@overrules_most
@pytest.mark.parametrize("prior_correction", [False, True])
@pytest.mark.parametrize("n_neighbors", [1, 2, 5, 10, 199])
@pytest.mark.parametrize("threshold", [0.01, 0.4, 0.5, 0.7, 1.0])
def test_equals_the_algorithm_row_by_row(n_neighbors, threshold, prior_correction):
    X, y = make_classification(
        200,
        n_classes=3,
        n_informative=4,
        weights=[0.2, 0.3],
        flip_y=0.3,
        random_state=0,
    )
    defence = KNNSanitizedClassifier(
        ESTIMATOR,
        n_neighbors=n_neighbors,
        threshold=threshold,
        prior_correction=prior_correction,
    )
    if n_neighbors == 199:  # leave-one-out majority: it can lose a class
        X, y = X[y != 2], y[y != 2]
        n_neighbors = X.shape[0] - 1
        defence.set_params(n_neighbors=n_neighbors)
    expected = sanitise_slowly(
        X, y, n_neighbors, threshold, prior_correction=prior_correction
    )
    if np.unique(expected).size < np.unique(y).size:
        with pytest.warns(UserWarning, match="keeps suspicious rows"):
            defence.fit(X, y)
        lost = np.setdiff1d(y, expected)
        expected = np.where(np.isin(y, lost), y, expected)
    else:
        defence.fit(X, y)
    np.testing.assert_array_equal(defence.y_sanitized_, expected)
    np.testing.assert_array_equal(defence.inlier_mask_, expected == y)


@overrules_most
@pytest.mark.parametrize("threshold", [0.01, 0.5, 0.8])
def test_votes_weighted_by_distance(threshold):
    X, y = make_classification(
        200, n_classes=3, n_informative=4, flip_y=0.3, random_state=0
    )
    defence = KNNSanitizedClassifier(
        ESTIMATOR, threshold=threshold, weights="distance", prior_correction=False
    ).fit(X, y)
    expected = sanitise_slowly(X, y, 10, threshold, "distance")
    np.testing.assert_array_equal(defence.y_sanitized_, expected)
    assert (expected != sanitise_slowly(X, y, 10, threshold)).any()


def test_prior_correction_of_classes_of_equal_frequency_changes_nothing():
    X, y = make_classification(300, flip_y=0.3, random_state=0)
    rows = np.concatenate([np.flatnonzero(y == label)[:140] for label in (0, 1)])
    corrected, counted = (
        KNNSanitizedClassifier(ESTIMATOR, prior_correction=each).fit(X[rows], y[rows])
        for each in (True, False)
    )
    np.testing.assert_array_equal(corrected.y_sanitized_, counted.y_sanitized_)
    assert not counted.inlier_mask_.all()


def test_prior_correction_keeps_a_rare_class():
    X, y = make_classification(
        2000,
        weights=[0.97],
        n_informative=6,
        flip_y=0,
        class_sep=1.0,
        random_state=6,
    )
    corrected = KNNSanitizedClassifier(ESTIMATOR).fit(X, y)
    counting = KNNSanitizedClassifier(ESTIMATOR, prior_correction=False)
    way_out = "Set prior_correction=True for rare classes. Mark rows"
    with pytest.warns(UserWarning, match=rf"of class 1\..*{way_out}"):
        counting.fit(X, y)
    assert counting.overruled_share_[1] > 2 * corrected.overruled_share_[1]
    assert corrected.overruled_share_[0] < 0.01
    scores = [
        balanced_accuracy_score(y, defence.predict(X))
        for defence in (counting, corrected)
    ]
    assert scores[1] > scores[0] + 0.05


def test_score_with_prior_correction_by_hand():
    """Of 16 neighbours 15 are of class 0, and one of 17 rows is another of class 1."""
    X, y = np.arange(17.0).reshape(-1, 1), np.zeros(17, dtype=int)
    y[[0, 5]] = 1
    trusted = np.ones(17, dtype=bool)
    defence = KNNSanitizedClassifier(ESTIMATOR, n_neighbors=16)
    defence.fit(X, y, trusted=trusted)
    of_others = (15 + 1 / 2) / (16 * 15 / 17 + 1 / 2)
    of_own = (1 + 1 / 2) / (16 * 2 / 17 + 1 / 2)
    expected = of_others / (of_others + of_own)
    np.testing.assert_allclose(defence.sample_scores_[[0, 5]], expected)
    np.testing.assert_array_equal(np.delete(defence.sample_scores_, [0, 5]), 0)


def test_score_is_the_share_of_the_votes_for_another_label():
    X, y = np.arange(6.0).reshape(-1, 1), np.array([0, 1, 1, 2, 2, 2])
    trusted = np.ones(6, dtype=bool)
    defence = KNNSanitizedClassifier(ESTIMATOR, n_neighbors=5, prior_correction=False)
    defence.fit(X, y, trusted=trusted)
    # All others vote. 0: two for 1 and three for 2. 1: three for 2, one for 1.
    # 2: two for 2 itself and two for 1, a tie that keeps the label.
    np.testing.assert_allclose(defence.sample_scores_, [0.6, 0.6, 0.6, 0, 0, 0])
    assert defence.threshold_ == 0.5
    assert defence.inlier_mask_.all()


@overrules_most
@pytest.mark.parametrize("action", ["relabel", "drop"])
@pytest.mark.parametrize("n_passes", [1, 2, 3, 50])
def test_scores_say_what_the_mask_says_after_any_number_of_passes(action, n_passes):
    X, y = make_classification(
        300, n_classes=3, n_informative=4, flip_y=0.4, random_state=0
    )
    trusted = np.arange(300) % 5 == 0
    defence = KNNSanitizedClassifier(ESTIMATOR, action=action, n_passes=n_passes)
    defence.fit(X, y, trusted=trusted)
    suspicious = defence.sample_scores_ >= 0.5
    np.testing.assert_array_equal(defence.inlier_mask_, ~suspicious | trusted)
    assert 10 < suspicious.sum() < 200


def test_only_rows_at_distance_0_vote():
    X = np.array([[0.0], [0.0], [0.0], [0.01], [0.02], [0.03], [9.0], [9.1]])
    y = np.array([0, 1, 1, 0, 0, 0, 1, 1])
    defence = KNNSanitizedClassifier(ESTIMATOR, n_neighbors=5, weights="distance")
    trusted = np.arange(8) > 0
    assert defence.fit(X, y, trusted=trusted).y_sanitized_[0] == 1
    defence.set_params(weights="uniform")
    assert defence.fit(X, y, trusted=trusted).y_sanitized_[0] == 0


@pytest.mark.parametrize("n_passes", [1, 2, 3, 50])
def test_passes_are_one_pass_after_the_other(n_passes):
    X, y = make_classification(300, flip_y=0.3, random_state=0)
    trusted = np.arange(300) % 5 == 0
    defence = KNNSanitizedClassifier(ESTIMATOR, n_passes=n_passes)
    defence.fit(X, y, trusted=trusted)
    labels, once = y, KNNSanitizedClassifier(ESTIMATOR)
    for n_iter in range(1, n_passes + 1):
        after = once.fit(X, labels, trusted=trusted).y_sanitized_
        if (after == labels).all() or n_iter == n_passes:
            break
        labels = after
    np.testing.assert_array_equal(defence.y_sanitized_, after)
    assert defence.n_iter_ == n_iter
    if n_passes == 2:
        assert (after != labels).any()


def test_rows_dropped_do_not_vote_and_stay_dropped():
    X, y = make_classification(300, flip_y=0.4, random_state=0)
    distances = cdist(X, X)
    np.fill_diagonal(distances, np.inf)
    nearest = np.argsort(distances, axis=1)[:, :10]
    kept, n_dropped = np.ones(300, dtype=bool), []
    for n_passes in range(1, 4):
        against = (kept[nearest] & (y[nearest] != y[:, np.newaxis])).sum(axis=1)
        kept = kept & ~(2 * against > kept[nearest].sum(axis=1))
        n_dropped.append((~kept).sum())
        defence = KNNSanitizedClassifier(ESTIMATOR, action="drop", n_passes=n_passes)
        np.testing.assert_array_equal(defence.fit(X, y).inlier_mask_, kept)
    assert n_dropped[0] < n_dropped[1]


def test_repairs_what_neighbourhoods_outvote():
    X, y = make_blobs(200, centers=[[-9, 0], [9, 0]], random_state=0)
    _, y_poisoned = RandomLabelFlip(30, random_state=0).fit_resample(X, y)
    defence = KNNSanitizedClassifier(ESTIMATOR, n_neighbors=61).fit(X, y_poisoned)
    # 30 flips are fewer than half of any 61 neighbours, so each vote is right.
    np.testing.assert_array_equal(defence.y_sanitized_, y)


def test_clean_separated_data_stay_as_they_are():
    X, y = make_blobs(200, centers=[[-9, 0], [9, 0]], random_state=0)
    assert KNNSanitizedClassifier(ESTIMATOR).fit(X, y).inlier_mask_.all()


def test_drop_drops_what_relabel_relabels():
    X, y = make_classification(300, flip_y=0.3, random_state=0)
    relabel = KNNSanitizedClassifier(ESTIMATOR).fit(X, y)
    dropping = KNNSanitizedClassifier(ESTIMATOR, action="drop").fit(X, y)
    np.testing.assert_array_equal(dropping.inlier_mask_, relabel.inlier_mask_)
    kept = dropping.inlier_mask_
    assert not kept.all()
    assert not hasattr(dropping, "y_sanitized_")
    for defence, (X_kept, y_kept) in {
        relabel: (X, relabel.y_sanitized_),
        dropping: (X[kept], y[kept]),
    }.items():
        plain = LogisticRegression(max_iter=1000).fit(X_kept, y_kept)
        np.testing.assert_array_equal(defence.estimator_.coef_, plain.coef_)


def test_tie_with_the_own_label_keeps_it():
    X = np.array([[0.0], [1.0], [-1.1], [50.0], [51.0], [52.0]])
    y = np.array([0, 0, 1, 1, 1, 1])
    defence = KNNSanitizedClassifier(ESTIMATOR, n_neighbors=2).fit(X, y)
    assert defence.y_sanitized_[0] == 0  # its neighbours say 0 and 1


def test_batches_make_no_difference(monkeypatch):
    X, y = make_classification(300, flip_y=0.3, random_state=0)
    whole = KNNSanitizedClassifier(ESTIMATOR).fit(X, y)
    monkeypatch.setattr(_neighbors, "BATCH_SIZE", 7)
    batched = KNNSanitizedClassifier(ESTIMATOR).fit(X, y)
    np.testing.assert_array_equal(batched.y_sanitized_, whole.y_sanitized_)


def test_repeated_rows():
    """A row that stands there more often than neighbours are asked for."""
    X = np.repeat([[0.0], [9.0]], 30, axis=0)
    y = np.repeat([0, 1], 30)
    y[[3, 40]] = 1 - y[[3, 40]]
    defence = KNNSanitizedClassifier(ESTIMATOR, n_neighbors=5).fit(X, y)
    np.testing.assert_array_equal(defence.y_sanitized_, np.repeat([0, 1], 30))


def test_order_of_rows_makes_no_difference():
    X, y = make_classification(300, flip_y=0.3, random_state=0)
    order = np.random.RandomState(0).permutation(300)
    defence = KNNSanitizedClassifier(ESTIMATOR)
    straight = defence.fit(X, y).y_sanitized_[order]
    np.testing.assert_array_equal(
        defence.fit(X[order], y[order]).y_sanitized_, straight
    )


def test_trusted_rows_vote_and_keep_their_labels():
    X, y = make_classification(300, flip_y=0.3, random_state=0)
    untrusting = KNNSanitizedClassifier(ESTIMATOR).fit(X, y)
    trusted = np.arange(300) < 150
    trusting = KNNSanitizedClassifier(ESTIMATOR).fit(X, y, trusted=trusted)
    np.testing.assert_array_equal(
        trusting.y_sanitized_, np.where(trusted, y, untrusting.y_sanitized_)
    )


def test_single_row():
    with pytest.warns(UserWarning, match="n_neighbors=10 is more than the 0 other"):
        defence = KNNSanitizedClassifier(DummyClassifier()).fit([[0.0]], [1])
    assert defence.sample_scores_.tolist() == [0]
    assert defence.inlier_mask_.all()


def test_fewer_rows_than_neighbours():
    X, y = load_iris(return_X_y=True)
    rows = [0, 1, 2, 60, 61, 62]
    with pytest.warns(
        UserWarning, match="n_neighbors=10 is more than the 5 other rows"
    ):
        defence = KNNSanitizedClassifier(ESTIMATOR, threshold=1.0).fit(X[rows], y[rows])
    assert defence.inlier_mask_.all()


class Manhattan(BaseEstimator):
    """An index of a third party: nothing but fit and kneighbors."""

    def fit(self, X, y=None):
        self.X_ = X
        return self

    def kneighbors(self, X, n_neighbors, return_distance):
        assert not return_distance
        return np.argsort(cdist(X, self.X_, "cityblock"))[:, :n_neighbors]


@pytest.mark.parametrize(
    "neighbors",
    [
        Manhattan(),
        NearestNeighbors(metric="manhattan", algorithm="ball_tree"),
        KNeighborsTransformer(metric="manhattan"),
    ],
)
def test_neighbors_of_another_index(neighbors):
    X, y = make_classification(300, flip_y=0.3, random_state=0)
    expected = KNNSanitizedClassifier(ESTIMATOR, metric="manhattan").fit(X, y)
    defence = KNNSanitizedClassifier(ESTIMATOR, neighbors=neighbors).fit(X, y)
    np.testing.assert_array_equal(defence.y_sanitized_, expected.y_sanitized_)
    euclidean = KNNSanitizedClassifier(ESTIMATOR).fit(X, y)
    assert (defence.y_sanitized_ != euclidean.y_sanitized_).any()


def test_sample_of_reference_rows_votes():
    X, y = make_classification(300, flip_y=0.3, random_state=0)
    defence = KNNSanitizedClassifier(
        ESTIMATOR, max_reference=100, prior_correction=False, random_state=0
    ).fit(X, y)
    assert defence.n_reference_ == 100
    reference = sample_rows(y, 100, np.random.RandomState(0))
    distances = cdist(X, X[reference])
    distances[reference, np.arange(100)] = np.inf  # no row votes on itself
    for_1 = y[reference][np.argsort(distances)[:, :10]].sum(axis=1)
    expected = np.where(for_1 > 5, 1, np.where(for_1 < 5, 0, y))
    np.testing.assert_array_equal(defence.y_sanitized_, expected)
    whole = KNNSanitizedClassifier(ESTIMATOR, max_reference=None).fit(X, y)
    assert whole.n_reference_ == 300


@overrules_most
def test_words_in_dense_rows_are_searched_as_in_sparse_ones():
    rng = np.random.RandomState(0)
    X = rng.poisson(0.05, size=(400, 150)) * rng.uniform(1, 2, size=(400, 150))
    y = (X[:, :75].sum(axis=1) > X[:, 75:].sum(axis=1)).astype(int)
    scaled = StandardScaler().fit_transform(X)
    defence = KNNSanitizedClassifier(ESTIMATOR).fit(scaled, y)
    assert sparse.issparse(as_sparse_if_alike(scaled))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_neighbors, "as_sparse_if_alike", lambda X: X)
        dense = KNNSanitizedClassifier(ESTIMATOR).fit(scaled, y)
    np.testing.assert_array_equal(defence.sample_scores_, dense.sample_scores_)
    assert not dense.inlier_mask_.all()


@pytest.mark.parametrize(
    "given", [{"metric": "manhattan"}, {"max_reference": None}, {"n_jobs": 2}]
)
def test_parameters_of_the_default_index_are_refused_for_another(given):
    defence = KNNSanitizedClassifier(ESTIMATOR, neighbors=Manhattan(), **given)
    with pytest.raises(ValueError, match=f"{next(iter(given))} must be .* if neighb"):
        defence.fit(*load_iris(return_X_y=True))
    default = getattr(KNNSanitizedClassifier(ESTIMATOR), next(iter(given)))
    defence.set_params(**{next(iter(given)): default})
    assert defence.fit(*load_iris(return_X_y=True)).n_reference_ == 150


@pytest.mark.parametrize("metric", ["euclidean", "nan_euclidean", "manhattan"])
def test_tags_are_those_of_the_index(metric, monkeypatch):
    expected = get_tags(NearestNeighbors(metric=metric)).input_tags
    inner = HistGradientBoostingClassifier()
    defence = KNNSanitizedClassifier(inner, metric=metric)
    monkeypatch.setattr(NearestNeighbors, "__init__", None)  # none is built
    assert get_tags(defence).input_tags.allow_nan == expected.allow_nan
    # The first version with these tags denied that the index takes sparse rows.
    takes_sparse = expected.sparse or parse_version(__version__) < parse_version("1.7")
    assert defence._filter_input_tags().sparse == takes_sparse


def test_index_of_a_classifier():
    X, y = make_classification(300, flip_y=0.3, random_state=0)
    index = KNeighborsClassifier()
    defence = KNNSanitizedClassifier(ESTIMATOR, neighbors=index).fit(X, y)
    expected = KNNSanitizedClassifier(ESTIMATOR).fit(X, y)
    np.testing.assert_array_equal(defence.y_sanitized_, expected.y_sanitized_)


class Forgetful(Manhattan):
    """An approximate index that does not find all, and says so by -1."""

    def kneighbors(self, X, n_neighbors, return_distance):
        nearest = super().kneighbors(X, n_neighbors, return_distance)
        nearest[3, 9:] = -1
        return nearest


def test_index_that_does_not_find_enough():
    X, y = make_classification(300, flip_y=0.3, random_state=0)
    defence = KNNSanitizedClassifier(ESTIMATOR, neighbors=Forgetful())
    with pytest.raises(ValueError, match=r"must find the 11 rows .* lower n_neighbors"):
        defence.fit(X, y)
    assert defence.set_params(n_neighbors=8).fit(X, y).inlier_mask_.any()


@pytest.mark.parametrize(("n_neighbors", "threshold"), [(25, 0.28), (25, 0.56)])
def test_share_equal_to_the_threshold_is_enough(n_neighbors, threshold):
    """Their product is not the number of votes, in floating point."""
    n_votes = round(n_neighbors * threshold)
    X = np.concatenate([[0.0], np.linspace(1, 2, n_neighbors)]).reshape(-1, 1)
    # The first row is of class 0; of its neighbours, so many agree on class 1, and the
    # others, six at the most, on each of further classes.
    others = 2 + np.arange(n_neighbors - n_votes) // 6
    y = np.concatenate([[0], np.ones(n_votes, dtype=int), others])
    y = np.concatenate([y, [0]])
    X = np.concatenate([X, [[99.0]]])
    defence = KNNSanitizedClassifier(
        DummyClassifier(),
        n_neighbors=n_neighbors,
        threshold=threshold,
    )
    trusted = np.arange(y.shape[0]) > 0
    assert defence.fit(X, y, trusted=trusted).y_sanitized_[0] == 1


def test_labels_of_an_earlier_fit_are_forgotten():
    X, y = make_classification(300, flip_y=0.3, random_state=0)
    defence = KNNSanitizedClassifier(ESTIMATOR).fit(X, y)
    defence.set_params(action="drop").fit(X, y)
    assert not hasattr(defence, "y_sanitized_")


def test_sparse_rows():
    X, y = make_classification(300, flip_y=0.3, random_state=0)
    X[np.abs(X) < 0.5] = 0
    dense = KNNSanitizedClassifier(ESTIMATOR).fit(X, y)
    for make in (sparse.csr_matrix, sparse.csc_array):
        fitted = KNNSanitizedClassifier(ESTIMATOR).fit(make(X), y)
        np.testing.assert_array_equal(fitted.y_sanitized_, dense.y_sanitized_)


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("n_neighbors", 0),
        ("threshold", 0),
        ("threshold", 1.1),
        ("action", "remove"),
        ("weights", "inverse"),
        ("n_passes", 0),
        ("max_reference", 1),
        ("prior_correction", "auto"),
        ("metric", "euclidian"),
        ("metric", "precomputed"),
        ("metric", "mahalanobis"),
        ("metric", "pyfunc"),
        ("neighbors", LogisticRegression()),
    ],
)
def test_parameters_are_checked(parameter, value):
    defence = KNNSanitizedClassifier(ESTIMATOR, **{parameter: value})
    with pytest.raises(ValueError, match=f"The '{parameter}' parameter"):
        defence.fit(*load_iris(return_X_y=True))


def test_distance_on_a_sphere_needs_latitude_and_longitude():
    defence = KNNSanitizedClassifier(ESTIMATOR, metric="haversine")
    X, y = load_iris(return_X_y=True)
    assert defence.fit(X[:, :2] / 10, y).inlier_mask_.any()
    with pytest.raises(ValueError, match="metric='haversine' is for two columns"):
        defence.fit(X, y)
    assert defence.set_params(metric="euclidean").fit(X, y).inlier_mask_.any()


class Record:
    """A callback of scikit-learn that counts, and asks to stop after some steps."""

    def __init__(self, stop_after=None):
        self.stop_after = stop_after
        self.begun, self.ended = [], []

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        self.begun.append(context.task_name)

    def on_fit_task_end(self, estimator, context):
        self.ended.append(context.task_name)
        return self.ended.count("step") == self.stop_after


def test_callbacks_are_told_of_each_batch(monkeypatch):
    pytest.importorskip("sklearn.callback")
    X, y = make_classification(300, flip_y=0.3, random_state=0)
    monkeypatch.setattr(_neighbors, "BATCH_SIZE", 100)
    defence = KNNSanitizedClassifier(ESTIMATOR)
    expected = clone(defence).fit(X, y).y_sanitized_
    fitted = clone(defence).set_callbacks(record := Record()).fit(X, y)
    assert record.begun == ["search for neighbours", *["step"] * 3]
    assert record.ended == [*["step"] * 3, "search for neighbours"]
    np.testing.assert_array_equal(fitted.y_sanitized_, expected)
    stopped = clone(defence).set_callbacks(Record(stop_after=2)).fit(X, y)
    np.testing.assert_array_equal(stopped.y_sanitized_[:200], expected[:200])
    np.testing.assert_array_equal(stopped.y_sanitized_[200:], y[200:])
