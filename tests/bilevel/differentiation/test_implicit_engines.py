from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from skpoison.bilevel.differentiation.hypergradients import implicit
from skpoison.bilevel.differentiation.implicit_engines import (
    ImplicitDifferentiation,
    SVMImplicitDifferentiation,
)
from skpoison.bilevel.goals import MeanLoss, OnRows, SmoothedError
from skpoison.bilevel.learners.base import Rows
from skpoison.bilevel.learners.grams import GramMemory
from skpoison.bilevel.learners.linear import LinearLearner
from skpoison.bilevel.learners.stacked import StackedRows
from skpoison.bilevel.learners.svm import SVMLearner
from skpoison.bilevel.losses import Logistic
from skpoison.bilevel.solvers import row_systems
from skpoison.bilevel.solvers.newton import minimise

POISON = slice(-4, None)
EVERY = slice(None)
LOGISTIC = LinearLearner(Logistic(), 0.3)


def make(learner, make_rows):
    """Make rows and a goal on ten others."""
    rows = make_rows(learner if hasattr(learner, "intercept") else LOGISTIC)
    own = rows.X[:10].copy(), rows.targets[:10]
    return rows, OnRows(own[0], MeanLoss(learner.loss, own[1]))


def assert_same(found, expected):
    assert_allclose(found[0], expected[0], rtol=1e-9)
    for part in ("features", "targets", "weights"):
        assert_allclose(
            getattr(found[1], part), getattr(expected[1], part), rtol=1e-6, atol=1e-12
        )


def test_implicit(make_rows):
    rows, goal = make(LOGISTIC, make_rows)
    engine = ImplicitDifferentiation(LOGISTIC)
    assert engine.diagnostics() == {"hypergradient": "implicit"}
    optimum = minimise(LOGISTIC, rows)
    value, b = goal.at(LOGISTIC, optimum.W)
    expected = value, implicit(optimum, b, POISON)
    # Nearby rows first: then it is a warm start that leads there.
    engine(rows.with_features(rows.X + 0.1), goal, POISON)
    engine.tol = 1e-12
    assert_same(engine(rows, goal, POISON), expected)
    known = engine.diagnostics()
    assert known["linear_solver"] == "cholesky"
    assert 0 <= known["gradient_norm"] < 1e-10
    assert 0 <= known["residual"] < 1e-10


def test_restart_forgets_dense_rows_behind_sparse_ones(monkeypatch):
    """The result does not depend on what was trained on before."""
    monkeypatch.setattr(row_systems, "FEWEST_SPARSE", 10)
    rng = np.random.RandomState(0)
    top = sparse.csr_array(rng.normal(size=(20, 40)) * (rng.rand(20, 40) < 0.2))
    targets = (rng.rand(26, 1) > 0.5).astype(float)
    goal = OnRows(rng.normal(size=(5, 40)), MeanLoss(Logistic(), targets[:5]))
    first, second = (
        Rows(StackedRows(top, rng.normal(size=(6, 40))), targets, np.ones(26))
        for _ in range(2)
    )
    engine, other = (ImplicitDifferentiation(LOGISTIC) for _ in range(2))
    engine.tol = other.tol = 1e-3
    expected = other(replace(second, memory=GramMemory()), goal, POISON)
    engine(first, goal, POISON)
    assert engine(replace(second, memory=GramMemory()), goal, POISON)[0] != expected[0]
    engine.restart()
    value, hypergradient = engine(replace(second, memory=GramMemory()), goal, POISON)
    assert value == expected[0]
    assert_array_equal(hypergradient.features, expected[1].features)
    dense = replace(second, X=second.X.tocsr().toarray())
    engine(dense, goal, POISON)
    engine.restart()
    assert engine.optimum.point.rows is dense


def make_machine(is_sparse=False):
    """Make a machine with a row that is not a support vector, and validation rows."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(40, 3))
    signs = np.where(X[:, 0] + 0.5 * rng.normal(size=40) > 0, 1.0, -1.0)
    X[-1], signs[-1] = [30.0, 0, 0], 1.0
    rows = Rows(
        sparse.csr_array(X) if is_sparse else X, signs[:, np.newaxis], np.ones(40)
    )
    codes = (X[:15, 0] > 0).astype(int)
    return rows, OnRows(rows.X[:15], SmoothedError(codes, 2.0))


@pytest.mark.parametrize("kernel", ["linear", "rbf"])
def test_svm(kernel):
    rows, goal = make_machine()
    engine = SVMImplicitDifferentiation(SVMLearner(kernel, 1.0))
    assert engine.diagnostics() == {"hypergradient": "implicit"}
    value, found = engine(rows, goal, EVERY)
    U = np.zeros_like(rows.X)
    U[EVERY] = np.random.RandomState(1).normal(size=(40, 3))
    h = 1e-6
    after, before = (
        engine(rows.with_features(rows.X + sign * h * U), goal, EVERY)[0]
        for sign in (1, -1)
    )
    slope = (found.features * U[EVERY]).sum()
    assert abs(slope) > 1e-4
    assert_allclose(slope, (after - before) / (2 * h), rtol=1e-6)
    dense = make_machine(is_sparse=True)
    assert_same(
        SVMImplicitDifferentiation(SVMLearner(kernel, 1.0))(*dense, EVERY),
        (value, found),
    )


def test_rows_that_are_no_support_vectors_go_to_the_margin():
    rows, goal = make_machine()
    engine = SVMImplicitDifferentiation(SVMLearner("linear", 1.0))
    _, found = engine(rows, goal, POISON)
    assert not found.features[-1].any()
    directions = engine.directions(found, POISON)
    assert engine.diagnostics()["n_stalled"] == (~found.features.any(axis=1)).sum() > 0
    # Its own score falls that way, and what can be differentiated is left alone.
    before, after = (
        engine.optimum.scores(rows.X[-1:] + step * directions[-1:])
        for step in (0, 1e-3)
    )
    assert after < before
    moves = found.features.any(axis=1)
    assert_allclose(directions[moves], found.features[moves], rtol=0)
