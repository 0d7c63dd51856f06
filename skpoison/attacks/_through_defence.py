"""The goal of an attacker who knows the defence.

The defence judges the whole training set, as it will do at the victim. The learner
behind it is then trained on the rows believed, without those of a fold of the
validation data at a time, on which the goal is measured. A defence that does not only
choose rows is fitted as a whole on each fold instead.

How a verdict changes as a row moves is not differentiated: attacks climb by the
gradient of the learner on the rows believed, and choose through the defence.
"""

from dataclasses import dataclass, replace

import numpy as np

from skpoison.attacks._defended import Belief
from skpoison.attacks._problem import BilevelProblem
from skpoison.attacks._sharper_error import sharper
from skpoison.goals._errors import BaseErrorGoal
from skpoison.surrogates import as_training_problem
from skpoison.surrogates._scalers import split_scalers
from skpoison.utils._containers import is_frame, is_text, take_rows
from skpoison.utils._warnings import collect_warnings

# Sharpness of the error by which training sets are compared.
JUDGED = 16.0


@dataclass(frozen=True)
class Judged:
    """A training set through the eyes of a defence.

    Parameters
    ----------
    value : float
        The goal of the attacker; -inf if the defence or the learner cannot be fitted.
    belief : Belief or None
        What the defence believes; None if it cannot be fitted.
    """

    value: float
    belief: Belief | None


class DefendedGoal:
    """The goal of an attacker through a defence.

    Parameters
    ----------
    defended : Defended
        The surrogate.
    known : Known
        What the attacker knows.
    folds : list of Fold
        The validation rows, and the rows to learn from.
    hypergradient : str or Unrolled, default="auto"
        How the learner is trained.
    """

    def __init__(self, defended, known, folds, hypergradient="auto"):
        # A smoothed error gains by what only makes the victim unsure.
        known = replace(known, goal=sharper(known.goal, known.classes, JUDGED))
        self.defended, self.known, self.folds = defended, known, folds
        self.hypergradient = hypergradient
        self.by_fits = not (defended.chooses_rows and self._is_differentiable())
        goal = known.goal
        if not self.by_fits or (
            isinstance(goal, BaseErrorGoal) and goal.loss == "error"
        ):
            return
        raise ValueError(
            "`goal` must be one on errors with loss='error', such as 'error-generic', "
            "for a surrogate that is a defence other than a row filter, or around an "
            f"estimator whose training cannot be differentiated; got {goal!r} with "
            f"{defended.surrogate!r}."
        )

    def _is_differentiable(self):
        """Return whether the learner behind the defence can be trained here."""
        X, classes = self.known.X, self.known.classes
        if is_frame(X) or is_text(X):
            return False
        try:
            learner = split_scalers(self.defended.learner)[1]
            as_training_problem(learner, None if classes is None else classes.shape[0])
        except TypeError:
            return False
        return True

    def judge(self, given):
        """Compute the goal after an attack.

        Parameters
        ----------
        given : TrainingSet
            The training set.

        Returns
        -------
        judged : Judged
        """
        # What is tried out here is not what the victim fits, nor do warnings about it
        # concern the user.
        with collect_warnings():
            belief = self.believe(given)
            if belief is None:
                return Judged(-np.inf, None)
            of_fold = self._fitted if self.by_fits else self._believed
            try:
                values = [of_fold(fold, given, belief) for fold in self.folds]
            except ValueError:  # a class is lost, or the fit overflows
                return Judged(-np.inf, belief)
        value = float(np.mean(values))
        return Judged(value if np.isfinite(value) else -np.inf, belief)

    def believe(self, given):
        """Return what the defence believes.

        Parameters
        ----------
        given : TrainingSet
            The training set.

        Returns
        -------
        belief : Belief or None
            None if the defence cannot be fitted.
        """
        classes = self.known.classes
        y = given.codes if classes is None else classes[given.codes]
        try:
            weights, believed = self.defended.believe(given.X, y, given.trusted)
        except ValueError:
            return None
        codes = believed if classes is None else np.searchsorted(classes, believed)
        return Belief(weights, codes, (weights == 1) & (codes == given.codes))

    def _split(self, fold, given):
        """Return the rows to learn from, and those to validate on, of a fold."""
        is_made = given.origins < 0
        learnt = is_made | np.isin(given.origins, fold.train)
        if fold.X is None:
            return learnt, None
        if fold.rows is None:
            return learnt, np.arange(len(fold.y))
        # A row that is modified is no longer a clean validation row; one that is
        # deleted still is.
        modified = given.X.shape[0] == self.known.codes.shape[0] and is_made.any()
        kept = np.isin(fold.rows, given.origins) | (not modified)
        return learnt, np.flatnonzero(kept)

    def _believed(self, fold, given, belief):
        """Compute the goal of the learner that is trained on the rows believed."""
        known, learner = self.known, self.defended.learner
        learnt, valid = self._split(fold, given)
        original = given.origins >= 0
        # The rows learnt from stand for all rows, and those the attacker has made for
        # themselves.
        share = original.sum() / max((learnt & original).sum(), 1)
        share *= known.n_samples / known.codes.shape[0]
        rows = np.flatnonzero(learnt & (belief.weights > 0))
        multiplicity = np.where(original, share, 1.0)[rows]
        problem = BilevelProblem(
            learner,
            known.goal,
            take_rows(given.X, rows),
            belief.codes[rows],
            classes=known.classes,
            X_val=None if valid is None else fold.X[valid],
            y_val=None if valid is None else fold.y[valid],
            # Scalers before the defence see the rows that it drops.
            X_scaler=given.X if self.defended.steps else None,
            feature_names=known.feature_names,
            weight=share,
            hypergradient=self.hypergradient,
        )
        if self.defended.steps:
            X, goal = problem.X_scaled, problem.resolved_goal
        else:
            _, goal, scaling = problem.rescaled(multiplicity)
            X = problem.X if scaling is None else scaling.transform(problem.X)
        trained_on = problem.training_problem.rows(
            X,
            problem.codes,
            sample_weight=belief.weights[rows],
            classes=known.classes,
            multiplicity=multiplicity,
        )
        return problem.evaluate(trained_on, slice(0, 1), goal=goal)[0]

    def _fitted(self, fold, given, belief):
        """Compute the error of the whole surrogate, fitted on a fold.

        Of the rows that the attacker has made as large a share is taken as of the
        others.
        """
        known = self.known
        learnt, valid = self._split(fold, given)
        original = given.origins >= 0
        made = np.flatnonzero(~original)
        share = (learnt & original).sum() / max(original.sum(), 1)
        places = np.linspace(0, made.size, round(share * made.size), endpoint=False)
        taken = made[places.astype(int)]
        learnt[~original] = False
        learnt[taken] = True
        rows = np.flatnonzero(learnt)
        X_val, y_val = take_rows(fold.X, valid), fold.y[valid]
        wanted, sign = known.goal._wanted(y_val, known.classes)
        y = given.codes[rows]
        if known.classes is not None:
            y, wanted = known.classes[y], known.classes[wanted]
        predict = self.defended.fit(take_rows(given.X, rows), y, given.trusted[rows])
        predicted = predict(X_val)
        if known.classes is not None:
            return sign * float((predicted != wanted).mean())
        return sign * float(((predicted - wanted) ** 2).mean() / 2)
