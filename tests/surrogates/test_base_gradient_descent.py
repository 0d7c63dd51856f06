"""Mini-batches of the learners by gradient descent."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse

from skpoison.surrogates import GradientDescentClassifier, GradientDescentRegressor

rng = np.random.RandomState(0)
X = rng.normal(size=(40, 3))
y = rng.randint(3, size=40)
r = X @ [1.0, -2.0, 0.5] + 3
WEIGHTS = rng.uniform(size=40)


@pytest.mark.parametrize("loss", ["log_loss", "squared_error"])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("labels", [y, np.minimum(y, 1)])
def test_steps_over_all_rows_are_a_fit(loss, fit_intercept, labels):
    params = {"learning_rate": 0.1, "n_steps": 7, "alpha": 0.2}
    classifier = GradientDescentClassifier(loss, fit_intercept=fit_intercept, **params)
    expected = GradientDescentClassifier(loss, fit_intercept=fit_intercept, **params)
    expected.fit(X, labels, sample_weight=WEIGHTS)
    rows = sparse.csr_array(X) if labels is y else X
    for _ in range(7):
        classifier.partial_fit(rows, labels, np.unique(labels), WEIGHTS)
    assert_allclose(classifier.coef_, expected.coef_, rtol=1e-12)
    assert_allclose(classifier.intercept_, expected.intercept_, rtol=1e-12)
    assert (classifier.predict(X) == expected.predict(X)).all()


def test_steps_of_a_regressor_are_a_fit():
    expected = GradientDescentRegressor(n_steps=5).fit(X, r, sample_weight=WEIGHTS)
    regressor = GradientDescentRegressor()
    for _ in range(5):
        regressor.partial_fit(X, r, WEIGHTS)
    assert_allclose(regressor.coef_, expected.coef_, rtol=1e-12)
    assert_allclose(regressor.intercept_, expected.intercept_, rtol=1e-12)
    for _ in range(400):
        regressor.partial_fit(X[:20], r[:20]).partial_fit(X[20:], r[20:])
    assert_allclose(regressor.predict(X), r, rtol=1e-6)


def test_one_step_by_hand():
    classifier = GradientDescentClassifier(learning_rate=0.5)
    classifier.partial_fit([[2.0, -1.0]], ["b"], classes=["a", "b"])
    # From weights of 0 the slope is 1/2 - 1.
    assert_allclose(classifier.coef_, [[0.5, -0.25]])
    assert_allclose(classifier.intercept_, [0.25])


def test_labels_are_those_of_the_first_call():
    classifier = GradientDescentClassifier()
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        classifier.partial_fit(X, y)
    classifier.partial_fit(X, y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match=r"must hold labels among.*got \[7\] as well"):
        classifier.partial_fit(X[:2], [0, 7])


def test_infinite_weights_are_refused():
    regressor = GradientDescentRegressor(learning_rate=1e200).partial_fit(X, r)
    with pytest.raises(ValueError, match="diverges with learning_rate"):
        regressor.partial_fit(X, r)
