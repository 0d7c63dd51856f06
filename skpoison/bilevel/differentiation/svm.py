r"""How does what a support vector machine learns move with its training rows?

Its optimum is a linear system in the rows on its margin, S
(:mod:`skpoison.bilevel.solvers.svm_dual`). One adjoint system, of the same symmetric
matrix, gives the gradient of a goal A in all rows. With
:math:`s_k = \partial A / \partial f(x_k)` on the attacker's rows,

.. math::

    \begin{pmatrix} K_{SS} & \mathbf 1 \\ \mathbf 1^\top & 0 \end{pmatrix}
    \begin{pmatrix} v \\ w \end{pmatrix} =
    \begin{pmatrix} \sum_k s_k K(x_S, x_k) \\ \sum_k s_k \end{pmatrix},
    \qquad v = 0 \text{ outside of } S ,

and :math:`k'(x, z)` the gradient of the kernel in its first argument,

.. math::

    \nabla_{x_c} A &= \beta_c \sum_k s_k \, k'(x_c, x_k)
        - \beta_c \sum_j v_j \, k'(x_c, x_j) - v_c \sum_j \beta_j \, k'(x_c, x_j), \\
    \partial A / \partial C_c &= y_c \Bigl( \sum_k s_k K(x_k, x_c)
        - \sum_j v_j K(x_j, x_c) - w \Bigr) \quad (c \in E) .

The first sum is direct: scores contain :math:`K(x, x_c)`. The second is what Biggio,
Nelson and Laskov (2012, Equation 10) have. The third is missing there: a row on the
margin also moves its own equation. Without it the gradient is right only for rows at
their caps. Both sums together hold the diagonal, :math:`\tfrac{d}{dx} K(x, x)`, too.

Rows in reserve have a gradient of exactly 0. So have rows at their cap where the margin
pins all that can be learnt: a linear machine with d + 1 rows in S cannot move unless
these do. Where S is empty, v is half of :math:`\sum_k s_k` for the two rows that bound
the intercept.

Several classes are learnt one against one. The score of a class is the least of its
decision values against the others. A class that wins all its duels alone has a positive
score, and most votes: there the highest score is what SVC predicts. Sums of decision
values do not have that property.

Clones with equal labels are one row whose cap is the sum of theirs. They share its
coefficient and its gradient by their caps. That is exact for all other rows, for clones
at their caps, and for clones on the margin that move together. A single clone on the
margin has no derivative: as it leaves the others, one of them leaves the margin.
"""

from functools import cached_property
from itertools import combinations

import numpy as np

from skpoison.bilevel.differentiation.hypergradients import Hypergradient
from skpoison.bilevel.solvers.svm_dual import solve_svm_dual

# What cancels to less than this of its parts has cancelled altogether.
CANCELLED = 1e-9


class KernelMachine:
    """A support vector machine, of several classes one against one.

    Parameters
    ----------
    kernel : Kernel
        The kernel.
    X : ndarray of shape (n_samples, n_features)
        The training rows.
    codes : ndarray of shape (n_samples,) of int
        Their labels, as positions among the classes.
    weights : ndarray of shape (n_samples,)
        What C is multiplied with for each row.
    C : float
        The most that a coefficient of a row of weight 1 can be.
    n_classes : int
        Number of classes.

    Attributes
    ----------
    solutions : list of BinarySVMSolution
        The machines of two classes: 0 against 1, 0 against 2, ..., the positive
        decision values being those of the second.
    kkt_violation : float
        By how much decision values miss the conditions of optimality.
    """

    def __init__(self, kernel, X, codes, weights, *, C, n_classes):
        self.kernel, self.C, self.n_classes = kernel, C, n_classes
        first, self.group = _clones(X, codes)
        self.X, self.codes = X[first], codes[first]
        upper_bounds = np.bincount(self.group, C * weights)
        self.shares = np.divide(
            C * weights,
            upper_bounds[self.group],
            out=np.zeros(X.shape[0]),
            where=weights > 0,
        )
        self.pairs = list(combinations(range(n_classes), 2))
        self.rows, self.solutions = [], []
        gram = kernel.matrix(self.X, self.X)
        for pair in self.pairs:
            rows = np.flatnonzero(np.isin(self.codes, pair) & (upper_bounds > 0))
            signs = np.where(self.codes[rows] == pair[1], 1.0, -1.0)
            if np.abs(signs.sum()) == signs.shape[0]:
                raise ValueError(f"One of the classes {pair} has no row of weight.")
            self.rows.append(rows)
            self.solutions.append(
                solve_svm_dual(gram[np.ix_(rows, rows)], signs, upper_bounds[rows])
            )
        self.gram = gram
        self.kkt_violation = max(solution.kkt_violation for solution in self.solutions)

    def decision_function(self, X):
        """Compute the decision values of all duels.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features)
            The rows.

        Returns
        -------
        decisions : ndarray of shape (n_rows, n_duels)
        """
        support = np.flatnonzero(self.coefficients.any(axis=1))
        intercepts = [solution.intercept for solution in self.solutions]
        coefficients = self.coefficients[support]
        return self.kernel.product(X, self.X[support], coefficients) + intercepts

    def scores(self, X):
        """Compute the scores of rows.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features)
            The rows.

        Returns
        -------
        scores : ndarray of shape (n_rows, n_outputs)
            One output for two classes, the decision value; else one for each class,
            its least decision value against the others.
        """
        decisions = self.decision_function(X)
        return decisions if self.n_classes == 2 else self._least(decisions)[0]

    def hypergradient(self, X, slopes, indices=slice(None)):
        """Differentiate a goal in training rows.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features)
            The attacker's own rows.
        slopes : ndarray of shape (n_rows, n_outputs)
            The gradient of the goal in their scores.
        indices : slice, default=slice(None)
            The training rows in question.

        Returns
        -------
        hypergradient : Hypergradient
            Of rows that cannot move the goal, the features are exactly 0.
        """
        if self.n_classes > 2:
            slopes = self._of_decisions(self.decision_function(X), slopes)
        products = self.kernel.product(self.X, X, slopes)
        V, of_caps = np.zeros_like(products), np.zeros(self.X.shape[0])
        residual = 0.0
        for m, (rows, solution) in enumerate(
            zip(self.rows, self.solutions, strict=True)
        ):
            v, w, missed = solution.adjoint(products[rows, m], slopes[:, m].sum())
            V[rows, m], residual = v, max(residual, missed)
            capped = rows[solution.bounded]
            through = (
                self.gram[np.ix_(capped, rows[solution.margin])] @ v[solution.margin]
            )
            signs = np.sign(self.coefficients[capped, m])
            of_caps[capped] += signs * (products[capped, m] - through - w)

        group, shares = self.group[indices], self.shares[indices, np.newaxis]
        rows, B = self.X[group], self.coefficients
        margin = np.flatnonzero((B != 0).any(axis=1) | (V != 0).any(axis=1))
        direct = self.kernel.vjp(rows, X, B[group], slopes)
        through = self.kernel.vjp(
            rows,
            self.X[margin],
            np.hstack([B[group], V[group]]),
            np.hstack([V[margin], B[margin]]),
        )
        features = direct - through
        size = np.maximum(*(np.linalg.norm(part, axis=1) for part in (direct, through)))
        features[np.linalg.norm(features, axis=1) <= CANCELLED * size] = 0
        return Hypergradient(
            shares * features,
            np.zeros((group.shape[0], 1)),
            self.C * of_caps[group],
            residual,
        )

    def to_margin(self, indices=slice(None)):
        """Say where rows would have to go to be on the margin.

        A way out for rows that a gradient does not move: for what is learnt now, the
        gradient of their own score in them, downwards for rows in reserve and upwards
        for others.

        Parameters
        ----------
        indices : slice, default=slice(None)
            The training rows in question.

        Returns
        -------
        directions : ndarray of shape (n_rows, n_features)
        """
        X, codes = self.X[self.group[indices]], self.codes[self.group[indices]]
        own = 1.0 * (codes[:, np.newaxis] == np.arange(self.n_classes))
        decisions = self.decision_function(X)
        margins = (self._least(decisions)[0] * own).sum(axis=1, keepdims=True)
        up = self._of_decisions(decisions, np.where(margins > 1, -own, own))
        return self.kernel.vjp(X, self.X, up, self.coefficients)

    @cached_property
    def coefficients(self):
        """The coefficients of all duels, of shape (n_unique_rows, n_duels)."""
        B = np.zeros((self.X.shape[0], len(self.solutions)))
        for m, (rows, solution) in enumerate(
            zip(self.rows, self.solutions, strict=True)
        ):
            B[rows, m] = solution.coefficients
        return B

    def _least(self, decisions):
        """Find the least decision value of each class, and in which duel it is."""
        shape = decisions.shape[0], self.n_classes
        scores, solutions = np.full(shape, np.inf), np.zeros(shape, dtype=int)
        for m, (a, b) in enumerate(self.pairs):
            for k, values in ((a, -decisions[:, m]), (b, decisions[:, m])):
                solutions[:, k] = np.where(values < scores[:, k], m, solutions[:, k])
                scores[:, k] = np.minimum(values, scores[:, k])
        return scores, solutions

    def _of_decisions(self, decisions, slopes):
        """Pull slopes in scores back to decision values."""
        _, solutions = self._least(decisions)
        pulled = np.zeros_like(decisions)
        for m, (a, b) in enumerate(self.pairs):
            pulled[:, m] = slopes[:, b] * (solutions[:, b] == m)
            pulled[:, m] -= slopes[:, a] * (solutions[:, a] == m)
        return pulled


def stalled(hypergradient):
    """Find the rows that a gradient does not move.

    Rows in reserve, and rows at their cap that a pinned margin takes no notice of.
    Another start, or a learner of a smoothed hinge, would move them.

    Parameters
    ----------
    hypergradient : Hypergradient
        The gradient of a goal in training rows.

    Returns
    -------
    stalled : ndarray of shape (n_rows,) of bool
    """
    return ~hypergradient.features.any(axis=1)


def _clones(X, codes):
    """Find the first of all equal rows with equal labels, and which row is whose."""
    keys = np.column_stack([X + 0.0, codes])  # -0.0 is 0.0
    keys = keys.view(np.dtype((np.void, keys.dtype.itemsize * keys.shape[1])))
    _, first, group = np.unique(keys.ravel(), return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty_like(order)
    place[order] = np.arange(order.shape[0])
    return first[order], place[group]
