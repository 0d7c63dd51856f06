"""Progress of attacks with a surrogate, as the callbacks of scikit-learn see it."""

import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from skpoison import attacks
from skpoison.optimizers import ProjectedAscent

pytest.importorskip("sklearn.callback")

X, y = load_iris(return_X_y=True)
SETTINGS = {
    "GradientInsertion": {"optimizer": ProjectedAscent(max_iter=3)},
    "GradientModification": {"optimizer": ProjectedAscent(max_iter=3)},
    "GreedyDeletion": {"n_exchanges": 2},
    "GreedyLabelFlip": {"n_candidates": 2},
    "RelaxedLabelFlip": {"max_iter": 3},
}
NAMES = [
    name
    for name in attacks.__all__
    if "surrogate" in getattr(attacks, name)().get_params(deep=False)
]


class Record:
    """Records what it is told, and stops the work after some steps."""

    def __init__(self, stop_after=None):
        self.stop_after = stop_after
        self.most_steps, self.n_steps, self.open = None, 0, []

    def setup(self, estimator, context):
        self.open.append("setup")

    def teardown(self, estimator, context):
        assert self.open == ["setup"], "every task that begins ends"
        self.open.clear()

    def on_fit_task_begin(self, estimator, context):
        self.open.append(context.task_name)
        if context.parent is None:
            self.most_steps = context.max_subtasks

    def on_fit_task_end(self, estimator, context):
        assert self.open.pop() == context.task_name
        self.n_steps += context.parent is not None
        return self.n_steps == self.stop_after


def make(name, budget=5):
    return getattr(attacks, name)(
        LogisticRegression(max_iter=1000),
        budget,
        random_state=0,
        **SETTINGS.get(name, {}),
    )


@pytest.mark.parametrize("name", NAMES)
def test_steps_are_reported_and_change_nothing(name):
    attack = make(name)
    expected = clone(attack).fit_resample(X, y)
    attack.set_callbacks(record := Record())
    found = attack.fit_resample(X, y)
    assert 1 <= record.n_steps <= record.most_steps
    assert not record.open
    for one, other in zip(found, expected, strict=True):
        assert_array_equal(one, other)


@pytest.mark.parametrize("name", sorted({*NAMES} - {"MarginLabelFlip"}))
def test_callbacks_stop_an_attack(name):
    """What has been found so far is the poison."""
    attack = make(name).set_callbacks(record := Record(stop_after=1))
    _, y_out = attack.fit_resample(X, y)
    assert 1 <= record.n_steps <= 2
    assert len(y_out) >= 145


@pytest.mark.parametrize("name", NAMES)
def test_no_budget_no_steps(name):
    attack = make(name, budget=0).set_callbacks(record := Record())
    attack.fit_resample(X, y)
    assert record.n_steps == 0
    assert not record.open
