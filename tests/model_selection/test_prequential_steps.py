"""The steps of a learner, without a call for each batch."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.linear_model import Perceptron, SGDClassifier, SGDRegressor

from skpoison.model_selection import prequential_curve
from skpoison.model_selection._prequential_steps import LearnerSteps
from skpoison.online import OnlineInsertion

rng = np.random.RandomState(0)
X = rng.normal(size=(120, 4))
codes = np.digitize(X[:, 0] + 0.5 * rng.normal(size=120), [-0.5, 0.5])
LEARNERS = [
    SGDClassifier("log_loss", shuffle=False),
    SGDClassifier("hinge", penalty="elasticnet", alpha=0.01, shuffle=False),
    SGDClassifier("modified_huber", class_weight={"a": 2.0}, shuffle=False),
    SGDClassifier("hinge", penalty=None, learning_rate="constant", eta0=0.1),
    SGDRegressor(shuffle=False),
    SGDRegressor(loss="huber", learning_rate="constant", eta0=0.1, shuffle=False),
]


@pytest.mark.parametrize("batch_size", [1, 8])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("learner", LEARNERS, ids=str)
def test_same_as_calls_of_partial_fit(learner, n_classes, batch_size, monkeypatch):
    is_regressor = isinstance(learner, SGDRegressor)
    y = X @ [1.0, 2.0, 0.0, -1.0]
    if is_regressor:
        batch_size = max(batch_size, 2)  # R2 needs two rows
    else:
        y = np.array(["a", "b", "c"])[np.minimum(codes, n_classes - 1)]
    learner = clone(learner).set_params(random_state=0)
    params = {"batch_size": batch_size, "delay": 2}
    if not is_regressor and n_classes == 2 and learner.loss == "log_loss":
        params["attack"] = OnlineInsertion(learner, 0.1, random_state=0)
    fast = prequential_curve(learner, X, y, **params)
    with monkeypatch.context() as patch:
        patch.setattr(LearnerSteps, "of", lambda *args, **kwargs: None)
        slow = prequential_curve(learner, X, y, **params)
    np.testing.assert_allclose(fast.test_scores, slow.test_scores, rtol=1e-9)
    np.testing.assert_allclose(fast.running_scores, slow.running_scores, rtol=1e-9)
    for name in ("coef_", "intercept_"):
        found, expected = (getattr(each.estimator, name) for each in (fast, slow))
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
        assert found.shape == expected.shape
    assert fast.estimator.t_ == slow.estimator.t_
    assert fast.estimator.partial_fit(X[:5], y[:5]).t_ == slow.estimator.t_ + 5


@pytest.mark.parametrize("penalty", [None, "l1"])
def test_divergence_is_not_hidden(penalty, monkeypatch):
    learner = SGDClassifier(
        "squared_error",
        penalty=penalty,
        learning_rate="constant",
        eta0=0.1,
        shuffle=False,
    )
    y = (codes > 1).astype(int)
    far = X.copy()
    far[40:] *= 1e300  # after the first batch
    with pytest.raises(
        ValueError, match="`estimator` must take steps that stay finite"
    ):
        prequential_curve(learner, far, y, batch_size=20)
    monkeypatch.setattr(LearnerSteps, "of", lambda *args, **kwargs: None)
    with pytest.raises(ValueError, match="overflow occurred"):
        prequential_curve(learner, far, y, batch_size=20)


def test_where_the_steps_are_not_known():
    y = (codes > 1).astype(int)
    learner = SGDClassifier("log_loss", shuffle=False).partial_fit(X, y, classes=[0, 1])

    def steps(learner=learner, X=X, batch_size=5):
        return LearnerSteps.of(learner, X, y, batch_size=batch_size)

    assert steps() is not None
    shuffled = clone(learner).set_params(shuffle=True)
    shuffled.partial_fit(X, y, classes=[0, 1])
    assert steps(shuffled) is None
    assert steps(shuffled, batch_size=1) is not None
    averaged = clone(learner).set_params(average=True)
    assert steps(averaged.partial_fit(X, y, classes=[0, 1])) is None
    short = clone(learner).partial_fit(X.astype(np.float32), y, classes=[0, 1])
    assert steps(short) is None
    assert steps(Perceptron().fit(X, y)) is None
    assert steps(X=sparse.csr_matrix(X)) is None
    assert steps(X=np.where(X > 2, np.nan, X)) is None
