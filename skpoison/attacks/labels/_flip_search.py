r"""What does each possible flip do to the goal?

The state of a search: current labels, and what the goal becomes if one of them is
flipped. As fast as the surrogate allows:

* for the **squared loss** exactly, without a fit. A flip of row i from the target
  :math:`t` to :math:`t'` moves the scores of the attacker's rows by
  :math:`G_i (t' - t)`, where :math:`G = a_i \tilde x_i^\top H^{-1} \tilde X_{own}^\top`
  does not depend on labels and is computed once;
* for **learners at their optimum** by Newton's method from the current optimum. If the
  loss treats outputs apart, many flips are one problem, of as many outputs as they
  have together, and share one factorisation;
* for **any classifier** by fits, in parallel.

Where a surrogate can be differentiated, one adjoint solve promises the effect of every
flip to first order.
"""

from abc import ABC, abstractmethod
from dataclasses import replace

import numpy as np
from sklearn.base import clone
from sklearn.utils.parallel import Parallel, delayed

from skpoison.attacks.labels._class_scores import class_scores
from skpoison.attacks.labels._label_problem import LabelProblem
from skpoison.bilevel.differentiation.engines import ImplicitDifferentiation
from skpoison.bilevel.goals import SmoothedError
from skpoison.bilevel.learners.linear import LinearLearner
from skpoison.bilevel.losses import Squared
from skpoison.bilevel.solvers.linear_systems import solve
from skpoison.bilevel.solvers.newton import minimise

# Numbers in the targets of flips that are fitted at once: 32 MB.
AT_ONCE = 2**22
# Relative gradient at which a flip is fitted well enough to be compared with others, as
# a share of what one row of all makes of it.
TOL = 0.2


def flip_values(surrogate, X, codes, train, classes, own, sharpness, n_jobs=None):
    """Choose how flips are tried.

    Parameters
    ----------
    surrogate : classifier or Pipeline
        What the attacker believes that the victim learns.
    X : {ndarray, csr matrix} of shape (n_samples, n_features)
        Rows that the attacker knows.
    codes : ndarray of shape (n_samples,) of int
        Their labels, as positions among the classes.
    train : ndarray of shape (n_train,) of int
        Positions of those that the surrogate learns from.
    classes : ndarray of shape (n_classes,)
        The classes.
    own : tuple of {ndarray, csr matrix} and ndarray
        Rows of the attacker's own, and their labels as positions among the classes.
    sharpness : float
        Of the smoothed error.
    n_jobs : int, default=None
        Number of fits at once, where there are any.

    Returns
    -------
    values : ClosedForm, WarmFits or Fits
    """
    try:
        problem = LabelProblem(surrogate, X, codes, train, classes, own, sharpness)
    except (TypeError, ValueError):
        # It cannot be differentiated; if it is wrong altogether, its fit will say so.
        problem = None
    if problem is None or not isinstance(problem.engine, ImplicitDifferentiation):
        goal = SmoothedError(own[1], sharpness)
        return Fits(
            surrogate, X[train], codes[train], classes, own[0], goal, problem, n_jobs
        )
    learner = problem.learner
    linear = isinstance(learner, LinearLearner)
    if not linear or problem.surrogate.class_weight is not None:
        return WarmFits(problem, at_once=False)
    if isinstance(learner.loss, Squared):
        return ClosedForm(problem)
    return WarmFits(problem, at_once=learner.loss.separable)


class FlipValues(ABC):
    """The state of a search among flips.

    Parameters
    ----------
    codes : ndarray of shape (n_train,) of int
        The labels, as positions among the classes.
    problem : LabelProblem or None
        The goal; None for a classifier that cannot be differentiated.

    Attributes
    ----------
    free : bool
        Whether to try all flips costs no more than to choose among them.
    """

    free = False

    def __init__(self, codes, problem):
        self.codes, self.problem = codes.copy(), problem

    def promises(self):
        """Say what each flip promises, to first order.

        Returns
        -------
        promises : ndarray of shape (n_train, n_classes), or None
            None where nothing is known without a fit.
        """
        if self.problem is None:
            return None
        n_classes = self.problem.classes.shape[0]
        _, gains = self.problem.gains(np.eye(n_classes)[self.codes])
        return gains - np.take_along_axis(gains, self.codes[:, np.newaxis], axis=1)

    @abstractmethod
    def value(self):
        """Compute the goal for the current labels.

        Returns
        -------
        value : float
        """

    @abstractmethod
    def values(self, rows, new):
        """Compute the goal for each of several flips.

        Parameters
        ----------
        rows : ndarray of shape (n_flips,) of int
            The row of each flip.
        new : ndarray of shape (n_flips,) of int
            Its new label.

        Returns
        -------
        values : ndarray of shape (n_flips,)
        """

    def flip(self, row, new):
        """Make a flip.

        Parameters
        ----------
        row : int
            The row.
        new : int
            Its new label.
        """
        self.codes[row] = new

    def _flipped(self, row, new):
        codes = self.codes.copy()
        codes[row] = new
        return codes


class ClosedForm(FlipValues):
    """Flips where the loss is squared: scores are linear in the labels.

    Parameters
    ----------
    problem : LabelProblem
        The goal.
    """

    free = True

    def __init__(self, problem):
        super().__init__(problem.codes, problem)
        learner, rows = problem.learner, problem.rows
        # All outputs have the same Hessian: that of the first one.
        one = rows.with_targets(rows.targets[:, :1])
        optimum = minimise(learner, one, tol=problem.engine.tol)
        own = learner.append_intercept_column(problem.goal.X)
        B = (own if isinstance(own, np.ndarray) else own.toarray()).T
        if optimum.factorisation.method == "cg":
            columns = [
                solve(optimum.point, b, optimum.factorisation).V
                for b in np.split(B, B.shape[1], axis=1)
            ]
            V = np.concatenate(columns, axis=1)
        else:
            V = optimum.factorisation.apply(B)
        self.influence = rows.weights[:, np.newaxis] * learner.scores(rows.X, V)
        self.scores = self.influence.T @ rows.targets

    def value(self):
        """Compute the goal for the current labels."""
        return self.problem.goal.measure.value(self.scores)

    def values(self, rows, new):
        """Compute the goal for each of several flips."""
        value = self.problem.goal.measure.value
        flips = zip(rows, new, strict=True)
        return np.array([value(self._scores(*flip)) for flip in flips])

    def flip(self, row, new):
        """Make a flip."""
        self.scores = self._scores(row, new)
        super().flip(row, new)

    def _scores(self, row, new):
        encoded = self.problem.encoded
        moved = encoded[new] - encoded[self.codes[row]]
        return self.scores + self.influence[row][:, np.newaxis] * moved


class WarmFits(FlipValues):
    """Flips where the learner is at its optimum: the next one is near.

    Parameters
    ----------
    problem : LabelProblem
        The goal.
    at_once : bool
        Whether many flips are one problem: the loss treats outputs apart, and weights
        do not depend on labels.
    """

    def __init__(self, problem, at_once):
        super().__init__(problem.codes, problem)
        self.at_once = at_once
        self.tol = TOL / self.codes.shape[0]

    def value(self):
        """Compute the goal for the current labels."""
        return self.problem.value(self.codes)

    def values(self, rows, new):
        """Compute the goal for each of several flips."""
        self.value()  # sees to it that the optimum is that of the current labels
        problem = self.problem
        if not self.at_once:
            return np.array(
                [self._value(*flip) for flip in zip(rows, new, strict=True)]
            )
        size = max(1, AT_ONCE // problem.rows.targets.size)
        parts = range(0, rows.shape[0], size)
        return np.concatenate(
            [self._values(rows[i : i + size], new[i : i + size]) for i in parts]
        )

    def _value(self, row, new):
        problem = self.problem
        flipped = problem.rows_of(self._flipped(row, new))
        optimum = minimise(
            problem.learner, flipped, problem.engine.optimum, tol=self.tol
        )
        return problem.goal.measure.value(
            problem.learner.scores(problem.goal.X, optimum.W)
        )

    def _values(self, rows, new):
        problem, n_flips = self.problem, rows.shape[0]
        optimum = problem.engine.optimum
        learner, current = problem.learner, problem.rows_of(self.codes)
        targets = np.repeat(current.targets[:, np.newaxis], n_flips, axis=1)
        targets[rows, np.arange(n_flips)] = problem.encoded[new]
        many = current.with_targets(targets.reshape(targets.shape[0], -1))
        start = replace(
            optimum,
            point=learner.at(np.tile(optimum.W, n_flips), many),
            objective=n_flips * optimum.objective,
            # To factorise for each flip would cost more than it saves.
            factorisation=replace(optimum.factorisation, refactor_after=np.inf),
        )
        W = minimise(learner, many, start, tol=self.tol).W
        scores = learner.scores(problem.goal.X, W)
        parts = np.split(scores, n_flips, axis=1)
        return np.array([problem.goal.measure.value(part) for part in parts])


class Fits(FlipValues):
    """Flips of any classifier: it is fitted for each.

    Parameters
    ----------
    surrogate : classifier
        The classifier.
    X : {ndarray, csr matrix} of shape (n_train, n_features)
        The rows that it learns from.
    codes : ndarray of shape (n_train,) of int
        Their labels, as positions among the classes.
    classes : ndarray of shape (n_classes,)
        The classes.
    X_own : {ndarray, csr matrix} of shape (n_own, n_features)
        Rows of the attacker's own.
    goal : SmoothedError
        The goal on these.
    problem : LabelProblem or None
        Gives promises; None for a classifier that cannot be differentiated.
    n_jobs : int or None
        Number of fits at once.
    """

    def __init__(self, surrogate, X, codes, classes, X_own, goal, problem, n_jobs):
        super().__init__(codes, problem)
        self.given = surrogate, X, classes, X_own, goal
        self.n_jobs = n_jobs

    def value(self):
        """Compute the goal for the current labels."""
        return _fitted_value(*self.given, self.codes)

    def values(self, rows, new):
        """Compute the goal for each of several flips."""
        one = delayed(_fitted_value)
        return np.array(
            Parallel(n_jobs=self.n_jobs)(
                one(*self.given, self._flipped(*flip))
                for flip in zip(rows, new, strict=True)
            )
        )


def _fitted_value(surrogate, X, classes, X_own, goal, codes):
    fitted = clone(surrogate).fit(X, classes[codes])
    scores = class_scores(fitted, X_own, classes)
    if classes.shape[0] == 2:
        scores = scores[:, 1:] - scores[:, :1]
    return goal.value(scores)
