import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline

from skpoison.attacks import GradientInsertion
from skpoison.attacks._problem import BilevelProblem
from skpoison.attacks.rows import _effort, _verdict
from skpoison.attacks.rows._effort import ROUGHLY, default_effort
from skpoison.attacks.rows._verdict import SharedVerdict
from skpoison.bilevel.differentiation.engine import TOL
from skpoison.optimizers import SuccessiveHalving
from skpoison.optimizers._successive_halving import FEWEST_STARTS

RNG = np.random.RandomState(0)
X = RNG.standard_normal((60, 5))
y = (X[:, 0] + RNG.standard_normal(60) > 0).astype(int)


@pytest.mark.parametrize("is_sparse", [False, True])
def test_share_falls_with_the_root_of_the_cost(is_sparse, monkeypatch):
    rows = np.where(np.abs(X) > 1, X, 0) if is_sparse else X
    stored = np.count_nonzero(rows)
    rows = sparse.csr_array(rows) if is_sparse else rows
    assert default_effort(rows, 10).share == 1
    monkeypatch.setattr(_effort, "WHOLE", (stored + 10 * 5) * 5 / 9)
    assert default_effort(rows, 10).share == pytest.approx(1 / 3)
    assert default_effort(rows, 20).share < 1 / 3


@pytest.mark.parametrize("wrap", [lambda network: network, make_pipeline])
def test_each_step_of_a_network_costs(wrap, monkeypatch):
    costs = []
    for n_steps, hidden in ((100, 10), (400, 10), (100, (10, 3)), (100, (40,))):
        network = wrap(MLPClassifier(hidden, max_iter=n_steps))
        costs.append(default_effort(np.ones((300, 57)), 45, network).share ** -2)
    assert costs == pytest.approx([costs[0] * factor for factor in (1, 4, 1, 4)])
    assert default_effort(X, 10, wrap(MLPRegressor(2, max_iter=5))).share == 1


def extent(monkeypatch, whole=np.inf, **settings):
    """Return how many starts a search has, how many race, and for how many steps."""
    monkeypatch.setattr(_effort, "WHOLE", whole)
    seen = []

    def search(self, *args):
        seen.append((self.n_starts, self.n_climbs, self._ascent().max_iter))
        return original(self, *args)

    original = SuccessiveHalving._search
    monkeypatch.setattr(SuccessiveHalving, "_search", search)
    attack = GradientInsertion(LogisticRegression(), 6, random_state=0, **settings)
    attack.fit_resample(X, y)
    monkeypatch.setattr(SuccessiveHalving, "_search", original)
    return seen[0]


def test_only_the_default_search_is_shortened(monkeypatch):
    whole = SuccessiveHalving()
    in_full = whole.n_starts, whole.n_climbs, 100
    costly = (60 + 6) * 5 * 5 / 16  # a quarter of the search
    assert extent(monkeypatch) == in_full
    few = extent(monkeypatch, costly)
    assert few == (whole.n_starts // 4, whole.n_climbs // 4, 25)
    assert extent(monkeypatch, costly, optimizer=whole) == in_full


def test_large_data_have_one_split(monkeypatch):
    """If the user does not ask for more."""
    n_problems = []
    original = GradientInsertion._objective

    def objective(self, known, folds, *args):
        n_problems.append(len(folds))
        return original(self, known, folds, *args)

    monkeypatch.setattr(GradientInsertion, "_objective", objective)
    extent(monkeypatch)
    extent(monkeypatch, 1.0)
    extent(monkeypatch, 1.0, validation=3)
    assert n_problems == [2, 1, 3]


def test_one_surrogate_judges_large_wide_data(monkeypatch):
    """On rows that are searched, and on those held out."""
    n_fits = []

    class Spy(SharedVerdict):
        def of_start(self, rows, initial):
            (problem,), (fold, aside) = self.searched.problems, self.folds
            n_fits.append(problem.X.shape[0])
            assert problem.raw_goal.X.shape[0] == len(fold.y) + len(aside.y)
            assert len(aside.y) == 18
            return super().of_start(rows, initial)

    monkeypatch.setattr(_verdict, "SharedVerdict", Spy)
    wide = np.random.RandomState(0).standard_normal((60, 80))
    attack = GradientInsertion(LogisticRegression(), 6, random_state=0)
    attack.fit_resample(wide, y)
    assert not n_fits
    monkeypatch.setattr(_effort, "WHOLE", 1.0)
    attack.fit_resample(wide, y)
    assert n_fits == [21] * FEWEST_STARTS


def test_large_data_are_learnt_roughly_while_rows_climb(monkeypatch):
    """Unless the user says how to search."""
    seen = []
    original = BilevelProblem.differentiate

    def differentiate(self, *args, **kwargs):
        seen.append(self.engine.tol)
        return original(self, *args, **kwargs)

    monkeypatch.setattr(BilevelProblem, "differentiate", differentiate)
    for settings, whole, tol in [
        ({}, np.inf, TOL),
        ({}, 1.0, ROUGHLY),
        ({"optimizer": SuccessiveHalving(n_starts=2)}, 1.0, TOL),
    ]:
        seen.clear()
        extent(monkeypatch, whole, **settings)
        assert {*seen} == {tol}


@pytest.mark.parametrize(("n_features", "least"), [(5, 0.5), (60, 0.75)])
def test_splits_by_shape(n_features, least, monkeypatch):
    rows = np.zeros((60, n_features))
    cost = (60 + 10) * n_features * n_features
    for share in (least + 0.01, least - 0.01):
        monkeypatch.setattr(_effort, "WHOLE", cost * share**2)
        assert default_effort(rows, 10).has_one_split == (share < least)
