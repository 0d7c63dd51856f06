"""Search of an attack on rows from many starts.

A start is screened by the goal. A surrogate that is not linear can be driven to errors
on any validation rows, by poison rows in their neighbourhood, without much harm to
others. So what starts have led to is compared on *held-out* rows, which no ascent has
been measured on, if there are any. A surrogate that stops near its optimum is compared
by fits of itself.
"""

from dataclasses import dataclass, replace

import numpy as np

from skpoison.attacks.rows._objective import PoisonObjective
from skpoison.attacks.rows._starts import Start
from skpoison.optimizers._base import check_start
from skpoison.optimizers._schedule import OptimisedRows, optimise_rows


@dataclass(frozen=True)
class Contender:
    """A start, and what it has led to so far.

    Parameters
    ----------
    start : Start
        The start.
    found : OptimisedRows
        What it has led to.
    value : float
        How good that is, in comparison with other starts.
    """

    start: Start
    found: OptimisedRows
    value: float


class StartSearch:
    """Search from many starts.

    Parameters
    ----------
    problems : list of BilevelProblem
        The goal is the mean over them, one for each fold of the validation data.
    held_out : list of BilevelProblem
        The same with validation rows that are held out; empty if there are none.
    penalties : list of BasePenalty
        What is subtracted from the goal; fitted.
    refits : Refits or None
        The goal by fits of the surrogate itself; None if its optimum tells it.
    coordinates : Coordinates
        The coordinates and the feasible set.
    progress : callable
        Takes the objective after each evaluation, and returns whether to stop.
    store_path : bool
        Whether the rows of every iterate are kept.
    """

    def __init__(
        self, problems, held_out, penalties, refits, coordinates, progress, store_path
    ):
        self.problems, self.held_out, self.penalties = problems, held_out, penalties
        self.refits = refits
        self.coordinates, self.progress = coordinates, progress
        self.store_path = store_path

    def search(self, halving, starts):
        """Search by successive halving.

        Parameters
        ----------
        halving : SuccessiveHalving
            The optimizer.
        starts : iterable of Start
            The starts, those first that others compare with.

        Returns
        -------
        best : Contender
        """
        self.is_first = True
        return halving._search(
            starts, self.screen, self.judge, self.climb, lambda: self.progress.stopped
        )

    def screen(self, start):
        """Evaluate the objective at a start.

        Parameters
        ----------
        start : Start
            The start.

        Returns
        -------
        contender : Contender or None
            None if the objective is not finite there.

        Raises
        ------
        ValueError
            If it is not at the first start.
        """
        rows = self.coordinates.project(start.rows, start.initial.rows)
        value, *gradients = self._objective(self.problems, start)(rows, 0)
        if self.is_first:
            check_start(value, self.coordinates.gradient(*gradients))
        self.is_first = False
        self.progress(value)
        if not np.isfinite(value):
            return None
        visited = [rows] if self.store_path else []
        found = OptimisedRows(rows, value, np.array([value]), visited)
        return Contender(start, found, value)

    def judge(self, contender):
        """Compare by fits of the surrogate, or on held-out rows, if there are any.

        Parameters
        ----------
        contender : Contender
            What has been found.

        Returns
        -------
        contender : Contender
            The same with the value there.
        """
        found, initial = contender.found, contender.start.initial
        if self.refits is not None:
            value = self.refits.of_rows(found.rows.X, found.rows.y, initial.replaced)
            return replace(contender, value=value)
        if not self.held_out:
            return replace(contender, value=found.value)
        objective = self._objective(self.held_out, contender.start)
        return replace(contender, value=objective(found.rows, 0)[0])

    def climb(self, ascent, contender):
        """Climb on.

        Parameters
        ----------
        ascent : BaseOptimizer
            How.
        contender : Contender
            From where.

        Returns
        -------
        contender : Contender
            Never worse by the objective.
        """
        start, before = contender.start, contender.found
        found = optimise_rows(
            ascent,
            self._objective(self.problems, start),
            start.initial.rows,
            self.coordinates,
            self.progress,
            at=before.rows,
        )
        best = found if found.value > before.value else before
        best = replace(
            best,
            path=np.concatenate([before.path, found.path[1:]]),
            visited=before.visited + found.visited[1:],
        )
        return replace(contender, found=best)

    def _objective(self, problems, start):
        """Return the objective, for a surrogate that has not seen other starts."""
        for problem in problems:
            problem.engine.restart()
        return PoisonObjective(problems, self.penalties, start.initial.rows)
