import numpy as np
import pytest
from numpy.testing import assert_allclose

from skpoison.bilevel.learners.base import Rows


def weights(learner, rows, seed=1):
    return np.random.RandomState(seed).normal(size=learner.shape(rows))


def assert_near(actual, expected, tol):
    assert_allclose(actual, expected, rtol=0, atol=tol * np.abs(expected).max())


def test_gradient(learner, make_rows, difference):
    rows = make_rows(learner)
    W, U = weights(learner, rows), weights(learner, rows, 2)
    expected = difference(lambda W: learner.at(W, rows).objective(), W, U)
    assert_allclose((learner.at(W, rows).gradient() * U).sum(), expected, rtol=1e-7)


def test_hessian_product(learner, make_rows, difference):
    rows = make_rows(learner)
    W, U = weights(learner, rows), weights(learner, rows, 2)
    expected = difference(lambda W: learner.at(W, rows).gradient(), W, U, h=1e-5)
    assert_allclose(
        learner.at(W, rows).hessian_product(U), expected, rtol=1e-6, atol=1e-7
    )


def test_hessian_is_symmetric(learner, make_rows):
    rows = make_rows(learner)
    W, U, V = (weights(learner, rows, seed) for seed in (1, 2, 3))
    left = (learner.at(W, rows).hessian_product(U) * V).sum()
    right = (learner.at(W, rows).hessian_product(V) * U).sum()
    assert_allclose(left, right, rtol=1e-12)


def moved_gradient(learner, W, V, rows, **parts):
    """Compute the product of V with the gradient, some parts of the rows replaced."""
    fields = {"X": rows.X, "targets": rows.targets, "weights": rows.weights, **parts}
    return (learner.at(W, Rows(**fields)).gradient() * V).sum()


@pytest.mark.parametrize(("part", "place"), [("X", 0), ("targets", 1), ("weights", 2)])
def test_how_the_gradient_moves_with_rows(learner, part, place, make_rows, difference):
    rows = make_rows(learner)
    W, V = weights(learner, rows), weights(learner, rows, 2)
    at = getattr(rows, part)
    D = np.random.RandomState(3).normal(size=at.shape)
    expected = difference(
        lambda value: moved_gradient(learner, W, V, rows, **{part: value}), at, D, 1e-5
    )
    actual = (learner.at(W, rows).data_vjp(V)[place] * D).sum()
    assert_allclose(actual, expected, rtol=1e-7)


def test_last_rows_alone_give_the_same_as_among_all(learner, make_rows):
    rows = make_rows(learner)
    W, V = weights(learner, rows), weights(learner, rows, 2)
    whole = learner.at(W, rows).data_vjp(V)
    for alone, among in zip(
        learner.at(W, rows).data_vjp(V, slice(-4, None)), whole, strict=True
    ):
        assert_allclose(alone, among[-4:])


def test_score_vjp_is_the_adjoint_of_scores(learner, make_rows):
    rows = make_rows(learner)
    W = weights(learner, rows)
    R = np.random.RandomState(4).normal(size=rows.targets.shape)
    left = (learner.scores(rows.X, W) * R).sum()
    assert_allclose((W * learner.score_vjp(rows.X, W, R)).sum(), left, rtol=1e-12)


def test_sparse_rows(learner, make_rows):
    sparse_rows = make_rows(learner, is_sparse=True)
    rows = sparse_rows.with_features(sparse_rows.X.toarray())
    W, V = weights(learner, rows), weights(learner, rows, 2)
    for of_sparse, of_dense in (
        (learner.at(W, sparse_rows).objective(), learner.at(W, rows).objective()),
        (learner.at(W, sparse_rows).gradient(), learner.at(W, rows).gradient()),
        (
            learner.at(W, sparse_rows).hessian_product(V),
            learner.at(W, rows).hessian_product(V),
        ),
        (
            learner.at(W, sparse_rows).data_vjp(V)[0],
            learner.at(W, rows).data_vjp(V)[0],
        ),
    ):
        assert_allclose(of_sparse, of_dense, rtol=1e-12, atol=1e-12)
