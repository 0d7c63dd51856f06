"""The gradient in columns, of every engine, against differences of its own value."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse

from skpoison.bilevel.differentiation.engines import (
    BackGradient,
    ClosedFormDifferentiation,
    ImplicitDifferentiation,
    L1ImplicitDifferentiation,
    SVMImplicitDifferentiation,
    UnrolledDifferentiation,
)
from skpoison.bilevel.differentiation.hypergradients import descend
from skpoison.bilevel.goals import (
    MeanLoss,
    OnCoefficients,
    OnFeatures,
    OnObjective,
    OnRows,
    SmoothedError,
)
from skpoison.bilevel.learners.base import Rows
from skpoison.bilevel.learners.columns import column_gradient_of_rows
from skpoison.bilevel.learners.l1 import L1Learner
from skpoison.bilevel.learners.linear import LinearLearner
from skpoison.bilevel.learners.network import NetworkLearner
from skpoison.bilevel.learners.svm import SVMLearner
from skpoison.bilevel.losses import Logistic, Multinomial, Squared

POISON = slice(-4, None)
LINEAR = {
    "logistic": LinearLearner(Logistic(), 0.7),
    "no intercept": LinearLearner(Logistic(), 0.7, intercept=0.0),
    "penalised intercept": LinearLearner(Squared(), 0.7, 2.0, 0.7),
    "multinomial": LinearLearner(Multinomial(), 0.5),
    "multinomial, no intercept": LinearLearner(Multinomial(), 0.5, intercept=0.0),
}
NETWORKS = {
    "network": NetworkLearner((3,), "tanh", Logistic(), 0.1, np.random.RandomState(0)),
    "two layers": NetworkLearner(
        (4, 3), "logistic", Multinomial(), 0.1, np.random.RandomState(0)
    ),
}
STEPS = {"rate": 0.005, "n_steps": 25}
ENGINES = {
    f"implicit {name}": (ImplicitDifferentiation, learner, {})
    for name, learner in LINEAR.items()
}
for name, learner in (LINEAR | NETWORKS).items():
    ENGINES[f"unrolled {name}"] = (UnrolledDifferentiation, learner, STEPS)
for intercept in (0.0, 1.0):
    learner = LinearLearner(Squared(), 0.3, intercept)
    ENGINES[f"closed form {intercept}"] = (ClosedFormDifferentiation, learner, STEPS)
    for loss in (Squared(), Multinomial(), Logistic()):
        learner = L1Learner(loss, 0.1, intercept, l1_penalty=1.5)
        ENGINES[f"l1 {loss} {intercept}"] = (L1ImplicitDifferentiation, learner, {})
engines = pytest.mark.parametrize(
    ("kind", "learner", "settings"), ENGINES.values(), ids=ENGINES.keys()
)


def problem_of(make_rows, learner, **shape):
    as_linear = SimpleNamespace(loss=learner.loss)
    rows = make_rows(as_linear, **shape)
    # Far from 0, so that shifts and scales are different things.
    X = rows.X if sparse.issparse(rows.X) else rows.X * [1, 2, 0.5, 1, 3][:1] + 0.3
    new = make_rows(as_linear, n_samples=12, seed=1, **shape)
    return rows.with_features(X), new


def assert_columns(kind, learner, settings, rows, goal, tol=1e-6, places=None):
    """Compare the gradient in columns with differences of the value."""

    def run(shift=0.0, scale=1.0, **columns):
        engine = kind(learner, **settings)
        engine.tol = 1e-13

        def moved(X):
            if sparse.issparse(X):
                assert not np.any(shift)
                return X.multiply(np.broadcast_to(scale, X.shape[1])).tocsr()
            return X * scale + shift

        affine = SimpleNamespace(transform_new=lambda X: (moved(X), None))
        mapped = rows.with_features(moved(rows.X))
        return engine(mapped, goal.scaled(affine), POISON, **columns)

    value, hypergradient = run(columns=True)
    same, without = run()
    assert value == same
    assert without.columns is None
    for part in ("features", "targets", "weights"):
        theirs = getattr(without, part)
        size = np.abs(theirs).max()
        assert_allclose(getattr(hypergradient, part), theirs, atol=1e-9 * size)

    h, found, expected = 1e-4, [], []
    for unit, j in ((np.eye(rows.X.shape[1])[j], j) for j in range(rows.X.shape[1])):
        moves = {"scale": ({"scale": 1 + t * h * unit} for t in (1, -1, 2, -2))}
        if not sparse.issparse(rows.X):
            moves["shift"] = ({"shift": t * h * unit} for t in (1, -1, 2, -2))
        for name, four in moves.items():
            a, b, c, d = (run(**one)[0] for one in four)
            expected.append((8 * (a - b) - (c - d)) / (12 * h))
            found.append(getattr(hypergradient.columns, name)[j])
    error = np.linalg.norm(np.subtract(found, expected)) / np.linalg.norm(expected)
    assert error < tol


@engines
def test_loss_on_validation_rows(kind, learner, settings, make_rows):
    rows, new = problem_of(make_rows, learner)
    goal = OnRows(new.X, MeanLoss(learner.loss, new.targets))
    assert_columns(kind, learner, settings, rows, goal)


@pytest.mark.parametrize("learner", (LINEAR | NETWORKS).values())
def test_back_gradient(learner, make_rows):
    """Its gradient is not exact, so that it is compared with that in all rows."""
    rows, new = problem_of(make_rows, learner)
    goal = OnRows(new.X, MeanLoss(learner.loss, new.targets))
    steps = STEPS | {"rate": 0.0005}
    engine = BackGradient(learner, **steps)
    _, found = engine(rows, goal, slice(None), columns=True)
    W, _ = descend(learner, rows, learner.start(rows), **steps)
    direct = goal.at_with_columns(learner, W)[2]
    expected = column_gradient_of_rows(rows.X, found.features) + direct
    for part in ("shift", "scale"):
        theirs = getattr(expected, part)
        atol = 1e-12 * np.abs(expected.scale).max()
        assert_allclose(getattr(found.columns, part), theirs, rtol=1e-9, atol=atol)


@pytest.mark.parametrize("learner", LINEAR.values(), ids=LINEAR.keys())
def test_smoothed_error(learner, make_rows):
    rows, new = problem_of(make_rows, learner)
    codes = new.targets.argmax(axis=1)
    goal = OnRows(new.X, SmoothedError(codes, sign=-1))
    assert_columns(ImplicitDifferentiation, learner, {}, rows, goal)


@engines
def test_objective(kind, learner, settings, make_rows):
    rows, new = problem_of(make_rows, learner)
    assert_columns(kind, learner, settings, rows, OnObjective(new, -1))


def test_coefficients(make_rows):
    learner = LINEAR["multinomial"]
    rows, _ = problem_of(make_rows, learner)
    goal = OnCoefficients(np.ones((5, 3)))
    assert_columns(ImplicitDifferentiation, learner, {}, rows, goal)


def test_features_selected(make_rows):
    learner = L1Learner(Squared(), 0.1, 1.0, l1_penalty=9.0)
    rows, _ = problem_of(make_rows, learner)
    goal = OnFeatures(np.array([0, 1]), np.array([3]))
    selection = L1ImplicitDifferentiation(learner)
    selection(rows, goal, POISON)
    # Its constants are those of where the attack begins.
    selection = selection.selection

    class Begun(L1ImplicitDifferentiation):
        def __init__(self, learner):
            super().__init__(learner)
            self.selection = selection

    assert_columns(Begun, learner, {}, rows, goal)


@pytest.mark.parametrize("is_sparse", [False, True])
@pytest.mark.parametrize(
    ("kind", "learner", "settings"),
    [
        (ClosedFormDifferentiation, LinearLearner(Squared(), 0.3), STEPS),
        (ImplicitDifferentiation, LinearLearner(Logistic(), 0.3), {}),
        (UnrolledDifferentiation, NETWORKS["network"], STEPS),
    ],
)
def test_more_columns_than_rows(kind, learner, settings, is_sparse, make_rows):
    shape = {"n_features": 17, "is_sparse": is_sparse}
    rows, new = problem_of(make_rows, learner, **shape)
    rows = Rows(rows.X[:8], rows.targets[:8], rows.weights[:8])
    goal = OnRows(new.X, MeanLoss(learner.loss, new.targets))
    assert_columns(kind, learner, settings, rows, goal)


@pytest.mark.parametrize("kernel", ["linear", "rbf", "poly"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_support_vector_machine(kernel, n_classes, make_rows):
    learner = SVMLearner(kernel, C=1.0, gamma=0.2, coef0=1.0)
    rng = np.random.RandomState(0)
    X, new = rng.normal(size=(30, 3)) + 0.3, rng.normal(size=(10, 3))
    codes = np.arange(30) % n_classes
    X[:, 0] += codes
    targets = 2.0 * codes[:, np.newaxis] - 1
    if n_classes == 3:
        targets = 2 * np.eye(3)[codes] - 1
    X[28], targets[28] = X[29 - n_classes], targets[29 - n_classes]  # clones
    goal = OnRows(new, SmoothedError(np.arange(10) % n_classes))
    rows = Rows(X, targets, rng.uniform(0.5, 2, 30))
    assert_columns(SVMImplicitDifferentiation, learner, {}, rows, goal, 1e-5)


def test_learner_of_unknown_kind(make_rows, make_bare):
    full = LINEAR["multinomial"]
    rows, new = problem_of(make_rows, full)
    bare = make_bare(full)
    for goal in (OnRows(new.X, MeanLoss(full.loss, new.targets)), OnObjective(new)):
        found, expected = (
            ImplicitDifferentiation(learner)(rows, goal, POISON, columns=True)[1]
            for learner in (bare, full)
        )
        for part in ("shift", "scale"):
            ours, theirs = (getattr(g.columns, part) for g in (found, expected))
            atol = 1e-6 * np.abs(expected.columns.scale).max()
            assert_allclose(ours, theirs, atol=atol)


@pytest.mark.parametrize("learner", (LINEAR | NETWORKS).values())
def test_clipped_values_are_counted_apart(learner, make_rows):
    rows, new = problem_of(make_rows, learner)
    W = np.random.RandomState(0).normal(size=learner.shape(rows))
    clipped = new.X < -0.5, new.X > 0.7
    for goal in (
        OnRows(new.X, MeanLoss(learner.loss, new.targets)),
        OnObjective(new, -1),
    ):
        value, b, plain = goal.at_with_columns(learner, W)
        same, same_b, found = replace(goal, clipped=clipped).at_with_columns(learner, W)
        assert value == same
        assert_allclose(b, same_b)
        assert_allclose(found.scale, plain.scale)
        assert_allclose(found.shift, plain.shift)
        inside = replace(goal, clipped=(~clipped[0], ~clipped[1]))
        rest = inside.at_with_columns(learner, W)[2]
        assert_allclose(found.below + rest.below, plain.shift)
        assert_allclose(found.above + rest.above, plain.shift)
        assert plain.below == 0
        assert np.abs(found.below).min() > 0
