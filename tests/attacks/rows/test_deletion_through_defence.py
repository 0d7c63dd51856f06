"""Deletion of rows that a defence believes."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression

from skpoison.attacks import GreedyDeletion
from skpoison.base import BaseRowFilter
from skpoison.defences import OutlierFilteredClassifier

X, y = make_classification(160, 4, flip_y=0.1, random_state=0)
X_val, y_val, X, y = X[60:], y[60:], X[:60], y[:60]
OWN = {"X_val": X_val, "y_val": y_val}
LR = LogisticRegression()


class DropsSome(BaseRowFilter):
    """A filter that drops the rows whose third feature is large."""

    _required_estimator_type = "classifier"

    def _score_rows(self, X, y, *, trusted):
        return X[:, 2] - 0.3


def error(victim, X_left, y_left):
    return 1 - clone(victim).fit(X_left, y_left).score(X_val, y_val)


def test_rows_that_are_dropped_anyway_are_not_deleted():
    deleted = []
    for surrogate in (LR, DropsSome(LR)):
        attack = GreedyDeletion(surrogate, 8, random_state=0)
        attack.fit_resample(X, y, **OWN)
        deleted.append(X[attack.deletion_mask_, 2])
    assert (deleted[0] > 0.3).any()
    assert not (deleted[1] > 0.3).any()


@pytest.mark.filterwarnings("ignore:DropsSome overrules")
def test_never_does_less_than_the_naive_attack():
    for victim in (
        DropsSome(LR),
        OutlierFilteredClassifier(LR, quantile=0.7),
    ):
        errors = [
            error(victim, *attack.fit_resample(X, y, **OWN))
            for attack in (
                GreedyDeletion(LR, 8, goal="error-generic", random_state=0),
                GreedyDeletion(victim, 8, goal="error-generic", random_state=0),
            )
        ]
        assert errors[1] >= errors[0]


def test_attributes_are_those_of_the_rows_returned():
    attack = GreedyDeletion(DropsSome(LR), 8, random_state=0)
    attack.fit_resample(X, y, **OWN)
    assert attack.goal_path_[-1] == attack.goal_path_.max()
    assert attack.deletion_mask_.sum() <= 8
    assert np.isfinite(attack.diagnostics_["gradient_norm"])
