r"""Factorisations of a Hessian, and preconditioners.

The Hessian is :math:`H = \tilde X^\top D \tilde X + \Lambda`, where D holds the row
weights and the second derivatives of the losses.

* **Cholesky** of the :math:`p \times p` matrix, for few columns;
* **Woodbury**, for fewer rows than columns. With features that are all penalised by
  :math:`\lambda > 0`, and :math:`G = D^{1/2} X`,

  .. math::

      (X^\top D X + \lambda I)^{-1} = \frac1\lambda
      \left( I - G^\top (\lambda I + G G^\top)^{-1} G \right),

  an :math:`n \times n` matrix; the intercept follows by its Schur complement;
* **conjugate gradients** if neither matrix would fit, with a preconditioner that is
  cheap to factorise: the diagonal or, for the multinomial loss, the block of each
  output, with :math:`p_k (1 - p_k)` in D, between projections onto directions
  that sum to 0 over the outputs. What is the same for all outputs has no curvature but
  that of the penalty, which the blocks do not know.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from skpoison.bilevel.learners.base import Features, Point, Rows
from skpoison.bilevel.learners.linear import LinearLearner, LinearPoint
from skpoison.bilevel.solvers.hessians import (
    assemble_hessian,
    squared_columns,
    weighted_gram,
)

# Takes and returns arrays of shape (n_parameters, n_outputs), or with the columns of
# several problems side by side.
Inverse = Callable[[np.ndarray], np.ndarray]

# Numbers in the blocks of all outputs: 512 MB.
BLOCKS = 2**26
# Rows of the largest matrix of inner products: 128 MB.
LARGEST = 4000
# Least curvature of a block that nothing else makes regular.
TINY = 1e-10


def cholesky(point: LinearPoint) -> Inverse:
    """Factorise the Hessian, a matrix of the size of its columns.

    Parameters
    ----------
    point : LinearPoint
        The objective at the weights in question.

    Returns
    -------
    inverse : callable
        Takes and returns arrays of shape (n_parameters, n_outputs), or with the columns
        of several problems side by side.
    """
    X = point.learner.append_intercept_column(point.rows.X)
    if point.learner.loss.couples_outputs:
        return _cholesky_of_all_outputs(point, X)

    def inverse(curvature):
        H = weighted_gram(X, curvature)
        H[np.diag_indices_from(H)] += point.penalties[:, 0]
        # If no row has any curvature, nothing determines the intercept: any number
        # will do.
        diagonal = np.einsum("ii->i", H)
        diagonal[diagonal == 0] = 1
        return partial(cho_solve, cho_factor(H, lower=True, overwrite_a=True))

    return _for_each_output(inverse, point.curvatures)


def _for_each_output(
    inverse: Callable[[np.ndarray], Inverse], curvatures: np.ndarray
) -> Inverse:
    """Make an inverse for each output; only one if all have the same curvatures."""
    if (curvatures == curvatures[:, :1]).all():
        return inverse(curvatures[:, 0])
    return _output_by_output([inverse(curvature) for curvature in curvatures.T])


def _output_by_output(inverses: list[Inverse]) -> Inverse:
    """Apply to each output an inverse of its own.

    There may be several times as many columns: those of problems side by side.
    """

    def apply(B):
        V = np.empty_like(B)
        for k, inverse in enumerate(inverses):
            V[:, k :: len(inverses)] = inverse(B[:, k :: len(inverses)])
        return V

    return apply


def _cholesky_of_all_outputs(point: LinearPoint, X: Features) -> Inverse:
    """Factorise the Hessian of a loss that couples the outputs."""
    p, n_outputs = point.W.shape
    H = assemble_hessian(point, X, np.ones((p, n_outputs), dtype=bool))
    factor = cho_factor(H, lower=True, overwrite_a=True)

    def apply(B):
        flat = B.reshape(p, -1, n_outputs).swapaxes(1, 2).reshape(p * n_outputs, -1)
        V = cho_solve(factor, flat).reshape(p, n_outputs, -1).swapaxes(1, 2)
        return V.reshape(B.shape)

    return apply


def woodbury(point: LinearPoint) -> Inverse:
    """Invert the Hessian by Woodbury's formula, by a matrix of the size of its rows.

    Parameters
    ----------
    point : LinearPoint
        The objective at the weights in question.

    Returns
    -------
    inverse : callable
        Takes and returns arrays of shape (n_parameters, n_outputs), or with the columns
        of several problems side by side.
    """
    inverse = partial(_woodbury_of_one_output, point.learner, point.rows)
    return _for_each_output(inverse, point.curvatures)


def _woodbury_of_one_output(
    learner: LinearLearner, rows: Rows, curvature: np.ndarray
) -> Inverse:
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


def preconditioner(
    point: Point, *, max_numbers: int = BLOCKS, max_rows: int = LARGEST
) -> Inverse:
    """Approximate the inverse of a Hessian that is too large to factorise.

    Parameters
    ----------
    point : Point
        The objective at the weights in question.
    max_numbers : int, default=2**26
        How many numbers the factorised blocks of all outputs may take: 512 MB.
    max_rows : int, default=4000
        Number of rows up to which a block is inverted by Woodbury's formula.

    Returns
    -------
    inverse : callable
        Takes and returns arrays of shape (n_parameters, n_outputs).
    """
    if "hessian" not in point.learner.supports:
        return lambda B: B
    if not point.learner.loss.couples_outputs:
        return _diagonal(point)
    inverse = _inverse_of_blocks(point, max_numbers, max_rows)
    penalties = point.penalties
    is_free = penalties == 0

    def apply(B):
        shift = B.mean(axis=1, keepdims=True)
        V = inverse(B - shift)
        V -= V.mean(axis=1, keepdims=True)
        return V + np.where(is_free, 0, shift / np.where(is_free, 1, penalties))

    return apply


def _inverse_of_blocks(point: LinearPoint, max_numbers: int, max_rows: int) -> Inverse:
    """Invert the block of each output, as if the others were constant."""
    learner, rows, curvatures = point.learner, point.rows, point.curvatures
    n_parameters, n_outputs = point.W.shape
    n_samples = rows.targets.shape[0]
    takes_woodbury = n_samples <= max_rows and learner.penalty > 0
    prefers_woodbury = takes_woodbury and n_samples < n_parameters
    # If a class is certain of all rows, nothing else determines the intercept than
    # TINY, of the penalty or of the curvature.
    if n_outputs * n_parameters**2 <= max_numbers and not prefers_woodbury:
        X = learner.append_intercept_column(rows.X)
        factors = []
        for curvature in curvatures.T:
            H = weighted_gram(X, curvature)
            H[np.diag_indices_from(H)] += np.maximum(point.penalties[:, 0], TINY)
            factors.append(cho_factor(H, lower=True, overwrite_a=True))
        return _output_by_output([partial(cho_solve, factor) for factor in factors])
    if takes_woodbury:
        inverse = partial(_woodbury_of_one_output, learner, rows)
        return _output_by_output([inverse(np.maximum(c, TINY)) for c in curvatures.T])
    return _diagonal(point)


def _diagonal(point: LinearPoint) -> Inverse:
    """Invert the diagonal of the Hessian."""
    diagonal, intercept = np.empty_like(point.W), point.learner.intercept
    n_features = point.rows.X.shape[1]
    diagonal[:n_features] = squared_columns(point.rows.X, point.curvatures)
    diagonal[n_features:] = intercept**2 * point.curvatures.sum(axis=0)
    diagonal += point.penalties
    diagonal[diagonal <= 0] = 1
    return lambda B: B / np.tile(diagonal, (1, B.shape[1] // diagonal.shape[1]))
