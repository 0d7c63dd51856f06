r"""Newton's method in the coefficients of the rows.

With a penalty :math:`\lambda > 0` that is the same for all features, the optimum of a
linear learner is in the span of its rows, :math:`W = X^\top \alpha`, and the objective
is a function of the inner products :math:`K = X X^\top`:

.. math::

    C(\alpha, w_0) = \sum_i a_i \, \varphi(z_i, t_i)
        + \tfrac{\lambda}{2} \alpha^\top K \alpha + \tfrac{\lambda_0}{2} w_0^2,
    \qquad z = K \alpha + c \, w_0 ,

one output of several that do not depend on each other. It is at its minimum if
:math:`\lambda \alpha_i = - a_i \varphi'(z_i, t_i)` and
:math:`c \, \lambda \mathbf 1^\top \alpha = \lambda_0 w_0`. No iteration touches a
matrix with as many columns as there are features.

**Linearisation.** A step replaces the curve :math:`a_i \varphi'(z)` of each row by its
tangent at some :math:`m_i`, of slope :math:`d_i`. With
:math:`q = \lambda \alpha + a \varphi'(m) + D (z - m)` the conditions for
:math:`\alpha + \delta` are

.. math::

    \lambda \delta + D K \delta = - q, \qquad \delta = D^{1/2} y, \qquad
    M y = - D^{-1/2} q, \qquad M = \lambda I + D^{1/2} K D^{1/2}

(:mod:`skpoison.bilevel.solvers.row_systems`, for the intercept, too). Newton's method
has :math:`m = z`. It makes little progress among confident mistakes, such as poison
rows that have moved far: there the curve is flat, the tangent predicts that only the
penalty holds the scores, and a line search keeps a small share of the long step that
follows. But a row responds to its own coefficient: were the others held, its score
would come to the :math:`m` with

.. math::

    m - z_i + \kappa_i \, ( a_i \varphi'(m) / \lambda + \alpha_i ) = 0, \qquad
    \kappa_i = \tfrac12 K_{ii} ,

a function of one number that increases. (The half stands for the other rows, which take
their part.) At the optimum :math:`m = z`. With the tangents there, full steps reach the
optimum in five to ten, from wherever the poison rows have moved. For the squared hinge
loss this is the primal-dual active set method (Hintermüller, Ito and Kunisch 2002): a
row is active by its coefficient and its score together.

**Warm start.** The optimum for rows nearby lends the scores of its rows, and not its
weights: rows that have moved along these have left their scores, and training takes
them back. The first tangents are taken at these scores, whatever the coefficients.
After small moves two or three more steps do.

**Safeguard.** Nothing proves that full steps converge. If they have not after some,
Newton's method takes over, with a line search: scores are linear along a step, so that
its best length is a problem in one number for each output, and costs no product with K.

**Precision.** The steps are directed by products with K in single precision. At the end
:math:`K \alpha` is computed once by the rows themselves, and one more step goes from
there: only what it adds is known in single precision. No more than these two passes
over the rows are needed for an optimum in double precision.
"""

from dataclasses import dataclass, replace

import numpy as np

from skpoison.bilevel.learners.linear import LinearLearner
from skpoison.bilevel.learners.rows import Rows
from skpoison.bilevel.solvers.row_systems import RowSystem, intercept_offset

MAX_ITER = 60
# Number of full steps.
TRUSTED = 20
# Norm of the gradient, relative to its terms, below which progress may end, and up to
# which single precision does.
NEAR, ROUGH = 1e-3, 1e-5
# How exactly the first system is solved, if its tangents are those at known scores.
GUESSED = 1e-3
# Share of the inner product of a row with itself by which its score answers.
ANSWER = 0.5
# Least curvature of a loss, relative to what would move the row's own score: less
# counts as this much, lest flat rows dominate the residuals.
FLAT = 1e-3
# Least product of a row with itself that is told from 0, relative to the largest.
SMALL = 1e-2
# Iterations of scalar problems, and the accuracy that is asked of them.
SCALAR_ITER = 40
SCALAR_TOL = 1e-3


@dataclass(frozen=True)
class Coefficients:
    """A linear learner as a combination of its rows.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_outputs)
        The coefficients of the rows.
    intercept : ndarray of shape (n_outputs,)
        The weights of the intercept; 0 if there is none.
    n_iter : int, default=0
        Number of steps.
    """

    rows: np.ndarray
    intercept: np.ndarray
    n_iter: int = 0

    def weights(self, learner: LinearLearner, rows: Rows) -> np.ndarray:
        """Return the weights of the features, and of the intercept.

        Parameters
        ----------
        learner : LinearLearner
            The learner.
        rows : Rows
            Its training rows.

        Returns
        -------
        W : ndarray of shape (n_parameters, n_outputs)
        """
        W = rows.X.T @ self.rows
        return np.vstack([W, self.intercept]) if learner.intercept else W


def minimise_in_row_space(
    learner: LinearLearner,
    rows: Rows,
    scores: np.ndarray | None = None,
    *,
    tol: float = 1e-7,
) -> Coefficients:
    """Find the optimum of a linear learner by the inner products of its rows.

    Parameters
    ----------
    learner : LinearLearner
        The learner, with a positive penalty, of a loss that does not couple outputs.
    rows : Rows
        Its training rows.
    scores : ndarray of shape (n_samples, n_outputs), default=None
        The scores at the optimum for as many rows nearby, where the first tangents are
        taken. None: there are none.
    tol : float, default=1e-7
        Norm of the gradient that is accepted, relative to the terms that it is a sum
        of.

    Returns
    -------
    coefficients : Coefficients
    """
    problem = _Problem(learner, rows)
    state = first = problem.nothing
    if scores is not None and scores.shape != state.alpha.shape:
        scores = None
    previous, gram, is_exact = np.inf, rows.rough_gram, not rows.rough_gram.is_single
    for n_iter in range(MAX_ITER):
        error = problem.error(state)
        if rows.rough_gram is not gram:
            # Single precision has turned out too rough.
            gram, is_exact = rows.rough_gram, True
            state, first = problem.again(state), problem.again(first)
            error = problem.error(state)
        is_done = error <= (tol if is_exact else max(tol, ROUGH))
        # Close to the optimum the precision of K ends the progress.
        if is_done or (error < NEAR and error > previous / 2):
            if is_exact:
                break
            # From here on only what is added is multiplied in single precision.
            is_exact, state = True, problem.again(state)
            error = problem.error(state)
            if error <= tol:
                break
        if n_iter == TRUSTED:
            state = min(state, first, key=problem.objective)
            error = problem.error(state)
        previous = error
        if n_iter == 0 and scores is not None:
            step = problem.step(state, scores, GUESSED)
        else:
            m = problem.answers(state) if n_iter < TRUSTED else state.scores
            # As exactly as convergence takes, and no further than to the end.
            exactly = max(np.sqrt(error), tol / (10 * error))
            step = problem.step(state, m, min(0.1, exactly))
        length = 1.0
        if n_iter >= TRUSTED:
            length = problem.lengths(state, step)
        state = state.moved(step, length)
    return problem.coefficients(state, n_iter)


@dataclass(frozen=True)
class _State:
    """Coefficients, their product with K, and intercepts; also changes of these."""

    alpha: np.ndarray
    product: np.ndarray
    intercept: np.ndarray

    @property
    def scores(self) -> np.ndarray:
        return self.product + self.intercept

    def moved(self, step: "_State", lengths: np.ndarray | float) -> "_State":
        return _State(
            self.alpha + lengths * step.alpha,
            self.product + lengths * step.product,
            self.intercept + lengths * step.intercept,
        )


class _Problem:
    """The objective of a linear learner in the coefficients of its rows.

    A penalised intercept is part of K, and follows from the coefficients. One without a
    penalty is held as what it adds to the scores.
    """

    def __init__(self, learner: LinearLearner, rows: Rows):
        self.learner, self.rows, self.penalty = learner, rows, learner.penalty
        self.offset = intercept_offset(learner)
        self.has_free_intercept = learner.intercept != 0 and self.offset == 0
        self.weights = rows.weights[:, np.newaxis]
        own = rows.rough_gram.diagonal[:, np.newaxis] + self.offset
        self.answer = ANSWER * own / self.penalty
        # Rows of zeros have no product with themselves.
        self.least = FLAT * self.penalty / np.maximum(own, SMALL * own.max() or 1.0)

    def product(self, alpha: np.ndarray, *, exact: bool = False) -> np.ndarray:
        gram = self.rows.rough_gram
        product = (gram.exact_product if exact else gram.product)(alpha)
        return product + self.offset * alpha.sum(axis=0)

    def slope_of_losses(self, z: np.ndarray) -> np.ndarray:
        return self.weights * self.learner.loss.gradient(z, self.rows.targets)

    def curvature_of_losses(self, z: np.ndarray) -> np.ndarray:
        return self.weights * self.learner.loss.curvature(z, self.rows.targets)

    @property
    def nothing(self) -> _State:
        """No coefficients."""
        zero = np.zeros(self.rows.targets.shape)
        return _State(zero, zero, zero[0])

    def again(self, state: _State) -> _State:
        """Compute the product with K once more, in double precision."""
        return replace(state, product=self.product(state.alpha, exact=True))

    def coefficients(self, state: _State, n_iter: int) -> Coefficients:
        """Return the coefficients and the weights of the intercept."""
        learner, intercept = self.learner, state.intercept
        if self.has_free_intercept:
            intercept = intercept / learner.intercept
        elif learner.intercept:
            share = learner.intercept * self.penalty / learner.intercept_penalty
            intercept = share * state.alpha.sum(axis=0)
        return Coefficients(state.alpha, intercept, n_iter)

    def objective(self, state: _State) -> float:
        losses = self.learner.loss.value(state.scores, self.rows.targets)
        squares = self.penalty * (state.alpha * state.product).sum()
        return float(self.rows.weights @ losses + squares / 2)

    def error(self, state: _State) -> float:
        """Compute the norm of the gradient in the weights, relative to its terms."""
        slopes = self.slope_of_losses(state.scores)
        residual = slopes + self.penalty * state.alpha
        square = max((residual * self.product(residual)).sum(), 0)
        if self.has_free_intercept:
            square += ((self.learner.intercept * slopes.sum(axis=0)) ** 2).sum()
        length = max((state.alpha * state.product).sum(), 0)
        size = np.hypot(self.rows.norm, self.learner.intercept * len(slopes) ** 0.5)
        scale = size * np.linalg.norm(slopes) + self.penalty * length**0.5
        return float(np.sqrt(square) / (scale or 1.0))

    def step(self, state: _State, m: np.ndarray, tol: float) -> _State:
        """Solve the linearised conditions of the optimum.

        Parameters
        ----------
        state : _State
            The coefficients.
        m : ndarray of shape (n_samples, n_outputs)
            The scores at which the tangents are taken.
        tol : float
            How exactly the system is solved.

        Returns
        -------
        step : _State
            What is to be added.
        """
        z = state.scores
        curvatures = np.maximum(self.curvature_of_losses(m), self.least)
        slopes = self.slope_of_losses(m) + curvatures * (z - m)
        residual, total = slopes + self.penalty * state.alpha, curvatures.sum(axis=0)
        if self.has_free_intercept:
            # The best intercept for the coefficients as they are.
            residual = residual - curvatures * (slopes.sum(axis=0) / total)
        system = RowSystem(self.learner, self.rows, curvatures)
        alpha = system.roots * system.solve(-residual / system.roots, tol)[0]
        product = self.product(alpha)
        change = np.zeros_like(state.intercept)
        if self.has_free_intercept:
            change = -(slopes + curvatures * product).sum(axis=0) / total
        return _State(alpha, product, change)

    def answers(self, state: _State) -> np.ndarray:
        """Find the score of each row if it alone chooses its coefficient."""
        z = state.scores
        offset = self.answer * self.penalty * state.alpha - z
        value = z + self.answer * self.slope_of_losses(z) + offset
        # The function increases by at least as much as its argument.
        low, high = z - np.maximum(value, 0), z - np.minimum(value, 0)
        m = z
        for _ in range(SCALAR_ITER):
            value = m + self.answer * self.slope_of_losses(m) + offset
            if (np.abs(value) <= SCALAR_TOL * (1 + np.abs(m))).all():
                break
            low, high = np.where(value < 0, m, low), np.where(value > 0, m, high)
            m = m - value / (1 + self.answer * self.curvature_of_losses(m))
            m = np.where((m > low) & (m < high), m, (low + high) / 2)
        return m

    def lengths(self, state: _State, step: _State) -> np.ndarray:
        """Find the best length of the step of each output; 0 if it does not descend."""
        z, along = state.scores, step.scores
        squares = self.penalty * (step.alpha * step.product).sum(axis=0)
        squares = np.maximum(squares, 0)
        linear = self.penalty * (step.alpha * state.product).sum(axis=0)
        first = linear + (self.slope_of_losses(z) * along).sum(axis=0)
        descends = first < 0
        length = np.where(descends, 1.0, 0.0)
        low, high = np.zeros_like(length), np.full_like(length, np.inf)
        for _ in range(SCALAR_ITER):
            at = z + length * along
            slope = (self.slope_of_losses(at) * along).sum(axis=0)
            slope += linear + length * squares
            if (np.abs(slope) <= SCALAR_TOL * np.abs(first))[descends].all():
                break
            low = np.where(slope < 0, length, low)
            high = np.where(slope > 0, length, high)
            bend = (self.curvature_of_losses(at) * along**2).sum(axis=0) + squares
            length = length - slope / np.where(bend > 0, bend, 1)
            middle = np.where(np.isfinite(high), (low + high) / 2, 2 * low + 1)
            inside = (length > low) & (length < high)
            length = np.where(inside, length, middle)
        return np.where(descends, length, 0.0)
