from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.exceptions import ConvergenceWarning

from skpoison.bilevel.differentiation.hypergradients import (
    descend,
    implicit,
    reverse_pass,
    reversed_descent,
    unrolled,
)
from skpoison.bilevel.goals import MeanLoss, OnRows, SmoothedError
from skpoison.bilevel.learners.base import Rows
from skpoison.bilevel.learners.linear import LinearLearner
from skpoison.bilevel.losses import Logistic, Multinomial, Squared
from skpoison.bilevel.solvers.newton import minimise

N_POISON = 4
POISON = slice(-N_POISON, None)
RATE = 0.01


def make_goal(learner, rows, kind):
    """Make a goal on the first ten rows."""
    targets = rows.targets[:10]
    if kind == "loss":
        return MeanLoss(learner.loss, targets)
    if targets.shape[1] == 1:
        return SmoothedError((targets[:, 0] > 0.5).astype(int), 0.7)
    return SmoothedError(targets.argmax(axis=1), 0.7, -1)


def moved(rows, part, value):
    """Replace a part of the last rows."""
    fields = {"X": rows.X, "targets": rows.targets, "weights": rows.weights}
    fields[part] = np.concatenate([fields[part][:-N_POISON], value])
    return Rows(**fields)


PARTS = [("X", "features"), ("targets", "targets"), ("weights", "weights")]


def check_against_differences(rows, hypergradient, value_of, difference, h):
    """Compare every part of a hypergradient with differences in five directions."""
    rng = np.random.RandomState(5)
    for part, name in PARTS:
        at = getattr(rows, part)[POISON]
        actual, expected = [], []
        for _ in range(5):
            U = rng.normal(size=at.shape)
            expected.append(
                difference(lambda v: value_of(moved(rows, part, v)), at, U, h)  # noqa: B023
            )
            actual.append((getattr(hypergradient, name) * U).sum())
        actual, expected = np.array(actual), np.array(expected)
        cosine = actual @ expected / np.linalg.norm(actual) / np.linalg.norm(expected)
        assert cosine > 0.999999
        assert_allclose(actual, expected, rtol=0, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize("kind", ["error", "loss"])
@pytest.mark.parametrize("n_features", [5, 32])
def test_implicit(learner, kind, n_features, make_rows, difference):
    rows = make_rows(learner, n_features=n_features)
    goal, X_val = make_goal(learner, rows, kind), rows.X[:10].copy()

    optimum = minimise(learner, rows, tol=1e-14)

    def value_of(rows):
        found = minimise(learner, rows, optimum, tol=1e-14)
        return goal.value(learner.scores(X_val, found.W))

    _, b = OnRows(X_val, goal).at(learner, optimum.W)
    hypergradient = implicit(optimum, b, POISON)
    assert hypergradient.residual < 1e-9
    check_against_differences(rows, hypergradient, value_of, difference, 2e-4)


@pytest.mark.parametrize(
    ("kind", "checkpoint_every"), [("error", 1), ("loss", 7), ("error", 100)]
)
def test_unrolled(learner, kind, checkpoint_every, make_rows, difference):
    rows = make_rows(learner)
    goal, X_val = make_goal(learner, rows, kind), rows.X[:10].copy()
    start = 0.1 * np.random.RandomState(1).normal(size=learner.shape(rows))
    steps = {"rate": RATE, "n_steps": 30}

    def value_of(rows):
        return goal.value(
            learner.scores(X_val, descend(learner, rows, start, **steps)[0])
        )

    W, stored = descend(
        learner, rows, start, checkpoint_every=checkpoint_every, **steps
    )
    assert len(stored) == -(-30 // checkpoint_every)
    _, b = OnRows(X_val, goal).at(learner, W)
    hypergradient = unrolled(
        stored, b, POISON, checkpoint_every=checkpoint_every, **steps
    )
    # So short that no row crosses a kink of its loss at any step.
    check_against_differences(rows, hypergradient, value_of, difference, 1e-6)


@pytest.mark.parametrize("loss", [Logistic(), Multinomial(), Squared()], ids=str)
def test_unrolled_tends_to_implicit(loss, make_rows):
    learner = LinearLearner(loss, 5.0)
    rows = make_rows(learner)
    goal, X_val = make_goal(learner, rows, "loss"), rows.X[:10]
    optimum = minimise(learner, rows)
    _, b = OnRows(X_val, goal).at(learner, optimum.W)
    exact = implicit(optimum, b, POISON).features
    errors = []
    for n_steps in (20, 80, 320, 1280):
        W, stored = descend(
            learner, rows, np.zeros_like(optimum.W), rate=RATE, n_steps=n_steps
        )
        _, b = OnRows(X_val, goal).at(learner, W)
        features = unrolled(stored, b, POISON, rate=RATE, n_steps=n_steps).features
        errors.append(np.linalg.norm(features - exact) / np.linalg.norm(exact))
    for longer, shorter in zip(errors[1:], errors, strict=False):
        assert longer < max(shorter / 2, 1e-12)
    assert errors[-1] < 1e-5


@pytest.mark.parametrize("n_steps", [1, 5, 30])
def test_unrolled_from_the_optimum_is_the_neumann_series(n_steps, make_rows):
    learner = LinearLearner(Logistic(), 0.7)
    rows = make_rows(learner)
    optimum = minimise(learner, rows)
    W, stored = descend(learner, rows, optimum.W, rate=RATE, n_steps=n_steps)
    goal, X_val = make_goal(learner, rows, "error"), rows.X[:10]
    _, b = OnRows(X_val, goal).at(learner, W)
    V, term = np.zeros_like(b), b
    for _ in range(n_steps):
        V = V + RATE * term
        term = term - RATE * optimum.point.hessian_product(term)
    expected = -optimum.point.data_vjp(V, POISON)[0]
    actual = unrolled(stored, b, POISON, rate=RATE, n_steps=n_steps).features
    assert_allclose(actual, expected, rtol=1e-9)


def test_truncated_is_the_last_steps_alone(make_rows):
    learner = LinearLearner(Logistic(), 0.7)
    rows = make_rows(learner)
    start = np.zeros(learner.shape(rows))
    _, stored = descend(learner, rows, start, rate=RATE, n_steps=30)
    b = np.ones_like(start)
    truncated = unrolled(stored, b, rate=RATE, n_steps=30, truncate=12).features
    of_last = unrolled(stored[18:], b, rate=RATE, n_steps=12).features
    assert_allclose(truncated, of_last, rtol=1e-12)


def test_rows_together_are_rows_alone(learner, make_rows):
    rows = make_rows(learner)
    goal, X_val = make_goal(learner, rows, "loss"), rows.X[:10]
    optimum = minimise(learner, rows)
    _, b = OnRows(X_val, goal).at(learner, optimum.W)
    together = implicit(optimum, b)
    for i in (0, 17):
        alone = implicit(optimum, b, slice(i, i + 1))
        assert_allclose(alone.features[0], together.features[i], rtol=1e-9)


def test_influence_is_leaving_one_out_of_least_squares(make_rows):
    """Exact, with the leverage of the row: the goal is linear in the prediction."""
    learner = LinearLearner(Squared(), 0.3)
    rows = make_rows(learner)
    x = np.random.RandomState(3).normal(size=(1, 5))
    optimum = minimise(learner, rows)
    for i in (3, 11):
        for k in range(3):
            b = learner.score_vjp(x, optimum.W, np.eye(3)[[k]])
            influence = implicit(optimum, b, slice(i, i + 1)).weights[0]
            extended = np.append(rows.X[i], 1)
            H = np.column_stack([rows.X, np.ones(30)])
            H = (H.T * rows.weights) @ H + np.diag(learner.penalties(6)[:, 0])
            leverage = rows.weights[i] * extended @ np.linalg.solve(H, extended)
            others = np.arange(30) != i
            left = Rows(rows.X[others], rows.targets[others], rows.weights[others])
            change = (
                learner.scores(x, minimise(learner, left).W)
                - learner.scores(x, optimum.W)
            )[0, k]
            predicted = -rows.weights[i] * influence / (1 - leverage)
            assert_allclose(change, predicted, rtol=1e-8)


def both_ways(learner, rows, rate, n_steps):
    """Go back through the steps stored, and by stepping back."""
    start = 0.1 * np.random.RandomState(1).normal(size=learner.shape(rows))
    steps = {"rate": rate, "n_steps": n_steps}
    W, stored = descend(learner, rows, start, **steps)
    b = np.random.RandomState(2).normal(size=W.shape)
    backwards = reversed_descent(learner, rows, start, W, b, POISON, **steps)
    return backwards, unrolled(stored, b, POISON, **steps), (start, W)


@pytest.mark.parametrize(("rate", "tol"), [(1e-5, 2e-3), (1e-7, 2e-5)])
def test_back_gradient_is_unrolled_if_descent_is_mild(learner, rate, tol, make_rows):
    found, expected, _ = both_ways(learner, make_rows(learner), rate, 20)
    assert 0 < found.residual < tol
    for _, part in PARTS:
        ours, theirs = getattr(found, part), getattr(expected, part)
        assert ours.shape == theirs.shape
        assert np.linalg.norm(ours - theirs) < tol * np.linalg.norm(theirs)


@pytest.mark.parametrize("loss", [Logistic(), Squared()], ids=str)
def test_back_gradient_reports_how_far_it_misses_the_start(loss, make_rows):
    learner = LinearLearner(loss, 0.3)
    rows = make_rows(learner)
    misses = []
    for n_steps in (1, 2, 4):
        found, _, (start, W) = both_ways(learner, rows, 5e-4, n_steps)
        back = W
        for _ in range(n_steps):
            back = back + 5e-4 * learner.at(back, rows).gradient()
        expected = np.linalg.norm(back - start) / np.linalg.norm(W - start)
        assert_allclose(found.residual, expected, rtol=1e-12)
        misses.append(found.residual)
    assert 0 < misses[0] < misses[1] < misses[2] < 0.1


@pytest.mark.parametrize("n_steps", [300, 4000])
def test_back_gradient_warns_if_it_misses_the_start(n_steps, make_rows):
    """Errors grow exponentially, until they are too large to be numbers."""
    learner = LinearLearner(Squared(), 0.3)
    message = f"Run backwards for {n_steps} steps, .* by .* of its path: .*'unrolled'"
    with pytest.warns(ConvergenceWarning, match=message):
        found, *_ = both_ways(learner, make_rows(learner), 0.01, n_steps)
    assert not found.residual < 100


@pytest.mark.parametrize("truncate", [0, 1, 12, 30, 99])
@pytest.mark.parametrize("checkpoint_every", [1, 7, 100])
def test_truncated_with_few_steps_stored(truncate, checkpoint_every, make_rows):
    learner = LinearLearner(Logistic(), 0.7)
    rows = make_rows(learner)
    start, steps = np.zeros(learner.shape(rows)), {"rate": RATE, "n_steps": 30}
    b = np.ones_like(start)
    _, few = descend(learner, rows, start, checkpoint_every=checkpoint_every, **steps)
    found = unrolled(
        few, b, POISON, checkpoint_every=checkpoint_every, truncate=truncate, **steps
    )
    n_steps = min(truncate, 30)
    if n_steps == 0:
        assert not np.any(found.features)
        return
    before, _ = descend(learner, rows, start, rate=RATE, n_steps=30 - n_steps)
    steps["n_steps"] = n_steps
    _, stored = descend(learner, rows, before, **steps)
    expected = unrolled(stored, b, POISON, **steps)
    for _, part in PARTS:
        assert_allclose(getattr(found, part), getattr(expected, part), rtol=1e-10)


def test_implicit_with_a_stale_factorisation(learner, make_rows):
    """That of other rows: it costs iterations, not digits."""
    rows = make_rows(learner)
    rng = np.random.RandomState(3)
    moved_rows = rows.with_features(rows.X + 0.1 * rng.normal(size=rows.X.shape))
    optimum, other = minimise(learner, rows), minimise(learner, moved_rows)
    stale = replace(optimum, factorisation=other.factorisation)
    goal, X_val = make_goal(learner, rows, "loss"), rows.X[:10]
    _, b = OnRows(X_val, goal).at(learner, optimum.W)
    exact, found = implicit(optimum, b, POISON), implicit(stale, b, POISON)
    assert found.residual < 1e-9
    for _, part in PARTS:
        ours, theirs = getattr(found, part), getattr(exact, part)
        assert_allclose(ours, theirs, rtol=0, atol=1e-8 * np.abs(theirs).max())
    # With less asked for, it stops before.
    rough = implicit(stale, b, POISON, tol=1e-2)
    assert rough.residual <= 1e-2
    assert rough.residual > found.residual


@pytest.mark.parametrize("at_once", [1, 7, 10, 64])
def test_steps_summed_at_once(learner, at_once, make_rows):
    """They contribute the same as one by one, by the definition."""
    rows = make_rows(learner)
    rng = np.random.RandomState(1)
    start, V = rng.normal(size=(2, *learner.shape(rows)))
    _, stored = descend(learner, rows, start, rate=0.01, n_steps=20)
    expected, direction, columns = [0.0, 0.0, 0.0], V, 0.0
    for point in stored[::-1]:
        everywhere = point.data_vjp(direction)
        columns -= 0.01 * (everywhere[0] * rows.X).sum(axis=0)
        parts = [part[POISON] for part in everywhere]
        expected = [a - 0.01 * b for a, b in zip(expected, parts, strict=True)]
        direction = direction - 0.01 * point.hessian_product(direction)
    settings = {"indices": POISON, "rate": 0.01, "at_once": at_once}
    _, of_columns = reverse_pass(stored[::-1], V, columns=True, **settings)
    assert_allclose(of_columns.scale, columns, atol=1e-12 * np.abs(columns).max())
    found, of_columns = reverse_pass(stored[::-1], V, **settings)
    assert of_columns is None
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.shape == theirs.shape
        scale = np.abs(theirs).max()
        assert_allclose(ours, theirs, rtol=0, atol=1e-12 * scale)
