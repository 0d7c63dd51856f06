import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_iris
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LogisticRegression, Perceptron
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from skpoison.attacks.labels._class_scores import class_scores, margins

X, y = load_iris(return_X_y=True)
CLASSES = np.unique(y)


@pytest.mark.parametrize(
    "classifier",
    [
        LogisticRegression(max_iter=1000),
        Perceptron(),
        KNeighborsClassifier(),
        VotingClassifier([("tree", DecisionTreeClassifier())]),
        DecisionTreeClassifier(max_depth=2, random_state=0),
        SVC(decision_function_shape="ovr", break_ties=True),
    ],
    ids=str,
)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_highest_score_is_predicted(classifier, n_classes):
    few = y < n_classes
    classifier.fit(X[few], y[few])
    scores = class_scores(classifier, X[few], CLASSES[:n_classes])
    assert_array_equal(scores.argmax(axis=1), classifier.predict(X[few]))
    if n_classes == 2:
        assert_allclose(scores.sum(axis=1), 0, atol=1e-12)


def test_two_classes_have_the_decision_function_as_margin():
    few = y > 0
    classifier = LogisticRegression().fit(X[few], y[few])
    scores = class_scores(classifier, X[few], np.array([1, 2]))
    below = margins(scores, np.ones(few.sum(), dtype=int))
    assert_allclose(below[:, 0], classifier.decision_function(X[few]), rtol=1e-12)
    assert_array_equal(below[:, 1], 0)


def test_a_class_not_seen_is_the_least_likely():
    few = y != 1
    scores = class_scores(LogisticRegression().fit(X[few], y[few]), X, CLASSES)
    assert (scores.argmin(axis=1) == 1).all()


@pytest.mark.parametrize("n_classes", [3, 4])
@pytest.mark.parametrize("in_pipeline", [False, True])
def test_pairs_of_classes_are_not_taken_for_classes(n_classes, in_pipeline):
    X = np.random.RandomState(0).normal(size=(80, 3))
    y = np.arange(80) % n_classes
    classifier = SVC(decision_function_shape="ovo")
    if in_pipeline:
        classifier = make_pipeline(classifier)
    scores = class_scores(classifier.fit(X, y), X, np.arange(n_classes))
    assert_array_equal(scores.argmax(axis=1), classifier.predict(X))


def test_scores_of_three_classes_are_not_taken_for_pairs():
    classifier = SVC().fit(X, y)
    expected = classifier.decision_function(X)
    assert_array_equal(class_scores(classifier, X, CLASSES), expected)
