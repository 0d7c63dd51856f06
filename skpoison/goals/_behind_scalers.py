"""Custom goals behind scalers, which are fitted on poison rows too."""

from dataclasses import dataclass, replace

import numpy as np

from skpoison.bilevel.goals import WeightGoal
from skpoison.bilevel.learners.columns import ColumnGradient
from skpoison.goals._base import BaseGoal, GoalContext
from skpoison.goals._outside import check_numbers

# Step of central differences, relative to the size of a column.
STEP = np.cbrt(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class BehindScalers(WeightGoal):
    """A goal that is resolved anew for the validation rows of each fit of the scalers.

    For goals whose `resolve` returns an object that does not say how it depends on
    validation rows. Central differences do: two evaluations for the shift and two for
    the scale of each column.

    Parameters
    ----------
    goal : BaseGoal
        The goal.
    context : GoalContext
        What it is resolved with.
    clipped : tuple of ndarray of shape (n_val, n_features) of bool, default=None
        Where a scaler has clipped the validation rows from below and from above.
    """

    goal: BaseGoal
    context: GoalContext
    clipped: tuple | None = None

    def scaled(self, scaling):
        """Return the goal on scaled validation rows."""
        X_val, clipped = scaling.transform_new(self.context.X_val)
        context = replace(self.context, X_val=X_val)
        return replace(self, context=context, clipped=clipped)

    def at(self, learner, W):
        """Compute the goal and its gradient in the weights."""
        found = self.goal.resolve(self.context).at(learner, W)
        check_numbers(self.goal, "at", found, W)
        return found

    def at_with_columns(self, learner, W):
        """Compute the goal and its gradients in the weights and in columns."""
        X = self.context.X_val
        is_dense = isinstance(X, np.ndarray)
        dense = X if is_dense else X.toarray()

        def derivative(j, direction):
            h = (
                STEP
                * max(1, np.abs(dense[:, j]).max())
                / (np.abs(direction).max() or 1)
            )
            values = []
            for step in (h, -h):
                moved = dense.copy()
                moved[:, j] += step * direction
                moved = moved if is_dense else type(X)(moved)
                context = replace(self.context, X_val=moved)
                values.append(self.goal.resolve(context).at(learner, W)[0])
            return (values[0] - values[1]) / (2 * h)

        columns = range(X.shape[1])
        ends = [0.0, 0.0]
        if self.clipped is not None:
            ends = [
                np.array([derivative(j, 1.0 * mask[:, j]) for j in columns])
                for mask in self.clipped
            ]
        gradient = ColumnGradient(
            np.array([derivative(j, np.ones(X.shape[0])) for j in columns]),
            np.array([derivative(j, dense[:, j]) for j in columns]),
            *ends,
        )
        return *self.at(learner, W), gradient
