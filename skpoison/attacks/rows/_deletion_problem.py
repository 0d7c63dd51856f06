"""A goal as a function of the rows that are deleted.

The effect of one further deletion is predicted from the surrogate as it stands: to
first order by the influence function of the weight of a row (Koh and Liang 2017), and
for linear learners by one Newton step, exact for the squared loss
(:mod:`skpoison.bilevel.differentiation.leave_one_out`). Scalers are fitted on the rows
that are left, as those of the victim are. The effect of a deletion on means and
standard deviations is predicted to first order, that on minima, maxima and quantiles is
not.
"""

from contextlib import nullcontext
from dataclasses import replace

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skpoison.attacks._goal_values import goal_values
from skpoison.bilevel.differentiation.leave_one_out import is_direct, leave_one_out
from skpoison.utils._warnings import raise_warnings

# Numbers that the weights and scores of all candidates may take: 1 MB.
N_STORED = 2**17
# The fewest candidates for which a Newton step is taken, best by their influence.
SHORTLIST = 32
# Relative residual above which an optimum, or the linear system there, counts as not
# solved.
UNSOLVED = 1e-6


class DeletionProblem:
    """A goal as a function of the rows that a surrogate does not learn from.

    Parameters
    ----------
    problem : BilevelProblem
        The surrogate, the rows and the goal.
    kinds : ndarray of shape (n_train,) of int
        The class of each row; all the same for responses.
    n_stored : int, default=2**17
        How many numbers the weights and scores of all candidates may take.

    Attributes
    ----------
    influence : ndarray of shape (n_train,)
        The gradient of the goal in the weights of the rows, at the last training.
    is_direct : bool
        Whether a Newton step predicts the goal without a row.
    """

    def __init__(self, problem, kinds, *, n_stored=N_STORED):
        self.problem, self.kinds, self.n_stored = problem, kinds, n_stored
        self.deleted = np.zeros(kinds.shape[0], dtype=bool)
        self.is_solved = False
        # Without an optimum for all rows there is nothing to attack: this raises.
        self._train()
        is_smooth = problem.engine.has_smooth_optimum
        self.is_direct = is_smooth and is_direct(problem.learner, self.rows)
        known = problem.diagnostics()
        missed = max(known.get(key, 0.0) for key in ("residual", "gradient_norm"))
        self.is_solved = missed <= UNSOLVED

    def value(self):
        """Return the goal at the last training; -inf if it has no optimum.

        Returns
        -------
        value : float
        """
        return self._value

    def train(self, deleted):
        """Train without some rows.

        Parameters
        ----------
        deleted : ndarray of shape (n_train,) of bool
            The rows to leave out.
        """
        self.deleted = deleted.copy()
        try:
            self._train()
        except (ValueError, ConvergenceWarning):
            self._value = -np.inf

    def first_order(self, candidates):
        """Predict the goal without each of some further rows, to first order.

        Parameters
        ----------
        candidates : ndarray of shape (n_candidates,) of int
            The rows.

        Returns
        -------
        values : ndarray of shape (n_candidates,)
        """
        values = np.empty(candidates.shape[0])
        for members, weights in self._groups(candidates):
            chosen = candidates[members]
            shift = self.influence @ (weights - self.rows.weights)
            own = self.influence[chosen] * weights[chosen]
            values[members] = self._value + shift - own
        return values - self._scaler_influence[candidates]

    def newton_step(self, candidates):
        """Predict the goal without each of some further rows by one Newton step.

        Parameters
        ----------
        candidates : ndarray of shape (n_candidates,) of int
            The rows.

        Returns
        -------
        values : ndarray of shape (n_candidates,)
            -inf for a row without which the weights are not determined.
        """
        values = np.empty(candidates.shape[0])
        learner, W = self.problem.learner, self.problem.engine.optimum.W
        for members, weights in self._groups(candidates):
            point = learner.at(W, replace(self.rows, weights=weights))
            left_out = leave_one_out(point, candidates[members])
            values[members] = goal_values(self.goal, learner, left_out)
        return values - self._scaler_influence[candidates]

    def n_at_once(self):
        """Return for how many candidates a Newton step is worth its memory.

        Returns
        -------
        n_candidates : int
        """
        goal = self.goal
        p, n_outputs = self.problem.engine.optimum.W.shape
        numbers = p * (n_outputs if self.problem.learner.loss.couples_outputs else 1)
        if goal.kind == "scores":
            numbers += goal.X.shape[0]
        return max(SHORTLIST, self.n_stored // (numbers * n_outputs))

    def _train(self):
        problem = self.problem
        self.rows, self.goal, scaling = problem.rescaled(1.0 * ~self.deleted)
        # An optimum that is not found would be compared with ones that are.
        errors = raise_warnings(ConvergenceWarning) if self.is_solved else nullcontext()
        with errors, np.errstate(over="ignore", invalid="ignore"):
            self._value, hypergradient = problem.evaluate(
                self.rows, goal=self.goal, columns=scaling is not None
            )
        self.influence = hypergradient.weights
        self._scaler_influence = np.zeros(self.deleted.shape[0])
        if scaling is not None:
            columns = hypergradient.columns
            self._scaler_influence = scaling.weight_gradient(problem.X, columns)

    def _groups(self, candidates):
        """Yield candidates, and the weights of all rows without one of them.

        If losses are divided by the number of rows, or classes are balanced, the
        weights of all rows depend on which rows are left; they do so by class.
        """
        multiplicity, as_they_are = 1.0 * ~self.deleted, []
        for kind in np.unique(self.kinds[candidates]):
            alike = self.kinds == kind
            members = np.flatnonzero(alike[candidates])
            left = 1 - 1 / multiplicity[alike].sum()
            weights = self.problem.rows(
                multiplicity=np.where(alike, left * multiplicity, multiplicity)
            ).weights
            weights = np.where(alike, weights / left, weights)
            if np.allclose(weights, self.rows.weights, rtol=1e-12, atol=0):
                as_they_are.append(members)
            else:
                yield members, weights
        if as_they_are:
            yield np.sort(np.concatenate(as_they_are)), self.rows.weights
