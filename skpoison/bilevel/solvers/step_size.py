r"""Largest stable step size of gradient descent.

On a quadratic objective with the Hessian :math:`H`, steps of length :math:`\eta` times
the gradient multiply the error along an eigenvector of the eigenvalue :math:`\lambda`
by :math:`1 - \eta \lambda`: gradient descent converges if and only if
:math:`\eta < 2 / \lambda_{\max}(H)` (Polyak 1963), and fastest, in the direction that
limits it, at :math:`1 / \lambda_{\max}`.
"""

import numpy as np
from scipy.sparse.linalg import LinearOperator, eigsh

from skpoison.bilevel.learners.base import ParametricLearner, Point, Rows

# The largest number of weights for which the Hessian is written out.
DENSE = 100


def largest_stable_rate(learner: ParametricLearner, rows: Rows) -> float:
    """Compute the step size above which gradient descent from the start diverges.

    Parameters
    ----------
    learner : ParametricLearner
        The learner.
    rows : Rows
        Its training rows.

    Returns
    -------
    rate : float
        2 / the largest eigenvalue of the Hessian at the initial weights; infinite if
        that is 0. It is exact for quadratic losses. The logistic losses have their
        largest curvature at weights of 0: below this rate descent from there converges.
    """
    start = learner.start(rows)
    largest = _largest_eigenvalue(learner.at(start, rows), start.shape)
    return 2 / largest if largest > 0 else np.inf


def has_diverged(
    learner: ParametricLearner, rows: Rows, start: np.ndarray, W: np.ndarray
) -> bool:
    """Return whether steps of gradient descent have led away from the optimum.

    Parameters
    ----------
    learner : ParametricLearner
        The learner.
    rows : Rows
        Its training rows.
    start, W : ndarray of shape (n_parameters, n_outputs)
        The weights before the first step and after the last one.

    Returns
    -------
    diverged : bool
        Whether W is not finite or, for a quadratic objective, has a larger one than the
        start. Other losses have bounded gradients: steps that are too long do not end
        at large weights.
    """
    if not np.isfinite(W).all():
        return True
    if "closed_form" not in learner.supports:
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        after = learner.at(W, rows).objective()
    # A sum of squares that overflows is not finite.
    return not after <= learner.at(start, rows).objective() * (1 + 1e-6)


def divergence_error(learner: ParametricLearner, rows: Rows, rate: float) -> ValueError:
    """Make the error that says which step size gradient descent converges with.

    Parameters
    ----------
    learner : ParametricLearner
        The learner.
    rows : Rows
        Its training rows.
    rate : float
        The step size with which it diverges.

    Returns
    -------
    error : ValueError
    """
    largest = largest_stable_rate(learner, rows)
    return ValueError(
        f"Gradient descent diverges with learning_rate={rate}: on these rows it "
        f"converges below {largest:.3g}, 2 / the largest eigenvalue of the Hessian. "
        f"Take learning_rate={largest / 2:.3g}, or scale the features."
    )


def _largest_eigenvalue(point: Point, shape: tuple[int, int]) -> float:
    """Compute the largest eigenvalue of a Hessian from products with it."""
    size = shape[0] * shape[1]

    def product(v):
        return point.hessian_product(v.reshape(shape)).ravel()

    if size <= DENSE:
        H = np.stack([product(unit) for unit in np.eye(size)])
        return float(np.linalg.eigvalsh(H)[-1])
    operator = LinearOperator((size, size), matvec=product, dtype=np.float64)
    start = np.random.RandomState(0).standard_normal(size)
    return float(eigsh(operator, 1, which="LA", v0=start, tol=1e-6)[0][0])
