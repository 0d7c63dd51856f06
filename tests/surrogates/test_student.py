import numpy as np
import pytest
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.datasets import load_diabetes, make_classification
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from skpoison.attacks import (
    GradientInsertion,
    GreedyDeletion,
    GreedyLabelFlip,
    MarginLabelFlip,
)
from skpoison.optimizers import ProjectedAscent
from skpoison.surrogates import as_student

X, y = make_classification(80, 5, flip_y=0.3, random_state=0)
TREE = DecisionTreeClassifier(max_depth=2, random_state=0)
PREDICTED = clone(TREE).fit(X, y).predict(X)
LR = LogisticRegression()


def test_learns_what_the_victim_predicts():
    assert (y != PREDICTED).any()
    student = as_student(TREE, LR).fit(X, y)
    expected = clone(LR).fit(X, PREDICTED)
    np.testing.assert_array_equal(student.surrogate_.coef_, expected.coef_)
    np.testing.assert_array_equal(student.predict(X), expected.predict(X))
    assert is_classifier(student)
    assert is_regressor(as_student(TREE, Ridge()))


def test_victim_that_is_fitted_is_only_asked():
    fitted = clone(TREE).fit(X, 1 - y)
    student = as_student(FrozenEstimator(fitted), LR)
    np.testing.assert_array_equal(student.label(X, y), fitted.predict(X))


def test_insertion_is_that_for_the_predicted_labels():
    attack = GradientInsertion(
        LR, 8, optimizer=ProjectedAscent(max_iter=2), random_state=0
    )
    expected = attack.fit_resample(X, PREDICTED)
    found = clone(attack).set_params(surrogate=as_student(TREE, LR))
    found = found.fit_resample(X, y)
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_equal(found[1][:80], y)
    np.testing.assert_array_equal(found[1][80:], expected[1][80:])


@pytest.mark.parametrize("make", [MarginLabelFlip, GreedyLabelFlip])
def test_flips_leave_other_labels_as_they_are(make):
    expected = make(LR, 10, random_state=0).fit_resample(X, PREDICTED)[1]
    attack = make(as_student(TREE, LR), 10, random_state=0)
    found = attack.fit_resample(X, y)[1]
    flipped = expected != PREDICTED
    np.testing.assert_array_equal(found[flipped], expected[flipped])
    np.testing.assert_array_equal(found[~flipped], y[~flipped])
    np.testing.assert_array_equal(attack.poison_mask_, found != y)


def test_deletion():
    expected = GreedyDeletion(LR, 3, random_state=0).fit_resample(X, PREDICTED)
    attack = GreedyDeletion(as_student(TREE, LR), 3, random_state=0)
    X_left, y_left = attack.fit_resample(X, y)
    np.testing.assert_array_equal(X_left, expected[0])
    np.testing.assert_array_equal(y_left, y[~attack.deletion_mask_])


def test_regression():
    rows, responses = load_diabetes(return_X_y=True)
    rows, responses = rows[:80], responses[:80]
    victim = DecisionTreeRegressor(max_depth=2, random_state=0)
    predicted = clone(victim).fit(rows, responses).predict(rows)
    attack = GradientInsertion(
        Ridge(), 8, optimizer=ProjectedAscent(max_iter=2), random_state=0
    )
    expected = attack.fit_resample(rows, predicted)
    found = clone(attack).set_params(surrogate=as_student(victim, Ridge()))
    found = found.fit_resample(rows, responses)
    np.testing.assert_allclose(found[0], expected[0])
    np.testing.assert_array_equal(found[1][:80], responses)


def test_a_seed_of_the_attack_is_one_of_the_victim():
    student = as_student(DecisionTreeClassifier(max_features=1, max_depth=3), LR)
    first, second = (
        MarginLabelFlip(student, 10, random_state=4).fit_resample(X, y)[1]
        for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)


def test_class_that_is_never_predicted():
    victim = DecisionTreeClassifier(max_depth=1).fit(X, np.zeros(80, dtype=int))
    attack = MarginLabelFlip(as_student(FrozenEstimator(victim), LR))
    with pytest.raises(ValueError, match="`victim` must predict every class"):
        attack.fit_resample(X, y)
