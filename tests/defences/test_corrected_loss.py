from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.tree import DecisionTreeClassifier

from skpoison.bilevel.learners.base import Rows
from skpoison.bilevel.learners.linear import LinearLearner
from skpoison.bilevel.losses import Logistic, Multinomial, Squared
from skpoison.bilevel.solvers.newton import minimise
from skpoison.defences import _corrected_loss
from skpoison.defences._corrected_loss import (
    LabelledRows,
    correctable_problem,
    corrected_labels,
    fit_corrected,
    true_shares,
)
from skpoison.defences._transition_matrix import uniform_noise_matrix

# The spelling of an l1 penalty before and since scikit-learn 1.8.
ELASTIC_NET, L2 = {"l1_ratio": 0.5}, {"l1_ratio": 0.0}
if LogisticRegression().penalty != "deprecated":
    ELASTIC_NET["penalty"] = "elasticnet"
    L2 = {"penalty": "l2", "l1_ratio": None}

X, y = make_classification(300, flip_y=0.2, random_state=0)
CLASSES = np.array([0, 1])
ESTIMATOR = LogisticRegression(C=0.3)
TWO = uniform_noise_matrix(np.array([0.1, 0.3]))
THREE = np.array([[0.7, 0.1, 0.2], [0.0, 0.9, 0.1], [0.3, 0.05, 0.65]])
MATRICES = {
    "two": TWO,
    "symmetric": uniform_noise_matrix(np.full(2, 0.4)),
    "three": THREE,
    "four": uniform_noise_matrix(np.array([0.0, 0.1, 0.2, 0.5])),
}
SCORES = np.array([-30.0, -3.0, -0.2, 0.0, 0.7, 2.0, 30.0])


def losses(loss, encoding, scores, n_classes):
    """The loss of each of some scores (rows) for each label (columns)."""
    columns = [
        loss.value(scores, np.broadcast_to(encoding[k], scores.shape))
        for k in range(n_classes)
    ]
    return np.stack(columns, axis=1)


@pytest.mark.parametrize("loss", [Logistic(), Squared(), Multinomial()])
@pytest.mark.parametrize("matrix", MATRICES.values(), ids=MATRICES)
def test_expectation_of_the_corrected_loss_is_the_loss(loss, matrix):
    """For all scores and all labels: Lemma 1 of Natarajan et al."""
    n_classes = matrix.shape[0]
    if n_classes == 2 and not isinstance(loss, Multinomial):
        encoding, scores = np.array([[0.0], [1.0]]), SCORES[:, np.newaxis]
        if isinstance(loss, Squared):
            encoding = 2 * encoding - 1
    else:
        encoding = np.eye(n_classes)
        scores = np.array(list(product(SCORES[1:-1], repeat=n_classes)))
    codes = np.arange(n_classes)
    targets = (
        corrected_labels(matrix, codes, np.zeros(n_classes, dtype=bool)) @ encoding
    )
    of_labels = losses(loss, encoding, scores, n_classes)
    # For the squared loss this is a constant in the scores.
    expected = losses(loss, targets, scores, n_classes) @ matrix.T
    constant = (expected - of_labels)[0] if isinstance(loss, Squared) else 0
    scale = max(1, np.abs(of_labels).max())
    np.testing.assert_allclose(expected - constant, of_labels, atol=1e-12 * scale)


def test_corrected_loss_of_two_classes_is_that_of_the_paper():
    rho_minus, rho_plus = TWO[0, 1], TWO[1, 0]
    loss, z = Logistic(), SCORES[:, np.newaxis]
    minus, plus = (loss.value(z, np.full_like(z, t)) for t in (0, 1))
    scale = 1 - rho_plus - rho_minus
    seen_plus = ((1 - rho_minus) * plus - rho_plus * minus) / scale
    seen_minus = ((1 - rho_plus) * minus - rho_minus * plus) / scale
    targets = corrected_labels(TWO, np.array([0, 1]), np.zeros(2, bool)) @ [
        [0.0],
        [1.0],
    ]
    for paper, target in ((seen_minus, targets[0]), (seen_plus, targets[1])):
        ours = loss.value(z, np.broadcast_to(target, z.shape))
        np.testing.assert_allclose(ours, paper, atol=1e-11)


def rows(trusted=None, **params):
    trusted = np.zeros(300, dtype=bool) if trusted is None else trusted
    return LabelledRows(X, y, y, trusted, params)


def fit(matrix, rows, fitted=None, estimator=ESTIMATOR):
    return fit_corrected(
        estimator, CLASSES, matrix, rows, owner=estimator, fitted=fitted
    )


def test_shares_of_true_labels_are_unbiased():
    """The expected share of each label seen gives back that of the true ones."""
    true = np.array([0.2, 0.5, 0.3])
    shares = true_shares(
        corrected_labels(THREE, np.arange(3), np.zeros(3, bool)), true @ THREE
    )
    np.testing.assert_allclose(shares, true)


def test_rows_are_taken_with_their_metadata():
    weights = np.arange(300.0)
    some = rows(y == 1, sample_weight=weights).take(np.array([7, 3]))
    np.testing.assert_array_equal(some.X, X[[7, 3]])
    np.testing.assert_array_equal(some.y, y[[7, 3]])
    np.testing.assert_array_equal(some.trusted, y[[7, 3]] == 1)
    np.testing.assert_array_equal(some.sample_weight, [7, 3])
    np.testing.assert_array_equal(rows().sample_weight, np.ones(300))


@pytest.mark.parametrize("matrix", [TWO, uniform_noise_matrix(np.full(2, 0.05))])
def test_lbfgs_ends_where_newton_does(matrix):
    targets = (np.linalg.inv(matrix) @ [[0.0], [1.0]])[y]
    learner = LinearLearner(Logistic(), 1 / 0.3)
    newton = minimise(learner, Rows(X, targets, np.ones(y.shape[0])))
    fitted = fit(matrix, rows())
    np.testing.assert_allclose(fitted.coef_.T, newton.W[:-1], atol=1e-6)


def test_all_rows_trusted_is_the_plain_estimator():
    fitted = fit(TWO, rows(np.ones(300, dtype=bool)))
    np.testing.assert_array_equal(fitted.coef_, clone(ESTIMATOR).fit(X, y).coef_)


def test_fitted_estimator_is_a_start_and_stays_as_it_is():
    before = clone(ESTIMATOR).fit(X, y)
    coef = before.coef_.copy()
    fitted = fit(TWO, rows(), before)
    np.testing.assert_array_equal(before.coef_, coef)
    np.testing.assert_allclose(fitted.coef_, fit(TWO, rows()).coef_, atol=1e-12)
    assert np.abs(fitted.coef_ - coef).max() > 0.01


def test_estimator_given_is_not_fitted():
    fit(TWO, rows())
    assert not hasattr(ESTIMATOR, "coef_")


def test_warning_names_the_corrected_loss(monkeypatch):
    original = _corrected_loss.minimise_lbfgs
    monkeypatch.setattr(
        _corrected_loss,
        "minimise_lbfgs",
        lambda *args, **kwargs: original(*args, max_iter=1, **kwargs),
    )
    with pytest.warns(ConvergenceWarning, match="corrected loss is not at its minimum"):
        fit(TWO, rows())


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (DecisionTreeClassifier(), "logistic or a squared loss"),
        (LogisticRegression(class_weight="balanced"), "Set class_weight=None"),
        (LogisticRegression(solver="saga", **ELASTIC_NET), f"Set {next(iter(L2))}="),
    ],
)
def test_loss_that_cannot_be_corrected(estimator, message):
    with pytest.raises(ValueError, match=message):
        correctable_problem(estimator, 2)


def test_quadratic_loss_needs_no_penalty():
    independent = replace(rows(), X=np.random.RandomState(0).normal(size=(300, 3)))
    fitted = fit(TWO, independent, estimator=RidgeClassifier(alpha=0.0))
    targets = (np.linalg.inv(TWO) @ [-1.0, 1.0])[y]
    plain = LinearRegression().fit(independent.X, targets)
    np.testing.assert_allclose(np.ravel(fitted.coef_), plain.coef_, rtol=1e-8)
    with pytest.raises(ValueError, match=r"Without a penalty .* a finite C"):
        fit(TWO, rows(), estimator=LogisticRegression(C=np.inf))
    fit(TWO, rows(), estimator=LogisticRegression(C=1e3))


def test_ways_out_lead_out():
    for params in ({"class_weight": None}, L2):
        refused = LogisticRegression(
            class_weight="balanced" if "class_weight" in params else None,
            solver="saga",
            max_iter=3000,
            **({} if "class_weight" in params else ELASTIC_NET),
        )
        with pytest.raises(ValueError, match=f"Set {next(iter(params))}="):
            fit(TWO, rows(), estimator=refused)
        fit(TWO, rows(), estimator=refused.set_params(**params))
