import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.exceptions import ConvergenceWarning

from skpoison.bilevel.learners.linear import LinearLearner
from skpoison.bilevel.losses import Logistic, Multinomial, Squared
from skpoison.bilevel.solvers.linear_systems import choose_method, factorise, solve


def explicit_solution(learner, W, rows, B):
    """Solve with the whole matrix, of smallest norm where it is singular."""
    basis = np.eye(W.size).reshape(W.size, *W.shape)
    H = np.array([learner.at(W, rows).hessian_product(U).ravel() for U in basis])
    return np.linalg.lstsq(H, B.ravel(), rcond=1e-12)[0].reshape(W.shape)


def solution(*args):
    found = solve(*args)
    return found.V, found.residual


def problem(learner, rows):
    rng = np.random.RandomState(1)
    W = rng.normal(size=learner.shape(rows))
    # A right-hand side in the range of the Hessian, as every goal's gradient is.
    B = learner.score_vjp(rows.X, W, rng.normal(size=rows.targets.shape))
    if isinstance(learner.loss, Multinomial):
        B -= B.mean(axis=1, keepdims=True)
    return W, B


@pytest.mark.parametrize("method", ["cholesky", "woodbury", "cg"])
@pytest.mark.parametrize("n_features", [5, 50])
@pytest.mark.parametrize("is_sparse", [False, True], ids=["dense", "sparse"])
def test_solve(learner, method, n_features, is_sparse, make_rows):
    if method == "woodbury" and learner.loss.couples_outputs:
        method = "cg"  # whose preconditioner is then a factorisation of Woodbury's
    rows = make_rows(learner, n_features=n_features, is_sparse=is_sparse)
    W, B = problem(learner, rows)
    factorisation = factorise(learner.at(W, rows), method)
    assert factorisation.method == method
    V, residual = solution(learner.at(W, rows), B, factorisation)
    assert residual < 1e-9
    expected = explicit_solution(learner, W, rows, B)
    assert_allclose(V, expected, rtol=1e-7, atol=1e-8 * np.abs(expected).max())


def test_factorisation_alone_is_exact(learner, make_rows):
    """Conjugate gradients have nothing left to do after a factorisation."""
    rows = make_rows(learner)
    W, B = problem(learner, rows)
    V = factorise(learner.at(W, rows), "cholesky").apply(B)
    residual = np.linalg.norm(learner.at(W, rows).hessian_product(V) - B)
    assert residual < 1e-11 * np.linalg.norm(B)


def test_factorisation_nearby_is_made_exact(learner, make_rows):
    rows = make_rows(learner)
    W, B = problem(learner, rows)
    stale = factorise(learner.at(W + 0.05, rows), "cholesky")
    V, residual = solution(learner.at(W, rows), B, stale)
    assert residual < 1e-9
    expected = explicit_solution(learner, W, rows, B)
    assert_allclose(V, expected, rtol=1e-7, atol=1e-8 * np.abs(expected).max())


def test_nothing_to_solve(make_rows):
    learner = LinearLearner(Squared(), 1.0)
    rows = make_rows(learner)
    W, B = problem(learner, rows)
    point = learner.at(W, rows)
    V, residual = solution(point, 0 * B, factorise(point))
    assert residual == 0
    assert not V.any()


@pytest.mark.parametrize(
    ("loss", "penalty", "n_samples", "n_features", "method"),
    [
        (Logistic(), 1.0, 100, 10, "cholesky"),
        (Logistic(), 1.0, 10, 100, "woodbury"),
        (Logistic(), 0.0, 10, 100, "cholesky"),
        (Logistic(), 1.0, 5000, 4500, "cg"),
        (Multinomial(), 1.0, 10, 20, "cholesky"),
        (Multinomial(), 1.0, 10, 800, "cg"),
    ],
)
def test_choice_of_method(loss, penalty, n_samples, n_features, method, make_rows):
    learner = LinearLearner(loss, penalty)
    rows = make_rows(learner, n_samples, n_features)
    assert choose_method(learner, rows) == method


def test_singular_hessian(make_rows):
    learner = LinearLearner(Squared(), 0.0)
    rows = make_rows(learner, n_samples=4, n_features=9)
    with pytest.raises(ValueError, match="Hessian of the surrogate is singular"):
        factorise(learner.at(np.zeros(learner.shape(rows)), rows), "cholesky")


def test_rows_beside_which_a_penalty_is_rounding(make_rows):
    learner = LinearLearner(Squared(), 1.0)
    rows = make_rows(learner, n_samples=4, n_features=9)
    rows = rows.with_features(rows.X * 1e12)
    with pytest.raises(ValueError, match=r"rows are too large\..*scale the features"):
        factorise(learner.at(np.zeros(learner.shape(rows)), rows), "cholesky")


def test_unsolved_system_warns(make_rows):
    learner = LinearLearner(Squared(), 1e-9)
    rows = make_rows(learner, 200, 100)
    rows = rows.with_features(rows.X * np.logspace(0, 5, 100))
    W, B = problem(learner, rows)
    rough = factorise(learner.at(W, rows), "cg")
    with pytest.warns(ConvergenceWarning, match="not solved after 3 conjugate"):
        solve(learner.at(W, rows), B, rough, max_iter=3)


def test_patience_is_what_a_factorisation_costs(make_rows):
    logistic, multinomial = (
        LinearLearner(loss, 1.0) for loss in (Logistic(), Multinomial())
    )

    def refactor_after(learner, n_samples, n_features, method):
        rows = make_rows(learner, n_samples, n_features)
        point = learner.at(np.zeros(learner.shape(rows)), rows)
        return factorise(point, method).refactor_after

    small, large = (refactor_after(logistic, 300, p, "cholesky") for p in (10, 100))
    assert 1 < small < large
    small, large = (refactor_after(logistic, n, 300, "woodbury") for n in (10, 100))
    assert 1 < small < large
    assert refactor_after(logistic, 300, 10, "cg") == 1
    assert refactor_after(multinomial, 300, 100, "cg") > 2


def test_without_a_factorisation_patience_has_no_end(make_rows, make_bare):
    learner = LinearLearner(Logistic(), 1.0)
    rows = make_rows(learner)
    bare = make_bare(learner)
    factorisation = factorise(bare.at(np.zeros(learner.shape(rows)), rows))
    assert factorisation.method == "cg"
    assert factorisation.refactor_after == np.inf
