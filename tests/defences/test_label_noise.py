import numpy as np
import pytest
from scipy import optimize, sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_iris, make_blobs, make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier

from skpoison.defences import NoisyLabelClassifier
from skpoison.defences._transition_matrix import uniform_noise_matrix

X, y = make_classification(300, flip_y=0.2, random_state=0)
ESTIMATOR = LogisticRegression(C=0.3)
TWO = uniform_noise_matrix(np.array([0.1, 0.3]))
THREE = np.array([[0.7, 0.1, 0.2], [0.0, 0.9, 0.1], [0.3, 0.05, 0.65]])
MATRICES = {
    "two": TWO,
    "symmetric": uniform_noise_matrix(np.full(2, 0.4)),
    "three": THREE,
    "four": uniform_noise_matrix(np.array([0.0, 0.1, 0.2, 0.5])),
}


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


def flipped(rates, n_samples=2000):
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
    np.testing.assert_allclose(
        defence.transition_matrix_, uniform_noise_matrix(np.full(3, 0.2))
    )


def test_sparse_rows():
    rows = np.where(np.abs(X) < 0.5, 0, X)
    dense = NoisyLabelClassifier(ESTIMATOR, noise=TWO).fit(rows, y)
    fitted = NoisyLabelClassifier(ESTIMATOR, noise=TWO).fit(sparse.csr_array(rows), y)
    np.testing.assert_allclose(
        fitted.estimator_.coef_, dense.estimator_.coef_, atol=1e-6
    )


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"estimator": DecisionTreeClassifier()}, "logistic or a squared loss"),
        ({"estimator": LogisticRegression(class_weight="balanced")}, "class_weight"),
        ({"estimator": LogisticRegression(C=np.inf)}, "Without a penalty"),
        ({"noise": 0.5}, "too much noise"),
        ({"cv": 3}, "cv must be 5 if the rates of noise are given; got 3"),
        (
            {"estimator": RidgeClassifier(), "noise": "cv"},
            "'cv' needs an estimator with",
        ),
        (
            {"estimator": RidgeClassifier(), "noise": "anchors"},
            "'anchors' needs an estim",
        ),
    ],
)
def test_what_cannot_be_done_is_refused(params, message):
    params = {"estimator": ESTIMATOR, "noise": 0.1} | params
    with pytest.raises(ValueError, match=message):
        NoisyLabelClassifier(**params).fit(X, y)


def test_one_class():
    defence = NoisyLabelClassifier(DecisionTreeClassifier(), method="weighted")
    defence.fit(X, np.ones(300))
    assert defence.transition_matrix_.tolist() == [[1]]
    assert (defence.predict(X) == 1).all()


def test_class_of_one_row_has_no_estimated_noise():
    labels = np.where(np.arange(300) == 7, 1, 0)
    with pytest.warns(UserWarning, match=r"the classes \[1\]: there are no other"):
        defence = NoisyLabelClassifier(ESTIMATOR).fit(X, labels)
    np.testing.assert_array_equal(defence.transition_matrix_, np.eye(2))


@pytest.mark.parametrize("noise", ["cv", "anchors"])
@pytest.mark.parametrize("label", [-1, 2])
def test_class_of_one_row_changes_nothing_for_the_others(noise, label):
    wrong = np.where(np.arange(300) % 5 == 0, 1 - y, y)
    defence = NoisyLabelClassifier(ESTIMATOR, noise=noise, random_state=0)
    expected = defence.fit(X, wrong).transition_matrix_
    assert expected[0, 1] > 0.02
    with pytest.warns(UserWarning, match="there are no other rows"):
        defence.fit(np.r_[X, 20 + X[:1]], np.r_[wrong, label])
    others = defence.classes_ != label
    np.testing.assert_array_equal(
        defence.transition_matrix_[np.ix_(others, others)], expected
    )
    lone = defence.transition_matrix_[~others][0]
    np.testing.assert_array_equal(lone, ~others)


@pytest.mark.filterwarnings("ignore:.* overrules .*:UserWarning")
def test_more_noise_than_labels():
    rows = np.concatenate([np.flatnonzero(y == 0), np.flatnonzero(y == 1)[:10]])
    with pytest.raises(ValueError, match=r"no true label \[1\]"):
        NoisyLabelClassifier(ESTIMATOR, noise=0.2).fit(X[rows], y[rows])


def test_weighted_needs_two_classes_and_weights():
    with pytest.raises(ValueError, match="Only binary classification"):
        NoisyLabelClassifier(ESTIMATOR, method="weighted", noise=0.1).fit(
            *load_iris(return_X_y=True)
        )
    with pytest.raises(ValueError, match="an estimator that takes sample_weight"):
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


def test_estimator_without_a_seed_that_finds_the_noise():
    """The same random_state, the same rates."""
    forest = RandomForestClassifier(3, max_depth=3)
    defence = NoisyLabelClassifier(
        forest, method="weighted", noise="anchors", cv=2, random_state=0
    )
    first, again = (clone(defence).fit(X, y).transition_matrix_ for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, np.eye(2))
    assert forest.random_state is None


def test_share_of_labels_that_are_wrong():
    """A quarter of the rows of class 0 is seen as class 1."""
    X, true = make_blobs([200, 300], centers=None, random_state=0)
    y = true.copy()
    y[np.flatnonzero(true == 0)[:50]] = 1
    defence = NoisyLabelClassifier(LogisticRegression(), noise={0: 0.25}).fit(X, y)
    np.testing.assert_allclose(defence.overruled_share_, [0, 50 / 350])
    trusted = y == 0
    defence.fit(X, y, trusted=trusted)
    assert defence.overruled_share_[0] == 0


def test_rare_class_that_noise_would_explain():
    X, y = make_blobs([380, 20], random_state=0)
    defence = NoisyLabelClassifier(LogisticRegression(), noise={0: 0.045})
    way_out = "Give lower rates of noise, or mark rows known to be clean as trusted"
    with pytest.warns(UserWarning, match=f"rows of class 1.*{way_out}"):
        defence.fit(X, y)
    trusted = (np.arange(400) % 2 == 0) & (y == 1)
    defence.fit(X, y, trusted=trusted)
    defence.set_params(noise={0: 0.01}).fit(X, y)
    assert defence.overruled_share_[1] < 0.5


class Record:
    """A callback of scikit-learn that counts, and asks to stop after some steps."""

    def __init__(self, stop_after=None):
        self.stop_after = stop_after
        self.ended = []

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        self.ended.append(context.task_name)
        return self.ended.count("step") == self.stop_after


@pytest.mark.parametrize("noise", ["cv", "anchors"])
def test_callbacks_are_told_of_each_fold(noise):
    """Asked to stop, the defence estimates the noise by the folds so far."""
    pytest.importorskip("sklearn.callback")
    defence = NoisyLabelClassifier(ESTIMATOR, noise=noise, cv=3, random_state=0)
    plain = clone(defence).fit(X, y)
    fitted = clone(defence).set_callbacks(record := Record()).fit(X, y)
    assert record.ended == ["step", "step", "step", "folds"]
    np.testing.assert_array_equal(fitted.transition_matrix_, plain.transition_matrix_)
    clone(defence).set_callbacks(record := Record(stop_after=1)).fit(X, y)
    assert record.ended == ["step", "folds"]
