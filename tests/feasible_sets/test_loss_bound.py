import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import linprog
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.svm import LinearSVC

from skpoison.attacks import GradientInsertion
from skpoison.feasible_sets import Box, LossBound, Slab, SphereSlab, make_intersection
from skpoison.optimizers import ProjectedAscent

X, codes = make_classification(
    150, 4, n_informative=3, n_redundant=0, flip_y=0.2, random_state=0
)
y = np.array(["ham", "spam"])[codes]
FAR = 3 * np.random.RandomState(0).normal(size=(150, 4))


def losses(estimator, rows, labels):
    """Compute the logistic loss of each row."""
    signs = np.where(labels == "spam", 1, -1)
    return np.logaddexp(0, -signs * estimator.decision_function(rows))


@pytest.mark.parametrize("make", [np.array, sparse.csr_array])
@pytest.mark.parametrize("quantile", [0.4, 0.9, 1.0])
@pytest.mark.parametrize(
    "estimator", [None, LinearSVC(random_state=0), RidgeClassifier()]
)
def test_losses_within_the_bound(estimator, quantile, make):
    bound = LossBound(estimator, quantile).fit(make(X), y)
    rows = bound.project(FAR, y=y)
    assert bound.contains(rows, y=y).all()
    inside = bound.contains(X, y=y)
    for label in ("ham", "spam"):
        of_class = y == label
        assert inside[of_class].sum() == np.ceil(quantile * of_class.sum())
        found = losses(bound.estimator_, X[of_class], y[of_class])
        largest = found[inside[of_class]].max()
        assert (found[~inside[of_class]] > largest).all()
        moved = losses(bound.estimator_, rows[of_class], y[of_class])
        assert (moved <= largest + 1e-9).all()
        known = losses(bound.estimator_, FAR[of_class], y[of_class]) <= largest
        np.testing.assert_array_equal(rows[of_class][known], FAR[of_class][known])


def test_it_is_a_half_space_for_each_label():
    bound = LossBound(quantile=0.8).fit(X, y)
    model = LogisticRegression(max_iter=1000).fit(X, y)
    weights, shift = model.coef_[0], model.intercept_[0]
    for label, sign, margin in zip(
        ("ham", "spam"), (-1, 1), bound.margins_, strict=True
    ):
        slab = Slab(sign * weights, margin - sign * shift, np.inf).fit(X)
        expected = slab.project(FAR)
        labels = np.full(150, label)
        np.testing.assert_allclose(bound.project(FAR, y=labels), expected, rtol=1e-12)


def test_within_a_box_by_a_linear_programme():
    meet = make_intersection(LossBound(quantile=0.8), Box(-2, 2)).fit(X, y)
    bound = meet.sets_[0]
    weights, shift = bound.estimator_.coef_[0], bound.estimator_.intercept_[0]
    rows = meet.maximise(FAR, y=y)
    for c, row, label in zip(FAR, rows, y, strict=True):
        k = int(label == "spam")
        sign = 2 * k - 1
        found = linprog(
            -c,
            A_ub=[-sign * weights],
            b_ub=[sign * shift - bound.margins_[k]],
            bounds=[(-2, 2)] * 4,
        )
        assert c @ row == pytest.approx(-found.fun, rel=1e-9, abs=1e-9)
    nearest = meet.project(FAR, y=y)
    way = FAR - nearest
    beyond = ((meet.maximise(way, y=y) - nearest) * way).sum(axis=1)
    assert beyond.max() <= 1e-8


def test_parameters_and_labels_are_checked():
    with pytest.raises(ValueError, match="must hold two classes for LossBound; got 3"):
        LossBound().fit(X, np.arange(150) % 3)
    with pytest.raises(ValueError, match="'estimator' parameter of LossBound"):
        LossBound(LogisticRegression).fit(X, y)


def test_attack_within():
    kept = make_intersection(LossBound(quantile=0.9), SphereSlab(0.9), Box())
    attack = GradientInsertion(
        budget=15,
        feasible_set=kept,
        optimizer=ProjectedAscent(max_iter=5),
        random_state=0,
    )
    X_out, y_out = attack.fit_resample(X, y)
    assert kept.fit(X, y).contains(X_out[150:], y=y_out[150:]).all()
    assert attack.goal_path_.max() > attack.goal_path_[0]
