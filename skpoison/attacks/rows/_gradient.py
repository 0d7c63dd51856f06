"""Base class of attacks that optimise poison rows by the gradient of their goal."""

from abc import abstractmethod
from dataclasses import dataclass, replace

import numpy as np
from sklearn.base import clone
from sklearn.utils._param_validation import StrOptions

from skpoison.attacks._defended import is_defended
from skpoison.attacks._goal_attack import BaseGoalAttack
from skpoison.attacks.rows._effort import default_effort
from skpoison.attacks.rows._hold_out import hold_out, learning_apart, without
from skpoison.attacks.rows._initial_rows import InitialRows
from skpoison.attacks.rows._learnt_penalty import alternate, learns_penalty
from skpoison.attacks.rows._objective import PoisonObjective
from skpoison.attacks.rows._search import StartSearch
from skpoison.attacks.rows._sharpened import n_steps_of, sharpened, sharper_goal
from skpoison.attacks.rows._starts import Portfolio, linear_slopes
from skpoison.attacks.rows._through_defence import optimise_through_defence
from skpoison.attacks.rows._verdict import make_verdict
from skpoison.feasible_sets import BaseFeasibleSet, Box, ResponseRange
from skpoison.goals._base import check_label_map
from skpoison.optimizers import (
    BaseOptimizer,
    ProjectedAscent,
    SpectralProjectedGradient,
    SuccessiveHalving,
)
from skpoison.optimizers._coordinates import Coordinates, make_coordinates
from skpoison.optimizers._schedule import OptimisedRows, optimise_rows
from skpoison.penalties import BasePenalty
from skpoison.surrogates import Unrolled
from skpoison.utils._callbacks import Progress
from skpoison.utils._validation import Described

# What an attack takes to suit a goal of each kind. A goal on features has kinks, at
# which it can stay the same for many steps.
OPTIMIZERS = {
    "errors": SuccessiveHalving(),
    "features": ProjectedAscent(tol=None),
    "parameters": SpectralProjectedGradient(),
}


@dataclass(frozen=True)
class Attempt:
    """What one start of the optimizer has led to.

    Parameters
    ----------
    found : OptimisedRows
        The best rows.
    initial : InitialRows
        The initial ones.
    objective : PoisonObjective
        What has been maximised.
    coordinates : Coordinates
        In which coordinates.
    folds : list of Fold
        With which validation rows.
    judged_on : list of Fold
        The validation rows of the ascents, and those held out of them.
    portfolio : Portfolio, default=None
        The starts, if there were many.
    """

    found: OptimisedRows
    initial: InitialRows
    objective: PoisonObjective
    coordinates: Coordinates
    folds: list
    judged_on: list
    portfolio: Portfolio | None = None


class BaseGradientAttack(BaseGoalAttack):
    """Base class of attacks that optimise poison rows by the gradient of their goal.

    A subclass implements `_initial_rows` and `_as_poison`.
    """

    _default_validation = 2
    _parameter_constraints: dict = {
        **BaseGoalAttack._parameter_constraints,
        "poison_labels": [StrOptions({"flip", "keep"}), ResponseRange, None],
        "feasible_set": [
            Described(
                BaseFeasibleSet,
                "a set of skpoison.feasible_sets (an instance, such as Box(), not the "
                "class)",
            ),
            None,
        ],
        "penalties": [
            Described("array-like", "a list of objects of skpoison.penalties"),
            None,
        ],
        "hypergradient": [
            StrOptions({"auto", "implicit", "unrolled", "back-gradient"}),
            Unrolled,
        ],
        "optimizer": [
            Described(
                BaseOptimizer,
                "an optimizer of skpoison.optimizers (an instance, such as "
                "ProjectedAscent(), not the class)",
            ),
            SuccessiveHalving,
            None,
        ],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        surrogate=None,
        budget=0.1,
        *,
        goal="error-generic",
        poison_labels=None,
        feasible_set=None,
        penalties=None,
        validation=None,
        known_fraction=1.0,
        hypergradient="auto",
        optimizer=None,
        random_state=None,
        verbose=0,
    ):
        super().__init__(
            surrogate,
            budget,
            goal=goal,
            validation=validation,
            known_fraction=known_fraction,
            random_state=random_state,
        )
        self.poison_labels = poison_labels
        self.feasible_set = feasible_set
        self.penalties = penalties
        self.hypergradient = hypergradient
        self.optimizer = optimizer
        self.verbose = verbose

    @abstractmethod
    def _initial_rows(self, known, n_poison, label_map, given, random_state):
        """Return the initial poison rows.

        Parameters
        ----------
        known : Known
            What the attacker knows.
        n_poison : int
            Number of rows.
        label_map : dict or None
            The new label of each class among its keys; None for any other label.
        given : ndarray of shape (n_known,) or None
            The label, as a position among the classes, or the response that the poison
            made from each row has. None: another label.
        random_state : RandomState
            The only source of randomness.

        Returns
        -------
        initial : InitialRows
        """

    @abstractmethod
    def _as_poison(self, X, y, initial, known):
        """Return the poison of optimised rows.

        Parameters
        ----------
        X : ndarray of shape (n_poison, n_features)
            The rows.
        y : ndarray of shape (n_poison,)
            Their labels or responses.
        initial : InitialRows
            The initial ones.
        known : Known
            What the attacker knows.

        Returns
        -------
        poison : Poison
        """

    def _start(self, known):
        if isinstance(self.poison_labels, ResponseRange):
            if known.classes is not None:
                raise ValueError(
                    "`poison_labels` must be 'flip', 'keep' or None if y holds class "
                    f"labels; got {self.poison_labels!r}, which is for responses."
                )
            self.poison_labels.bounds(known.y)
        for penalty in self.penalties or ():
            if not isinstance(penalty, BasePenalty):
                raise TypeError(
                    "`penalties` must hold objects of skpoison.penalties, such as "
                    f"Displacement(1.0); got {penalty!r}."
                )
            penalty._validate_params()
        if self.optimizer is not None:
            self.optimizer._validate_params()
        self.feasible_set_ = clone(self.feasible_set or Box()).fit(known.X, known.y)
        self.goal_path_, self.n_iter_, self.diagnostics_ = np.empty(0), 0, {}

    def _attack(self, known, n_poison, random_state):
        best = self._optimise(known, n_poison, random_state)
        found, start = best.found, best.initial.rows
        self.goal_path_, self.n_iter_ = found.path, found.path.shape[0] - 1
        self.diagnostics_ = best.objective.diagnostics()
        if found.visited:
            self._store_path(found.visited, n_poison, best.coordinates)
        X, y = found.rows.X, best.coordinates.labels(found.rows)
        inside = self.feasible_set_.contains(X, start=start.X, y=y)
        if not inside.all():
            raise ValueError(
                "`feasible_set` must contain the rows that its `_project` returns; got "
                f"{self.feasible_set!r}, whose `_contains` refuses {(~inside).sum()} "
                f"of {n_poison} poison rows."
            )
        return self._as_poison(X, y, best.initial, known)

    def _optimise(self, known, n_poison, random_state):
        """Return the best attempt.

        Parameters
        ----------
        known : Known
            What the attacker knows.
        n_poison : int
            Number of poison rows.
        random_state : RandomState
            The only source of randomness.

        Returns
        -------
        best : Attempt
        """
        if learns_penalty(known.surrogate):
            return alternate(self, known, n_poison, random_state)
        optimizer = self.optimizer or OPTIMIZERS[known.goal.kind]
        if self.optimizer is None and isinstance(optimizer, SuccessiveHalving):
            effort = default_effort(known.X, n_poison, known.surrogate)
            optimizer = optimizer._shortened(effort.share)
        if is_defended(known.surrogate):
            return optimise_through_defence(
                self, known, n_poison, optimizer, random_state
            )
        responses, response_range = self._responses(known)
        label_map = None
        if known.classes is not None:
            label_map = known.goal.label_map(known.classes, known.y_val)
            check_label_map(known.goal, label_map, known.classes)
        draw = n_poison, label_map, responses, random_state
        initial = self._initial_rows(known, *draw)
        everything = np.arange(known.codes.shape[0])
        positions = np.setdiff1d(everything, initial.replaced)
        coordinates = make_coordinates(
            self.feasible_set_, known.X, known.codes, response_range, known.classes
        )
        sharp = sharper_goal(known, n_poison)
        n_steps = n_steps_of(optimizer, n_poison, coordinates.kind, sharp is not None)
        progress = self._progress_of("ascent", n_steps)
        if isinstance(optimizer, SuccessiveHalving):
            return self._search(
                optimizer, known, initial, positions, coordinates, draw, progress, sharp
            )
        folds = self._folds(known, random_state, positions)
        if len(folds) == 1 and folds[0].rows is not None:
            # The same rows are set aside whenever the optimizer starts again.
            aside = np.isin(everything, folds[0].rows)
            known = replace(known, trusted=known.trusted | aside)
        best = None
        for i in range(1 + optimizer.n_restarts):
            if i > 0:
                initial = self._initial_rows(known, *draw)
            objective = self._objective(known, folds, initial)
            found = optimise_rows(
                optimizer, objective, initial.rows, coordinates, progress
            )
            if best is None or found.value > best.found.value:
                best = Attempt(found, initial, objective, coordinates, folds, folds)
            if progress.stopped:
                break
        progress.end()
        return best

    def _search(
        self, halving, known, initial, positions, coordinates, draw, progress, sharp
    ):
        """Return the best attempt from many starts."""
        n_poison, label_map, responses, random_state = draw
        source, held = known, None
        effort = default_effort(known.X, n_poison, known.surrogate)
        if known.X_val is None and self.validation is None:
            held = hold_out(known, positions, random_state)
        held_out = [] if held is None else held.folds
        is_apart = held is not None and held.is_apart
        if is_apart and not initial.replaced.size:
            source, responses = without(known, responses, held_out)
            initial = self._initial_rows(
                source, n_poison, label_map, responses, random_state
            )
        searched = np.setdiff1d(positions, [i for fold in held_out for i in fold.rows])
        folds = self._folds(known, random_state, searched)
        if self.validation is None and effort.has_one_split:
            folds = folds[:1]
        if is_apart:
            folds = learning_apart(folds, held_out)
        tol = effort.tol if self.optimizer is None else None
        objective = self._objective(known, folds, initial, tol)
        problems, penalties = objective.problems, objective.penalties
        portfolio = Portfolio(
            initial,
            source,
            coordinates,
            linear_slopes(problems[0]),
            responses,
            label_map,
            random_state,
        )
        verdict = make_verdict(
            known,
            (problems, folds),
            held,
            positions,
            lambda folds: self._problems(known, folds, initial),
            random_state,
            is_shared=effort.has_one_judge,
            is_repeated=effort.share == 1,
        )
        keep = halving._ascent().store_path
        search = StartSearch(problems, penalties, verdict, coordinates, progress, keep)
        best = search.search(halving, portfolio)
        if sharp is not None:
            known, ascent = replace(known, goal=sharp), halving._ascent()
            best, search = sharpened(
                self, best, search, ascent, known, folds, positions
            )
        progress.end()
        initial = best.start.initial
        objective = PoisonObjective(search.problems, penalties, initial.rows)
        return Attempt(
            best.found,
            initial,
            objective,
            coordinates,
            folds,
            [*folds, *held_out],
            portfolio,
        )

    def _responses(self, known):
        """Return labels or responses given to poison, and where responses may move.

        Returns
        -------
        given : ndarray of shape (n_known,) or None
            None for labels other than those that rows have.
        response_range : tuple of float or None
            None if responses, or labels, do not move.
        """
        if self.poison_labels == "keep":
            return known.codes, None
        if known.classes is not None:
            return None, None
        y = known.y
        mirrored = y.min() + y.max() - y
        if self.poison_labels == "flip":
            return mirrored, None
        responses = self.poison_labels or ResponseRange()
        given = mirrored if responses.start == "mirror" else y
        return given, responses.bounds(y)

    def _objective(self, known, folds, initial, tol=None):
        """Return the objective of poison rows.

        Parameters
        ----------
        known : Known
            What the attacker knows.
        folds : list of Fold
            The validation rows, and the rows to learn from.
        initial : InitialRows
            The initial poison rows.
        tol : float, default=None
            How exactly the surrogate is trained. None: as the engine has it.

        Returns
        -------
        objective : PoisonObjective
        """
        problems = self._problems(known, folds, initial, tol)
        return PoisonObjective(problems, self._penalties(known), initial.rows)

    def _problems(self, known, folds, initial, tol=None):
        """Return the bilevel problem of each fold."""
        return [
            self._problem_of_rows(known, fold, initial.replaced, tol) for fold in folds
        ]

    def _penalties(self, known):
        """Return the penalties, fitted."""
        return [clone(each).fit(known.X, known.codes) for each in self.penalties or ()]

    def _problem_of_rows(self, known, fold, replaced, tol):
        """Return the bilevel problem of a fold, without the rows replaced."""
        clean = np.setdiff1d(fold.train, replaced)
        if not clean.size and replaced.shape[0] < known.n_samples:
            raise ValueError(
                "`budget` must leave rows for the surrogate to learn from; got "
                f"{self.budget!r}, which is {replaced.shape[0]} rows. Lower the budget."
            )
        fold = replace(fold, train=clean)
        if fold.rows is not None and replaced.size:
            # A row that is modified is no longer a clean validation row.
            kept = ~np.isin(fold.rows, replaced)
            fold = replace(fold, X=fold.X[kept], y=fold.y[kept], rows=fold.rows[kept])
        # The rows learnt from stand for all clean rows, so that the poison has the same
        # share of the training set as it will have for the victim.
        weight = (known.n_samples - replaced.shape[0]) / max(clean.shape[0], 1)
        return self._problem(
            known,
            fold,
            X_scaler=None,
            weight=weight,
            hypergradient=self.hypergradient,
            tol=tol,
        )

    def _progress_of(self, task, n_steps):
        return Progress(self, task, n_steps, self.verbose)

    def _store_path(self, visited, n_poison, coordinates):
        """Store the rows at every iterate; NaN for rows that are not inserted yet."""
        shape = len(visited), n_poison, visited[0].X.shape[1]
        self.rows_path_ = np.full(shape, np.nan)
        responses = np.full(shape[:2], np.nan)
        for i, rows in enumerate(visited):
            self.rows_path_[i, : len(rows)] = rows.X
            responses[i, : len(rows)] = rows.y
        if coordinates.moves_responses:
            self.responses_path_ = responses
        elif np.isfinite(responses).all() and np.ptp(responses, axis=0).any():
            self.labels_path_ = coordinates.classes[responses.astype(int)]
