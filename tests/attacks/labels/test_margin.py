import numpy as np
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skpoison.attacks import MarginLabelFlip

X, y = load_breast_cancer(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
X_iris, y_iris = load_iris(return_X_y=True)
VICTIM = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))


def test_furthest_and_nearest_rows():
    scores = VICTIM.fit(X_train, y_train).decision_function(X_train)
    margin = np.where(y_train == 1, scores, -scores)
    flipped = {}
    for order in ("furthest", "nearest"):
        attack = MarginLabelFlip(VICTIM, 40, order=order, random_state=0)
        attack.fit_resample(X_train, y_train)
        flipped[order] = attack.poison_mask_
    right = margin > 0
    furthest = np.sort(margin)[-40:]
    np.testing.assert_allclose(np.sort(margin[flipped["furthest"]]), furthest)
    nearest = np.sort(margin[right])[:40]
    np.testing.assert_allclose(np.sort(margin[flipped["nearest"]]), nearest)


def test_rows_on_the_wrong_side_come_last():
    wrong = VICTIM.fit(X_train, y_train).predict(X_train) != y_train
    assert wrong.any()
    for order in ("furthest", "nearest"):
        n_right = int((~wrong).sum())
        attack = MarginLabelFlip(VICTIM, n_right, order=order, random_state=0)
        attack.fit_resample(X_train, y_train)
        np.testing.assert_array_equal(attack.poison_mask_, ~wrong)


def test_labels_of_more_than_two_classes():
    """The furthest become what is least likely, the nearest what is most."""
    scores = VICTIM.fit(X_iris, y_iris).decision_function(X_iris)
    others = np.argsort(np.where(np.eye(3)[y_iris] > 0, np.inf, scores), axis=1)
    for order, place in (("furthest", 0), ("nearest", 1)):
        attack = MarginLabelFlip(VICTIM, 60, order=order, random_state=0)
        _, labels = attack.fit_resample(X_iris, y_iris)
        flipped = attack.poison_mask_
        np.testing.assert_array_equal(labels[flipped], others[flipped, place])
