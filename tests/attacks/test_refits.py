from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.base import clone
from sklearn.linear_model import (
    LogisticRegression,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
    SGDRegressor,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skpoison.attacks._refits import Refits, make_refits
from skpoison.attacks._validation_data import Fold
from skpoison.goals import ErrorGeneric, ErrorSpecific, TargetCoefficients
from skpoison.surrogates import as_training_problem

RNG = np.random.RandomState(0)
X = RNG.standard_normal((40, 3))
CODES = (X[:, 0] + 0.5 * RNG.standard_normal(40) > 0).astype(int)
X_POISON, Y_POISON = 3 * RNG.standard_normal((6, 3)), RNG.randint(2, size=6)
CLASSES = np.array(["ham", "spam"])
HALVES = np.split(np.arange(40), 2)
FOLDS = [
    Fold(train, X[test], CODES[test], test) for train, test in (HALVES, HALVES[::-1])
]


def knowledge(surrogate, goal=None, codes=CODES, classes=CLASSES, features=X):
    return SimpleNamespace(
        X=features,
        codes=codes,
        classes=classes,
        n_samples=40,
        surrogate=surrogate,
        goal=ErrorGeneric() if goal is None else goal,
    )


@pytest.mark.parametrize("is_sparse", [False, True])
def test_rows(is_sparse):
    """Every row of a half is learnt twice."""
    surrogate = RidgeClassifier(alpha=2.0)
    known = knowledge(surrogate, features=sparse.csr_array(X) if is_sparse else X)
    poison = sparse.csr_array(X_POISON) if is_sparse else X_POISON
    found = Refits(known, FOLDS, [0, 1]).of_rows(poison, Y_POISON)
    expected = []
    for train, test in (HALVES, HALVES[::-1]):
        rows = np.concatenate([X[train], X[train], X_POISON])
        codes = np.concatenate([CODES[train], CODES[train], Y_POISON])
        fitted = clone(surrogate).fit(rows, codes)
        expected.append(fitted.predict(X[test]) != CODES[test])
    assert_allclose(found, np.concatenate(expected))


def test_rows_replaced_are_not_learnt():
    replaced = np.array([1, 2, 30])
    surrogate = RidgeClassifier()
    poison, codes = X_POISON[:3], Y_POISON[:3]
    found = Refits(knowledge(surrogate), FOLDS, [0]).of_rows(poison, codes, replaced)
    expected = []
    for train, test in (HALVES, HALVES[::-1]):
        clean = np.setdiff1d(train, replaced)
        rows = np.resize(np.random.RandomState(0).permutation(clean), 37)
        fitted = clone(surrogate).fit(
            np.concatenate([X[rows], poison]), np.append(CODES[rows], codes)
        )
        expected.append(fitted.predict(X[test]) != CODES[test])
    assert_allclose(found, np.concatenate(expected))


def test_mean_over_seeds():
    known = knowledge(SGDClassifier())
    each = [Refits(known, FOLDS, [k]).of_rows(X_POISON, Y_POISON) for k in (3, 4)]
    found = Refits(known, FOLDS, [3, 4]).of_rows(X_POISON, Y_POISON)
    assert_allclose(found, np.mean(each, axis=0))
    assert (each[0] != each[1]).any()


def test_error_specific_counts_errors_that_are_wanted():
    """All rows are wanted as ham: the fewer are, the less is reached."""
    known = knowledge(RidgeClassifier(), ErrorSpecific({"spam": "ham"}))
    refits = Refits(known, FOLDS, [0])
    spam = X[CODES == 1][:6]
    values = [refits.of_rows(spam, np.full(6, label)).mean() for label in (0, 1)]
    assert values[1] < values[0] < 0


def test_responses():
    y = X @ [1.0, 2.0, 3.0]
    folds = [Fold(train, X[test], y[test], test) for train, test in (HALVES,)]
    known = knowledge(Ridge(), codes=y, classes=None)
    found = Refits(known, folds, [0]).of_rows(X_POISON, 5.0 * Y_POISON)
    train, test = HALVES
    fitted = Ridge().fit(
        np.concatenate([X[train], X[train], X_POISON]),
        np.concatenate([y[train], y[train], 5.0 * Y_POISON]),
    )
    assert_allclose(found, (fitted.predict(X[test]) - y[test]) ** 2 / 2)


@pytest.mark.filterwarnings("ignore:Maximum number of iteration")
def test_fits_that_overflow_count_least():
    y = 1e200 * X[:, 0]
    folds = [Fold(HALVES[0], X[HALVES[1]], y[HALVES[1]], HALVES[1])]
    known = knowledge(SGDRegressor(eta0=1e100), codes=y, classes=None)
    assert (Refits(known, folds, [0]).of_rows(X_POISON, y[:6]) == -np.inf).all()


def test_seeds_are_those_of_the_attack():
    """The surrogate's own seed does not matter."""
    values = [
        Refits(
            knowledge(make_pipeline(StandardScaler(), SGDClassifier(random_state=own))),
            FOLDS,
            [seed],
        ).of_rows(X_POISON, Y_POISON)
        for own, seed in ((0, 5), (1, 5))
    ]
    assert_allclose(*values)


EVERYTHING = [Fold(np.arange(40), X, CODES, np.arange(40))]


@pytest.mark.parametrize("replaced", [(), (3, 20, 21, 22, 30, 39)])
def test_a_seeded_surrogate_learns_what_the_victim_will(replaced):
    """The training set that it is given, in its order."""
    surrogate = make_pipeline(StandardScaler(), SGDClassifier(random_state=3))
    known, replaced = knowledge(surrogate), np.array(replaced, dtype=int)
    problem = as_training_problem(surrogate[-1], 2)
    refits = make_refits(known, EVERYTHING, problem, np.random.RandomState(0))
    found = refits.of_rows(X_POISON, Y_POISON, replaced)
    rows, codes = X.copy(), CODES.copy()
    if replaced.size:
        rows[replaced], codes[replaced] = X_POISON, Y_POISON
    else:
        rows = np.concatenate([X, X_POISON])
        codes = np.concatenate([CODES, Y_POISON])
    fitted = clone(surrogate).fit(rows, CLASSES[codes])
    assert_allclose(found, fitted.predict(X) != CLASSES[CODES])


def test_seeds_are_drawn_if_there_is_chance():
    rng = np.random.RandomState(0)

    def seeds(estimator, folds, **params):
        known = knowledge(estimator)
        known.n_samples = params.get("n_samples", 40)
        problem = as_training_problem(estimator, 2)
        return make_refits(known, folds, problem, rng).seeds

    seeded, free = SGDClassifier(random_state=1), SGDClassifier()
    assert seeds(seeded, EVERYTHING) == [None]
    for found in (
        seeds(free, EVERYTHING),
        seeds(seeded, FOLDS),
        # The attacker does not know all rows.
        seeds(seeded, EVERYTHING, n_samples=50),
    ):
        assert len(set(found)) == 2
        assert None not in found


@pytest.mark.parametrize("estimator", [SGDClassifier(), SGDClassifier("log_loss")])
def test_stochastic_surrogates_are_refitted(estimator):
    problem, rng = as_training_problem(estimator, 2), np.random.RandomState(3)
    before = rng.get_state()[1].copy()
    refits = make_refits(knowledge(estimator), FOLDS, problem, rng)
    assert len(set(refits.seeds)) == 2
    assert (rng.get_state()[1] == before).all()


def test_others_are_not():
    rng = np.random.RandomState(0)
    exact, sgd = LogisticRegression(), SGDClassifier()
    of_exact, of_sgd = (as_training_problem(each, 2) for each in (exact, sgd))
    assert make_refits(knowledge(exact), FOLDS, of_exact, rng) is None
    for goal in (ErrorGeneric("surrogate"), TargetCoefficients([1.0, 0, 0])):
        assert make_refits(knowledge(sgd, goal), FOLDS, of_sgd, rng) is None
    assert as_training_problem(SGDRegressor()).is_stochastic
