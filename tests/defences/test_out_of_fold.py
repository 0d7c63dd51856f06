import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GroupKFold,
    GroupShuffleSplit,
    KFold,
    RepeatedStratifiedKFold,
    ShuffleSplit,
    StratifiedKFold,
    TimeSeriesSplit,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skpoison.defences import ConfidentLearningClassifier, NoisyLabelClassifier

X, y = make_classification(240, flip_y=0.2, random_state=0)
GROUPS = np.arange(240) % 12
ESTIMATOR = LogisticRegression()
# The scores of a single plain classifier are functions of its probabilities alone.
PLAIN = ConfidentLearningClassifier(ESTIMATOR, classifiers=[ESTIMATOR], random_state=0)
DEFENCES = [
    PLAIN,
    NoisyLabelClassifier(ESTIMATOR, noise="anchors", random_state=0),
    NoisyLabelClassifier(ESTIMATOR, random_state=0),
]


class Recorder(LogisticRegression):
    """A classifier that remembers the rows that each clone was fitted on."""

    seen = []

    def fit(self, X, y):
        self.seen.append(X.copy())
        return super().fit(X, y)


def expected_scores(probabilities, labels, judged):
    """The scores as documented, of two classes of 0 and 1."""
    own = probabilities[np.arange(labels.shape[0]), labels]
    means = [own[judged & (labels == label)].mean() for label in (0, 1)]
    other = 1 - own
    confidence = (other - 0.5) / (np.array(means)[1 - labels] - 0.5)
    scores = np.where(other > own, confidence, other - 1)
    return np.where(judged, scores, -1)


def probabilities_of(splitter, groups=None):
    """Mean probabilities over the folds that leave a row out, and whether any does."""
    sums, counts = np.zeros((240, 2)), np.zeros(240)
    for train, test in splitter.split(X, y, groups):
        sums[test] += clone(ESTIMATOR).fit(X[train], y[train]).predict_proba(X[test])
        counts[test] += 1
    return sums / np.maximum(counts, 1)[:, np.newaxis], counts > 0


@pytest.mark.parametrize(
    ("splitter", "groups"),
    [
        (StratifiedKFold(3), None),
        (GroupKFold(4), GROUPS),
        (GroupShuffleSplit(3, random_state=0), GROUPS),
        (RepeatedStratifiedKFold(n_splits=2, n_repeats=3, random_state=0), None),
        (ShuffleSplit(3, test_size=0.2, random_state=0), None),
        (TimeSeriesSplit(4), None),
    ],
)
def test_rows_are_judged_by_the_folds_of_the_splitter(splitter, groups):
    params = {} if groups is None else {"groups": groups}
    defence = clone(PLAIN).set_params(cv=splitter).fit(X, y, **params)
    probabilities, judged = probabilities_of(splitter, groups)
    expected = expected_scores(probabilities, y, judged)
    np.testing.assert_allclose(defence.sample_scores_, expected, atol=1e-12)
    assert defence.inlier_mask_[~judged].all()
    assert not defence.inlier_mask_.all()


def test_first_rows_in_time_are_believed():
    defence = clone(PLAIN).set_params(cv=TimeSeriesSplit(4)).fit(X, y)
    first = np.arange(240) < 48
    np.testing.assert_array_equal(defence.sample_scores_ == -1, first)


def test_class_that_comes_later_is_believed_until_it_is_known():
    """Until a classifier has seen class 1, nothing is known about rows of it."""
    labels = np.where(np.arange(240) < 120, 0, y)
    defence = clone(PLAIN).set_params(cv=TimeSeriesSplit(5)).fit(X, labels)
    # Folds are of 40 rows. The first that trains on class 1 tests rows from 160 on.
    np.testing.assert_array_equal(defence.sample_scores_ == -1, np.arange(240) < 160)


@pytest.mark.parametrize("defence", DEFENCES, ids=["CL", "anchors", "cv"])
@pytest.mark.parametrize("weighted", [False, True])
def test_groups_stay_together(defence, weighted):
    Recorder.seen.clear()
    weights = np.where(np.arange(240) % 5 == 0, 0.0, 1.0)
    rows = np.column_stack([X, GROUPS])
    defence = clone(defence).set_params(estimator=Recorder(), cv=GroupKFold(4))
    if "classifiers" in defence.get_params(deep=False):
        defence.set_params(classifiers=[Recorder()])
    if weighted:  # Recorder takes no weights: rows of weight 0 are left out
        defence.fit(rows, y, groups=GROUPS, sample_weight=weights)
    else:
        defence.fit(rows, y, groups=GROUPS)
    in_folds = [seen for seen in Recorder.seen if np.unique(seen[:, -1]).size < 12]
    assert len(in_folds) >= 4
    for seen in in_folds:
        present = rows[weights > 0] if weighted else rows
        of_groups = np.isin(present[:, -1], seen[:, -1])
        assert np.unique(seen[:, -1]).size == 9
        assert seen.shape[0] == of_groups.sum()
    assert not hasattr(defence, "_split_params")


@pytest.mark.parametrize("defence", DEFENCES, ids=["CL", "anchors", "cv"])
def test_groups_that_are_missing_can_be_given(defence):
    defence = clone(defence).set_params(cv=GroupKFold(4))
    with pytest.raises(ValueError, match=r"groups must be given .*fit\(X, y, groups="):
        defence.fit(X, y)
    assert not hasattr(defence, "_split_params")
    assert defence.fit(X, y, groups=GROUPS).inlier_mask_.any()
    pipeline = make_pipeline(StandardScaler(), defence)
    name = pipeline.steps[1][0]
    assert pipeline.fit(X, y, **{f"{name}__groups": GROUPS}).score(X, y) > 0.5
    with config_context(enable_metadata_routing=True):
        assert pipeline.fit(X, y, groups=GROUPS).score(X, y) > 0.5


@pytest.mark.parametrize("defence", DEFENCES, ids=["CL", "anchors", "cv"])
def test_groups_without_a_splitter_need_one(defence):
    with pytest.raises(ValueError, match=r"such as cv=GroupKFold\(5\); got cv=5"):
        defence.fit(X, y, groups=GROUPS)
    defence = clone(defence).set_params(cv=GroupKFold(5))
    assert defence.fit(X, y, groups=GROUPS).inlier_mask_.any()


@pytest.mark.parametrize("weights", [None, np.ones(240)])
def test_groups_of_another_length(weights):
    defence = clone(PLAIN).set_params(cv=GroupKFold(4))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        defence.fit(X, y, groups=GROUPS[:-1], sample_weight=weights)


def test_groups_are_routed_in_cross_validation():
    with config_context(enable_metadata_routing=True):
        defence = clone(PLAIN).set_params(cv=GroupKFold(3))
        scores = cross_validate(
            defence, X, y, cv=KFold(2), params={"groups": GROUPS}, error_score="raise"
        )
        alone = [
            clone(defence).fit(X[train], y[train], groups=GROUPS[train])
            for train, _ in KFold(2).split(X)
        ]
        expected = [
            fitted.score(X[test], y[test])
            for fitted, (_, test) in zip(alone, KFold(2).split(X), strict=True)
        ]
    np.testing.assert_array_equal(scores["test_score"], expected)


def test_only_row_of_a_class_is_left_out_of_the_groups():
    labels = np.r_[y, 2]
    defence = clone(PLAIN).set_params(cv=GroupKFold(4))
    with pytest.warns(UserWarning, match="the only row of each of the classes"):
        defence.fit(np.r_[X, X[:1]], labels, groups=np.r_[GROUPS, 3])
    expected = clone(defence).fit(X, y, groups=GROUPS)
    np.testing.assert_array_equal(defence.inlier_mask_[:-1], expected.inlier_mask_)


def test_splitter_without_a_seed():
    splitter = ShuffleSplit(3)
    defence = clone(PLAIN).set_params(cv=splitter)
    first, again = (clone(defence).fit(X, y).sample_scores_ for _ in range(2))
    np.testing.assert_array_equal(first, again)
    defence.set_params(random_state=1).fit(X, y)
    assert (defence.sample_scores_ != first).any()
    assert splitter.random_state is None


def test_other_errors_of_a_splitter_are_its_own():
    defence = clone(PLAIN).set_params(cv=StratifiedKFold(200))
    with pytest.raises(ValueError, match="n_splits=200 cannot be greater"):
        defence.fit(X, y)


def test_noise_is_estimated_from_folds_that_know_every_class():
    labels = np.where(np.arange(240) < 120, 0, y)
    defence = NoisyLabelClassifier(ESTIMATOR, cv=TimeSeriesSplit(5), noise="anchors")
    defence.fit(X, labels)
    probabilities = np.concatenate(
        [
            clone(ESTIMATOR).fit(X[:n], labels[:n]).predict_proba(X[n : n + 40])
            for n in (160, 200)
        ]
    )
    expected = probabilities[probabilities.argmax(axis=0)]
    np.testing.assert_allclose(defence.transition_matrix_, expected)


def test_no_fold_knows_every_class():
    labels = np.sort(y)
    defence = NoisyLabelClassifier(ESTIMATOR, cv=TimeSeriesSplit(2), random_state=0)
    labels[-1] = 1
    labels = np.where(np.arange(240) < 200, 0, 1)
    with pytest.raises(ValueError, match="all of the 2 classes; got TimeSeriesSplit"):
        defence.fit(X, labels)
    assert defence.set_params(cv=5).fit(X, labels).transition_matrix_.shape == (2, 2)
    defence.set_params(noise=0.1).fit(X, labels)
