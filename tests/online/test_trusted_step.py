"""Learning from rows as far as their steps do no harm to trusted rows."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import log_loss
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import scale

from skpoison.online import OnlineInsertion, TrustedStepClassifier

rng = np.random.RandomState(0)
y = rng.randint(2, size=300)
X = scale(rng.normal(size=(300, 4)) + 1.5 * y[:, np.newaxis])
trusted = rng.uniform(size=300) < 0.2
flipped = np.where((np.arange(300) % 5 == 0) & ~trusted, 1 - y, y)
LEARNER = SGDClassifier("log_loss", learning_rate="constant", eta0=0.2, shuffle=False)


@pytest.mark.parametrize(
    ("action", "largest"), [("weigh", None), ("weigh", 1.0), ("drop", None)]
)
def test_weights_are_those_of_the_rises(action, largest):
    """Each row on a copy of the learner, scored by scikit-learn."""
    defence = TrustedStepClassifier(
        LEARNER, 0.6, action=action, n_trusted=12, max_leverage=largest, window=30
    )
    norms = 1 + np.sum(X**2, axis=1)
    plain, clean, rises = clone(LEARNER), np.empty(0, dtype=int), []

    def rise(i, rows):
        twin = clone(LEARNER).partial_fit(X[:1], flipped[:1], classes=[0, 1])
        twin.coef_, twin.intercept_ = plain.coef_.copy(), plain.intercept_.copy()
        twin.t_ = plain.t_
        before = log_loss(y[rows], plain.predict_proba(X[rows]), labels=[0, 1])
        twin.partial_fit(X[i : i + 1], flipped[i : i + 1])
        return log_loss(y[rows], twin.predict_proba(X[rows]), labels=[0, 1]) - before

    for i in range(120):
        weight = 1.0
        if trusted[i]:
            clean = np.r_[clean, i][-12:]
            if i and clean.size > 1:
                rises = [*rises, rise(i, clean[:-1])][-12:]
        else:
            if largest and i:
                median = np.median(norms[max(0, i - 30) : i])
                weight = min(1.0, largest * median / norms[i])
            if rises:
                tolerance, own = max(0, np.quantile(rises, 0.6)), rise(i, clean)
                if own > tolerance:
                    passed = tolerance / own if action == "weigh" else 0.0
                    weight = min(weight, passed)
        row = X[i : i + 1], flipped[i : i + 1]
        if weight:
            plain.partial_fit(*row, classes=[0, 1], sample_weight=[weight])
        defence.partial_fit(*row, classes=[0, 1], trusted=trusted[i : i + 1])
        np.testing.assert_allclose(defence.sample_weight_, weight, rtol=1e-6)
    np.testing.assert_allclose(defence.coef_, plain.coef_, rtol=1e-8)
    assert defence.tolerance_ == pytest.approx(max(0, np.quantile(rises, 0.6)))


def test_several_rows_a_call_are_judged_by_the_model_before_it():
    defence = TrustedStepClassifier(LEARNER, 0.6, n_trusted=30, max_leverage=None)
    given = {"X_trusted": X[200:], "y_trusted": y[200:]}
    defence.partial_fit(X[:100], y[:100], classes=[0, 1], **given)
    assert len(defence._memory) == 30
    alone = []
    for i in range(100, 110):
        one = clone(defence).partial_fit(X[:100], y[:100], classes=[0, 1], **given)
        one.partial_fit(X[i : i + 1], 1 - y[i : i + 1])
        alone.append(one.sample_weight_[0])
    defence.partial_fit(X[100:110], 1 - y[100:110], sample_weight=np.full(10, 2.0))
    np.testing.assert_allclose(defence.sample_weight_, 2 * np.array(alone), rtol=1e-12)
    assert min(alone) < 0.5
    defence.partial_fit(X[:20], 1 - y[:20], trusted=np.arange(20) < 5)
    assert defence.inlier_mask_[:5].all()


def test_poison_is_not_learnt_and_does_little_if_it_knows_the_defence():
    defence = TrustedStepClassifier(LEARNER, n_trusted=40)
    errors = {}
    for name, surrogate in (("naive", LEARNER), ("adaptive", defence)):
        attack = OnlineInsertion(surrogate, 0.1, random_state=0)
        X_out, y_out = attack.fit_resample(X, y, trusted=trusted)
        is_clean = np.isin(attack.source_indices_, np.flatnonzero(trusted))
        for victim_name, victim in (("plain", LEARNER), ("defended", defence)):
            fitted = clone(victim)
            for i in range(len(y_out)):
                given = {"trusted": is_clean[i : i + 1]} if victim is defence else {}
                fitted.partial_fit(
                    X_out[i : i + 1], y_out[i : i + 1], classes=[0, 1], **given
                )
            errors[name, victim_name] = 1 - fitted.score(X, y)
    assert errors["naive", "plain"] > 0.3
    assert errors["naive", "defended"] < 0.15
    assert errors["adaptive", "defended"] < 0.2


@pytest.mark.parametrize(
    "estimator",
    [GaussianNB(), MLPClassifier((3,), learning_rate_init=0.1, random_state=0)],
    ids=str,
)
def test_other_learners(estimator):
    action = "drop" if isinstance(estimator, MLPClassifier) else "weigh"
    defence = TrustedStepClassifier(estimator, action=action, n_trusted=20)
    frame, rejected = pd.DataFrame(X, columns=list("abcd")), 0
    for first in range(0, 100, 20):
        rows = slice(first, first + 20)
        defence.partial_fit(
            frame[rows], flipped[rows], classes=[0, 1], trusted=trusted[rows]
        )
        rejected += np.sum(~defence.inlier_mask_)
    assert defence.score(frame, y) > 0.8
    assert rejected > 0


def test_sparse_rows_and_three_classes():
    labels = np.digitize(X[:, 0], [-0.5, 0.5])
    weights = []
    for rows in (X, sparse.csr_matrix(X)):
        learner = clone(LEARNER).set_params(fit_intercept=False)
        defence = TrustedStepClassifier(learner, 0.5, n_trusted=30)
        defence.partial_fit(rows[:100], labels[:100], classes=[0, 1, 2])
        defence.partial_fit(rows[100:200], labels[100:200], trusted=trusted[100:200])
        defence.partial_fit(rows[200:], labels[200:])
        weights.append(defence.sample_weight_)
    np.testing.assert_allclose(*weights, rtol=1e-9)
    assert 0.2 < np.mean(weights[0] < 1) < 0.8


def test_fit_needs_trusted_rows():
    defence = TrustedStepClassifier(LEARNER)
    with pytest.raises(ValueError, match=r"trusted must mark rows.*RejectionClassif"):
        defence.fit(X, y)
    assert defence.fit(X, flipped, trusted=trusted).score(X, y) > 0.85


def test_a_learner_without_probabilities_for_some_rows():
    # GaussianNB gives NaN if its first rows are one, or all alike.
    rows = np.array([[0.0], [0.5], [1.0], [3.0], [0.0], [1.0]])
    labels = np.array([0, 0, 0, 1, 0, 1])
    trusted = np.array([True, True, True, True, False, False])
    defence = TrustedStepClassifier(GaussianNB())
    with np.errstate(all="ignore"):
        defence.partial_fit(rows[:1], labels[:1], [0, 1], trusted=trusted[:1])
        assert np.isnan(defence.predict_proba(rows)).any()
        for part in (slice(1, 3), slice(3, 6)):
            defence.partial_fit(rows[part], labels[part], trusted=trusted[part])
    assert np.isfinite(defence._tolerance._rises).all()
    assert np.isfinite(defence.sample_weight_).all()


def test_parameters_are_read_in_each_call():
    trusted = np.arange(len(y)) < 60
    defence = TrustedStepClassifier(LEARNER).partial_fit(X, y, [0, 1], trusted=trusted)
    assert len(defence._memory) == 60
    for quantile, n_trusted in ((0.5, 60), (0.5, 20), (1.0, 20)):
        defence.set_params(quantile=quantile, n_trusted=n_trusted)
        defence.partial_fit(X[:1], y[:1])
        assert len(defence._memory) == len(defence._tolerance._rises) == n_trusted
        rises = defence._tolerance._rises
        assert defence.tolerance_ == max(0, np.quantile(rises, quantile))


def test_trusted_rows_are_checked_before_any_row_is_learnt():
    defence = TrustedStepClassifier(LEARNER).partial_fit(
        X, y, [0, 1], X_trusted=X[:9], y_trusted=y[:9]
    )
    before = defence.predict_proba(X)
    for rows, labels in ((X[:, :1], y), (X, y + 1), (X, None)):
        with pytest.raises(ValueError, match=r"features|labels among|together"):
            defence.partial_fit(
                X[:5], y[:5], trusted=[True] * 5, X_trusted=rows, y_trusted=labels
            )
    assert len(defence._memory) == 9
    np.testing.assert_array_equal(defence.predict_proba(X), before)
