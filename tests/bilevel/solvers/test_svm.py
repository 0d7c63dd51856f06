import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.svm import SVC

from skpoison.bilevel.learners.base import Rows
from skpoison.bilevel.learners.kernels import RBFKernel
from skpoison.bilevel.learners.svm import SVMLearner
from skpoison.bilevel.solvers.svm import minimise_svm

LEARNER, KERNEL = SVMLearner("rbf", 0.7), RBFKernel(0.3)


def make_rows(n_classes):
    rng = np.random.RandomState(0)
    codes = np.arange(40) % n_classes
    X = rng.normal(size=(40, 4))
    X[:, :n_classes] += np.eye(n_classes)[codes]
    targets = 2.0 * np.eye(n_classes)[codes] - 1
    targets = targets if n_classes > 2 else targets[:, 1:]
    return Rows(X, targets, rng.uniform(0.5, 2, 40)), codes


@pytest.mark.parametrize("n_classes", [2, 3])
def test_decision_values_are_those_of_scikit_learn(n_classes):
    rows, codes = make_rows(n_classes)
    optimum = minimise_svm(LEARNER, rows, KERNEL)
    assert optimum.kkt_violation < 1e-12
    svc = SVC(C=0.7, gamma=0.3, tol=1e-10, decision_function_shape="ovo")
    svc.fit(rows.X, codes, rows.weights)
    expected = svc.decision_function(rows.X).reshape(40, -1)
    # scikit-learn's are positive for the first class of a pair, but for two classes.
    expected = expected if n_classes == 2 else -expected
    found = optimum.decision_function(rows.X)
    assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_scores_are_least_decision_values():
    rows, _ = make_rows(3)
    optimum = minimise_svm(LEARNER, rows, KERNEL)
    decisions = optimum.decision_function(rows.X)
    against = {pair: decisions[:, m] for m, pair in enumerate(optimum.pairs)}
    expected = [
        np.minimum(-against[0, 1], -against[0, 2]),
        np.minimum(against[0, 1], -against[1, 2]),
        np.minimum(against[0, 2], against[1, 2]),
    ]
    assert_array_equal(optimum.scores(rows.X), np.transpose(expected))


def test_gradient_in_decision_values(difference):
    rows, _ = make_rows(3)
    optimum = minimise_svm(LEARNER, rows, KERNEL)
    # Training rows on the margin have equal decision values.
    decisions = optimum.decision_function(rows.X + 0.1)
    R, U = np.random.RandomState(1).normal(size=(2, 40, 3))
    gradient = optimum.decision_vjp(decisions, R)
    expected = difference(
        lambda d: (optimum.least_decisions(d)[0] * R).sum(), decisions, U, 1e-6
    )
    assert_allclose((gradient * U).sum(), expected, rtol=1e-8)


def test_clones_share_their_coefficient():
    rows, _ = make_rows(2)
    single = minimise_svm(LEARNER, rows, KERNEL)
    double = Rows(
        np.vstack([rows.X, rows.X[:3]]),
        np.vstack([rows.targets, rows.targets[:3]]),
        np.append(rows.weights, 0.5 * rows.weights[:3]),
    )
    double.weights[:3] *= 0.5
    found = minimise_svm(LEARNER, double, KERNEL)
    assert_allclose(found.decision_function(rows.X), single.decision_function(rows.X))
    assert_array_equal(found.group[-3:], found.group[:3])
    assert_allclose(found.shares[:3], 0.5)
    assert_allclose(found.shares[3:40], 1)


def test_every_class_needs_rows_of_weight():
    rows, codes = make_rows(2)
    rows = Rows(rows.X, rows.targets, 1.0 * (codes == 0))
    with pytest.raises(ValueError, match="has no row of positive weight"):
        minimise_svm(LEARNER, rows, KERNEL)
