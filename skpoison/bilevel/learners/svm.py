"""Support vector machines with a kernel, as learners.

Their scores are a function of dual coefficients and of the training rows together, not
of a few weights: the solver is in :mod:`skpoison.bilevel.solvers.svm_dual`, and the
derivatives are in :mod:`skpoison.bilevel.differentiation.svm`.
"""

from dataclasses import dataclass, field

import numpy as np

from skpoison.bilevel.learners.base import Learner
from skpoison.bilevel.losses import Loss, SmoothedHinge


@dataclass(frozen=True)
class SVMLearner(Learner):
    """A support vector machine with a kernel.

    Parameters
    ----------
    kernel : {"linear", "rbf", "poly", "sigmoid"}
        The kernel.
    C : float
        Upper bound of the dual variable of a row of weight 1.
    gamma, degree, coef0
        Of the kernel; see :func:`skpoison.bilevel.learners.kernels.make_kernel`.
    loss : Loss, default=SmoothedHinge()
        The loss that goals measure on validation rows, in place of the hinge loss.
    """

    kernel: str
    C: float
    gamma: str | float = "scale"
    degree: int = 3
    coef0: float = 0.0
    loss: Loss = field(default_factory=SmoothedHinge)

    supports = frozenset({"scores", "svm_dual"})

    def codes(self, targets: np.ndarray) -> tuple[np.ndarray, int]:
        """Read labels from targets of -1 and 1.

        Parameters
        ----------
        targets : ndarray of shape (n_rows, n_outputs)
            One output for two classes, otherwise one for each class.

        Returns
        -------
        codes : ndarray of shape (n_rows,) of int
            The labels, as positions among the classes.
        n_classes : int
            Number of classes.
        """
        if targets.shape[1] == 1:
            return (targets[:, 0] > 0).astype(int), 2
        return targets.argmax(axis=1), targets.shape[1]
