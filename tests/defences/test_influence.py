import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.datasets import load_diabetes, make_blobs
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import scale
from sklearn.tree import DecisionTreeClassifier

from skpoison.attacks import GradientInsertion
from skpoison.defences import (
    InfluenceFilteredClassifier,
    InfluenceFilteredRegressor,
)
from skpoison.defences._influence import _folds
from skpoison.defences._influence_scores import InfluenceProblem

LR = LogisticRegression()


def make_labels(n_rows=120):
    X, y = make_blobs(n_rows, centers=3, cluster_std=2.0, random_state=4)
    y = np.array(["b", "c", "a"])[y]
    poison = np.arange(n_rows) >= n_rows - 20
    y_poisoned = y.copy()
    y_poisoned[poison] = np.where(y[poison] == "a", "b", "a")
    return scale(X), y_poisoned, poison, np.arange(n_rows) < n_rows // 2


@pytest.fixture(scope="module")
def attacked():
    X, y = make_blobs(240, centers=2, n_features=5, cluster_std=4.0, random_state=1)
    X = scale(X)
    trusted = np.arange(240) < 120
    attack = GradientInsertion(LR, budget=40, random_state=0)
    X_poisoned, y_poisoned = attack.fit_resample(X, y, trusted=trusted)
    trusted = np.append(trusted, np.zeros(40, dtype=bool))
    return X, y, X_poisoned, y_poisoned, trusted


@pytest.mark.parametrize(
    "method",
    ["adjoint", "newton", pytest.param("retrain", marks=pytest.mark.slow)],
)
@pytest.mark.parametrize("beside", ["all", "trusted"])
def test_finds_what_the_gradient_attack_inserts(beside, method, attacked):
    X, y, X_poisoned, y_poisoned, trusted = attacked
    scoring = None
    if method == "retrain":  # one fit for each row: of a third of them
        scoring = "neg_log_loss"
        X_poisoned, y_poisoned, trusted = X_poisoned[::3], y_poisoned[::3], trusted[::3]
    n_clean = 240 if method != "retrain" else 80
    defence = InfluenceFilteredClassifier(
        LR, beside=beside, method=method, scoring=scoring
    ).fit(X_poisoned, y_poisoned, trusted=trusted)
    assert (~defence.inlier_mask_[n_clean:]).mean() > 0.9
    assert (~defence.inlier_mask_[:n_clean]).mean() < 0.15
    clean = LogisticRegression().fit(X, y).score(X, y)
    plain = LogisticRegression().fit(X_poisoned, y_poisoned).score(X, y)
    assert clean - plain > 0.1
    assert clean - defence.score(X, y) < 0.02


def test_scores_beside_all():
    """A trusted row is judged by the trusted rows of other folds."""
    X, y, _, trusted = make_labels()
    defence = InfluenceFilteredClassifier(LR).fit(X, y, trusted=trusted)
    codes = np.searchsorted(["a", "b", "c"], y)
    everything = np.ones(120, dtype=bool)
    problem = InfluenceProblem(LR, X, codes, everything, defence.classes_)
    rows = np.flatnonzero(trusted)
    expected = problem.by_adjoint(rows)
    for fold in _folds(codes[rows]):
        others = np.delete(rows, fold)
        expected[rows[fold]] = problem.by_adjoint(others)[rows[fold]]
    assert_allclose(defence.sample_scores_, expected, rtol=1e-6, atol=1e-12)


def test_scores_beside_trusted():
    X, y, _, trusted = make_labels()
    defence = InfluenceFilteredClassifier(LR, beside="trusted")
    defence.fit(X, y, trusted=trusted)
    codes = np.searchsorted(["a", "b", "c"], y)
    rows = np.flatnonzero(trusted)
    sums, counts = np.zeros(120), np.zeros(120)
    for fold in _folds(codes[rows]):
        learnt = trusted.copy()
        learnt[rows[fold]] = False
        problem = InfluenceProblem(LR, X, codes, learnt, defence.classes_)
        judged = ~trusted | learnt
        sums[judged] += problem.by_adjoint(rows[fold])[judged]
        counts += judged
    assert_allclose(defence.sample_scores_, sums / counts, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("beside", ["all", "trusted"])
def test_newton_is_retraining_for_least_squares(beside):
    X, y = load_diabetes(return_X_y=True)
    X, y = scale(X)[:60], y[:60] / 100
    params = {"beside": beside, "quantile": 0.5}
    trusted = np.arange(60) < 30
    newton = InfluenceFilteredRegressor(Ridge(), method="newton", **params)
    retrain = InfluenceFilteredRegressor(
        Ridge(), method="retrain", scoring="neg_mean_squared_error", **params
    )
    newton.fit(X, y, trusted=trusted)
    retrain.fit(X, y, trusted=trusted)
    # The loss is half the squared error.
    assert_allclose(
        2 * newton.sample_scores_, retrain.sample_scores_, rtol=0, atol=1e-10
    )
    assert_array_equal(newton.inlier_mask_, retrain.inlier_mask_)


def test_folds():
    codes = np.array([0, 1, 0, 0, 1, 0, 0, 0, 0])
    folds = _folds(codes)
    assert_array_equal(np.sort(np.concatenate(folds)), np.arange(9))
    assert [np.bincount(codes[fold], minlength=2).tolist() for fold in folds] == [
        [2, 1],
        [2, 1],
        [1, 0],
        [1, 0],
        [1, 0],
    ]
    assert len(_folds(np.array([3]))) == 1


@pytest.mark.parametrize("task", ["labels", "responses"])
def test_a_single_trusted_row(task):
    X, y, _, _ = make_labels()
    filters = {
        "labels": InfluenceFilteredClassifier(LR),
        "responses": InfluenceFilteredRegressor(Ridge()),
    }
    y = X[:, 0] if task == "responses" else y
    with pytest.warns(UserWarning, match="too few to know the quantile"):
        defence = filters[task].fit(X, y, trusted=np.arange(120) == 7)
    assert defence.inlier_mask_.all()
    assert np.isfinite(defence.sample_scores_).all()


def test_trusted_rows_of_each_class():
    """The error of `beside="trusted"` says what to do, and that works."""
    X, y, _, trusted = make_labels()
    trusted &= y != "c"
    defence = InfluenceFilteredClassifier(LR, beside="trusted")
    with pytest.raises(ValueError, match="two trusted rows of each class"):
        defence.fit(X, y, trusted=trusted)
    with pytest.warns(UserWarning, match=r"keeps all rows of \['c'\]"):
        defence.set_params(beside="all").fit(X, y, trusted=trusted)
    trusted[np.flatnonzero(y == "c")[:2]] = True
    with pytest.warns(UserWarning, match=r"keeps all rows of \['c'\]"):
        defence.set_params(beside="trusted").fit(X, y, trusted=trusted)


def test_row_without_which_a_class_is_unknown_is_believed():
    X, y, _, trusted = make_labels(60)
    y[-1] = "d"
    defence = InfluenceFilteredClassifier(LR, method="retrain", quantile=0.8)
    with pytest.warns(UserWarning, match=r"keeps all rows of \['d'\]"):
        defence.fit(X, y, trusted=trusted)
    assert defence.sample_scores_[-1] == defence.sample_scores_.min()


def test_estimator_without_derivatives():
    """The error names the surrogate, and gives two ways out."""
    X, y, _, trusted = make_labels(60)
    tree = DecisionTreeClassifier(max_depth=2)
    defence = InfluenceFilteredClassifier(tree, random_state=0)
    with pytest.raises(TypeError, match="surrogate must be given"):
        defence.fit(X, y, trusted=trusted)
    defence.set_params(surrogate=LR, quantile=0.8).fit(X, y, trusted=trusted)
    expected = InfluenceFilteredClassifier(LR, quantile=0.8)
    expected.fit(X, y, trusted=trusted)
    assert_array_equal(defence.sample_scores_, expected.sample_scores_)
    assert isinstance(defence.estimator_, DecisionTreeClassifier)
    defence.set_params(surrogate=None, method="retrain").fit(X, y, trusted=trusted)
    first = defence.sample_scores_
    assert_array_equal(defence.fit(X, y, trusted=trusted).sample_scores_, first)


def test_scoring_only_with_training_anew():
    X, y, _, trusted = make_labels(60)
    defence = InfluenceFilteredClassifier(LR, scoring="accuracy", quantile=0.8)
    with pytest.raises(ValueError, match="scoring must be None unless method"):
        defence.fit(X, y, trusted=trusted)
    defence.set_params(method="retrain").fit(X, y, trusted=trusted)
    default = InfluenceFilteredClassifier(LR, method="retrain", quantile=0.8)
    default.fit(X, y, trusted=trusted)
    assert_array_equal(defence.sample_scores_, default.sample_scores_)


def test_sparse_rows_stay_sparse():
    class Refuses(LogisticRegression):
        def fit(self, X, y):
            assert sparse.issparse(X)
            return super().fit(X, y)

    X, y, _, trusted = make_labels()
    X = np.where(np.abs(X) > 0.5, X, 0.0)
    dense = InfluenceFilteredClassifier(LR).fit(X, y, trusted=trusted)
    defence = InfluenceFilteredClassifier(Refuses(), surrogate=LR)
    defence.fit(sparse.csr_array(X), y, trusted=trusted)
    assert_allclose(defence.sample_scores_, dense.sample_scores_, rtol=1e-5, atol=1e-10)


def test_finds_wrong_responses():
    X, y = load_diabetes(return_X_y=True)
    X, y = scale(X)[:300], y[:300]
    poison, trusted = np.arange(300) >= 250, np.arange(300) < 120
    high = X[poison, 2] > 0
    y_poisoned = y.copy()
    y_poisoned[poison] = np.where(high, y.min(), y.max())
    defence = InfluenceFilteredRegressor(Ridge())
    defence.fit(X, y_poisoned, trusted=trusted)
    assert (~defence.inlier_mask_[poison]).mean() > 0.5
    assert (~defence.inlier_mask_[~poison]).mean() < 0.1
    assert defence.score(X, y) > Ridge().fit(X, y_poisoned).score(X, y) + 0.1
