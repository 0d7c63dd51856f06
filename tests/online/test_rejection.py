"""Rejection of rows whose labels the current model finds improbable."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.linear_model import Perceptron, SGDClassifier
from sklearn.model_selection import cross_val_score
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import scale

from skpoison.online import OnlineInsertion, RejectionClassifier
from skpoison.online._victims import as_stream_learner

rng = np.random.RandomState(0)
y = rng.randint(2, size=600)
X = rng.normal(size=(600, 4)) + 1.5 * y[:, np.newaxis]
X = scale(X)
LEARNER = SGDClassifier("log_loss", learning_rate="constant", eta0=0.2, shuffle=False)


def one_by_one(defence, X, y):
    defence = clone(defence)
    for i in range(len(y)):
        defence.partial_fit(X[i : i + 1], y[i : i + 1], classes=[0, 1])
    return defence


@pytest.mark.parametrize(
    ("action", "max_leverage"),
    [("weigh", None), ("weigh", "auto"), ("weigh", 1.5), ("drop", "auto")],
)
def test_weights_are_those_of_the_probabilities(action, max_leverage):
    """And, but for the published rejection, those of the norms."""
    defence = RejectionClassifier(
        LEARNER, 0.3, action=action, burn_in=5, window=50, max_leverage=max_leverage
    )
    largest = max_leverage
    if max_leverage == "auto":
        largest = None if action == "drop" else 1.0
    norms = 1 + np.sum(X**2, axis=1)
    plain = clone(LEARNER)
    for i in range(100):
        row, label = X[i : i + 1], [1 - y[i] if i % 4 == 0 else y[i]]
        weight = factor = 1.0
        if i >= 5:
            p = plain.predict_proba(row)[0, label[0]]
            weight = min(1, p / 0.3) if action == "weigh" else float(p >= 0.3)
            if largest is not None:
                median = np.median(norms[max(0, i - 50) : i])
                factor = min(1, largest * median / norms[i])
        if weight > 0:
            plain.partial_fit(
                row, label, classes=[0, 1], sample_weight=[weight * factor]
            )
        defence.partial_fit(row, label, classes=[0, 1])
        np.testing.assert_allclose(defence.sample_weight_, weight * factor, rtol=1e-12)
        assert defence.inlier_mask_[0] == (weight == 1)
    np.testing.assert_allclose(defence.coef_, plain.coef_, rtol=1e-10)


def test_a_small_threshold_changes_nothing():
    defence = RejectionClassifier(LEARNER, 1e-12, max_leverage=None).fit(X, y)
    np.testing.assert_array_equal(defence.coef_, clone(LEARNER).fit(X, y).coef_)
    assert defence.inlier_mask_.all()


def test_trusted_rows_and_weights():
    defence = RejectionClassifier(
        LEARNER, 0.5, action="drop", burn_in=0, max_rejected=1.0
    )
    defence.partial_fit(X, y, classes=[0, 1])
    wrong = 1 - defence.predict(X[:50])
    trusted = np.arange(50) < 20
    again = clone(defence).partial_fit(X, y, classes=[0, 1])
    again.partial_fit(X[:50], wrong, trusted=trusted)
    np.testing.assert_array_equal(again.inlier_mask_, trusted)
    again.partial_fit(X[:50], 1 - wrong, sample_weight=np.full(50, 2.0))
    assert again.inlier_mask_.mean() > 0.5
    assert set(again.sample_weight_) <= {0.0, 2.0}


def test_the_cap_lets_a_learner_follow_a_drift():
    """After the labels are exchanged a hard threshold locks the learner."""
    accuracies = {}
    X_late, y_late = X[300:], 1 - y[300:]
    for cap in (0.1, 1.0):
        defence = RejectionClassifier(
            LEARNER, 0.3, action="drop", burn_in=20, max_rejected=cap, window=50
        )
        defence = one_by_one(defence, X[:300], y[:300])
        for i in range(300):
            defence.partial_fit(X_late[i : i + 1], y_late[i : i + 1])
        accuracies[cap] = defence.score(X_late, y_late)
    assert accuracies[1.0] < 0.35
    assert accuracies[0.1] > 0.65


def test_simulated_defence_is_the_defence():
    """The surrogate of an attacker who knows the defence takes its steps."""
    for action, largest in (("weigh", 1.0), ("weigh", None), ("drop", 0.7)):
        defence = RejectionClassifier(
            LEARNER,
            0.3,
            action=action,
            burn_in=10,
            max_rejected=0.05,
            window=30,
            max_leverage=largest,
        )
        flipped = np.where(np.arange(200) % 5 == 0, 1 - y[:200], y[:200])
        state = as_stream_learner(defence, 4, np.arange(2))
        state.learn_rows(X[:200], flipped)
        fitted = one_by_one(defence, X[:200], flipped)
        np.testing.assert_allclose(state.coef, fitted.coef_, rtol=1e-9)
        # From where it stands, what it remembers of its cap included.
        state = as_stream_learner(fitted, 4, np.arange(2))
        state.learn_rows(X[200:250], 1 - y[200:250])
        for i in range(200, 250):
            fitted.partial_fit(X[i : i + 1], 1 - y[i : i + 1])
        np.testing.assert_allclose(state.coef, fitted.coef_, rtol=1e-9)


def test_three_classes_of_the_simulated_defence():
    labels = np.digitize(X[:, 0], [-0.5, 0.5])
    defence = RejectionClassifier(LEARNER, 0.3, burn_in=10)
    state = as_stream_learner(defence, 4, np.arange(3))
    state.learn_rows(X[:100], labels[:100])
    fitted = clone(defence)
    for i in range(100):
        fitted.partial_fit(X[i : i + 1], labels[i : i + 1], classes=[0, 1, 2])
    np.testing.assert_allclose(state.coef, fitted.coef_, rtol=1e-9)


def test_naive_poison_is_stopped_and_adaptive_poison_is_not():
    errors = {}
    hard = RejectionClassifier(
        LEARNER, 0.1, action="drop", burn_in=50, max_rejected=1.0
    )
    for name, surrogate in (("naive", LEARNER), ("adaptive", hard)):
        attack = OnlineInsertion(surrogate, 0.1, random_state=0)
        out = attack.fit_resample(X, y)
        assert attack.is_exact_
        for victim_name, victim in (("plain", LEARNER), ("hard", hard)):
            fitted = clone(victim)
            for i in range(len(out[1])):
                fitted.partial_fit(out[0][i : i + 1], out[1][i : i + 1], classes=[0, 1])
            errors[name, victim_name] = 1 - fitted.score(X, y)
    assert errors["naive", "hard"] < errors["naive", "plain"]
    assert errors["adaptive", "hard"] > errors["naive", "hard"]


@pytest.mark.parametrize(
    "estimator",
    [
        GaussianNB(),
        MLPClassifier((3,), learning_rate_init=0.1, tol=1e-2, random_state=0),
        RejectionClassifier(SGDClassifier("log_loss", random_state=0)),
    ],
    ids=str,
)
def test_other_learners_and_nests(estimator):
    action = "drop" if isinstance(estimator, MLPClassifier) else "weigh"
    defence = RejectionClassifier(estimator, action=action)
    frame = pd.DataFrame(X, columns=list("abcd"))
    for rows in (slice(0, 300), slice(300, 600)):
        defence.partial_fit(frame[rows], y[rows], classes=[0, 1])
    assert defence.score(frame, y) > 0.8
    assert list(defence.feature_names_in_) == list("abcd")
    assert cross_val_score(defence, X, y, cv=3).mean() > 0.8


def test_sparse_rows():
    X_sparse = sparse.csr_matrix(np.where(np.abs(X) < 0.3, 0, X))
    defence = RejectionClassifier(LEARNER)
    defence.partial_fit(X_sparse, y, classes=[0, 1]).partial_fit(X_sparse, y)
    assert defence.score(X_sparse, y) > 0.8


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (SGDClassifier("hinge"), "must have predict_proba"),
        (Perceptron(), "must have predict_proba"),
    ],
)
def test_learners_that_lack_something(estimator, message):
    with pytest.raises(ValueError, match=f"`estimator` {message}.*Take SGDClass"):
        RejectionClassifier(estimator).fit(X, y)


def test_classes_are_those_of_the_first_call():
    defence = RejectionClassifier(LEARNER)
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        defence.partial_fit(X, y)
    defence.partial_fit(X, y, classes=[0, 1])
    with pytest.raises(ValueError, match="classes"):
        defence.partial_fit(X, y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match=r"labels among \[0, 1\]"):
        defence.partial_fit(X[:2], [0, 2])


def test_parameters_are_read_in_each_call():
    defence = RejectionClassifier(
        LEARNER, burn_in=0, max_rejected=1.0, max_leverage=None
    )
    defence.partial_fit(X, y, classes=[0, 1])
    p = defence.predict_proba(X)[np.arange(len(y)), 1 - y]
    defence.set_params(threshold=0.9, window=7).partial_fit(X, 1 - y)
    np.testing.assert_allclose(defence.sample_weight_, np.minimum(1, p / 0.9))
    assert len(defence._judge._lost) == 7
    lost = 1 - defence.sample_weight_[-7:]
    assert abs(defence._judge._total - lost.sum()) < 1e-9
    defence.set_params(max_leverage=0.5, threshold=1e-9).partial_fit(X, y)
    norms = 1 + np.sum(X**2, axis=1)
    median = np.median(norms[-8:-1])
    np.testing.assert_allclose(
        defence.sample_weight_[-1], min(1, 0.5 * median / norms[-1])
    )
    assert (
        defence.set_params(action="drop", threshold=1e-9)
        .partial_fit(X, y)
        .inlier_mask_.all()
    )


def test_rows_far_out_are_learnt_with_small_weights_whatever_their_labels():
    defence = RejectionClassifier(LEARNER).partial_fit(X, y, classes=[0, 1])
    far = 50 * X[:20]
    labels = defence.predict(far)
    defence.partial_fit(far, labels)
    assert defence.inlier_mask_.all()
    assert defence.sample_weight_.max() < 0.05
    defence.partial_fit(far, labels, trusted=np.ones(20, dtype=bool))
    np.testing.assert_array_equal(defence.sample_weight_, 1.0)


def test_rows_without_a_length_need_no_limit():
    class Words(GaussianNB):
        def partial_fit(self, X, y, classes=None, sample_weight=None):
            rows = np.array([[len(word)] for word in X["word"]], dtype=float)
            return super().partial_fit(rows, y, classes, sample_weight)

        def predict_proba(self, X):
            return super().predict_proba([[len(word)] for word in X["word"]])

    frame = pd.DataFrame({"word": ["a", "ab", "abcdef", "abcdefg"] * 10})
    labels = np.array([0, 0, 1, 1] * 10)
    defence = RejectionClassifier(Words())
    with pytest.raises(ValueError, match="`max_leverage` must be None"):
        defence.partial_fit(frame, labels, classes=[0, 1])
    defence.set_params(max_leverage=None).partial_fit(frame, labels, classes=[0, 1])
    assert defence.sample_weight_.min() == 1.0
