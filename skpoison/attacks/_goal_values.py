"""Values of a goal for many weights at once."""

import numpy as np


def goal_values(goal, learner, W):
    """Compute a goal for each of many weights.

    Parameters
    ----------
    goal : OnRows or another goal
        The goal.
    learner : LinearLearner
        The learner.
    W : ndarray of shape (n_many, n_parameters, n_outputs)
        The weights; NaN if there are none.

    Returns
    -------
    values : ndarray of shape (n_many,)
        The goal; -inf if there are no weights.
    """
    values = np.full(W.shape[0], -np.inf)
    known = np.flatnonzero(np.isfinite(W).all(axis=(1, 2)))
    if goal.kind == "scores":
        # One product of matrices gives the scores for all weights.
        beside = np.moveaxis(W[known], 0, 1).reshape(W.shape[1], -1)
        scores = learner.scores(goal.X, beside)
        scores = scores.reshape(scores.shape[0], known.shape[0], W.shape[2])
        values[known] = goal.measure.values(scores)
    else:
        values[known] = [goal.at(learner, W[i])[0] for i in known]
    return values
