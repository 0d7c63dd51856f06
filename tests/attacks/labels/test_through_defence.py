"""Label flips that a defence accepts."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import MinMaxScaler
from sklearn.tree import DecisionTreeClassifier

from skpoison.attacks import (
    ALFA,
    GreedyLabelFlip,
    MarginLabelFlip,
    RelaxedLabelFlip,
)
from skpoison.defences import KNNSanitizedClassifier, OutlierFilteredClassifier

DATA = load_breast_cancer()
X = MinMaxScaler().fit_transform(DATA.data[:, :10])
y = DATA.target
X, X_val, X_test = X[:150], X[150:300], X[300:]
y, y_val, y_test = y[:150], y[150:300], y[300:]
TRUSTED = np.arange(150) < 60
LR = LogisticRegression(C=10)
FILTER = OutlierFilteredClassifier(LR, n_neighbors=3)
SANITIZER = KNNSanitizedClassifier(LR)
OWN = {"X_val": X_val, "y_val": y_val}


def flipped(attack, **given):
    return attack.fit_resample(X, y, trusted=TRUSTED, **given)[1]


@pytest.mark.parametrize("make", [GreedyLabelFlip, RelaxedLabelFlip])
@pytest.mark.parametrize("victim", [FILTER, SANITIZER])
def test_never_does_less_than_the_naive_attack(make, victim):
    scores = []
    for surrogate in (LR, victim):
        attack = make(surrogate, 15, random_state=0)
        labels = flipped(attack, **OWN)
        fitted = clone(victim).fit(X, labels, trusted=TRUSTED)
        margins = fitted.estimator_.decision_function(X_val) * (1 - 2 * y_val)
        # The smoothed error, which is what the attacker measures.
        scores.append((1 / (1 + np.exp(-4 * margins))).mean())
    assert scores[1] >= scores[0] - 1e-6


@pytest.mark.parametrize("make", [MarginLabelFlip, ALFA])
def test_flips_that_are_thrown_out_are_replaced(make):
    """More of the flips stand, and they do more harm."""
    kept, errors = [], []
    for surrogate in (LR, FILTER):
        attack = make(surrogate, 15, random_state=0)
        labels = flipped(attack)
        fitted = clone(FILTER).fit(X, labels, trusted=TRUSTED)
        kept.append(fitted.inlier_mask_[attack.poison_mask_].sum())
        errors.append(1 - fitted.score(X_test, y_test))
    assert kept[1] > kept[0]
    assert errors[1] > errors[0]


def test_classifiers_without_a_gradient():
    surrogate = OutlierFilteredClassifier(DecisionTreeClassifier(random_state=0))
    attack = GreedyLabelFlip(surrogate, 10, n_candidates=3, random_state=0)
    labels = flipped(attack)
    assert (labels != y).sum() == 10
    tree = surrogate.fit(X, labels, trusted=TRUSTED)
    clean = clone(surrogate).fit(X, y, trusted=TRUSTED)
    assert tree.score(X_test, y_test) < clean.score(X_test, y_test)


def test_attributes_are_those_of_the_flips_returned():
    attack = RelaxedLabelFlip(FILTER, 15, random_state=0)
    flipped(attack, **OWN)
    assert attack.goal_path_.shape == attack.error_path_.shape
    assert attack.goal_path_[-1] == pytest.approx(attack.goal_path_.max())
