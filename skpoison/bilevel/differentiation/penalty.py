r"""The derivative of a goal in the penalty of a linear learner.

The optimum of an objective with the squared penalty
:math:`\tfrac12 e^s \langle W, \Lambda W \rangle` depends on the logarithm :math:`s` of
a factor of the penalty. By the implicit function theorem a goal :math:`A(W)` has the
derivative

.. math::

    \frac{dA}{ds} = - \langle V, e^s \Lambda W \rangle , \qquad
    \nabla^2 C(W) \, V = \nabla A(W) ,

with the same adjoint :math:`V` that serves all rows, so that the derivative costs one
inner product.
"""

import numpy as np

from skpoison.bilevel.solvers.newton import Optimum


def log_penalty_derivative(optimum: Optimum, b: np.ndarray, *, tol: float) -> float:
    """Compute the derivative of a goal in the logarithm of the penalty.

    Parameters
    ----------
    optimum : Optimum
        The optimum of a linear learner.
    b : ndarray of shape (n_parameters, n_outputs)
        The gradient of the goal in the weights there.
    tol : float
        Relative residual of the linear system that is accepted.

    Returns
    -------
    derivative : float
    """
    W = optimum.W
    penalties = optimum.point.learner.penalties(W.shape[0])
    return -float((optimum.solve(b, tol=tol).V * penalties * W).sum())
