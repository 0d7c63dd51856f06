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
  cheap to factorise: for the multinomial loss the curvature
  :math:`\tfrac12 (I - 11^\top / K)` that bounds it (Böhning 1992), else the diagonal.

A factorisation of a Hessian nearby is itself the best preconditioner: `solve` starts
from one and needs an iteration or two to make a Newton step's factorisation exact where
the step has led.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.sparse.linalg import LinearOperator, cg
from sklearn.exceptions import ConvergenceWarning

# The largest matrix that is factorised: 128 MB.
LARGEST = 4000


def choose_method(learner, rows):
    """Choose how systems with the Hessian are solved.

    Parameters
    ----------
    learner : LinearLearner
        The learner.
    rows : Rows
        Its training rows.

    Returns
    -------
    method : {"cholesky", "woodbury", "cg"}
    """
    n_samples = rows.targets.shape[0]
    n_parameters, n_outputs = learner.shape(rows)
    if not learner.loss.separable:
        return "cholesky" if n_parameters * n_outputs <= LARGEST // 4 else "cg"
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
    """

    method: str
    apply: callable


def factorise(learner, W, rows, method="auto"):
    """Factorise the Hessian of a learner.

    Parameters
    ----------
    learner : LinearLearner
        The learner.
    W : ndarray of shape (n_parameters, n_outputs)
        Where the Hessian is taken.
    rows : Rows
        The training rows.
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
        method = choose_method(learner, rows)
    make = {"cholesky": _cholesky, "woodbury": _woodbury, "cg": _preconditioner}
    try:
        return Factorisation(method, make[method](learner, W, rows))
    except LinAlgError as error:
        raise ValueError(
            "The Hessian of the surrogate is singular: its optimum is not unique. "
            "Give the surrogate a penalty (a finite C, a positive alpha)."
        ) from error


def solve(learner, W, rows, B, factorisation, *, tol=1e-10, max_iter=1000):
    """Solve a system with the Hessian, exactly.

    Parameters
    ----------
    learner : LinearLearner
        The learner.
    W : ndarray of shape (n_parameters, n_outputs)
        Where the Hessian is taken.
    rows : Rows
        The training rows.
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
    V : ndarray of shape (n_parameters, n_outputs)
        The solution.
    residual : float
        Norm of its residual, relative to that of B.
    """
    scores = learner.scores(rows.X, W)
    B = learner.without_shift(B)
    norm = np.linalg.norm(B)
    if norm == 0:
        return np.zeros_like(B), 0.0

    def product(U):
        return learner.hessian_product(W, rows, U, scores)

    V = learner.without_shift(factorisation.apply(B))
    residual = np.linalg.norm(product(V) - B) / norm
    if residual > tol:
        size, shape = B.size, B.shape
        V, _ = cg(
            _operator(product, shape),
            B.ravel(),
            x0=V.ravel(),
            rtol=tol,
            maxiter=max_iter,
            M=_operator(lambda U: learner.without_shift(factorisation.apply(U)), shape),
        )
        V = learner.without_shift(V.reshape(shape))
        residual = np.linalg.norm(product(V) - B) / norm
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
    return V, float(residual)


def _operator(function, shape):
    size = shape[0] * shape[1]
    return LinearOperator(
        (size, size),
        matvec=lambda v: function(v.reshape(shape)).ravel(),
        dtype=np.float64,
    )


def _extended(learner, X):
    """Put the constant behind the features."""
    if not learner.intercept:
        return X
    constant = np.full((X.shape[0], 1), float(learner.intercept))
    if isinstance(X, np.ndarray):
        return np.concatenate([X, constant], axis=1)
    return sparse.hstack([X.tocsr(), constant], format="csr")


def _weighted_gram(X, weights):
    """Compute the matrix of inner products of columns, over weighted rows."""
    if isinstance(X, np.ndarray):
        return (X.T * weights) @ X
    return (X.T.multiply(weights).tocsr() @ X).toarray()


def _cholesky(learner, W, rows):
    scores = learner.scores(rows.X, W)
    X = _extended(learner, rows.X)
    penalties = learner.penalties(W.shape[0])[:, 0]
    if not learner.loss.separable:
        return _cholesky_of_all_outputs(learner, scores, X, rows, penalties)
    curvatures = rows.weights[:, np.newaxis] * learner.loss.curvature(
        scores, rows.targets
    )
    factors, previous = [], None
    for curvature in curvatures.T:
        # Outputs with the same curvatures (squared loss) share a factorisation.
        if previous is None or not np.array_equal(curvature, previous):
            H = _weighted_gram(X, curvature)
            H[np.diag_indices_from(H)] += penalties
            factor = cho_factor(H, lower=True, overwrite_a=True)
        factors.append(factor)
        previous = curvature

    if all(factor is factors[0] for factor in factors):
        return lambda B: cho_solve(factors[0], B)
    return lambda B: np.column_stack(
        [cho_solve(factor, b) for factor, b in zip(factors, B.T, strict=True)]
    )


def _cholesky_of_all_outputs(learner, scores, X, rows, penalties):
    """Factorise the Hessian of a loss that couples the outputs."""
    n_outputs, p = scores.shape[1], X.shape[1]
    H = np.empty((p, n_outputs, p, n_outputs))
    for k in range(n_outputs):
        unit = np.zeros_like(scores)
        unit[:, k] = 1
        bent = learner.loss.hessian_product(scores, rows.targets, unit)
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


def _woodbury(learner, W, rows):
    scores = learner.scores(rows.X, W)
    curvatures = rows.weights[:, np.newaxis] * learner.loss.curvature(
        scores, rows.targets
    )
    gram = rows.X @ rows.X.T
    gram = gram if isinstance(gram, np.ndarray) else gram.toarray()
    inverses = [_woodbury_of_one_output(learner, rows.X, gram, d) for d in curvatures.T]
    return lambda B: np.column_stack(
        [inverse(b) for inverse, b in zip(inverses, B.T, strict=True)]
    )


def _woodbury_of_one_output(learner, X, gram, curvature):
    penalty, constant = learner.penalty, learner.intercept
    root = np.sqrt(curvature)
    inner = root[:, np.newaxis] * gram * root
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


def _preconditioner(learner, W, rows):
    penalties = learner.penalties(W.shape[0])
    if learner.loss.separable:
        curvatures = rows.weights[:, np.newaxis] * learner.loss.curvature(
            learner.scores(rows.X, W), rows.targets
        )
        squares = rows.X.multiply(rows.X) if sparse.issparse(rows.X) else rows.X**2
        diagonal = learner.pull_back(squares, curvatures)
        if learner.intercept:
            diagonal[-1] *= learner.intercept
        diagonal += penalties
        diagonal[diagonal <= 0] = 1
        return lambda B: B / diagonal
    # The bound on the curvature is the same for all outputs: it factorises as that of
    # least squares with weights of one half.
    bound = rows.weights * rows.targets.sum(axis=1) / 2
    if W.shape[0] <= LARGEST:
        H = _weighted_gram(_extended(learner, rows.X), bound)
        H[np.diag_indices_from(H)] += penalties[:, 0]
        factor = cho_factor(H, lower=True, overwrite_a=True)
        return lambda B: cho_solve(factor, B)
    gram = rows.X @ rows.X.T
    gram = gram if isinstance(gram, np.ndarray) else gram.toarray()
    inverse = _woodbury_of_one_output(learner, rows.X, gram, bound)
    return lambda B: np.column_stack([inverse(b) for b in B.T])
