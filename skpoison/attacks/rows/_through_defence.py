"""Search for poison rows that a defence accepts and that do harm behind it.

The attack without the defence comes first: its rows are the first candidates, and what
others compare with. Then rows climb by the gradient of the learner on the rows that the
defence believes. Where it judges each row by itself, they climb within what it accepts:
a row that it throws out is led back towards the nearest training row of its label that
it accepts. Where a verdict depends on all rows, it is taken every few steps, and rows
thrown out are led back to the last place where they were accepted. What counts in the
end is the goal through the defence.
"""

from copy import copy
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from sklearn.base import clone
from sklearn.neighbors import NearestNeighbors

from skpoison.attacks._defended import Defended, with_rows
from skpoison.attacks._row_judge import make_judge
from skpoison.attacks._sharper_error import sharper
from skpoison.attacks._through_defence import DefendedGoal, Judged
from skpoison.attacks._validation_data import make_folds
from skpoison.attacks.rows._accepted_region import within
from skpoison.attacks.rows._initial_rows import clones
from skpoison.attacks.rows._objective import PoisonObjective
from skpoison.attacks.rows._starts import Start
from skpoison.optimizers import SuccessiveHalving
from skpoison.optimizers._coordinates import PoisonRows
from skpoison.optimizers._schedule import OptimisedRows, optimise_rows
from skpoison.utils._containers import take_rows
from skpoison.utils._warnings import collect_warnings

# Verdicts in the climb from a start.
N_VERDICTS = 6
# Sharpness of the error on the way. What a filter accepts is near the trusted rows and
# moves scores but little, by less than a smoother error notices.
SHARP = 10.0
# Halvings of the way back of all rows thrown out together.
N_HALVINGS = 5
# Folds of the validation rows. The victim learns from all rows: what fools a learner of
# half of them, without words that only the other half has, fools the victim less.
N_FOLDS = 5


@dataclass(frozen=True)
class Candidate:
    """Poison rows, and what they reach through the defence.

    Parameters
    ----------
    start : Start
        Where they come from.
    rows : PoisonRows
        The rows.
    value : float
        The goal that they reach through the defence, minus penalties.
    judged : Judged
        The training set through the eyes of the defence.
    accepted : ndarray of shape (n_poison,) of bool
        Which of the rows the defence believes as they are.
    path : ndarray of shape (n_steps,)
        The objective of the learner on the way there.
    visited : list of PoisonRows
        The rows on the way, if they are stored.
    """

    start: Start
    rows: PoisonRows
    value: float
    judged: Judged
    accepted: np.ndarray
    path: np.ndarray
    visited: list


def optimise_through_defence(attack, known, n_poison, optimizer, random_state):
    """Return the best attempt of an attack whose surrogate is a defence.

    Parameters
    ----------
    attack : BaseGradientAttack
        The attack.
    known : Known
        What the attacker knows.
    n_poison : int
        Number of poison rows.
    optimizer : BaseOptimizer or SuccessiveHalving
        How rows climb.
    random_state : RandomState
        The only source of randomness.

    Returns
    -------
    best : Attempt
    """
    defended = Defended(known.surrogate)
    bare = replace(known, surrogate=defended.learner)
    naive = attack._optimise(bare, n_poison, random_state)
    naive = _refolded(attack, known, naive, random_state)
    search = _Search(attack, defended, known, naive, optimizer)
    return search.run()


def _refolded(attack, known, naive, random_state):
    """Return an attempt with more folds of the validation rows, if it has the choice.

    It has none if they are given, if some are held apart from all that is learnt, or if
    one split has to do on large data.
    """
    everything = np.arange(known.codes.shape[0])
    learnt = np.unique(np.concatenate([fold.train for fold in naive.folds]))
    has_choice = attack.validation is None and len(naive.folds) > 1
    if not has_choice or learnt.size < everything.size:
        return naive
    positions = np.setdiff1d(everything, naive.initial.replaced)
    is_labelled = known.classes is not None
    rarest = positions.size
    if is_labelled:
        rarest = np.unique(known.codes[positions], return_counts=True)[1].min()
    if rarest < N_FOLDS:
        return naive
    folds = make_folds(
        N_FOLDS, known.X, known.codes, positions, random_state, stratify=is_labelled
    )
    return replace(naive, folds=folds, judged_on=folds)


class _Search:
    """The search of an attack whose surrogate is a defence.

    Parameters
    ----------
    attack : BaseGradientAttack
        The attack.
    defended : Defended
        The surrogate.
    known : Known
        What the attacker knows.
    naive : Attempt
        The best attempt against the learner without the defence.
    optimizer : BaseOptimizer or SuccessiveHalving
        How rows climb.
    """

    def __init__(self, attack, defended, known, naive, optimizer):
        self.attack, self.defended, self.known = attack, defended, known
        self.naive = naive
        self.bare = replace(known, surrogate=defended.learner)
        self.goal = DefendedGoal(defended, known, naive.judged_on, attack.hypergradient)
        self.penalties = attack._penalties(known)
        # How many starts are judged, and how many of the best ones climb.
        self.n_starts = self.n_climbs = 1
        if isinstance(optimizer, SuccessiveHalving):
            self.n_starts, self.n_climbs = optimizer.n_starts, optimizer.n_climbs
            optimizer = optimizer._ascent()
        # The rows of all starts climb together, however the naive ones did.
        joint = {"schedule": "joint", "n_restarts": 0}
        self.ascent = clone(optimizer).set_params(**joint)
        n_steps = self.n_starts + (2 + self.n_climbs) * self.ascent.max_iter
        self.progress = attack._progress_of("through the defence", n_steps)
        self._problems = {}

    def run(self):
        """Return the best attempt."""
        naive = self.naive
        given = self._given(naive.initial, naive.found.rows)
        best = self._judged(Start(naive.initial, naive.initial.rows), naive.found.rows)
        self._renew(given)
        first = self._led_back(best)
        others = []
        for start in islice(self._starts(), self.n_starts):
            if self.progress.stopped:
                break
            rows = self.coordinates.project(start.rows, start.initial.rows)
            others.append(self._led_back(self._judged(start, rows)))
            self.progress(others[-1].value)
        met = [best, first, *others]
        others.sort(key=_value, reverse=True)
        n_steps = self.ascent.max_iter
        # They end with steps as short as the whole ascent does.
        met += self._climb(first, self.ascent)
        short = self.ascent._shortened(max(1, n_steps // 4)) if n_steps else self.ascent
        for candidate in others[: self.n_climbs]:
            met += self._climb(candidate, short)
        met.sort(key=_value)
        # The winner goes on from where it is, with the steps of a second half.
        met += self._climb(met[-1], self.ascent._continued(n_steps // 2, n_steps // 2))
        self.progress.end()
        return self._attempt(max(met, key=_value))

    def _given(self, initial, rows):
        return with_rows(self.known, rows.X, rows.y, initial.replaced)

    def _judged(self, start, rows, path=(), visited=()):
        """Return rows with what they reach through the defence."""
        given = self._given(start.initial, rows)
        judged = self.goal.judge(given)
        value, origin = judged.value, start.initial.rows
        for penalty in self.penalties:
            value -= penalty.value_and_gradient(rows.X, rows.y, origin.X, origin.y)[0]
        accepted = self._accepted(judged.belief, given)
        return Candidate(
            start, rows, value, judged, accepted, np.array(path), list(visited)
        )

    def _accepted(self, belief, given):
        made = given.origins < 0
        return made[made] if belief is None else belief.as_given[made]

    def _renew(self, given):
        """Take the verdict on single rows anew, beside a training set."""
        with collect_warnings():
            self.judge = make_judge(self.defended, given, self.known.classes)
            self.coordinates = within(self.naive.coordinates, self.judge, given)

    def _accepted_flips(self):
        """Yield clones of rows that are accepted with another label, if there are any.

        Those nearest to the threshold, which are most unlike the rows of that label.
        """
        judge, portfolio = self.judge, self.naive.portfolio
        known = portfolio.known
        if judge is None or known.classes is None or portfolio.initial.replaced.size:
            return
        is_flip = ~np.eye(known.classes.shape[0], dtype=bool)
        rows, others = np.nonzero((portfolio.pairs & is_flip)[known.codes])
        X = known.X[rows]
        accepted = judge.accepts(X, others)
        scores = judge.score(judge.transform(X), others) - judge.thresholds(others)
        order = np.argsort(-scores, kind="stable")
        order = order[accepted[order]]
        if order.size:
            chosen = np.resize(order, len(portfolio.initial.rows))
            initial = clones(known, rows[chosen], others[chosen])
            yield Start(initial, initial.rows)

    def _starts(self):
        """Yield the initial rows, accepted flips, and rows pushed in all ways."""
        naive = self.naive
        if naive.portfolio is None:
            yield Start(naive.initial, naive.initial.rows)
            return
        portfolio = copy(naive.portfolio)
        portfolio.coordinates = self.coordinates
        portfolio = iter(portfolio)
        yield next(portfolio)
        yield from self._accepted_flips()
        yield from portfolio

    def _led_back(self, candidate, last=None):
        """Return rows of which those thrown out are led back to where they were not.

        Parameters
        ----------
        candidate : Candidate
            The rows.
        last : PoisonRows, default=None
            Where they were accepted. None: the nearest rows believed.

        Returns
        -------
        candidate : Candidate
            The same if all rows are accepted, or none can be led back.
        """
        belief = candidate.judged.belief
        out = np.flatnonzero(~candidate.accepted)
        if not out.size or belief is None:
            return candidate
        rows, initial = candidate.rows, candidate.start.initial
        if last is None:
            last = self._homes(candidate, belief)
        low, high = np.zeros(out.size), np.ones(out.size)
        for _ in range(N_HALVINGS):
            share = (low + high) / 2
            moved = self._between(last, rows, out, share, initial.rows)
            given = self._given(initial, moved)
            with collect_warnings():
                accepted = self._accepted(self.goal.believe(given), given)[out]
            low = np.where(accepted, share, low)
            high = np.where(accepted, high, share)
        moved = self._between(last, rows, out, low, initial.rows)
        return self._judged(candidate.start, moved, candidate.path, candidate.visited)

    def _between(self, last, rows, out, share, origin):
        """Return rows of which some are taken a share of the way from the last ones."""
        X = rows.X.copy()
        X[out] = last.X[out] + share[:, np.newaxis] * (rows.X[out] - last.X[out])
        y = rows.y
        if self.coordinates.moves_responses:
            y = y.copy()
            y[out] = last.y[out] + share * (rows.y[out] - last.y[out])
        return self.naive.coordinates.project(PoisonRows(X, y), origin)

    def _homes(self, candidate, belief):
        """Return the nearest training row believed, of the same label, for each row."""
        given = self._given(candidate.start.initial, candidate.rows)
        rows, classes = candidate.rows, self.known.classes
        X, y = candidate.start.initial.rows.X.copy(), rows.y.copy()
        believed = belief.as_given & (given.origins >= 0)
        for code in [None] if classes is None else np.unique(rows.y):
            members, among = np.arange(len(rows)), believed
            if code is not None:
                members = np.flatnonzero(rows.y == code)
                among = believed & (given.codes == code)
            among = np.flatnonzero(among)
            if not among.size:
                continue
            homes = take_rows(given.X, among)
            index = NearestNeighbors(n_neighbors=1).fit(homes)
            nearest = index.kneighbors(rows.X[members], return_distance=False)[:, 0]
            homes = homes[nearest]
            X[members] = homes if isinstance(homes, np.ndarray) else homes.toarray()
            y[members] = given.codes[among[nearest]]
        return PoisonRows(X, y)

    def _climb(self, candidate, ascent):
        """Climb, and return what is met on the way."""
        n_steps = ascent.max_iter
        met, n_each = [], max(1, -(-n_steps // N_VERDICTS))
        start = candidate.start
        for n_done in range(0, n_steps, n_each):
            if self.progress.stopped or candidate.judged.belief is None:
                break
            n_left = min(n_each, n_steps - n_done)
            objective = self._objective(candidate)
            found = optimise_rows(
                ascent._continued(n_done, n_left),
                objective,
                start.initial.rows,
                self.coordinates,
                self.progress,
                at=candidate.rows,
            )
            ahead = self._judged(
                start,
                found.rows,
                np.append(candidate.path, found.path[1:]),
                candidate.visited + found.visited[1:],
            )
            after = self._led_back(ahead, candidate.rows)
            met += [ahead, after]
            candidate = after
        return met

    def _objective(self, candidate):
        """Return the objective of the learner on the rows believed."""
        problems = self._believed_problems(candidate)
        for problem in problems:
            problem.engine.restart()
        return PoisonObjective(problems, self.penalties, candidate.start.initial.rows)

    def _believed_problems(self, candidate):
        """Return the problem of each fold, of the learner on the rows believed."""
        initial, belief = candidate.start.initial, candidate.judged.belief
        given = self._given(initial, candidate.rows)
        known = np.flatnonzero(given.origins >= 0)
        origins, weights = given.origins[known], belief.weights[known]
        codes = self.known.codes.copy()
        codes[origins] = belief.codes[known]
        believed = origins[weights > 0]
        key = believed.tobytes(), codes.tobytes(), initial.replaced.tobytes()
        if key not in self._problems:
            folds = [
                replace(fold, train=np.intersect1d(fold.train, believed))
                for fold in self.naive.folds
            ]
            n_left = round(self.known.n_samples * believed.size / origins.size)
            goal = sharper(self.known.goal, self.known.classes, SHARP)
            behind = replace(self.bare, codes=codes, n_samples=n_left, goal=goal)
            self._problems = {key: self.attack._problems(behind, folds, initial)}
        return self._problems[key]

    def _attempt(self, best):
        """Return the best rows as an attempt."""
        path = best.path if best.path.size else np.array([best.value])
        found = OptimisedRows(best.rows, best.value, path, best.visited)
        if best.rows is self.naive.found.rows:
            found = self.naive.found
        initial, problems = best.start.initial, self._believed_problems(best)
        return replace(
            self.naive,
            found=found,
            initial=initial,
            objective=PoisonObjective(problems, self.penalties, initial.rows),
        )


def _value(candidate):
    return candidate.value
