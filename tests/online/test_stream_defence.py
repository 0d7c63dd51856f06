"""Base classes of the defences of a stream."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Perceptron, SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.utils.validation import check_is_fitted

from skpoison.defences import OutlierFilteredClassifier
from skpoison.online import (
    AdaptiveCombinationClassifier,
    RejectionClassifier,
    SlidingWindowClassifier,
    TrustedStepClassifier,
)
from skpoison.online._stream_defence import check_methods, learn, takes_trusted

rng = np.random.RandomState(0)
y = rng.randint(2, size=60)
X = rng.normal(size=(60, 3)) + y[:, np.newaxis]
LEARNER = SGDClassifier("log_loss", random_state=0)


def test_a_defence_inside_is_told_of_trusted_rows():
    trusted = np.arange(60) < 20
    inner, plain = TrustedStepClassifier(LEARNER), GaussianNB()
    assert takes_trusted(inner)
    assert not takes_trusted(plain)
    for learner in (inner, plain):
        learn(learner, X, y, classes=np.array([0, 1]), trusted=trusted)
    np.testing.assert_array_equal(inner._memory.X, X[:20])
    outer = RejectionClassifier(inner).partial_fit(X, y, [0, 1], trusted=trusted)
    np.testing.assert_array_equal(outer.estimator_._memory.X, X[:20])
    # Rejected rows are not passed on, and the mask goes with the others.
    outer.partial_fit(X[:30], 1 - y[:30], trusted=trusted[:30])
    np.testing.assert_array_equal(outer.estimator_._memory.y[-20:], 1 - y[:20])


@pytest.mark.parametrize("estimator", [Perceptron(), SGDClassifier("hinge"), object()])
def test_learners_that_lack_a_method(estimator):
    with pytest.raises(ValueError, match=r"`learners` must have .* for Name; got"):
        check_methods(estimator, "learners", "Name")


STEADY = SGDClassifier("log_loss", learning_rate="constant", eta0=0.1, shuffle=False)


@pytest.mark.parametrize(
    "defence",
    [
        RejectionClassifier(STEADY),
        TrustedStepClassifier(STEADY),
        SlidingWindowClassifier(OutlierFilteredClassifier(STEADY)),
        AdaptiveCombinationClassifier([("one", STEADY)]),
    ],
)
def test_a_first_call_that_fails_leaves_nothing(defence):
    missing = X.copy()
    missing[0, 0] = np.nan
    defence = clone(defence)
    before = set(vars(defence))
    for rows, labels in ((missing, y), (X, y[:-1]), (X, y + 1)):
        with pytest.raises(ValueError, match=r"NaN|inconsistent|labels among"):
            defence.partial_fit(rows, labels, classes=[0, 1])
        assert set(vars(defence)) == before
        with pytest.raises(NotFittedError):
            check_is_fitted(defence)
    # A fit that fails leaves classes behind.
    with pytest.raises(ValueError, match=r"class|sample|trusted"):
        defence.fit(X[:1], y[:1])
    with pytest.raises(NotFittedError):
        check_is_fitted(defence)
    defence.partial_fit(X, y, classes=[0, 1])
    direct = clone(defence).partial_fit(X, y, classes=[0, 1])
    np.testing.assert_array_equal(defence.predict_proba(X), direct.predict_proba(X))
    # A later call that fails changes nothing.
    with pytest.raises(ValueError, match="NaN"):
        defence.partial_fit(missing, y)
    np.testing.assert_array_equal(defence.predict_proba(X), direct.predict_proba(X))


def test_fit_tells_defences_inside_of_trusted_rows():
    trusted = np.arange(60) < 20
    inner = TrustedStepClassifier(STEADY)
    alone = clone(inner).fit(X, y, trusted=trusted)
    outer = RejectionClassifier(inner, burn_in=60).fit(X, y, trusted=trusted)
    np.testing.assert_array_equal(
        outer.estimator_.estimator_.coef_, alone.estimator_.coef_
    )
    outer = AdaptiveCombinationClassifier([("plain", STEADY), ("inner", inner)])
    outer.fit(X, y, trusted=trusted)
    np.testing.assert_array_equal(
        outer.estimators_[1].estimator_.coef_, alone.estimator_.coef_
    )


@pytest.mark.parametrize("outer", [RejectionClassifier, TrustedStepClassifier])
def test_the_limit_of_leverage_acts_once_in_nested_defences(outer):
    rng = np.random.RandomState(0)
    X = rng.normal(size=(200, 3))
    y = (X[:, 0] > 0).astype(int)
    learner = SGDClassifier("log_loss", random_state=0)
    for limit, limits_itself in (("auto", True), (2.0, True), (None, False)):
        inner = RejectionClassifier(learner, max_leverage=limit, burn_in=0)
        defence = outer(inner).partial_fit(X, y, classes=[0, 1])
        is_limited = (defence.sample_weight_ < 1).any()
        assert is_limited != limits_itself
    defence = outer(RejectionClassifier(learner), max_leverage=1.0)
    defence.partial_fit(X, y, classes=[0, 1])
    assert (defence.sample_weight_ < 1).any()
