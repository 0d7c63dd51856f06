r"""Optimum of a support vector machine, several classes one against one.

Each pair of classes is a binary machine (:mod:`skpoison.bilevel.solvers.svm_dual`). The
score of a class is the least of its decision values against the others. A class that
beats all others has a positive score, and most votes: there the class of the highest
score is what SVC predicts. Sums of decision values do not have that property.

Clones, equal rows with equal labels, are one row whose upper bound is the sum of
theirs. They share its coefficient in proportion to their upper bounds.
"""

from functools import cached_property
from itertools import combinations

import numpy as np

from skpoison.bilevel.learners.base import Rows
from skpoison.bilevel.learners.kernels import Kernel
from skpoison.bilevel.learners.svm import SVMLearner
from skpoison.bilevel.solvers.svm_dual import BinarySVMSolution, solve_svm_dual


class SVMOptimum:
    """The optimum of a support vector machine.

    Parameters
    ----------
    kernel : Kernel
        The kernel.
    X : ndarray of shape (n_unique_rows, n_features)
        The training rows, each of several clones once.
    codes : ndarray of shape (n_unique_rows,) of int
        Their labels, as positions among the classes.
    group : ndarray of shape (n_samples,) of int
        Which of these rows each training row is.
    upper_bounds : ndarray of shape (n_samples,)
        The upper bounds of the dual variables of the training rows: C times weights.
    C : float
        The upper bound of a row of weight 1.
    n_classes : int
        Number of classes.

    Attributes
    ----------
    pairs : list of tuple of int
        The pairs of classes, (0, 1), (0, 2), ...; decision values are positive for the
        second class.
    rows : list of ndarray of int
        The unique rows of each pair.
    solutions : list of BinarySVMSolution
        The binary machines.
    shares : ndarray of shape (n_samples,)
        The share that each training row has of its clones' upper bound.
    gram : ndarray of shape (n_unique_rows, n_unique_rows)
        The kernel matrix.
    kkt_violation : float
        By how much decision values violate the optimality conditions.
    """

    def __init__(
        self,
        kernel: Kernel,
        X: np.ndarray,
        codes: np.ndarray,
        group: np.ndarray,
        upper_bounds: np.ndarray,
        *,
        C: float,
        n_classes: int,
    ):
        self.kernel, self.C, self.n_classes = kernel, C, n_classes
        self.X, self.codes, self.group = X, codes, group
        totals = np.bincount(group, upper_bounds)
        self.shares = np.divide(
            upper_bounds,
            totals[group],
            out=np.zeros(group.shape[0]),
            where=upper_bounds > 0,
        )
        self.gram = kernel.matrix(X, X)
        self.pairs = list(combinations(range(n_classes), 2))
        self.rows: list[np.ndarray] = []
        self.solutions: list[BinarySVMSolution] = []
        for pair in self.pairs:
            rows = np.flatnonzero(np.isin(codes, pair) & (totals > 0))
            signs = np.where(codes[rows] == pair[1], 1.0, -1.0)
            if np.abs(signs.sum()) == signs.shape[0]:
                raise ValueError(
                    f"One of the classes {pair} has no row of positive weight."
                )
            self.rows.append(rows)
            gram = self.gram[np.ix_(rows, rows)]
            self.solutions.append(solve_svm_dual(gram, signs, totals[rows]))
        self.kkt_violation = max(solution.kkt_violation for solution in self.solutions)

    @cached_property
    def coefficients(self) -> np.ndarray:
        """The coefficients of all pairs, of shape (n_unique_rows, n_pairs)."""
        B = np.zeros((self.X.shape[0], len(self.pairs)))
        for m, (rows, solution) in enumerate(
            zip(self.rows, self.solutions, strict=True)
        ):
            B[rows, m] = solution.coefficients
        return B

    def decision_function(self, X: np.ndarray) -> np.ndarray:
        """Compute the decision values of all pairs of classes.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features)
            The rows.

        Returns
        -------
        decisions : ndarray of shape (n_rows, n_pairs)
        """
        support = np.flatnonzero(self.coefficients.any(axis=1))
        intercepts = [solution.intercept for solution in self.solutions]
        coefficients = self.coefficients[support]
        return self.kernel.product(X, self.X[support], coefficients) + intercepts

    def scores(self, X: np.ndarray) -> np.ndarray:
        """Compute the scores of rows.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features)
            The rows.

        Returns
        -------
        scores : ndarray of shape (n_rows, n_outputs)
            One output for two classes, the decision value; otherwise one for each
            class, its least decision value against the others.
        """
        decisions = self.decision_function(X)
        return decisions if self.n_classes == 2 else self.least_decisions(decisions)[0]

    def least_decisions(self, decisions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Find the least decision value of each class, and of which pair it is.

        Parameters
        ----------
        decisions : ndarray of shape (n_rows, n_pairs)
            The decision values.

        Returns
        -------
        scores : ndarray of shape (n_rows, n_classes)
            The least decision values.
        pairs : ndarray of shape (n_rows, n_classes) of int
            The positions of their pairs.
        """
        shape = decisions.shape[0], self.n_classes
        scores, pairs = np.full(shape, np.inf), np.zeros(shape, dtype=int)
        for m, (a, b) in enumerate(self.pairs):
            for k, values in ((a, -decisions[:, m]), (b, decisions[:, m])):
                pairs[:, k] = np.where(values < scores[:, k], m, pairs[:, k])
                scores[:, k] = np.minimum(values, scores[:, k])
        return scores, pairs

    def decision_vjp(
        self, decisions: np.ndarray, score_gradient: np.ndarray
    ) -> np.ndarray:
        """Turn a gradient in scores of classes into one in decision values.

        Parameters
        ----------
        decisions : ndarray of shape (n_rows, n_pairs)
            The decision values.
        score_gradient : ndarray of shape (n_rows, n_classes)
            A gradient in the least decision value of each class.

        Returns
        -------
        gradient : ndarray of shape (n_rows, n_pairs)
        """
        _, pairs = self.least_decisions(decisions)
        gradient = np.zeros_like(decisions)
        for m, (a, b) in enumerate(self.pairs):
            gradient[:, m] = score_gradient[:, b] * (pairs[:, b] == m)
            gradient[:, m] -= score_gradient[:, a] * (pairs[:, a] == m)
        return gradient


def minimise_svm(learner: SVMLearner, rows: Rows, kernel: Kernel) -> SVMOptimum:
    """Find the optimum of a support vector machine.

    Parameters
    ----------
    learner : SVMLearner
        The learner.
    rows : Rows
        Its training rows, dense.
    kernel : Kernel
        The learner's kernel, with its parameters resolved.

    Returns
    -------
    optimum : SVMOptimum

    Raises
    ------
    ValueError
        If a class has no row of positive weight.
    """
    codes, n_classes = learner.codes(rows.targets)
    first, group = _unique_rows(rows.X, codes)
    return SVMOptimum(
        kernel,
        rows.X[first],
        codes[first],
        group,
        learner.C * rows.weights,
        C=learner.C,
        n_classes=n_classes,
    )


def _unique_rows(X: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the first of all equal rows with equal labels, and the group of each row."""
    keys = np.column_stack([X + 0.0, codes])  # -0.0 is 0.0
    keys = keys.view(np.dtype((np.void, keys.dtype.itemsize * keys.shape[1])))
    _, first, group = np.unique(keys.ravel(), return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty_like(order)
    place[order] = np.arange(order.shape[0])
    return first[order], place[group]
