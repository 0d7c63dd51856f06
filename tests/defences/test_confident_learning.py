import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, make_blobs, make_classification
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import StandardScaler, scale

from skpoison.attacks import RandomLabelFlip
from skpoison.defences import ConfidentLearningClassifier

ESTIMATOR = LogisticRegression(max_iter=1000)
X, y = make_classification(
    400, n_classes=3, n_informative=6, flip_y=0.2, class_sep=1.5, random_state=0
)


def confident_joint(probabilities, y):
    """The labels of the confident joint, row by row: Northcutt et al., section 3."""
    n_classes = probabilities.shape[1]
    means = [probabilities[y == k, k].mean() for k in range(n_classes)]
    labels = y.copy()
    for i, row in enumerate(probabilities):
        candidates = [k for k in range(n_classes) if row[k] >= means[k]]
        if candidates:
            best = max(candidates, key=lambda k: row[k])
            labels[i] = best if row[best] > row[y[i]] else y[i]
    return labels


def test_one_classifier_is_confident_learning():
    folds = StratifiedKFold(4, shuffle=True, random_state=7)
    probabilities = cross_val_predict(
        GaussianNB(), X, y, cv=folds, method="predict_proba"
    )
    labels = confident_joint(probabilities, y)
    assert 20 < (labels != y).sum() < 120
    params = {"classifiers": [GaussianNB()], "threshold": 1, "cv": 4, "random_state": 7}
    dropping = ConfidentLearningClassifier(ESTIMATOR, **params).fit(X, y)
    np.testing.assert_array_equal(dropping.inlier_mask_, labels == y)
    relabel = ConfidentLearningClassifier(ESTIMATOR, action="relabel", **params)
    np.testing.assert_array_equal(relabel.fit(X, y).y_sanitized_, labels)


def test_score_is_relative_to_a_guess_and_to_the_usual_confidence():
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    probabilities = cross_val_predict(
        GaussianNB(), X, y, cv=folds, method="predict_proba"
    )
    means = np.array([probabilities[y == k, k].mean() for k in range(3)])
    params = {"classifiers": [GaussianNB()], "random_state": 0}
    defence = ConfidentLearningClassifier(ESTIMATOR, **params).fit(X, y)
    for row, label, score in zip(probabilities, y, defence.sample_scores_, strict=True):
        others = [k for k in range(3) if row[k] > row[label]]
        if others:
            expected = max((row[k] - 1 / 3) / (means[k] - 1 / 3) for k in others)
        else:
            expected = np.sort(row)[1] - 1
        assert score == pytest.approx(expected, rel=1e-9)
    for threshold in (0.0, 0.3, 0.7, 1.0):
        other = ConfidentLearningClassifier(ESTIMATOR, threshold=threshold, **params)
        kept = other.fit(X, y).inlier_mask_
        np.testing.assert_array_equal(kept, defence.sample_scores_ < threshold)


def test_classifier_that_is_no_better_than_a_guess_about_a_class():
    """It overrules towards that class from a guess on, and does not divide by zero."""
    rows = np.repeat([[0.0], [1.0]], 20, axis=0)
    labels = np.r_[[0] * 8, [1] * 12, [0] * 12, [1] * 8]
    params = {"classifiers": [LogisticRegression(C=1e-9)], "random_state": 0}
    for threshold in (0.0, 1.0):
        defence = ConfidentLearningClassifier(ESTIMATOR, threshold=threshold, **params)
        defence.fit(rows, labels)
        assert not np.isnan(defence.sample_scores_).any()


def test_no_threshold_is_plain_disagreement():
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    predicted = cross_val_predict(GaussianNB(), X, y, cv=folds)
    defence = ConfidentLearningClassifier(
        ESTIMATOR, classifiers=[GaussianNB()], threshold=0, random_state=0
    )
    np.testing.assert_array_equal(defence.fit(X, y).inlier_mask_, predicted == y)


def test_second_classifier_is_fitted_to_what_the_first_keeps():
    params = {"threshold": 0.5, "random_state": 0}
    first = ConfidentLearningClassifier(ESTIMATOR, classifiers=[GaussianNB()], **params)
    used = first.fit(X, y).inlier_mask_
    probabilities = np.zeros((y.shape[0], 3))
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    for train, test in folds.split(X, y):
        rows = train[used[train]]
        classifier = GaussianNB().fit(X[rows], y[rows])
        probabilities[test] = classifier.predict_proba(X[test])
    means = [probabilities[used & (y == k), k].mean() for k in range(3)]
    thresholds = (np.array(means) + 1 / 3) / 2
    confident = np.where(probabilities >= thresholds, probabilities, 0)
    own = probabilities[np.arange(y.shape[0]), y]
    both = ConfidentLearningClassifier(
        ESTIMATOR, classifiers=[GaussianNB()] * 2, **params
    )
    np.testing.assert_array_equal(
        both.fit(X, y).inlier_mask_, confident.max(axis=1) <= own
    )


def test_estimator_learns_from_the_rows_left():
    defence = ConfidentLearningClassifier(ESTIMATOR, random_state=0).fit(X, y)
    kept = defence.inlier_mask_
    assert not kept.all()
    plain = LogisticRegression(max_iter=1000).fit(X[kept], y[kept])
    np.testing.assert_array_equal(defence.estimator_.coef_, plain.coef_)


def test_unit_and_origin_of_the_rows_make_no_difference():
    defence = ConfidentLearningClassifier(ESTIMATOR, random_state=0)
    kept = defence.fit(X, y).inlier_mask_
    np.testing.assert_array_equal(defence.fit(1e-3 * X - 5, y).inlier_mask_, kept)


@pytest.mark.parametrize("columns", [slice(None), slice(1)])
@pytest.mark.parametrize("scaler", [None, StandardScaler()])
def test_a_far_row_changes_nothing_for_the_others(columns, scaler):
    """Nor does one that a scaler before the defence has made all others small by."""
    X, y = make_blobs(400, centers=2, n_features=3, random_state=0)
    attack = RandomLabelFlip(0.2, random_state=0)
    _, y_poisoned = attack.fit_resample(X, y)
    defence = ConfidentLearningClassifier(ESTIMATOR, random_state=0)

    def right(X):
        X = X if scaler is None else scaler.fit_transform(X)
        kept = defence.fit(X, y_poisoned).inlier_mask_
        return (kept == ~attack.poison_mask_)[1:].mean()

    far = X.copy()
    far[0, columns] = 1e6
    assert right(far) > right(X) - 0.01 > 0.95


def test_scattered_flips_are_found():
    X, y = make_blobs(300, centers=3, cluster_std=0.5, random_state=0)
    attack = RandomLabelFlip(0.3, random_state=0)
    _, y_poisoned = attack.fit_resample(X, y)
    defence = ConfidentLearningClassifier(
        ESTIMATOR, action="relabel", random_state=0
    ).fit(X, y_poisoned)
    np.testing.assert_array_equal(defence.y_sanitized_, y)


def test_flips_far_from_the_boundary_are_found():
    """They lie together, and all are of one class."""
    X, y = load_breast_cancer(return_X_y=True)
    X = scale(X)
    margins = LogisticRegression().fit(X, y).decision_function(X)
    flipped = np.argsort(margins)[:60]  # the most certain of class 0
    y_poisoned = y.copy()
    y_poisoned[flipped] = 1
    defence = ConfidentLearningClassifier(ESTIMATOR, random_state=0)
    kept = defence.fit(X, y_poisoned).inlier_mask_
    assert not kept[flipped].any()
    clean = np.delete(kept, flipped)
    assert clean.mean() > 0.9


def test_trusted_rows_are_kept():
    wrong = np.where(np.arange(400) < 200, (y + 1) % 3, y)
    trusted = np.arange(400) < 200
    defence = ConfidentLearningClassifier(ESTIMATOR, random_state=0)
    assert defence.fit(X, wrong, trusted=trusted).inlier_mask_[trusted].all()


def test_sparse_rows():
    rows = np.where(np.abs(X) < 0.5, 0, X)
    defence = ConfidentLearningClassifier(ESTIMATOR, random_state=0)
    dense = defence.fit(rows, y).inlier_mask_
    np.testing.assert_array_equal(
        defence.fit(sparse.csr_array(rows), y).inlier_mask_, dense
    )


def test_class_of_one_row_is_kept_and_the_others_judged_without_it():
    defence = ConfidentLearningClassifier(ESTIMATOR, random_state=0)
    scores = defence.fit(X, y).sample_scores_
    for label in (-1, 3):
        with pytest.warns(UserWarning, match=rf"the classes \[{label}\]: there are"):
            defence.fit(np.r_[X, 9 + X[:1]], np.r_[y, label])
        np.testing.assert_array_equal(defence.sample_scores_[:-1], scores)
        assert defence.inlier_mask_[-1]


def test_class_of_two_rows_does_not_limit_the_folds():
    sizes = []

    class Counts(GaussianNB):
        def fit(self, X, y):
            sizes.append(y.shape[0])
            return super().fit(X, y)

    rows, labels = np.r_[X, 9 + X[:2]], np.r_[y, 3, 3]
    trusted = np.arange(402) >= 400
    defence = ConfidentLearningClassifier(ESTIMATOR, classifiers=[Counts()])
    defence.fit(rows, labels, trusted=trusted)
    assert len(sizes) == 5
    assert min(sizes) >= 320


def test_classifiers_that_take_missing_values():
    rows = X.copy()
    rows[::7, 0] = np.nan
    boosting = HistGradientBoostingClassifier(max_iter=10)
    defence = ConfidentLearningClassifier(
        boosting, classifiers=[boosting], random_state=0
    )
    assert defence.fit(rows, y).inlier_mask_.any()
    with pytest.raises(ValueError, match="NaN"):
        ConfidentLearningClassifier(boosting).fit(rows, y)


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("threshold", 1.1),
        ("action", "remove"),
        ("cv", 1),
        ("classifiers", GaussianNB()),
    ],
)
def test_parameters_are_checked(parameter, value):
    defence = ConfidentLearningClassifier(ESTIMATOR, **{parameter: value})
    with pytest.raises(ValueError, match=f"The '{parameter}' parameter"):
        defence.fit(X, y)


@pytest.mark.parametrize("classifiers", [[], [GaussianNB(), "forest"]])
def test_classifiers_need_probabilities(classifiers):
    defence = ConfidentLearningClassifier(ESTIMATOR, classifiers=classifiers)
    with pytest.raises(ValueError, match="classifiers must be a list of one or more"):
        defence.fit(X, y)


@pytest.mark.filterwarnings("ignore:.* overrules .*:UserWarning")
def test_classifiers_without_a_seed():
    """The same random_state, the same verdict; the user's classifiers stay as is."""
    forest = RandomForestClassifier(3, max_depth=3)
    defence = ConfidentLearningClassifier(
        GaussianNB(), classifiers=[forest], cv=2, random_state=0
    )
    first, again = (clone(defence).fit(X, y).sample_scores_ for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert forest.random_state is None


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


def test_callbacks_are_told_of_each_classifier():
    """Asked to stop, the defence acts on the verdict of the classifiers so far."""
    pytest.importorskip("sklearn.callback")
    classifiers = [GaussianNB(), LogisticRegression()]
    defence = ConfidentLearningClassifier(
        ESTIMATOR, classifiers=classifiers, random_state=0
    )
    both = clone(defence).fit(X, y).sample_scores_
    fitted = clone(defence).set_callbacks(record := Record()).fit(X, y)
    assert record.begun == ["classifiers", "step", "step"]
    assert record.ended == ["step", "step", "classifiers"]
    np.testing.assert_array_equal(fitted.sample_scores_, both)
    stopped = clone(defence).set_callbacks(Record(stop_after=1)).fit(X, y)
    first = clone(defence).set_params(classifiers=classifiers[:1]).fit(X, y)
    np.testing.assert_array_equal(stopped.sample_scores_, first.sample_scores_)
    assert (first.sample_scores_ != both).any()
