r"""Solution of a binary SVM dual, exact to the last digits.

With signs :math:`y_i = \pm 1`, upper bounds :math:`C_i` (C times the weight of a row)
and signed coefficients :math:`\beta_i = y_i \alpha_i` the dual is

.. math::

    \min_\beta \; \tfrac12 \beta^\top K \beta - y^\top \beta, \qquad
    \mathbf 1^\top \beta = 0, \quad 0 \le y_i \beta_i \le C_i, \qquad
    f(x) = \sum_j \beta_j K(x, x_j) + b .

At the optimum every row is a margin support vector (S: :math:`f(x_i) = y_i`), a bounded
support vector (E: :math:`y_i \beta_i = C_i`) or not a support vector
(R: :math:`\beta_i = 0`). While no row changes its set, the optimum is a linear system
in the rows of S,

.. math::

    \sum_j \beta_j K(x_i, x_j) + b = y_i \quad (i \in S), \qquad
    \mathbf 1^\top \beta = 0, \qquad \beta_i = y_i C_i \quad (i \in E) .

If S is empty, b is not determined by the optimum; it is taken halfway between its
extremes, as by libsvm, each of which is :math:`y_i - \sum_j \beta_j K(x_i, x_j)` for
one row.

**Method.** libsvm rounds K to single precision. From its solution a primal active-set
method continues in double precision: it solves the linear system on S exactly, goes
towards the solution as far as the bounds allow (a row that meets its bound leaves S),
and when it gets there, lets into S the row that violates its condition most, until none
does. If the system is singular, the solution of least norm is taken.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import lapack
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import SVC

from skpoison.utils._warnings import warn_user

# Tolerance of libsvm.
LIBSVM_TOL = 1e-6
# Maximum number of its steps: with huge kernels it would never stop.
LIBSVM_STEPS = 100_000
# Violation of the optimality conditions that is accepted, relative to their terms.
KKT_TOL = 1e-13
# Violation above which a warning is given.
LARGEST_VIOLATION = 1e-6
# Reciprocal condition number below which the linear system counts as singular.
SINGULAR = 1e-12
# Distance to a bound, relative to the bound, below which a coefficient is at it.
ROUNDING = 1e-12
# A slope below this share of its terms has cancelled.
CANCELLED = 1e-9


class BorderedSystem:
    """The linear system of the margin support vectors.

    Parameters
    ----------
    K : ndarray of shape (n, n)
        Their kernel matrix.

    Attributes
    ----------
    null : ndarray of shape (n, n_null)
        A basis of the null space, with no columns if the system is regular.
    """

    def __init__(self, K: np.ndarray):
        n = K.shape[0]
        # The border has the scale of the kernels, for a good condition number.
        self.border = np.abs(np.diagonal(K)).mean() or 1.0
        self.matrix = np.full((n + 1, n + 1), self.border)
        self.matrix[:n, :n], self.matrix[n, n] = K, 0
        self.null = np.empty((n, 0))
        self.lu, self.pivots, _ = lapack.dgetrf(self.matrix)
        norm = np.abs(self.matrix).sum(axis=0).max()
        rcond, _ = lapack.dgecon(self.lu, norm)
        self.is_regular = rcond > SINGULAR
        if not self.is_regular:
            eigenvalues, U = np.linalg.eigh(self.matrix)
            seen = np.abs(eigenvalues) > SINGULAR * np.abs(eigenvalues).max()
            self.null = U[:n, ~seen]
            self.inverse = (U[:, seen] / eigenvalues[seen]) @ U[:, seen].T

    def solve(self, top: np.ndarray, bottom: float) -> tuple[np.ndarray, float, float]:
        """Solve the system; with least norm if it is singular.

        Parameters
        ----------
        top : ndarray of shape (n,)
            The right-hand side of the rows.
        bottom : float
            That of the sum.

        Returns
        -------
        v : ndarray of shape (n,)
            The coefficients.
        w : float
            The intercept.
        residual : float
            The relative residual.
        """
        b = np.append(top, bottom * self.border)
        if self.is_regular:
            solution, _ = lapack.dgetrs(self.lu, self.pivots, b)
        else:
            solution = self.inverse @ b
        missed = np.linalg.norm(self.matrix @ solution - b)
        residual = float(missed / (np.linalg.norm(b) or 1.0))
        return solution[:-1], solution[-1] * self.border, residual


@dataclass(frozen=True)
class BinarySVMSolution:
    """The solution of a binary SVM dual.

    Parameters
    ----------
    coefficients : ndarray of shape (n_rows,)
        Signed coefficients; 0 for rows that are not support vectors.
    intercept : float
        The intercept of the decision function.
    bounded : ndarray of shape (n_rows,) of bool
        The bounded support vectors: dual variables at their upper bounds.
    margin : ndarray of shape (n_margin,) of int
        The margin support vectors; if there are none, the two rows that bound the
        intercept.
    system : BorderedSystem or None
        Of the margin support vectors; None if there are none.
    kkt_violation : float
        By how much decision values violate the optimality conditions.
    """

    coefficients: np.ndarray
    intercept: float
    bounded: np.ndarray
    margin: np.ndarray
    system: BorderedSystem | None
    kkt_violation: float

    def adjoint(
        self, products: np.ndarray, total: float
    ) -> tuple[np.ndarray, float, float]:
        """Solve the adjoint system.

        Parameters
        ----------
        products : ndarray of shape (n_rows,)
            The kernels of the rows with the validation rows, times the gradient of the
            goal in the scores of these.
        total : float
            The sum of that gradient.

        Returns
        -------
        v : ndarray of shape (n_rows,)
            The solution; 0 outside of `margin`.
        w : float
            The solution for the sum.
        residual : float
            The relative residual.
        """
        v = np.zeros_like(products)
        if self.system is None:
            # The intercept is the mean of those that the two rows imply.
            v[self.margin] = total / 2
            return v, 0.0, 0.0
        v[self.margin], w, residual = self.system.solve(products[self.margin], total)
        return v, w, residual


def solve_svm_dual(
    K: np.ndarray,
    signs: np.ndarray,
    upper_bounds: np.ndarray,
    *,
    start: np.ndarray | None = None,
    max_changes: int = 20,
) -> BinarySVMSolution:
    """Solve a binary SVM dual by libsvm, then exactly by an active-set method.

    Parameters
    ----------
    K : ndarray of shape (n_rows, n_rows)
        The kernel matrix.
    signs : ndarray of shape (n_rows,)
        1 or -1, each of them at least once.
    upper_bounds : ndarray of shape (n_rows,)
        The upper bounds of the dual variables; positive.
    start : ndarray of shape (n_rows,), default=None
        Signed coefficients to start from. None: the solution of libsvm.
    max_changes : int, default=20
        Maximum number of changes of the active set, for each row.

    Returns
    -------
    solution : BinarySVMSolution

    Warns
    -----
    ConvergenceWarning
        If the optimality conditions are violated.
    """
    # In signed coefficients the box is [0, C] for one class and [-C, 0] for the other.
    low = np.minimum(signs * upper_bounds, 0)
    high = np.maximum(signs * upper_bounds, 0)
    start = _libsvm(K, signs, upper_bounds) if start is None else start
    beta = np.clip(start, low, high)
    beta = np.where(beta - low <= ROUNDING * upper_bounds, low, beta)
    beta = np.where(high - beta <= ROUNDING * upper_bounds, high, beta)
    # `free` is the working set, S. `previous` is the violation on S after the last full
    # step on the same set: repeated full steps refine it until rounding stops them.
    free, sizes, previous = (low < beta) & (beta < high), np.abs(K), np.inf
    for _ in range(1 + max_changes * signs.shape[0]):
        slope = K @ beta - signs
        tol = KKT_TOL * (1 + (sizes @ np.abs(beta)).max())
        margin, system = np.flatnonzero(free), None
        if margin.size == 0:
            # Without S the optimum is where no pair of rows can move: no coefficient
            # that can grow has a smaller slope than one that can shrink. Otherwise the
            # pair that violates this most starts a new S.
            rising = np.where(beta < high, slope, np.inf).argmin()
            falling = np.where(beta > low, slope, -np.inf).argmax()
            margin = np.array([rising, falling])
            b = -slope[margin].mean()
            kkt_violation = max(0.0, slope[falling] - slope[rising])
            if kkt_violation <= tol:
                break
            free[margin] = True
            continue
        system = BorderedSystem(K[np.ix_(margin, margin)])
        d, b, _ = system.solve(-slope[margin], -beta.sum())
        flat = -system.null @ (system.null.T @ slope[margin])
        longest = 1.0
        if np.abs(flat).max() > max(tol, CANCELLED * np.abs(slope[margin]).max()):
            # The system is singular and inconsistent: along this direction the
            # objective falls linearly without end, so that only a bound stops it.
            d, longest = flat, np.inf
        room = np.where(d > 0, high[margin], low[margin]) - beta[margin]
        steps = np.divide(room, d, out=np.full_like(d, np.inf), where=d != 0)
        if steps.min() < longest * (1 + ROUNDING):
            # A bound is in the way: go that far, and the rows that meet it leave S.
            # They are put exactly on it, lest rounding let them in again.
            beta[margin] += steps.min() * d
            stopped = steps == steps.min()
            hit = margin[stopped]
            beta[hit] = np.where(d[stopped] > 0, high[hit], low[hit])
            free[hit], previous = False, np.inf
            continue
        # A full step: now S is solved, and the conditions of all other rows count.
        beta[margin] += d
        slope = K @ beta - signs + b
        kkt_violation = np.abs(slope[free]).max()
        # At its lower bound a coefficient must not want to grow (slope >= 0), at its
        # upper bound not want to shrink (slope <= 0).
        violations = np.where(free, 0, np.where(beta == low, -slope, slope))
        worst = violations.argmax()
        if violations[worst] > max(tol, 2 * kkt_violation):
            free[worst], previous = True, np.inf
        elif kkt_violation <= tol or kkt_violation > previous / 2:
            kkt_violation = max(kkt_violation, violations[worst])
            break
        else:
            previous = kkt_violation
    else:
        slope = K @ beta - signs
        kkt_violation = slope[beta > low].max() - slope[beta < high].min()
    if kkt_violation > LARGEST_VIOLATION:
        warn_user(
            f"The support vector machine violates its optimality conditions by "
            f"{kkt_violation:.1e} in decision values: scale the features, or lower C.",
            ConvergenceWarning,
        )
    bounded = ~free & (beta != 0)
    return BinarySVMSolution(
        beta, float(b), bounded, margin, system, float(kkt_violation)
    )


def _libsvm(K: np.ndarray, signs: np.ndarray, upper_bounds: np.ndarray) -> np.ndarray:
    """Compute coefficients near to the optimum by libsvm."""
    machine = _Libsvm(kernel="precomputed", tol=LIBSVM_TOL, max_iter=LIBSVM_STEPS)
    machine.fit(K, signs, upper_bounds)
    beta = np.zeros_like(signs)
    beta[machine.support_] = machine.dual_coef_[0]
    return beta


class _Libsvm(SVC):
    """Support vector machine that may reach its maximum number of steps in silence.

    That is harmless, as another solver continues, and to ignore the warning would
    change the filters of all threads.
    """

    def _warn_from_fit_status(self):
        pass
