"""Judgement of rows by what their steps do to trusted rows."""

from copy import deepcopy

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.linear_model import SGDClassifier
from sklearn.preprocessing import scale

from skpoison.feasible_sets import Box
from skpoison.online import TrustedStepClassifier, _trusted_judge
from skpoison.online._attacker import exact_row, first_order_gain
from skpoison.online._defended_victims import as_stream_learner
from skpoison.online._row_memory import RowMemory
from skpoison.online._trusted_judge import Tolerance, loss_changes, own_rises

rng = np.random.RandomState(0)
y = rng.randint(3, size=80)
X = scale(rng.normal(size=(80, 4)) + 1.5 * (y[:, np.newaxis] == np.arange(4)))


@pytest.mark.parametrize("make", [np.array, sparse.csr_matrix, pd.DataFrame])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    "params",
    [
        {"learning_rate": "constant", "eta0": 0.3, "alpha": 0.1},
        {"loss": "modified_huber", "fit_intercept": False},
        {"class_weight": {0: 3.0, 1: 0.5}},
    ],
    ids=str,
)
def test_changes_are_those_of_a_step_on_a_copy(params, n_classes, make, monkeypatch):
    labels = np.minimum(y, n_classes - 1)
    learner = SGDClassifier(**{"loss": "log_loss", "shuffle": False} | params)
    rows = make(X)
    part = (
        (lambda a, b: rows.iloc[a:b])
        if hasattr(rows, "iloc")
        else (lambda a, b: rows[a:b])
    )
    learner.partial_fit(part(0, 40), labels[:40], classes=np.arange(n_classes))
    memory = RowMemory(20)
    memory.add(part(40, 60), labels[40:60])
    given = part(60, 80), labels[60:], memory
    before = deepcopy(learner)
    changes = loss_changes(learner, *given)
    np.testing.assert_array_equal(learner.coef_, before.coef_)
    assert learner.t_ == before.t_
    monkeypatch.setattr(_trusted_judge, "_as_state", lambda *given: None)
    expected = loss_changes(learner, *given)
    assert changes.shape == (20, 20)
    assert np.abs(expected).max() > 1e-3
    np.testing.assert_allclose(changes, expected, rtol=1e-7, atol=1e-12)


def test_own_rises_leave_a_row_out():
    changes = rng.normal(size=(3, 7))
    expected = [np.delete(changes[i], 4 + i).mean() for i in range(3)]
    np.testing.assert_allclose(own_rises(changes), expected, rtol=1e-12)
    assert own_rises(np.ones((1, 1))).shape == (0,)


def test_tolerance():
    tolerance = Tolerance(0.5, 3)
    assert tolerance.weights(np.array([9.0]), is_hard=True) == [1.0]
    tolerance.add([-3.0, -2.0, -1.0])
    assert tolerance.value == 0.0
    twin = tolerance.copy()
    tolerance.add([1.0, 2.0])
    assert tolerance.value == 1.0
    assert twin.value == 0.0
    rises = np.array([-1.0, 1.0, 4.0])
    np.testing.assert_array_equal(tolerance.weights(rises, is_hard=True), [1, 1, 0])
    np.testing.assert_array_equal(tolerance.weights(rises, is_hard=False), [1, 1, 0.25])


def test_the_attacker_finds_rows_that_pass():
    """Held off the loss of trusted rows a step gains where a plain one is refused."""
    labels = np.minimum(y, 1)
    learner = SGDClassifier("log_loss", learning_rate="constant", eta0=0.3)
    defence = TrustedStepClassifier(learner, 0.5, action="drop")
    defence.partial_fit(
        X, labels, classes=[0, 1], X_trusted=X[:40], y_trusted=labels[:40]
    )
    state = as_stream_learner(defence, 4, np.arange(2))
    box = Box(-3, 3).fit(X)
    v, gains = np.random.RandomState(1).normal(size=(5, 1)), []
    for code in (0, 1):
        row = exact_row(state, v, code, box)
        gain = first_order_gain(state, v, row, code)
        undefended = deepcopy(state)
        undefended.judge = None
        plain = exact_row(undefended, v, code, box)
        assert gain >= max(0.0, first_order_gain(state, v, plain, code))
        gains.append(gain)
    assert max(gains) > 0
