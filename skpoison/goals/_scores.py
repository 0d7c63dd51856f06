"""Goal that is linear in the scores of validation rows."""

from dataclasses import dataclass

import numpy as np

from skpoison.bilevel.goals import Measure, OnRows
from skpoison.goals._base import BaseGoal
from skpoison.utils._texts import shown


@dataclass(frozen=True)
class LinearScores(Measure):
    """The mean over rows of weighted scores.

    Parameters
    ----------
    weights : ndarray of shape (n_rows, n_outputs)
        The weight of each score.
    """

    weights: np.ndarray

    def of_rows(self, scores):
        """Compute the weighted score of each row, whose mean is the goal."""
        return (self.weights * scores).sum(axis=1)

    def values(self, scores):
        """Compute the goal for many scores at once."""
        return (self.weights[:, np.newaxis] * scores).sum(axis=2).mean(axis=0)

    def gradient(self, scores):
        """Compute the gradient of the goal in the scores."""
        return self.weights / scores.shape[0]


class WeightedScores(BaseGoal):
    r"""The victim shall give some rows high scores, and others low ones.

    With scores :math:`f(x_j)` and weights :math:`w_j`, one for each validation row, the
    attacker maximises

    .. math::

        A = \frac1m \sum_j w_j f(x_j) .

    Weights of opposite signs for two groups of people drive them apart: that is the
    covariance of group and score in [1]_, and what [2]_ sets out to do. Weights of one
    group alone, of the sign opposite to that of its labels, harm this group and leave
    it open what becomes of the others.

    Parameters
    ----------
    weights : callable or array-like of shape (n_val,) or (n_val, n_classes)
        The weight of each row. For two classes it is that of the score of the second
        one, which `decision_function` returns; for responses that of the prediction.
        For more classes there is a column for the score of each. A callable is called
        as ``weights(X, y)`` with validation rows, as numbers, and their labels or
        responses. An array has a weight for each row of the `X_val` that must then be
        given to `fit_resample`.

    See Also
    --------
    TargetLabels : Errors on certain rows, which are bounded.
    skpoison.model_selection.subpopulation_scorer : The damage to a group and beside it.

    Notes
    -----
    Scores have no bound: the goal also grows if all of them do, without another
    decision. Where decisions count, and both groups need not be treated differently,
    take an error instead.

    References
    ----------
    .. [1] N. Mehrabi, M. Naveed, F. Morstatter, A. Galstyan, "Exacerbating algorithmic
       bias through fairness attacks", AAAI 2021.
    .. [2] D. Solans, B. Biggio, C. Castillo, "Poisoning attacks on algorithmic
       fairness", ECML PKDD 2020.

    Examples
    --------
    The first column says who belongs to a group, the other one decides. With some
    labels changed, the group becomes a reason for a refusal:

    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skpoison.attacks import GreedyLabelFlip
    >>> from skpoison.goals import WeightedScores
    >>> rng = np.random.RandomState(0)
    >>> group, merit = np.arange(200) % 2, rng.normal(size=200)
    >>> X = np.column_stack([group, merit])
    >>> y = (merit + 0.5 * rng.normal(size=200) > 0).astype(int)
    >>> goal = WeightedScores(lambda X, y: np.where(X[:, 0] == 1, -1, 1))
    >>> attack = GreedyLabelFlip(LogisticRegression(), 0.2, goal=goal, random_state=0)
    >>> for rows in ((X, y), attack.fit_resample(X, y)):
    ...     accepted = LogisticRegression().fit(*rows).predict(X)
    ...     print(np.array([accepted[group == i].mean() for i in (0, 1)]).round(2))
    [0.45 0.53]
    [0.61 0.35]
    """

    kind = "errors"
    _parameter_constraints: dict = {"weights": ["array-like", callable]}

    def __init__(self, weights):
        self.weights = weights

    @property
    def requires_given_rows(self):
        """Return whether `X_val` must be given: the rows that an array belongs to."""
        return not callable(self.weights)

    def measure_rows(self, X_val, y_val, classes):
        """Return the goal as a function of the scores of validation rows.

        Parameters
        ----------
        X_val : {ndarray, csr matrix, dataframe} of shape (n_val, n_features)
            The validation rows.
        y_val : ndarray of shape (n_val,)
            Their labels, as positions among the classes, or their responses.
        classes : ndarray of shape (n_classes,) or None
            The class labels; None for responses.

        Returns
        -------
        measure : LinearScores

        Raises
        ------
        ValueError
            If `weights` does not hold, or return, a finite number for each score.
        """
        weights, returned = self.weights, "hold"
        if callable(weights):
            labels = y_val if classes is None else classes[y_val]
            weights, returned = weights(X_val, labels), "return"
        try:
            found = np.asarray(weights, dtype=float)
        except (TypeError, ValueError):
            found = np.full(1, np.nan)
        n_val = y_val.shape[0]
        n_outputs = 1 if classes is None or len(classes) == 2 else len(classes)
        is_one_each = n_outputs == 1 and found.shape == (n_val,)
        if not (is_one_each or found.shape == (n_val, n_outputs)) or not (
            np.isfinite(found).all()
        ):
            each = f", {n_outputs} columns of them" if n_outputs > 1 else ""
            raise ValueError(
                f"`weights` of WeightedScores must {returned} a finite number for each "
                f"of the {n_val} validation rows{each}; got {shown(weights)}."
            )
        return LinearScores(found.reshape(n_val, n_outputs))

    def resolve(self, context):
        """Translate the goal into a function of the learnt parameters.

        Parameters
        ----------
        context : GoalContext
            The surrogate and the validation rows.

        Returns
        -------
        goal : OnRows
        """
        rows = context.X_val, context.y_val
        return OnRows(context.X_val, self.measure_rows(*rows, context.classes))
