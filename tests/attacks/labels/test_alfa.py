import numpy as np
import pytest
from scipy.optimize import linprog
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skpoison.attacks import ALFA, RandomLabelFlip
from skpoison.attacks.labels._alfa import cheapest_flips

X, y = load_breast_cancer(return_X_y=True)
X = StandardScaler().fit_transform(X)[:200]
y = y[:200]


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("seed", range(5))
def test_the_sort_solves_the_linear_programme(n_classes, seed):
    rng = np.random.RandomState(seed)
    n, n_flips = 30, 8
    costs = rng.normal(size=(n, n_classes))
    codes = rng.randint(n_classes, size=n)
    own = np.eye(n_classes, dtype=bool)[codes]
    allowed = ~own & (rng.rand(n, n_classes) < 0.7)
    solved = linprog(
        costs.ravel(),
        A_eq=np.vstack([np.repeat(np.eye(n), n_classes, axis=1), ~own.ravel()]),
        b_eq=np.append(np.ones(n), n_flips),
        bounds=[(0, float(free)) for free in (own | allowed).ravel()],
    )
    rows, new = cheapest_flips(costs, codes, allowed, n_flips)
    chosen = codes.copy()
    chosen[rows] = new
    np.testing.assert_allclose(
        solved.x.reshape(n, n_classes), np.eye(n_classes)[chosen], atol=1e-9
    )


def gap(surrogate, labels, clean):
    """Compute by how much more the clean classifier loses on the tainted labels."""
    signs, losses = 2 * labels - 1, []
    for target in (clean, labels):
        margin = signs * clone(surrogate).fit(X, target).decision_function(X)
        losses.append(np.maximum(0, 1 - margin).mean())
    return losses[0] - losses[1]


@pytest.mark.parametrize(
    "surrogate", [SVC(kernel="linear"), SVC(), LogisticRegression()], ids=str
)
def test_stronger_than_random_flips_by_its_own_measure(surrogate):
    attack = ALFA(surrogate, 0.2, random_state=0)
    _, labels = attack.fit_resample(X, y)
    ours = gap(surrogate, labels, y)
    np.testing.assert_allclose(ours, attack.goal_path_.max(), rtol=1e-9)
    assert attack.goal_path_.shape == (attack.n_iter_ + 1,)
    for seed in range(5):
        random = RandomLabelFlip(0.2, random_state=seed).fit_resample(X, y)[1]
        assert ours > gap(surrogate, random, y)


def test_it_ends_where_the_flips_do_not_change():
    attack = ALFA(SVC(kernel="linear"), 0.1, random_state=0).fit(X, y)
    attack.fit_resample(X, y)
    assert attack.n_iter_ < attack.max_iter
    attack.set_params(max_iter=0).fit_resample(X, y)
    assert attack.n_iter_ == 0


def test_three_classes():
    X, y = load_iris(return_X_y=True)
    victim = LogisticRegression(max_iter=1000)
    _, labels = ALFA(victim, 0.2, random_state=0).fit_resample(X, y)
    _, random = RandomLabelFlip(0.2, random_state=0).fit_resample(X, y)
    ours, theirs = (clone(victim).fit(X, out).score(X, y) for out in (labels, random))
    assert ours < theirs


@pytest.mark.parametrize("surrogate", [SVC(), LogisticRegression()], ids=str)
def test_the_last_row_of_a_class_can_be_flipped(surrogate):
    attack = ALFA(surrogate, int((y == 0).sum()), class_map={0: 1}, random_state=0)
    assert (attack.fit_resample(X, y)[1] == 1).all()
    assert np.isfinite(attack.goal_path_).all()
