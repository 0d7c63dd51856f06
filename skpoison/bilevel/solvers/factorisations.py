r"""How is the inverse of a Hessian applied, or what stands for it?

The Hessian is :math:`H = \tilde X^\top D \tilde X + \Lambda`, where D holds the row
weights and the curvatures of the loss.

* **Cholesky** of the :math:`p \times p` matrix, for few columns;
* **Woodbury**, for fewer rows than columns. With features that are all penalised by
  :math:`\lambda > 0`, and :math:`G = D^{1/2} X`,

  .. math::

      (X^\top D X + \lambda I)^{-1} = \frac1\lambda
      \left( I - G^\top (\lambda I + G G^\top)^{-1} G \right),

  an :math:`n \times n` matrix; the intercept follows by its Schur complement;
* **conjugate gradients** where neither matrix would fit, with a preconditioner that is
  cheap to factorise: the diagonal or, for the multinomial loss, the block of each
  output, with :math:`p_k (1 - p_k)` in D, between projections onto directions
  that sum to 0 over the outputs. Whatever is the same for all outputs meets the penalty
  alone, which the blocks know nothing of.
"""

from functools import partial

import numpy as np
from scipy import sparse
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from skpoison.bilevel.learners.linear import LinearLearner
from skpoison.bilevel.losses import softmax

# Numbers in the blocks of all outputs: 512 MB.
BLOCKS = 2**26
# Rows of the largest matrix of inner products: 128 MB.
LARGEST = 4000
TINY = 1e-10


def _weighted_gram(X, weights):
    """Compute the matrix of inner products of columns, over weighted rows."""
    if isinstance(X, np.ndarray):
        return (X.T * weights) @ X
    return (X.T.multiply(weights).tocsr() @ X).toarray()


def cholesky(point):
    """Factorise the Hessian, of the size of its columns.

    Parameters
    ----------
    point : Point
        Where the Hessian is taken.

    Returns
    -------
    inverse : callable
        Takes and returns arrays of shape (n_parameters, n_outputs), or with the columns
        of several problems beside each other.
    """
    X = point.learner.append_intercept_column(point.rows.X)
    penalties = point.penalties[:, 0]
    if not point.learner.loss.separable:
        return _cholesky_of_all_outputs(point, X, penalties)

    def inverse(curvature):
        H = _weighted_gram(X, curvature)
        H[np.diag_indices_from(H)] += penalties
        # Where no row has any curvature, nothing holds the intercept: any number does.
        diagonal = np.einsum("ii->i", H)
        diagonal[diagonal == 0] = 1
        return partial(cho_solve, cho_factor(H, lower=True, overwrite_a=True))

    return _for_each_output(inverse, point.curvatures)


def _for_each_output(inverse, curvatures):
    """Make an inverse for each output; for outputs of the same curvatures, one."""
    if (curvatures == curvatures[:, :1]).all():
        return inverse(curvatures[:, 0])
    return _output_by_output([inverse(curvature) for curvature in curvatures.T])


def _output_by_output(inverses):
    """Apply to each output an inverse of its own.

    There may be several times as many columns: those of problems beside each other.
    """

    def apply(B):
        V = np.empty_like(B)
        for k, inverse in enumerate(inverses):
            V[:, k :: len(inverses)] = inverse(B[:, k :: len(inverses)])
        return V

    return apply


def _cholesky_of_all_outputs(point, X, penalties):
    """Factorise the Hessian of a loss that couples the outputs."""
    scores, rows, loss = point.scores, point.rows, point.learner.loss
    n_outputs, p = scores.shape[1], X.shape[1]
    H = np.empty((p, n_outputs, p, n_outputs))
    for k in range(n_outputs):
        unit = np.zeros_like(scores)
        unit[:, k] = 1
        hvp_scores = loss.hessian_product(scores, rows.targets, unit)
        for m in range(k + 1):
            H[:, k, :, m] = _weighted_gram(X, rows.weights * hvp_scores[:, m])
            H[:, m, :, k] = H[:, k, :, m]
        H[np.arange(p), k, np.arange(p), k] += penalties
    # Something must stand in the directions of `project_out_softmax_nullspace`; what,
    # does not matter.
    free = np.flatnonzero(penalties == 0)
    scale = np.trace(H.reshape(p * n_outputs, -1)) / (p * n_outputs)
    for j in free:
        H[j, :, j, :] += scale
    factor = cho_factor(H.reshape(p * n_outputs, -1), lower=True, overwrite_a=True)

    def apply(B):
        flat = B.reshape(p, -1, n_outputs).swapaxes(1, 2).reshape(p * n_outputs, -1)
        V = cho_solve(factor, flat).reshape(p, n_outputs, -1).swapaxes(1, 2)
        return V.reshape(B.shape)

    return apply


def woodbury(point):
    """Factorise the Hessian, of the size of its rows.

    Parameters
    ----------
    point : Point
        Where the Hessian is taken.

    Returns
    -------
    inverse : callable
        Takes and returns arrays of shape (n_parameters, n_outputs), or with the columns
        of several problems beside each other.
    """
    inverse = partial(_woodbury_of_one_output, point.learner, point.rows)
    return _for_each_output(inverse, point.curvatures)


def _woodbury_of_one_output(learner, rows, curvature):
    penalty, constant, X = learner.penalty, learner.intercept, rows.X
    root = np.sqrt(curvature)[:, np.newaxis]
    inner = root * rows.gram * root.T
    inner[np.diag_indices_from(inner)] += penalty
    factor = cho_factor(inner, lower=True, overwrite_a=True)

    def inverse_for_features(B):
        return (B - X.T @ (root * cho_solve(factor, root * (X @ B)))) / penalty

    if not constant:
        return inverse_for_features
    # The block of the intercept: one more column beside the features, one number below.
    column = constant * (X.T @ curvature)[:, np.newaxis]
    below = constant**2 * curvature.sum() + learner.intercept_penalty
    solved = inverse_for_features(column)
    schur = below - (column * solved).sum()
    if not schur > 0:
        raise LinAlgError("the block of the intercept is singular")

    def inverse(B):
        features = inverse_for_features(B[:-1])
        last = (B[-1:] - column.T @ features) / schur
        return np.concatenate([features - solved * last, last])

    return inverse


def preconditioner(point):
    """Make what stands for the inverse of a Hessian too large to factorise.

    Parameters
    ----------
    point : Point
        Where the Hessian is taken.

    Returns
    -------
    inverse : callable
        Takes and returns arrays of shape (n_parameters, n_outputs).
    """
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
    n_samples = rows.targets.shape[0]
    few_rows = n_samples < n_parameters and n_samples <= LARGEST and learner.penalty > 0
    if n_outputs * n_parameters**2 <= BLOCKS and not few_rows:
        X = learner.append_intercept_column(rows.X)
        factors = []
        for curvature in curvatures.T:
            H = _weighted_gram(X, curvature)
            # Where a class is certain of all rows, nothing else holds the intercept.
            H[np.diag_indices_from(H)] += np.maximum(penalties[:, 0], TINY)
            factors.append(cho_factor(H, lower=True, overwrite_a=True))
        inverse = _output_by_output([partial(cho_solve, factor) for factor in factors])
    elif n_samples <= LARGEST and learner.penalty > 0:
        inverse = _output_by_output(
            # Where a class is certain of all rows, nothing else holds the intercept.
            [
                _woodbury_of_one_output(learner, rows, np.maximum(c, TINY))
                for c in curvatures.T
            ]
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
    diagonal = learner.score_vjp(squares, point.W, curvatures)
    if learner.intercept:
        diagonal[-1] *= learner.intercept
    diagonal += point.penalties
    diagonal[diagonal <= 0] = 1
    return lambda B: B / np.tile(diagonal, (1, B.shape[1] // diagonal.shape[1]))
