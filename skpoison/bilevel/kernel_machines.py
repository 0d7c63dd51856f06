r"""Where does a support vector machine end up, and how does that move?

With signs :math:`y_i = \pm 1`, caps :math:`C_i` (C times the weight of a row) and
signed coefficients :math:`\beta_i = y_i \alpha_i`, a machine of two classes is

.. math::

    \min_\beta \; \tfrac12 \beta^\top K \beta - y^\top \beta, \qquad
    \mathbf 1^\top \beta = 0, \quad 0 \le y_i \beta_i \le C_i, \qquad
    f(x) = \sum_j \beta_j K(x, x_j) + b .

At its optimum every row is on the margin (S: :math:`f(x_i) = y_i`), at its cap (E) or
in reserve (R: :math:`\beta_i = 0`). While no row changes its set, the optimum is a
linear system in the rows of S,

.. math::

    \sum_j \beta_j K(x_i, x_j) + b = y_i \quad (i \in S), \qquad
    \mathbf 1^\top \beta = 0, \qquad \beta_i = y_i C_i \quad (i \in E) ,

so that one adjoint system, of the same symmetric matrix, gives the gradient of a goal A
in all rows. With :math:`s_k = \partial A / \partial f(x_k)` on the attacker's rows,

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
these do.

Where S is empty, b is not determined by the optimum; it is taken halfway between its
extremes, as libsvm does, each of which is :math:`y_i - \sum_j \beta_j K(x_i, x_j)` for
one row: for these two rows v is half of :math:`\sum_k s_k`.

Several classes are learnt one against one. The score of a class is the least of its
decision values against the others. A class that wins all its duels alone has a positive
score, and most votes: there the highest score is what SVC predicts. Sums of decision
values do not have that property.

**How it is solved.** libsvm rounds K to single precision. From where it ends, an
active-set method goes on in double precision: it solves the linear system on S exactly,
goes as far towards the solution as the caps allow, and lets in the row that violates
its condition most, until none does. Where the system is singular, the solution of least
norm is taken.

Clones with equal labels are one row whose cap is the sum of theirs. They share its
coefficient and its gradient by their caps. That is exact for all other rows, for clones
at their caps, and for clones on the margin that move together. A single clone on the
margin has no derivative: as it leaves the others, one of them leaves the margin.
"""

import warnings
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations

import numpy as np
from scipy.linalg import lapack
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import SVC

from skpoison.bilevel.hypergradients import Hypergradient
from skpoison.bilevel.losses import SmoothedHinge

# Where libsvm stops.
LIBSVM_TOL = 1e-6
# How far conditions of optimality may be missed, relative to what they are a sum of.
KKT_TOL = 1e-13
# What misses them by more is not the optimum.
LARGEST_MISS = 1e-6
# Reciprocal condition below which the linear system counts as singular.
SINGULAR = 1e-12
# Coefficients so near to a cap, relative to it, are at the cap.
ROUNDING = 1e-12
# What cancels to less than this of its parts has cancelled altogether.
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
class Duel:
    """A machine of two classes at its optimum.

    Parameters
    ----------
    coefficients : ndarray of shape (n_rows,)
        Signed, and 0 for rows in reserve.
    intercept : float
        What is added to the decision values.
    at_cap : ndarray of shape (n_rows,) of bool
        The rows at their caps.
    bearing : ndarray of shape (n_bearing,) of int
        The rows on the margin; where there are none, the two that bound the intercept.
    system : BorderedSystem or None
        Of the rows on the margin; None where there are none.
    miss : float
        By how much decision values miss the conditions of optimality.
    """

    coefficients: np.ndarray
    intercept: float
    at_cap: np.ndarray
    bearing: np.ndarray
    system: BorderedSystem | None
    miss: float

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
            v[self.bearing] = total / 2
            return v, 0.0, 0.0
        v[self.bearing], w, residual = self.system.solve(products[self.bearing], total)
        return v, w, residual


def solve_duel(K, signs, caps):
    """Find the optimum of a machine of two classes.

    Parameters
    ----------
    K : ndarray of shape (n_rows, n_rows)
        The kernels.
    signs : ndarray of shape (n_rows,)
        1 or -1, each of them at least once.
    caps : ndarray of shape (n_rows,)
        The most that coefficients can be; positive.

    Returns
    -------
    duel : Duel

    Warns
    -----
    ConvergenceWarning
        If what is found is not the optimum.
    """
    low, high = np.minimum(signs * caps, 0), np.maximum(signs * caps, 0)
    beta = np.clip(_libsvm(K, signs, caps), low, high)
    beta = np.where(beta - low <= ROUNDING * caps, low, beta)
    beta = np.where(high - beta <= ROUNDING * caps, high, beta)
    free, sizes, missed = (low < beta) & (beta < high), np.abs(K), np.inf
    for _ in range(100 + 10 * signs.shape[0]):
        slope = K @ beta - signs
        tol = KKT_TOL * (1 + (sizes @ np.abs(beta)).max())
        bearing, system = np.flatnonzero(free), None
        if bearing.size == 0:
            rising = np.where(beta < high, slope, np.inf).argmin()
            falling = np.where(beta > low, slope, -np.inf).argmax()
            bearing = np.array([rising, falling])
            b = -slope[bearing].mean()
            miss = max(0.0, slope[falling] - slope[rising])
            if miss <= tol:
                break
            free[bearing] = True
            continue
        system = BorderedSystem(K[np.ix_(bearing, bearing)])
        d, b, _ = system.solve(-slope[bearing], -beta.sum())
        flat = -system.null @ (system.null.T @ slope[bearing])
        full = 1.0
        if np.abs(flat).max() > max(tol, CANCELLED * np.abs(slope[bearing]).max()):
            # Downhill without end, but for the caps.
            d, full = flat, np.inf
        room = np.where(d > 0, high[bearing], low[bearing]) - beta[bearing]
        ways = np.divide(room, d, out=np.full_like(d, np.inf), where=d != 0)
        if ways.min() < full * (1 + ROUNDING):
            beta[bearing] += ways.min() * d
            stopped = ways == ways.min()
            hit = bearing[stopped]
            beta[hit] = np.where(d[stopped] > 0, high[hit], low[hit])
            free[hit], missed = False, np.inf
            continue
        beta[bearing] += d
        slope = K @ beta - signs + b
        miss = np.abs(slope[free]).max()
        wrong = np.where(free, 0, np.where(beta == low, -slope, slope))
        worst = wrong.argmax()
        if wrong[worst] > max(tol, 2 * miss):
            free[worst], missed = True, np.inf
        elif miss <= tol or miss > missed / 2:
            miss = max(miss, wrong[worst])
            break
        else:
            missed = miss
    if miss > LARGEST_MISS:
        warnings.warn(
            f"The support vector machine misses its optimum by {miss:.1e} in decision "
            "values: scale the features, or lower C.",
            ConvergenceWarning,
            stacklevel=2,
        )
    at_cap = ~free & (beta != 0)
    return Duel(beta, float(b), at_cap, bearing, system, float(miss))


def _libsvm(K, signs, caps):
    """Find coefficients near to the optimum."""
    machine = SVC(kernel="precomputed", tol=LIBSVM_TOL).fit(K, signs, caps)
    beta = np.zeros_like(signs)
    beta[machine.support_] = machine.dual_coef_[0]
    return beta


@dataclass(frozen=True)
class KernelLearner:
    """What a support vector machine is told before it sees any rows.

    Parameters
    ----------
    kernel : {"linear", "rbf", "poly", "sigmoid"}
        The kernel.
    C : float
        The most that a coefficient of a row of weight 1 can be.
    gamma, degree, coef0
        Of the kernel; see :func:`skpoison.bilevel.kernels.make_kernel`.
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
    duels : list of Duel
        The machines of two classes: 0 against 1, 0 against 2, ..., the positive
        decision values being those of the second.
    miss : float
        By how much decision values miss the conditions of optimality.
    """

    def __init__(self, kernel, X, codes, weights, *, C, n_classes):
        self.kernel, self.C, self.n_classes = kernel, C, n_classes
        first, self.group = _clones(X, codes)
        self.X, self.codes = X[first], codes[first]
        caps = np.bincount(self.group, C * weights)
        self.shares = np.divide(
            C * weights, caps[self.group], out=np.zeros(X.shape[0]), where=weights > 0
        )
        self.pairs = list(combinations(range(n_classes), 2))
        self.rows, self.duels = [], []
        gram = kernel.matrix(self.X, self.X)
        for pair in self.pairs:
            rows = np.flatnonzero(np.isin(self.codes, pair) & (caps > 0))
            signs = np.where(self.codes[rows] == pair[1], 1.0, -1.0)
            if np.abs(signs.sum()) == signs.shape[0]:
                raise ValueError(f"One of the classes {pair} has no row of weight.")
            self.rows.append(rows)
            self.duels.append(solve_duel(gram[np.ix_(rows, rows)], signs, caps[rows]))
        self.gram = gram
        self.miss = max(duel.miss for duel in self.duels)

    def decide(self, X):
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
        intercepts = [duel.intercept for duel in self.duels]
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
        decisions = self.decide(X)
        return decisions if self.n_classes == 2 else self._least(decisions)[0]

    def hypergradient(self, X, slopes, which=slice(None)):
        """Differentiate a goal in training rows.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features)
            The attacker's own rows.
        slopes : ndarray of shape (n_rows, n_outputs)
            The gradient of the goal in their scores.
        which : slice, default=slice(None)
            The training rows in question.

        Returns
        -------
        hypergradient : Hypergradient
            Of rows that cannot move the goal, the features are exactly 0.
        """
        if self.n_classes > 2:
            slopes = self._of_decisions(self.decide(X), slopes)
        products = self.kernel.product(self.X, X, slopes)
        V, of_caps = np.zeros_like(products), np.zeros(self.X.shape[0])
        residual = 0.0
        for m, (rows, duel) in enumerate(zip(self.rows, self.duels, strict=True)):
            v, w, missed = duel.adjoint(products[rows, m], slopes[:, m].sum())
            V[rows, m], residual = v, max(residual, missed)
            capped = rows[duel.at_cap]
            through = self.gram[np.ix_(capped, rows[duel.bearing])] @ v[duel.bearing]
            signs = np.sign(self.coefficients[capped, m])
            of_caps[capped] += signs * (products[capped, m] - through - w)

        group, shares = self.group[which], self.shares[which, np.newaxis]
        rows, B = self.X[group], self.coefficients
        bearing = np.flatnonzero((B != 0).any(axis=1) | (V != 0).any(axis=1))
        direct = self.kernel.slopes(rows, X, B[group], slopes)
        through = self.kernel.slopes(
            rows,
            self.X[bearing],
            np.hstack([B[group], V[group]]),
            np.hstack([V[bearing], B[bearing]]),
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

    def to_margin(self, which=slice(None)):
        """Say where rows would have to go to be on the margin.

        A way out for rows that a gradient does not move: for what is learnt now, the
        gradient of their own score in them, downwards for rows in reserve and upwards
        for others.

        Parameters
        ----------
        which : slice, default=slice(None)
            The training rows in question.

        Returns
        -------
        directions : ndarray of shape (n_rows, n_features)
        """
        X, codes = self.X[self.group[which]], self.codes[self.group[which]]
        own = 1.0 * (codes[:, np.newaxis] == np.arange(self.n_classes))
        decisions = self.decide(X)
        margins = (self._least(decisions)[0] * own).sum(axis=1, keepdims=True)
        up = self._of_decisions(decisions, np.where(margins > 1, -own, own))
        return self.kernel.slopes(X, self.X, up, self.coefficients)

    @cached_property
    def coefficients(self):
        """The coefficients of all duels, of shape (n_unique_rows, n_duels)."""
        B = np.zeros((self.X.shape[0], len(self.duels)))
        for m, (rows, duel) in enumerate(zip(self.rows, self.duels, strict=True)):
            B[rows, m] = duel.coefficients
        return B

    def _least(self, decisions):
        """Find the least decision value of each class, and in which duel it is."""
        shape = decisions.shape[0], self.n_classes
        scores, duels = np.full(shape, np.inf), np.zeros(shape, dtype=int)
        for m, (a, b) in enumerate(self.pairs):
            for k, values in ((a, -decisions[:, m]), (b, decisions[:, m])):
                duels[:, k] = np.where(values < scores[:, k], m, duels[:, k])
                scores[:, k] = np.minimum(values, scores[:, k])
        return scores, duels

    def _of_decisions(self, decisions, slopes):
        """Pull slopes in scores back to decision values."""
        _, duels = self._least(decisions)
        pulled = np.zeros_like(decisions)
        for m, (a, b) in enumerate(self.pairs):
            pulled[:, m] = slopes[:, b] * (duels[:, b] == m)
            pulled[:, m] -= slopes[:, a] * (duels[:, a] == m)
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
