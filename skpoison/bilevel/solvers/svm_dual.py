r"""Where does a support vector machine of two classes end up?

With signs :math:`y_i = \pm 1`, caps :math:`C_i` (C times the weight of a row) and
signed coefficients :math:`\beta_i = y_i \alpha_i` it is

.. math::

    \min_\beta \; \tfrac12 \beta^\top K \beta - y^\top \beta, \qquad
    \mathbf 1^\top \beta = 0, \quad 0 \le y_i \beta_i \le C_i, \qquad
    f(x) = \sum_j \beta_j K(x, x_j) + b .

At its optimum every row is on the margin (S: :math:`f(x_i) = y_i`), at its cap (E) or
in reserve (R: :math:`\beta_i = 0`). While no row changes its set, the optimum is a
linear system in the rows of S,

.. math::

    \sum_j \beta_j K(x_i, x_j) + b = y_i \quad (i \in S), \qquad
    \mathbf 1^\top \beta = 0, \qquad \beta_i = y_i C_i \quad (i \in E) .

Where S is empty, b is not determined by the optimum; it is taken halfway between its
extremes, as libsvm does, each of which is :math:`y_i - \sum_j \beta_j K(x_i, x_j)` for
one row.

**How it is solved.** libsvm rounds K to single precision. From where it ends, an
active-set method goes on in double precision: it solves the linear system on S exactly,
goes as far towards the solution as the caps allow, and lets in the row that violates
its condition most, until none does. Where the system is singular, the solution of least
norm is taken.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from scipy.linalg import lapack
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import SVC

# Where libsvm stops.
LIBSVM_TOL = 1e-6
# After so many steps, at the latest: where kernels are huge it would never stop.
LIBSVM_STEPS = 100_000
# The most steps that the sets are changed in, for each row.
STEPS = 20
# How far conditions of optimality may be missed, relative to what they are a sum of.
KKT_TOL = 1e-13
# What misses them by more is not the optimum.
LARGEST_MISS = 1e-6
# Reciprocal condition below which the linear system counts as singular.
SINGULAR = 1e-12
# Coefficients so near to a cap, relative to it, are at the cap.
ROUNDING = 1e-12
# A slope that cancels to less than this of its parts is none.
CANCELLED = 1e-9


class BorderedSystem:
    """The linear system of the rows on the margin.

    Parameters
    ----------
    K : ndarray of shape (n, n)
        Their kernels.

    Attributes
    ----------
    null : ndarray of shape (n, n_null)
        Directions that the system does not see; of none where it is regular.
    """

    def __init__(self, K):
        n = K.shape[0]
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

    def solve(self, top, bottom):
        """Solve the system; with least norm where it is singular.

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
            Relative.
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
    """A machine of two classes at its optimum.

    Parameters
    ----------
    coefficients : ndarray of shape (n_rows,)
        Signed, and 0 for rows in reserve.
    intercept : float
        What is added to the decision values.
    bounded : ndarray of shape (n_rows,) of bool
        The rows at their caps.
    margin : ndarray of shape (n_bearing,) of int
        The rows on the margin; where there are none, the two that bound the intercept.
    system : BorderedSystem or None
        Of the rows on the margin; None where there are none.
    kkt_violation : float
        By how much decision values miss the conditions of optimality.
    """

    coefficients: np.ndarray
    intercept: float
    bounded: np.ndarray
    margin: np.ndarray
    system: BorderedSystem | None
    kkt_violation: float

    def adjoint(self, products, total):
        """Solve the adjoint system.

        Parameters
        ----------
        products : ndarray of shape (n_rows,)
            The kernels of the rows with the attacker's rows, times slopes.
        total : float
            The sum of the slopes.

        Returns
        -------
        v : ndarray of shape (n_rows,)
            0 but for the rows that bear.
        w : float
            That of the sum.
        residual : float
            Relative.
        """
        v = np.zeros_like(products)
        if self.system is None:
            v[self.margin] = total / 2
            return v, 0.0, 0.0
        v[self.margin], w, residual = self.system.solve(products[self.margin], total)
        return v, w, residual


def solve_svm_dual(K, signs, upper_bounds):
    """Find the optimum of a machine of two classes.

    Parameters
    ----------
    K : ndarray of shape (n_rows, n_rows)
        The kernels.
    signs : ndarray of shape (n_rows,)
        1 or -1, each of them at least once.
    upper_bounds : ndarray of shape (n_rows,)
        The most that coefficients can be; positive.

    Returns
    -------
    solution : BinarySVMSolution

    Warns
    -----
    ConvergenceWarning
        If what is found is not the optimum.
    """
    low, high = np.minimum(signs * upper_bounds, 0), np.maximum(signs * upper_bounds, 0)
    beta = np.clip(_libsvm(K, signs, upper_bounds), low, high)
    beta = np.where(beta - low <= ROUNDING * upper_bounds, low, beta)
    beta = np.where(high - beta <= ROUNDING * upper_bounds, high, beta)
    free, sizes, missed = (low < beta) & (beta < high), np.abs(K), np.inf
    for _ in range(1 + STEPS * signs.shape[0]):
        slope = K @ beta - signs
        tol = KKT_TOL * (1 + (sizes @ np.abs(beta)).max())
        margin, system = np.flatnonzero(free), None
        if margin.size == 0:
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
        full = 1.0
        if np.abs(flat).max() > max(tol, CANCELLED * np.abs(slope[margin]).max()):
            # Downhill without end, but for the caps.
            d, full = flat, np.inf
        room = np.where(d > 0, high[margin], low[margin]) - beta[margin]
        ways = np.divide(room, d, out=np.full_like(d, np.inf), where=d != 0)
        if ways.min() < full * (1 + ROUNDING):
            beta[margin] += ways.min() * d
            stopped = ways == ways.min()
            hit = margin[stopped]
            beta[hit] = np.where(d[stopped] > 0, high[hit], low[hit])
            free[hit], missed = False, np.inf
            continue
        beta[margin] += d
        slope = K @ beta - signs + b
        kkt_violation = np.abs(slope[free]).max()
        wrong = np.where(free, 0, np.where(beta == low, -slope, slope))
        worst = wrong.argmax()
        if wrong[worst] > max(tol, 2 * kkt_violation):
            free[worst], missed = True, np.inf
        elif kkt_violation <= tol or kkt_violation > missed / 2:
            kkt_violation = max(kkt_violation, wrong[worst])
            break
        else:
            missed = kkt_violation
    else:
        slope = K @ beta - signs
        kkt_violation = slope[beta > low].max() - slope[beta < high].min()
    if kkt_violation > LARGEST_MISS:
        warnings.warn(
            f"The support vector machine misses its optimum by {kkt_violation:.1e} in "
            "decision values: scale the features, or lower C.",
            ConvergenceWarning,
            stacklevel=2,
        )
    bounded = ~free & (beta != 0)
    return BinarySVMSolution(
        beta, float(b), bounded, margin, system, float(kkt_violation)
    )


def _libsvm(K, signs, upper_bounds):
    """Find coefficients near to the optimum."""
    machine = SVC(kernel="precomputed", tol=LIBSVM_TOL, max_iter=LIBSVM_STEPS)
    with warnings.catch_warnings():
        # That it has gone only so far is no harm: what follows goes on from there.
        warnings.simplefilter("ignore", ConvergenceWarning)
        machine.fit(K, signs, upper_bounds)
    beta = np.zeros_like(signs)
    beta[machine.support_] = machine.dual_coef_[0]
    return beta
