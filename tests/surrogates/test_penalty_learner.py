import numpy as np
import pytest
from sklearn.base import is_classifier, is_regressor
from sklearn.datasets import load_diabetes, make_classification
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skpoison.surrogates import as_penalty_learner

X, y = make_classification(80, 5, flip_y=0.2, random_state=0)


def test_multiples_of_the_penalty():
    assert as_penalty_learner(LogisticRegression(C=6)).with_factor(3).C == 2
    assert as_penalty_learner(Ridge(2.0)).with_factor(3).alpha == 6
    pipeline = make_pipeline(StandardScaler(), Ridge(2.0))
    assert as_penalty_learner(pipeline).with_factor(3)[-1].alpha == 6
    assert pipeline[-1].alpha == 2


def test_learns_the_penalty_of_least_loss():
    victim = as_penalty_learner(LogisticRegression(C=5)).fit(X, y)

    def loss(factor):
        estimator = LogisticRegression(C=5 / factor)
        return -cross_val_score(estimator, X, y, cv=3, scoring="neg_log_loss").mean()

    grid = [loss(factor) for factor in np.logspace(-4, 4, 9)]
    assert loss(victim.factor_) <= min(grid) + 1e-9
    expected = LogisticRegression(C=5 / victim.factor_).fit(X, y).predict(X)
    np.testing.assert_array_equal(victim.predict(X), expected)


def test_regression():
    rows, responses = load_diabetes(return_X_y=True)
    victim = as_penalty_learner(Ridge()).fit(rows, responses)
    assert is_regressor(victim)
    assert is_classifier(as_penalty_learner(LogisticRegression()))
    assert 1e-4 <= victim.factor_ < 1


@pytest.mark.parametrize("estimator", [LinearRegression(), LinearSVC()])
def test_no_penalty_or_no_loss(estimator):
    with pytest.raises(ValueError, match="must have a penalty C or alpha"):
        as_penalty_learner(estimator)
