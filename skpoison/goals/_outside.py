"""Goals from outside the package, as the package sees them."""

from dataclasses import dataclass, replace

import numpy as np

from skpoison.bilevel.goals import Goal, Measure, OnRows, WeightGoal


@dataclass(frozen=True)
class OutsideGoal(WeightGoal):
    """A goal of which only `at` is known.

    Parameters
    ----------
    resolved : object
        What the `resolve` of the goal has returned.
    """

    resolved: object

    def at(self, learner, W):
        """Compute the goal and its gradient in the weights."""
        return self.resolved.at(learner, W)


@dataclass(frozen=True)
class OutsideMeasure(Measure):
    """A function of scores of which only `value` and `gradient` are known.

    Parameters
    ----------
    measure : object
        The function.
    """

    measure: object

    def value(self, scores):
        """Compute the goal."""
        return self.measure.value(scores)

    def values(self, scores):
        """Compute the goal for many scores at once."""
        each = range(scores.shape[1])
        return np.array([self.measure.value(scores[:, i]) for i in each])

    def gradient(self, scores):
        """Compute the gradient of the goal in the scores."""
        return self.measure.gradient(scores)


def as_known_goal(resolved):
    """Return a resolved goal with all methods that the package asks for.

    Parameters
    ----------
    resolved : object
        What the `resolve` of a goal has returned.

    Returns
    -------
    goal : Goal
        The same object if it has them.
    """
    if not isinstance(resolved, Goal):
        return OutsideGoal(resolved)
    if isinstance(resolved, OnRows) and not isinstance(resolved.measure, Measure):
        return replace(resolved, measure=OutsideMeasure(resolved.measure))
    return resolved
