"""Successive halving: many starts are evaluated, few of them climb, one to the end.

Karnin, Koren and Somekh (2013), "Almost optimal exploration in multi-armed bandits",
ICML; Jamieson and Talwalkar (2016), "Non-stochastic best arm identification and
hyperparameter optimization", AISTATS.
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


class SuccessiveHalving(BaseEstimator):
    """Successive halving of many starts [1]_.

    For goals with many local maxima, such as errors. An attack evaluates its goal once
    at each of many starts: flipped clones of training rows, and such clones pushed to
    the border of the feasible set in many ways. The best few of them climb for some
    steps, the better half climbs for four times as many, and so on, until the last one
    climbs to the end. The result is never worse than any of the starts.

    Parameters
    ----------
    ascent : BaseOptimizer, default=None
        How starts climb. Its `max_iter` is the number of steps of the start that climbs
        to the end. It has a joint schedule and no restarts. None: `ProjectedAscent()`.
    n_starts : int, default=24
        Number of starts that are evaluated. With more of them the search takes longer.
    n_climbs : int, default=4
        Number of starts that climb.

    See Also
    --------
    ProjectedAscent : Climbs from a single start.

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

    def __init__(self, ascent=None, *, n_starts=24, n_climbs=4):
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

    def _stages(self):
        """Return how many starts climb for how many steps, until one is left.

        Returns
        -------
        stages : list of tuple (n_contenders, n_steps)
        """
        n_contenders, max_iter = (
            min(self.n_climbs, self.n_starts),
            self._ascent().max_iter,
        )
        stages, n_done = [], 0
        while n_done < max_iter:
            n_halvings = int(np.ceil(np.log2(n_contenders)))
            until = max(n_done + 1, max_iter // LONGER**n_halvings)
            stages.append((n_contenders, until - n_done))
            n_done, n_contenders = until, max(1, n_contenders // 2)
        return stages

    def _search(self, starts, screen, judge, climb, is_stopped):
        """Search from many starts.

        Parameters
        ----------
        starts : iterable
            The starts.
        screen : callable
            Takes a start; returns an object with an attribute `value`, by which it is
            chosen for a closer look, or None if it is out of the question.
        judge : callable
            Takes such an object; returns one with the value that counts.
        climb : callable
            Takes an optimizer and such an object; returns what it leads to.
        is_stopped : callable
            Returns whether to stop.

        Returns
        -------
        best : object
            The best one met.
        """
        screened = []
        for start in islice(starts, self.n_starts):
            contender = screen(start)
            if contender is not None:
                screened.append(contender)
            if is_stopped():
                break
        # The first start is looked at in any case: it is what others compare with.
        closer = [screened[0], *_by_value(screened[1:])[: 2 * self.n_climbs - 1]]
        contenders = _by_value(map(judge, closer))
        best, ascent = contenders[0], self._ascent()
        for n_contenders, n_steps in self._stages():
            contenders = contenders[:n_contenders]
            for i, contender in enumerate(contenders):
                if is_stopped():
                    return best
                contenders[i] = judge(climb(ascent._shortened(n_steps), contender))
                best = max(best, contenders[i], key=_value)
            contenders = _by_value(contenders)
        return best


def _value(contender):
    return contender.value


def _by_value(contenders):
    return sorted(contenders, key=_value, reverse=True)
