"""Base class of label flips that maximise a goal."""

from abc import abstractmethod
from copy import deepcopy

import numpy as np

from skpoison.attacks._fold_mean import FoldMean
from skpoison.attacks._goal_attack import BaseGoalAttack
from skpoison.attacks._validation_data import Fold, make_folds
from skpoison.attacks.labels._base import BaseLabelFlip
from skpoison.attacks.labels._believed_error import BelievedError, believed_shares
from skpoison.attacks.labels._exchange import exchange
from skpoison.attacks.labels._flip_goal import (
    FitPart,
    FlipGoal,
    ProblemPart,
    Refit,
)
from skpoison.attacks.labels._label_problem import LabelProblem
from skpoison.attacks.labels._mixed_rows import mixed_rows, numbers_of
from skpoison.attacks.labels._set_search import SetSearch
from skpoison.attacks.labels._starting_flips import starting_flips
from skpoison.goals._errors import BaseErrorGoal
from skpoison.goals._outside import as_known_measure
from skpoison.utils._callbacks import Progress
from skpoison.utils._containers import append_rows, take_rows

# Number of folds for rows that cannot be mixed.
N_FOLDS = 5
# The most sets that are measured in the exchanges from one set of flips.
N_EXCHANGES = 30
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
            counts_errors=self._counts_errors and not is_own,
            progress=Progress(self, "sets", n_sets, every=0),
        )
        found = []
        for codes in starting_flips(known, allowed, n_poison, self.class_map, begin):
            found.append(search.measure(codes))
            if search.stopped:
                break
        found += self._own_sets(search, random_state, is_own=is_own)
        found = sorted(filter(None, found), key=search.rank, reverse=True)
        for start in found[:N_BEST]:
            exchange(search, start, N_EXCHANGES)
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
        if not self._measures_own_rows(known):
            return self._mean_over(known, self._folds(known, random_state))
        numbers = numbers_of(known.X)
        if numbers is None:
            folds = self._own_folds(_how_divided(known), known, random_state)
            kinds = [(fold.y,) for fold in folds]
        else:
            fold, labels = self._with_mixed_rows(known, numbers, random_state)
            folds, kinds = [fold], [labels]
        goal = self._mean_over(known, folds)
        for part, train, labels in zip(
            goal.folds.parts, goal.folds.trains, kinds, strict=True
        ):
            self._believe(part, known, train, labels)
        return goal

    def _with_mixed_rows(self, known, numbers, random_state):
        """Return training rows and rows mixed of them as validation rows.

        Also the labels of either.
        """
        mixed, codes = mixed_rows(numbers, known.codes, random_state)
        everything = np.arange(known.codes.shape[0])
        rows = append_rows(known.X, mixed)
        fold = Fold(everything, rows, np.concatenate([known.codes, codes]))
        return fold, (known.codes, codes)

    def _believe(self, part, known, train, kinds):
        """Measure errors by labels that are half believed.

        `kinds` are the labels of each kind of validation rows.
        """
        goal = known.goal
        is_smoothed = isinstance(goal, BaseErrorGoal) and goal.loss == "error"
        if not is_smoothed or goal.sharpness is not None:
            return
        wanted, sign = goal._wanted(np.arange(known.classes.shape[0]), known.classes)
        scores = part.scores(known.codes[train])
        each = np.split(scores, np.cumsum([own.shape[0] for own in kinds])[:-1])
        shares = tuple(
            believed_shares(own, codes) @ np.eye(wanted.shape[0])[wanted]
            for own, codes in zip(each, kinds, strict=True)
        )
        part.measure_by(BelievedError(shares, sign=sign))

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


def _how_divided(known):
    """Return a number of folds in each of which every class has a row.

    "all" if a class has a single row: it is learnt and measured.
    """
    fewest = int(np.unique(known.codes, return_counts=True)[1].min())
    return "all" if fewest == 1 else min(N_FOLDS, fewest)
