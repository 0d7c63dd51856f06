"""Change of labels in a stream."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import SGDClassifier, SGDRegressor
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import scale

from skpoison.attacks import RandomLabelFlip
from skpoison.goals import ErrorGeneric
from skpoison.online import OnlineLabelFlip, TrustedStepClassifier

rng = np.random.RandomState(0)
y = rng.randint(2, size=300)
X = scale(rng.normal(size=(300, 4)) + 1.5 * y[:, np.newaxis])
X_val, y_val = X[200:], y[200:]
X, y = X[:200], y[:200]
LEARNER = SGDClassifier("log_loss", learning_rate="constant", eta0=0.5, shuffle=False)


def test_labels_by_hand():
    """The gains from scikit-learn's own steps, and the rule that spends the budget."""
    attack = OnlineLabelFlip(LEARNER, 12, goal=ErrorGeneric("surrogate"))
    _, labels = attack.fit_resample(X[:80], y[:80], X_val=X_val, y_val=y_val)
    learner, seen, gains = clone(LEARNER), [], []
    for i in range(80):
        row, losses = X[i : i + 1], []
        for code in (0, 1):
            twin = clone(LEARNER)
            if i:
                twin.partial_fit(row, [0], classes=[0, 1])
                twin.coef_, twin.intercept_ = learner.coef_.copy(), learner.intercept_
                twin.intercept_ = learner.intercept_.copy()
            twin.partial_fit(row, [code], classes=[0, 1])
            losses.append(log_loss(y_val, twin.predict_proba(X_val)))
        gain, budget = losses[1 - y[i]] - losses[y[i]], 12 - len(gains)
        chosen = y[i]
        if budget and (
            budget == 80 - i
            or (seen and gain >= np.quantile(seen, 1 - budget / (80 - i)))
        ):
            chosen = 1 - y[i]
            gains.append(gain)
        seen.append(gain)
        assert labels[i] == chosen
        learner.partial_fit(row, [chosen], classes=[0, 1])
    np.testing.assert_allclose(attack.gains_, gains, rtol=1e-9)
    assert attack.poison_mask_.sum() == 12


def test_stronger_than_random_flips():
    errors = {}
    for name, attack in (
        ("optimised", OnlineLabelFlip(LEARNER, 0.1)),
        ("random", RandomLabelFlip(0.1, random_state=0)),
    ):
        _, labels = attack.fit_resample(X, y)
        assert attack.poison_mask_.sum() == 20
        wrong = []
        learner = clone(LEARNER)
        for i in range(len(y)):
            if i:
                wrong.append(1 - learner.score(X_val, y_val))
            learner.partial_fit(X[i : i + 1], labels[i : i + 1], classes=[0, 1])
        errors[name] = np.mean(wrong)
    assert errors["optimised"] > 1.3 * errors["random"]


@pytest.mark.parametrize("goal", [None, {0: 1}, ErrorGeneric()], ids=str)
def test_goals(goal):
    attack = OnlineLabelFlip(LEARNER, 0.1, goal=goal)
    _, labels = attack.fit_resample(X, y, X_val=X_val, y_val=y_val)
    assert (labels != y).sum() == 20
    if isinstance(goal, dict):  # rows of class 0 shall be taken for 1
        fitted = {
            name: clone(LEARNER).partial_fit(X, each, classes=[0, 1])
            for name, each in (("clean", y), ("poisoned", labels))
        }
        taken = {
            name: each.predict(X_val)[y_val == 0].mean()
            for name, each in fitted.items()
        }
        assert taken["poisoned"] > taken["clean"]


def test_trusted_rows_defences_and_networks():
    trusted = np.arange(200) % 3 == 0
    defence = TrustedStepClassifier(LEARNER)
    network = MLPClassifier((3,), solver="sgd", momentum=0, random_state=0)
    for surrogate in (defence, network):
        attack = OnlineLabelFlip(surrogate, 20)
        _, labels = attack.fit_resample(X, y, trusted=trusted)
        assert not (labels != y)[trusted].any()
        assert attack.poison_mask_.sum() == 20
    with pytest.raises(ValueError, match="budget"):
        OnlineLabelFlip(LEARNER, 150).fit_resample(X, y, trusted=trusted)
    with pytest.raises(ValueError, match="`surrogate` must be a classifier"):
        OnlineLabelFlip(SGDRegressor()).fit_resample(X, y)


def test_three_classes():
    labels = np.digitize(X[:, 0], [-0.5, 0.5])
    _, changed = OnlineLabelFlip(LEARNER, 0.1).fit_resample(X, labels)
    assert (changed != labels).sum() == 20
    assert set(changed) == {0, 1, 2}
