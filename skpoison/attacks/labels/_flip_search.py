r"""The goal after each possible flip of a label.

The state of a greedy search: the current labels, and the goal if one of them is
flipped. How that is computed depends on the surrogate:

* for the **squared loss** exactly, without a fit: the scores of the validation rows are
  linear in the targets
  (:class:`~skpoison.attacks.labels._label_influence.LabelInfluence`);
* for **other surrogates at their optimum** by Newton's method from the current optimum.
  If the loss treats outputs separately, many flips are one problem with as many
  outputs as they have together, and share one factorisation;
* for **surrogates that are differentiated otherwise** and goals that need more than
  scores, by training through the engine of the surrogate;
* for **any classifier** by fits, in parallel.

For surrogates that can be differentiated, one adjoint solve gives the effect of every
flip to first order (the influence of its label).
"""

from abc import ABC, abstractmethod
from dataclasses import replace

import numpy as np
from sklearn.utils.parallel import Parallel, delayed

from skpoison.attacks._goal_values import goal_values
from skpoison.attacks.labels._flip_goal import FitPart
from skpoison.attacks.labels._label_influence import LabelInfluence
from skpoison.bilevel.solvers.newton import minimise

# Numbers in the targets of flips that are fitted at once: 32 MB.
N_STORED = 2**22
# Numbers in the scores after flips that are tried at once, which the cache holds.
N_CACHED = 2**14
# Relative gradient at which a flip is fitted well enough to be compared with others, as
# a share of the influence of a single row.
TOL = 0.2


def flip_search(part, *, tol=TOL):
    """Return the fastest search that a surrogate and a goal allow.

    Parameters
    ----------
    part : FitPart or ProblemPart
        The goal as a function of the labels.
    tol : float, default=0.2
        How closely a flip is fitted, relative to the influence of a single row.

    Returns
    -------
    search : FlipSearch
    """
    problem = part.problem
    if isinstance(part, FitPart):
        return FitSearch(part.refit, problem)
    if not problem.engine.has_smooth_optimum:
        return EngineSearch(problem)
    is_batched = (
        "hessian" in problem.learner.supports
        # With class weights a flip moves the weights of other rows, too.
        and problem.training_problem.class_weight is None
        and not problem.learner.loss.couples_outputs
    )
    if is_batched and problem.learner.loss.is_quadratic:
        return ClosedFormSearch(problem)
    return WarmStartSearch(problem, is_batched, tol=tol)


class FlipSearch(ABC):
    """Current labels, and the goal after each possible flip.

    Parameters
    ----------
    codes : ndarray of shape (n_train,) of int
        The labels, as positions among the classes.

    Attributes
    ----------
    exact_is_cheap : bool
        Whether trying all flips costs no more than choosing among them.
    """

    exact_is_cheap = False

    def __init__(self, codes):
        self.codes = codes.copy()

    @abstractmethod
    def first_order_gains(self):
        """Return the change of the goal by each flip, to first order.

        Returns
        -------
        gains : ndarray of shape (n_train, n_classes), or None
            0 for the current labels; None if nothing is known without a fit.
        """

    @abstractmethod
    def value(self):
        """Return the goal for the current labels.

        Returns
        -------
        value : float
        """

    @abstractmethod
    def values(self, rows, new):
        """Return the goal after each of several flips.

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
        """Flip a label.

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


class _DifferentiableSearch(FlipSearch):
    """Base class of searches for surrogates that can be differentiated."""

    def __init__(self, problem):
        super().__init__(problem.codes)
        self.problem = problem

    def first_order_gains(self):
        """Return the change of the goal by each flip, to first order."""
        return _gains(self.problem, self.codes)


class ClosedFormSearch(_DifferentiableSearch):
    """Flips for the squared loss: scores and weights are linear in the labels.

    Parameters
    ----------
    problem : LabelProblem
        The goal.
    n_cached : int, default=2**14
        How many numbers the scores after flips that are tried at once may take.
    **params
        Of :class:`LabelInfluence`.
    """

    def __init__(self, problem, *, n_cached=N_CACHED, **params):
        super().__init__(problem)
        self.n_cached = n_cached
        self.influence = LabelInfluence(problem, **params)
        self.followed = self.influence.followed
        self.exact_is_cheap = self.influence.stored is not None

    def first_order_gains(self):
        """Return the change of the goal by each flip, to first order."""
        gains = self.influence.slopes(self.followed) @ self.problem.encoded.T
        return gains - np.take_along_axis(gains, self.codes[:, np.newaxis], axis=1)

    def value(self):
        """Return the goal for the current labels."""
        return float(self._goals(self.followed[:, np.newaxis])[0])

    def values(self, rows, new):
        """Return the goal after each of several flips."""
        size = max(1, self.n_cached // self.followed.size)
        values = []
        for flips in _parts(rows.shape[0], self.influence.n_rows_at_once):
            influence = self.influence.of(rows[flips])
            for few in _parts(influence.shape[0], size):
                after = self._after(rows[flips][few], new[flips][few], influence[few])
                values.append(self._goals(after))
        return np.concatenate(values)

    def flip(self, row, new):
        """Flip a label."""
        rows = np.array([row])
        self.followed = self._after(rows, [new], self.influence.of(rows))[:, 0]
        super().flip(row, new)

    def _goals(self, followed):
        """Compute the goal for many scores or weights, the second axis."""
        goal = self.problem.goal
        if goal.kind == "scores":
            return goal.measure.values(followed)
        return goal_values(goal, self.problem.learner, np.moveaxis(followed, 1, 0))

    def _after(self, rows, new, influence):
        """Return scores or weights after each of many flips."""
        encoded = self.problem.encoded
        moved = encoded[new] - encoded[self.codes[rows]]
        return self.followed[:, np.newaxis] + influence.T[:, :, np.newaxis] * moved


class WarmStartSearch(_DifferentiableSearch):
    """Flips of a surrogate at its optimum: the next optimum is near.

    Parameters
    ----------
    problem : LabelProblem
        The goal.
    is_batched : bool
        Whether many flips are one problem: the loss treats outputs separately, and
        weights do not depend on labels.
    tol : float, default=0.2
        How closely a flip is fitted, relative to the influence of a single row.
    n_stored : int, default=2**22
        How many numbers the targets of flips that are fitted at once may take.
    """

    def __init__(self, problem, is_batched, *, tol=TOL, n_stored=N_STORED):
        super().__init__(problem)
        self.is_batched, self.n_stored = is_batched, n_stored
        self.tol = tol / self.codes.shape[0]
        self._optimum, self._is_current = None, False

    def optimum(self):
        """Return the optimum for the current labels.

        Returns
        -------
        optimum : Optimum
        """
        if not self._is_current:
            self._optimum = self.problem.minimise(self.codes, self._optimum)
            self._is_current = True
        return self._optimum

    def first_order_gains(self):
        """Return the change of the goal by each flip, to first order."""
        return _gains(self.problem, self.codes, self.optimum())

    def value(self):
        """Return the goal for the current labels."""
        return self._goal_values(self.optimum().W[np.newaxis])[0]

    def values(self, rows, new):
        """Return the goal after each of several flips."""
        current = self.problem.rows(self.codes)
        size = max(1, self.n_stored // current.targets.size)
        values = []
        for part in _parts(rows.shape[0], size):
            flips = rows[part], new[part]
            if self.is_batched:
                W = self._many(current, *flips)
            else:
                W = np.stack([self._one(*flip) for flip in zip(*flips, strict=True)])
            values.append(self._goal_values(W))
        return np.concatenate(values)

    def flip(self, row, new):
        """Flip a label."""
        super().flip(row, new)
        self._is_current = False

    def _goal_values(self, W):
        return goal_values(self.problem.goal, self.problem.learner, W)

    def _one(self, row, new):
        """Return the weights after one flip."""
        flipped = self._flipped(row, new)
        return self.problem.minimise(flipped, self.optimum(), tol=self.tol).W

    def _many(self, current, rows, new):
        """Return the weights after each of many flips, as outputs of one problem."""
        learner, n_flips = self.problem.learner, rows.shape[0]
        optimum = self.optimum()
        targets = np.repeat(current.targets[:, np.newaxis], n_flips, axis=1)
        targets[rows, np.arange(n_flips)] = self.problem.encoded[new]
        many = current.with_targets(targets.reshape(targets.shape[0], -1))
        start = replace(
            optimum,
            point=learner.at(np.tile(optimum.W, n_flips), many),
            objective=n_flips * optimum.objective,
            # To factorise for each flip would cost more than it saves.
            factorisation=replace(optimum.factorisation, refactor_after=np.inf),
        )
        W = minimise(learner, many, start, tol=self.tol).W
        return np.moveaxis(W.reshape(W.shape[0], n_flips, -1), 1, 0)


class EngineSearch(_DifferentiableSearch):
    """Flips of a surrogate that is trained by its engine, one after the other.

    Parameters
    ----------
    problem : LabelProblem
        The goal.
    """

    def value(self):
        """Return the goal for the current labels."""
        return self.problem.evaluate(self.codes)[1]

    def values(self, rows, new):
        """Return the goal after each of several flips."""
        flips = zip(rows, new, strict=True)
        return np.array(
            [self.problem.evaluate(self._flipped(*flip))[1] for flip in flips]
        )


class FitSearch(FlipSearch):
    """Flips of any classifier: it is fitted for each of them.

    Parameters
    ----------
    refit : Refit
        The goal by fits.
    problem : LabelProblem or None
        Gives the first-order gains; None for a classifier that cannot be
        differentiated.
    """

    def __init__(self, refit, problem):
        super().__init__(refit.codes)
        self.refit, self.problem = refit, problem

    def first_order_gains(self):
        """Return the change of the goal by each flip, to first order."""
        return None if self.problem is None else _gains(self.problem, self.codes)

    def value(self):
        """Return the goal for the current labels."""
        return self.refit.value(self.codes)

    def values(self, rows, new):
        """Return the goal after each of several flips."""
        one = delayed(self.refit.value)
        return np.array(
            Parallel(n_jobs=self.refit.n_jobs)(
                one(self._flipped(*flip)) for flip in zip(rows, new, strict=True)
            )
        )


def _parts(n, size):
    """Return slices that divide a range into parts."""
    return [slice(start, start + size) for start in range(0, n, size)]


def _gains(problem, codes, optimum=None):
    """Differentiate the goal in the labels, relative to the current ones."""
    shares = np.eye(problem.classes.shape[0])[codes]
    _, gradient = problem.gradient(shares, optimum)
    return gradient - np.take_along_axis(gradient, codes[:, np.newaxis], axis=1)
