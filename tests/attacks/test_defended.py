"""A learner behind a defence, and the training sets that it judges."""

import numpy as np
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from skpoison.attacks._base import Known
from skpoison.attacks._defended import Defended, is_defended, with_rows
from skpoison.defences import KNNSanitizedClassifier, OutlierFilteredClassifier
from skpoison.defences._outlier_filter import BaseOutlierFilter
from skpoison.goals import ErrorGeneric

X, y = make_classification(80, 4, random_state=0)
LR = LogisticRegression()


def test_rows_are_inserted_behind_or_modified_in_place():
    trusted, classes = np.arange(80) < 40, np.array([0, 1])
    known = Known(X, y, y, trusted, 80, classes, LR, ErrorGeneric())
    made, replaced = 2.5 * X[:12], np.arange(41, 53)
    inserted = with_rows(known, made, 1 - y[:12], replaced[:0])
    modified = with_rows(known, made, 1 - y[:12], replaced)
    assert_array_equal(inserted.X[:80], X)
    assert_array_equal(inserted.X[80:], made)
    assert_array_equal(modified.X[41:53], made)
    assert_array_equal(modified.codes[41:53], 1 - y[:12])
    assert_array_equal(modified.X[:41], X[:41])
    assert_array_equal(np.flatnonzero(modified.origins < 0), replaced)
    assert_array_equal(inserted.trusted, np.arange(92) < 40)


def test_parts_of_a_surrogate():
    inside = OutlierFilteredClassifier(make_pipeline(StandardScaler(), LR))
    before = make_pipeline(MinMaxScaler(), OutlierFilteredClassifier(LR))
    for surrogate, n_steps in ((inside, 0), (before, 1)):
        defended = Defended(surrogate)
        assert len(defended.steps) == n_steps
        assert [*defended.learner.named_steps.values()][-1] is LR
    two = Defended(OutlierFilteredClassifier(KNNSanitizedClassifier(LR)))
    assert two.learner is LR
    assert two.inner.defence is two.defence.estimator
    assert is_defended(before)
    assert not is_defended(make_pipeline(StandardScaler(), LR))


def test_the_same_trusted_rows_are_learnt_from_once(monkeypatch):
    """Verdicts are those of a filter that learns from them each time."""
    learnt, learn = [], BaseOutlierFilter._learn_scores

    def recorded(self, X, y):
        learnt.append(X.shape[0])
        return learn(self, X, y)

    monkeypatch.setattr(BaseOutlierFilter, "_learn_scores", recorded)
    defence = OutlierFilteredClassifier(LR, quantile=0.8)
    defended, trusted = Defended(defence), np.arange(80) < 40
    believed = []
    for scale in (1.0, 1.5, 2.0):
        rows = np.where(trusted[:, np.newaxis], X, scale * X)
        weights, labels = defended.believe(rows, y, trusted)
        assert learnt == [40]
        believed.append(weights.sum())
        fitted = clone(defence).fit(rows, y, trusted=trusted)
        assert_array_equal(weights, fitted.inlier_mask_)
        assert_array_equal(labels, y)
        assert learnt.pop() == 40
    assert len(set(believed)) > 1
    # Scaled rows are others; so are those of other trusted rows.
    defended.believe(X, y, np.arange(80) < 50)
    defended.believe(X + 1, y, np.arange(80) < 50)
    assert learnt == [40, 50, 50]
