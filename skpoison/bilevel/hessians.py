r"""How is a system with the Hessian of a learner solved?

The Hessian is :math:`H = \tilde X^\top D \tilde X + \Lambda`, where D holds the row
weights and the curvatures of the loss. Three ways lead to :math:`H^{-1} B`:

* **Cholesky** of the :math:`p \times p` matrix, for few columns;
* **Woodbury**, for fewer rows than columns. With features that are all penalised by
  :math:`\lambda > 0`, and :math:`G = D^{1/2} X`,

  .. math::

      (X^\top D X + \lambda I)^{-1} = \frac1\lambda
      \left( I - G^\top (\lambda I + G G^\top)^{-1} G \right),

  an :math:`n \times n` matrix; the intercept follows by its Schur complement;
* **conjugate gradients** where neither matrix would fit, with a preconditioner that is
  cheap to factorise: the diagonal or, for the multinomial loss, the block of each
  output, with :math:`p_k (1 - p_k)` in D, between projections onto directions that sum
  to 0 over the outputs. Whatever is the same for all outputs meets the penalty alone,
  which the blocks know nothing of.

A factorisation of a Hessian nearby is itself the best preconditioner: `solve` starts
from one, and says how many iterations it took. As long as these are few, one
factorisation serves while rows and weights move on.
"""

import warnings
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy import sparse
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.sparse.linalg import LinearOperator, cg
from sklearn.exceptions import ConvergenceWarning

from skpoison.bilevel.learners import LinearLearner
from skpoison.bilevel.losses import softmax

# The largest matrix that is factorised: 128 MB.
LARGEST = 4000
# The largest one that couples the outputs: blocks beside each other cost less.
COUPLED = 200
# Numbers in the blocks of all outputs: 512 MB.
BLOCKS = 2**26
TINY = 1e-10
# How many times faster numbers are multiplied in products of matrices than in those of
# a matrix and a vector.
OF_MATRICES = 5


def choose_method(learner, rows):
    """Choose how systems with the Hessian are solved.

    Parameters
    ----------
    learner : Learner
        The learner.
    rows : Rows
        Its training rows.

    Returns
    -------
    method : {"cholesky", "woodbury", "cg"}
    """
    if not isinstance(learner, LinearLearner):
        return "cg"
    n_samples = rows.targets.shape[0]
    n_parameters, n_outputs = learner.shape(rows)
    if not learner.loss.separable:
        return "cholesky" if n_parameters * n_outputs <= COUPLED else "cg"
    if n_samples < n_parameters and n_samples <= LARGEST and learner.penalty > 0:
        return "woodbury"
    return "cholesky" if n_parameters <= LARGEST else "cg"


@dataclass(frozen=True)
class Factorisation:
    """A way to apply the inverse of a Hessian, or of what stands for it.

    Parameters
    ----------
    method : {"cholesky", "woodbury", "cg"}
        How it was made.
    apply : callable
        Takes and returns arrays of shape (n_parameters, n_outputs).
    patience : float
        After how many iterations that start from it a fresh one is worth its price.
    """

    method: str
    apply: callable
    patience: float


@dataclass(frozen=True)
class Solution:
    """The solution of a system with a Hessian.

    Parameters
    ----------
    V : ndarray of shape (n_parameters, n_outputs)
        The solution.
    residual : float
        Norm of its residual, relative to that of the right-hand side.
    n_iter : int
        Number of conjugate gradient steps.
    """

    V: np.ndarray
    residual: float
    n_iter: int


def factorise(point, method="auto"):
    """Factorise the Hessian of an objective.

    Parameters
    ----------
    point : Point
        Where the Hessian is taken.
    method : {"auto", "cholesky", "woodbury", "cg"}, default="auto"
        How; "auto" takes what `choose_method` says.

    Returns
    -------
    factorisation : Factorisation

    Raises
    ------
    ValueError
        If the Hessian is singular.
    """
    if method == "auto":
        method = choose_method(point.learner, point.rows)
    make = {"cholesky": _cholesky, "woodbury": _woodbury, "cg": _preconditioner}
    try:
        return Factorisation(method, make[method](point), _patience(point, method))
    except LinAlgError as error:
        raise ValueError(
            "The Hessian of the surrogate is singular: its optimum is not unique. "
            "Give the surrogate a penalty (a finite C, a positive alpha)."
        ) from error


def _patience(point, method):
    """Compare what a factorisation costs with what an iteration costs."""
    if method == "cg":
        # The diagonal costs next to nothing; with nothing, nothing is to be renewed.
        if not isinstance(point.learner, LinearLearner):
            return np.inf
        if point.learner.loss.separable:
            return 1
    n = point.rows.targets.shape[0]
    p, n_outputs = point.W.shape
    if method == "woodbury":
        return 1 + n**3 / 3 / OF_MATRICES / (8 * n * p + 2 * n**2)
    if method == "cholesky" and not point.learner.loss.separable:
        p = p * n_outputs
    products = n * p**2 + p**3 / 3
    return 1 + products / OF_MATRICES / (4 * n * p + 2 * p**2)


def solve(point, B, factorisation, *, tol=1e-10, max_iter=1000):
    """Solve a system with the Hessian, exactly.

    Parameters
    ----------
    point : Point
        Where the Hessian is taken.
    B : ndarray of shape (n_parameters, n_outputs)
        The right-hand side.
    factorisation : Factorisation
        Of this Hessian or of one nearby.
    tol : float, default=1e-10
        Norm of the residual that is good enough, relative to that of B.
    max_iter : int, default=1000
        The most iterations.

    Returns
    -------
    solution : Solution
    """
    project = point.learner.without_shift
    B = project(B)
    norm = np.linalg.norm(B)
    if norm == 0:
        return Solution(np.zeros_like(B), 0.0, 0)
    V = project(factorisation.apply(B))
    left = B - point.hessian_product(V)
    residual = np.linalg.norm(left) / norm
    steps = []
    if residual > tol:
        size, shape = B.size, B.shape
        # What is left to solve for is small, and so is what rounding does to it.
        correction, _ = cg(
            _operator(point.hessian_product, shape),
            left.ravel(),
            rtol=tol / residual,
            maxiter=max_iter,
            M=_operator(lambda U: project(factorisation.apply(U)), shape),
            callback=steps.append,
        )
        V = project(V + correction.reshape(shape))
        residual = np.linalg.norm(point.hessian_product(V) - B) / norm
        # Rounding may keep the residual a little above what was asked for.
        if residual > max(100 * tol, 1e-6):
            warnings.warn(
                f"A system with the Hessian of the surrogate ({size} unknowns) is not "
                f"solved after {max_iter} conjugate gradient steps: its relative "
                f"residual is {residual:.1e}. Give the surrogate a stronger penalty, "
                "or scale the features.",
                ConvergenceWarning,
                stacklevel=2,
            )
    return Solution(V, float(residual), len(steps))


def _operator(function, shape):
    size = shape[0] * shape[1]
    return LinearOperator(
        (size, size),
        matvec=lambda v: function(v.reshape(shape)).ravel(),
        dtype=np.float64,
    )


def _weighted_gram(X, weights):
    """Compute the matrix of inner products of columns, over weighted rows."""
    if isinstance(X, np.ndarray):
        return (X.T * weights) @ X
    return (X.T.multiply(weights).tocsr() @ X).toarray()


def _cholesky(point):
    X = point.learner.extended(point.rows.X)
    penalties = point.penalties[:, 0]
    if not point.learner.loss.separable:
        return _cholesky_of_all_outputs(point, X, penalties)
    factors, previous = [], None
    for curvature in point.curvatures.T:
        # Outputs with the same curvatures (squared loss) share a factorisation.
        if previous is None or not np.array_equal(curvature, previous):
            H = _weighted_gram(X, curvature)
            H[np.diag_indices_from(H)] += penalties
            factor = cho_factor(H, lower=True, overwrite_a=True)
        factors.append(factor)
        previous = curvature

    if all(factor is factors[0] for factor in factors):
        return lambda B: cho_solve(factors[0], B)
    return _output_by_output([partial(cho_solve, factor) for factor in factors])


def _output_by_output(inverses):
    """Apply to each output an inverse of its own."""

    def apply(B):
        pairs = zip(inverses, B.T, strict=True)
        return np.column_stack([inverse(b) for inverse, b in pairs])

    return apply


def _cholesky_of_all_outputs(point, X, penalties):
    """Factorise the Hessian of a loss that couples the outputs."""
    scores, rows, loss = point.scores, point.rows, point.learner.loss
    n_outputs, p = scores.shape[1], X.shape[1]
    H = np.empty((p, n_outputs, p, n_outputs))
    for k in range(n_outputs):
        unit = np.zeros_like(scores)
        unit[:, k] = 1
        bent = loss.hessian_product(scores, rows.targets, unit)
        for m in range(k + 1):
            H[:, k, :, m] = _weighted_gram(X, rows.weights * bent[:, m])
            H[:, m, :, k] = H[:, k, :, m]
        H[np.arange(p), k, np.arange(p), k] += penalties
    # Something must stand in the directions of `without_shift`; what, does not matter.
    free = np.flatnonzero(penalties == 0)
    scale = np.trace(H.reshape(p * n_outputs, -1)) / (p * n_outputs)
    for j in free:
        H[j, :, j, :] += scale
    factor = cho_factor(H.reshape(p * n_outputs, -1), lower=True, overwrite_a=True)
    return lambda B: cho_solve(factor, B.ravel()).reshape(B.shape)


def _woodbury(point):
    rows, learner = point.rows, point.learner
    return _output_by_output(
        [
            _woodbury_of_one_output(learner, rows, curvature)
            for curvature in point.curvatures.T
        ]
    )


def _woodbury_of_one_output(learner, rows, curvature):
    penalty, constant, X = learner.penalty, learner.intercept, rows.X
    root = np.sqrt(curvature)
    inner = root[:, np.newaxis] * rows.gram * root
    inner[np.diag_indices_from(inner)] += penalty
    factor = cho_factor(inner, lower=True, overwrite_a=True)

    def inverse_for_features(b):
        return (b - X.T @ (root * cho_solve(factor, root * (X @ b)))) / penalty

    if not constant:
        return inverse_for_features
    # The block of the intercept: one more column beside the features, one number below.
    column = constant * (X.T @ curvature)
    below = constant**2 * curvature.sum() + learner.intercept_penalty
    bent = inverse_for_features(column)
    schur = below - column @ bent
    if not schur > 0:
        raise LinAlgError("the block of the intercept is singular")

    def inverse(b):
        features = inverse_for_features(b[:-1])
        last = (b[-1] - column @ features) / schur
        return np.append(features - bent * last, last)

    return inverse


def _preconditioner(point):
    if not isinstance(point.learner, LinearLearner):
        return lambda B: B
    if point.learner.loss.separable:
        return _diagonal(point, point.curvatures)
    return _preconditioner_of_blocks(point)


def _preconditioner_of_blocks(point):
    """Factorise for each output what it would be if the others stood still."""
    learner, rows = point.learner, point.rows
    n_parameters, n_outputs = point.W.shape
    p, _ = softmax(point.scores)
    curvatures = (rows.weights * rows.targets.sum(axis=1))[:, np.newaxis] * p * (1 - p)
    penalties = point.penalties
    if n_outputs * n_parameters**2 <= BLOCKS:
        X = learner.extended(rows.X)
        factors = []
        for curvature in curvatures.T:
            H = _weighted_gram(X, curvature)
            # Where a class is certain of all rows, nothing else holds the intercept.
            H[np.diag_indices_from(H)] += np.maximum(penalties[:, 0], TINY)
            factors.append(cho_factor(H, lower=True, overwrite_a=True))
        inverse = _output_by_output([partial(cho_solve, factor) for factor in factors])
    elif rows.targets.shape[0] <= LARGEST and learner.penalty > 0:
        inverse = _output_by_output(
            [_woodbury_of_one_output(learner, rows, c) for c in curvatures.T]
        )
    else:
        inverse = _diagonal(point, curvatures)
    free = penalties == 0

    def apply(B):
        shift = B.mean(axis=1, keepdims=True)
        V = inverse(B - shift)
        V -= V.mean(axis=1, keepdims=True)
        return V + np.where(free, 0, shift / np.where(free, 1, penalties))

    return apply


def _diagonal(point, curvatures):
    """Invert the diagonal of the Hessian."""
    learner, X = point.learner, point.rows.X
    squares = X.multiply(X) if sparse.issparse(X) else X**2
    diagonal = learner.pull_back(squares, point.W, curvatures)
    if learner.intercept:
        diagonal[-1] *= learner.intercept
    diagonal += point.penalties
    diagonal[diagonal <= 0] = 1
    return lambda B: B / diagonal
