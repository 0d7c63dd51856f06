"""Base classes of the defences of a stream."""

import numpy as np
import pytest
from sklearn.linear_model import Perceptron, SGDClassifier
from sklearn.naive_bayes import GaussianNB

from skpoison.online import RejectionClassifier, TrustedStepClassifier
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
