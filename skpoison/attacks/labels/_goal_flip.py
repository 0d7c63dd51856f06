"""Base class of label flips that maximise a goal."""

from abc import abstractmethod
from copy import deepcopy

import numpy as np

from skpoison.attacks._fold_mean import FoldMean
from skpoison.attacks._goal_attack import BaseGoalAttack
from skpoison.attacks._validation_data import Fold, make_folds
from skpoison.attacks.labels._base import BaseLabelFlip
from skpoison.attacks.labels._exchange import exchange
from skpoison.attacks.labels._flip_goal import (
    FitPart,
    FlipGoal,
    HeldOutPart,
    ProblemPart,
    Refit,
)
from skpoison.attacks.labels._held_out import can_hold_out
from skpoison.attacks.labels._label_problem import LabelProblem
from skpoison.attacks.labels._mixed_rows import mixed_rows, numbers_of
from skpoison.attacks.labels._row_estimates import RowEstimates
from skpoison.attacks.labels._set_search import SetSearch
from skpoison.attacks.labels._starting_flips import starting_flips
from skpoison.goals._outside import as_known_measure
from skpoison.utils._callbacks import Progress
from skpoison.utils._containers import append_rows, take_rows

# Number of folds if the rows cannot be left out one by one.
N_FOLDS = 5
# By how many standard errors flips that are chosen by the goal on rows that they flip
# must be better than others, by either estimate.
N_ERRORS = 1.0
# The most sets that are measured in the exchanges from one set of flips.
N_EXCHANGES = 30
# How exactly the surrogate is trained to compare the best sets once more.
TOL = 1e-3
# How many sets exchanges begin with.
N_BEST = 3
# The most starting sets: a bound for callbacks.
N_STARTS = 60


class BaseGoalFlip(BaseLabelFlip, BaseGoalAttack):
    """Base class of label flips that maximise a goal.

    A subclass implements `_own_sets`, and overrides `_part` if it takes classifiers
    that cannot be differentiated.

    The sets of flips of attacks that measure nothing are measured first, then those of
    the subclass. Flips of the best ones are exchanged for others.
    """

    # Whether errors counted come before the goal, on validation rows. On rows that are
    # learnt they say little: what is flipped may be an error in any case.
    _counts_errors = False
    _parameter_constraints: dict = {
        **BaseGoalAttack._parameter_constraints,
        **BaseLabelFlip._parameter_constraints,
    }

    def _start(self, known):
        super()._start(known)
        self.goal_path_ = np.empty(0)

    def _flip(self, known, allowed, n_poison, random_state):
        begin = deepcopy(random_state)
        is_own = self._measures_own_rows(known)
        goal = self._goal_of_flips(known, random_state)
        may_be_fewer = known.goal.can_be_overshot
        n_sets = N_STARTS + self._n_own_sets(n_poison) + N_BEST * N_EXCHANGES
        search = SetSearch(
            goal,
            known.codes,
            allowed,
            n_poison,
            may_be_fewer=may_be_fewer,
            n_errors=N_ERRORS if is_own and not may_be_fewer else 0.0,
            counts_errors=self._counts_errors and not is_own,
            progress=Progress(self, "sets", n_sets, every=0),
        )
        found = []
        for codes in starting_flips(known, allowed, n_poison, self.class_map, begin):
            found.append(search.measure(codes, is_chosen=False))
            if search.stopped:
                break
        found += self._own_sets(search, random_state, is_own=is_own)
        found = sorted(filter(None, found), key=search.rank, reverse=True)
        for start in found[: 1 if is_own else N_BEST]:
            exchange(search, start, N_EXCHANGES)
        if is_own and not may_be_fewer and not search.stopped:
            estimates = self._estimates(goal, known, random_state)
            if estimates is not None:
                search.decide(estimates)
        search.progress.end()
        if search.best is None:
            raise ValueError(
                "`budget` must leave one row of each class to every surrogate; got "
                f"{self.budget!r}, which is {n_poison} flips. Lower the budget."
            )
        self._set_path(search.path)
        rows = np.flatnonzero(search.best.codes != known.codes)
        return rows, search.best.codes[rows]

    def _set_path(self, path):
        """Set attributes from what the best set met reaches."""
        self.goal_path_ = np.array([measured.value for measured in path])

    @abstractmethod
    def _own_sets(self, search, random_state, *, is_own):
        """Measure sets of flips that are chosen by the goal.

        Parameters
        ----------
        search : SetSearch
            The search, which keeps the best set.
        random_state : RandomState
            The only source of randomness.
        is_own : bool
            Whether the goal is measured on the rows that are flipped.

        Returns
        -------
        found : list of FlipSet or None
            The sets that are worth exchanges; None for those that cannot be measured.
        """

    @abstractmethod
    def _n_own_sets(self, n_poison):
        """Return how many sets `_own_sets` measures at most."""

    def _goal_of_flips(self, known, random_state):
        """Return the goal as a function of the labels."""
        goal = self._mean_over(known, self._folds(known, random_state))
        part = goal.folds.parts[0]
        if not self._measures_own_rows(known):
            return goal
        if part.problem is not None and part.problem.training_problem.is_stochastic:
            # It jumps from one training set to the next, so that surrogates without
            # some rows say little of the victim. Its own fit can be repeated, and
            # judged between the rows learnt.
            mixed = self._with_mixed_rows(known, random_state)
            if mixed is not None:
                return self._mean_over(known, [mixed])
        if isinstance(part, ProblemPart) and can_hold_out(part.problem):
            folds = FoldMean(
                [HeldOutPart(part.problem)],
                goal.folds.trains,
                part.problem.codes.shape[0],
            )
            left_out = FlipGoal(folds, known.codes)
        else:
            folds = self._own_folds(_n_folds(known), known, random_state)
            left_out = self._mean_over(known, folds)
        if part.problem is None:
            # Such classifiers may reproduce any labels, as trees do.
            return left_out
        return FlipGoal(goal.folds, known.codes, left_out=left_out)

    def _with_mixed_rows(self, known, random_state):
        """Return the training rows and rows mixed of them as validation rows.

        None if they are not numbers.
        """
        numbers = numbers_of(known.X)
        if numbers is None:
            return None
        mixed, codes = mixed_rows(numbers, known.codes, random_state)
        codes = np.concatenate([known.codes, codes])
        return Fold(np.arange(known.codes.shape[0]), append_rows(known.X, mixed), codes)

    def _estimates(self, goal, known, random_state):
        """Return the estimates by which the best sets are compared once more.

        None for surrogates that are judged by a single estimate, because they cannot
        be differentiated or jump, and for goals that count no errors.
        """
        if goal.left_out is None or getattr(known.goal, "loss", None) != "error":
            return None
        fold = self._with_mixed_rows(known, random_state)
        if fold is None:
            (fold,) = self._own_folds("all", known, random_state)
        part = self._part(known, fold)
        # Errors need the optimum less exactly than gradients do.
        part.problem.engine.tol = max(part.problem.engine.tol, TOL)
        return RowEstimates(part, fold.y, known.codes)

    def _mean_over(self, known, folds):
        """Return the mean of the goal over folds."""
        parts = [self._part(known, fold) for fold in folds]
        trains = [fold.train for fold in folds]
        folds = FoldMean(parts, trains, known.codes.shape[0])
        return FlipGoal(folds, known.codes)

    def _measures_own_rows(self, known):
        """Return whether no validation rows are given or set aside."""
        is_given = known.X_val is not None or self.validation is not None
        return known.goal.needs_validation and not is_given

    def _folds(self, known, random_state):
        """Return the rows to learn from and the validation rows."""
        if self._measures_own_rows(known):
            return self._own_folds("all", known, random_state)
        return super()._folds(known, random_state)

    def _own_folds(self, validation, known, random_state):
        """Divide the training rows, all of which are measured."""
        everything = np.arange(known.codes.shape[0])
        return make_folds(
            validation, known.X, known.codes, everything, random_state, stratify=True
        )

    def _part(self, known, fold):
        """Return the goal for the surrogate that learns from one fold."""
        weight = known.codes.shape[0] / fold.train.shape[0]
        problem = LabelProblem(self._problem(known, fold, weight=weight))
        refit = self._refit(known, fold)
        is_told = problem.engine.has_smooth_optimum
        is_told &= not problem.training_problem.is_stochastic
        if is_told or refit is None:
            return ProblemPart(problem)
        return FitPart(refit, problem)

    def _refit(self, known, fold):
        """Return the goal by fits; None if it needs more than scores."""
        measure = known.goal.measure_rows(fold.X, fold.y, known.classes)
        measure = as_known_measure(known.goal, measure)
        if measure is None:
            return None
        return Refit(
            known.surrogate,
            take_rows(known.X, fold.train),
            known.codes[fold.train],
            known.classes,
            fold.X,
            measure,
            getattr(self, "n_jobs", None),
        )


def _n_folds(known):
    """Return a number of folds in each of which every class has a row."""
    fewest = int(np.unique(known.codes, return_counts=True)[1].min())
    return max(2, min(N_FOLDS, fewest))
