"""Errors that are smoothed less."""

from sklearn.base import clone

from skpoison.goals import ErrorGeneric, ErrorSpecific


def sharper(goal, classes, sharpness):
    """Return a goal whose error is smoothed less, if that is left to the attack.

    Parameters
    ----------
    goal : BaseGoal
        The goal.
    classes : ndarray of shape (n_classes,) or None
        The class labels; None for responses.
    sharpness : float
        How sharp the error is to be.

    Returns
    -------
    goal : BaseGoal
    """
    is_smoothed = isinstance(goal, ErrorGeneric | ErrorSpecific)
    if not is_smoothed or classes is None or goal.loss != "error":
        return goal
    if goal.sharpness is not None:
        return goal
    return clone(goal).set_params(sharpness=sharpness)
