from itertools import product

import numpy as np
import pytest
from scipy import optimize, sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_iris, make_blobs, make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier

from skpoison.bilevel.learners.base import Rows
from skpoison.bilevel.learners.linear import LinearLearner
from skpoison.bilevel.losses import Logistic, Multinomial, Squared
from skpoison.bilevel.solvers.newton import minimise
from skpoison.defences import NoisyLabelClassifier, _label_noise
from skpoison.defences._label_noise import _corrected, _optimum
from skpoison.defences._transition_matrix import spread

X, y = make_classification(300, flip_y=0.2, random_state=0)
ESTIMATOR = LogisticRegression(C=0.3)
TWO = spread(np.array([0.1, 0.3]))
THREE = np.array([[0.7, 0.1, 0.2], [0.0, 0.9, 0.1], [0.3, 0.05, 0.65]])
MATRICES = {
    "two": TWO,
    "symmetric": spread(np.full(2, 0.4)),
    "three": THREE,
    "four": spread(np.array([0.0, 0.1, 0.2, 0.5])),
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
    targets = _corrected(matrix, codes, np.zeros(n_classes, dtype=bool)) @ encoding
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
    targets = _corrected(TWO, np.array([0, 1]), np.zeros(2, bool)) @ [[0.0], [1.0]]
    for paper, target in ((seen_minus, targets[0]), (seen_plus, targets[1])):
        ours = loss.value(z, np.broadcast_to(target, z.shape))
        np.testing.assert_allclose(ours, paper, atol=1e-11)


@pytest.mark.parametrize("method", ["unbiased", "weighted"])
@pytest.mark.parametrize(
    ("estimator", "tol"),
    [
        (LogisticRegression(C=0.3, tol=1e-10), 1e-5),
        (RidgeClassifier(alpha=2.0), 1e-8),
    ],
)
def test_no_noise_is_the_plain_estimator(method, estimator, tol):
    defence = NoisyLabelClassifier(estimator, method=method, noise=0.0).fit(X, y)
    estimator.fit(X, y)
    np.testing.assert_allclose(defence.estimator_.coef_, estimator.coef_, rtol=tol)
    np.testing.assert_allclose(
        defence.estimator_.intercept_, estimator.intercept_, rtol=tol
    )


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("solver", ["lbfgs", "liblinear"])
def test_vanishing_noise_is_the_plain_estimator(solver, intercept):
    """The minimum found here is the estimator's own, whatever its intercept."""
    estimator = LogisticRegression(
        C=0.3, solver=solver, fit_intercept=intercept, tol=1e-10
    )
    defence = NoisyLabelClassifier(estimator, noise=1e-12).fit(X, y)
    estimator.fit(X, y)
    for name in ("coef_", "intercept_"):
        ours, theirs = getattr(defence.estimator_, name), getattr(estimator, name)
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    assert defence.estimator_.coef_.shape == estimator.coef_.shape


@pytest.mark.parametrize("n_classes", [2, 3])
def test_ridge_of_corrected_targets(n_classes):
    X, y = load_iris(return_X_y=True)
    X, y = X[y < n_classes], y[y < n_classes]
    matrix = MATRICES["two" if n_classes == 2 else "three"]
    defence = NoisyLabelClassifier(RidgeClassifier(alpha=2.0), noise=matrix).fit(X, y)
    signs = 2 * np.eye(n_classes) - 1
    targets = (np.linalg.inv(matrix) @ signs)[y]
    targets = targets[:, 1:] if n_classes == 2 else targets
    ridge = Ridge(alpha=2.0).fit(X, targets)
    np.testing.assert_allclose(
        np.atleast_2d(defence.estimator_.coef_), np.atleast_2d(ridge.coef_), atol=1e-8
    )
    np.testing.assert_allclose(
        defence.estimator_.intercept_, ridge.intercept_, atol=1e-8
    )


@pytest.mark.parametrize("n_classes", [2, 3])
def test_minimum_of_the_corrected_loss(n_classes):
    """Against a general optimiser, on the loss written out label by label."""
    X, y = load_iris(return_X_y=True)
    X, y = X[y > 0][:, :3], y[y > 0]
    if n_classes == 3:
        X, y = load_iris(return_X_y=True)
        X = X[:, :3]
    X = X - X.mean(axis=0)
    codes = np.unique(y, return_inverse=True)[1]
    matrix = MATRICES["two" if n_classes == 2 else "three"]
    C = 0.1

    def objective(w):
        W = w.reshape(4, -1)
        z = X @ W[:-1] + W[-1]
        z = np.hstack([0 * z, z]) if n_classes == 2 else z
        losses = np.log(np.exp(z).sum(axis=1, keepdims=True)) - z
        corrected = (np.linalg.inv(matrix)[codes] * losses).sum()
        return C * corrected + (W[:-1] ** 2).sum() / 2

    n_outputs = 1 if n_classes == 2 else 3
    found = optimize.minimize(objective, np.zeros(4 * n_outputs), tol=1e-10)
    W = found.x.reshape(4, -1)
    defence = NoisyLabelClassifier(LogisticRegression(C=C), noise=matrix).fit(X, y)
    np.testing.assert_allclose(defence.estimator_.coef_, W[:-1].T, atol=1e-4)
    assert objective(found.x) >= (
        objective(
            np.vstack([defence.estimator_.coef_.T, [defence.estimator_.intercept_]])
        )
        - 1e-8
    )


def test_equal_rates_weigh_nothing():
    defence = NoisyLabelClassifier(ESTIMATOR, method="weighted", noise=0.3).fit(X, y)
    plain = LogisticRegression(C=0.3).fit(X, y)
    np.testing.assert_array_equal(defence.estimator_.coef_, plain.coef_)


@pytest.mark.parametrize("estimator", [ESTIMATOR, DecisionTreeClassifier(max_depth=3)])
def test_weights_are_those_of_the_paper(estimator):
    """Relative to each other 1 - alpha and alpha, alpha = (1 - rho+ + rho-) / 2."""
    weights = np.where(y == 1, 2 * (1 - 0.4), 2 * 0.4)
    defence = NoisyLabelClassifier(estimator, method="weighted", noise=TWO)
    own = np.random.RandomState(0).uniform(0.5, 2, y.shape[0])
    for given in (None, own):
        defence.fit(X, y, sample_weight=given)
        both = weights if given is None else weights * given
        expected = estimator.fit(X, y, sample_weight=both).predict_proba(X)
        np.testing.assert_allclose(defence.predict_proba(X), expected)


def test_decision_is_moved_back():
    """Where labels of one value of x are seen, both ways ask for the true majority."""
    values = np.repeat([[0.0], [1.0]], 100, axis=0)
    # True labels: 30 and 70 of 100 are positive, and 40 % of the positive are missed.
    seen = np.concatenate([np.arange(100) < 18, np.arange(100) < 42]).astype(int)
    plain = LogisticRegression(C=1e4).fit(values, seen)
    assert plain.predict([[1.0]]) == 0
    noise = {1: 0.4}
    for method in ("unbiased", "weighted"):
        defence = NoisyLabelClassifier(plain, method=method, noise=noise)
        defence.fit(values, seen)
        np.testing.assert_array_equal(defence.predict([[0.0], [1.0]]), [0, 1])
    unbiased = NoisyLabelClassifier(plain, noise=noise).fit(values, seen)
    np.testing.assert_allclose(
        unbiased.predict_proba([[0.0], [1.0]])[:, 1], [0.3, 0.7], atol=1e-3
    )


def test_labels_of_trusted_rows_are_right():
    trusted = np.arange(300) < 100
    for method in ("unbiased", "weighted"):
        defence = NoisyLabelClassifier(ESTIMATOR, method=method, noise=TWO)
        some = defence.fit(X, y, trusted=trusted).estimator_.coef_
        none = defence.fit(X, y).estimator_.coef_
        every = defence.fit(X, y, trusted=np.ones(300, dtype=bool)).estimator_.coef_
        assert np.abs(some - none).max() > 1e-3
        plain = LogisticRegression(C=0.3).fit(X, y)
        np.testing.assert_array_equal(every, plain.coef_)


def flipped(rates, n_samples=4000):
    X, y = make_blobs(n_samples, centers=[[-2, 0], [2, 0]], random_state=0)
    wrong = np.random.RandomState(0).uniform(size=n_samples) < np.array(rates)[y]
    return X, np.where(wrong, 1 - y, y)


def test_rates_found_by_cross_validation():
    X, y = flipped([0.1, 0.3])
    for method in ("unbiased", "weighted"):
        defence = NoisyLabelClassifier(ESTIMATOR, method=method, random_state=0)
        np.testing.assert_allclose(defence.fit(X, y).transition_matrix_, TWO)
    clean = NoisyLabelClassifier(ESTIMATOR, random_state=0).fit(*flipped([0, 0]))
    np.testing.assert_array_equal(clean.transition_matrix_, np.eye(2))


def test_rates_found_at_anchors():
    X, y = flipped([0.1, 0.3])
    defence = NoisyLabelClassifier(
        DecisionTreeClassifier(max_depth=1),
        method="weighted",
        noise="anchors",
        random_state=0,
    )
    matrix = defence.fit(X, y).transition_matrix_
    np.testing.assert_allclose(matrix, TWO, atol=0.03)


def test_weights_by_another_name():
    """Anchors are found with what the estimator asks for, as it is called there."""
    weights = np.random.RandomState(0).uniform(0.5, 2, size=y.shape[0])
    defence = NoisyLabelClassifier(ESTIMATOR, noise="anchors", random_state=0)
    expected = defence.fit(X, y, sample_weight=weights).transition_matrix_
    with config_context(enable_metadata_routing=True):
        estimator = clone(ESTIMATOR).set_fit_request(sample_weight="importance")
        defence = clone(defence).set_params(estimator=estimator)
        found = defence.fit(X, y, importance=weights).transition_matrix_
    np.testing.assert_array_equal(found, expected)


def test_missing_values_are_for_the_estimator():
    rows = X.copy()
    rows[0, 0] = np.nan
    estimator = DecisionTreeClassifier(max_depth=2, random_state=0)
    for noise in (TWO, "anchors"):
        defence = NoisyLabelClassifier(
            estimator, method="weighted", noise=noise, random_state=0
        )
        assert defence.fit(rows, y).score(rows, y) > 0.5
    with pytest.raises(ValueError, match="contains NaN"):
        NoisyLabelClassifier(ESTIMATOR, noise=TWO).fit(rows, y)


def test_same_rate_for_three_classes():
    X, y = make_blobs(3000, centers=3, random_state=0)
    rng = np.random.RandomState(0)
    wrong = rng.uniform(size=3000) < 0.2
    y[wrong] = (y[wrong] + rng.randint(1, 3, wrong.sum())) % 3
    defence = NoisyLabelClassifier(ESTIMATOR, random_state=0).fit(X, y)
    np.testing.assert_allclose(defence.transition_matrix_, spread(np.full(3, 0.2)))


def test_sparse_rows():
    rows = np.where(np.abs(X) < 0.5, 0, X)
    dense = NoisyLabelClassifier(ESTIMATOR, noise=TWO).fit(rows, y)
    fitted = NoisyLabelClassifier(ESTIMATOR, noise=TWO).fit(sparse.csr_array(rows), y)
    np.testing.assert_allclose(
        fitted.estimator_.coef_, dense.estimator_.coef_, atol=1e-6
    )


def test_far_apart_classes():
    """Where there is no curvature to be seen, descent arrives all the same."""
    rows = np.array([[-900.0], [-800.0], [700.0], [1000.0]])
    targets = np.array([[-0.25], [-0.25], [1.25], [1.25]])
    learner = LinearLearner(Logistic(), 1.0)
    W, _ = _optimum(learner, Rows(rows, targets, np.ones(4)), np.zeros((2, 1)))
    # All scores are beyond rounding: what is left is linear but for the penalty.
    np.testing.assert_allclose(W[0], [0.25 * 3400], rtol=1e-6)


@pytest.mark.parametrize("matrix", [TWO, spread(np.full(2, 0.05))])
def test_descent_ends_where_newton_does(matrix):
    defence = NoisyLabelClassifier(ESTIMATOR, noise=matrix).fit(X, y)
    targets = (np.linalg.inv(matrix) @ [[0.0], [1.0]])[y]
    newton = minimise(
        LinearLearner(Logistic(), 1 / 0.3), Rows(X, targets, np.ones(y.shape[0]))
    )
    np.testing.assert_allclose(defence.estimator_.coef_.T, newton.W[:-1], atol=1e-6)


# The spelling of an l1 penalty before and since scikit-learn 1.8.
ELASTIC_NET = {"l1_ratio": 0.5}
if LogisticRegression().penalty != "deprecated":
    ELASTIC_NET["penalty"] = "elasticnet"


def test_descent_that_does_not_arrive_warns(monkeypatch):
    monkeypatch.setattr(_label_noise, "MAX_ITER", 1)
    defence = NoisyLabelClassifier(ESTIMATOR, noise=TWO)
    with pytest.warns(ConvergenceWarning, match="corrected loss is not at its minimum"):
        defence.fit(X, y)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"estimator": DecisionTreeClassifier()}, "logistic or a squared loss"),
        ({"estimator": LogisticRegression(class_weight="balanced")}, "class_weight"),
        ({"estimator": LogisticRegression(C=np.inf)}, "Without a penalty"),
        (
            {"estimator": LogisticRegression(solver="saga", **ELASTIC_NET)},
            "Set l1_ratio=0",
        ),
        ({"noise": 0.5}, "too much noise"),
        ({"estimator": RidgeClassifier(), "noise": "cv"}, "compares likelihoods"),
        ({"estimator": RidgeClassifier(), "noise": "anchors"}, "no predict_proba"),
    ],
)
def test_what_cannot_be_done_is_refused(params, message):
    params = {"estimator": ESTIMATOR, "noise": 0.1} | params
    with pytest.raises(ValueError, match=message):
        NoisyLabelClassifier(**params).fit(X, y)


def test_more_noise_than_labels():
    rows = np.concatenate([np.flatnonzero(y == 0), np.flatnonzero(y == 1)[:10]])
    with pytest.raises(ValueError, match=r"no true label \[1\]"):
        NoisyLabelClassifier(ESTIMATOR, noise=0.2).fit(X[rows], y[rows])


def test_weighted_needs_two_classes_and_weights():
    with pytest.raises(ValueError, match="Only binary classification"):
        NoisyLabelClassifier(ESTIMATOR, method="weighted", noise=0.1).fit(
            *load_iris(return_X_y=True)
        )
    with pytest.raises(ValueError, match="takes no sample_weight"):
        NoisyLabelClassifier(KNeighborsClassifier(), method="weighted", noise=0.1).fit(
            X, y
        )


@pytest.mark.parametrize(
    ("parameter", "value"),
    [("method", "biased"), ("noise", "knn"), ("noise", 1.0), ("cv", 1)],
)
def test_parameters_are_checked(parameter, value):
    defence = NoisyLabelClassifier(ESTIMATOR, **{parameter: value})
    with pytest.raises(ValueError, match=f"The '{parameter}' parameter"):
        defence.fit(X, y)
