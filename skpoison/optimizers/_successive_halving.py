"""Successive halving: many starts are evaluated, few of them climb, one furthest.

Karnin, Koren and Somekh (2013), "Almost optimal exploration in multi-armed bandits",
ICML; Jamieson and Talwalkar (2016), "Non-stochastic best arm identification and
hyperparameter optimization", AISTATS.

The value of a start says little of how far an ascent gets from it: of the goals
measured, those of flipped clones are low at first and often the highest in the end. So
the first start climbs in any case, and the others race beside it.
"""

from itertools import islice
from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.utils._param_validation import Interval

from skpoison.optimizers._base import BaseOptimizer
from skpoison.optimizers._projected_ascent import ProjectedAscent

# Factor by which a start has climbed further at each halving.
LONGER = 4
# The first start climbs so many times as far as the winner of the race of the others.
FURTHER = 4
# So many of the best are judged again in the end.
N_FINALISTS = 8
# What is left at least of a search that is shortened.
FEWEST_STARTS, FEWEST_STEPS = 6, 20


class SuccessiveHalving(BaseEstimator):
    """Successive halving of many starts [1]_.

    For goals with many local maxima, such as errors. An attack evaluates its goal once
    at each of many starts: flipped clones of training rows, and such clones pushed to
    the border of the feasible set in many ways. The clones climb as by `ascent` alone.
    The best few of the others race for a quarter of its steps: all climb for some, the
    better half climbs for four times as many, and so on. Where poison rows may have one
    of several labels, these are chosen anew every 25 steps. The best result is kept: by
    the measure that results are compared by it is never worse than any of the starts,
    nor, where labels stay, than that of `ascent` alone. An attack may compare the best
    eight by another measure in the end, or climb on from the best by another objective.

    Parameters
    ----------
    ascent : BaseOptimizer, default=None
        How starts climb, the first one by all its `max_iter` steps. It has a joint
        schedule and no restarts. None: `ProjectedAscent()`.
    n_starts : int, default=32
        Number of starts that are evaluated. With more of them the search takes longer.
    n_climbs : int, default=4
        Number of starts that race.

    See Also
    --------
    ProjectedAscent : Climbs from a single start.

    Notes
    -----
    An attack whose `optimizer` is None searches like this on small data. On large data,
    and for neural networks, it has fewer starts and shorter ascents, down to 6 starts
    and 20 steps.

    References
    ----------
    .. [1] K. Jamieson, A. Talwalkar, "Non-stochastic best arm identification and
       hyperparameter optimization", AISTATS 2016.

    Examples
    --------
    An attack that searches longer than by default:

    >>> from skpoison.attacks import GradientInsertion
    >>> from skpoison.optimizers import ProjectedAscent, SuccessiveHalving
    >>> longer = SuccessiveHalving(
    ...     ProjectedAscent(max_iter=300), n_starts=100, n_climbs=16
    ... )
    >>> attack = GradientInsertion(optimizer=longer)
    >>> attack.set_params(optimizer__n_starts=200).optimizer.n_starts
    200
    """

    _parameter_constraints: dict = {
        "ascent": [BaseOptimizer, None],
        "n_starts": [Interval(Integral, 1, None, closed="left")],
        "n_climbs": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, ascent=None, *, n_starts=32, n_climbs=4):
        self.ascent = ascent
        self.n_starts = n_starts
        self.n_climbs = n_climbs

    def _validate_params(self):
        super()._validate_params()
        ascent = self._ascent()
        ascent._validate_params()
        for name, only in (("schedule", "joint"), ("n_restarts", 0)):
            value = getattr(ascent, name)
            if value != only:
                raise ValueError(
                    f"`ascent` of SuccessiveHalving must have {name}={only!r}, because "
                    f"it begins at many starts anyway; got {value!r}. Use the ascent "
                    "itself as the optimizer."
                )

    def _ascent(self):
        """Return how starts climb."""
        return ProjectedAscent() if self.ascent is None else clone(self.ascent)

    def _shortened(self, share):
        """Return a search that takes about a share of the steps, and of the starts.

        Parameters
        ----------
        share : float
            The share, above 0 and at most 1.

        Returns
        -------
        halving : SuccessiveHalving
        """
        if share == 1:
            return self
        ascent = self._ascent()
        max_iter = min(
            ascent.max_iter, max(FEWEST_STEPS, round(share * ascent.max_iter))
        )
        return clone(self).set_params(
            ascent=ascent._shortened(min(ascent.max_iter, max_iter)),
            n_starts=max(FEWEST_STARTS, round(share * self.n_starts)),
            n_climbs=max(1, round(share * self.n_climbs)),
        )

    def _stages(self):
        """Return the stages of the race: how many starts climb for how many steps.

        Returns
        -------
        stages : list of tuple (n_contenders, n_steps)
        """
        n_contenders = min(self.n_climbs, self.n_starts - 1)
        max_iter = self._ascent().max_iter // FURTHER
        stages, n_done = [], 0
        while n_contenders and n_done < max_iter:
            n_halvings = int(np.ceil(np.log2(n_contenders)))
            until = max(n_done + 1, max_iter // LONGER**n_halvings)
            stages.append((n_contenders, until - n_done))
            n_done, n_contenders = until, max(1, n_contenders // 2)
        return stages

    def _n_steps(self):
        """Return the largest number of steps of all climbs together."""
        of_race = sum(
            n_contenders * n_steps for n_contenders, n_steps in self._stages()
        )
        return self._ascent().max_iter + of_race

    def _search(self, starts, screen, judge, climb, is_stopped, judge_again):
        """Search from many starts.

        Parameters
        ----------
        starts : iterable
            The starts.
        screen : callable
            Takes a start; returns an object with an attribute `value`, or None if it
            is out of the question.
        judge : callable
            Takes what a climb has led to; returns it with a `value` to compare it by.
        climb : callable
            Takes an optimizer and such an object; returns what it leads to.
        is_stopped : callable
            Returns whether to stop.
        judge_again : callable
            Takes one of the best few; returns it with a `value` to choose by.

        Returns
        -------
        best : object
            The best one met.
        """
        met = []
        for start in islice(starts, self.n_starts):
            contender = screen(start)
            if contender is not None:
                met.append(contender)
            if is_stopped():
                break
        # The first start climbs in any case: it is what others compare with.
        first, *others = met
        ascent = self._ascent()

        def climbed(contenders, n_steps):
            for contender in contenders:
                if not is_stopped():
                    yield judge(climb(ascent._shortened(n_steps), contender))

        if ascent.max_iter:
            met += climbed([first], ascent.max_iter)
        for n_contenders, n_steps in self._stages():
            others = [*climbed(_by_value(others)[:n_contenders], n_steps)]
            met += others
        if is_stopped():
            return max(met, key=_value)
        return max(map(judge_again, _by_value(met)[:N_FINALISTS]), key=_value)


def _value(contender):
    return contender.value


def _by_value(contenders):
    return sorted(contenders, key=_value, reverse=True)
