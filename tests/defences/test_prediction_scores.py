import pickle

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import make_classification, make_regression
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from skpoison.defences._prediction_scores import (
    _linear_model,
    fit_label_losses,
    fit_residuals,
)

X, Y = make_classification(120, 5, n_informative=3, n_classes=3, random_state=0)
MODEL = LogisticRegression(C=0.3)


def losses_of(model, X, y):
    probabilities = model.predict_proba(X)
    return -np.log([row[k] for row, k in zip(probabilities, y, strict=True)])


def test_losses_are_out_of_fold():
    """Each class is dealt out to five folds in turn."""
    own, loss = fit_label_losses(MODEL, X[:90], Y[:90])
    folds = np.empty(90, dtype=int)
    for k in range(3):
        members = np.flatnonzero(Y[:90] == k)
        folds[members] = np.arange(members.shape[0]) % 5
    expected = np.zeros(30)
    for fold in range(5):
        fitted = clone(MODEL).fit(X[:90][folds != fold], Y[:90][folds != fold])
        left_out = np.flatnonzero(folds == fold)
        np.testing.assert_allclose(
            own[left_out], losses_of(fitted, X[left_out], Y[left_out])
        )
        expected += losses_of(fitted, X[90:], Y[90:]) / 5
    np.testing.assert_allclose(loss(X[90:], Y[90:]), expected)
    again = pickle.loads(pickle.dumps(loss))
    np.testing.assert_array_equal(again(X[90:], Y[90:]), loss(X[90:], Y[90:]))
    assert loss(X[:0], Y[:0]).shape == (0,)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("scale", [1.0, 1e6])
def test_losses_of_arrays_are_those_of_sparse_rows(n_classes, scale):
    """Of sparse rows scikit-learn computes them; labels may be impossible, or new."""
    labels = np.minimum(Y, n_classes - 1)
    _, loss = fit_label_losses(MODEL, X, labels)
    for given in (labels, (labels + 1) % n_classes, np.full(Y.shape, 7)):
        losses = loss(scale * X, given)
        expected = loss(sparse.csr_array(scale * X), given)
        # 1 - p has fewer digits than p.
        np.testing.assert_allclose(losses, expected, rtol=1e-9, atol=1e-15)
        assert not np.signbit(losses).any()


def test_residuals_are_out_of_fold():
    X, y = make_regression(80, 4, noise=10.0, random_state=0)
    own, residual = fit_residuals(Ridge(), X[:60], y[:60])
    expected = np.zeros(20)
    for fold in range(5):
        rest = np.arange(60) % 5 != fold
        fitted = Ridge().fit(X[:60][rest], y[:60][rest])
        left_out = np.arange(60)[~rest]
        np.testing.assert_allclose(
            own[left_out], np.abs(y[left_out] - fitted.predict(X[left_out]))
        )
        expected += np.abs(y[60:] - fitted.predict(X[60:])) / 5
    np.testing.assert_allclose(residual(X[60:], y[60:]), expected)
    assert residual(X[:0], y[:0]).shape == (0,)


def test_two_responses():
    own, residual = fit_residuals(Ridge(), np.array([[0.0], [1.0]]), np.array([1.0, 5]))
    np.testing.assert_allclose(own, [4, 4])
    np.testing.assert_allclose(residual(np.array([[0.5]]), np.array([4.0])), [2])


def test_one_class_says_nothing():
    own, loss = fit_label_losses(MODEL, X, np.ones(120, dtype=int))
    np.testing.assert_array_equal(own, 0)
    np.testing.assert_array_equal(loss(X, Y), 0)


def test_only_row_of_a_class_is_learnt_from_and_not_left_out():
    labels = np.where(Y == 2, 1, Y)
    labels[7] = 5
    own, loss = fit_label_losses(MODEL, X, labels)
    assert own[7] == 0
    assert (own[np.arange(120) != 7] > 0).all()
    # Each of the five models knows the class.
    assert np.isfinite(loss(X, np.full(120, 5))).all()
    # None of them knows a label that no row has.
    np.testing.assert_allclose(loss(X[:2], np.array([3, 9])), 708.4, atol=0.01)


def test_impossible_labels_have_a_finite_loss():
    own, loss = fit_label_losses(DecisionTreeClassifier(random_state=0), X, Y)
    wrong = (Y + 1) % 3
    assert loss(X, wrong).max() == pytest.approx(-np.log(np.finfo(float).tiny))
    assert own.min() == 0
    assert not np.signbit(own).any()


@pytest.mark.parametrize("fit", [fit_label_losses, fit_residuals])
def test_default_models_of_sparse_rows_and_of_any_unit(fit):
    """Columns are standardised, constant ones too; sparse rows are not centred."""
    rows = np.where(np.abs(X) < 0.5, 0, X)
    rows[:, 0] = 1.0
    own, _ = fit(None, rows, Y)
    of_sparse, _ = fit(None, sparse.csr_array(rows), Y)
    np.testing.assert_allclose(of_sparse, own, rtol=1e-3)
    scaled, _ = fit(None, 1000 * rows + 10, Y)
    np.testing.assert_allclose(scaled, own, rtol=1e-6)
    marks, _ = fit(None, rows > 0, Y)
    np.testing.assert_array_equal(marks, fit(None, (rows > 0).astype(float), Y)[0])


def test_default_classifier():
    own, _ = fit_label_losses(None, X, Y)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, tol=1e-7))
    np.testing.assert_allclose(own, fit_label_losses(model, X, Y)[0], rtol=1e-6)


@pytest.mark.parametrize("fit", [fit_label_losses, fit_residuals])
def test_far_rows_do_not_decide_what_is_learnt(fit):
    rows, targets = X.copy(), Y.astype(float if fit is fit_residuals else int)
    own, _ = fit(None, rows, targets)
    rows[7] = 1e9
    if fit is fit_residuals:
        targets[7] = 1e9
    again, _ = fit(None, rows, targets)
    others = np.arange(120) != 7
    assert np.corrcoef(own[others], again[others])[0, 1] > 0.8
    assert again[7] > again[others].max()


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("model", [None, LogisticRegression(C=0.3)])
def test_gradients_of_losses(model, n_classes):
    """By differences; a label that no model knows has none."""
    labels = np.minimum(Y, n_classes - 1)
    _, loss = fit_label_losses(model, X, labels)
    assert loss.has_gradient
    losses, gradients = loss.with_gradient(X, labels)
    np.testing.assert_allclose(losses, loss(X, labels))
    size = np.abs(gradients).max()
    for j, step in enumerate(1e-5 * np.eye(X.shape[1])):
        slope = (loss(X + step, labels) - loss(X - step, labels)) / 2e-5
        np.testing.assert_allclose(gradients[:, j], slope, rtol=0, atol=1e-6 * size)
    unknown = np.full(Y.shape, 7)
    losses, gradients = loss.with_gradient(X, unknown)
    np.testing.assert_allclose(losses, loss(X, unknown))
    assert not gradients.any()


@pytest.mark.parametrize(("n_classes", "way"), [(2, "multinomial"), (3, "ovr")])
def test_other_probabilities_have_no_gradient(n_classes, way):
    """They are an option of scikit-learn before 1.8."""
    model = LogisticRegression()
    _, loss = fit_label_losses(model, X, np.minimum(Y, n_classes - 1))
    assert loss.has_gradient
    # For some versions it is a parameter of the model that was fitted.
    _linear_model(loss.parts[0].classifier).multi_class = way
    assert not loss.has_gradient


def test_gradients_of_residuals():
    r = X @ np.arange(5) + np.sin(np.arange(120))
    _, residual = fit_residuals(None, X, r)
    sizes, gradients = residual.with_gradient(X, r)
    np.testing.assert_allclose(sizes, residual(X, r))
    size = np.abs(gradients).max()
    for j, step in enumerate(1e-5 * np.eye(5)):
        slope = (residual(X + step, r) - residual(X - step, r)) / 2e-5
        np.testing.assert_allclose(gradients[:, j], slope, rtol=0, atol=1e-6 * size)


def test_models_without_gradients():
    _, loss = fit_label_losses(KNeighborsClassifier(), X, Y)
    assert not loss.has_gradient
    _, residual = fit_residuals(KNeighborsRegressor(), X, 1.0 * Y)
    assert not residual.has_gradient


def test_rows_that_are_no_finite_numbers_are_left_to_the_classifier():
    _, loss = fit_label_losses(MODEL, X, Y)
    np.testing.assert_allclose(loss(X.astype(object), Y), loss(X, Y))
    missing = np.where(np.arange(5) == 0, np.nan, X)
    with pytest.raises(ValueError, match="contains NaN"):
        loss(missing, Y)


def test_probabilities_of_a_subclass_count():
    class Halved(LogisticRegression):
        def predict_proba(self, X):
            return super().predict_proba(X) / 2

    plain, _ = fit_label_losses(MODEL, X, Y)
    own, loss = fit_label_losses(Halved(C=0.3), X, Y)
    np.testing.assert_allclose(own, plain + np.log(2))
    assert not loss.has_gradient
