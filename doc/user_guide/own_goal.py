"""A custom goal: high predictions."""

import numpy as np

from skpoison.bilevel.goals import OnRows
from skpoison.goals import BaseGoal


class MeanScore:
    """The mean of the scores of validation rows."""

    def value(self, scores):
        """Return the value of the goal."""
        return scores.mean()

    def gradient(self, scores):
        """Return its gradient in the scores."""
        return np.full(scores.shape, 1 / scores.size)


class HighPredictions(BaseGoal):
    """The victim shall predict high responses for the validation rows."""

    kind = "errors"

    def resolve(self, context):
        """Return the goal as a function of the learnt parameters."""
        return OnRows(context.X_val, MeanScore())
