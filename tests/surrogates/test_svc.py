import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.svm import SVC

from skpoison.bilevel.goals import OnRows, SmoothedError
from skpoison.surrogates import as_training_problem


def trained(estimator, X, y, sample_weight=None):
    """Train the estimator's problem, and give the machine."""
    n_classes = int(y.max()) + 1
    surrogate = as_training_problem(estimator, n_classes)
    engine = surrogate.engine(shape=X.shape)
    rows = surrogate.rows(X, y, sample_weight)
    engine(rows, OnRows(X[:5], SmoothedError(y[:5])), slice(0, 1))
    return engine.optimum


def make_data(n_classes):
    return make_classification(
        120,
        n_features=6,
        n_informative=4,
        n_classes=n_classes,
        flip_y=0.1,
        random_state=0,
    )


@pytest.mark.parametrize("is_weighted", [True, False])
@pytest.mark.parametrize(
    "estimator",
    [
        SVC(kernel="linear", C=0.5),
        SVC(C=2.0),
        SVC(kernel="poly", degree=2, coef0=1.0, gamma="auto"),
        SVC(kernel="sigmoid", gamma=0.01, coef0=0.1),
        SVC(class_weight="balanced"),
        SVC(class_weight={0: 3.0}),
    ],
    ids=str,
)
def test_scores_are_the_estimators(estimator, is_weighted):
    X, y = make_data(2)
    weights = np.random.RandomState(0).uniform(0.5, 2, 120) if is_weighted else None
    fitted = clone(estimator).set_params(tol=1e-9).fit(X, y, weights)
    scores = trained(estimator, X, y, weights).scores(X)
    assert_allclose(scores[:, 0], fitted.decision_function(X), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kernel", ["linear", "rbf"])
def test_predictions_of_three_classes(kernel):
    X, y = make_data(3)
    fitted = SVC(kernel=kernel, tol=1e-9).fit(X, y)
    scores = trained(SVC(kernel=kernel), X, y).scores(X)
    wins = scores.max(axis=1) > 0  # others have no class that wins all its duels
    assert wins.mean() > 0.9
    assert_array_equal(scores.argmax(axis=1)[wins], fitted.predict(X)[wins])


def test_kernel_of_ones_own():
    with pytest.raises(ValueError, match=r"`kernel` of SVC must be 'linear' or"):
        as_training_problem(SVC(kernel=lambda X, Z: X @ Z.T), 2)


@pytest.mark.parametrize("wanted", ["unrolled", "back-gradient"])
def test_no_steps(wanted):
    with pytest.raises(ValueError, match="this one is trained to its optimum"):
        as_training_problem(SVC(), 2).engine(wanted, shape=(10, 2))


def test_hard_margins_are_refused():
    """Without caps nothing says when a machine that does not exist has diverged."""
    with pytest.raises(ValueError, match="`C` of SVC must be a finite number"):
        as_training_problem(SVC(C=np.inf), 2)
