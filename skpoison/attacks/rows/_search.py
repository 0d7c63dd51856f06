"""Search of an attack on rows from many starts.

Starts, and what they have led to, are compared by a verdict (:mod:`._verdict`), if
there is one, and by the objective otherwise.
"""

from dataclasses import dataclass, replace

import numpy as np

from skpoison.attacks.rows._objective import PoisonObjective
from skpoison.attacks.rows._relabelling import relabelled
from skpoison.attacks.rows._starts import Start
from skpoison.attacks.rows._verdict import Assessment
from skpoison.optimizers._base import check_start
from skpoison.optimizers._schedule import OptimisedRows, optimise_rows

# After so many steps of an ascent labels are chosen anew.
LEG = 25


@dataclass(frozen=True)
class Contender:
    """A start, and what it has led to so far.

    Parameters
    ----------
    start : Start
        The start.
    found : OptimisedRows
        What it has led to. Its path is empty as long as the objective is not known.
    value : float
        How good that is, in comparison with other starts.
    assessment : Assessment or None
        How much harm the start does; None without a verdict.
    """

    start: Start
    found: OptimisedRows
    value: float
    assessment: Assessment | None = None


class StartSearch:
    """Search from many starts.

    Parameters
    ----------
    problems : list of BilevelProblem
        The goal is the mean over them, one for each fold of the validation data.
    penalties : list of BasePenalty
        What is subtracted from the goal; fitted.
    verdict : Verdict or None
        How sets of rows are compared. None: by the objective.
    coordinates : Coordinates
        The coordinates and the feasible set.
    progress : callable
        Takes the objective after each evaluation, and returns whether to stop.
    store_path : bool
        Whether the rows of every iterate are kept.
    """

    def __init__(self, problems, penalties, verdict, coordinates, progress, store_path):
        self.problems, self.penalties, self.verdict = problems, penalties, verdict
        self.coordinates, self.progress = coordinates, progress
        self.store_path = store_path

    def search(self, halving, starts):
        """Search by successive halving.

        Parameters
        ----------
        halving : SuccessiveHalving
            The optimizer.
        starts : Portfolio
            The starts, those first that others compare with.

        Returns
        -------
        best : Contender
        """
        self.is_first = True
        self.labels = starts.labels if starts.has_choice else None
        best = halving._search(
            starts,
            self.screen,
            self.judge,
            self.climb,
            lambda: self.progress.stopped,
            self.judge_again,
        )
        if best.found.path.size:
            return best
        return self.measured_anew(best)

    def measured_anew(self, contender):
        """Measure what has been found by the objective.

        Parameters
        ----------
        contender : Contender
            What has been found by a verdict, or by another objective.

        Returns
        -------
        contender : Contender
            The same, with a path that begins there.
        """
        found = self._measured(contender.start, contender.found.rows)
        return replace(contender, found=found)

    def screen(self, start):
        """Evaluate a start.

        Parameters
        ----------
        start : Start
            The start.

        Returns
        -------
        contender : Contender or None
            None if the value is not finite there.

        Raises
        ------
        ValueError
            If the objective is not finite at the first start.
        """
        rows = self.coordinates.project(start.rows, start.initial.rows)
        start = replace(start, rows=rows)  # the others are not needed any more
        is_first, self.is_first = self.is_first, False
        if is_first or self.verdict is None:
            found = self._measured(start, rows, check=is_first)
        else:
            found = OptimisedRows(rows, -np.inf, np.empty(0), [])
        value, assessment = found.value, None
        if self.verdict is not None:
            assessment = self.verdict.of_start(rows, start.initial)
            value = assessment.value - self._charge(start, rows)
        self.progress(value)
        if not (np.isfinite(value) or is_first):
            return None
        contender = Contender(start, found, value, assessment)
        if is_first:
            self.first = contender
        return contender

    def judge(self, contender):
        """Compare what has been found with other contenders.

        Parameters
        ----------
        contender : Contender
            What has been found.

        Returns
        -------
        contender : Contender
            The same with the value there.
        """
        found, start = contender.found, contender.start
        if self.verdict is None:
            return replace(contender, value=found.value)
        after = self.verdict.of_end(found.rows, start.initial, contender.assessment)
        return replace(contender, value=after.value - self._charge(start, found.rows))

    def judge_again(self, contender):
        """Compare one of the best few with the others of them.

        Parameters
        ----------
        contender : Contender
            One of the best.

        Returns
        -------
        contender : Contender
            The same with the value by which the best is chosen.
        """
        if self.verdict is None:
            return contender
        start, rows = contender.start, contender.found.rows
        charge = self._charge(start, rows)
        value = self.verdict.once_more(rows, start.initial, contender.value + charge)
        return replace(contender, value=value - charge)

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
        if self.labels is None:
            return self._climbed(ascent, contender)
        max_iter, n_done = ascent.max_iter, 0
        while n_done < max_iter and not self.progress.stopped:
            contender, is_other = self._relabelled(contender)
            n_done += is_other  # it counts as a step
            leg = ascent._continued(n_done, min(LEG, max_iter - n_done))
            contender = self._climbed(leg, contender)
            n_done += leg.max_iter
            if ascent._is_stuck(contender.found.path):
                break
        return contender

    def _climbed(self, ascent, contender):
        """Climb on with the labels that the rows have."""
        start, before = contender.start, contender.found
        found = optimise_rows(
            ascent,
            self._objective(start),
            start.initial.rows,
            self.coordinates,
            self.progress,
            at=before.rows,
        )
        best = found if found.value > before.value else before
        is_known = before.path.size > 0
        best = replace(
            best,
            path=np.concatenate([before.path, found.path[is_known:]]),
            visited=before.visited + found.visited[is_known:],
        )
        return replace(contender, found=best)

    def _relabelled(self, contender):
        """Give rows other labels if that is better, and return whether it was."""
        start, before = contender.start, contender.found
        if not before.path.size:
            before = self._measured(start, before.rows)
        rows, value = relabelled(
            self._objective(start),
            before.rows,
            before.value,
            self.labels(start.initial),
        )
        if rows is before.rows:
            return replace(contender, found=before), False
        self.progress(value)
        visited = [*before.visited, rows] if self.store_path else []
        found = OptimisedRows(rows, value, np.append(before.path, value), visited)
        return replace(contender, found=found), True

    def _measured(self, start, rows, *, check=False):
        """Evaluate the objective."""
        value, *gradients = self._objective(start)(rows, 0)
        if check:
            check_start(value, self.coordinates.gradient(*gradients))
        visited = [rows] if self.store_path else []
        return OptimisedRows(rows, value, np.array([value]), visited)

    def _charge(self, start, rows):
        return PoisonObjective([], self.penalties, start.initial.rows).charge(rows)

    def _objective(self, start):
        """Return the objective, for a surrogate that has not seen other starts."""
        for problem in self.problems:
            problem.engine.restart()
        return PoisonObjective(self.problems, self.penalties, start.initial.rows)
