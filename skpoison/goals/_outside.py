"""Goals from outside the package, as the package sees them."""

from dataclasses import dataclass, replace

import numpy as np

from skpoison.bilevel.goals import Goal, Measure, OnRows, WeightGoal
from skpoison.utils._texts import shown

# Larger numbers may lead to infinity minus infinity.
OVERFLOW = 1e50


@dataclass(frozen=True)
class OutsideGoal(WeightGoal):
    """A goal of which only `at` is known.

    Parameters
    ----------
    goal : BaseGoal
        The goal.
    resolved : object
        What the `resolve` of the goal has returned.
    """

    goal: object
    resolved: object

    def at(self, learner, W):
        """Compute the goal and its gradient in the weights."""
        found = self.resolved.at(learner, W)
        check_numbers(self.goal, "at", found, W)
        return found


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
        value = self.measure.value(scores)
        if np.ndim(value) != 0:
            raise TypeError(
                f"`value` of {type(self.measure).__name__} must return a number; got "
                f"{shown(value)}."
            )
        check_numbers(self.measure, "value", (value,), scores)
        return value

    def values(self, scores):
        """Compute the goal for many scores at once."""
        each = range(scores.shape[1])
        return np.array([self.value(scores[:, i]) for i in each])

    def gradient(self, scores):
        """Compute the gradient of the goal in the scores."""
        gradient = self.measure.gradient(scores)
        if np.shape(gradient) != scores.shape:
            raise TypeError(
                f"`gradient` of {type(self.measure).__name__} must return an array of "
                f"the shape of the scores, {scores.shape}; got {shown(gradient)}."
            )
        check_numbers(self.measure, "gradient", (gradient,), scores)
        return gradient


def check_numbers(owner, method, found, given):
    """Raise if NaN comes of finite numbers.

    Parameters
    ----------
    owner : object
        The object that the method belongs to.
    method : str
        The method.
    found : tuple of float or ndarray
        What it has returned.
    given : ndarray
        What it was given: weights, or scores.

    Raises
    ------
    ValueError
        If there is NaN in what it has returned, although what it was given is far from
        overflow.
    """
    if not any(np.isnan(part).any() for part in found):
        return
    if (np.abs(given) < OVERFLOW).all():
        raise ValueError(
            f"`{method}` of {type(owner).__name__} must return numbers; got NaN for an "
            "argument without any."
        )


def as_known_measure(goal, measure):
    """Return the measure of a goal with all methods that the package asks for.

    Parameters
    ----------
    goal : BaseGoal
        The goal.
    measure : object or None
        What its `measure` has returned.

    Returns
    -------
    measure : Measure or None
        The same object if it has them.

    Raises
    ------
    TypeError
        If it has no method `value`.
    """
    if measure is None or isinstance(measure, Measure):
        return measure
    if not callable(getattr(measure, "value", None)):
        raise TypeError(
            f"`measure` of {type(goal).__name__} must return None or an object with a "
            f"method value(scores); got {shown(measure)}."
        )
    return OutsideMeasure(measure)


def as_known_goal(goal, resolved):
    """Return a resolved goal with all methods that the package asks for.

    Parameters
    ----------
    goal : BaseGoal
        The goal.
    resolved : object
        What the `resolve` of a goal has returned.

    Returns
    -------
    goal : Goal
        The same object if it has them.
    """
    if not isinstance(resolved, Goal):
        return OutsideGoal(goal, resolved)
    if isinstance(resolved, OnRows) and not isinstance(resolved.measure, Measure):
        return replace(resolved, measure=OutsideMeasure(resolved.measure))
    return resolved
