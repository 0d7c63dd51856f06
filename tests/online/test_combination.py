"""Combination of learners, weighted by how well they predict trusted rows."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone, is_classifier
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import log_loss
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import scale

from skpoison.online import AdaptiveCombinationClassifier, RejectionClassifier
from skpoison.online._mixing import fading_step, logit_step, softmax

rng = np.random.RandomState(0)
y = rng.randint(2, size=400)
X = scale(rng.normal(size=(400, 4)) + 1.5 * y[:, np.newaxis])
trusted = rng.uniform(size=400) < 0.2
FAST = SGDClassifier("log_loss", learning_rate="constant", eta0=0.5, shuffle=False)
SLOW = clone(FAST).set_params(eta0=0.02)
PAIR = [("fast", FAST), ("slow", SLOW)]


def test_each_call_is_a_step_on_the_newest_trusted_rows():
    defence = AdaptiveCombinationClassifier(
        PAIR, rule="remembered", learning_rate=2.0, n_trusted=15
    )
    plain = [clone(FAST), clone(SLOW)]
    logits, clean = np.zeros(2), np.empty(0, dtype=int)
    for first in range(0, 200, 5):
        rows = slice(first, first + 5)
        clean = np.r_[clean, first + np.flatnonzero(trusted[rows])][-15:]
        if first and clean.size:
            probabilities = [
                each.predict_proba(X[clean])[np.arange(clean.size), y[clean]]
                for each in plain
            ]
            logits = logit_step(logits, np.array(probabilities), 2.0)
        for each in plain:
            each.partial_fit(X[rows], y[rows], classes=[0, 1])
        defence.partial_fit(X[rows], y[rows], classes=[0, 1], trusted=trusted[rows])
    for each, expected in zip(defence.estimators_, plain, strict=True):
        np.testing.assert_array_equal(each.coef_, expected.coef_)
    np.testing.assert_allclose(defence.weights_, softmax(logits), rtol=1e-10)
    assert defence.weights_path_.shape == (40, 2)
    np.testing.assert_allclose(defence.weights_path_.sum(axis=1), 1, rtol=1e-12)
    mixed = sum(
        weight * each.predict_proba(X)
        for weight, each in zip(defence.weights_, plain, strict=True)
    )
    np.testing.assert_allclose(defence.predict_proba(X), mixed, rtol=1e-12)


def test_each_new_trusted_row_counts_once_before_it_is_learnt():
    defence = AdaptiveCombinationClassifier(PAIR, learning_rate=0.3, fading=0.8)
    plain, logits = [clone(FAST), clone(SLOW)], np.zeros(2)
    for first in range(0, 200, 5):
        rows = slice(first, first + 5)
        clean = first + np.flatnonzero(trusted[rows])
        if first and clean.size:
            probabilities = [
                each.predict_proba(X[clean])[np.arange(clean.size), y[clean]]
                for each in plain
            ]
            logits = fading_step(logits, np.array(probabilities), 0.3, 0.8)
        for each in plain:
            each.partial_fit(X[rows], y[rows], classes=[0, 1])
        defence.partial_fit(X[rows], y[rows], classes=[0, 1], trusted=trusted[rows])
    np.testing.assert_allclose(defence.weights_, softmax(logits), rtol=1e-10)
    # Calls without a trusted row change nothing.
    defence.partial_fit(X[:9], y[:9])
    np.testing.assert_allclose(defence.weights_, softmax(logits), rtol=1e-10)


def test_rows_given_beside_the_stream_renew_the_trusted_ones():
    """The same as trusted rows of the stream, but the learners do not learn them."""
    new = {"X_trusted": X[300:], "y_trusted": y[300:]}
    defence = AdaptiveCombinationClassifier(PAIR, rule="remembered", n_trusted=50)
    stale = clone(defence)
    for each in (defence, stale):
        each.partial_fit(X[:100], y[:100], classes=[0, 1], **new)
        np.testing.assert_array_equal(each.weights_, [0.5, 0.5])
        np.testing.assert_array_equal(each._memory.X, X[350:])
    wrong = {"X_trusted": X[:50], "y_trusted": 1 - y[:50]}
    defence.partial_fit(X[100:200], y[100:200], **wrong)
    stale.partial_fit(X[100:200], y[100:200])
    np.testing.assert_array_equal(
        defence.estimators_[0].coef_, stale.estimators_[0].coef_
    )
    assert not np.allclose(defence.weights_, stale.weights_)


@pytest.mark.parametrize("rule", ["prequential", "remembered"])
def test_poison_lowers_the_weight_of_the_fast_learner(rule):
    defence = AdaptiveCombinationClassifier(PAIR, rule=rule)
    clean = {"X_trusted": X[300:], "y_trusted": y[300:]}
    defence.partial_fit(X[:200], y[:200], classes=[0, 1], **clean)
    for i in range(40):
        clean = {}
        if rule == "prequential":
            clean = {"X_trusted": X[[300 + i]], "y_trusted": y[[300 + i]]}
        defence.partial_fit(4 * X[i : i + 1], 1 - y[i : i + 1], **clean)
    assert defence.weights_[1] > 0.9
    members = [log_loss(y, each.predict_proba(X)) for each in defence.estimators_]
    assert log_loss(y, defence.predict_proba(X)) < np.mean(members)


@pytest.mark.parametrize("rule", ["prequential", "remembered"])
@pytest.mark.parametrize("container", ["frame", "sparse"])
def test_containers_nests_and_other_learners(container, rule):
    members = [
        ("bayes", GaussianNB()),
        ("rejecting", RejectionClassifier(FAST)),
        ("inner", AdaptiveCombinationClassifier(PAIR, rule=rule)),
    ]
    rows = pd.DataFrame(X, columns=list("abcd"))
    if container == "sparse":
        rows, members = sparse.csr_matrix(np.where(np.abs(X) < 0.3, 0, X)), members[1:]
    labels = np.array(["no", "yes"])[y]
    defence = AdaptiveCombinationClassifier(members, rule=rule)
    for part in (slice(0, 200), slice(200, 400)):
        defence.partial_fit(
            rows[part], labels[part], classes=["no", "yes"], trusted=trusted[part]
        )
    assert defence.score(rows, labels) > 0.85
    # What the outer one trusts, the inner one trusts too.
    inner = defence.estimators_[-1]
    assert inner.weights_[0] != 0.5
    if rule == "remembered":
        np.testing.assert_array_equal(inner._memory.y, defence._memory.y)
    if container == "frame":
        assert list(defence.feature_names_in_) == list("abcd")


def test_fit_weighs_learners_by_trusted_rows():
    wrong = np.where(trusted, y, rng.permutation(y))
    members = [("good", GaussianNB()), ("bad", GaussianNB(priors=[0.999, 0.001]))]
    defence = AdaptiveCombinationClassifier(members).fit(X, wrong, trusted=trusted)
    assert defence.weights_[0] > 0.9
    assert defence.weights_path_.shape == (100, 2)
    with pytest.raises(ValueError, match="trusted must mark rows"):
        clone(defence).fit(X, y)


def test_fit_asks_the_newest_trusted_rows_by_either_rule():
    wrong = np.where(np.arange(400) < 380, 1 - y, y)  # the newest 20 are right
    members = [
        ("right", RejectionClassifier(FAST)),
        ("wrong", RejectionClassifier(SLOW)),
    ]
    found = []
    for rule in ("prequential", "remembered"):
        for n_trusted in (20, 400):
            defence = AdaptiveCombinationClassifier(
                members, rule=rule, n_trusted=n_trusted
            )
            defence.fit(X, wrong, trusted=np.ones(400, dtype=bool))
            found.append(defence.weights_)
    np.testing.assert_array_equal(found[:2], found[2:])
    assert not np.allclose(found[0], found[1])


@pytest.mark.parametrize("ignored", ["learning_rate", "fading"])
def test_fit_ignores_no_parameter(ignored):
    defence = AdaptiveCombinationClassifier(PAIR, **{ignored: 0.1})
    with pytest.raises(ValueError, match=f"{ignored} must be .* in `fit`"):
        defence.fit(X, y, trusted=trusted)
    defence.partial_fit(X, y, classes=[0, 1], trusted=trusted)


@pytest.mark.parametrize("rule", ["prequential", "remembered"])
def test_learners_of_words(rule):
    class Words(GaussianNB):
        def partial_fit(self, X, y, classes=None, sample_weight=None):
            return super().partial_fit(self._lengths(X), y, classes, sample_weight)

        def predict_proba(self, X):
            return super().predict_proba(self._lengths(X))

        def _lengths(self, X):
            return [[len(word)] for word in X["word"]]

    frame = pd.DataFrame({"word": np.where(y == 1, "long", "no")})
    frame.loc[::9, "word"] = "big"
    members = [("good", Words()), ("bad", Words(priors=[0.999, 0.001]))]
    defence = AdaptiveCombinationClassifier(members, rule=rule)
    for first in (0, 100, 200):
        part = slice(first, first + 100)
        defence.partial_fit(frame[part], y[part], classes=[0, 1], trusted=trusted[part])
    assert defence.weights_.sum() == pytest.approx(1)
    assert np.isfinite(defence.predict_proba(frame)).all()
    assert len(defence._memory) == (0 if rule == "prequential" else trusted[:300].sum())


def test_parameters_of_the_learners():
    defence = AdaptiveCombinationClassifier(PAIR)
    assert defence.get_params()["fast__eta0"] == 0.5
    defence = clone(defence).set_params(fast__eta0=0.7, slow=FAST)
    assert defence.estimators[0][1].eta0 == 0.7
    assert defence.estimators[1][1] is FAST
    assert PAIR[0][1].eta0 == 0.5


def test_trusted_rows_come_with_their_labels():
    defence = AdaptiveCombinationClassifier(PAIR)
    with pytest.raises(ValueError, match="got `X_trusted` without `y_trusted`"):
        defence.partial_fit(X, y, classes=[0, 1], X_trusted=X)
    with pytest.raises(ValueError, match="got `y_trusted` without `X_trusted`"):
        clone(defence).partial_fit(X, y, classes=[0, 1], y_trusted=y)


def test_no_learners():
    empty = AdaptiveCombinationClassifier([])
    assert is_classifier(empty)
    assert repr(empty) == "AdaptiveCombinationClassifier(estimators=[])"
    with pytest.raises(ValueError, match="at least one; got"):
        empty.fit(X, y)


def test_number_of_trusted_rows_is_read_in_each_call():
    defence = AdaptiveCombinationClassifier(
        [("one", FAST)], rule="remembered", n_trusted=50
    )
    defence.partial_fit(X[:60], y[:60], classes=[0, 1], trusted=np.ones(60, bool))
    defence.set_params(n_trusted=7).partial_fit(X[60:61], y[60:61])
    np.testing.assert_array_equal(defence._memory.X, X[53:60])


@pytest.mark.parametrize(
    ("rule", "ignored"), [("prequential", "n_trusted"), ("remembered", "fading")]
)
def test_parameters_of_the_other_rule(rule, ignored):
    defence = AdaptiveCombinationClassifier(PAIR, rule=rule, **{ignored: 1})
    with pytest.raises(ValueError, match=f"{ignored} must be .* with rule='{rule}'"):
        defence.partial_fit(X, y, classes=[0, 1])


def test_the_path_of_the_weights_has_an_end(monkeypatch):
    monkeypatch.setattr("skpoison.online._combination.PATH", 30)
    defence = AdaptiveCombinationClassifier([("one", FAST)])
    for _ in range(40):
        defence.partial_fit(X[:2], y[:2], classes=[0, 1])
    assert defence.weights_path_.shape == (30, 1)
