"""Support vector machines as learners."""

from dataclasses import dataclass, field

from skpoison.bilevel.losses import SmoothedHinge


@dataclass(frozen=True)
class SVMLearner:
    """What a support vector machine is told before it sees any rows.

    Parameters
    ----------
    kernel : {"linear", "rbf", "poly", "sigmoid"}
        The kernel.
    C : float
        The most that a coefficient of a row of weight 1 can be.
    gamma, degree, coef0
        Of the kernel; see :func:`skpoison.bilevel.learners.kernels.make_kernel`.
    loss : SmoothedHinge
        What stands for the hinge loss where an attacker measures it on rows of his own.
    """

    kernel: str
    C: float
    gamma: str | float = "scale"
    degree: int = 3
    coef0: float = 0.0
    loss: SmoothedHinge = field(default_factory=SmoothedHinge)

    def codes(self, targets):
        """Read labels from targets of -1 and 1.

        Parameters
        ----------
        targets : ndarray of shape (n_rows, n_outputs)
            One output for two classes; else one for each class.

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
