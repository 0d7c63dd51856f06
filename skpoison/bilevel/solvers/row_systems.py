r"""Linear systems of the size of the rows, without a factorisation of that size.

For one output of a linear learner, curvatures :math:`D = \operatorname{diag}(d)` of the
weighted losses and inner products :math:`K = X X^\top`, Woodbury's formula turns a
system with the Hessian into one with

.. math::

    M = \lambda I + D^{1/2} K D^{1/2} .

It is solved by conjugate gradients. The preconditioner
(:mod:`skpoison.bilevel.solvers.row_preconditioner`) takes the largest components of K,
the diagonal of what remains, and the products of rows that belong together in pairs. It
costs a matrix of the size of the rank, knows the curvatures as they are, and those
change from step to step by orders of magnitude: for a factorisation of M it is the
curvatures that make it stale, much more than the rows.

**A penalised intercept** is one more feature of constant c, with the penalty
:math:`\lambda_0`: it adds :math:`\tau = c^2 \lambda / \lambda_0` to all entries of K.

**An intercept without a penalty.** Let :math:`u = X v + c v_0` be the change of the
scores along :math:`(v, v_0)`, :math:`y = D^{1/2} u` and
:math:`r = D^{1/2} \mathbf 1`. The system :math:`\nabla^2 C \, (v, v_0) = (B, B_0)` is

.. math::

    M y = D^{1/2} X B + \lambda c v_0 \, r, \qquad c \, r^\top y = B_0, \qquad
    v = \tfrac1\lambda (B - X^\top D^{1/2} y) ,

a quadratic problem with one linear constraint, whose multiplier is :math:`v_0`. The
iterations stay on the constraint if the preconditioner P projects onto it,

.. math::

    P^{-1} b - P^{-1} r \, \frac{r^\top P^{-1} b}{r^\top P^{-1} r}

(Gould, Hribar and Nocedal 2001): the intercept takes no system of its own.
"""

from collections.abc import Callable
from functools import cached_property

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from skpoison.bilevel.learners.linear import LinearLearner, LinearPoint
from skpoison.bilevel.learners.rows import Rows
from skpoison.bilevel.solvers.row_preconditioner import RowPreconditioner

# Most iterations of conjugate gradients.
MAX_ITER = 300
# Fewest rows, and fewest columns, for which they take less time than a factorisation.
FEWEST, FEWEST_SPARSE = 150, 1000
# Rows of the largest matrix of inner products: 256 MB in single precision.
LARGEST = 8192
# Largest eigenvalue of M, relative to the smallest, up to which conjugate gradients in
# single precision do. For more than so many rows it grows with their square.
STIFF, CHEAP = 3e4, 1000
# The same for a factorisation in single precision, and most rows for which one takes
# less time than the iterations, of a step or of a gradient, which needs more digits;
# and for iterations in double precision, where inner products are not stored.
STIFF_DIRECT, DIRECT, DIRECT_INVERSE = 5e6, 1250, 4096
STIFF_DOUBLE = 1e10
# Most steps of iterative refinement, and the relative change below which they end.
REFINEMENTS, REFINED = 4, 1e-8
TINY = np.finfo(float).tiny


def prefers_row_systems(learner: LinearLearner, rows: Rows) -> bool:
    """Decide whether systems are best solved by inner products of rows.

    Parameters
    ----------
    learner : LinearLearner
        The learner.
    rows : Rows
        Its training rows.

    Returns
    -------
    prefers : bool
    """
    if "hessian" not in learner.supports or learner.loss.couples_outputs:
        return False
    n_samples, n_features = rows.X.shape
    is_stored = isinstance(rows.X, np.ndarray)
    return (
        learner.penalty > 0
        and min(n_samples, n_features) >= (FEWEST if is_stored else FEWEST_SPARSE)
        and n_samples <= n_features
        and not (is_stored and n_samples > LARGEST)
    )


class RowSystem:
    r"""The systems with :math:`M = \lambda I + D^{1/2} K D^{1/2}`, one for each output.

    Parameters
    ----------
    learner : LinearLearner
        The learner, with a positive penalty.
    rows : Rows
        Its training rows, with their inner products.
    curvatures : ndarray of shape (n_samples, n_outputs)
        The curvatures D of their weighted losses.
    most_direct : int, default=None
        Most rows for which M is factorised in any case. None: `DIRECT`.

    Attributes
    ----------
    roots : ndarray of shape (n_samples, n_outputs)
        The roots of the curvatures.
    is_constrained : bool
        Whether an intercept without a penalty constrains the solutions.
    is_direct : bool
        Whether M is factorised.
    is_stiff : bool
        Whether M is so badly conditioned that it is factorised in double precision. An
        error of y comes out multiplied by its condition number.

    Raises
    ------
    LinAlgError
        If nothing determines the intercept.
    """

    def __init__(
        self,
        learner: LinearLearner,
        rows: Rows,
        curvatures: np.ndarray,
        most_direct: int | None = None,
    ):
        self.learner, self.rows = learner, rows
        self.penalty, self.offset = learner.penalty, intercept_offset(learner)
        self.roots = np.sqrt(np.maximum(curvatures, 0))
        self.is_constrained = learner.intercept != 0 and learner.intercept_penalty == 0
        if self.is_constrained and not self.roots.any(axis=0).all():
            raise LinAlgError("the block of the intercept is singular")
        n_samples = rows.targets.shape[0]
        is_stored = rows.rough_gram.matrix is not None
        self.is_direct = is_stored and n_samples <= (most_direct or DIRECT)
        largest = self._largest()
        if largest > self._limit() and is_stored:
            self.is_direct = True
        elif largest > self._limit() and rows.rough_gram.is_single:
            rows.use_double_precision()
            largest = self._largest()
        self.is_stiff = largest > self._limit() and n_samples <= LARGEST
        if self.is_stiff:
            rows.use_double_precision()
        if rows.rough_gram.tail is not None:
            # Poison rows that have moved on may be less extreme than their start.
            rows.memory.is_single = largest <= self._limit_of_single()

    def _limit(self) -> float:
        """Return the largest eigenvalue of M that the method does for."""
        gram = self.rows.rough_gram
        if self.is_direct:
            return self.penalty * STIFF_DIRECT
        if gram.matrix is None and not gram.is_single:
            return self.penalty * STIFF_DOUBLE
        return self._limit_of_single()

    def _limit_of_single(self) -> float:
        """Return up to which eigenvalue iterations in single precision do."""
        n_samples = self.rows.targets.shape[0]
        return self.penalty * STIFF * max(1.0, n_samples / CHEAP) ** 2

    def _largest(self) -> float:
        """Estimate the largest eigenvalue of M, or bound it, if that is enough."""
        if self.is_direct:
            v = self.roots * self.rows.dominant
            product = self.roots * self.rows.rough_gram.product(self.roots * v)
            sizes = np.linalg.norm(v, axis=0), np.linalg.norm(product, axis=0)
            largest = sizes[1] / np.maximum(sizes[0], TINY)
            return float((largest + self.offset * (self.roots**2).sum(axis=0)).max())
        F = self.rows.components
        squares = np.einsum("ij,ij->i", F, F) @ self.roots**2
        if squares.max() <= self._limit():
            return float(squares.max())
        G = self.roots[:, [squares.argmax()]] * F
        return float(np.linalg.eigvalsh(G.T @ G)[-1])

    def multiply(self, B: np.ndarray, *, exact: bool = False) -> np.ndarray:
        """Multiply M by columns, those of all outputs, once or several times.

        Parameters
        ----------
        B : ndarray of shape (n_samples, n_columns)
            The columns.
        exact : bool, default=False
            Whether the inner products are taken in double precision.

        Returns
        -------
        product : ndarray of shape (n_samples, n_columns)
        """
        roots = self._tiled(B)
        B_roots = roots * B
        gram = self.rows.rough_gram
        product = (gram.exact_product if exact else gram.product)(B_roots)
        if self.offset:
            product += self.offset * B_roots.sum(axis=0)
        return roots * product + self.penalty * B

    def solve(
        self, B: np.ndarray, tol: float | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        r"""Solve the systems, by conjugate gradients unless they are stiff.

        With a constraint: under :math:`r^\top y = 0`, up to a multiple of r.

        Parameters
        ----------
        B : ndarray of shape (n_samples, n_columns)
            The right-hand sides: those of all outputs, once or several times.
        tol : float, default=None
            Norm of each residual that is accepted, relative to its right-hand side, in
            the coefficients of the rows. None: as small as the precision of the inner
            products allows.

        Returns
        -------
        Y : ndarray of shape (n_samples, n_columns)
            The solutions.
        left : ndarray of shape (n_samples, n_columns)
            What is left of the right-hand sides: small, or a multiple of r.
        """
        # Multiples of r would drown the rest in rounding.
        left, multiplier = self._projected(B)
        if self.is_stiff or self.is_direct:
            Y = self._constrained(self._by_factors, left)
            return Y, left - self.multiply(Y) + multiplier * self._tiled(B)
        accuracy = self.rows.rough_gram.accuracy
        tol = accuracy if tol is None else max(tol, accuracy)
        roots = self._tiled(B)
        accepted = tol * np.linalg.norm(roots * left, axis=0)
        Y, direction = np.zeros_like(B), np.zeros_like(B)
        previous = np.full(B.shape[1], np.inf)
        for _ in range(MAX_ITER):
            going = np.linalg.norm(roots * left, axis=0) > accepted
            if not going.any():
                break
            improved = self._constrained(self._by_components, left)
            slope = (left * improved).sum(axis=0)
            direction = improved + slope / previous * direction
            product = self.multiply(direction)
            curvature = (direction * product).sum(axis=0)
            # Columns that are solved stay as they are.
            going &= (curvature > 0) & (slope > 0)
            step = np.divide(slope, curvature, np.zeros_like(slope), where=going)
            Y += step * direction
            left, more = self._projected(left - step * product)
            multiplier = multiplier + more
            previous = np.where(slope > 0, slope, np.inf)
        return Y, left + multiplier * roots

    def refine(
        self, Y: np.ndarray | float, B: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Solve the systems from a start; with factors, by iterative refinement.

        Where these are in single precision, residuals are computed by the rows
        themselves.

        Parameters
        ----------
        Y : ndarray of shape (n_samples, n_columns) or 0.0
            The start, which meets the constraint.
        B : ndarray of shape (n_samples, n_columns)
            The right-hand sides.

        Returns
        -------
        Y : ndarray of shape (n_samples, n_columns)
            The solutions.
        left : ndarray of shape (n_samples, n_columns)
            What is left of the right-hand sides: small, or a multiple of r.
        """
        left = B - self.multiply(Y) if np.ndim(Y) else B
        change, left = self.solve(left)
        Y, size = Y + change, np.linalg.norm(change)
        # Iterations stop early anyway: the system is solved by others around them.
        is_rough = self.is_direct and self.rows.rough_gram.is_single
        if self.is_stiff or not is_rough:
            return Y, left
        for _ in range(REFINEMENTS):
            change, left = self.solve(B - self.multiply(Y, exact=True))
            Y = Y + change
            before, size = size, np.linalg.norm(change)
            # The next change would be smaller by the same factor.
            if size**2 <= REFINED * before * np.linalg.norm(Y):
                break
        return Y, left

    def _tiled(self, B: np.ndarray) -> np.ndarray:
        """Repeat the roots for the columns of several problems."""
        return np.tile(self.roots, (1, B.shape[1] // self.roots.shape[1]))

    def _projected(self, B: np.ndarray) -> tuple[np.ndarray, np.ndarray | float]:
        """Remove multiples of r, which the multiplier of the constraint takes."""
        if not self.is_constrained:
            return B.copy(), 0.0
        roots = self._tiled(B)
        multiplier = (roots * B).sum(axis=0) / (roots**2).sum(axis=0)
        return B - multiplier * roots, multiplier

    def _constrained(self, inverse: Callable, B: np.ndarray) -> np.ndarray:
        """Apply an inverse, and project onto the constraint."""
        improved = inverse(B)
        if not self.is_constrained:
            return improved
        n_times = B.shape[1] // self.roots.shape[1]
        column = np.tile(self._normal(inverse), (1, n_times))
        roots = self._tiled(B)
        missed = (roots * improved).sum(axis=0) / (roots * column).sum(axis=0)
        return improved - column * missed

    def _normal(self, inverse: Callable) -> np.ndarray:
        """Return what an inverse makes of r, computed once."""
        if self._normal_of is None:
            self._normal_of = inverse(self.roots)
        return self._normal_of

    _normal_of: np.ndarray | None = None

    def _by_factors(self, B: np.ndarray) -> np.ndarray:
        """Solve with the factors of M."""
        n_outputs, factors = self.roots.shape[1], self._factors
        Y, right = np.empty_like(B), B.astype(factors[0][0].dtype)
        if len(factors) == 1:
            n_outputs = 1
        for k, factor in enumerate(factors):
            columns = slice(k, None, n_outputs)
            Y[:, columns] = cho_solve(factor, right[:, columns], check_finite=False)
        return Y

    @cached_property
    def _factors(self) -> list:
        """The Cholesky factors of M, only one if all outputs have equal curvatures."""
        roots = self.roots
        if (roots == roots[:, :1]).all():
            roots = roots[:, :1]
        # Ridge regression has the same ones at all weights.
        known, key = self.rows.factors, roots.tobytes()
        key += np.array([self.penalty, self.offset]).tobytes()
        if key in known:
            return known[key]
        K = self.rows.gram if self.is_stiff else self.rows.rough_gram.matrix
        factors = []
        for root in roots.T.astype(K.dtype):
            M = K * root
            if self.offset:
                M += self.offset * root
            M *= root[:, np.newaxis]
            M[np.diag_indices_from(M)] += self.penalty
            # M is symmetric: its transpose is in the order that LAPACK overwrites.
            factors.append(
                cho_factor(M.T, lower=True, overwrite_a=True, check_finite=False)
            )
        known.clear()
        known[key] = factors
        return factors

    def _by_components(self, B: np.ndarray) -> np.ndarray:
        """Apply the inverse of what the largest components make of M."""
        n_outputs = self.roots.shape[1]
        Y = np.empty_like(B)
        for k, inverse in enumerate(self._preconditioners):
            Y[:, k::n_outputs] = inverse(B[:, k::n_outputs])
        return Y

    @cached_property
    def _preconditioners(self) -> list[RowPreconditioner]:
        """The approximate inverse of each output."""
        rows = self.rows
        return [
            RowPreconditioner(
                self.penalty, root, rows.rough_gram, rows.components, self.offset
            )
            for root in self.roots.T
        ]


def intercept_offset(learner: LinearLearner) -> float:
    r"""Return what a penalised intercept adds to all inner products, :math:`\tau`.

    Parameters
    ----------
    learner : LinearLearner
        The learner, with a positive penalty.

    Returns
    -------
    offset : float
    """
    if learner.intercept == 0 or learner.intercept_penalty == 0:
        return 0.0
    return learner.intercept**2 * learner.penalty / learner.intercept_penalty


def inverse_by_row_system(point: LinearPoint) -> Callable[[np.ndarray], np.ndarray]:
    """Return the inverse of a Hessian, nearly.

    Parameters
    ----------
    point : LinearPoint
        The objective at the weights in question, of a learner with a positive penalty.

    Returns
    -------
    inverse : callable
        Takes and returns arrays of shape (n_parameters, n_outputs), or with the columns
        of several problems side by side.
    """
    learner, X = point.learner, point.rows.X
    system = RowSystem(learner, point.rows, point.curvatures, DIRECT_INVERSE)
    penalty, constant, n_features = learner.penalty, learner.intercept, X.shape[1]
    of_intercept = learner.intercept_penalty

    def inverse(B):
        first, last = B[:n_features], B[n_features:]
        roots = np.tile(system.roots, (1, B.shape[1] // system.roots.shape[1]))
        right, Y = roots * (X @ first), 0.0
        if system.is_constrained:
            Y = roots * (last / constant / (roots**2).sum(axis=0))
        elif constant:
            right += roots * (constant * penalty / of_intercept * last)
        Y, left = system.refine(Y, right)
        coefficients = roots * Y
        V = (first - X.T @ coefficients) / penalty
        if system.is_constrained:
            multiplier = -(roots * left).sum(axis=0) / (roots**2).sum(axis=0)
            return np.vstack([V, multiplier / (penalty * constant)])
        if constant:
            total = coefficients.sum(axis=0)
            return np.vstack([V, (last - constant * total) / of_intercept])
        return V

    return inverse
