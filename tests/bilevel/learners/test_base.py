import numpy as np
import pytest
from numpy.testing import assert_allclose

from skpoison.bilevel.differentiation.hypergradients import descend, implicit, unrolled
from skpoison.bilevel.learners.base import Rows
from skpoison.bilevel.solvers.newton import minimise


def weights(learner, rows, seed=1):
    return np.random.RandomState(seed).normal(size=learner.shape(rows))


def test_data_gradient_by_differences(learner, make_rows, make_bare, difference):
    """What a learner of one's own gives, checked before anything builds on it."""
    rows = make_rows(learner)
    W, bare = weights(learner, rows), make_bare(learner)
    slopes = bare.at(W, rows).data_gradient(slice(3, None))
    for part, slope in zip(("X", "targets", "weights"), slopes, strict=True):
        at = getattr(rows, part)
        D = np.random.RandomState(3).normal(size=at.shape)
        D[:3] = 0

        def objective(value, part=part):
            fields = {"X": rows.X, "targets": rows.targets, "weights": rows.weights}
            return bare.at(W, Rows(**{**fields, part: value})).objective()

        expected = difference(objective, at, D, 1e-5)
        assert_allclose((slope * D[3:]).sum(), expected, rtol=1e-7)


def assert_near(actual, expected, tol):
    assert_allclose(actual, expected, rtol=0, atol=tol * np.abs(expected).max())


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
def test_second_derivatives_by_differences(learner, size, make_rows, make_bare):
    rows, bare = make_rows(learner), make_bare(learner)
    W, V = weights(learner, rows), size * weights(learner, rows, 2)
    found, exact = bare.at(W, rows), learner.at(W, rows)
    assert_near(found.hessian_product(V), exact.hessian_product(V), 1e-7)
    for indices in (slice(None), slice(-4, None)):
        parts = found.data_vjp(V, indices), exact.data_vjp(V, indices)
        for ours, theirs in zip(*parts, strict=True):
            assert ours.shape == theirs.shape
            assert_near(ours, theirs, 1e-7)


def test_no_direction_has_no_derivative(learner, make_rows, make_bare):
    rows = make_rows(learner)
    W = weights(learner, rows)
    point = make_bare(learner).at(W, rows)
    assert not point.hessian_product(0 * W).any()
    for part, at in zip(
        point.data_vjp(0 * W, slice(-4, None)),
        (rows.X, rows.targets, rows.weights),
        strict=True,
    ):
        assert part.shape == at[-4:].shape
        assert not part.any()


def test_learner_given_by_first_derivatives(learner, make_rows, make_bare):
    """First derivatives do: the optimum and both gradients are the exact learner's."""
    rows, bare = make_rows(learner), make_bare(learner)
    exact, found = minimise(learner, rows), minimise(bare, rows)
    assert found.factorisation.method == "cg"
    assert found.gradient_norm < 1e-9
    assert_near(found.W, exact.W, 1e-6)
    b = weights(learner, rows, 2)
    b = learner.project_out_softmax_nullspace(
        b - b.mean(axis=1, keepdims=True) * (b.shape[1] > 1)
    )
    indices = slice(-4, None)
    gradients = [implicit(optimum, b, indices) for optimum in (found, exact)]
    steps = {"rate": 0.01, "n_steps": 20}
    for each in (bare, learner):
        _, stored = descend(each, rows, each.start(rows), **steps)
        gradients.append(unrolled(stored, b, indices, **steps))
    for ours, theirs in (gradients[:2], gradients[2:]):
        assert_near(ours.features, theirs.features, 1e-6)
        assert_near(ours.targets, theirs.targets, 1e-6)
        assert_near(ours.weights, theirs.weights, 1e-6)


def test_other_targets_keep_what_is_computed_from_the_features(learner, make_rows):
    rows = make_rows(learner)
    gram = rows.gram
    other = rows.with_targets(rows.targets[::-1])
    assert other.gram is gram
    assert other.weights is rows.weights
    np.testing.assert_array_equal(other.targets, rows.targets[::-1])
    heavier = other.with_targets(rows.targets, 2 * rows.weights)
    np.testing.assert_array_equal(heavier.weights, 2 * rows.weights)
