"""Along which way does an attack climb?

In coordinates in which every feature spans 1 over the training rows, and the response
too where it moves; through the feasible set; with all rows at once, or with one after
the other.
"""

from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
from scipy import sparse

from skpoison.attacks._gradient_problem import BilevelProblem
from skpoison.bilevel.ascent import Climb, climb, search, settle
from skpoison.utils._callbacks import Progress

# Steps without progress after which a climb ends.
PATIENCE = 50


@dataclass(frozen=True)
class Coordinates:
    """Where rows lie, in widths of the training rows.

    Parameters
    ----------
    feasible_set : estimator
        Fitted: where the features of rows may lie.
    low, width : ndarray of shape (n_columns,)
        Where each feature begins and how far it reaches; the response behind them,
        where it moves.
    response_range : tuple of float, default=None
        Where responses may lie; None where they do not move.
    """

    feasible_set: object
    low: np.ndarray
    width: np.ndarray
    response_range: tuple | None = None

    def project(self, rows, start, *, is_relaxed=False):
        """Find the nearest rows that are feasible.

        Parameters
        ----------
        rows, start : ndarray of shape (n_rows, n_columns)
            Rows, and where they set out.
        is_relaxed : bool, default=False
            Whether the convex set around the feasible one will do.

        Returns
        -------
        rows : ndarray of shape (n_rows, n_columns)
        """
        # The rows are the attack's own: they need no validation.
        among = self._relaxed if is_relaxed else self.feasible_set
        if self.response_range is None:
            return among._project(rows, start, None)
        features = among._project(rows[:, :-1], start[:, :-1], None)
        responses = np.clip(rows[:, -1:], *self.response_range)
        return np.hstack([features, responses])

    def scaled(self, rows):
        """Give rows in these coordinates."""
        return (rows - self.low) / self.width

    def unscaled(self, rows):
        """Give rows as they are."""
        return self.low + self.width * rows

    @property
    def is_convex(self):
        """Whether the feasible set hangs together."""
        return self.feasible_set.kind == "convex"

    @cached_property
    def _relaxed(self):
        return self.feasible_set.relax()


def make_coordinates(feasible_set, X, y=None, response_range=None):
    """Measure the training rows.

    Parameters
    ----------
    feasible_set : estimator
        Fitted.
    X : {ndarray, csr matrix} of shape (n_samples, n_features)
        The rows.
    y : ndarray of shape (n_samples,), default=None
        Their responses, where these move.
    response_range : tuple of float, default=None
        Where they may lie.

    Returns
    -------
    coordinates : Coordinates
    """
    low, width = _span(X)
    if y is not None:
        ends = _span(y[:, np.newaxis])
        low, width = (np.append(*pair) for pair in zip((low, width), ends, strict=True))
    return Coordinates(feasible_set, low, width, None if y is None else response_range)


def _span(X):
    """Say where each feature begins and how far it reaches; at least a little."""
    low, high = (
        extreme.toarray().ravel() if sparse.issparse(extreme) else np.ravel(extreme)
        for extreme in (X.min(axis=0), X.max(axis=0))
    )
    width = high - low
    return low, np.where(width > 0, width, 1.0)


@dataclass(frozen=True)
class Climber:
    """How an attack climbs.

    Parameters
    ----------
    problem : BilevelProblem
        What is climbed.
    coordinates : Coordinates
        In which coordinates.
    progress : Progress
        Is told of each step.
    step_size, decay, tol : float
        As the attack has them.
    max_iter : int
        The most steps, of all rows together or of each one.
    effort : float
        What is charged for moving rows.
    is_smooth : bool
        Whether the goal is to be reached exactly, and not only as far as it goes.
    has_kinks : bool
        Whether long steps may well lead nowhere, and shorter ones on all the same.
    writes_down : bool
        Whether rows that it has been at are written down.
    """

    problem: BilevelProblem
    coordinates: Coordinates
    progress: Progress
    step_size: float
    decay: float
    tol: float
    max_iter: int
    effort: float = 0.0
    is_smooth: bool = False
    has_kinks: bool = False
    writes_down: bool = False

    def jointly(self, start):
        """Climb with all rows together.

        Parameters
        ----------
        start : ndarray of shape (n_rows, n_columns)
            The rows to start from.

        Returns
        -------
        climb : Climb
        """
        return self._climb_on(start[:0], start)

    def one_by_one(self, start):
        """Climb with one row after the other, each on top of those before.

        Parameters
        ----------
        start : ndarray of shape (n_rows, n_columns)
            The rows to start from.

        Returns
        -------
        climb : Climb
        """
        rows, path, spent = start[:0], [], 0.0
        for i in range(start.shape[0]):
            found = self._climb_on(rows, start[i : i + 1], spent)
            spent += self._cost(found.rows, start[i : i + 1])
            rows = np.concatenate([rows, found.rows])
            path.append(found.path)
        found = Climb(rows, found.value, np.concatenate(path))
        # Each row is better than its start where it goes; all starts together may
        # still be better.
        start = self.coordinates.project(start, start)
        value, _ = self.problem(start)
        if value > found.value:
            found = Climb(start, value, np.append(found.path, value))
            if self.writes_down:
                self.problem.visited.append(start)
        return found

    def _cost(self, rows, start):
        """Say what is charged for moving rows."""
        if not self.effort:
            return 0.0
        way = self.coordinates.scaled(rows) - self.coordinates.scaled(start)
        return self.effort * float((way**2).sum()) / 2

    def _climb_on(self, before, start, spent=0.0):
        """Climb with some rows, on top of those before and of what these have cost."""
        problem, coordinates = self.problem, self.coordinates
        origin = coordinates.scaled(start)

        def project(rows, is_relaxed):
            moved = coordinates.project(
                coordinates.unscaled(rows), start, is_relaxed=is_relaxed
            )
            return coordinates.scaled(moved)

        def value_and_gradient(rows):
            poison = coordinates.unscaled(rows)
            if not coordinates.is_convex:
                poison = coordinates.project(poison, start)
            poison = np.concatenate([before, poison])
            if self.writes_down:
                problem.visited.append(poison)
            value, gradient = problem(poison, slice(before.shape[0], None))
            gradient = gradient * coordinates.width
            if self.effort:
                way = rows - origin
                value -= spent + self.effort * (way**2).sum() / 2
                gradient -= self.effort * way
            return value, gradient

        max_iter = 0 if self.progress.stopped else self.max_iter
        settings = {"max_iter": max_iter, "tell": self.progress}
        patience = max_iter if self.has_kinks else PATIENCE
        patient = {"tol": self.tol, "patience": patience}
        relaxed = partial(project, is_relaxed=True)
        if self.is_smooth:
            found = settle(value_and_gradient, origin, relaxed, **patient, **settings)
        else:
            found = climb(
                value_and_gradient,
                origin,
                relaxed,
                step_size=self.step_size,
                decay=self.decay,
                **patient,
                **settings,
            )
        if not coordinates.is_convex and not self.progress.stopped:
            climbed, n_visited = found.path, len(problem.visited)
            feasible = partial(project, is_relaxed=False)
            found = search(value_and_gradient, found.rows, feasible, **settings)
            # It begins where the climb has been.
            found = replace(found, path=np.concatenate([climbed, found.path[1:]]))
            del problem.visited[n_visited : n_visited + 1]
        # Once more: scaling back may have rounded across a border. What has not moved
        # is not rounded at all.
        moved = found.rows != origin
        rows = np.where(moved, coordinates.unscaled(found.rows), start)
        return replace(found, rows=coordinates.project(rows, start))
